"""A folder of LoRA files: what is in it, who each file is, and the way to a file that stays inside."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Annotated, BinaryIO

from pydantic import BaseModel, ConfigDict, Field

from inference.base_models import Architecture
from inference.files.hashes import hashes_of
from inference.lora.beside.metadata import evidence_in, trigger_words, written_tags
from inference.lora.beside.sidecar import BadSidecar, Sidecar, read_sidecar, sidecar_paths
from inference.lora.evidence import Evidence, Source, judge
from inference.lora.few_steps import FewSteps, FewStepTestimony, judge_few_steps
from inference.lora.knowledge import FILES, Knowledge
from inference.lora.tensors.header import BadSafetensors, Header, read_header
from inference.lora.verdict import Layers, Verdict, decide, layers_of
from inference.messages.values import Sha256

SUFFIX = ".safetensors"
READERS = min(4, os.cpu_count() or 1)  # threads; hashing leaves Python's lock alone
FILES_AHEAD = 4  # a thread
READING = 1  # version of the code that reads a file; a higher one makes the next scan read all files again
FOREIGN_SUFFIXES = frozenset({".ckpt", ".pt", ".bin", ".pth", ".zip"})


class FileStamp(BaseModel):
    """Enough of a file, and of its sidecars together, to see that none has changed: sizes in bytes, times in ns."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int
    mtime_ns: int
    sidecar_size: int = 0
    sidecar_mtime_ns: int = 0


class FoundLora(BaseModel):
    """One file of the library as a scan found it. With a `problem` it is listed but never painted with.

    `path` is relative to the library, with forward slashes; `metadata` is the part of the file's own that counts
    as evidence, `trigger_words` are candidates from it. As JSON it is what the catalogue keeps, so that an unchanged
    file is read again only if its `reading` is lower than READING.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    stamp: FileStamp
    sha256: Sha256 | None = None
    autov3: Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")] | None = None
    sidecar: Sidecar = Sidecar()
    metadata: dict[str, str] = {}
    layers: Layers | None = None
    trigger_words: tuple[str, ...] = ()
    problem: str | None = None
    reading: int = 0

    @property
    def name(self) -> str:
        """The entry's name: the sidecar's, else the file's."""
        return self.sidecar.name or PurePosixPath(self.path).stem[:100]

    @property
    def version(self) -> str:
        """The version's name within its entry."""
        return self.sidecar.version or PurePosixPath(self.path).stem[:100]

    @property
    def tags(self) -> tuple[str, ...]:
        """What it is about: the sidecar's words, else those its maker wrote into the file."""
        return self.sidecar.tags or written_tags(self.metadata)

    def judge(self, known: Knowledge) -> Evidence:
        """Its base model and whether it is a few-step LoRA, and how we know both."""
        if self.sha256 is None:
            return Evidence(None, Source.NONE)
        verdict = self.verdict(known)
        if verdict is None:
            return self._heard(self.sha256, known)
        evidence = verdict.evidence
        base = evidence.base_model.architecture if evidence.base_model else verdict.fit.base
        return replace(evidence, few_steps=self._few_steps(self.sha256, base, known))

    def verdict(self, known: Knowledge) -> Verdict | None:
        """Everything that is known of it; None for a file that could not be read."""
        if self.sha256 is None or self.layers is None:
            return None
        return decide(self.layers, self._heard(self.sha256, known), self.metadata)

    def _few_steps(self, sha256: str, base: str | None, known: Knowledge) -> FewSteps:
        """Whether it is a few-step LoRA; `base` is the architecture, if it is known."""
        answers = [answer for answer in known.answers.get(sha256, ()) if answer.base_model is not None]
        hub_bases = {answer.base_model for answer in answers}
        pinned = self.sidecar.sha256 == sha256
        return judge_few_steps(
            FewStepTestimony(
                architecture=Architecture(base) if base in set(Architecture) else None,
                file_name=self.sidecar.file_name or PurePosixPath(self.path).name,
                metadata=self.metadata,
                told=self.sidecar.few_steps if pinned or self.sidecar.sha256 is None else None,
                pinned=pinned,
                known=known.few_steps.get(sha256),
                hub_base=hub_bases.pop() if len(hub_bases) == 1 else None,
                hub_name=" · ".join(answer.name for answer in answers),
            )
        )

    def _heard(self, sha256: str, known: Knowledge) -> Evidence:
        return judge(sha256, self.metadata, self.sidecar, known, file_name=PurePosixPath(self.path).name)

    @property
    def outdated(self) -> bool:
        """Whether the file should be read again although it has not changed."""
        return self.sha256 is not None and self.reading < READING


class OutsideLibrary(Exception):
    """A path leads out of the library."""


def resolve(library: Path, relative: str) -> Path:
    """The file at `relative` inside `library`. Raises OutsideLibrary for a path or link that leads out of it."""
    root = library.resolve()
    if "\0" in relative or "\\" in relative or not relative.endswith(SUFFIX):
        raise OutsideLibrary(relative)
    try:
        path = (root / relative).resolve()
    except RuntimeError:  # links in a circle
        raise OutsideLibrary(relative) from None
    if not path.is_relative_to(root):
        raise OutsideLibrary(relative)
    return path


