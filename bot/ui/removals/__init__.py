"""Removes pictures and messages in Discord, and notifies their owners.

pictures.py         deletes pictures for their owners, and removes them for staff
takedown_cases.py   removes the pictures of a takedown that an operator has confirmed
erased_messages.py  deletes the messages of a user who deleted all their data
phrase_notices.py   notifies members of decisions about phrases
"""
