"""The LoRA files and checkpoints that are here, and what is known of them.

catalogue.py               synchronises the database with the LoRA folder, finds entries by typed names, files by hash
watcher.py                 watches the folder while the bot runs
registry.py                what is asked of a public registry about files of unknown base model
checkpoints.py             the declared checkpoints, identified by their hashes
installed_checkpoints.py   the identified checkpoints as one value: which there are, and which LoRAs fit them
fitting.py                 how many LoRAs fit each checkpoint, for `doctor`
configuration.py           the settings and checkpoints that hold now; a reload replaces them
"""
