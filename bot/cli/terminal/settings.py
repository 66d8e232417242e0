"""The option `--config`, and the settings that it means."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from bot.config import Settings, load_settings
from bot.config.sections.worker import device_name
from bot.program import program

DEFAULT_CONFIG = Path("config.toml")


def add_config(parser: argparse.ArgumentParser) -> None:
    """Declare `--config`."""
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="the settings (default: config.toml here if there is one, else the demo checkpoints)",
    )


def config_file(options: argparse.Namespace) -> Path | None:
    """The file that `--config` means; None for the demo's settings, which are in no file."""
    if options.config is not None:
        return options.config
    return DEFAULT_CONFIG if DEFAULT_CONFIG.is_file() else None


def settings_of(options: argparse.Namespace) -> Settings:
    """The settings that `--config` means. Raises ConfigError."""
    file = config_file(options)
    if file is not None:
        return load_settings(file)
    # Not at the top: with a file, `health` and `status` need neither.
    from platformdirs import user_data_path  # noqa: PLC0415

    from bot.app.demo_settings import settings_without_file  # noqa: PLC0415

    return settings_without_file(user_data_path("easel") / "demo")


def command(words: str, config: Path | None) -> str:
    """A command to type next, with `--config` unless it finds these settings without."""
    if config is None or config.resolve() == DEFAULT_CONFIG.resolve():
        return f"{program()} {words}"
    return f"{program()} {words} --config {shlex.quote(str(config))}"


def device(text: str) -> str:
    """A device as a person types it. Raises ArgumentTypeError."""
    try:
        return device_name(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(f"{problem}.") from None
