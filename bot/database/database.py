"""Opening the database, and transactions that stay whole although many coroutines share one connection.

Reads use their own connections, so they wait neither for another task's commit nor for a long query. A query whose
caller was cancelled is interrupted.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import aiosqlite

from bot.database.errors import DatabaseClosed, DatabaseError, NoDatabase, NotADatabase, explain
from bot.database.query import Query, Row, SqlStatement
from bot.database.storage.lock import is_in_use
from bot.database.storage.pseudonyms import Pseudonyms
from bot.database.storage.schema import SCHEMA_FACTS, check_current

if TYPE_CHECKING:
    from bot.database.storage.migrate import Report

BUSY_TIMEOUT_MS = 5000
OLDEST_SQLITE = (3, 42, 0)  # the first whose full text index deletes securely; Debian 12 has 3.40
INDEX_BYTES = 2**20  # upper bound for the index of a log without writes
READERS = 4  # connections, each with a thread: the number of concurrent queries
PROGRESS_STEPS = 50_000  # of SQLite's virtual machine, about 2 ms, after which a query checks whether it was cancelled

Parameters = Sequence[object] | Mapping[str, object]


class _Reader:
    """A read-only connection for one query at a time. It sees committed rows only."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection
        self._abandoned = False

    async def prepare(self, pseudonyms: Pseudonyms) -> None:
        """Prepare the connection. To be called once, before the first query. Raises sqlite3.Error."""
        await _prepare(self._connection, pseudonyms)
        await self._connection.execute("PRAGMA query_only = ON")
        # Not `interrupt()`: called a moment before the query begins in its thread, it does nothing.
        await self._connection.set_progress_handler(lambda: self._abandoned, PROGRESS_STEPS)

    def begin(self, sql: str, parameters: Parameters) -> asyncio.Future[Iterable[sqlite3.Row]]:
        """Run a query; the reader is free again when it has ended."""
        self._abandoned = False
        query = self._connection.execute_fetchall(sql, parameters)  # pyright: ignore[reportArgumentType]
        return asyncio.ensure_future(query)

    def abandon(self) -> None:
        """Interrupt the query, which soon raises an error."""
        self._abandoned = True


class _Readers:
    """The pool of read-only connections."""

    def __init__(self, readers: Iterable[_Reader]) -> None:
        self._idle: asyncio.LifoQueue[_Reader] = asyncio.LifoQueue()  # the newest has a warm cache
        for reader in readers:
            self._idle.put_nowait(reader)

    async def fetch(self, sql: str, parameters: Parameters) -> list[sqlite3.Row]:
        """All rows of a query. A cancelled caller does not wait for the interrupted query. Raises sqlite3.Error."""
        reader = await self._idle.get()
        query = reader.begin(sql, parameters)
        query.add_done_callback(lambda _: self._idle.put_nowait(reader))
        try:
            await asyncio.wait((query,))
        except asyncio.CancelledError:
            reader.abandon()
            query.add_done_callback(
                lambda done: done.cancelled() or done.exception()
            )  # retrieve its exception, which nobody else does
            raise
        return list(query.result())


