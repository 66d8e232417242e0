"""Requests about messages in threads that Discord has archived: the thread is opened, and the request sent again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import discord

T = TypeVar("T")

THREAD_IS_ARCHIVED = 50083  # Discord's code: in such a thread nothing is edited


async def in_open_thread(client: discord.Client, channel_id: int, request: Callable[[], Awaitable[T]]) -> T:
    """The answer to `request`, which is about a message in this channel; an archived thread is opened for it.

    Discord archives it again by itself. Raises what discord.py raises, also when staff have locked the thread.
    """
    try:
        return await request()
    except discord.HTTPException as problem:
        if problem.code != THREAD_IS_ARCHIVED:
            raise
    await client.http.edit_channel(channel_id, archived=False)
    return await request()
