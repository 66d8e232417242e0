"""Deletes the rows of a person who has all deleted.

Jobs go in portions, each in a transaction that notes their files and messages as still to be removed. With the person's
own row, all other rows go, those of pictures that the person was deleting too, and the id gives way to its keyed hash
where a row stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.database.clock import DAY_MS, now_ms
from bot.database.database import Database
from bot.database.errors import LogInUse
from bot.database.pictures.inputs import INPUTS_BESIDE_JOBS
from bot.database.privacy.erasure_leftovers import NOTE_ERASED_FILE, NOTE_ERASED_MESSAGE, FileFolder
from bot.database.privacy.erasures import Erasure
from bot.database.query import Query, SqlStatement

# The oldest first.
ENDED_JOBS = Query(
    int, "SELECT id FROM job WHERE person_id = :person AND state NOT IN ('queued', 'running') ORDER BY id LIMIT :limit"
)
# Jobs of which files or messages are still to go.
JOBS_BEING_DELETED = Query(int, "SELECT job_id FROM deletion WHERE person_id = ?")
ANY_JOB = Query(bool, "SELECT EXISTS (SELECT 1 FROM job WHERE person_id = ?)")
# What an open report is about is held until it is decided, for a time.
NOTE_PICTURES = SqlStatement("""
    INSERT INTO erasure_file (erasure_id, folder, path, report_id)
    SELECT :erasure, 'pictures', path,
        (SELECT id FROM report WHERE kind = 'pictures' AND target_id = job_id AND state = 'open' ORDER BY id LIMIT 1)
    FROM picture WHERE job_id IN (SELECT value FROM json_each(:ids)) ON CONFLICT DO NOTHING
""")
NOTE_DELETED_PICTURES = SqlStatement("""
    INSERT INTO erasure_file (erasure_id, folder, path)
    SELECT :erasure, 'pictures', value FROM deletion, json_each(paths) WHERE person_id = :person ON CONFLICT DO NOTHING
""")
NOTE_DELETED_INPUTS = SqlStatement("""
    INSERT INTO erasure_file (erasure_id, folder, path)
    SELECT :erasure, 'inputs', input FROM deletion WHERE person_id = :person AND input IS NOT NULL
    ON CONFLICT DO NOTHING
""")
NOTE_INPUTS = SqlStatement("""
    INSERT INTO erasure_file (erasure_id, folder, path)
    SELECT :erasure, 'inputs', request ->> '$.image.sha256' FROM job
    WHERE id IN (SELECT value FROM json_each(:ids)) AND request ->> '$.image.sha256' IS NOT NULL ON CONFLICT DO NOTHING
""")
# A private result that was not sent as a direct message is an answer that its person alone can remove.
NOTE_MESSAGES = SqlStatement("""
    INSERT INTO erasure_message (erasure_id, channel_id, message_id)
    SELECT :erasure, coalesce(posting_in, channel_id), message_id FROM delivery JOIN job ON job.id = job_id
    WHERE job_id IN (SELECT value FROM json_each(:ids)) AND message_id IS NOT NULL
    AND (private = 0 OR posting_in IS NOT NULL) ON CONFLICT DO NOTHING
""")
NOTE_DELETED_MESSAGES = SqlStatement("""
    INSERT INTO erasure_message (erasure_id, channel_id, message_id)
    SELECT :erasure, channel_id, message_id FROM deletion
    WHERE person_id = :person AND channel_id IS NOT NULL AND message_id IS NOT NULL
    ON CONFLICT DO NOTHING
""")
NOTE_POSTED_MESSAGES = SqlStatement("""
    INSERT INTO erasure_message (erasure_id, channel_id, message_id)
    SELECT :erasure, channel_id, message_id FROM posted_message WHERE person_id = :person ON CONFLICT DO NOTHING
""")
# Of decisions about reports, and of answers to appeals.
DECISION_NOTICES = Query(
    int,
    """
    SELECT notice_id FROM report JOIN decision ON report_id = report.id
    WHERE owner_id = :person AND notice_id IS NOT NULL
    UNION SELECT notice_id FROM appeal WHERE person_id = :person AND notice_id IS NOT NULL
    """,
)
# Their posts are removed as well, by the rows that stay until then.
NOTE_PUBLICATIONS = SqlStatement("""
    INSERT INTO erasure_message (erasure_id, channel_id, message_id)
    SELECT :erasure, channel_id, message_id FROM publication
    WHERE job_id IN (SELECT value FROM json_each(:ids)) AND message_id IS NOT NULL ON CONFLICT DO NOTHING
