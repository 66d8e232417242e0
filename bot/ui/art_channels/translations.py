"""Turns what Discord answers into the errors of `bot.community.discord_side`."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import discord

from bot.community.discord_side import ArtChannelUnreachable, ChannelClosed, MessageClosed, MessageGone, PostRefused
from bot.ui.interactions.archived_threads import THREAD_IS_ARCHIVED
from bot.ui.interactions.discord_refusals import DISCORD_ERRORS, is_final


@contextmanager
def posting() -> Generator[None]:
    """Raise PostRefused for what Discord refuses for good, ArtChannelUnreachable for what may succeed later."""
    try:
        yield
    except DISCORD_ERRORS as problem:
        raise (PostRefused if is_final(problem) else ArtChannelUnreachable)(str(problem)) from problem


@contextmanager
def editing() -> Generator[None]:
    """The same, with MessageGone and MessageClosed, for a message that was there."""
    try:
        with posting():
            yield
    except PostRefused as refusal:
        problem = refusal.__cause__
        if isinstance(problem, discord.NotFound):
            raise MessageGone(str(problem)) from problem
        if isinstance(problem, discord.HTTPException) and problem.code == THREAD_IS_ARCHIVED:
            raise MessageClosed(str(problem)) from problem
        raise


@contextmanager
def looking() -> Generator[None]:
    """Raise ArtChannelUnreachable for all that Discord does not show: what may be there is not posted again.

    Where that is for a lack of permissions, it is ChannelClosed.
    """
    try:
        yield
    except discord.Forbidden as problem:
        raise ChannelClosed(str(problem)) from problem
    except DISCORD_ERRORS as problem:
        raise ArtChannelUnreachable(str(problem)) from problem
