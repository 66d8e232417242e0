"""Changes of the schema since the first release, `NNNN_what.sql`; see `bot.database.storage.schema`."""
