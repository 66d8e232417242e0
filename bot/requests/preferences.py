"""A person's defaults, which fill in what a draft leaves open."""

from __future__ import annotations

import aiosqlite

from bot.config import CheckpointSettings
from bot.database.preferences import Preferences, find_preferences
from bot.library.installed_checkpoints import InstalledCheckpoints
from bot.requests.builder import RequestDraft


def default_checkpoint(checkpoints: InstalledCheckpoints, preferences: Preferences) -> CheckpointSettings | None:
    """The checkpoint that paints when none is named: the preferred one while it is installed, else the first."""
    return checkpoints.find(preferences.checkpoint) or next(iter(checkpoints), None)


async def usual_checkpoint(
    connection: aiosqlite.Connection, checkpoints: InstalledCheckpoints, person_id: int
) -> CheckpointSettings | None:
    """The checkpoint that paints when this person names none. Raises DatabaseError."""
    return default_checkpoint(checkpoints, await find_preferences(connection, person_id))


def preferred(draft: RequestDraft, checkpoints: InstalledCheckpoints, preferences: Preferences) -> RequestDraft:
    """`draft` with the person's preferences where it leaves something open, as far as these are available."""
    default = default_checkpoint(checkpoints, preferences)
    name = draft.checkpoint or (default.name if default else None)
    checkpoint = checkpoints.find(name)
    offered = checkpoint is not None and preferences.size is not None and checkpoint.size(preferences.size) is not None
    size = preferences.size if draft.size is None and offered else draft.size
    return draft.model_copy(update={"checkpoint": name, "size": size})
