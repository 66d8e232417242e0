"""The database: one SQLite file, its schema, and queries by subject.

Every function that takes a `Database` can raise DatabaseError, also if its docstring names no error.

database.py    `Database`: opens the file; reads, writes and transactions on shared connections
query.py       `Query` and `SqlStatement`: SQL constants with the type of their rows
errors.py      errors of the database
clock.py       the time as rows store it
key_values.py  small values that survive a restart
search.py      typed text as full text queries
dictionary.py  finds words that are one typo away
trends.py      frequency and recency as one number

storage/       the database file: schema, migrations, lock, backups
people/        settings, drafts and blocks of people
jobs/          jobs, their cost, and the messages that show them
pictures/      picture files, hashes and verdicts
bookmarks/     bookmarks and stacks
loras/         the catalogue of LoRAs: reads, writes and searches it
additions/     LoRAs that users add from hubs
gallery/       pictures that users publish in a server
reports/       reports, decisions and appeals
servers/       settings of a server, and its audit log
privacy/       deletion and removal: by owners, staff, operators and age
"""
