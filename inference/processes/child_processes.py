"""How processes of ours are started: their command, and an environment without the settings."""

from __future__ import annotations

import os
import sys
from pathlib import Path

SETTINGS_PREFIX = "EASEL_"  # of the variables of our settings, in any case


def environment_without_settings() -> dict[str, str]:
    """This program's environment without its settings, among which are all secrets: that of every other process."""
    return {name: value for name, value in os.environ.items() if not name.upper().startswith(SETTINGS_PREFIX)}


def module_command(module: str) -> tuple[str, ...]:
    """The command that runs one of our modules as a process.

    With `-P` a folder `inference` where the program was started is not taken for ours. A checkout that was never
    installed is found through that folder alone.
    """
    started_in_the_source = Path(__file__).parents[2] == Path.cwd()
    return (sys.executable, *(() if started_in_the_source else ("-P",)), "-m", module)
