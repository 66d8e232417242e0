"""Tells what Discord refuses for good from what may succeed when it is asked again."""

from __future__ import annotations

import aiohttp
import discord

SERVER_ERROR = 500  # from this status on, the request may be retried
TOO_MANY_REQUESTS, UNAUTHORIZED = 429, 401
INVALID_WEBHOOK_TOKEN = 50027  # Discord's code for an expired interaction token

# What asking Discord may raise; the network's own errors among it are never final.
DISCORD_ERRORS = (discord.HTTPException, discord.RateLimited, aiohttp.ClientError, OSError)


def is_final(problem: Exception) -> bool:
    """Whether the same request will be refused for ever.

    Server errors and rate limits pass. A rejected bot token is not final either: with a new one the same works. An
    interaction's token that has expired is.
    """
    if not isinstance(problem, discord.HTTPException):
        return False
    token_rejected = problem.status == UNAUTHORIZED and problem.code != INVALID_WEBHOOK_TOKEN
    return not (problem.status >= SERVER_ERROR or problem.status == TOO_MANY_REQUESTS or token_rejected)
