"""A checkpoint as a folder in diffusers' layout: those files of a repository at one commit that are loaded.

Weights are taken as safetensors alone, with the texts that describe them. The commit stands in the name of the folder
in which files are collected, so that a later run goes on with files of the same commit only.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from bot.config.sections.sources import SourcesSettings
from bot.sources.downloads.files import Download, WantedFile
from bot.sources.downloads.placing import PART
from bot.sources.errors import AnswerUnreadable, FileTooLarge, Gone, NoRoom, NoSafetensors
from bot.sources.hubs.http import SourceHttp
from bot.sources.hubs.remote import RemoteFile

INDEXES = ("model_index.json", "modular_model_index.json")
MAX_FILES = 200
MAX_TEXT_BYTES = 64 * 2**20  # of a file that holds no weights; the largest vocabularies have some MB
_UNUSED = frozenset({"safety_checker", "image_encoder", "feature_extractor"})  # listed in folders, and not needed
_PART_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_TEXT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}\.(json|txt|model)")
_STEMS = ("diffusion_pytorch_model", "model")  # in the order in which they are looked for
_WEIGHTS = re.compile(r"(diffusion_pytorch_model|model)(-\d{5}-of-\d{5})?\.safetensors")
_SHARD = re.compile(r"(diffusion_pytorch_model|model)-(\d{5})-of-(\d{5})\.safetensors")
_HALF = re.compile(r"(diffusion_pytorch_model|model)\.fp16\.safetensors")
_CODE = (".bin", ".ckpt", ".pt", ".pth", ".msgpack")

Progress = Callable[[int, int], None]  # bytes so far, bytes in all


@dataclass(frozen=True)
class RemoteFolder:
    """A repository at one commit: its files by path. `base_model` is what its card claims, or its own id."""

    name: str
    commit: str
    base_model: str
    files: Mapping[str, RemoteFile]

    @property
    def is_checkpoint(self) -> bool:
        """Whether it is in diffusers' layout."""
        return self.index is not None

    @property
    def index(self) -> str | None:
        """The file that lists its parts."""
        return next((name for name in INDEXES if name in self.files), None)


class FolderDownload:
    """Fetches a folder to `target`. What an earlier run has fetched of the same commit is kept."""

    def __init__(
        self, http: SourceHttp, folder: RemoteFolder, target: Path, settings: SourcesSettings, progress: Progress
    ) -> None:
        self._http = http
        self._folder = folder
        self._target = target
        self._settings = settings
        self._most = settings.max_checkpoint_gigabytes * 2**30
        self._progress = progress
        self._beside = target.with_name(f"{target.name}.{folder.commit[:12]}{PART}")
        self._done = self._total = 0

    async def run(self) -> None:
        """Fetch it. Raises SourceError or OSError; `target` is there only when all of it is."""
        index = self._folder.index
        assert index is not None, "only checkpoints are fetched"
        await self._fetch(index, self._folder.files[index])
        files = dict(wanted_files(self._folder, await asyncio.to_thread(self._parts, index)))
        await asyncio.to_thread(self._check, files)
        for path, file in files.items():
            await self._fetch(path, file)
        await asyncio.to_thread(self._beside.replace, self._target)

    def _parts(self, index: str) -> list[str]:
        """The parts that the folder lists. Raises AnswerUnreadable."""
        try:
            read: Any = json.loads((self._beside / index).read_bytes())
            listed = cast("dict[str, Any]", read).items()
        except (ValueError, RecursionError, AttributeError):
            raise AnswerUnreadable(host="Hugging Face") from None
        named = [name for name, kind in listed if isinstance(kind, list) and any(cast("list[object]", kind))]
        return [name for name in named if _PART_NAME.fullmatch(name) and name not in _UNUSED]

    def _check(self, files: Mapping[str, RemoteFile]) -> None:
        """Raise FileTooLarge or NoRoom before anything large is fetched."""
        self._total = sum(file.size or 0 for file in files.values())
        if len(files) > MAX_FILES or self._total > self._most:
            raise FileTooLarge(name=self._folder.name, megabytes=self._most // 2**20)
        missing = sum(file.size or 0 for path, file in files.items() if not (self._beside / path).exists())
        if shutil.disk_usage(self._beside).free - missing < self._settings.free_gigabytes * 2**30:
            raise NoRoom(name=self._folder.name)

    async def _fetch(self, path: str, file: RemoteFile) -> None:
        """Fetch one file, unless it is there. Raises SourceError."""
        place = self._beside / path
        if not await asyncio.to_thread(place.exists):
            weights = path.endswith(".safetensors")
            name, most = f"{self._folder.name}/{path}"[:200], self._most if weights else MAX_TEXT_BYTES
            wanted = replace(WantedFile.of(file, name, most, self._settings), weights=weights)
            part = place.with_name(f"{place.name}{PART}")
            await Download(self._http, wanted, part, self._tell).run()
            await asyncio.to_thread(part.replace, place)
        self._done += file.size or 0

    def _tell(self, size: int, _total: int | None) -> None:
        self._progress(self._done + size, max(self._total, self._done + size))


def wanted_files(folder: RemoteFolder, parts: list[str]) -> Iterator[tuple[str, RemoteFile]]:
    """The files that are loaded, each with the path where it goes. Raises NoSafetensors, or Gone without some shards.

    Where a part has its weights in one file and in shards, the one file is taken. Where it has them in half precision
    alone, they go under the plain name.
    """
    for part in parts:
        inside = {path: file for path, file in folder.files.items() if path.startswith(f"{part}/")}
        names = {path.removeprefix(f"{part}/"): file for path, file in inside.items()}
        weights = {name: file for name, file in names.items() if _WEIGHTS.fullmatch(name)}
        if not weights:
            weights = {name.replace(".fp16.", "."): file for name, file in names.items() if _HALF.fullmatch(name)}
        if not weights and any(name.endswith(_CODE) for name in names):
            raise NoSafetensors(host="Hugging Face")
        if whole := {name: file for name, file in weights.items() if "-of-" not in name}:
            weights = whole
        elif weights:
            weights = _shards(names)
        texts = {name: file for name, file in names.items() if _TEXT.fullmatch(name) and ".index." not in name}
        yield from ((f"{part}/{name}", file) for name, file in (texts | weights).items())


def _shards(names: Mapping[str, RemoteFile]) -> dict[str, RemoteFile]:
    """The shards of one set among the files of a part, with their index. Raises Gone when no set is complete."""
    for stem in _STEMS:
        index = f"{stem}.safetensors.index.json"
        found = {name: match for name in names if (match := _SHARD.fullmatch(name)) and match[1] == stem}
        if index in names and _are_all(found.values()):
            return {name: names[name] for name in (index, *found)}
    raise Gone(host="Hugging Face")


def _are_all(shards: Collection[re.Match[str]]) -> bool:
    """Whether these are all that the names number, such as `model-00001-of-00002.safetensors`, and no others."""
    numbers, totals = sorted(int(each[2]) for each in shards), {int(each[3]) for each in shards}
    return bool(numbers) and numbers == list(range(1, len(numbers) + 1)) and totals == {len(numbers)}
