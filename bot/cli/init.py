"""`init [--demo] DIR`: a folder to start from."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from bot.app.demo_settings import copy_demo
from bot.cli import DONE
from bot.config import ConfigError
from bot.config.example import config_text

if TYPE_CHECKING:
    from bot.cli import Commands


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add_parser("init", help="write a config.toml to start from into a new or empty folder")
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--demo", action="store_true", help="with the two demo checkpoints and their LoRAs")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the folder; nothing that is there already is touched."""
    folder: Path = options.folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise ConfigError(f"The folder {folder} is not empty; choose a new or an empty one.")
        text = _demo(folder) if options.demo else config_text()
        (folder / "loras").mkdir(exist_ok=True)
        (folder / "config.toml").write_text(text, "utf-8")
    except OSError as problem:
        raise ConfigError(f"The folder {folder} cannot be written: {problem.strerror}.") from None
    print(f"Wrote {folder / 'config.toml'}. Next: python -m bot doctor --config {folder / 'config.toml'}")
    return DONE


def _demo(folder: Path) -> str:
    return config_text(copy_demo(folder), worker={"threads": 1})
