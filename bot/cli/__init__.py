"""The commands of `easel`, one small file each: `add` declares its options, `run` does the work.

main.py        reads the command line, runs the command and turns errors into exit codes
run.py         `run`: the bot on Discord
demo.py        `demo`: the bot in a local channel
explain.py     `config explain`: what each setting is for, its values and its current value
doctor.py      `doctor`: checks settings, folders, database, hardware and checkpoints
health.py      `health`: whether the running bot can paint, for a supervisor
paint.py       `paint`: pictures without Discord
sheet.py       `sheet`: a contact sheet of the demo checkpoints
status.py      `status`: how the bot stands, told from its database
library.py     `library scan`, `list` and `declare`
inspect.py     `library inspect`: what single LoRA files are
add_checkpoint.py  `library add-checkpoint`: fetches a checkpoint, or checks files that are here
calibrate.py   `calibrate`: measures how many pictures are worth painting together
cluster.py     `cluster up`, `join`, `status` and `drain`
cluster_node.py  what `cluster up` and `cluster join` do
backup.py      `backup` and `restore`
privacy.py     `privacy show`, `export` and `delete`
reports.py     `reports`: how many reports wait for staff, in which servers and since when
takedown.py    `takedown find`, `list`, `confirm` and `close`
retention.py   `retention`: removes what is older than it is to be kept
init.py        `init`: asks, and writes a folder to start from
invite.py      `invite`: the link by which a server invites the bot, and what each permission is for
token.py       what can be told of a bot token without asking Discord
completion.py  `completion`: prints what lets a shell complete commands and options
ending.py      ends a command in order when a signal asks for it
questions.py   questions to a person at a terminal
output.py      tables and colours on stdout
progress.py    progress bars on stderr
"""

from __future__ import annotations

import argparse
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_data_path

from bot.app.demo_settings import demo_settings
from bot.config import Settings, load_settings
from bot.config.program import program
from bot.config.worker import device_name
from bot.database.errors import DatabaseInUse

if TYPE_CHECKING:
    # argparse names this class with an underscore, and there is no other type for what add_subparsers returns
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage]

    Commands = _SubParsersAction[argparse.ArgumentParser]

DONE, REFUSED, UNUSABLE = 0, 1, 2  # exit codes
DEFAULT_CONFIG = Path("config.toml")


def harmless(text: str) -> str:
    """Text for a terminal: what could move its cursor, colour it or begin a line is written out as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


@contextmanager
def advising(advice: str) -> Generator[None]:
    """Say `advice` when another Easel, which works with the database, keeps a command from doing its work."""
    try:
        yield
    except DatabaseInUse as problem:
        raise DatabaseInUse(problem.path, advice) from None


def discord_id(text: str) -> int:
    """A Discord id as a person types it. Raises ArgumentTypeError."""
    found = int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else 0
    if not 0 < found < 2**63:
        raise argparse.ArgumentTypeError("An id is a number of about 18 digits.")
    return found


def device(text: str) -> str:
    """A device as a person types it. Raises ArgumentTypeError."""
    try:
        return device_name(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(f"{problem}.") from None


def port(text: str) -> int:
    """A port as a person types it; 0 stands for a free one. Raises ArgumentTypeError."""
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and int(text) < 2**16):
        raise argparse.ArgumentTypeError("A port is a number from 0 to 65535.")
    return int(text)


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
    return demo_settings(user_data_path("easel") / "demo") if file is None else load_settings(file)


def command(words: str, config: Path | None) -> str:
    """A command to type next, with `--config` unless it finds these settings without."""
    if config is None or config.resolve() == DEFAULT_CONFIG.resolve():
        return f"{program()} {words}"
    return (
        f'{program()} {words} --config "{config}"' if " " in str(config) else f"{program()} {words} --config {config}"
    )
