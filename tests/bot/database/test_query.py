"""Queries build typed rows, and statements run in transactions."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from enum import StrEnum

import pytest
from pydantic import Json, ValidationError

from bot.database.database import Database
from bot.database.query import Query, SqlStatement

KEEP = SqlStatement("INSERT INTO memo (key, value) VALUES (:key, :value)")
VALUE = Query(str, "SELECT value FROM memo WHERE key = :key")
COUNT = Query(int, "SELECT count(*) FROM memo WHERE key LIKE 'test%'")
REPLACE = Query(str, "UPDATE memo SET value = :value WHERE key = :key RETURNING key")
FORGET = SqlStatement("DELETE FROM memo WHERE key = ?")


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Fact:
    colour: Colour
    shown: bool
    weights: Json[tuple[float, ...]]
    note: str | None


FACT = "SELECT ? AS colour, 1 AS shown, '[0.5, 1]' AS weights, NULL AS note, 'x' AS beside"


async def test_a_dataclass_is_built_by_its_annotations(db: Database) -> None:
    assert await db.one(Query(Fact, FACT), "red") == Fact(Colour.RED, shown=True, weights=(0.5, 1.0), note=None)


async def test_a_value_that_does_not_fit_is_an_error(db: Database) -> None:
    with pytest.raises(ValidationError, match="colour"):
        await db.one(Query(Fact, FACT), "blue")


async def test_scalars_are_the_first_column(db: Database) -> None:
    await db.run(KEEP, key="test", value="1")
    assert await db.one(VALUE, key="test") == "1"
    assert await db.one(VALUE, key="other") is None
    assert await db.all(VALUE, key="test") == ["1"]
    assert await db.get(COUNT) == 1
    ((key, value),) = await db.all(Query(sqlite3.Row, "SELECT key, value FROM memo WHERE key = 'test'"))
    assert (key, value) == ("test", "1")


async def test_a_query_that_writes_also_says_whether_it_changed_a_row(db: Database) -> None:
    assert not await db.run(REPLACE, key="test", value="2")
    await db.run(KEEP, key="test", value="1")
    assert await db.run(REPLACE, key="test", value="2") and await db.one(VALUE, key="test") == "2"


async def test_a_statement_says_whether_it_changed_a_row(db: Database) -> None:
    assert not await db.run(FORGET, "test")
    await db.run(KEEP, key="test", value="1")
    assert await db.run(FORGET, "test")


async def test_a_query_with_returning_is_committed(db: Database) -> None:
    await db.run(KEEP, key="test", value="1")
    assert await db.all(REPLACE, key="test", value="2") == ["test"]
    assert await db.one(VALUE, key="test") == "2"  # by a connection that reads: it sees committed rows


async def test_a_change_whose_rows_do_not_fit_is_undone(db: Database) -> None:
    await db.run(KEEP, key="test", value="1")
    change = "UPDATE memo SET value = value || '2' WHERE key LIKE 'test%' RETURNING key"
    for ask in (db.all, db.one, db.get):
        with pytest.raises(ValidationError, match="integer"):
            await ask(Query(int, change))
    await db.run(KEEP, key="test 2", value="1")
    with pytest.raises(ValueError, match="too many values"):
        await db.get(Query(str, change))
    assert await db.all(Query(str, "SELECT value FROM memo WHERE key LIKE 'test%'")) == ["1", "1"]


async def test_statements_of_a_transaction_are_undone_together(db: Database) -> None:
    async def fail() -> None:
        async with db.transaction():
            await db.run(KEEP, key="test", value="1")
            assert await db.get(COUNT) == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await db.get(COUNT) == 0


@pytest.mark.parametrize(("statement", "writes"), [(KEEP, True), (REPLACE, True), (FORGET, True), (VALUE, False)])
def test_a_statement_knows_whether_it_writes(statement: SqlStatement, writes: bool) -> None:
    assert statement.writes is writes


async def test_a_collection_becomes_json(db: Database) -> None:
    values = Query(int, "SELECT value FROM json_each(?)")
    assert (
        await db.all(values, (1, 2)) == await db.all(values, [1, 2]) == sorted(await db.all(values, {1, 2})) == [1, 2]
    )
    assert await db.all(Query(str, "SELECT value FROM json_each(:names)"), names=frozenset("a")) == ["a"]


@pytest.mark.parametrize(("values", "named"), [(("test",), {"value": "1"}), (("test", "1"), {})])
async def test_several_parameters_must_have_names(db: Database, values: tuple[str, ...], named: dict[str, str]) -> None:
    for ask in (db.all, db.one, db.get, db.run):
        with pytest.raises(TypeError, match="one parameter by position, or all parameters by name"):
            await ask(REPLACE, *values, **named)
