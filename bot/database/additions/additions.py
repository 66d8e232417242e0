"""Additions: LoRAs from outside, from the request until the file is here or cannot be had, and who asked for them."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from enum import StrEnum

from pydantic import Json

from bot.database.clock import DAY_MS, now_ms
from bot.database.database import Database
from bot.database.loras.records import rate_by_pages
from bot.database.people import people
from bot.database.query import Query, SqlStatement
from inference.errors import Detail, InferenceError

NO_ADDITION = 0
MAX_FROM_PAGE = 200
MAX_PAGES = 20  # that a file is known by

# Failures after which the whole file or much of it had come, for a fault of its own.
FETCHED_IN_VAIN = (
    *("file_unusable", "file_unsupported", "file_of_unknown_model", "wrong_hash"),
    *("file_of_named_model", "larger_than_said", "pickle_instead_of_file"),
    *("embedding_file", "ip_adapter_file", "control_net_file", "t2_i_adapter_file", "control_lora_file"),
    *("checkpoint_file", "vae_file", "text_encoder_file"),
)
BEGIN_ADDITION = SqlStatement("""
    INSERT INTO addition (key, source, path, created_at) VALUES (:key, :source, :path, :now)
    ON CONFLICT (key) WHERE state = 'waiting' DO NOTHING
""")
REQUEST_ADDITION = SqlStatement("""
    INSERT INTO addition_request (addition_id, person_id, server_id, created_at)
    VALUES (:addition, :person, :server, :now)
    ON CONFLICT (addition_id, person_id) DO UPDATE SET told = 0
""")
RECORD_REQUEST_AS_TOLD = SqlStatement("""
    INSERT INTO addition_request (addition_id, person_id, server_id, created_at, told)
    VALUES (:addition, :person, :server, :now, 1)
""")
WITHDRAW_REQUEST = SqlStatement("DELETE FROM addition_request WHERE addition_id = :addition AND person_id = :person")
RECORD_LISTED_FILE = Query(
    int,
    """
    INSERT INTO addition (key, source, path, state, sha256, created_at, ended_at)
    VALUES (:sha256, :source, :path, 'added', :sha256, :now, :now) RETURNING id
    """,
)
# What failed before anything came does not count. A cancelled one has a request only if some of it had come.
# People whose data were deleted since are known by their keyed hash.
REQUESTS_OF_PERSON = Query(
    sqlite3.Row,
    """
    WITH asked AS (
        SELECT addition_id, server_id, created_at FROM addition_request WHERE person_id = :person
        UNION ALL SELECT addition_id, server_id, created_at FROM erased_addition_request
        WHERE pseudonym = pseudonym(:person)
    )
    SELECT asked.created_at, server_id FROM asked JOIN addition ON addition.id = addition_id
    WHERE asked.created_at > :since AND addition_id <> :but
    AND (state <> 'failed' OR failure_code IN (SELECT value FROM json_each(:in_vain)))
    ORDER BY asked.created_at
    """,
)
REQUESTS_OF_SERVER = Query(
    int,
    """
    WITH asked AS (
        SELECT addition_id, created_at FROM addition_request WHERE server_id = :server
        UNION ALL SELECT addition_id, created_at FROM erased_addition_request WHERE server_id = :server
    )
    SELECT min(asked.created_at) FROM asked JOIN addition ON addition.id = addition_id
    WHERE asked.created_at > :since AND addition_id <> :but
    AND (state <> 'failed' OR failure_code IN (SELECT value FROM json_each(:in_vain)))
    GROUP BY addition_id ORDER BY 1
    """,
)
# What a hub says of it is asked again a day later.
BEGIN_HUB_LOOK = SqlStatement("""
    INSERT INTO hub_look (sha256, page, hub, looked_at, since, added, says, followed, rating)
    SELECT sha256, source ->> 'page', source ->> 'hub', ended_at, ended_at, source, source, placed, source ->> 'rating'
    FROM addition WHERE id = ? AND source ->> 'hub' <> 'attached'
    ON CONFLICT (sha256, page) DO UPDATE SET followed = max(followed, excluded.followed)
