"""Publications: pictures in the art channels of a server, from the intent to post them until their message is gone.

A row is written before anything is sent to Discord, so that after a crash each picture is posted once or not at all:
who finds a row `pending` that was tried looks for its message first. A row that is `pending` and hidden is not posted:
its message goes, and the row waits until nothing hides it any more.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.gallery.server_trends import raise_trends
from bot.database.gallery.terms import PublishedFacets
from bot.database.loras.base_models import stored_base_model
from bot.database.people import people
from bot.database.search import indexed
from inference.base_models import BaseModelId
from inference.content_rating import ContentRating

BEGIN = """
    INSERT INTO publication (
        server_id, job_id, position, person_id, art_channel_id, shows_prompt, names_child, checkpoint, base_model,
        said_level, created_at
    ) SELECT ?, job.id, picture.position, job.person_id, ?, ?, ?, job.checkpoint, ?, ?, ?
    FROM picture JOIN job ON job.id = picture.job_id WHERE job.id = ? AND picture.position = ?
    ON CONFLICT (server_id, job_id, position) DO NOTHING RETURNING *
"""
ADD_LORA = "INSERT INTO publication_lora (publication_id, sha256) VALUES (?, ?) ON CONFLICT DO NOTHING"
TRY = "UPDATE publication SET tried_at = ? WHERE id = ? AND state = 'pending' AND hidden = 0 RETURNING *"
POST = """
    UPDATE publication SET state = 'posted', channel_id = ?, message_id = ?, shown_at = ?, shown_likes = ?
    WHERE id = ? AND state = 'pending' AND hidden = 0 RETURNING *
"""
# A picture that was deleted or hidden while it was being posted: its message is known now, and goes.
NOTE_MESSAGE = """
    UPDATE publication SET channel_id = ?, message_id = ? WHERE id = ? AND (state = 'removing' OR hidden = 1)
"""
FORGET_MESSAGE = """
    UPDATE publication SET channel_id = NULL, message_id = NULL, tried_at = NULL WHERE id = ? AND state = 'pending'
"""
NEXT_CHANNEL = """
    SELECT server_id, art_channel_id FROM publication WHERE art_channel_id > ? ORDER BY art_channel_id LIMIT 1
"""
# Each step finds the next channel in the index, however many publications there are.
CHANNELS = """
    WITH RECURSIVE here (channel_id) AS (
        SELECT min(art_channel_id) FROM publication WHERE server_id = :server
        UNION ALL SELECT (
            SELECT min(art_channel_id) FROM publication
            WHERE server_id = :server AND art_channel_id > here.channel_id
        ) FROM here WHERE channel_id IS NOT NULL
    ) SELECT channel_id FROM here WHERE channel_id IS NOT NULL
"""
INDEX = "INSERT INTO publication_text (rowid, facets, words) VALUES (?, ?, ?)"
GIVE_UP = "DELETE FROM publication WHERE id = ? AND state = 'pending' AND shown_at = 0"
REMOVE = "UPDATE publication SET state = 'removing' WHERE id = ? AND state <> 'removing' RETURNING *"
REMOVE_OF_JOB = """
    UPDATE publication SET state = 'removing'
    WHERE job_id = :job AND (:server IS NULL OR server_id = :server) AND state <> 'removing' RETURNING *
"""
REMOVE_BY_MESSAGE = "UPDATE publication SET state = 'removing' WHERE message_id = ? AND state = 'posted' RETURNING *"
REMOVE_OF_CHANNEL = """
    UPDATE publication SET state = 'removing' WHERE id IN (
        SELECT id FROM publication WHERE art_channel_id = ? AND state <> 'removing' ORDER BY id LIMIT ?
    ) RETURNING *
"""
END = "DELETE FROM publication WHERE id = ? AND state = 'removing'"
FIND = "SELECT * FROM publication WHERE id = ?"
SOME = "SELECT * FROM publication WHERE id IN (SELECT value FROM json_each(?))"
OF_JOB = "SELECT * FROM publication WHERE job_id = ? ORDER BY id"
UNSETTLED = """
    SELECT * FROM publication WHERE state <> 'posted' AND id > ?
    AND NOT (state = 'pending' AND hidden = 1 AND message_id IS NULL AND tried_at IS NULL) ORDER BY id LIMIT ?
