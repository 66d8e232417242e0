"""No statement of ours reads a whole table that grows with people, LoRAs, pictures or jobs."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import bot.database
from bot.database.database import Database
from bot.database.query import SqlStatement

ROOM = Path(bot.database.__file__).parent
PATHS = {
    ".".join(path.relative_to(ROOM).with_suffix("").parts): path
    for path in sorted(ROOM.rglob("*.py"))
    if path.stem not in {"__init__", "migrate"} and path.parent.name != "migrations"
}
# These read a table from end to end, rarely: an index would cost more with each write than they cost.
RARE = {
    "privacy.erased_rows._NOTE_QUESTIONS": "once for each person who deletes everything; there are few questions",
    "privacy.erased_rows._NOTE_REPORTS": "once for each person who deletes everything; notes are searched for the id",
    "privacy.erased_rows._REPLACE_PERSON": "once for each person who deletes everything; notes are searched for the id",
    "servers.left_servers.FORGET_SERVER": "once for each server that removed the bot long ago",
    "storage.record_of_removals._HASHED": "once after a copy is restored: it hashes the id of every person",
    "pictures.hashes._COUNT_PICTURES": "before a search that reads the hashes of all pictures",
    "loras.catalogue._LORAS": "never run: it converts rows of other queries",
}
# What an operator configured, what was measured of it, where staff paused, deletions, erasures and takedowns, boards;
# the tables' own names and counters; the parameter itself; what a statement has already narrowed down to one person's.
SMALL = {
    "sqlite_schema",
    "sqlite_sequence",
    "pragma_user_version",
    "pragma_application_id",
    "checkpoint",
    "pace",
    "load_time",
    "pause",
    "deletion",
    "erasure",
    "takedown_case",
    "board",
    "json_each",
    "value",
    "wanted",
    "listed",
    "found",
    "here",
    "asked",
}
QUERY_CALL = re.compile(
    r"db\.(?:all|one|get|run|fetch|fetch_one|write)\(\s*(?:Query\([\w.]+, |SqlStatement\()?([^,)]+)"
)
VERBS = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")


def statements() -> Iterator[tuple[str, str]]:
    """Every constant that holds a statement, also in a table or a tuple. A private string is only part of one."""
    for module in PATHS:
        for name, value in vars(importlib.import_module(f"bot.database.{module}")).items():
            is_part = isinstance(value, str) and name.startswith("_")
            for key, statement in several(value) if name.isupper() and not is_part else ():
                sql = statement.sql if isinstance(statement, SqlStatement) else statement
                if isinstance(sql, str) and sql.strip().startswith(VERBS):
                    label = "-".join(str(part) for part in key) if isinstance(key, tuple) else str(key)
                    yield f"{module}.{name}[{label}]", sql


def several(value: object) -> Iterable[tuple[object, object]]:
    """The values of a constant, with their keys."""
    if isinstance(value, dict):
        return value.items()
    return enumerate(value) if isinstance(value, tuple) else [("", value)]


def parameters(sql: str) -> dict[str, object] | tuple[object, ...]:
    """Something for every placeholder; what is meant for MATCH or json_each must be well-formed."""
    named = re.findall(r":([a-z_0-9]+)", sql)
    if named:
        return {name: "[]" if name in {"words", "base_models", "ids", "names"} else "1" for name in named}
    return ("1",) * sql.count("?")


def whole_tables(sql: str, plan: list[str]) -> list[str]:
    """The steps that read a growing table from end to end."""
    bad: list[str] = []
    sorts = any("USE TEMP B-TREE FOR ORDER BY" in step for step in plan)
    for step in plan:
        scan = re.match(r"SCAN (\S+)(.*)", step)
        if scan is None or scan[1] in SMALL or scan[1].startswith(("(", "CONSTANT")):
            continue
        if re.search(r"VIRTUAL TABLE INDEX \d+:[M=]", step):
            continue  # a lookup in the full text index, by MATCH or by rowid
        if "ORDER BY" in sql and "LIMIT" in sql and not sorts:
            continue  # walks in the wanted order and stops at the page's end
        bad.append(step)
    return bad


async def plan_of(db: Database, sql: str) -> list[str]:
    rows = await db.connection.execute_fetchall(f"EXPLAIN QUERY PLAN {sql}", parameters(sql))
    return [row["detail"] for row in rows]


ALL = dict(statements())


async def test_no_statement_reads_a_whole_table(db: Database) -> None:
    plans = {name: await plan_of(db, sql) for name, sql in ALL.items()}
    reading = {name: plan for name, plan in plans.items() if whole_tables(ALL[name], plan)}
    assert {name: plan for name, plan in reading.items() if constant(name) not in RARE} == {}
    assert RARE.keys() <= set(map(constant, reading)), "an exception that nothing needs"


def constant(name: str) -> str:
    """The constant of a statement that has this name in `ALL`."""
    return name.split("[")[0]


def test_every_statement_is_seen() -> None:
    """A statement written inside a function would escape the test above."""
    assert len(ALL) > 600
    for module, path in PATHS.items():
        for call in QUERY_CALL.findall(path.read_text("utf-8")):
            assert re.fullmatch(r"[A-Z_0-9]+(\[.+\])?|sql|statement|query|parameters", call), f"{module}: {call}"


def test_several_parameters_have_names() -> None:
    """Two numbers by position could be swapped unnoticed."""
    assert [name for name, sql in ALL.items() if sql.count("?") > 1] == []


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM job WHERE channel_id = ?",
        "SELECT count(*) FROM lora",
        "SELECT * FROM lora ORDER BY description LIMIT 5",
        "SELECT * FROM bookmark_text WHERE note = ?",
    ],
)
async def test_the_test_would_notice(db: Database, sql: str) -> None:
    assert whole_tables(sql, await plan_of(db, sql))


async def test_deleting_a_parent_finds_its_children_by_an_index(db: Database) -> None:
    """A foreign key without an index reads the whole child table for every deleted parent."""
    tables = await db.connection.execute_fetchall("SELECT name FROM sqlite_schema WHERE type = 'table'")
    for (table,) in tables:
        for key in await db.connection.execute_fetchall(f"PRAGMA foreign_key_list({table})"):
            plan = await plan_of(db, f"SELECT 1 FROM {table} WHERE {key['from']} = ?")
            assert plan[0].startswith("SEARCH"), f"{table}.{key['from']}: {plan}"
