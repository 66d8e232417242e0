"""Tags: words that subdivide a category, most useful in *other* (photography, lighting, camera …)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot.database.database import Database
from bot.database.query import Query, SqlStatement
from bot.database.search import name_key
from inference.lora.beside.categories import Category

MAX_TAG = 40  # characters

FORGET_TAGS = SqlStatement("DELETE FROM lora_tag WHERE lora_id = ?")
ADD_TAG = SqlStatement("INSERT OR IGNORE INTO lora_tag (category, tag, lora_id) VALUES (:category, :tag, :lora)")
TAGS_OF_LORA = Query(str, "SELECT tag FROM lora_tag WHERE lora_id = ? ORDER BY tag")


@dataclass(frozen=True)
class TagCount:
    """A tag, and how many entries of a category have it."""

    tag: str
    loras: int


# The tags that most entries of a category have.
POPULAR_TAGS = Query(
    TagCount, "SELECT tag, loras FROM tag WHERE category = :category ORDER BY loras DESC, tag LIMIT :limit"
)


def tag_key(text: str) -> str:
    """The form in which tags are stored and compared: `Colour  Grading` and `colour_grading` are one."""
    return " ".join(name_key(text).replace("_", " ").split())[:MAX_TAG].strip()


async def write_tags(db: Database, lora_id: int, category: Category, words: Iterable[str]) -> None:
    """Replace the entry's tags with `words`, as a scan found them."""
    await db.run(FORGET_TAGS, lora_id)
    for tag in dict.fromkeys(map(tag_key, words)):
        if tag:
            await db.run(ADD_TAG, category=category, tag=tag, lora=lora_id)
