"""Settings: the typed form of config.toml.

settings.py       all settings, read from the file and the environment
section.py        the base class of the sections, and checks that several of them need
sections/         the sections

word_patterns.py  words and patterns of operators, matched in linear time
variables.py      environment variables, and which of them is wrong
unknown_names.py  unknown settings, and similar names of known ones
changes.py        differences between two settings, and which of them need a restart
presets.py        proposed base models, and sources of checkpoints for each
bot_token.py      what a bot token shows without asking Discord
comments.py       the docstrings under the fields
example.py        prints a config.toml with comments; also a short one
reference.py      purpose, values, default and example of each setting, for `config explain`
"""

from bot.config.section import LOOPBACK
from bot.config.sections.checkpoints import CheckpointSettings, Size
from bot.config.sections.library import LibrarySettings
from bot.config.sections.limits import LimitSettings
from bot.config.sections.moderation import WordListMode, WordListSettings
from bot.config.settings import ConfigError, Settings, load_settings, settings_below_environment, settings_from

__all__ = [
    "LOOPBACK",
    "CheckpointSettings",
    "ConfigError",
    "LibrarySettings",
    "LimitSettings",
    "Settings",
    "Size",
    "WordListMode",
    "WordListSettings",
    "load_settings",
    "settings_below_environment",
    "settings_from",
]
