"""Lists of words and patterns that staff keep for their server."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from bot.config.sections.moderation import WordListMode
from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.people import people

OF_SERVER = "SELECT * FROM word_list WHERE server_id = ? ORDER BY id"
ADD = """
    INSERT INTO word_list (server_id, name, words, patterns, exceptions, mode, negative_prompts, forms, rule_id,
    updated_at)
    VALUES (:server_id, :name, :words, :patterns, :exceptions, :mode, :negative_prompts, :forms, :rule_id, :now)
    RETURNING *
"""
CHANGE = """
    UPDATE word_list SET name = :name, words = :words, patterns = :patterns, exceptions = :exceptions, mode = :mode,
    negative_prompts = :negative_prompts, forms = :forms, shadowed = 0, updated_at = :now
    WHERE server_id = :server_id AND id = :id RETURNING *
"""
DELETE = "DELETE FROM word_list WHERE server_id = ? AND id = ? RETURNING id"
COUNT_SHADOWED = "UPDATE word_list SET shadowed = shadowed + 1 WHERE id IN (SELECT value FROM json_each(?))"


@dataclass(frozen=True)
class ServerWordList:
    """A list of a server. `shadowed` counts texts that it would have refused since it was last changed.

    Words inside of the phrases in `exceptions` are allowed. `rule_id` is the AutoMod rule that it was imported from.
    A new list has the id 0.
    """

    server_id: int
    name: str
    words: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    exceptions: tuple[str, ...] = ()
    mode: WordListMode = WordListMode.ACTIVE
    negative_prompts: bool = False
    forms: bool = False
    rule_id: int | None = None
    id: int = 0
    shadowed: int = 0


async def word_lists(db: Database, server_id: int) -> tuple[ServerWordList, ...]:
    """All lists of a server, the oldest first. Raises DatabaseError."""
    return tuple(map(_list_from, await db.fetch(OF_SERVER, (server_id,))))


async def add_word_list(db: Database, new: ServerWordList) -> ServerWordList:
    """Store a new list; it with its id. Raises DatabaseError."""
    async with db.transaction():
        await people.remember_server(db, new.server_id)
        (row,) = await db.write(ADD, _values(new))
    return _list_from(row)


async def change_word_list(db: Database, changed: ServerWordList) -> bool:
    """Store a list that there is in its new form, and count anew; False when it is gone. Raises DatabaseError."""
    return bool(await db.write(CHANGE, _values(changed)))


async def delete_word_list(db: Database, server_id: int, list_id: int) -> bool:
    """Delete a list; False when it is gone. Raises DatabaseError."""
    return bool(await db.write(DELETE, (server_id, list_id)))


async def count_shadowed(db: Database, list_ids: Sequence[int]) -> None:
    """Count one more text that each of the lists would have refused. Raises DatabaseError."""
    await db.write(COUNT_SHADOWED, (json.dumps(list(list_ids)),))


def _values(of: ServerWordList) -> dict[str, object]:
    return {
        "server_id": of.server_id,
        "id": of.id,
        "name": of.name,
        "words": json.dumps(of.words, ensure_ascii=False),
        "patterns": json.dumps(of.patterns, ensure_ascii=False),
        "exceptions": json.dumps(of.exceptions, ensure_ascii=False),
        "mode": of.mode.value,
        "negative_prompts": of.negative_prompts,
        "forms": of.forms,
        "rule_id": of.rule_id,
        "now": now_ms(),
    }


def _list_from(row: sqlite3.Row) -> ServerWordList:
    return ServerWordList(
        server_id=row["server_id"],
        name=row["name"],
        words=tuple(json.loads(row["words"])),
        patterns=tuple(json.loads(row["patterns"])),
        exceptions=tuple(json.loads(row["exceptions"])),
        mode=WordListMode(row["mode"]),
        negative_prompts=bool(row["negative_prompts"]),
        forms=bool(row["forms"]),
        rule_id=row["rule_id"],
        id=row["id"],
        shadowed=row["shadowed"],
    )