class Database:
    """An open database: one connection that writes, its lock, and a pool of connections that read.

    A task owns the write lock during its transaction, so it must not await child tasks that write. All methods raise
    DatabaseError.
    """

    def __init__(self, path: Path, connection: aiosqlite.Connection, readers: _Readers) -> None:
        self.connection = connection  # for PRAGMAs; queries use the methods
        self.met_damage = False  # a query failed because the file is damaged
        self._path = path
        self._readers = readers  # for tasks that do not write
        self._lock = asyncio.Lock()
        self._owner: asyncio.Task[object] | None = None
        self._closed = False  # aiosqlite then raises ValueError for each call

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[None]:
        """Commit everything inside together, or nothing if an exception or a cancellation leaves the block.

        Other tasks that write wait for the end of the block. Tasks that read get the rows from before it. A
        transaction inside another one of the same task is a savepoint. A cancellation during the commit does not stop
        the commit.
        """
        if self._is_mine:
            async with self._savepoint():
                yield
            return
        async with self._lock:
            self._owner = asyncio.current_task()
            try:
                with self._explained():
                    await self.connection.execute("BEGIN IMMEDIATE")
                    yield
                    await self.connection.commit()
            except BaseException:
                # aiosqlite executes its calls in order: even if this await is cancelled too, or BEGIN is still queued,
                # the rollback comes before any other BEGIN. Without an open transaction it does nothing.
                if not self._closed:
                    await self.connection.rollback()
                raise
            finally:
                self._owner = None

    async def all(self, query: Query[Row], /, *values: object, **named: object) -> list[Row]:
        """Return all rows of a query. A query that writes runs in a transaction, which ends only if the rows fit.

        A collection as a parameter becomes JSON, for `json_each`.
        """
        async with self._changed_by(query):
            return query.read(await self.fetch(query.sql, _parameters(values, named)))

    async def one(self, query: Query[Row], /, *values: object, **named: object) -> Row | None:
        """Return the first row of a query, or None."""
        return next(iter(await self.all(query, *values, **named)), None)

    async def get(self, query: Query[Row], /, *values: object, **named: object) -> Row:
        """Return the only row of a query that always has one, such as a count."""
        async with self._changed_by(query):
            (row,) = await self.all(query, *values, **named)
            return row

    async def run(self, statement: SqlStatement, /, *values: object, **named: object) -> bool:
        """Run a statement in a transaction. Return whether it changed a row. Parameters are those of `all`."""
        if isinstance(statement, Query):  # an unread row of its RETURNING clause would prevent the commit
            return bool(await self.all(cast("Query[Any]", statement), *values, **named))
        if not self._is_mine:
            async with self.transaction():
                return await self.run(statement, *values, **named)
        with self._explained():
            parameters = _parameters(values, named)
            cursor = await self.connection.execute(statement.sql, parameters)  # pyright: ignore[reportArgumentType]
            return cursor.rowcount > 0

    async def fetch(self, sql: str, parameters: Parameters = ()) -> list[sqlite3.Row]:
        """Return all rows of a SELECT.

        Inside a transaction of this task, the query sees its changes and may write. Elsewhere it sees committed rows.
        """
        with self._explained():
            if self._is_mine:
                return list(await self.connection.execute_fetchall(sql, parameters))  # pyright: ignore[reportArgumentType]
            return await self._readers.fetch(sql, parameters)

    async def fetch_one(self, sql: str, parameters: Parameters = ()) -> sqlite3.Row | None:
        """Return the first row of a SELECT, or None."""
        rows = await self.fetch(sql, parameters)
        return rows[0] if rows else None

    async def write(self, sql: str, parameters: Parameters = ()) -> list[sqlite3.Row]:
        """Run one writing statement in a transaction, and return the rows of its RETURNING clause."""
        if self._is_mine:
            return await self.fetch(sql, parameters)
        async with self.transaction():
            return await self.fetch(sql, parameters)

    async def copy_into(self, target: Path) -> None:
        """Write a copy to the new file `target`, also if the database file was deleted."""
        async with self._lock:
            with self._explained():
                await self.connection.execute("VACUUM INTO ?", (str(target),))

    async def truncate_log(self) -> bool:
        """Write the log into the database and empty its file. Return False while a query reads from the log."""
        async with self._lock:
            with self._explained():
                ((busy, *_),) = await self.connection.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
        return not busy

    def close(self) -> None:
        """Refuse all further queries. Their error says that the program ends."""
        self._closed = True

    @property
    def _is_mine(self) -> bool:
        return self._owner is not None and self._owner is asyncio.current_task()

    def _changed_by(self, query: Query[Any]) -> AbstractAsyncContextManager[None]:
        """A transaction for a query that writes, unless this task has one."""
        return self.transaction() if query.writes and not self._is_mine else nullcontext()

    @asynccontextmanager
    async def _savepoint(self) -> AsyncGenerator[None]:
        """A nested transaction. All levels share one name: SQLite takes the innermost."""
        await self.connection.execute("SAVEPOINT inner_transaction")
        try:
            yield
        except BaseException:
            await self.connection.execute("ROLLBACK TO inner_transaction")
            raise
        finally:
            await self.connection.execute("RELEASE inner_transaction")

    @contextmanager
    def _explained(self) -> Generator[None]:
        """Raise DatabaseError for errors of SQLite and for a closed connection, and note damage."""
        try:
            with _explained(self._path):
                yield
        except (ValueError, sqlite3.ProgrammingError) as problem:
            if not self._closed:
                raise
            raise DatabaseClosed(f"Easel has closed the database {self._path}, because the program ends.") from problem
        except NotADatabase:
            self.met_damage = True
            raise


def _parameters(values: tuple[object, ...], named: dict[str, object]) -> Parameters:
    """One positional parameter, or named ones, for SQLite, with collections as JSON. Raises TypeError for others."""
    if values and (named or len(values) > 1):
        raise TypeError("A statement takes one parameter by position, or all parameters by name.")
    if named:
        return {name: _value(each) for name, each in named.items()}
    return tuple(map(_value, values))


def _value(parameter: object) -> object:
    return json.dumps([*parameter]) if isinstance(parameter, list | tuple | set | frozenset) else parameter


