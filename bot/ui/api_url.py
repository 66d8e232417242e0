"""Changes in discord.py's internals: the address of its requests, and a check for responses that are not Discord's.

With `[discord] api_url`, it connects to another Discord-compatible server on this machine.
"""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import aiohttp
import discord.asset
import discord.gateway
import discord.http
import yarl

from bot.config import ConfigError

SECONDS = 10.0
JSON = "application/json"
NO_CONTENT, BAD_REQUEST, TOO_LARGE, TOO_MANY_REQUESTS, SERVER_ERROR = 204, 400, 413, 429, 500


class NotDiscord(aiohttp.ClientError):
    """A proxy responded instead of Discord: a temporary error, like a lost connection."""


async def point_at(api_url: str) -> None:
    """Make every later client of this process use `api_url`, and the gateway that `{api_url}/gateway` names.

    Raises ConfigError when no Discord-compatible server responds.
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
    # It is typed as a literal, though nothing in the library depends on the value.
    discord.asset.Asset.BASE = f"{parts.scheme}://{parts.netloc}"  # pyright: ignore[reportAttributeAccessIssue]


def api_base() -> str:
    """The base URL of the REST API that clients of this process use."""
    return discord.http.Route.BASE


async def check_answer(answer: aiohttp.TraceRequestEndParams) -> None:
    """For a client's HTTP trace: raise NotDiscord for a response that discord.py would wrongly take for Discord's.

    Discord answers in JSON, also when it refuses something; a proxy, a firewall or a login page does not. A 413 counts,
    whoever sends it. discord.py treats errors from 500 on and rate limits as an outage, whoever sends them, but it
    believes every rate limit of an interaction's token.
    """
    response = answer.response
    asked = response.history[0].url if response.history else response.url
    if not str(asked).startswith(api_base()):
        return  # a picture, say
    if response.headers.get("Content-Type") == JSON:
        is_discords = _is_in_form(await response.read(), refusal=response.status >= BAD_REQUEST)
    elif response.status == TOO_MANY_REQUESTS:
        is_discords = "Authorization" in answer.headers
    else:
        is_discords = response.status in {NO_CONTENT, TOO_LARGE} or response.status >= SERVER_ERROR
    if not is_discords:
        raise NotDiscord(f"a {response.status} to {answer.method} that is not Discord's, from something in between")


def _is_in_form(body: bytes, *, refusal: bool) -> bool:
    """Whether it is JSON; a refusal of Discord's has a message."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return not refusal or (isinstance(told, dict) and "message" in told)
