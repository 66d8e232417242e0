"""What a person can do wrong on Discord besides asking for something that cannot be painted, by subject.

The docstring of an error is the sentence that people read; `inference.errors` says how.

rights.py           who may do what where, and with what
blocks.py           people and LoRAs that are blocked, and what staff get wrong when they block
limits.py           what is beyond a limit, and what staff cannot set as one
ratings.py          what is rated above what a place shows
words.py            words that are not allowed, and the lists that staff make of them
decisions.py        what staff and operators decide: each with a reason, and each once
reports.py          reports and appeals
pictures.py         pictures that are not accepted, or were reported or taken down
bookmarks.py        bookmark files and stacks
missing.py          what is not there, or not any more

What one module alone raises may stand there too; what hubs answer is in `bot.sources.errors`.
"""
