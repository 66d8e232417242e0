"""Where discord.py's requests go, and what comes back that is none of Discord's answers. Its insides are touched here.

It can be pointed at another Discord-compatible server on this machine.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import aiohttp
import discord.asset
import discord.gateway
import discord.http
import yarl

from bot.config import ConfigError

SECONDS = 10.0
JSON = "application/json"


class NotDiscord(aiohttp.ClientError):
    """Something between us and Discord has answered in its place; like a connection that broke, this passes."""


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


def check_answer(answer: aiohttp.TraceRequestEndParams) -> None:
    """For a client's trace: raise NotDiscord where discord.py takes for Discord's JSON what is none, and stumbles.

    That is any success, and a rate limit of an interaction's token; it looks at other refusals itself.
    """
    response = answer.response
    is_read = response.status in {200, 201} or (response.status == 429 and "Authorization" not in answer.headers)
    if is_read and str(response.url).startswith(api_base()) and response.headers.get("Content-Type") != JSON:
        raise NotDiscord(f"a {response.status} to {response.method} without JSON, from something in between")