"""
POSTED = """
    SELECT * FROM publication
    WHERE art_channel_id = ? AND state = 'posted' AND message_id < ? AND message_id >= ?
    ORDER BY message_id DESC LIMIT ?
"""
LORAS = "SELECT sha256 FROM publication_lora WHERE publication_id = ?"


class PublicationState(StrEnum):
    """`pending` is to be posted, or was, and nobody knows; `removing` is out of the gallery, and its message goes.

    A `pending` one that is hidden is to be posted later.
    """

    PENDING = "pending"
    POSTED = "posted"
    REMOVING = "removing"


@dataclass(frozen=True)
class Publication:
    """A row of the table; times in unix ms. `channel_id` and `message_id` are known once it is posted.

    `person_id` is None once all of its author is deleted. `tried_at` is when a request to post it was sent. A
    `hidden` one is out of its channel and of the gallery until nothing hides it any more.
    """

    id: int
    server_id: int
    job_id: int
    position: int
    person_id: int | None
    art_channel_id: int
    channel_id: int | None
    message_id: int | None
    state: PublicationState
    tried_at: int | None
    hidden: bool
    shows_prompt: bool
    checkpoint: str
    base_model: BaseModelId | None
    likes: int
    recent_likes: int
    shown_likes: int
    shown_at: int
    created_at: int

    @property
    def was_posted(self) -> bool:
        """Whether it was in its channel before."""
        return self.shown_at > 0


@dataclass(frozen=True)
class NewPublication:
    """A picture that is about to be published: the `position`-th of a job, with what was `said` of it for whom it is.

    `said` is the rating of prompt, source and checkpoint by now. `loras` are SHA-256. `names_child`:
    the rule on minors refuses its words beside a rating of mature or higher.
    """

    server_id: int
    job_id: int
    position: int
    art_channel_id: int
    shows_prompt: bool
    base_model: BaseModelId | None
    said: ContentRating | None
    loras: Sequence[str]
    names_child: bool = False


async def begin_publication(db: Database, new: NewPublication) -> Publication | None:
    """Store the intent; None when the picture is gone, or is published in this server already. Raises DatabaseError."""
    async with db.transaction():
        await people.remember_server(db, new.server_id)
        base = None if new.base_model is None else str(new.base_model)
        level = None if new.said is None else new.said.level
        values = (
            *(new.server_id, new.art_channel_id, new.shows_prompt, new.names_child, base, level, now_ms()),
            *(new.job_id, new.position),
        )
        rows = await db.write(BEGIN, values)
        for sha256 in new.loras if rows else ():
            await db.write(ADD_LORA, (rows[0]["id"], sha256))
    return publication_from(rows[0]) if rows else None


async def note_try(db: Database, publication_id: int) -> bool:
    """Store that a request to post it is sent now; False when it is not to be posted any more. Raises DatabaseError."""
    return bool(await db.write(TRY, (now_ms(), publication_id)))


async def mark_posted(
    db: Database,
    publication_id: int,
    channel_id: int,
    message_id: int,
    facets: PublishedFacets,
    words: str,
    *,
    shown_likes: int = 0,
) -> Publication | None:
    """pending -> posted; from now on the gallery finds it by `facets` and `words`. None: deleted or hidden meanwhile.

    `shown_likes` is the number in its message. Raises DatabaseError.
    """
    async with db.transaction():
        before = await find_publication(db, publication_id)
        rows = await db.write(POST, (channel_id, message_id, now_ms(), shown_likes, publication_id))
        if not rows:
            await db.write(NOTE_MESSAGE, (channel_id, message_id, publication_id))
            return None
        posted = publication_from(rows[0])
        loras = await loras_of_publication(db, posted.id)
        terms = facets.terms(posted.server_id, posted.person_id, posted.base_model, loras)
        await db.write(INDEX, (posted.id, terms, indexed(words)))
        if before is not None and not before.was_posted:
            await raise_trends(db, posted.server_id, loras, posted.created_at)
    return posted


async def give_up(db: Database, publication_id: int) -> None:
    """Forget one of which it is sure that it is not posted. One that was posted before stays, to be posted later.

    Raises DatabaseError.
    """
    async with db.transaction():
        await db.write(GIVE_UP, (publication_id,))
        await db.write(FORGET_MESSAGE, (publication_id,))


async def begin_removal(db: Database, publication_id: int) -> Publication | None:
    """Take one out of the gallery; its message is still to go. None: that was done already. Raises DatabaseError."""
    rows = await db.write(REMOVE, (publication_id,))
    return publication_from(rows[0]) if rows else None


async def begin_removal_of_job(db: Database, job_id: int, server_id: int | None = None) -> tuple[Publication, ...]:
    """Take all pictures of a job out of the gallery of a server, or of all servers. Raises DatabaseError."""
    rows = await db.write(REMOVE_OF_JOB, {"job": job_id, "server": server_id})
    return tuple(map(publication_from, rows))


async def begin_removal_by_message(db: Database, message_id: int) -> Publication | None:
    """Take the picture out of the gallery whose message somebody deleted in Discord. Raises DatabaseError."""
    rows = await db.write(REMOVE_BY_MESSAGE, (message_id,))
    return publication_from(rows[0]) if rows else None


async def begin_removal_of_channel(db: Database, channel_id: int, *, limit: int) -> tuple[Publication, ...]:
    """Take pictures out of the gallery that were published in this channel or thread. Raises DatabaseError."""
    return tuple(map(publication_from, await db.write(REMOVE_OF_CHANNEL, (channel_id, limit))))


async def forget_message(db: Database, publication_id: int) -> None:
    """Store that the message of a hidden one is gone, so that it may be posted again. Raises DatabaseError."""
    await db.write(FORGET_MESSAGE, (publication_id,))


async def next_art_channel(db: Database, after: int = 0) -> tuple[int, int] | None:
    """The next channel by id in which there are publications: its server and itself. Raises DatabaseError."""
    row = await db.fetch_one(NEXT_CHANNEL, (after,))
    return None if row is None else (row["server_id"], row["art_channel_id"])


async def channels_with_publications(db: Database, server_id: int) -> tuple[int, ...]:
    """The channels of a server in which there are publications. Raises DatabaseError."""
    return tuple(row["channel_id"] for row in await db.fetch(CHANNELS, {"server": server_id}))


async def end_removal(db: Database, publication_id: int) -> None:
    """Forget one whose message is gone. Raises DatabaseError."""
    await db.write(END, (publication_id,))


async def find_publication(db: Database, publication_id: int) -> Publication | None:
    """The publication with this id, or None. Raises DatabaseError."""
    row = await db.fetch_one(FIND, (publication_id,))
    return None if row is None else publication_from(row)


async def find_publications(db: Database, publication_ids: Collection[int]) -> dict[int, Publication]:
    """Those of these that there are, by id. Raises DatabaseError."""
    rows = await db.fetch(SOME, (json.dumps(list(publication_ids)),))
    return {row["id"]: publication_from(row) for row in rows}


async def publications_of_job(db: Database, job_id: int) -> tuple[Publication, ...]:
    """Where the pictures of a job are published, in all servers. Raises DatabaseError."""
    return tuple(map(publication_from, await db.fetch(OF_JOB, (job_id,))))


async def unsettled_publications(db: Database, *, after: int = 0, limit: int = 100) -> tuple[Publication, ...]:
    """Those that are to be posted or removed, behind the id `after`: at a start, what a crash interrupted.

    Raises DatabaseError.
    """
    return tuple(map(publication_from, await db.fetch(UNSETTLED, (after, limit))))


async def posted_in(
    db: Database, channel_id: int, *, before: int, down_to: int = 0, limit: int
) -> tuple[Publication, ...]:
    """The posted ones of an art channel whose messages have ids below `before`, the newest message first.

    Raises DatabaseError.
    """
    rows = await db.fetch(POSTED, (channel_id, before, down_to, limit))
    return tuple(map(publication_from, rows))


async def loras_of_publication(db: Database, publication_id: int) -> tuple[str, ...]:
    """The SHA-256 of its LoRAs. Raises DatabaseError."""
    return tuple(row["sha256"] for row in await db.fetch(LORAS, (publication_id,)))


def publication_from(row: sqlite3.Row) -> Publication:
    """The publication of a row."""
    columns = {name: row[name] for name in Publication.__dataclass_fields__}
    columns["state"] = PublicationState(columns["state"])
    columns["shows_prompt"] = bool(columns["shows_prompt"])
    columns["hidden"] = bool(columns["hidden"])
    columns["base_model"] = stored_base_model(columns["base_model"])
    return Publication(**columns)
