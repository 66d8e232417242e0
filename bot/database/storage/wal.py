"""Detects a damaged write-ahead log: SQLite itself silently drops what it cannot read.

The format is described in https://www.sqlite.org/fileformat2.html#the_write_ahead_log.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

HEADER, FRAME_HEADER = 32, 24  # bytes
_NO_COMMIT = bytes(4)
_MAGIC = {0x377F0682: "<", 0x377F0683: ">"}  # and the byte order of its checksums

_Sum = tuple[int, int]


def is_damaged(database: Path) -> bool:
    """Whether committed frames were lost from the log of `database`. Call this before SQLite opens it.

    A kill and a rollback also leave frames whose checksums do not match, but only behind everything that was committed.
    The last frame of a log that was restarted may be of either kind; it counts as cut off.
    """
    try:
        with database.with_name(f"{database.name}-wal").open("rb") as log:
            return _has_lost(log)
    except OSError:
        return False


def _has_lost(log: BinaryIO) -> bool:
    header = log.read(HEADER)
    if len(header) < HEADER:
        return False
    order = _MAGIC.get(int.from_bytes(header[:4], "big"))
    if order is None:
        return True
    total = _added((0, 0), header[:24], order)
    if total != struct.unpack(">II", header[24:]):
        return True
    size, salts = FRAME_HEADER + int.from_bytes(header[8:12], "big"), header[16:24]
    fits = True
    unfit: list[bool] = []  # of this round's frames, from the first on that does not fit: whether it commits
    older = 0  # frames behind those, left from an earlier round
    while len(frame := log.read(size)) == size:
        ours = frame[8:16] == salts
        if fits and ours:
            total = _added(_added(total, frame[:8], order), frame[FRAME_HEADER:], order)
        fits = fits and ours and total == struct.unpack(">II", frame[16:FRAME_HEADER])
        if ours and not fits:
            unfit.append(frame[4:8] != _NO_COMMIT)
        older = 0 if ours else older + 1
    cut_off = len(unfit) == 1 and older > 0  # between the header of a frame and its page
    return any(unfit) and not cut_off


def _added(total: _Sum, data: bytes, order: str) -> _Sum:
    one, other = total
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for first, second in zip(words[::2], words[1::2], strict=True):
        one = (one + first + other) & 0xFFFFFFFF
        other = (other + second + one) & 0xFFFFFFFF
    return one, other
