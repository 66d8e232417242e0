"""Discord and the database. Never imports torch."""
