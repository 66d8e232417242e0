"""A person's defaults, which fill in what a draft leaves open."""

from __future__ import annotations

import aiosqlite

from bot.config import CheckpointSettings, Settings
from bot.database.preferences import Preferences, find_preferences
from bot.requests.builder import RequestDraft


def default_checkpoint(settings: Settings, preferences: Preferences) -> CheckpointSettings | None:
    """The checkpoint that paints when none is named: the preferred one while it is installed, else the first."""
    preferred = settings.checkpoint(preferences.checkpoint) if preferences.checkpoint else None
    return preferred or next(iter(settings.checkpoints), None)


async def usual_checkpoint(
    connection: aiosqlite.Connection, settings: Settings, person_id: int
) -> CheckpointSettings | None:
    """The checkpoint that paints when this person names none. Raises DatabaseError."""
    return default_checkpoint(settings, await find_preferences(connection, person_id))


def preferred(draft: RequestDraft, settings: Settings, preferences: Preferences) -> RequestDraft:
    """`draft` with the person's preferences where it leaves something open, as far as these are available."""
    default = default_checkpoint(settings, preferences)
    name = draft.checkpoint or (default.name if default else None)
    checkpoint = settings.checkpoint(name) if name else None
    offered = checkpoint is not None and preferences.size is not None and checkpoint.size(preferences.size) is not None
    size = preferences.size if draft.size is None and offered else draft.size
    return draft.model_copy(update={"checkpoint": name, "size": size})
