"""Numbers of reports that wait for a decision, by server."""

from __future__ import annotations

from dataclasses import dataclass

from bot.database.query import Query


@dataclass(frozen=True)
class WaitingReports:
    """Numbers of waiting reports in a server. If `server_id` is EVERYWHERE, operators decide on them.

    A report is either `open` or `appealed`. `hidden` counts the open reports that hide the pictures, and `shared` the
    reports that operators can see too. `oldest` is the time of the oldest report, in unix ms.
    """

    server_id: int
    open: int
    hidden: int
    appealed: int
    shared: int
    oldest: int


# The reports for operators come first, because EVERYWHERE is 0.
WAITING_BY_SERVER = Query(
    WaitingReports,
    """
    SELECT server_id, sum(state = 'open') AS open, sum(state = 'open' AND hides = 1) AS hidden,
        sum(state = 'appealed') AS appealed, sum(shared) AS shared, min(created_at) AS oldest
    FROM report WHERE state <> 'decided' GROUP BY server_id ORDER BY server_id LIMIT 1000
    """,
)
