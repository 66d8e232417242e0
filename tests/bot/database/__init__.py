"""The database, tested with real SQLite files."""
