"""What hubs say of the files that came from them, and who is to be told of newer versions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.loras.records import rate_by_pages
from bot.database.query import Query, SqlStatement
from inference.base_models import BaseModelId
from inference.content_rating import ContentRating

CHANGE_LOOK = SqlStatement("""
    UPDATE hub_look SET looked_at = :now, since = iif(state = :state, since, :now), state = :state,
        says = coalesce(:says, says), rating = :rating, newer = :newer, newer_sha256 = :newer_sha256,
        newer_at = CASE
            WHEN :newer_sha256 IS NULL THEN NULL WHEN newer_sha256 IS :newer_sha256 THEN newer_at ELSE :now
        END
    WHERE sha256 = :sha256 AND page = :page
""")
RECORD_KNOWN_PAGE = SqlStatement("""
    INSERT INTO hub_look (sha256, page, hub, looked_at, since, added, says, rating)
    VALUES (:sha256, :page, :hub, :now, :now, :says, :says, :says ->> 'rating')
    ON CONFLICT (sha256, page) DO UPDATE SET followed = 1
""")
LORA_OF_FILE = Query(int, "SELECT lora_id FROM lora_version WHERE sha256 = ? AND usable = 1 LIMIT 1")
NOTE_UPDATE = SqlStatement("""
    INSERT INTO update_notice (person_id, lora_id, newer_sha256, created_at)
    SELECT person_id, lora_id, :newer_sha256, :now FROM bookmark WHERE lora_id = :lora
    ON CONFLICT (person_id, lora_id, newer_sha256) DO NOTHING
""")
# Unless another page still has it.
FORGET_UPDATE = SqlStatement("""
    DELETE FROM update_notice WHERE lora_id = :lora AND newer_sha256 = :newer_sha256 AND told = 0
    AND NOT EXISTS (SELECT 1 FROM hub_look WHERE sha256 = :sha256 AND newer_sha256 = :newer_sha256)
""")


class HubState(StrEnum):
    """Whether a hub still has a file."""

    THERE = "there"
    GONE = "gone"
    ARCHIVED = "archived"
    LOCKED = "locked"  # it is given only to people with access


@dataclass(frozen=True)
class HubLook:
    """A row of the table; times in unix ms. `added`, `says` and `newer` are JSON.

    A page that is not `followed` has the same bytes, and its newer versions are not those of the LoRA here.
    `rating` is the highest that the page ever gave.
    """

    sha256: str
    page: str
    hub: str
    looked_at: int
    state: HubState
    since: int
    added: str
    says: str
    newer: str | None
    newer_sha256: str | None
    newer_at: int | None
    followed: bool
    rating: ContentRating | None


@dataclass(frozen=True)
class DueFile:
    """A page of a file that was not asked about for a while; `says` is what its hub said last."""

    sha256: str
    page: str
    says: str
    base_model: BaseModelId | None
    followed: bool


# Pages of usable files of a hub, last asked about before a time, the longest ago first. A file that is not in the
# library any more is not asked about.
DUE_FILES = Query(
    DueFile,
    """
    SELECT hub_look.sha256, hub_look.page, hub_look.says, hub_look.followed, (
        SELECT base_model FROM lora_version WHERE sha256 = hub_look.sha256 AND usable = 1 LIMIT 1
    ) AS base_model
    FROM hub_look WHERE hub = :hub AND looked_at < :before
    AND EXISTS (SELECT 1 FROM lora_version WHERE sha256 = hub_look.sha256 AND usable = 1)
    ORDER BY looked_at LIMIT :limit
    """,
)
# What hubs said of files, of those that came from one: for each page of them.
LOOKS_OF = Query(
    HubLook,
    """
    SELECT hub_look.* FROM json_each(?) AS wanted CROSS JOIN hub_look ON hub_look.sha256 = wanted.value
    ORDER BY wanted.key, hub_look.since, hub_look.page
    """,
)
# A page that has this newer version of one of the library's files.
LOOK_WITH_NEWER = Query(HubLook, "SELECT * FROM hub_look WHERE newer_sha256 = ? ORDER BY sha256, page LIMIT 1")
# Those of these SHA-256 that usable files of the library have.
INSTALLED_AMONG = Query(
    str,
    """
    SELECT DISTINCT wanted.value AS sha256 FROM json_each(?) AS wanted
    CROSS JOIN lora_version ON lora_version.sha256 = wanted.value AND usable = 1
    """,
)
FIND_LOOK = Query(HubLook, "SELECT * FROM hub_look WHERE sha256 = :sha256 AND page = :page")
# A page was asked about, and said nothing that can be read.
NOTE_ASKED = SqlStatement("UPDATE hub_look SET looked_at = :now WHERE sha256 = :sha256 AND page = :page")
# The bookmarked entries with a newer version of which the person does not know. What was added meanwhile, and what is
# bookmarked no more, is not told.
UNTOLD_UPDATES = Query(
    int,
    """
    SELECT DISTINCT update_notice.lora_id FROM update_notice
    CROSS JOIN bookmark ON bookmark.person_id = update_notice.person_id AND bookmark.lora_id = update_notice.lora_id
    CROSS JOIN lora_version ON lora_version.lora_id = update_notice.lora_id AND usable = 1
    CROSS JOIN hub_look ON hub_look.sha256 = lora_version.sha256 AND hub_look.newer_sha256 = update_notice.newer_sha256
    WHERE update_notice.person_id = ? AND told = 0
    AND NOT EXISTS (SELECT 1 FROM lora_version WHERE sha256 = update_notice.newer_sha256 AND usable = 1)
    ORDER BY update_notice.lora_id LIMIT 1000
    """,
)
# The person knows of the newer versions of these entries that were there at a time (unix ms).
MARK_UPDATES_TOLD = SqlStatement("""
    UPDATE update_notice SET told = 1
    WHERE person_id = :person AND lora_id IN (SELECT value FROM json_each(:ids)) AND told = 0 AND created_at <= :until
