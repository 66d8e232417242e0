"""A server that removes the bot is forgotten after the set time, and a new one to it when it invites it again."""

from __future__ import annotations

import asyncio

from bot.app.assembly import Easel
from bot.database.clock import DAY_MS
from bot.database.servers.left_servers import SERVERS_LEFT
from bot.privacy.retention import Kind
from bot.privacy.stored_data import IMPERSONAL, TABLES
from playground.visible_message import VisibleMessage
from tests.discord.conftest import PATIENCE, Scene, told
from tests.discord.test_server import Harbour, chosen, filled, pressed, server_with_bot
from tests.house import PASTEL


async def until_left(easel: Easel, scene: Scene) -> None:
    """Wait until the bot knows that a server has removed it."""
    async with asyncio.timeout(PATIENCE):
        while not await easel.db.all(SERVERS_LEFT, before=2**62, limit=9):
            await told(scene.grace, "privacy show", in_="dm")


async def named(easel: Easel, server_id: str) -> set[str]:
    """The tables that name a server."""
    found = set[str]()
    for table in [table.name for table in TABLES] + list(IMPERSONAL):
        columns = {row["name"] for row in await easel.db.fetch(f"PRAGMA table_xinfo({table})")}
        if "server_id" in columns:
            rows = await easel.db.fetch(f"SELECT 1 FROM {table} WHERE server_id = ? LIMIT 1", (int(server_id),))
            found |= {table} if rows else set()
    return found


async def settle_in(harbour: Harbour) -> None:
    """Let staff set, limit and block something, and Ada paint."""
    linus = harbour.linus
    page = await chosen(linus, await harbour.panel("places"), "svmodels", f"={PASTEL}")
    assert PASTEL in page.text
    await filled(linus, await harbour.panel("words"), "Add list", name="House", words="zorble")
    await filled(linus, await harbour.panel("blocks"), "Block a user by ID", user=str(10**17 + 5), reason="spam")
    await harbour.painted(checkpoint=PASTEL)
    assert "not allowed" in (await told(harbour.scene.ada, "imagine", in_=harbour.channel, prompt="a zorble")).text


async def test_it_is_forgotten_and_may_come_back(empty: Scene) -> None:
    async with empty.opened() as (easel, _bot):
        harbour = await server_with_bot(empty, "Harbour", "pier")
        await settle_in(harbour)
        assert await named(easel, harbour.id) >= {
            "job",
            "block",
            "word_list",
            "server_settings",
            "audit",
            "daily_usage",
        }
        await empty.control.remove_bot("Harbour")
        await until_left(easel, empty)
        assert next(one for one in await easel.retention.sweep() if one.kind is Kind.SERVERS).count == 0
        assert await named(easel, harbour.id) >= {"job", "block"}, "it may come back"
        await easel.db.write("UPDATE server SET left_at = left_at - ?", (31 * DAY_MS,))
        assert next(one for one in await easel.retention.sweep() if one.kind is Kind.SERVERS).count == 1
        assert await named(easel, harbour.id) == set()
        assert await easel.db.fetch("SELECT 1 FROM server WHERE id = ?", (int(harbour.id),)) == []
        await empty.control.add_bot("Harbour")
        greeted = await greetings(empty, 2)
        page = await pressed(harbour.linus, greeted[-1], "Set up")
        assert "Overview" in page.text
        assert PASTEL not in (await harbour.panel("places")).text
        assert "spam" not in (await harbour.panel("blocks")).text
        assert "House" not in (await harbour.panel("words")).text
        assert harbour.linus.name not in (await harbour.panel("audit")).text
        await empty.painted(await empty.ada.slash("imagine", in_=harbour.channel, prompt="a zorble", steps=1))
        history = await told(empty.ada, "history")
        assert "zorble" in history.text and history.text.count("a red circle") == 1, "what was painted there stays hers"
        assert await named(easel, harbour.id) == {"job", "daily_usage"}


async def greetings(scene: Scene, count: int) -> list[VisibleMessage]:
    async with asyncio.timeout(PATIENCE):
        while True:
            found = [seen for seen in await scene.control.messages("pier") if "Set up" in seen.buttons]
            if len(found) >= count:
                return found
            await told(scene.grace, "privacy show", in_="dm")
