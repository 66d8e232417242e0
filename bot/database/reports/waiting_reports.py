"""How many reports wait for a decision in each server."""

from __future__ import annotations

from dataclasses import dataclass

from bot.database.query import Query


@dataclass(frozen=True)
class WaitingReports:
    """How many reports wait in a server (EVERYWHERE: for operators): open ones, appealed ones, and from when on.

    Of the open ones, `hidden` keep their pictures out of sight. Operators see those that are `shared`. `oldest` is the
    unix ms at which the oldest was made.
    """

    server_id: int
    open: int
    hidden: int
    appealed: int
    shared: int
    oldest: int


# The operators' first.
WAITING_BY_SERVER = Query(
    WaitingReports,
    """
    SELECT server_id, sum(state = 'open') AS open, sum(state = 'open' AND hides = 1) AS hidden,
        sum(state = 'appealed') AS appealed, sum(shared) AS shared, min(created_at) AS oldest
    FROM report WHERE state <> 'decided' GROUP BY server_id ORDER BY server_id LIMIT 1000
    """,
)
