"""Which newer versions of bookmarks a person is told of, and which count as told."""

from __future__ import annotations

from bot.database.additions.hub_looks import MARK_UPDATES_TOLD, UNTOLD_UPDATES
from bot.database.bookmarks.bookmarks import add_bookmark
from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.loras.catalogue import Lora
from bot.ui.views.loras.newer_versions import MAX_SHOWN, loras_to_tell
from inference.content_rating import ContentRating
from tests.bot.database.conftest import add_lora, db, path, sha

__all__ = ["db", "path"]  # fixtures

ADA = 5


async def has_newer(db: Database, name: str, rating: ContentRating) -> Lora:
    """A bookmarked entry with a newer version at its hub."""
    lora = await add_lora(db, name, content_rating=rating.value)
    await add_bookmark(db, ADA, lora.id)
    await db.connection.execute(
        "INSERT INTO hub_look (sha256, page, hub, looked_at, since, added, says, newer, newer_sha256, newer_at) "
        "VALUES (?, '', 'Civitai', 1, 1, '{}', '{}', '{}', ?, 1)",
        (lora.versions[0].sha256, sha(f"newer {name}")),
    )
    await note(db, lora, f"newer {name}", created_at=1)
    return lora


async def note(db: Database, lora: Lora, newer: str, *, created_at: int) -> None:
    await db.connection.execute(
        "INSERT INTO update_notice (person_id, lora_id, newer_sha256, created_at) VALUES (?, ?, ?, ?)",
        (ADA, lora.id, sha(newer), created_at),
    )
    await db.connection.commit()


async def test_what_is_not_shown_here_keeps_nothing_else_from_being_told(db: Database) -> None:
    for number in range(MAX_SHOWN):
        await has_newer(db, f"Hidden {number}", ContentRating.EXPLICIT)
    shown = await has_newer(db, "Shown", ContentRating.GENERAL)
    assert await loras_to_tell(db, ADA, frozenset({ContentRating.GENERAL})) == [shown]


async def test_a_version_that_came_after_the_message_was_made_is_still_told(db: Database) -> None:
    lora, read_at = await has_newer(db, "Komori", ContentRating.GENERAL), now_ms()
    await db.connection.execute("UPDATE hub_look SET newer_sha256 = ?", (sha("still newer"),))
    await note(db, lora, "still newer", created_at=read_at + 1)
    await db.run(MARK_UPDATES_TOLD, person=ADA, ids=[lora.id], until=read_at)
    assert await db.all(UNTOLD_UPDATES, ADA) == [lora.id]