""")
# Messages to staff about a phrase name the member who asked and the staff who decided. There are few, so all are read.
_NOTE_QUESTIONS = SqlStatement("""
    INSERT INTO erasure_message (erasure_id, channel_id, message_id)
    SELECT :erasure, channel_id, message_id FROM phrase_question
    WHERE :person IN (person_id, decided_by) AND message_id IS NOT NULL ON CONFLICT DO NOTHING
""")
COUNT_NOTICES = Query(
    int,
    """
    SELECT count(DISTINCT notice_id) FROM takedown
    WHERE job_id IN (SELECT value FROM json_each(?)) AND notice_id IS NOT NULL
    """,
)
COUNT_PRIVATE = Query(
    int,
    """
    SELECT count(*) FROM delivery
    WHERE job_id IN (SELECT value FROM json_each(?)) AND private = 1 AND posting_in IS NULL AND message_id IS NOT NULL
    """,
)
COUNT_PICTURES = Query(int, "SELECT count(*) FROM picture WHERE job_id IN (SELECT value FROM json_each(?))")
FORGET_ERASED_JOBS = SqlStatement("DELETE FROM job WHERE id IN (SELECT value FROM json_each(?))")
RAISE_ERASED = SqlStatement("""
    UPDATE erasure SET jobs = jobs + :jobs, pictures = pictures + :pictures,
    private_answers = private_answers + :private_answers,
    unreachable = unreachable + :unreachable WHERE id = :id
""")
NOTE_OTHER_INPUTS = SqlStatement(f"""
    INSERT INTO erasure_file (erasure_id, folder, path)
    SELECT :erasure, 'inputs', sha256 FROM ({INPUTS_BESIDE_JOBS}) AS found WHERE sha256 IS NOT NULL
    ON CONFLICT DO NOTHING
""")  # noqa: S608 - constants only
# Start pictures of other users that were made from the person's pictures. They go even if they are in use.
NOTE_TAKEN_PICTURES = SqlStatement("""
    INSERT INTO erasure_file (erasure_id, folder, path, unconditional)
    SELECT :erasure, 'inputs', sha256, 1 FROM start_picture_source WHERE person_id = :person
    ON CONFLICT (erasure_id, folder, path) DO UPDATE SET unconditional = 1
""")
SET_TAKEN_PICTURES = SqlStatement("""
    UPDATE erasure SET start_pictures = (
        SELECT count(*) FROM start_picture_source WHERE start_picture_source.person_id = erasure.person_id
    ) WHERE id = :erasure
""")
ANY_ADDITION = Query(
    bool,
    """
    SELECT EXISTS (
        SELECT 1 FROM addition_request JOIN addition ON addition.id = addition_id
        WHERE person_id = ? AND state = 'waiting'
    )
    """,
)
# It counts in the quotas of additions for a day.
KEEP_ADDITIONS = SqlStatement("""
    INSERT INTO erased_addition_request (addition_id, pseudonym, server_id, created_at)
    SELECT addition_id, :hash, server_id, created_at FROM addition_request
    WHERE person_id = :person AND created_at > :since
    ON CONFLICT DO NOTHING
""")
FORGET_PERSON = SqlStatement("DELETE FROM person WHERE id = ?")
BEGIN_CLEARING = SqlStatement("""
    UPDATE erasure SET state = 'clearing', person_id = NULL, direct_channel = :direct_channel
    WHERE id = :id AND state = 'requested'
""")
# Messages to staff that name the person, or quote them: who painted or reported it, appealed, decided or answered.
# It reads notes and decisions from end to end, once for each person who has all deleted, as `_REPLACE_PERSON` does.
_NOTE_REPORTS = SqlStatement("""
    INSERT INTO erasure_report (erasure_id, report_id)
    SELECT :erasure, id FROM report WHERE (message_id IS NOT NULL OR posting_at IS NOT NULL) AND (
        owner_id = :person
        OR id IN (SELECT report_id FROM report_by WHERE person_id = :person OR instr(note, :person))
        OR id IN (
            SELECT report_id FROM decision LEFT JOIN appeal ON decision_id = decision.id
            WHERE :person IN (decided_by, person_id, answered_by) OR instr(note, :person) OR instr(text, :person)
        )
    ) ON CONFLICT DO NOTHING
