"""Synchronises the catalogue of LoRAs with the library's folder; finds entries by typed names, and files by SHA-256."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import partial
from itertools import islice
from pathlib import Path
from time import monotonic

from bot.background import reading
from bot.database.database import Database
from bot.database.loras.catalogue import (
    VERSION_BY_SHA256,
    VERSIONS_WITH_PROBLEM,
    Lora,
    LoraVersion,
    find_lora_by_name,
    name_key,
    similar_names,
)
from bot.database.loras.records import KNOWN_FILES, Change, mark_missing, record_found
from bot.database.search import storable
from bot.file_access import Need, why
from inference.base_models import BaseModelId
from inference.errors import OperatorError
from inference.lora.few_steps import FewStepRecipe
from inference.lora.knowledge import Knowledge
from inference.lora.library import FoundLora, lora_files, scan
from inference.lora.prediction_evidence import PredictionEvidence
from inference.matching import KnownLora, Matcher
from inference.messages.checkpoints import CheckpointSpec, PredictionType
from inference.prediction import OF_BOTH_KINDS
from inference.workers.storage import StoredFile

UNKNOWN = "its base model is not known; `library declare`, or the LoRA's page in Discord, says which it is"
ASKED = (
    "its name says {kind}; if it is a few-step LoRA, `few_steps` in its sidecar gives steps, sampler, spacing and "
    "guidance, and `few_steps = false` if it is none"
)
PREDICTION_ASKED = (
    "it does not say if it was trained for v-prediction or epsilon; `library declare FILE --prediction …`, or the "
    "LoRA's page in Discord, says which it is"
)
BATCH_FILES = 50  # recorded in one transaction
BATCH_SECONDS = 1.0  # a batch is recorded after this time even if it has fewer files

Progress = Callable[[int, int], None]


class LibraryUnreadable(OperatorError):
    """The library's folder cannot be read; the message says why."""


@dataclass(frozen=True)
class FileProblem:
    """A file that cannot be used, and why. `path` is relative to the library."""

    path: str
    problem: str


@dataclass(frozen=True)
class ScanReport:
    """The result of a scan; paths are relative to the library.

    `unknown` files are usable but of unknown base model; `questions` are about files that are used, for the owner.
    `unclear` files are used too: their base model has checkpoints of both prediction types, and nothing tells theirs.
    """

    new: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]
    missing: tuple[str, ...]
    broken: tuple[FileProblem, ...]
    duplicates: tuple[FileProblem, ...]
    unknown: tuple[str, ...]
    questions: tuple[FileProblem, ...] = ()
    unclear: tuple[str, ...] = ()

    @property
    def refused(self) -> tuple[FileProblem, ...]:
        """The files that nobody can paint with, and why."""
        return (*self.broken, *self.duplicates, *(FileProblem(path, UNKNOWN) for path in self.unknown))

    @property
    def files(self) -> int:
        """How many files the library has, broken ones included."""
        return sum(map(len, (self.new, self.changed, self.unchanged, self.broken, self.duplicates)))


@dataclass
class _Tally:
    """What a running scan has recorded so far, and the files that have to wait for its end."""

    paths: dict[Change, list[str]] = field(default_factory=lambda: {change: [] for change in Change})
    unknown: list[str] = field(default_factory=list[str])
    questions: list[FileProblem] = field(default_factory=list[FileProblem])
    unclear: list[str] = field(default_factory=list[str])
    waiting: list[FoundLora] = field(default_factory=list[FoundLora])
    unstorable: list[FileProblem] = field(default_factory=list[FileProblem])


async def scan_library(
    db: Database,
    library: Path,
    installed: Mapping[str, BaseModelId],
    progress: Progress = lambda done, total: None,
    *,
    trust_tags: bool = False,
    few_steps: Mapping[str, FewStepRecipe] | None = None,
    predictions: Mapping[str, PredictionType] | None = None,
) -> ScanReport:
    """Synchronise the catalogue with the folder `library`. Run one scan at a time.

    `installed` maps the checkpoints' hashes to their base models; with `trust_tags` a LoRA's own names may decide.
    `few_steps` are recipes of known files by SHA-256, `predictions` the checkpoints' prediction types by hash.
    Every file is judged again, since settings and declarations may have changed; only new and changed files are read.
    Reading happens in threads, `progress` (files done, files in all) is called in the event loop. An interrupted
    scan keeps what it has recorded.

    Raises LibraryUnreadable, BadDeclarations (both before anything is recorded) or DatabaseError.
    """
    present = await asyncio.to_thread(_present, library)
    judging = await asyncio.to_thread(
        partial(Knowledge.of, library, installed, trust_tags=trust_tags, few_steps=few_steps, predictions=predictions)
    )
    known = {each.path: each.found for each in await db.all(KNOWN_FILES)}
    missing = await mark_missing(db, present)
    tally = _Tally()
    files = scan(library, known, _in_loop(progress))
    while batch := await reading(_take, files):
        await _record(db, batch, judging, tally, last_word=False)
    await _record(db, tally.waiting, judging, tally, last_word=True)
    return await _report(db, tally, missing)


