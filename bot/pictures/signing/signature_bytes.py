"""The bytes that a signature adds to a file. Easel stores these 3 kB instead of a signed copy of the picture."""

from __future__ import annotations

import hashlib
from pathlib import Path
from struct import Struct

_HEAD = 12  # bytes: a RIFF file has its length there
_LAYOUT = Struct(f">32s{_HEAD}sQQ")  # SHA-256 and head of the signed file; lengths of its start and end that stay


def added_bytes(plain: bytes, signed: bytes) -> bytes:
    """Return what `with_added` needs to make `signed` from `plain`. Files of pictures have 12 bytes or more."""
    old, new = plain[_HEAD:], signed[_HEAD:]
    start = _common_start(old, new)
    old_end, new_end = old[start:], new[start:]
    end = len(old_end) if new_end.endswith(old_end) else 0  # a signature is one insertion; anything else is stored
    digest = hashlib.sha256(signed).digest()
    return _LAYOUT.pack(digest, signed[:_HEAD], start, end) + new_end[: len(new_end) - end]


def with_added(plain: bytes, added: bytes) -> bytes | None:
    """Return the signed file; None if `added` is damaged, or belongs to another file."""
    if len(added) < _LAYOUT.size:
        return None
    digest, head, start, end = _LAYOUT.unpack_from(added)
    old = plain[_HEAD:]
    signed = b"".join((head, old[:start], added[_LAYOUT.size :], old[max(len(old) - end, 0) :]))
    return signed if hashlib.sha256(signed).digest() == digest else None


def digest_in(stored: Path) -> bytes:
    """The SHA-256 of the signed file, from a file with `added_bytes`. Raises OSError."""
    with stored.open("rb") as file:
        return file.read(hashlib.sha256().digest_size)


def _common_start(first: bytes, second: bytes) -> int:
    """The number of bytes with which both begin."""
    low, high = 0, min(len(first), len(second))
    while low < high:
        middle = (low + high + 1) // 2
        if first[low:middle] == second[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