""")
CHANGE_ERASED_REPORTS = SqlStatement("""
    UPDATE report SET revision = revision + 1
    WHERE id IN (SELECT report_id FROM erasure_report WHERE erasure_id = :erasure)
""")
# What stays says by whom and about whom by the keyed hash. These read small tables, and the log, from end to end: once
# for each person who has all deleted.
_REPLACE_PERSON = tuple(map(SqlStatement, (
    "UPDATE lora SET content_rating_by = :hash WHERE content_rating_by = :person",
    "UPDATE feature SET featured_by = :hash WHERE featured_by = :person",
    "UPDATE pause SET person_id = :hash WHERE person_id = :person",
    "UPDATE base_model_proposal SET proposed_by = :hash WHERE proposed_by = :person",
    "UPDATE base_model_proposal SET decided_by = :hash WHERE decided_by = :person",
    "UPDATE base_model_proposal SET reason = replace(reason, :person, :hash) WHERE instr(reason, :person)",
    "UPDATE allowed_phrase SET allowed_by = :hash WHERE allowed_by = :person",
    "UPDATE allowed_phrase SET phrase = replace(phrase, :person, :hash) WHERE instr(phrase, :person)",
    "DELETE FROM phrase_question WHERE decided_by = :person",
    "UPDATE block SET created_by = :hash WHERE created_by = :person",
    "UPDATE block SET reason = replace(reason, :person, :hash) WHERE instr(reason, :person)",
    """UPDATE report SET owner_id = :hash, painted_at = NULL, painted_in = NULL,
       state = iif(state = 'appealed', 'decided', state)  -- with the person, the appeal has gone
       WHERE owner_id = :person""",
    "UPDATE report_by SET note = replace(note, :person, :hash) WHERE instr(note, :person)",
    """UPDATE decision SET notice_id = NULL WHERE notice_id IS NOT NULL
       AND report_id IN (SELECT id FROM report WHERE owner_id = :hash)""",
    "UPDATE decision SET decided_by = :hash WHERE decided_by = :person",
    "UPDATE decision SET note = replace(note, :person, :hash) WHERE instr(note, :person)",
    "UPDATE takedown SET reason = replace(reason, :person, :hash) WHERE instr(reason, :person)",
    "UPDATE appeal SET answered_by = :hash WHERE answered_by = :person",
    "UPDATE appeal SET text = replace(text, :person, :hash) WHERE instr(text, :person)",
    """DELETE FROM block WHERE kind = 'person' AND target_id = :hash
       AND (server_id, kind, :person) IN (SELECT server_id, kind, target_id FROM block)""",
    "UPDATE block SET target_id = :hash WHERE kind = 'person' AND target_id = :person",
    """DELETE FROM server_limit WHERE holder = 'person' AND holder_id = :hash
       AND (server_id, :person) IN (SELECT server_id, holder_id FROM server_limit WHERE holder = 'person')""",
    "UPDATE server_limit SET holder_id = :hash WHERE holder = 'person' AND holder_id = :person",
    """INSERT INTO daily_usage (day, person_id, server_id, pictures, pixel_steps)
       SELECT day, :hash, server_id, pictures, pixel_steps FROM daily_usage WHERE person_id = :person
       ON CONFLICT (day, person_id, server_id) DO UPDATE
       SET pictures = pictures + excluded.pictures, pixel_steps = pixel_steps + excluded.pixel_steps""",
    "DELETE FROM daily_usage WHERE person_id = :person",
    """UPDATE audit SET actor_id = iif(actor_id = :person, :hash, actor_id),
       person_id = iif(person_id = :person, :hash, person_id),
       target = replace(target, :person, :hash), changes = replace(changes, :person, :hash)
       WHERE actor_id = :person OR person_id = :person OR instr(target, :person) OR instr(changes, :person)""",
)))  # fmt: skip
# The full text indexes, in which what is deleted stays until their segments are merged.
MERGE_INDEXES = tuple(map(SqlStatement, (
    "INSERT INTO job_text (job_text, rank) VALUES ('merge', ?)",
    "INSERT INTO bookmark_text (bookmark_text, rank) VALUES ('merge', ?)",
    "INSERT INTO publication_text (publication_text, rank) VALUES ('merge', ?)",
)))  # fmt: skip
MERGED_PAGES = 500
_LEAST_WORK = 2  # rows that a merge changes when there is something left to merge


async def erase_jobs(
    db: Database,
    erasure: Erasure,
    job_ids: Sequence[int],
    *,
    spooled: Iterable[str] = (),
    direct_channel: int | None = None,
) -> None:
    """Delete jobs of the person; note their files, with those `spooled`, and messages as still to be removed.

    Notices lie in the `direct_channel`; without one they are counted as out of reach.
    """
    async with db.transaction():
        pictures, private, notices = [
            await db.get(query, job_ids) for query in (COUNT_PICTURES, COUNT_PRIVATE, COUNT_NOTICES)
        ]
        for statement in (NOTE_PICTURES, NOTE_INPUTS, NOTE_MESSAGES, NOTE_PUBLICATIONS):
            await db.run(statement, erasure=erasure.id, ids=job_ids)
        for name in spooled:
            await db.run(NOTE_ERASED_FILE, erasure=erasure.id, folder=FileFolder.SPOOL, path=name)
        await db.run(FORGET_ERASED_JOBS, job_ids)
        unreachable = notices if direct_channel is None else 0
        await db.run(
            RAISE_ERASED,
            jobs=len(job_ids),
            pictures=pictures,
            private_answers=private,
            unreachable=unreachable,
            id=erasure.id,
        )


async def erase_person(
    db: Database,
    erasure: Erasure,
    *,
    spooled: Iterable[str] = (),
    direct_channel: int | None = None,
) -> bool:
    """Delete the person's own row with all others, and hash the id where a row stays.

    False while there are jobs, or additions that the person waits for.

    The files `spooled` of jobs that the person was deleting are noted as still to be removed, and so are notices about
    reports; messages to staff that name the person as still to be written anew. Notices lie in the `direct_channel`,
    of which all that the bot wrote is to be noted; without one they are counted as out of reach.
    """
    person = erasure.person_id
    async with db.transaction():
        if await db.get(ANY_JOB, person) or await db.get(ANY_ADDITION, person):
            return False
        for statement in (
            NOTE_OTHER_INPUTS, NOTE_TAKEN_PICTURES, SET_TAKEN_PICTURES, NOTE_DELETED_PICTURES, NOTE_DELETED_INPUTS,
            NOTE_DELETED_MESSAGES, NOTE_POSTED_MESSAGES, _NOTE_QUESTIONS, _NOTE_REPORTS,
        ):  # fmt: skip
            await db.run(statement, erasure=erasure.id, person=person)
        for name in spooled:
            await db.run(NOTE_ERASED_FILE, erasure=erasure.id, folder=FileFolder.SPOOL, path=name)
        notices = await db.all(DECISION_NOTICES, person=person)
        for message_id in notices if direct_channel is not None else ():
            await db.run(NOTE_ERASED_MESSAGE, erasure=erasure.id, channel=direct_channel, message=message_id)
        if direct_channel is None:
            await db.run(RAISE_ERASED, jobs=0, pictures=0, private_answers=0, unreachable=len(notices), id=erasure.id)
        await db.run(KEEP_ADDITIONS, person=person, hash=erasure.pseudonym, since=now_ms() - DAY_MS)
        await db.run(FORGET_PERSON, person)
        for statement in _REPLACE_PERSON:
            await db.run(statement, person=person, hash=erasure.pseudonym)
        await db.run(CHANGE_ERASED_REPORTS, erasure=erasure.id)
        await db.run(BEGIN_CLEARING, direct_channel=direct_channel, id=erasure.id)
    return True


async def overwrite_deleted(db: Database) -> None:
    """Merge the full text indexes, in which deleted words are left, and empty the log.

    Raises DatabaseError, among them LogInUse.

    The merge goes in portions, between which others write.
    """
    for statement in MERGE_INDEXES:
        pages = -MERGED_PAGES  # at first: merge into one, however few changes there are
        while await _merge(db, statement, pages):
            pages = MERGED_PAGES
    if not await db.truncate_log():
        raise LogInUse("The log of the database is being read; it is emptied a moment later.")


async def _merge(db: Database, statement: SqlStatement, pages: int) -> bool:
    """Whether there is more to merge."""
    async with db.transaction():
        before = db.connection.total_changes
        await db.run(statement, pages)
        return db.connection.total_changes - before >= _LEAST_WORK