""")
# An entry with a file that the operator put into the folder stays the operator's.
SET_ADDED_BY = SqlStatement("""
    UPDATE lora SET added_by = :person WHERE added_by IS NULL
    AND id = (SELECT lora_id FROM lora_version WHERE path = :path AND sha256 = :sha256 AND missing = 0)
    AND NOT EXISTS (
        SELECT 1 FROM lora_version WHERE lora_id = lora.id AND missing = 0 AND NOT EXISTS (
            SELECT 1 FROM addition WHERE addition.path = lora_version.path AND state = 'added' AND placed = 1
        )
    )
""")


class AdditionState(StrEnum):
    """How far it is."""

    WAITING = "waiting"
    ADDED = "added"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class LoraAddition:
    """A row of the table; times in unix ms. `source` is JSON.

    `placed`: its file was put into the library. Else another file with the same bytes was there.
    """

    id: int
    key: str
    source: str
    path: str
    state: AdditionState
    sha256: str | None
    failure_code: str | None
    failure_detail: Json[Detail] | None
    created_at: int
    ended_at: int | None
    placed: bool

    @property
    def failure(self) -> InferenceError | None:
        """Why it could not be had."""
        return InferenceError.from_failed(self.failure_code, self.failure_detail or {}) if self.failure_code else None


@dataclass(frozen=True)
class AdditionRequest:
    """That a person asks for an addition; times in unix ms. `told`: they know how it ended.

    The `ticket` lets a later run of the program edit the answer to their command, `message_id`. Since `posting_at` they
    may have got a direct message. `refused`: Discord takes none for them. The draft goes on once it is added.
    """

    addition_id: int
    person_id: int
    told: bool
    ticket: str | None
    ticket_at: int | None
    message_id: int | None
    posting_at: int | None
    refused: bool
    draft_id: int | None = None


@dataclass(frozen=True)
class RecentRequests:
    """When additions were asked for (unix ms), the oldest first: by a person in a server, by the person everywhere,
    and by everybody in the server, each addition once."""

    here: list[int]
    everywhere: list[int]
    of_server: list[int]


_ADDITIONS = "SELECT * FROM addition"
# What is known of a file that is under way, once another page has told more.
CHANGE_ADDITION_SOURCE = SqlStatement("UPDATE addition SET source = :source WHERE id = :id AND state = 'waiting'")
# The addition of this file that is under way.
WAITING_ADDITION = Query(LoraAddition, f"{_ADDITIONS} WHERE key = ? AND state = 'waiting'")
FIND_ADDITION = Query(LoraAddition, f"{_ADDITIONS} WHERE id = ?")
# Those that are to be fetched, the oldest first.
WAITING_ADDITIONS = Query(LoraAddition, f"{_ADDITIONS} WHERE state = 'waiting' ORDER BY id LIMIT 10000")
# The additions of the file with this SHA-256: first that which put it into the library, then in their order.
SOURCES_OF = Query(LoraAddition, f"{_ADDITIONS} WHERE sha256 = ? ORDER BY placed DESC, id LIMIT {MAX_PAGES}")
# What was added from a page, such as a repository's, the last first.
ADDED_FROM_PAGE = Query(
    LoraAddition,
    f"{_ADDITIONS} WHERE state = 'added' AND source ->> 'page' = ? ORDER BY id DESC LIMIT {MAX_FROM_PAGE}",
)
# The SHA-256 of the file that was added last from a version, or from any of a model's.
ADDED_FROM_MODEL = Query(
    str,
    """
    SELECT sha256 FROM addition WHERE state = 'added' AND source ->> 'hub' = :hub
    AND (source ->> 'version_id' = :version OR (:version IS NULL AND source ->> 'model_id' = :model))
    ORDER BY id DESC LIMIT 1
    """,
)
# Whether an addition has put the file at this path, relative to the library.
IS_ADDED = Query(bool, "SELECT EXISTS (SELECT 1 FROM addition WHERE path = ? AND state = 'added' AND placed = 1)")
# The people who ask for it, the first first.
REQUESTERS_OF = Query(
    int, "SELECT person_id FROM addition_request WHERE addition_id = ? ORDER BY created_at, person_id"
)
# That the person asks for it.
FIND_ADDITION_REQUEST = Query(
    AdditionRequest, "SELECT * FROM addition_request WHERE addition_id = :addition AND person_id = :person"
)
# Which answer shows the person how far it is, and the draft that goes on with it. The newest answer counts, and the
# newest draft.
NOTE_ANSWER = SqlStatement("""
    UPDATE addition_request SET ticket = :ticket, message_id = :message, ticket_at = :now,
        draft_id = coalesce(:draft, draft_id)
    WHERE addition_id = :addition AND person_id = :person
