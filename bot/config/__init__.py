"""Settings: the typed form of config.toml.

settings.py      all settings, and reading them from the file and the environment
sections.py      the sections with plain values, one class each; the docstring under a field is its comment
cluster.py       the section about workers on other machines
sources.py       the section about hubs from which people add LoRAs
checkpoints.py   the settings of one checkpoint
word_patterns.py what operators may write as words and patterns; patterns in linear time
variables.py     the environment's variables, and which of them is wrong
changes.py       what differs between two settings, and what needs a restart
presets.py       base models to begin with, and where a checkpoint of each comes from
program.py       what the person who started the program calls it
example.py       prints a config.toml with comments: the docstrings under the fields
"""

from bot.config.checkpoints import CheckpointSettings, Size
from bot.config.sections import (
    LOOPBACK,
    LibrarySettings,
    LimitSettings,
    LogFormat,
    WordListMode,
    WordListSettings,
)
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
    "WordListMode",
    "WordListSettings",
    "load_settings",
    "settings_from",
]
