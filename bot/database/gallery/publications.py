"""Publications: pictures in the art channels of a server, from the intent to post them until their message is gone.

A row is written before anything is sent to Discord, so that after a crash each picture is posted once or not at all:
who finds a row `pending` that was tried looks for its message first. A row that is `pending` and hidden is not posted:
its message goes, and the row waits until nothing hides it any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.gallery.server_trends import raise_trends
from bot.database.gallery.terms import PublishedFacets
from bot.database.people import people
from bot.database.query import Query, SqlStatement
from bot.database.search import indexed
from inference.base_models import BaseModelId
from inference.content_rating import ContentRating


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


@dataclass(frozen=True)
class ChannelWithPublications:
    """A channel in which there are publications."""

    server_id: int
    art_channel_id: int


# It returns no row if the picture is gone, or is published in this server already.
BEGIN_PUBLICATION = Query(
    Publication,
    """
    INSERT INTO publication (
        server_id, job_id, position, person_id, art_channel_id, shows_prompt, names_child, checkpoint, base_model,
        said_level, created_at
    ) SELECT :server, job.id, picture.position, job.person_id, :art_channel, :shows_prompt, :names_child,
    job.checkpoint, :base_model, :said_level, :now
    FROM picture JOIN job ON job.id = picture.job_id WHERE job.id = :job AND picture.position = :position
    ON CONFLICT (server_id, job_id, position) DO NOTHING RETURNING *
    """,
)
ADD_PUBLICATION_LORA = SqlStatement(
    "INSERT INTO publication_lora (publication_id, sha256) VALUES (:publication, :sha256) ON CONFLICT DO NOTHING"
)
# A request to post it is sent now, unless it is not to be posted any more.
NOTE_TRY = SqlStatement("UPDATE publication SET tried_at = :now WHERE id = :id AND state = 'pending' AND hidden = 0")
POST_PUBLICATION = Query(
    Publication,
    """
    UPDATE publication SET state = 'posted', channel_id = :channel, message_id = :message, shown_at = :now,
    shown_likes = :shown_likes WHERE id = :id AND state = 'pending' AND hidden = 0 RETURNING *
    """,
)
# A picture that was deleted or hidden while it was being posted: its message is known now, and goes.
NOTE_MESSAGE = SqlStatement("""
    UPDATE publication SET channel_id = :channel, message_id = :message
    WHERE id = :id AND (state = 'removing' OR hidden = 1)
""")
# The message of a hidden one is gone, so that it may be posted again.
FORGET_MESSAGE = SqlStatement("""
    UPDATE publication SET channel_id = NULL, message_id = NULL, tried_at = NULL WHERE id = ? AND state = 'pending'
