"""The table of stored data names every column that there is, and docs/privacy.md says what it says."""

from __future__ import annotations

import re
from pathlib import Path

from bot.config.sections.storage import StorageSettings
from bot.database.database import Database
from bot.privacy.document import privacy_document
from bot.privacy.stored_data import FILES, IMPERSONAL, TABLES, Fate
from bot.privacy.summary import COUNTED_WITH, LABELS
from tests.bot.database.conftest import db, path
from tools.privacy import PAGE

__all__ = ["db", "path"]  # fixtures

OF_VIRTUAL_TABLE = 1  # a hidden column that each of them has; 2 and 3 are generated ones
SHADOWS = re.compile(r".*_(data|idx|content|docsize|config)|sqlite_.*")  # what FTS5 and SQLite make for themselves


async def columns_of(db: Database, table: str) -> set[str]:
    rows = await db.fetch(f"PRAGMA table_xinfo({table})")
    return {row["name"] for row in rows if row["hidden"] != OF_VIRTUAL_TABLE}


async def test_every_column_has_a_line(db: Database) -> None:
    rows = await db.fetch("SELECT name FROM sqlite_schema WHERE type = 'table'")
    there = {row["name"]: await columns_of(db, row["name"]) for row in rows if not SHADOWS.fullmatch(row["name"])}
    told = {table.name: set(table.columns) for table in TABLES}
    impersonal = {name: set(columns.split()) for name, columns in IMPERSONAL.items()}
    assert not told.keys() & impersonal.keys()
    assert told | impersonal == there


async def test_every_table_that_names_a_person_is_a_persons(db: Database) -> None:
    """Whatever refers to a person, or to something of theirs, goes with the person or is told as what stays."""
    personal = {table.name: table.fate for table in TABLES}
    for table in (*personal, *IMPERSONAL):
        for key in await db.fetch(f"PRAGMA foreign_key_list({table})"):
            if key["table"] in personal and personal[key["table"]] is Fate.DELETED:
                assert table in personal, table
                cascades = key["on_delete"] == "CASCADE"
                assert cascades == (personal[table] is Fate.DELETED), (table, key["on_delete"])


async def test_the_persons_rows_can_be_found(db: Database) -> None:
    for table in TABLES:
        assert set(table.shown) <= set(table.columns)
        if not table.derived:
            assert await db.fetch(table.rows, {"person": 1}) == []


def test_every_table_has_a_label_for_the_person() -> None:
    """So that `/privacy show` leaves out no kind."""
    assert not LABELS.keys() & COUNTED_WITH.keys()
    assert LABELS.keys() | COUNTED_WITH.keys() == {table.name for table in TABLES if not table.derived}
    assert set(COUNTED_WITH.values()) - {"receipt"} <= LABELS.keys()


def test_every_place_that_is_written_has_a_line() -> None:
    named = " ".join(kind.name for kind in FILES)
    technical = {"caps.json", "health.json", "findings.json"}  # what was measured, and how the program is
    places = {place.name for place in StorageSettings(folder=Path("data")).written()}
    assert {place for place in places - technical if place not in named} == set()


def test_the_document_is_written_from_the_table() -> None:
    assert PAGE.read_text("utf-8") == privacy_document(), "python -m tools.privacy"