def _present(library: Path) -> set[str]:
    try:
        return {storable(path.relative_to(library).as_posix()) for path in lora_files(library)}
    except OSError as problem:
        raise LibraryUnreadable(
            f"The library {library} cannot be read: {why(problem, library, Need.READ)}."
        ) from problem


def _in_loop(progress: Progress) -> Progress:
    loop = asyncio.get_running_loop()

    def tell(done: int, total: int) -> None:
        loop.call_soon_threadsafe(progress, done, total)

    return tell


def _take(files: Iterator[FoundLora]) -> list[FoundLora]:
    end = monotonic() + BATCH_SECONDS
    batch: list[FoundLora] = []
    for found in islice(files, BATCH_FILES):
        batch.append(found)
        if monotonic() > end:
            break
    return batch


async def _record(
    db: Database,
    batch: list[FoundLora],
    judging: Knowledge,
    tally: _Tally,
    *,
    last_word: bool,
) -> None:
    async with db.transaction():
        for found in batch:
            if found.path != storable(found.path):
                tally.unstorable.append(FileProblem(storable(found.path), "its name is not text; rename it"))
                continue
            evidence = found.judge(judging)
            change = await record_found(db, found, evidence, last_word=last_word)
            if change is None:
                tally.waiting.append(found)
                continue
            tally.paths[change].append(found.path)
            if change in {Change.BROKEN, Change.DUPLICATE}:
                continue
            if kind := evidence.few_steps.question:
                tally.questions.append(FileProblem(found.path, ASKED.format(kind=kind)))
            if evidence.base_model is None:
                tally.unknown.append(found.path)
            if is_unclear(evidence.base_model, evidence.prediction):
                tally.unclear.append(found.path)


async def _report(db: Database, tally: _Tally, missing: tuple[str, ...]) -> ScanReport:
    problems = {version.path: version.problem or "" for version in await db.all(VERSIONS_WITH_PROBLEM)}
    paths = {change: tuple(sorted(found)) for change, found in tally.paths.items()}
    return ScanReport(
        new=paths[Change.NEW],
        changed=paths[Change.CHANGED],
        unchanged=paths[Change.UNCHANGED],
        missing=missing,
        broken=(*(FileProblem(path, problems[path]) for path in paths[Change.BROKEN]), *tally.unstorable),
        duplicates=tuple(FileProblem(path, problems[path]) for path in paths[Change.DUPLICATE]),
        unknown=tuple(sorted(tally.unknown)),
        questions=tuple(sorted(tally.questions, key=lambda question: question.path)),
        unclear=tuple(sorted(tally.unclear)),
    )


def is_unclear(base_model: BaseModelId | None, prediction: PredictionEvidence) -> bool:
    """Whether a LoRA may be for v-prediction or epsilon, and nothing tells which."""
    return base_model in OF_BOTH_KINDS and prediction.type is None


@dataclass(frozen=True)
class NameMatch:
    """The entry of a typed name, or, if there is none, the closest names."""

    lora: Lora | None
    suggestions: tuple[str, ...] = ()


async def find_named(db: Database, typed: str, *, suggestions: int = 3) -> NameMatch:
    """Look up a name that a person typed; case does not matter. Raises DatabaseError."""
    lora = await find_lora_by_name(db, typed)
    if lora is not None:
        return NameMatch(lora)
    wanted = name_key(typed)[:100]
    names = await similar_names(db, typed)
    closest = sorted(names, key=lambda name: -SequenceMatcher(None, wanted, name_key(name)).ratio())
    return NameMatch(None, tuple(closest[:suggestions]))


def known_lora(name: str, version: LoraVersion) -> KnownLora:
    """A file of the entry called `name`, as matching needs it."""
    layers = version.found.layers
    return KnownLora(
        name,
        version.base_model,
        version.evidence.plainly,
        version.prediction.type,
        layers,
        allowed_on=version.allowed_on,
    )


def choose_version(lora: Lora, checkpoint: CheckpointSpec, matcher: Matcher) -> LoraVersion | None:
    """The version to use on a checkpoint; None when none fits.

    The checkpoint's own base model is preferred to an allowed one, then the same prediction type, then the newest.
    """

    def rank(version: LoraVersion) -> tuple[bool, bool, int]:
        known = known_lora(lora.name, version)
        return version.base_model == checkpoint.base_model, matcher.note(known, checkpoint) is None, version.id

    fitting = [version for version in lora.usable if matcher.fits(known_lora(lora.name, version), checkpoint)]
    return max(fitting, key=rank, default=None)


@dataclass(frozen=True)
class LibraryFiles:
    """Implements `inference.workers.storage.JobFiles`; the catalogue knows where a LoRA lies."""

    db: Database
    library: Path
    inputs: Path

    async def lora(self, sha256: str) -> StoredFile | None:
        """The file of a LoRA; None when it is not known or cannot be used any more. Raises DatabaseError."""
        version = await self.db.one(VERSION_BY_SHA256, sha256)
        if version is None or not version.usable:
            return None
        size = version.found.stamp.size
        return StoredFile(self.library, version.path, size=size if size >= 0 else None)  # below 0: it is in doubt

    def source_image(self, sha256: str) -> StoredFile:
        """A picture to start from, which may be gone."""
        return StoredFile(self.inputs, sha256)
