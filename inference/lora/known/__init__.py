"""Known base models.

known_bases.py     published base models by hash and id
first_releases.py  the months in which base models were first published
installed.py       hashes of installed checkpoints, as LoRAs record them
registry.py        what a public registry of models says
"""