def open_regular(path: Path) -> BinaryIO:
    """Open a file to read; a pipe or a device, which could keep us waiting for ever, is an OSError."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")
    return path.open("rb")


def lora_files(library: Path) -> list[Path]:
    """Every LoRA file below `library`, sorted. Raises OSError when the folder cannot be read."""
    found: list[Path] = []
    for folder, _, names in os.walk(library, onerror=_raise):
        found += [
            Path(folder, name) for name in names if name.endswith(SUFFIX) or Path(name).suffix in FOREIGN_SUFFIXES
        ]
    return sorted(found)


def fingerprint(library: Path) -> str:
    """Changes whenever a file of the library, its sidecar or what is known of it was added, removed or replaced.

    Looks at names, sizes and times only. Raises OSError when the folder cannot be read.
    """
    listing = [f"{path.relative_to(library).as_posix()} {_stamp(path)}" for path in lora_files(library)]
    listing += [str(_stamp(library / name)) for name in FILES]
    return hashlib.sha256("\n".join(listing).encode(errors="surrogateescape")).hexdigest()


def _raise(problem: OSError) -> None:
    raise problem


def scan(
    library: Path,
    known: Mapping[str, FoundLora],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[FoundLora]:
    """Yield every LoRA of `library`; a file whose stamp is in `known` (by path) unchanged is not read again.

    What has to be read is read in a few threads, a few files ahead. A broken file is yielded with its problem and
    never stops the scan. Raises OSError only for the folder itself.
    """
    files = lora_files(library)
    for done, found in enumerate(_read_ahead(library, files, known)):
        progress(done, len(files))
        yield found
    progress(len(files), len(files))


def _read_ahead(library: Path, files: list[Path], known: Mapping[str, FoundLora]) -> Iterator[FoundLora]:
    waiting: deque[FoundLora | Future[FoundLora]] = deque()
    readers = ThreadPoolExecutor(READERS, thread_name_prefix="library")
    try:
        for path in files:
            relative = path.relative_to(library).as_posix()
            before, stamp = known.get(relative), _stamp(path)
            if before is not None and before.stamp == stamp and not before.outdated:
                waiting.append(before)
            else:
                waiting.append(readers.submit(_read, library, relative, stamp))
            if len(waiting) > READERS * FILES_AHEAD:
                yield _result(waiting.popleft())
        while waiting:
            yield _result(waiting.popleft())
    finally:
        readers.shutdown(cancel_futures=True)


def _result(found: FoundLora | Future[FoundLora]) -> FoundLora:
    return found.result() if isinstance(found, Future) else found


def _stamp(path: Path) -> FileStamp:
    try:
        file = path.stat()
        beside = [sidecar.stat() for sidecar in sidecar_paths(path)]
    except OSError:
        return FileStamp(size=0, mtime_ns=0)
    return FileStamp(
        size=file.st_size,
        mtime_ns=file.st_mtime_ns,
        sidecar_size=sum(sidecar.st_size for sidecar in beside),
        sidecar_mtime_ns=sum(sidecar.st_mtime_ns for sidecar in beside),
    )


def _read(library: Path, relative: str, stamp: FileStamp) -> FoundLora:
    path = library / relative
    try:
        sidecar = read_sidecar(path)
    except BadSidecar as problem:
        return FoundLora(path=relative, stamp=stamp, problem=str(problem))
    if path.suffix != SUFFIX:
        problem = f"{path.suffix} files may hold code; only {SUFFIX} is read"
        return FoundLora(path=relative, stamp=stamp, sidecar=sidecar, problem=problem)
    try:
        with open_regular(resolve(library, relative)) as file:
            header = read_header(file, os.fstat(file.fileno()).st_size)
            sha256, autov3 = hashes_of(file, header.length)
    except (OSError, BadSafetensors, OutsideLibrary) as problem:
        return FoundLora(path=relative, stamp=stamp, sidecar=sidecar, problem=_reason(problem))
    return found_from(relative, stamp, sha256, autov3, sidecar, header, layers_of(header.tensors))


def found_from(
    path: str, stamp: FileStamp, sha256: str, autov3: str | None, sidecar: Sidecar, header: Header, layers: Layers
) -> FoundLora:
    """What a file's header tells, beside its hashes and its sidecar."""
    metadata = evidence_in(header.metadata)
    return FoundLora(
        path=path,
        stamp=stamp,
        sha256=sha256,
        autov3=autov3,
        sidecar=sidecar,
        metadata=metadata,
        layers=layers.named(metadata),
        trigger_words=trigger_words(header.metadata),
        problem=layers.problem,
        reading=READING,
    )


def _reason(problem: Exception) -> str:
    if isinstance(problem, OutsideLibrary):
        return "it is a link that leads out of the library"
    if isinstance(problem, OSError):
        return problem.strerror or "it cannot be read"
    return str(problem)
