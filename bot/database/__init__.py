"""What must survive a restart: one SQLite file, numbered migrations, one module of queries per noun."""
