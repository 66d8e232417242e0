"""The numbered steps of the schema, `NNNN_what.sql`; see `bot.database.migrate`. A released step is never edited."""
