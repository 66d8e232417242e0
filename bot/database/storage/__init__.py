"""The database file: its schema, copies and damage.

migrate.py             creates the tables, and brings an older database to the newest schema
lock.py                one program per database
integrity.py           whether the file is intact, and still the one that is open
backup.py              copies of the database, and putting one back
wal.py                 detects a damaged write-ahead log
record_of_removals.py  the record beside the database of what a restored copy must not bring back
pseudonyms.py          keyed hashes in the place of people's ids
"""
