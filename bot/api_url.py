"""Pointing discord.py at another Discord-compatible server on this machine. Its insides are touched here only."""

from __future__ import annotations

from urllib.parse import urlsplit

import aiohttp
import discord.asset
import discord.gateway
import discord.http
import yarl

from bot.config import ConfigError

SECONDS = 10.0


async def point_at(api_url: str) -> None:
    """Let every later client of this process talk to `api_url`; its gateway is asked from `{api_url}/gateway`.

    Raises ConfigError when nothing that speaks Discord's API answers there.
    """
    try:
        timeout = aiohttp.ClientTimeout(total=SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(f"{api_url}/gateway") as answer:
            answer.raise_for_status()
            gateway = yarl.URL((await answer.json())["url"])
    except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError) as problem:
        raise ConfigError(f"No Discord-compatible server answers at {api_url} ({problem}). Is it running?") from None
    parts = urlsplit(api_url)
    discord.http.Route.BASE = api_url
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = gateway
    # Typed as the one literal it holds, though nothing in the library depends on it.
    discord.asset.Asset.BASE = f"{parts.scheme}://{parts.netloc}"  # pyright: ignore[reportAttributeAccessIssue]


def api_base() -> str:
    """The REST base that clients of this process talk to."""
    return discord.http.Route.BASE