""")
# People who want direct messages about newer versions, and got none about some.
PEOPLE_TO_MESSAGE = Query(
    int,
    """
    SELECT DISTINCT update_notice.person_id FROM update_notice
    CROSS JOIN person ON person.id = update_notice.person_id AND settings ->> 'update_messages' = 1
    WHERE told = 0 AND messaged = 0 ORDER BY update_notice.person_id LIMIT 1000
    """,
)
# A direct message about all of them is tried now. Changes no row when it was already.
MARK_MESSAGED = SqlStatement("UPDATE update_notice SET messaged = 1 WHERE person_id = ? AND told = 0 AND messaged = 0")


async def record_look(
    db: Database,
    sha256: str,
    page: str,
    state: HubState,
    *,
    says: str | None = None,
    rating: ContentRating | None = None,
    newer: tuple[str, str] | None = None,
) -> None:
    """Store what a page says of a file now. `newer` is the SHA-256 and the JSON of a newer version.

    The LoRA is rated by the highest `rating` that the page ever gave. Who has it among the bookmarks is to be told of a
    newer version that was not seen before.
    """
    now, (key, told) = now_ms(), newer or (None, None)
    async with db.transaction():
        before = await db.one(FIND_LOOK, sha256=sha256, page=page)
        highest = max(filter(None, (before and before.rating, rating)), default=None)
        await db.run(
            CHANGE_LOOK, sha256=sha256, page=page, now=now, state=state, says=says, rating=highest, newer=told,
            newer_sha256=key,
        )  # fmt: skip
        await rate_by_pages(db, sha256)
        entry = await db.one(LORA_OF_FILE, sha256)
        if before is None or entry is None or before.newer_sha256 == key:
            return
        if before.newer_sha256 is not None:
            await db.run(FORGET_UPDATE, lora=entry, newer_sha256=before.newer_sha256, sha256=sha256)
        if key is not None:
            await db.run(NOTE_UPDATE, newer_sha256=key, now=now, lora=entry)


async def note_known(db: Database, sha256: str, page: str, hub: str, says: str) -> None:
    """A page of a hub has a file of the library that need not have come from there."""
    async with db.transaction():
        await db.run(RECORD_KNOWN_PAGE, sha256=sha256, page=page, hub=hub, now=now_ms(), says=says)
        await rate_by_pages(db, sha256)
