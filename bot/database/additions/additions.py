"""Additions: LoRAs from outside, from the request until the file is here or cannot be had, and who asked for them."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from enum import StrEnum

from bot.database.clock import DAY_MS, now_ms
from bot.database.database import Database
from bot.database.loras.records import rate_by_pages
from bot.database.people import people
from inference.errors import InferenceError

NO_ADDITION = 0
MAX_FROM_PAGE = 200
MAX_PAGES = 20  # that a file is known by

BEGIN = """
    INSERT INTO addition (key, source, path, created_at) VALUES (?, ?, ?, ?)
    ON CONFLICT (key) WHERE state = 'waiting' DO NOTHING
"""
CHANGE_SOURCE = "UPDATE addition SET source = ? WHERE id = ? AND state = 'waiting'"
WAITING_FOR = "SELECT * FROM addition WHERE key = ? AND state = 'waiting'"
FIND = "SELECT * FROM addition WHERE id = ?"
WAITING = "SELECT * FROM addition WHERE state = 'waiting' ORDER BY id LIMIT 10000"
REQUEST_IT = """
    INSERT INTO addition_request (addition_id, person_id, server_id, created_at) VALUES (?, ?, ?, ?)
    ON CONFLICT (addition_id, person_id) DO UPDATE SET told = 0
"""
NAMED = "INSERT INTO addition_request (addition_id, person_id, server_id, created_at, told) VALUES (?, ?, ?, ?, 1)"
REQUESTERS = "SELECT person_id FROM addition_request WHERE addition_id = ? ORDER BY created_at, person_id"
WITHDRAW = "DELETE FROM addition_request WHERE addition_id = ? AND person_id = ? RETURNING 1"
FIRST_REQUESTER = """
    SELECT person_id, server_id FROM addition_request WHERE addition_id = ? ORDER BY created_at, person_id LIMIT 1
"""
REQUEST = "SELECT * FROM addition_request WHERE addition_id = ? AND person_id = ?"
ANSWERED = """
    UPDATE addition_request SET ticket = ?, message_id = ?, ticket_at = ?, draft_id = coalesce(?, draft_id)
    WHERE addition_id = ? AND person_id = ?
"""
POSTING = "UPDATE addition_request SET posting_at = ? WHERE addition_id = ? AND person_id = ? AND told = 0"
REFUSED = "UPDATE addition_request SET refused = 1 WHERE addition_id = ? AND person_id = ? AND told = 0"
TELL = """
    UPDATE addition_request SET told = 1, ticket = NULL WHERE addition_id = ? AND person_id = ? AND told = 0 RETURNING 1
"""
UNTOLD = """
    SELECT addition_request.* FROM addition_request JOIN addition ON addition.id = addition_id
    WHERE told = 0 AND refused = 0 AND state <> 'waiting' ORDER BY addition_id, person_id LIMIT 1000
"""
UNTOLD_OF_PERSON = """
    SELECT addition_request.* FROM addition_request JOIN addition ON addition.id = addition_id
    WHERE person_id = ? AND told = 0 AND refused = 1 AND state <> 'waiting' ORDER BY addition_id LIMIT 10
"""
# An earlier addition may have put the same file there, for another page.
ADDED = """
    UPDATE addition SET state = 'added', sha256 = :sha256, ended_at = :now, placed = EXISTS (
        SELECT 1 FROM lora_version WHERE path = addition.path AND sha256 = :sha256 AND missing = 0
    ) AND NOT EXISTS (
        SELECT 1 FROM addition AS earlier
        WHERE earlier.path = addition.path AND earlier.state = 'added' AND earlier.sha256 = :sha256 AND earlier.placed
    )
    WHERE id = :id AND state = 'waiting' RETURNING *
"""
FAILED = """
    UPDATE addition SET state = 'failed', failure_code = ?, failure_detail = ?, ended_at = ?
    WHERE id = ? AND state = 'waiting' RETURNING *
"""
CANCEL = """
    UPDATE addition SET state = 'cancelled', ended_at = ? WHERE id = ? AND state = 'waiting' RETURNING *
"""
OF_FILE = "SELECT * FROM addition WHERE sha256 = ? ORDER BY placed DESC, id LIMIT ?"
FROM_MODEL = """
    SELECT sha256 FROM addition WHERE state = 'added' AND source ->> 'hub' = :hub
    AND (source ->> 'version_id' = :version OR (:version IS NULL AND source ->> 'model_id' = :model))
    ORDER BY id DESC LIMIT 1
