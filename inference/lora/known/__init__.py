"""Known base models.

known_bases.py     published base models by hash and id; installed.py for those that are installed
first_releases.py  the months in which base models were first published
installed.py       ??The hashes of installed checkpoints, as LoRAs record them: by these a LoRA of a private checkpoint is recognised
registry.py        what a public registry of models says
"""
