"""A server that removed the bot is forgotten after the set time, with all that was kept of it; people keep theirs."""

from __future__ import annotations

import pytest

from bot.config import Settings
from bot.config.sections.retention import RetentionSettings
from bot.database.clock import DAY_MS, now_ms
from bot.database.database import Database
from bot.database.people.blocks import BlockKind, save_block
from bot.database.servers.audit import AuditAction, add_entry
from bot.database.servers.left_servers import FORGET_SERVER, NOTE_HERE, NOTE_LEFT, SERVERS_LEFT, forget_server, note_all
from bot.database.servers.limits import HeldLimits, LimitHolder, LimitValues, save_limits
from bot.database.servers.word_lists import ServerWordList, add_word_list
from bot.library.configuration import Configuration
from bot.moderation.enforcement import WordRules
from bot.moderation.word_rules import TextKind
from bot.pictures.thumbnails import Thumbnails
from bot.privacy.file_removal import FileRemoval
from bot.privacy.retention import Kind, Retention
from bot.privacy.stored_data import IMPERSONAL, TABLES
from bot.servers.server_cache import ServerCache
from bot.servers.server_words import ServerWords
from inference.errors import RequestError
from tests.bot.privacy.people import ADA, GRACE, SERVER, live, rows_of
from tests.bot.privacy.test_retention import swept

# Tables whose foreign key to the server's row only clears the column, and why.
CLEARED = {
    "job": "people keep what they had painted there",
    "addition_request": "people are told how it ended, and what they asked for counts",
}


async def test_a_server_that_removed_the_bot_is_forgotten(db: Database, settings: Settings) -> None:
    await live(db, settings, ADA)
    other = SERVER + 1
    for server_id in (SERVER, other):
        await db.run(NOTE_HERE, ids=[server_id], now=now_ms())
        await add_entry(db, server_id, GRACE, AuditAction.PAUSE_QUEUE, {})
    await db.run(NOTE_LEFT, server=SERVER, now=now_ms())
    assert await swept(db, settings, servers_days=30) == {}
    await db.write("UPDATE server SET left_at = left_at - ? WHERE id = ?", (31 * DAY_MS, SERVER))
    assert (await swept(db, settings, servers_days=30))[Kind.SERVERS].count == 1
    for table in [table.name for table in TABLES] + list(IMPERSONAL):
        for column in await server_columns(db, table):
            assert await db.fetch(f"SELECT 1 FROM {table} WHERE {column} = ?", (SERVER,)) == [], table
    assert await db.fetch("SELECT 1 FROM publication_text") == [], "its words name the server"
    assert await db.fetch("SELECT 1 FROM job WHERE person_id = ?", (ADA,)), "people keep what is theirs"
    assert len(await db.fetch("SELECT 1 FROM audit WHERE server_id = ?", (other,))) == 1


async def server_columns(db: Database, table: str) -> set[str]:
    """The columns that hold the id of a server: by their name, or by a foreign key."""
    columns = {row["name"] for row in await db.fetch(f"PRAGMA table_xinfo({table})")}
    keys = await db.fetch(f"PRAGMA foreign_key_list({table})")
    return {name for name in columns if "server_id" in name} | {key["from"] for key in keys if key["table"] == "server"}


async def test_every_table_about_a_server_is_forgotten(db: Database) -> None:
    """By a statement, by a foreign key to the server's row that cascades, or not, for a reason that is listed."""
    named = {each.sql.split()[2] for each in FORGET_SERVER}
    for table in [table.name for table in TABLES] + list(IMPERSONAL):
        keys = await db.fetch(f"PRAGMA foreign_key_list({table})")
        actions = {key["from"]: key["on_delete"] for key in keys if key["table"] == "server"}
        for column in await server_columns(db, table):
            wanted = "SET NULL" if table in CLEARED else "CASCADE"
            assert table in named or actions.get(column) == wanted, (table, column)


async def test_what_is_held_in_memory_of_it_is_forgotten_too(db: Database, settings: Settings) -> None:
    """People use their own installation there meanwhile, so it is read again after the bot has left."""
    await db.run(NOTE_HERE, ids=[SERVER], now=now_ms())
    await save_block(db, SERVER, BlockKind.LORA, 7, reason="x", ends_at=None, created_by=GRACE)
    await save_limits(db, SERVER, HeldLimits(LimitHolder.SERVER, 0, "", LimitValues(pictures_per_day=2)))
    await add_word_list(db, ServerWordList(SERVER, "House", words=("zorble",)))
    cache, words = ServerCache(db), ServerWords(db, WordRules.of_operator(lambda: settings))
    setup, rules = await cache.of(SERVER), await words.of(SERVER)
    assert setup.lora_blocks and setup.limits
    with pytest.raises(RequestError):
        await rules.check("a zorble", TextKind.PROMPT)
    await db.run(NOTE_LEFT, server=SERVER, now=now_ms())
    await db.write("UPDATE server SET left_at = left_at - ?", (31 * DAY_MS,))

    def forget(server_id: int) -> None:
        cache.forget(server_id)
        words.forget(server_id)

    configuration = Configuration(settings.model_copy(update={"retention": RetentionSettings()}), [])
    files = FileRemoval(db, configuration, Thumbnails(settings.storage.thumbnails, settings.storage.pictures))
    await Retention(db, configuration, files, forgotten=forget).sweep()
    setup, rules = await cache.of(SERVER), await words.of(SERVER)
    assert not setup.lora_blocks and not setup.limits
    await rules.check("a zorble", TextKind.PROMPT)


async def test_one_that_invites_the_bot_again_is_not_forgotten(db: Database, settings: Settings) -> None:
    """Also when it does so while servers are being forgotten."""
    await live(db, settings, ADA)
    before = await rows_of(db)
    await db.run(NOTE_LEFT, server=SERVER, now=now_ms())
    assert len(await db.all(SERVERS_LEFT, before=2**62, limit=9)) == 1
    await db.run(NOTE_HERE, ids=[SERVER], now=now_ms())
    await forget_server(db, SERVER)
    assert await db.all(SERVERS_LEFT, before=2**62, limit=9) == []
    assert await rows_of(db) == before


async def test_a_server_is_gone_since_the_first_time_that_this_was_noted(db: Database) -> None:
    for now in (1000, 2000):
        await db.run(NOTE_LEFT, server=SERVER, now=now)
    assert [server.left_at for server in await db.all(SERVERS_LEFT, before=2**62, limit=9)] == [1000]


async def test_what_changed_while_the_bot_was_away_is_noticed(db: Database) -> None:
    for server_id in (1, 2, 3):
        await db.run(NOTE_HERE, ids=[server_id], now=now_ms())
    await db.run(NOTE_LEFT, server=3, now=now_ms())
    await note_all(db, [2, 3, 4])
    assert [server.id for server in await db.all(SERVERS_LEFT, before=2**62, limit=9)] == [1]