""")
NEXT_CHANNEL_WITH_PUBLICATIONS = Query(
    ChannelWithPublications,
    "SELECT server_id, art_channel_id FROM publication WHERE art_channel_id > ? ORDER BY art_channel_id LIMIT 1",
)
# The channels of a server. Each step finds the next channel in the index, however many publications there are.
CHANNELS_WITH_PUBLICATIONS = Query(
    int,
    """
    WITH RECURSIVE here (channel_id) AS (
        SELECT min(art_channel_id) FROM publication WHERE server_id = :server
        UNION ALL SELECT (
            SELECT min(art_channel_id) FROM publication
            WHERE server_id = :server AND art_channel_id > here.channel_id
        ) FROM here WHERE channel_id IS NOT NULL
    ) SELECT channel_id FROM here WHERE channel_id IS NOT NULL
    """,
)
INDEX_PUBLICATION = SqlStatement("INSERT INTO publication_text (rowid, facets, words) VALUES (:id, :facets, :words)")
FORGET_UNPOSTED = SqlStatement("DELETE FROM publication WHERE id = ? AND state = 'pending' AND shown_at = 0")
# Take publications out of the gallery, if that was not done already. Their messages are still to go.
BEGIN_REMOVAL = Query(
    Publication, "UPDATE publication SET state = 'removing' WHERE id = ? AND state <> 'removing' RETURNING *"
)
# From the gallery of a server, or of all servers if `server` is None.
BEGIN_REMOVAL_OF_JOB = Query(
    Publication,
    """
    UPDATE publication SET state = 'removing'
    WHERE job_id = :job AND (:server IS NULL OR server_id = :server) AND state <> 'removing' RETURNING *
    """,
)
BEGIN_REMOVAL_BY_MESSAGE = Query(
    Publication, "UPDATE publication SET state = 'removing' WHERE message_id = ? AND state = 'posted' RETURNING *"
)
BEGIN_REMOVAL_OF_CHANNEL = Query(
    Publication,
    """
    UPDATE publication SET state = 'removing' WHERE id IN (
        SELECT id FROM publication WHERE art_channel_id = :art_channel AND state <> 'removing' ORDER BY id LIMIT :limit
    ) RETURNING *
    """,
)
END_REMOVAL = SqlStatement("DELETE FROM publication WHERE id = ? AND state = 'removing'")
FIND_PUBLICATION = Query(Publication, "SELECT * FROM publication WHERE id = ?")
FIND_PUBLICATIONS = Query(Publication, "SELECT * FROM publication WHERE id IN (SELECT value FROM json_each(?))")
# In all servers.
PUBLICATIONS_OF_JOB = Query(Publication, "SELECT * FROM publication WHERE job_id = ? ORDER BY id")
# Those that are to be posted or removed, behind an id: at a start, what a crash interrupted.
UNSETTLED_PUBLICATIONS = Query(
    Publication,
    """
    SELECT * FROM publication WHERE state <> 'posted' AND id > :after
    AND NOT (state = 'pending' AND hidden = 1 AND message_id IS NULL AND tried_at IS NULL) ORDER BY id LIMIT :limit
    """,
)
# The posted ones of an art channel whose messages have ids below `before`, the newest message first.
POSTED_IN_CHANNEL = Query(
    Publication,
    """
    SELECT * FROM publication
    WHERE art_channel_id = :channel AND state = 'posted' AND message_id < :before AND message_id >= :down_to
    ORDER BY message_id DESC LIMIT :limit
    """,
)
LORAS_OF_PUBLICATION = Query(str, "SELECT sha256 FROM publication_lora WHERE publication_id = ?")


async def begin_publication(db: Database, new: NewPublication) -> Publication | None:
    """Store the intent; None when the picture is gone, or is published in this server already."""
    async with db.transaction():
        await people.remember_server(db, new.server_id)
        base = None if new.base_model is None else str(new.base_model)
        level = None if new.said is None else new.said.level
        begun = await db.one(
            BEGIN_PUBLICATION,
            server=new.server_id, art_channel=new.art_channel_id, job=new.job_id, position=new.position,
            shows_prompt=new.shows_prompt, names_child=new.names_child, base_model=base, said_level=level, now=now_ms(),
        )  # fmt: skip
        if begun is not None:
            for sha256 in new.loras:
                await db.run(ADD_PUBLICATION_LORA, publication=begun.id, sha256=sha256)
    return begun


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

    `shown_likes` is the number in its message.
    """
    async with db.transaction():
        before = await db.one(FIND_PUBLICATION, publication_id)
        posted = await db.one(
            POST_PUBLICATION,
            channel=channel_id,
            message=message_id,
            now=now_ms(),
            shown_likes=shown_likes,
            id=publication_id,
        )
        if posted is None:
            await db.run(NOTE_MESSAGE, channel=channel_id, message=message_id, id=publication_id)
            return None
        loras = await db.all(LORAS_OF_PUBLICATION, posted.id)
        terms = facets.terms(posted.server_id, posted.person_id, posted.base_model, loras)
        await db.run(INDEX_PUBLICATION, id=posted.id, facets=terms, words=indexed(words))
        if before is not None and not before.was_posted:
            await raise_trends(db, posted.server_id, loras, posted.created_at)
    return posted


async def give_up(db: Database, publication_id: int) -> None:
    """Forget one of which it is sure that it is not posted. One that was posted before stays, to be posted later."""
    async with db.transaction():
        await db.run(FORGET_UNPOSTED, publication_id)
        await db.run(FORGET_MESSAGE, publication_id)