@asynccontextmanager
async def open_database(
    path: Path, clock: Callable[[], float] = time.time, report: Report = lambda title, done, total: None
) -> AsyncGenerator[Database]:
    """Open the database at `path`, creating and migrating it as needed; `clock` is the unix time.

    `report` gets the progress of a migration. Raises DatabaseError.
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise DatabaseError(
            f"SQLite {OLDEST_SQLITE[0]}.{OLDEST_SQLITE[1]} or newer is needed; this Python brings "
            f"{sqlite3.sqlite_version}. Install Easel with another Python, such as one of uv's own (--managed-python)."
        )
    # Not at the top: a program that only reads, such as `status`, would take longer to start.
    from bot.database.storage import preparation  # noqa: PLC0415

    found = await asyncio.to_thread(preparation.prepare_file, path, report)
    pseudonyms = Pseudonyms(path)
    async with _opened(path) as connection:
        with _explained(path):
            await _prepare(connection, pseudonyms)
            await preparation.index_deletions(connection)
            if not found.schema:
                await preparation.number_by_clock(connection, clock())
            await connection.execute("PRAGMA journal_mode = WAL")
            await connection.execute("PRAGMA synchronous = FULL")  # in WAL, NORMAL may lose the last commits
            await connection.execute("PRAGMA foreign_keys = ON")  # not earlier: migrations may rebuild tables
            if found.log_damaged:
                await preparation.skip_lost_numbers(connection, path)
        async with AsyncExitStack() as opened:
            readers = [_Reader(await opened.enter_async_context(_opened(path))) for _ in range(READERS)]
            with _explained(path):
                for reader in readers:
                    await reader.prepare(pseudonyms)
            db = Database(path, connection, _Readers(readers))
            try:
                yield db
            finally:
                db.close()


@asynccontextmanager
async def read_database(path: Path) -> AsyncGenerator[Database]:
    """Open the database at `path` to read it, while another program writes it or not; nobody waits for it.

    Nothing is created and nothing migrated, and no file is left behind. Raises DatabaseError, among them NoDatabase
    and OlderDatabase.
    """
    require_file(path)
    async with _opened(path, _reading_mode(path)) as connection:
        reader = _Reader(connection)
        with _explained(path):
            await reader.prepare(Pseudonyms(path))
            (facts,) = await connection.execute_fetchall(SCHEMA_FACTS)
            check_current(path, *facts)
        yield Database(path, connection, _Readers([reader]))


@asynccontextmanager
async def _opened(path: Path, mode: str = "rw") -> AsyncGenerator[aiosqlite.Connection]:
    address = _uri(path, mode)
    with _explained(path):
        # Connect once here first: if aiosqlite's own thread failed, it could print a traceback at exit.
        await asyncio.to_thread(lambda: sqlite3.connect(address, uri=True).close())
        connection = await aiosqlite.connect(address, uri=True, isolation_level=None)
    try:
        yield connection
    finally:
        await connection.close()


def _uri(path: Path, mode: str) -> str:
    return f"{path.resolve().as_uri()}?mode={mode}"


def _reading_mode(path: Path) -> str:
    """How to open the database at `path` so that reading leaves the folder as it was."""
    if path.with_name(f"{path.name}-wal").exists():
        return "ro"  # a program has it open, or was killed: what the log holds stays there for the next start
    writable = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    if writable and shutil.disk_usage(path.parent).free > INDEX_BYTES:
        return "rw"  # SQLite makes a log and its index, and removes both when the last connection closes
    return "ro&immutable=1"  # without a place for these; nobody changes a database that has no log


def require_file(path: Path) -> None:
    """Raise NoDatabase unless there is a database at `path`."""
    if path.is_file() and path.stat().st_size:
        return
    if is_in_use(path):
        raise NoDatabase(f"The database file {path} was removed while Easel runs. `status` says what to do.")
    raise NoDatabase(f"There is no database {path} yet; the first `run` or `library scan` makes it.")


async def _prepare(connection: aiosqlite.Connection, pseudonyms: Pseudonyms) -> None:
    connection.row_factory = aiosqlite.Row
    function = connection.create_function  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    await function("pseudonym", 1, pseudonyms.of)
    await connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    await connection.execute("PRAGMA trusted_schema = OFF")
    await connection.execute("PRAGMA secure_delete = ON")  # SQLite overwrites deleted rows


@contextmanager
def _explained(path: Path) -> Generator[None]:
    try:
        yield
    except sqlite3.Error as problem:
        reason = explain(problem, path)
        if reason is problem:
            raise
        raise reason from problem
