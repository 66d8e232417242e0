"""Bookmarks and stacks of a person.

bookmarks.py      the list of a person's bookmarks, and one bookmark
bookmark_file.py  export and import of bookmarks
stacks.py         the list of a person's stacks
stack_draft.py    requests with a stack by name
"""
