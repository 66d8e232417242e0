"""Removes messages and pictures in Discord, and tells people about it.

pictures.py         deletes pictures for their owner, and takes them down for staff
erased_messages.py  deletes the messages of a person who has all deleted
takedown_cases.py   removes the pictures of a takedown that an operator has confirmed
phrase_notices.py   notifies members of decisions about phrases
"""
