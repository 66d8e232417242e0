"""Settings: the typed form of config.toml.

settings.py           all settings, and reading them from the file and the environment
section.py            the base class of the sections, and what several of them check

The sections; the docstring under a field is its comment in the example.

word_patterns.py      what operators may write as words and patterns; patterns in linear time
variables.py          the environment's variables, and which of them is wrong
unknown_names.py      names that are no settings: how they are shown, and which settings have a similar name
changes.py            what differs between two settings, and what needs a restart
presets.py            base models to begin with, and where a checkpoint of each comes from
bot_token.py           what can be told of a bot token without asking Discord
comments.py            the docstrings under the fields
example.py            prints a config.toml with comments: the docstrings under the fields; and a short one
reference.py          what each setting is for, its values, default and an example, for `config explain`
sections/  the sections of config.toml. The docstring under a field is its comment in the example
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
