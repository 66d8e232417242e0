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
    OPENED = "opened"
    PUBLISHED = "published"


_Days = Annotated[int, Field(ge=0, le=36_500)]


class RetentionSettings(Section):
    """How long data is stored. 0: without limit. `easel retention --dry-run` lists what would be deleted."""

    undo_minutes: Annotated[int, Field(ge=0, le=1440)] = 10
    """Minutes for which users can restore a picture that they deleted. Files are deleted after that. 0: at once."""
    pictures_days: _Days = Field(default=0, examples=[365])
    """Maximum age of pictures. Older ones leave /history and the disk, but stay in Discord."""
    pictures_gigabytes: Annotated[float, Field(ge=0, le=1e6)] = Field(default=0.0, examples=[200])
    """Maximum size of the folder of pictures. The oldest pictures are deleted first."""
    keep: tuple[KeptPicture, ...] = (
        KeptPicture.BOOKMARKED, KeptPicture.IN_STACK, KeptPicture.OPENED, KeptPicture.PUBLISHED,
    )  # fmt: skip
    """Pictures that both limits above keep: with a LoRA that the author bookmarked or saved in a stack, and
    published ones. "opened" delays `pictures_days`: it counts from the last use of a button under the picture."""
    jobs_days: _Days = 90
    """Requests without pictures, with their prompts: failed, cancelled, or with deleted pictures."""
    thumbnails_days: _Days = 90
    """Thumbnails. Easel creates them again when it needs them."""
    drafts_days: _Days = 7
    """Refused requests, which the buttons under the reply need."""
    inputs_days: _Days = 7
    """Start pictures that no picture and no request uses."""
    embeddings_days: _Days = 7
    """Files of encoded prompts ([worker] embedding_files_megabytes), counted from the encoding."""
    states_days: _Days = 1
    """Worker files of finished requests that were not deleted at once."""
    logs_days: _Days = 30
    """Log files in [logs] folder."""
    reports_days: _Days = 365
    """Decided reports with their decisions and appeals, counted from the last decision. Some stay: reports that a
    picture looks like a minor, decisions whose block or content rating is in force, and hashes of removed pictures."""
    audit_days: _Days = 365
    """Entries of servers' audit logs. Entries about stored reports and about blocks in force stay."""
    receipts_days: _Days = 30
    """Receipts of users who deleted all their data."""
    servers_days: _Days = 30
    """Settings of servers that removed the bot. Users keep their own pictures."""