"""
FROM_PAGE = "SELECT * FROM addition WHERE state = 'added' AND source ->> 'page' = ? ORDER BY id DESC LIMIT ?"
ADDED_AT = "SELECT 1 FROM addition WHERE path = ? AND state = 'added' AND placed = 1 LIMIT 1"
LISTED = """
    INSERT INTO addition (key, source, path, state, sha256, created_at, ended_at)
    VALUES (:sha256, :source, :path, 'added', :sha256, :now, :now) RETURNING id
"""
# Failures after which the whole file or much of it had come, for a fault of its own.
FETCHED_IN_VAIN = (
    *("file_unusable", "file_unsupported", "file_of_unknown_model", "wrong_hash"),
    *("file_of_named_model", "larger_than_said", "pickle_instead_of_file"),
    *("embedding_file", "ip_adapter_file", "control_net_file", "t2_i_adapter_file", "control_lora_file"),
    *("checkpoint_file", "vae_file", "text_encoder_file"),
)
# What failed before anything came does not count. A cancelled one has a request only if some of it had come.
# People whose data were deleted since are known by their keyed hash.
OF_PERSON = """
    WITH asked AS (
        SELECT addition_id, server_id, created_at FROM addition_request WHERE person_id = :person
        UNION ALL SELECT addition_id, server_id, created_at FROM erased_addition_request
        WHERE pseudonym = pseudonym(:person)
    )
    SELECT asked.created_at, server_id FROM asked JOIN addition ON addition.id = addition_id
    WHERE asked.created_at > :since AND addition_id <> :but
    AND (state <> 'failed' OR failure_code IN (SELECT value FROM json_each(:in_vain)))
    ORDER BY asked.created_at
"""
OF_SERVER = """
    WITH asked AS (
        SELECT addition_id, created_at FROM addition_request WHERE server_id = :server
        UNION ALL SELECT addition_id, created_at FROM erased_addition_request WHERE server_id = :server
    )
    SELECT min(asked.created_at) AS created_at FROM asked JOIN addition ON addition.id = addition_id
    WHERE asked.created_at > :since AND addition_id <> :but
    AND (state <> 'failed' OR failure_code IN (SELECT value FROM json_each(:in_vain)))
    GROUP BY addition_id ORDER BY 1
"""
WAITING_OF_PERSON = """
    SELECT addition_id FROM addition_request JOIN addition ON addition.id = addition_id
    WHERE person_id = ? AND state = 'waiting' ORDER BY addition_id
"""
# What a hub says of it is asked again a day later.
LOOKED = """
    INSERT INTO hub_look (sha256, page, hub, looked_at, since, added, says, followed, rating)
    SELECT sha256, source ->> 'page', source ->> 'hub', ended_at, ended_at, source, source, placed, source ->> 'rating'
    FROM addition WHERE id = ? AND source ->> 'hub' <> 'attached'
    ON CONFLICT (sha256, page) DO UPDATE SET followed = max(followed, excluded.followed)
"""
# An entry with a file that the operator put into the folder stays the operator's.
ADDED_BY = """
    UPDATE lora SET added_by = :person WHERE added_by IS NULL
    AND id = (SELECT lora_id FROM lora_version WHERE path = :path AND sha256 = :sha256 AND missing = 0)
    AND NOT EXISTS (
        SELECT 1 FROM lora_version WHERE lora_id = lora.id AND missing = 0 AND NOT EXISTS (
            SELECT 1 FROM addition WHERE addition.path = lora_version.path AND state = 'added' AND placed = 1
        )
    )
