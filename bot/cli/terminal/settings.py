"""The option `--config`, and loading its settings."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from bot.config import Settings, load_settings
from bot.config.sections.worker import device_name
from bot.program import program

DEFAULT_CONFIG = Path("config.toml")


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add the option `--config`."""
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="the settings (default: config.toml here if there is one, else the demo checkpoints)",
    )


def config_file(options: argparse.Namespace) -> Path | None:
    """Return the settings file, or None for the settings of the demo, which have no file."""
    if options.config is not None:
        return options.config
    return DEFAULT_CONFIG if DEFAULT_CONFIG.is_file() else None


def settings_of(options: argparse.Namespace) -> Settings:
    """Load the settings. Raises ConfigError."""
    file = config_file(options)
    if file is not None:
        return load_settings(file)
    # Not at the top: `health` and `status` start faster, and need these modules only without a file.
    from platformdirs import user_data_path  # noqa: PLC0415

    from bot.app.demo_settings import settings_without_file  # noqa: PLC0415

    return settings_without_file(user_data_path("easel") / "demo")


def command(words: str, config: Path | None) -> str:
    """Return a command for the operator to type. It includes `--config` unless `config` is the default file."""
    if config is None or config.resolve() == DEFAULT_CONFIG.resolve():
        return f"{program()} {words}"
    return f"{program()} {words} --config {shlex.quote(str(config))}"


def device(text: str) -> str:
    """Check a typed device name. Raises ArgumentTypeError."""
    try:
        return device_name(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(f"{problem}.") from None
