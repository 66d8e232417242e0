"""The settings and the checkpoints that hold now. `bot.app.reloading` replaces them."""

from __future__ import annotations

from collections.abc import Sequence

from bot.config import Settings
from bot.library.installed_checkpoints import InstalledCheckpoints
from inference.messages.checkpoints import CheckpointSpec


class Configuration:
    """The current settings, and the checkpoints that they install.

    Whoever lives longer than one request keeps this object and reads it at each use. What was read does not change,
    so work that has begun ends with the settings it began with.
    """

    def __init__(self, settings: Settings, specs: Sequence[CheckpointSpec]) -> None:
        self.settings = settings
        self.checkpoints = InstalledCheckpoints(settings, specs)

    def replace(self, settings: Settings, specs: Sequence[CheckpointSpec]) -> None:
        """Let other settings hold, with the checkpoints that were identified by them."""
        self.settings = settings
        self.checkpoints = InstalledCheckpoints(settings, specs)
