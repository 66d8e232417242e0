"""Finds out whether SQLite's write-ahead log is damaged: SQLite itself drops what it cannot read without a word.

The format is described in https://www.sqlite.org/fileformat2.html#the_write_ahead_log.
"""

from __future__ import annotations

import struct
from pathlib import Path

HEADER, FRAME_HEADER = 32, 24  # bytes
_MAGIC = {0x377F0682: "<", 0x377F0683: ">"}  # and the byte order of what its checksums add up

_Sum = tuple[int, int]


def is_damaged(database: Path) -> bool:
    """Whether the log beside `database` holds anything that SQLite will not take back. Ask before it is opened."""
    try:
        log = database.with_name(f"{database.name}-wal").read_bytes()
    except OSError:
        return False
    if len(log) < HEADER:
        return False
    order = _MAGIC.get(int.from_bytes(log[:4], "big"))
    if order is None:
        return True
    total = _added((0, 0), log[:24], order)
    if total != struct.unpack(">II", log[24:HEADER]):
        return True
    size, salts = FRAME_HEADER + int.from_bytes(log[8:12], "big"), log[16:24]
    ended = False
    for start in range(HEADER, len(log) - size + 1, size):
        frame = log[start : start + size]
        ours = frame[8:16] == salts  # others are left from an earlier round
        if not ended and ours:
            total = _added(_added(total, frame[:8], order), frame[FRAME_HEADER:], order)
            ended = total != struct.unpack(">II", frame[16:FRAME_HEADER])
        elif not ours:
            ended = True
        if ended and ours:
            return True
    return False


def _added(total: _Sum, data: bytes, order: str) -> _Sum:
    one, other = total
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for first, second in zip(words[::2], words[1::2], strict=True):
        one = (one + first + other) & 0xFFFFFFFF
        other = (other + second + one) & 0xFFFFFFFF
    return one, other
