"""Pictures, without Discord and without the database."""