""")
# A direct message is about to be sent.
MARK_REQUEST_POSTING = SqlStatement(
    "UPDATE addition_request SET posting_at = :now WHERE addition_id = :addition AND person_id = :person AND told = 0"
)
# No direct message reaches the person: they are told after their next command.
MARK_REQUEST_REFUSED = SqlStatement(
    "UPDATE addition_request SET refused = 1 WHERE addition_id = :addition AND person_id = :person AND told = 0"
)
# The person knows how it ended. Changes no row when that is noted already.
MARK_REQUEST_TOLD = SqlStatement("""
    UPDATE addition_request SET told = 1, ticket = NULL
    WHERE addition_id = :addition AND person_id = :person AND told = 0
""")
# Requests for ended additions whose people do not know yet.
_UNTOLD = """
    SELECT addition_request.* FROM addition_request JOIN addition ON addition.id = addition_id
    WHERE told = 0 AND state <> 'waiting'
"""
# Those of people who can be told.
UNTOLD_REQUESTS = Query(AdditionRequest, f"{_UNTOLD} AND refused = 0 ORDER BY addition_id, person_id LIMIT 1000")
# Those of a person whom no direct message reached.
UNREACHED_REQUESTS = Query(
    AdditionRequest, f"{_UNTOLD} AND person_id = ? AND refused = 1 ORDER BY addition_id LIMIT 10"
)
# An earlier addition may have put the same file there, for another page.
COMPLETE_ADDITION = Query(
    LoraAddition,
    """
    UPDATE addition SET state = 'added', sha256 = :sha256, ended_at = :now, placed = EXISTS (
        SELECT 1 FROM lora_version WHERE path = addition.path AND sha256 = :sha256 AND missing = 0
    ) AND NOT EXISTS (
        SELECT 1 FROM addition AS earlier
        WHERE earlier.path = addition.path AND earlier.state = 'added' AND earlier.sha256 = :sha256 AND earlier.placed
    )
    WHERE id = :id AND state = 'waiting' RETURNING *
    """,
)
FAIL_ADDITION = Query(
    LoraAddition,
    """
    UPDATE addition SET state = 'failed', failure_code = :failure_code, failure_detail = :failure_detail,
    ended_at = :now WHERE id = :id AND state = 'waiting' RETURNING *
    """,
)
CANCEL_ADDITION = Query(
    LoraAddition,
    """
    UPDATE addition SET state = 'cancelled', ended_at = :now WHERE id = :id AND state = 'waiting' RETURNING *
    """,
)
# The ids of those that a person asks for and that are to be fetched.
WAITING_ADDITIONS_OF = Query(
    int,
    """
    SELECT addition_id FROM addition_request JOIN addition ON addition.id = addition_id
    WHERE person_id = ? AND state = 'waiting' ORDER BY addition_id
    """,
)


async def begin_addition(
    db: Database, *, key: str, source: str, path: str, person_id: int, server_id: int | None
) -> LoraAddition:
    """The addition of this file that is under way, or a new one, with this person among those who ask for it."""
    async with db.transaction():
        await people.remember_person(db, person_id)
        if server_id is not None:
            await people.remember_server(db, server_id)
        await db.run(BEGIN_ADDITION, key=key, source=source, path=path, now=now_ms())
        addition = await db.get(WAITING_ADDITION, key)
        await db.run(REQUEST_ADDITION, addition=addition.id, person=person_id, server=server_id, now=now_ms())
    return addition


async def note_listed(
    db: Database, sha256: str, source: str, path: str, *, person_id: int, server_id: int | None
) -> None:
    """Note another page that has a file of the library, and who named it: that counts as an addition of theirs.

    The page is asked about, and not followed.
    """
    async with db.transaction():
        await people.remember_person(db, person_id)
        if server_id is not None:
            await people.remember_server(db, server_id)
        addition_id = await db.get(RECORD_LISTED_FILE, sha256=sha256, source=source, path=path, now=now_ms())
        await db.run(RECORD_REQUEST_AS_TOLD, addition=addition_id, person=person_id, server=server_id, now=now_ms())
        await db.run(BEGIN_HUB_LOOK, addition_id)
        await rate_by_pages(db, sha256)


async def finish_addition(db: Database, addition_id: int, sha256: str) -> LoraAddition | None:
    """It is here; if its file was put into the library, the LoRA is added by who asked first.

    None when it does not wait any more.
    """
    async with db.transaction():
        added = await db.one(COMPLETE_ADDITION, sha256=sha256, now=now_ms(), id=addition_id)
        if added is None:
            return None
        first = await db.one(REQUESTERS_OF, addition_id)
        if added.placed and first is not None:
            await db.run(SET_ADDED_BY, person=first, path=added.path, sha256=sha256)
        await db.run(BEGIN_HUB_LOOK, addition_id)
        await rate_by_pages(db, sha256)
    return added


async def fail_addition(db: Database, addition_id: int, error: InferenceError) -> LoraAddition | None:
    """Record that an addition failed. Return None if the addition is no longer waiting."""
    return await db.one(
        FAIL_ADDITION, failure_code=error.code, failure_detail=json.dumps(error.detail), now=now_ms(), id=addition_id
    )


async def withdraw_request(
    db: Database, addition_id: int, person_id: int, *, counts: bool = False
) -> LoraAddition | None:
    """Withdraw the person's request; when there is no other, it is cancelled, and that addition returned.

    If it `counts`, because some of the file has come, the last request stays as a record of that.
    """
    async with db.transaction():
        addition = await db.one(FIND_ADDITION, addition_id)
        if addition is None or addition.state is not AdditionState.WAITING:
            return None
        last = await db.all(REQUESTERS_OF, addition_id) == [person_id]
        statement = MARK_REQUEST_TOLD if counts and last else WITHDRAW_REQUEST
        found = await db.run(statement, addition=addition_id, person=person_id)
        return await db.one(CANCEL_ADDITION, now=now_ms(), id=addition_id) if found and last else None


async def recent_requests(
    db: Database, person_id: int, server_id: int | None, now: int, *, but: int = NO_ADDITION
) -> RecentRequests:
    """When what was added, waits or came in vain was asked for in the last 24 hours, but the addition `but`."""
    since = now - DAY_MS
    mine = await db.all(REQUESTS_OF_PERSON, person=person_id, since=since, but=but, in_vain=FETCHED_IN_VAIN)
    return RecentRequests(
        here=[row["created_at"] for row in mine if row["server_id"] == server_id],
        everywhere=[row["created_at"] for row in mine],
        of_server=await db.all(REQUESTS_OF_SERVER, server=server_id, since=since, but=but, in_vain=FETCHED_IN_VAIN),
    )
