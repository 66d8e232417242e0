"""Phrases that staff allow in their server, and members' questions: `open -> allowed · dismissed`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.people import people
from bot.database.query import Query, SqlStatement


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


ALLOWED_PHRASES = Query(AllowedPhrase, "SELECT * FROM allowed_phrase WHERE server_id = ? ORDER BY id")
ADD_PHRASE = SqlStatement("""
    INSERT INTO allowed_phrase (server_id, phrase, allowed_by, allowed_at)
    VALUES (:server, :phrase, :allowed_by, :now)
""")
DELETE_PHRASE = Query(AllowedPhrase, "DELETE FROM allowed_phrase WHERE server_id = :server AND id = :id RETURNING *")
# A crash may have come between an open question and its message to staff.
ASK_FOR_PHRASE = Query(
    PhraseQuestion,
    """
    INSERT INTO phrase_question (server_id, person_id, word, phrase, asked_at)
    VALUES (:server, :person, :word, :phrase, :now)
    ON CONFLICT (person_id, server_id, word) WHERE state = 'open' DO UPDATE SET phrase = excluded.phrase
    WHERE message_id IS NULL RETURNING *
    """,
)
OPEN_QUESTION = Query(
    PhraseQuestion,
    """
    SELECT * FROM phrase_question WHERE person_id = :person AND server_id = :server AND word = :word
    AND state = 'open'
    """,
)
FIND_QUESTION = Query(PhraseQuestion, "SELECT * FROM phrase_question WHERE id = ?")
# In all servers.
COUNT_QUESTIONS = Query(int, "SELECT count(*) FROM phrase_question WHERE person_id = :person AND asked_at > :since")
# The message to staff; NULL: it is gone.
POST_QUESTION = SqlStatement("UPDATE phrase_question SET channel_id = :channel, message_id = :message WHERE id = :id")
# For a question that could not be posted.
WITHDRAW_QUESTION = SqlStatement("DELETE FROM phrase_question WHERE id = ? AND state = 'open' AND message_id IS NULL")
DECIDE_QUESTION = Query(
    PhraseQuestion,
    """
    UPDATE phrase_question SET state = :state, phrase = :phrase, decided_by = :decided_by
    WHERE id = :id AND state = 'open' RETURNING *
    """,
)
# Decided questions of a person who was not notified yet, the oldest first.
UNTOLD_QUESTIONS = Query(
    PhraseQuestion,
    "SELECT * FROM phrase_question WHERE person_id = ? AND state <> 'open' AND told_at IS NULL ORDER BY asked_at",
)
MARK_QUESTION_TOLD = SqlStatement("UPDATE phrase_question SET told_at = :now WHERE id = :id")


async def add_phrase(db: Database, server_id: int, phrase: str, allowed_by: int) -> None:
    """Store a phrase."""
    async with db.transaction():
        await people.remember_person(db, allowed_by)
        await people.remember_server(db, server_id)
        await db.run(ADD_PHRASE, server=server_id, phrase=phrase, allowed_by=allowed_by, now=now_ms())


async def save_question(db: Database, server_id: int, person_id: int, word: str, phrase: str) -> PhraseQuestion | None:
    """Store an open question; None when staff already have an open one of this person about the word."""
    async with db.transaction():
        await people.remember_person(db, person_id)
        await people.remember_server(db, server_id)
        return await db.one(ASK_FOR_PHRASE, server=server_id, person=person_id, word=word, phrase=phrase, now=now_ms())
