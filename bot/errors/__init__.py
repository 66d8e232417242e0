"""What a person can do wrong on Discord besides asking for something that cannot be generated, by subject.

The docstring of an error is the sentence that people read; `inference.errors` says how.

rights.py     who may do what where, and with what
blocks.py     blocked people and LoRAs, and mistakes of staff when they block
limits.py     requests beyond a limit, and limits that staff cannot set
ratings.py    ratings above those that a place shows
words.py      words that are not allowed, and the lists that staff make of them
servers.py    mistakes in the settings of a server, besides limits and words
decisions.py  mistakes in decisions of staff and operators
reports.py    reports and appeals
pictures.py   pictures that are not accepted, or were reported or taken down
gallery.py    publishing pictures, and posting in channels
jobs.py       requests that cannot be carried out as they are
bookmarks.py  bookmark files and stacks
missing.py    things that do not exist, or no longer exist

An error that only one module raises may stand in that module. Errors of hubs are in `bot.sources.errors`.
"""
