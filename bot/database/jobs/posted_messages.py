"""Messages that name a person and belong to no job or report in the database: they go if the person deletes all."""

from __future__ import annotations

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.people.people import remember_person
from bot.database.query import Query, SqlStatement

RECORD_POSTED_MESSAGE = SqlStatement("""
    INSERT OR IGNORE INTO posted_message (message_id, channel_id, person_id, created_at)
    VALUES (:message, :channel, :person, :now)
""")
# The rows of these jobs go, and their messages stay.
# A private result that was not sent as a direct message is an answer that its person alone can remove.
NOTE_RESULTS = SqlStatement(
    """
    INSERT OR IGNORE INTO posted_message (message_id, channel_id, person_id, created_at)
    SELECT message_id, coalesce(posting_in, channel_id), person_id, delivery.created_at
    FROM delivery JOIN job ON job.id = job_id
    WHERE job_id IN (SELECT value FROM json_each(?)) AND message_id IS NOT NULL
    AND (private = 0 OR posting_in IS NOT NULL)
    """
)
# The message to staff about a report names its author, and quotes or names others. A negative id is the keyed hash of a
# user who deleted all data.
PEOPLE_OF_REPORT = Query(
    int,
    """
    SELECT person_id FROM (
        SELECT owner_id AS person_id FROM report WHERE id = :report UNION
        SELECT person_id FROM report_by WHERE report_id = :report UNION
        SELECT decided_by FROM decision WHERE report_id = :report UNION
        SELECT answered_by FROM decision JOIN appeal ON decision_id = decision.id WHERE report_id = :report
    ) AS found WHERE person_id > 0
    """,
)
NOTE_OF_REPORT = SqlStatement(
    """
    INSERT OR IGNORE INTO posted_message (message_id, channel_id, person_id, created_at)
    SELECT message_id, channel_id, :person, created_at FROM report
    WHERE id = :report AND message_id IS NOT NULL AND channel_id IS NOT NULL
    """
)


async def note_posted(db: Database, person_id: int, channel_id: int, message_id: int) -> None:
    """A message of no order names the person."""
    async with db.transaction():
        await remember_person(db, person_id)
        await db.run(RECORD_POSTED_MESSAGE, message=message_id, channel=channel_id, person=person_id, now=now_ms())


async def note_report(db: Database, report_id: int) -> None:
    """The rows of this report go, and its message to staff stays."""
    for person_id in await db.all(PEOPLE_OF_REPORT, report=report_id):
        await remember_person(db, person_id)
        await db.run(NOTE_OF_REPORT, report=report_id, person=person_id)