"""


class AdditionState(StrEnum):
    """How far it is."""

    WAITING = "waiting"
    ADDED = "added"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class LoraAddition:
    """A row of the table; times in unix ms. `source` is JSON, `failure` why it could not be had.

    `placed`: its file was put into the library. Else another file with the same bytes was there.
    """

    id: int
    key: str
    source: str
    path: str
    state: AdditionState
    sha256: str | None
    failure: InferenceError | None
    created_at: int
    ended_at: int | None
    placed: bool


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


async def begin_addition(
    db: Database, *, key: str, source: str, path: str, person_id: int, server_id: int | None
) -> LoraAddition:
    """The addition of this file that is under way, or a new one, with this person among those who ask for it.

    Raises DatabaseError.
    """
    async with db.transaction():
        await people.remember_person(db, person_id)
        if server_id is not None:
            await people.remember_server(db, server_id)
        await db.write(BEGIN, (key, source, path, now_ms()))
        row = await db.fetch_one(WAITING_FOR, (key,))
        assert row is not None
        await db.write(REQUEST_IT, (row["id"], person_id, server_id, now_ms()))
    return _addition(row)


async def change_source(db: Database, addition_id: int, source: str) -> None:
    """What is known of a file that is under way, once another page has told more. Raises DatabaseError."""
    await db.write(CHANGE_SOURCE, (source, addition_id))


async def find_addition(db: Database, addition_id: int) -> LoraAddition | None:
    """The addition of this id. Raises DatabaseError."""
    row = await db.fetch_one(FIND, (addition_id,))
    return _addition(row) if row else None


async def waiting_additions(db: Database) -> list[LoraAddition]:
    """Those that are to be fetched, the oldest first. Raises DatabaseError."""
    return [_addition(row) for row in await db.fetch(WAITING)]


async def waiting_of_person(db: Database, person_id: int) -> list[int]:
    """The ids of those that a person asks for and that are to be fetched. Raises DatabaseError."""
    return [row["addition_id"] for row in await db.fetch(WAITING_OF_PERSON, (person_id,))]


async def sources_of(db: Database, sha256: str) -> list[LoraAddition]:
    """The additions of the file with this SHA-256: first that which put it into the library, then in their order.

    Raises DatabaseError.
    """
    return [_addition(row) for row in await db.fetch(OF_FILE, (sha256, MAX_PAGES))]


async def added_from_model(db: Database, hub: str, *, model_id: int | None, version_id: int | None) -> str | None:
    """The SHA-256 of the file that was added last from a version, or from any of a model's. Raises DatabaseError."""
    row = await db.fetch_one(FROM_MODEL, {"hub": hub, "model": model_id, "version": version_id})
    return None if row is None else row["sha256"]


async def added_from_page(db: Database, page: str) -> list[LoraAddition]:
    """What was added from a page, such as a repository's, the last first. Raises DatabaseError."""
    return [_addition(row) for row in await db.fetch(FROM_PAGE, (page, MAX_FROM_PAGE))]


async def is_added(db: Database, path: str) -> bool:
    """Whether an addition has put the file at this path, relative to the library. Raises DatabaseError."""
    return await db.fetch_one(ADDED_AT, (path,)) is not None


async def note_listed(
    db: Database, sha256: str, source: str, path: str, *, person_id: int, server_id: int | None
) -> None:
    """Note another page that has a file of the library, and who named it: that counts as an addition of theirs.

    The page is asked about, and not followed. Raises DatabaseError.
    """
    async with db.transaction():
        await people.remember_person(db, person_id)
        if server_id is not None:
            await people.remember_server(db, server_id)
        (row,) = await db.write(LISTED, {"sha256": sha256, "source": source, "path": path, "now": now_ms()})
        await db.write(NAMED, (row["id"], person_id, server_id, now_ms()))
        await db.write(LOOKED, (row["id"],))
        await rate_by_pages(db, sha256)


async def find_waiting(db: Database, key: str) -> LoraAddition | None:
    """The addition of this file that is under way, or None. Raises DatabaseError."""
    row = await db.fetch_one(WAITING_FOR, (key,))
    return _addition(row) if row else None


async def requesters_of(db: Database, addition_id: int) -> list[int]:
    """The people who ask for it, the first first. Raises DatabaseError."""
    return [row["person_id"] for row in await db.fetch(REQUESTERS, (addition_id,))]


async def finish_addition(db: Database, addition_id: int, sha256: str) -> LoraAddition | None:
    """It is here; if its file was put into the library, the LoRA is added by who asked first.

    None when it does not wait any more. Raises DatabaseError.
    """
    async with db.transaction():
        rows = await db.write(ADDED, {"sha256": sha256, "now": now_ms(), "id": addition_id})
        first = await db.fetch_one(FIRST_REQUESTER, (addition_id,))
        if rows and first and rows[0]["placed"]:
            owned = {"person": first["person_id"], "path": rows[0]["path"], "sha256": sha256}
            await db.write(ADDED_BY, owned)
        if rows:
            await db.write(LOOKED, (addition_id,))
            await rate_by_pages(db, sha256)
    return _addition(rows[0]) if rows else None


async def fail_addition(db: Database, addition_id: int, error: InferenceError) -> LoraAddition | None:
    """It cannot be had. None when it does not wait any more. Raises DatabaseError."""
    values = (error.code, json.dumps(error.detail), now_ms(), addition_id)
    rows = await db.write(FAILED, values)
    return _addition(rows[0]) if rows else None


