"""Bookmarks and stacks of people.

bookmarks.py  bookmarks with their notes
transfer.py   exports and imports all bookmarks of a person
stacks.py     named sets of LoRA uses
"""
