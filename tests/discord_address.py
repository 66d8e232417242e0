"""Where discord.py talks to, which is one for all clients of a process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from discord.asset import Asset
from discord.gateway import DiscordWebSocket
from discord.http import Route


@contextmanager
def address_put_back() -> Iterator[None]:
    """Clients may be connected elsewhere while inside; a bot that other tests of this process share then goes on."""
    before = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY, Asset.BASE
    try:
        yield
    finally:
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY, Asset.BASE = before
