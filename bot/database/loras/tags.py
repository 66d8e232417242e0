"""Tags: words that subdivide a category, most useful in *other* (photography, lighting, camera …)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot.database.database import Database
from bot.database.search import name_key
from inference.lora.beside.categories import Category

MAX_TAG = 40  # characters

FORGET = "DELETE FROM lora_tag WHERE lora_id = ?"
ADD = "INSERT OR IGNORE INTO lora_tag (category, tag, lora_id) VALUES (?, ?, ?)"
OF_LORA = "SELECT tag FROM lora_tag WHERE lora_id = ? ORDER BY tag"
MOST = "SELECT tag, loras FROM tag WHERE category = ? ORDER BY loras DESC, tag LIMIT ?"


@dataclass(frozen=True)
class TagCount:
    """A tag, and how many entries of a category have it."""

    tag: str
    loras: int


def tag_key(text: str) -> str:
    """The form in which tags are stored and compared: `Colour  Grading` and `colour_grading` are one."""
    return " ".join(name_key(text).replace("_", " ").split())[:MAX_TAG].strip()


async def tags_of(db: Database, lora_id: int) -> tuple[str, ...]:
    """An entry's tags. Raises DatabaseError."""
    return tuple(row["tag"] for row in await db.fetch(OF_LORA, (lora_id,)))


async def popular_tags(db: Database, category: Category, *, limit: int = 25) -> tuple[TagCount, ...]:
    """The tags that most entries of `category` have. Raises DatabaseError."""
    return tuple(TagCount(row["tag"], row["loras"]) for row in await db.fetch(MOST, (category, limit)))


async def write_tags(db: Database, lora_id: int, category: Category, words: Iterable[str]) -> None:
    """Replace the entry's tags with `words`, as a scan found them. Raises DatabaseError."""
    await db.write(FORGET, (lora_id,))
    for tag in dict.fromkeys(map(tag_key, words)):
        if tag:
            await db.write(ADD, (category, tag, lora_id))
