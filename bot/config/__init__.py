"""Settings: the typed form of config.toml."""

from bot.config.checkpoints import CheckpointSettings, Size
from bot.config.sections import LOOPBACK, LibrarySettings, LimitSettings, LogFormat
from bot.config.settings import ConfigError, Settings, load_settings, settings_from

__all__ = [
    "LOOPBACK",
    "CheckpointSettings",
    "ConfigError",
    "LibrarySettings",
    "LimitSettings",
    "LogFormat",
    "Settings",
    "Size",
    "load_settings",
    "settings_from",
]
