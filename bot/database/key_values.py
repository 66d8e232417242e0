"""Small values that the program keeps between two starts, by key."""

from __future__ import annotations

from bot.database.query import Query, SqlStatement

INSTALLATION = "installation"  # key of the random id of the database, which `schema.sql` stores

REMEMBER_VALUE = SqlStatement(
    "INSERT INTO memo (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)
RECALL_VALUE = Query(str, "SELECT value FROM memo WHERE key = ?")
FORGET_VALUE = SqlStatement("DELETE FROM memo WHERE key = ?")
