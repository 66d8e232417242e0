"""Erasures: all that is kept of a person is deleted, step by step, so that a crash at any place loses no step.

First the rows go (`erased_rows`), which note the person's files and messages as still to be removed; these follow
(`erasure_leftovers`). What stays of the erasure is its receipt.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bot.database.clock import now_ms
from bot.database.database import BUSY_TIMEOUT_MS, Database
from bot.database.errors import explain
from bot.database.query import Query, SqlStatement
from bot.database.storage.pseudonyms import Pseudonyms, ensure_key

REQUEST_ERASURE = """
    INSERT INTO erasure (person_id, pseudonym, by_operator, created_at) VALUES (:person, :pseudonym, :by_operator, :now)
    ON CONFLICT (person_id) WHERE person_id IS NOT NULL DO NOTHING
"""


class ErasureState(StrEnum):
    """`requested`: rows are being deleted; `clearing`: they are gone, and files and messages follow."""

    REQUESTED = "requested"
    CLEARING = "clearing"
    COMPLETE = "complete"


@dataclass(frozen=True)
class Erasure:
    """A row of the table; times in unix ms. `person_id` is None once the rows of the person are gone.

    `messages` are gone, `unreachable` ones are not the bot's to delete, and `private_answers` the person's alone. The
    `direct_channel` is that of the person's direct messages, until what the bot wrote there is known.
    `copies` of the database still hold the person; the last expires at `copies_until`, if anybody can tell.
    `start_pictures` of other users were made from the person's pictures, and have gone too.
    """

    id: int
    person_id: int | None
    pseudonym: int
    state: ErasureState
    by_operator: bool
    jobs: int
    pictures: int
    messages: int
    unreachable: int
    private_answers: int
    copies: int
    copies_until: int | None
    created_at: int
    finished_at: int | None
    direct_channel: int | None
    start_pictures: int


# The oldest first.
UNFINISHED_ERASURES = Query(Erasure, "SELECT * FROM erasure WHERE state <> 'complete' ORDER BY id")
FIND_ERASURE = Query(Erasure, "SELECT * FROM erasure WHERE id = ?")
# The person's newest erasure, also one that is complete.
NEWEST_ERASURE = Query(Erasure, "SELECT * FROM erasure WHERE pseudonym = pseudonym(?) ORDER BY id DESC LIMIT 1")
COMPLETE_ERASURE = Query(
    Erasure,
    """
    UPDATE erasure SET state = 'complete', finished_at = :now, copies = :copies, copies_until = :copies_until,
    unreachable = unreachable + (
        SELECT count(*) FROM erasure_report WHERE erasure_id = erasure.id AND state = 'out_of_reach'
    )
    WHERE id = :id AND state = 'clearing' AND direct_channel IS NULL
    AND NOT EXISTS (SELECT 1 FROM erasure_file WHERE erasure_id = erasure.id)
    AND NOT EXISTS (SELECT 1 FROM erasure_message WHERE erasure_id = erasure.id)
    AND NOT EXISTS (SELECT 1 FROM erasure_report WHERE erasure_id = erasure.id AND state = 'due')
    RETURNING *
    """,
)
FORGET_REPORTS_OF_ERASURE = SqlStatement("DELETE FROM erasure_report WHERE erasure_id = ?")
# Erasures that were complete before a unix ms.
FORGET_OLD_RECEIPTS = SqlStatement("DELETE FROM erasure WHERE finished_at < ?")


def request_erasure(database: Path, person_id: int, *, by_operator: bool) -> None:
    """Order that all that is kept of the person is deleted; from now on it happens, also after a crash.

    Of an order that is under way nothing changes. It has a connection of its own, so that it works beside the running
    bot. Blocks. Raises DatabaseError.
    """
    ensure_key(database)
    where = f"{database.resolve().as_uri()}?mode=rw"
    try:
        with closing(sqlite3.connect(where, uri=True, timeout=BUSY_TIMEOUT_MS / 1000)) as connection, connection:
            pseudonym = Pseudonyms(database).of(person_id)
            values = {"person": person_id, "pseudonym": pseudonym, "by_operator": by_operator, "now": now_ms()}
            connection.execute(REQUEST_ERASURE, values)
    except sqlite3.Error as problem:
        raise explain(problem, database) from problem


async def complete_erasure(db: Database, erasure_id: int, *, copies: int, copies_until: int | None) -> Erasure | None:
    """clearing -> complete; None while a file or a message is left."""
    async with db.transaction():
        complete = await db.one(COMPLETE_ERASURE, now=now_ms(), copies=copies, copies_until=copies_until, id=erasure_id)
        if complete is not None:
            await db.run(FORGET_REPORTS_OF_ERASURE, erasure_id)
    return complete
