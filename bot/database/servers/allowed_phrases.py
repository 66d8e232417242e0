"""Phrases that staff allow in their server, and members' questions: `open -> allowed · dismissed`."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from enum import StrEnum

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.people import people

OF_SERVER = "SELECT * FROM allowed_phrase WHERE server_id = ? ORDER BY id"
ADD = "INSERT INTO allowed_phrase (server_id, phrase, allowed_by, allowed_at) VALUES (?, ?, ?, ?)"
DELETE = "DELETE FROM allowed_phrase WHERE server_id = ? AND id = ? RETURNING *"
# A crash may have come between an open question and its message to staff.
ASK = """
    INSERT INTO phrase_question (server_id, person_id, word, phrase, asked_at) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (person_id, server_id, word) WHERE state = 'open' DO UPDATE SET phrase = excluded.phrase
    WHERE message_id IS NULL RETURNING *
"""
OPEN = "SELECT * FROM phrase_question WHERE person_id = ? AND server_id = ? AND word = ? AND state = 'open'"
FIND = "SELECT * FROM phrase_question WHERE id = ?"
COUNT = "SELECT count(*) FROM phrase_question WHERE person_id = ? AND asked_at > ?"
POSTED = "UPDATE phrase_question SET channel_id = ?, message_id = ? WHERE id = ? RETURNING id"
WITHDRAW = "DELETE FROM phrase_question WHERE id = ? AND state = 'open' AND message_id IS NULL"
DECIDE = "UPDATE phrase_question SET state = ?, phrase = ?, decided_by = ? WHERE id = ? AND state = 'open' RETURNING *"
UNTOLD = """
    SELECT * FROM phrase_question WHERE person_id = ? AND state <> 'open' AND told_at IS NULL ORDER BY asked_at
"""
TELL = "UPDATE phrase_question SET told_at = ? WHERE id = ?"


@dataclass(frozen=True)
class AllowedPhrase:
    """A phrase that does not count in a server. Time in unix ms."""

    id: int
    server_id: int
    phrase: str
    allowed_by: int
    allowed_at: int


class QuestionState(StrEnum):
    """The state of a question."""

    OPEN = "open"
    ALLOWED = "allowed"
    DISMISSED = "dismissed"


@dataclass(frozen=True)
class PhraseQuestion:
    """A member asks staff to allow a phrase, because its `word` was refused. Times in unix ms.

    `channel_id` and `message_id` identify the message to staff.
    """

    id: int
    server_id: int
    person_id: int
    word: str
    phrase: str
    state: QuestionState
    asked_at: int
    channel_id: int | None
    message_id: int | None
    decided_by: int | None
    told_at: int | None


async def allowed_phrases(db: Database, server_id: int) -> tuple[AllowedPhrase, ...]:
    """All phrases that a server allows, the oldest first. Raises DatabaseError."""
    return tuple(AllowedPhrase(**dict(row)) for row in await db.fetch(OF_SERVER, (server_id,)))


async def add_phrase(db: Database, server_id: int, phrase: str, allowed_by: int) -> None:
    """Store a phrase. Raises DatabaseError."""
    async with db.transaction():
        await people.remember_person(db, allowed_by)
        await people.remember_server(db, server_id)
        await db.write(ADD, (server_id, phrase, allowed_by, now_ms()))


async def delete_phrase(db: Database, server_id: int, phrase_id: int) -> AllowedPhrase | None:
    """Delete a phrase and return it; None when it is gone. Raises DatabaseError."""
    rows = await db.write(DELETE, (server_id, phrase_id))
    return AllowedPhrase(**dict(rows[0])) if rows else None


async def save_question(db: Database, server_id: int, person_id: int, word: str, phrase: str) -> PhraseQuestion | None:
    """Store an open question; None when staff already have an open one of this person about the word.

    Raises DatabaseError.
    """
    async with db.transaction():
        await people.remember_person(db, person_id)
        await people.remember_server(db, server_id)
        rows = await db.write(ASK, (server_id, person_id, word, phrase, now_ms()))
    return _question(rows[0]) if rows else None


async def open_question(db: Database, server_id: int, person_id: int, word: str) -> PhraseQuestion | None:
    """The open question of a person about a word, or None. Raises DatabaseError."""
    row = await db.fetch_one(OPEN, (person_id, server_id, word))
    return None if row is None else _question(row)


async def find_question(db: Database, question_id: int) -> PhraseQuestion | None:
    """The question with this id, or None. Raises DatabaseError."""
    row = await db.fetch_one(FIND, (question_id,))
    return None if row is None else _question(row)


async def count_questions(db: Database, person_id: int, since_ms: int) -> int:
    """How many questions a person has asked since a unix ms, in all servers. Raises DatabaseError."""
    (row,) = await db.fetch(COUNT, (person_id, since_ms))
    return row[0]


async def note_question_posted(db: Database, question_id: int, channel_id: int | None, message_id: int | None) -> bool:
    """Store the message to staff; None: it is gone. False if the question was deleted. Raises DatabaseError."""
    return bool(await db.write(POSTED, (channel_id, message_id, question_id)))


async def withdraw_question(db: Database, question_id: int) -> None:
    """Delete a question that could not be posted. Raises DatabaseError."""
    await db.write(WITHDRAW, (question_id,))


async def decide_question(
    db: Database, question_id: int, state: QuestionState, phrase: str, decided_by: int
) -> PhraseQuestion | None:
    """open -> allowed or dismissed; None when it is not open. Raises DatabaseError."""
    rows = await db.write(DECIDE, (state, phrase, decided_by, question_id))
    return _question(rows[0]) if rows else None


async def untold_questions(db: Database, person_id: int) -> tuple[PhraseQuestion, ...]:
    """The decided questions of a person who was not notified yet, the oldest first. Raises DatabaseError."""
    return tuple(map(_question, await db.fetch(UNTOLD, (person_id,))))


async def mark_question_told(db: Database, question_id: int) -> None:
    """The person has been notified of the decision. Raises DatabaseError."""
    await db.write(TELL, (now_ms(), question_id))


def _question(row: sqlite3.Row) -> PhraseQuestion:
    columns = dict(row)
    columns["state"] = QuestionState(columns["state"])
    return PhraseQuestion(**columns)
