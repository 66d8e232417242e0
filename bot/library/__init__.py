"""The LoRA files and checkpoints that are here, and what is known of them.

catalogue.py     brings the database in step with the LoRA folder, and finds in it what a person means
keeper.py        does so while the bot runs
registry.py      asks a public registry about files of unknown base model, by hash alone
checkpoints.py   the declared checkpoints, identified by their hashes
"""
