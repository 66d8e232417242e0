"""The token of a cluster: whoever has it can run any code on every machine of the cluster.

It lies where Ray looks for it, in a file that nobody else may read, and never stands on a command line, which everybody
on a machine can read.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from pathlib import Path

TOKEN_VARIABLE, FILE_VARIABLE = "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"
MAX_TOKEN_BYTES = 4096
_TOKEN = re.compile(r"[\x21-\x7e]{8,}")


class TokenRefused(ValueError):
    """There is no usable token; the message says what to do."""


def token_file() -> Path:
    """Where the token lies: the file that the environment names, else Ray's own."""
    named = os.environ.get(FILE_VARIABLE)
    return Path(named) if named else Path.home() / ".ray" / "auth_token"


def is_in_environment() -> bool:
    """Whether the environment holds the token itself, which Ray then takes."""
    return bool(os.environ.get(TOKEN_VARIABLE))


def read_token(file: Path) -> str | None:
    """The token of a file, None where there is no file. Raises TokenRefused, OSError."""
    try:
        mode = file.stat().st_mode
    except FileNotFoundError:
        return None
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # of a folder the system says what it is
        raise TokenRefused(f"{file} is no file that can be read again; give the token with --token-file - on stdin")
    if stat.S_IMODE(mode) & 0o077:
        raise TokenRefused(f"{file} can be read by others; make a new token, or run: chmod 600 {file}")
    with file.open("rb") as opened:
        return checked_token(opened.read(MAX_TOKEN_BYTES + 1).decode("ascii", "replace").strip())


def token_problem(file: Path | None = None) -> str | None:
    """Why this account has no usable token of a cluster, in `file` or where Ray looks; None when it has one."""
    if file is None and is_in_environment():
        return None
    file = file or token_file()
    try:
        if read_token(file) is None:
            return f"there is no token in {file}; copy that of the head there, for this account alone (chmod 600)"
    except TokenRefused as problem:
        return str(problem)
    except OSError as problem:
        return f"{file} cannot be read: {problem.strerror}"
    return None


def checked_token(text: str) -> str:
    """A token as somebody gave it. Raises TokenRefused."""
    if len(text) > MAX_TOKEN_BYTES or not _TOKEN.fullmatch(text):
        raise TokenRefused("this is no token: one has 8 or more letters and digits, and no spaces")
    return text


def new_token() -> str:
    """A token that nobody guesses."""
    return secrets.token_hex(32)


def write_token(file: Path, token: str) -> None:
    """Keep the token, in a file for this account alone. Raises OSError."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)  # nobody else's, and no link
    with open(descriptor, "w", encoding="ascii") as opened:  # noqa: PTH123 (of a descriptor)
        opened.write(token)
    unfinished.replace(file)
