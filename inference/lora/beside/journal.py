"""Append-only files beside the library, one JSON object a line, which bot and worker both read.

A line is on the disk before anybody goes by it, and no line is ever changed: who reads while another writes sees
whole lines or none.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from pydantic import BaseModel


def read_lines(path: Path) -> list[tuple[int, str]]:
    """The numbered lines that hold something; none when there is no file. Raises OSError or UnicodeDecodeError."""
    try:
        lines = path.read_text("utf-8").split("\n")  # not splitlines: a text in it may hold U+2028 and the like
    except FileNotFoundError:
        return []
    return [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]


def append(path: Path, entry: BaseModel) -> None:
    """Append `entry` as a line and have it on the disk before returning. Raises OSError."""
    with path.open("a+b") as file:
        file.write(_missing_end(file) + entry.model_dump_json().encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _missing_end(file: BinaryIO) -> bytes:
    """The end of line that the last line lacks when its writer was cut short or an editor took it away."""
    if file.seek(0, os.SEEK_END) == 0:
        return b""
    file.seek(-1, os.SEEK_END)
    return b"" if file.read(1) == b"\n" else b"\n"
