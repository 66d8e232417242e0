"""The section of config.toml about how long what people leave is kept."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from bot.config.section import Section


class KeptPicture(StrEnum):
    """Why a picture stays when its time is over."""

    BOOKMARKED = "bookmarked"
    IN_STACK = "in_stack"
    PUBLISHED = "published"


_Days = Annotated[int, Field(ge=0, le=36_500)]


class RetentionSettings(Section):
    """How long what people leave is kept: `easel retention --dry-run` tells what would go. 0 is for ever."""

    undo_minutes: Annotated[int, Field(ge=0, le=1440)] = 10
    """How long a person can bring back a picture that they deleted; nothing is gone before. 0: it goes at once."""
    pictures_days: _Days = 0
    """Pictures, since they were painted; they go from /history and from the disk, not from Discord."""
    pictures_gigabytes: Annotated[float, Field(ge=0, le=1e6)] = 0.0
    """The most that the folder of pictures may take; the oldest go first."""
    keep: tuple[KeptPicture, ...] = (KeptPicture.BOOKMARKED, KeptPicture.IN_STACK, KeptPicture.PUBLISHED)
    """Pictures that stay in spite of both: with a LoRA that their owner has bookmarked or in a stack, and published."""
    jobs_days: _Days = 90
    """Orders with their prompts, once they have no pictures: failed, cancelled, or the pictures went before."""
    thumbnails_days: _Days = 90
    """Small pictures for lists; they are made anew when they are needed."""
    drafts_days: _Days = 7
    """Requests that could not be painted, for the buttons under the answer."""
    inputs_days: _Days = 7
    """Pictures to start from that no picture and no order needs."""
    embeddings_days: _Days = 7
    """Encoded prompts in files ([worker] embedding_files_megabytes), since they were encoded."""
    states_days: _Days = 1
    """What a worker left of an order that has ended, where it was not removed at once."""
    logs_days: _Days = 30
    """The files of [logs] folder."""
    receipts_days: _Days = 30
    """Receipts of people who had all deleted."""
    servers_days: _Days = 30
    """Servers that removed the bot, with what their staff have set; people keep their own pictures."""