async def withdraw_request(
    db: Database, addition_id: int, person_id: int, *, counts: bool = False
) -> LoraAddition | None:
    """Withdraw the person's request; when there is no other, it is cancelled, and that addition returned.

    If it `counts`, because some of the file has come, the last request stays as a record of that. Raises DatabaseError.
    """
    async with db.transaction():
        addition = await find_addition(db, addition_id)
        if addition is None or addition.state is not AdditionState.WAITING:
            return None
        last = await requesters_of(db, addition_id) == [person_id]
        if counts and last:
            found = await db.write(TELL, (addition_id, person_id))
        else:
            found = await db.write(WITHDRAW, (addition_id, person_id))
        if not found or not last:
            return None
        rows = await db.write(CANCEL, (now_ms(), addition_id))
    return _addition(rows[0]) if rows else None


async def find_request(db: Database, addition_id: int, person_id: int) -> AdditionRequest | None:
    """That the person asks for it; None when they do not. Raises DatabaseError."""
    row = await db.fetch_one(REQUEST, (addition_id, person_id))
    return _request(row) if row else None


async def note_answer(
    db: Database,
    addition_id: int,
    person_id: int,
    ticket: str | None,
    message_id: int | None,
    draft_id: int | None = None,
) -> None:
    """Note which answer shows the person how far it is, and the draft that goes on with it. Raises DatabaseError.

    The newest answer counts, and the newest draft.
    """
    await db.write(ANSWERED, (ticket, message_id, now_ms(), draft_id, addition_id, person_id))


async def mark_posting(db: Database, addition_id: int, person_id: int) -> None:
    """Note that a direct message is about to be sent. Raises DatabaseError."""
    await db.write(POSTING, (now_ms(), addition_id, person_id))


async def mark_refused(db: Database, addition_id: int, person_id: int) -> None:
    """Note that no direct message reaches the person: they are told after their next command. Raises DatabaseError."""
    await db.write(REFUSED, (addition_id, person_id))


async def mark_told(db: Database, addition_id: int, person_id: int) -> bool:
    """Note that the person knows how it ended; False when that is noted already. Raises DatabaseError."""
    return bool(await db.write(TELL, (addition_id, person_id)))


async def untold_requests(db: Database) -> list[AdditionRequest]:
    """Requests for ended additions whose people do not know yet, and can be told. Raises DatabaseError."""
    return [_request(row) for row in await db.fetch(UNTOLD)]


async def unreached_requests(db: Database, person_id: int) -> list[AdditionRequest]:
    """Those of a person whom no direct message reached. Raises DatabaseError."""
    return [_request(row) for row in await db.fetch(UNTOLD_OF_PERSON, (person_id,))]


async def recent_requests(
    db: Database, person_id: int, server_id: int | None, now: int, *, but: int = NO_ADDITION
) -> RecentRequests:
    """When what was added, waits or came in vain was asked for in the last 24 hours, but the addition `but`.

    Raises DatabaseError.
    """
    in_vain = json.dumps(FETCHED_IN_VAIN)
    parameters = {"person": person_id, "server": server_id, "since": now - DAY_MS, "but": but, "in_vain": in_vain}
    mine = await db.fetch(OF_PERSON, parameters)
    everybodys = await db.fetch(OF_SERVER, parameters)
    return RecentRequests(
        here=[row["created_at"] for row in mine if row["server_id"] == server_id],
        everywhere=[row["created_at"] for row in mine],
        of_server=[row["created_at"] for row in everybodys],
    )


def _request(row: sqlite3.Row) -> AdditionRequest:
    return AdditionRequest(
        addition_id=row["addition_id"],
        person_id=row["person_id"],
        told=bool(row["told"]),
        ticket=row["ticket"],
        ticket_at=row["ticket_at"],
        message_id=row["message_id"],
        posting_at=row["posting_at"],
        refused=bool(row["refused"]),
        draft_id=row["draft_id"],
    )


def _addition(row: sqlite3.Row) -> LoraAddition:
    code = row["failure_code"]
    return LoraAddition(
        id=row["id"],
        key=row["key"],
        source=row["source"],
        path=row["path"],
        state=AdditionState(row["state"]),
        sha256=row["sha256"],
        failure=InferenceError.from_failed(code, json.loads(row["failure_detail"])) if code else None,
        created_at=row["created_at"],
        ended_at=row["ended_at"],
        placed=bool(row["placed"]),
    )
