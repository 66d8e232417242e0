"""The database file: schema, migrations, lock, backups.

schema.sql             the tables of the first release
migrations/            later changes of the schema, `NNNN_what.sql`
schema.py              the schema of this version, and whether a database has it
preparation.py         prepares the file for a program that writes
migrate.py             creates the tables, and updates an older database to the newest schema
lock.py                one program per database
integrity.py           whether the file is intact, and still the one that is open
backup.py              copies of the database, and restoring one
wal.py                 detects a damaged write-ahead log
record_of_removals.py  a record beside the database of everything that a restored copy must not bring back
pseudonyms.py          keyed hashes that replace ids of people
"""
