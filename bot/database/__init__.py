"""The database: one SQLite file that survives restarts, its schema, and one module of queries per noun.

database.py            `Database`: opens the file; reading, writing and transactions on shared connections
query.py               `Query` and `SqlStatement`: SQL constants with the type of their rows
schema.sql             the tables of the first release
migrations/            later changes of the schema, `NNNN_what.sql`
errors.py              what can be wrong with the database
clock.py               the time as rows hold it

key_values.py          small values that the program keeps between two starts


trends.py              how often and how lately, as one number

search.py              what was typed, as full text queries
dictionary.py          finds words that are one typo away
storage/    the database file: its schema, copies and damage
people/     rows about people: defaults, drafts and blocks
jobs/       jobs, what they cost, and the messages that show them
servers/    what staff of a server have set, and who changed it
pictures/   pictures: files, hashes and decisions about them
privacy/    deletion and removal: by owners, staff, operators and age
reports/    reports, the decisions about them, and appeals
gallery/    published pictures of servers
loras/      the catalogue of LoRAs: reading, writing and searching it
additions/  loRAs that people add from hubs
bookmarks/  bookmarks and stacks of people
"""
