"""What holds in a server for people who have not chosen it themselves. Pure."""

from __future__ import annotations

from bot.database.people.preferences import Preferences
from bot.database.servers.settings import ServerSettings
from bot.library.installed_checkpoints import InstalledCheckpoints
from bot.servers.rights import checkpoint_allowed


def checkpoints_in(installed: InstalledCheckpoints, settings: ServerSettings) -> InstalledCheckpoints:
    """The checkpoints that a server paints with, its default one first: that is taken where a person prefers none.

    Where none of the allowed ones is installed any more it is all of them, and an order is refused with the reason.
    """
    allowed = [name for name in installed.names if checkpoint_allowed(settings, name)] or installed.names
    default = installed.find(settings.default_checkpoint)
    if default is not None and default.name in allowed:
        allowed = [default.name, *(name for name in allowed if name != default.name)]
    return installed if allowed == installed.names else installed.only(allowed)


def shows_prompt(preferences: Preferences, settings: ServerSettings) -> bool:
    """Whether a person's prompts stand under the pictures that everybody sees: as they chose, else as the server."""
    return bool(settings.shows_prompt) if preferences.shows_prompt is None else preferences.shows_prompt
