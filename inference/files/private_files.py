"""What Easel writes is for the account it runs under alone: pictures hold people's private prompts.

Windows has no such modes; there the calls do no harm, and the folder's own rights count.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

OTHERS = stat.S_IRWXG | stat.S_IRWXO


def keep_private() -> None:
    """From now on this process, and those it starts, make folders of mode 0700 and files of mode 0600."""
    os.umask(OTHERS)


def tighten(folder: Path, ours: Iterable[Path]) -> None:
    """Close `folder` to other accounts, and `ours` with all that is in it.

    Nothing is looked through whose outermost folders are closed already; they are closed last, so that what was
    interrupted is done again. Blocks. Links are left alone, and so is what cannot be changed, such as another
    account's file.
    """
    outermost = [folder, *(path for path in ours if path.exists())]
    if not any(map(_is_open, outermost)):
        return
    for path in outermost[1:]:
        for where, folders, files in os.walk(path):
            for name in (*folders, *files):
                _close(Path(where, name))
    for path in reversed(outermost):
        _close(path)


def write_once(file: Path, data: bytes) -> None:
    """Write a new private file as a whole, and sync it. If the file exists, change nothing. Blocks. Raises OSError.

    If several processes write the same file, the first one wins.
    """
    handle, name = tempfile.mkstemp(prefix=f"{file.name}.", dir=file.parent)  # of mode 0600
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as written:
            written.write(data)
            written.flush()
            os.fsync(written.fileno())
        _publish(partial, file)
    finally:
        partial.unlink(missing_ok=True)


def _publish(partial: Path, file: Path) -> None:
    """Name the partial file `file`, unless `file` exists."""
    try:
        file.hardlink_to(partial)
    except FileExistsError:
        return
    except OSError:  # a file system without hard links
        if not file.exists():
            partial.replace(file)


def _is_open(path: Path) -> bool:
    mode = path.lstat().st_mode
    return bool(mode & OTHERS) and not stat.S_ISLNK(mode)


def _close(path: Path) -> None:
    with suppress(OSError):
        if _is_open(path):
            path.chmod(stat.S_IMODE(path.lstat().st_mode) & ~OTHERS)
