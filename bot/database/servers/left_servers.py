"""Servers that removed the bot: since when, and forgetting them. People keep what they had painted there."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.query import Query, SqlStatement


@dataclass(frozen=True)
class LeftServer:
    """A server that removed the bot at `left_at` (unix ms)."""

    id: int
    left_at: int


# The bot is a member of these servers, or is one again.
NOTE_HERE = SqlStatement("""
    INSERT INTO server (id, created_at) SELECT value, :now FROM json_each(:ids) WHERE true
    ON CONFLICT (id) DO UPDATE SET left_at = NULL WHERE left_at IS NOT NULL
""")
NOTE_LEFT = SqlStatement("""
    INSERT INTO server (id, created_at, left_at) VALUES (:server, :now, :now)
    ON CONFLICT (id) DO UPDATE SET left_at = excluded.left_at WHERE left_at IS NULL
""")
# Once at a start; there are as many rows as servers.
NOTE_MISSING = SqlStatement("""
    UPDATE server SET left_at = :now
    WHERE left_at IS NULL AND id > 0 AND id NOT IN (SELECT value FROM json_each(:ids))
""")
SERVERS_LEFT = Query(LeftServer, "SELECT id, left_at FROM server WHERE left_at < :before ORDER BY left_at LIMIT :limit")
HAS_LEFT = Query(bool, "SELECT EXISTS (SELECT 1 FROM server WHERE id = ? AND left_at IS NOT NULL)")
# A report that a picture looks like a minor is decided even if the bot left. If operators have an open report
# about the same pictures, that report takes over complaints and copies. Otherwise the operators take over the report.
_BOTH = """
    report AS ours JOIN report AS theirs USING (kind, target_id)
    WHERE ours.server_id = :server AND ours.state <> 'decided' AND ours.state = 'open' AND ours.lasting = 1
    AND theirs.server_id = 0 AND theirs.state = 'open'
"""
HAND_OVER_COMPLAINTS = f"""
    INSERT INTO report_by (report_id, person_id, reason, note, created_at, hides)
    SELECT both.theirs, person_id, reason, note, created_at, hides
    FROM (SELECT ours.id AS ours, theirs.id AS theirs FROM {_BOTH}) AS both JOIN report_by ON report_id = both.ours
    WHERE true ON CONFLICT (report_id, person_id) DO UPDATE SET reason = excluded.reason, note = excluded.note
    WHERE excluded.reason = 'sexual_and_looks_like_a_minor'
"""  # noqa: S608 - constants only
HAND_OVER_COPIES = f"""
    INSERT INTO held_copy (job_id, report_id)
    SELECT job_id, both.theirs
    FROM (SELECT ours.id AS ours, theirs.id AS theirs FROM {_BOTH}) AS both JOIN held_copy ON report_id = both.ours
    WHERE true ON CONFLICT DO NOTHING
"""  # noqa: S608 - constants only
HAND_OVER_LASTING = f"""
    UPDATE report SET lasting = 1, hides = max(report.hides, both.hides), message_due = 1, revision = revision + 1
    FROM (SELECT theirs.id AS theirs, ours.hides AS hides FROM {_BOTH}) AS both WHERE report.id = both.theirs
"""  # noqa: S608 - constants only
FORGET_REMINDERS = """
    DELETE FROM report_reminder WHERE report_id IN (
        SELECT id FROM report WHERE server_id = :server AND state <> 'decided' AND state = 'open' AND lasting = 1
    )
"""  # a new letter tells operators that they decide now
HAND_OVER = """
    UPDATE OR IGNORE report SET server_id = 0, shared = 1, channel_id = NULL, message_id = NULL, posting_at = NULL,
        painted_in = NULL, revision = revision + 1
    WHERE server_id = :server AND state <> 'decided' AND state = 'open' AND lasting = 1
"""
# A decision makes verdicts of these hashes, also if the pictures are gone by then.
HAND_OVER_HASHES = """
    UPDATE OR IGNORE picture_verdict SET server_id = 0 WHERE server_id = :server AND reason = 'reported'
    AND source IN (
        SELECT pseudonym('report ' || id) FROM report
        WHERE server_id = 0 AND state <> 'decided' AND state = 'open' AND lasting = 1
    )
"""
# With the server's row, which is the last, settings, limits and lists of words go by themselves. Some of these read a
# table from end to end: once for each server that is forgotten.
FORGET_SERVER = tuple(map(SqlStatement, (
    HAND_OVER_COMPLAINTS,
    HAND_OVER_COPIES,
    HAND_OVER_LASTING,
    FORGET_REMINDERS,
    HAND_OVER,
    HAND_OVER_HASHES,
    "DELETE FROM block WHERE server_id = :server",
    "DELETE FROM pause WHERE server_id = :server",
    "DELETE FROM base_model_proposal WHERE server_id = :server",
    "DELETE FROM takedown WHERE server_id = :server",
    "DELETE FROM job_rating WHERE server_id = :server",
    "DELETE FROM report WHERE server_id = :server",
    "DELETE FROM picture_verdict WHERE server_id = :server",
    "DELETE FROM daily_usage WHERE server_id = :server",
    "DELETE FROM audit WHERE server_id = :server",
    "DELETE FROM memo WHERE key = 'greeted ' || :server",
    "DELETE FROM server WHERE id = :server",
)))  # fmt: skip


async def note_all(db: Database, server_ids: Collection[int]) -> None:
    """The bot is a member of these servers and of no other; a time that is stored stays."""
    ids, now = [*server_ids], now_ms()
    async with db.transaction():
        await db.run(NOTE_HERE, ids=ids, now=now)
        await db.run(NOTE_MISSING, ids=ids, now=now)


async def forget_server(db: Database, server_id: int) -> None:
    """Delete all that is kept of a server that removed the bot; of people's jobs, where they were ordered.

    Open reports of what looks like a minor become the operators'. Of one that has the bot again nothing is deleted.
    """
    async with db.transaction():
        if await db.get(HAS_LEFT, server_id):
            for statement in FORGET_SERVER:
                await db.run(statement, server=server_id)
