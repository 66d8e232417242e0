"""Lists of words and patterns that staff keep for their server."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from pydantic import Json

from bot.config.sections.moderation import WordListMode
from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.people import people
from bot.database.query import Query, SqlStatement


@dataclass(frozen=True)
class ServerWordList:
    """A list of a server. `shadowed` counts texts that it would have refused since it was last changed.

    Words inside of the phrases in `exceptions` are allowed. `rule_id` is the AutoMod rule that it was imported from.
    A new list has the id 0.
    """

    server_id: int
    name: str
    words: Json[tuple[str, ...]] = ()
    patterns: Json[tuple[str, ...]] = ()
    exceptions: Json[tuple[str, ...]] = ()
    mode: WordListMode = WordListMode.ACTIVE
    negative_prompts: bool = False
    forms: bool = False
    rule_id: int | None = None
    id: int = 0
    shadowed: int = 0


# The oldest first.
WORD_LISTS = Query(ServerWordList, "SELECT * FROM word_list WHERE server_id = ? ORDER BY id")
ADD_WORD_LIST = Query(
    ServerWordList,
    """
    INSERT INTO word_list (server_id, name, words, patterns, exceptions, mode, negative_prompts, forms, rule_id,
    updated_at)
    VALUES (:server_id, :name, :words, :patterns, :exceptions, :mode, :negative_prompts, :forms, :rule_id, :now)
    RETURNING *
    """,
)
CHANGE_WORD_LIST = SqlStatement("""
    UPDATE word_list SET name = :name, words = :words, patterns = :patterns, exceptions = :exceptions, mode = :mode,
    negative_prompts = :negative_prompts, forms = :forms, shadowed = 0, updated_at = :now
    WHERE server_id = :server_id AND id = :id
""")
DELETE_WORD_LIST = SqlStatement("DELETE FROM word_list WHERE server_id = :server AND id = :id")
# One more text that each of the lists would have refused.
RAISE_SHADOWED = SqlStatement(
    "UPDATE word_list SET shadowed = shadowed + 1 WHERE id IN (SELECT value FROM json_each(?))"
)


async def add_word_list(db: Database, new: ServerWordList) -> ServerWordList:
    """Store a new list, and return it with its id."""
    async with db.transaction():
        await people.remember_server(db, new.server_id)
        return await db.get(ADD_WORD_LIST, **_values(new))


async def change_word_list(db: Database, changed: ServerWordList) -> None:
    """Store the new form of a list, if it still exists, and count anew."""
    await db.run(CHANGE_WORD_LIST, **_values(changed))


def _values(of: ServerWordList) -> dict[str, object]:
    stored = {
        name: json.dumps(lines, ensure_ascii=False)
        for name, lines in (("words", of.words), ("patterns", of.patterns), ("exceptions", of.exceptions))
    }
    return {**asdict(of), **stored, "now": now_ms()}
