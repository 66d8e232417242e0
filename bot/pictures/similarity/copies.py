"""Finds copies of the pictures of a notice among all that is kept: painted, given to start from, shown of LoRAs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from bot.config import Settings
from bot.database.database import Database
from bot.database.pictures.hashes import all_hashes
from bot.database.privacy.takedown_cases import CopyKind, FoundCopy
from bot.pictures.lora_pictures import PREVIEW_SUFFIXES
from bot.pictures.similarity.perceptual_hash import (
    FOUND_BELOW,
    REFUSED_BELOW,
    distances,
    hash_file,
    hash_upload,
    notice_hashes,
    read,
)

SAMPLES = "samples"  # below the folder of pictures
_AT_ONCE = 200  # files hashed between two reports


def folder_of(kind: CopyKind, settings: Settings) -> Path:
    """Where copies of this kind lie."""
    return {
        CopyKind.PICTURE: settings.storage.pictures,
        CopyKind.SAMPLE: settings.storage.pictures,
        CopyKind.INPUT: settings.storage.inputs,
        CopyKind.PREVIEW: settings.library.folder,
    }[kind]


async def find_copies(
    db: Database, settings: Settings, notice: bytes, report: Callable[[int, int], None]
) -> list[FoundCopy]:
    """What is like a picture of the notice, the most alike first; `report` gets how many files of all were read.

    Raises DatabaseError.
    """
    found: list[FoundCopy] = []
    async for pictures in all_hashes(db):
        hashes = [await _hashed(settings, each.path) if each.hash is None else each.hash for each in pictures]
        near = distances(notice, hashes)
        found += [
            FoundCopy(CopyKind.PICTURE, each.path, each.job_id, distance)
            for each, distance in zip(pictures, near, strict=True)
            if distance < FOUND_BELOW
        ]
    files = await asyncio.to_thread(lambda: list(_files(settings)))
    for begin in range(0, len(files), _AT_ONCE):
        report(begin, len(files))
        found += await asyncio.to_thread(_alike, settings, notice, files[begin : begin + _AT_ONCE])
    report(len(files), len(files))
    return sorted(found, key=lambda copy: copy.distance)


def copies_in_inputs(settings: Settings, pictures: Sequence[Path]) -> list[str]:
    """The names of the files given to start from that are copies of these pictures without anybody looking.

    Takes some 0.1 s for each file. A picture that is too plain, or cannot be read, has no copy. Raises OSError.
    """
    notice = b"".join(notice_hashes(read(path)) for path in pictures if hash_file(path))
    names = sorted(path.name for path in settings.storage.inputs.glob("*") if path.is_file()) if notice else []
    near = distances(notice, [hash_upload(settings.storage.inputs / name) for name in names])
    return [name for name, distance in zip(names, near, strict=True) if distance < REFUSED_BELOW]


async def _hashed(settings: Settings, path: str) -> bytes:
    return await asyncio.to_thread(hash_file, settings.storage.pictures / path)


def _files(settings: Settings) -> Iterable[tuple[CopyKind, str]]:
    """The files of which no hash is kept: they are few, or go by themselves within days."""
    places = (
        (CopyKind.INPUT, settings.storage.inputs.glob("*")),
        (CopyKind.SAMPLE, (settings.storage.pictures / SAMPLES).rglob("*")),
        (CopyKind.PREVIEW, settings.library.folder.rglob("*")),
    )
    for kind, paths in places:
        for path in paths:
            if path.is_file() and (kind is not CopyKind.PREVIEW or path.suffix.lower() in PREVIEW_SUFFIXES):
                yield kind, path.relative_to(folder_of(kind, settings)).as_posix()


def _alike(settings: Settings, notice: bytes, files: Sequence[tuple[CopyKind, str]]) -> list[FoundCopy]:
    hashes = [hash_upload(folder_of(kind, settings) / path) for kind, path in files]
    near = distances(notice, hashes)
    return [
        FoundCopy(kind, path, None, distance)
        for (kind, path), distance in zip(files, near, strict=True)
        if distance < FOUND_BELOW
    ]
