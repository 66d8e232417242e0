"""Copies the picture files that a copy of the database names into a folder, which it keeps in step with that copy.

Pictures never change, so an existing file of the same size is up to date: an interrupted run resumes where it was.
Files that the database no longer names were deleted by their owners, so they leave the folder too. A picture that is
lost on this disk and still named stays in the folder.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bot.config.sections.storage import StorageSettings
from bot.database.errors import FolderNotWritable
from bot.file_access import Need, why

MARKER = ".easel-pictures"  # identifies a folder made by this module: only there files are deleted
_PART = ".part"
PICTURES = "SELECT path FROM picture"
INPUTS = """
    SELECT request ->> '$.image.sha256' AS sha256 FROM job
    UNION SELECT wish ->> '$.image.sha256' FROM draft
    UNION SELECT state ->> '$.draft.image.sha256' FROM studio
    UNION SELECT previous ->> '$.draft.image.sha256' FROM studio
    UNION SELECT sha256 FROM given_input
"""


@dataclass
class PictureCopies:
    """The result of a run: files that were linked, copied, already there, deleted, and missing on this disk."""

    linked: int = 0
    copied: int = 0
    kept: int = 0
    deleted: int = 0
    missing: int = 0


def back_up_pictures(
    storage: StorageSettings, copy: Path, folder: Path, progress: Callable[[int, int], None]
) -> PictureCopies:
    """Copy the pictures that the database `copy` names into `folder`, as hard links where the file system allows.

    Raises FolderNotWritable for a folder that has other files in it, or that cannot be written.
    """
    try:
        claim_folder(storage, folder)
        result = PictureCopies()
        sources = (storage.pictures, PICTURES), (storage.inputs, INPUTS)
        with closing(sqlite3.connect(f"{copy.resolve().as_uri()}?mode=ro", uri=True)) as database:
            named = {source: {path for (path,) in database.execute(sql) if path} for source, sql in sources}
        total, done = sum(map(len, named.values())), 0
        for source, paths in named.items():
            target = folder / source.name
            target.mkdir(exist_ok=True)
            for path in sorted(paths):
                _copy(source / path, target / path, result)
                done += 1
                progress(done, total)
            for file in _files(target):
                if file.relative_to(target).as_posix() not in paths:
                    file.unlink()
                    result.deleted += not file.name.endswith(_PART)
    except OSError as problem:
        raise FolderNotWritable(
            f"The pictures cannot be copied to {folder}: {why(problem, folder, Need.FOLDER)}."
        ) from problem
    return result


def claim_folder(storage: StorageSettings, folder: Path) -> None:
    """Mark a new or empty folder as one for copies. Raises FolderNotWritable."""
    marker = folder / MARKER
    data, wanted = storage.folder.resolve(), folder.resolve()
    if wanted.is_relative_to(data / storage.pictures.name) or wanted == data:
        raise FolderNotWritable(f"{folder} holds the pictures themselves. Choose a folder outside of {data}.")
    try:
        if marker.exists():
            return
        if folder.exists() and any(folder.iterdir()):
            raise FolderNotWritable(
                f"{folder} has other files in it. Choose an empty folder, or one that `backup --pictures` made."
            )
        folder.mkdir(parents=True, exist_ok=True)
        marker.write_text("Files here follow Easel's database: `easel backup --pictures` adds and deletes them.\n")
    except OSError as problem:
        raise FolderNotWritable(f"Nothing can be copied to {folder}: {why(problem, folder, Need.FOLDER)}.") from problem


def _copy(source: Path, target: Path, result: PictureCopies) -> None:
    """Link or copy one file. The bot may delete the source meanwhile."""
    try:
        size = source.stat().st_size
    except FileNotFoundError:
        result.missing += not target.exists()
        result.kept += target.exists()
        return
    if target.exists() and target.stat().st_size == size:
        result.kept += 1
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}{_PART}")
    part.unlink(missing_ok=True)
    try:
        try:
            os.link(source, part)
            linked = True
        except FileNotFoundError:
            raise
        except OSError:  # another file system, or one without hard links
            shutil.copy2(source, part)
            linked = False
    except FileNotFoundError:
        result.missing += 1
        return
    part.replace(target)
    result.linked += linked
    result.copied += not linked


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in list(folder.rglob("*")) if path.is_file())
