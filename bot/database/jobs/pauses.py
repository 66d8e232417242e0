"""Servers whose jobs are not started, because staff or an operator has paused them."""

from __future__ import annotations

from bot.database.query import Query, SqlStatement

# Server 0 stands for all servers.
PAUSE_SERVER = SqlStatement(
    "INSERT INTO pause (server_id, person_id, created_at) VALUES (:server, :person, :now) ON CONFLICT DO NOTHING"
)
UNPAUSE_SERVER = SqlStatement("DELETE FROM pause WHERE server_id = ?")
PAUSED_SERVERS = Query(int, "SELECT server_id FROM pause")
