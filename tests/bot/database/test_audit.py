"""The audit log: pages in order, filters, and entries that nobody changes or deletes."""

from __future__ import annotations

import random
import sqlite3

import pytest

from bot.database.database import Database
from bot.database.errors import DatabaseError
from bot.database.servers.audit import AuditAction, AuditEntry, AuditFilter, add_entry, audit_page

HERE, ELSEWHERE = 100, 200
ACTIONS = (AuditAction.BLOCK_PERSON, AuditAction.CHANGE_LIMITS, AuditAction.PAUSE_QUEUE)
INSERT = """
    INSERT INTO audit (server_id, actor_id, action, person_id, target, changes, created_at)
    VALUES (?, ?, ?, ?, 'x', '{}', ?)
"""


async def everything(db: Database, wanted: AuditFilter, *, limit: int = 7) -> list[AuditEntry]:
    """All pages, one after the other."""
    entries: list[AuditEntry] = []
    page = await audit_page(db, HERE, wanted, limit=limit)
    entries += page.entries
    while page.older:
        page, before = await audit_page(db, HERE, wanted, limit=limit, before=page.entries[-1]), page
        assert len(page.entries) <= limit
        entries += page.entries
        back = await audit_page(db, HERE, wanted, limit=limit, after=page.entries[0])
        assert back.entries == before.entries and back.older and back.newer == before.newer
    return entries


async def test_an_entry_is_read_as_it_was_written(db: Database) -> None:
    changes = {"channels": ([], [1, 2]), "language": (None, "ja"), "理由": ("", "荒らし")}
    written = await add_entry(db, HERE, 5, AuditAction.CHANGE_SETTINGS, changes, target="x", person_id=9)
    assert written.changes == changes
    assert (await audit_page(db, HERE, AuditFilter(), limit=5)).entries == [written]
    assert (await audit_page(db, ELSEWHERE, AuditFilter(), limit=5)).entries == []


async def test_pages_and_filters_show_what_a_plain_search_finds(db: Database) -> None:
    rng = random.Random(3)
    for _ in range(300):
        values = (
            rng.choice((HERE, HERE, ELSEWHERE)),
            rng.randint(1, 4),
            rng.choice(ACTIONS).value,
            rng.choice((None, 1, 2, 7)),
            rng.randint(1, 40),  # many at the same time, and not in the order in which they were written
        )
        await db.write(INSERT, values)
    rows = await db.fetch("SELECT * FROM audit WHERE server_id = 100")
    for person in (None, 1, 2, 7, 99):
        for action in (None, *ACTIONS):
            for since, until in ((0, 100), (10, 30), (20, 21)):
                wanted = AuditFilter(person, action, since, until)
                expected = sorted(
                    (
                        (row["created_at"], row["id"])
                        for row in rows
                        if (person is None or person in {row["actor_id"], row["person_id"]})
                        and action in {None, row["action"]}
                        and since <= row["created_at"] < until
                    ),
                    reverse=True,
                )
                found = [(entry.created_at, entry.id) for entry in await everything(db, wanted)]
                assert found == expected, wanted


@pytest.mark.parametrize("sql", ["DELETE FROM audit", "UPDATE audit SET actor_id = 6"])
async def test_nobody_changes_or_deletes_an_entry(db: Database, sql: str) -> None:
    written = await add_entry(db, HERE, 5, AuditAction.BLOCK_PERSON, {})
    with pytest.raises((sqlite3.Error, DatabaseError)):
        await db.write(sql)
    assert (await audit_page(db, HERE, AuditFilter(), limit=5)).entries == [written]
