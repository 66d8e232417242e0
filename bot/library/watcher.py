"""Watches the LoRA folder while the bot runs, and asks a registry about unknown files."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot import background
from bot.database.database import Database
from bot.database.loras.records import IS_ANY_DOUBTED, KNOWN_FILES
from bot.library.catalogue import FileProblem, LibraryUnreadable, Progress, ScanReport, scan_library
from bot.library.registry import Registry, RegistryUnreachable
from inference.base_models import BaseModelId
from inference.lora.beside.declarations import BadDeclarations, declare, declare_prediction
from inference.lora.evidence import unknown_bases
from inference.lora.few_steps import FewStepRecipe
from inference.lora.known.registry import RegistryAnswer, keep_answer, read_answers
from inference.lora.library import fingerprint
from inference.lora.tensors.fit import Grade
from inference.messages.checkpoints import PredictionType

log = logging.getLogger(__name__)

PAUSE = 1.0  # seconds between two questions to a registry
QUESTIONS_A_LOOK = 20  # so that new files are not noticed late
MAX_NAMED = 20  # files that one scan names in the log
ASK_AGAIN = timedelta(days=30)  # a file that nobody knew may have been uploaded since


@dataclass(frozen=True)
class Scanned:
    """The result of the newest scan, and its time."""

    report: ScanReport
    when: datetime


class LibraryKeeper:
    """Scans when the folder has changed, one scan at a time.

    `installed` maps checkpoints' hashes to base models; with `trust_tags` a LoRA's own names may decide. A
    `registry` is asked about files of unknown base model, with `pause` seconds between two questions. `few_steps` are
    recipes of known files by SHA-256, `predictions` the checkpoints' prediction types by hash.
    """

    def __init__(
        self,
        db: Database,
        folder: Path,
        installed: Mapping[str, BaseModelId],
        *,
        trust_tags: bool = False,
        registry: Registry | None = None,
        few_steps: Mapping[str, FewStepRecipe] | None = None,
        predictions: Mapping[str, PredictionType] | None = None,
        pause: float = PAUSE,
    ) -> None:
        self._db = db
        self._folder = folder
        self._installed = installed
        self._trust_tags = trust_tags
        self._registry = registry
        self._few_steps = few_steps
        self._predictions = predictions
        self._pause = pause
        self._unknown: tuple[str, ...] = ()
        self._asked_versions: set[int] = set()  # in this run
        self._refused: frozenset[FileProblem] = frozenset()
        self._scanning = asyncio.Lock()
        self._fingerprint = ""
        self.latest: Scanned | None = None

    def judge_by(
        self,
        installed: Mapping[str, BaseModelId],
        *,
        trust_tags: bool = False,
        registry: Registry | None = None,
        few_steps: Mapping[str, FewStepRecipe] | None = None,
        predictions: Mapping[str, PredictionType] | None = None,
    ) -> None:
        """Use other checkpoints and settings from the next scan on."""
        self._installed, self._trust_tags, self._registry = installed, trust_tags, registry
        self._few_steps, self._predictions = few_steps, predictions

    async def scan(self, progress: Progress = lambda done, total: None) -> ScanReport:
        """Scan now. Raises as `scan_library`."""
        async with self._scanning:
            seen = await asyncio.to_thread(self._see)  # first: a change during the scan is noticed afterwards
            report = await scan_library(
                self._db,
                self._folder,
                self._installed,
                progress,
                trust_tags=self._trust_tags,
                few_steps=self._few_steps,
                predictions=self._predictions,
            )
            self._fingerprint = seen
            self._unknown = report.unknown
            self._log_refused(report.refused)
            self.latest = Scanned(report, datetime.now(UTC))
            return report

    def _log_refused(self, refused: tuple[FileProblem, ...]) -> None:
        """Name the files that cannot be used, each once until its problem changes."""
        news = [file for file in refused if file not in self._refused]
        for file in news[:MAX_NAMED]:
            log.warning("the LoRA file %s is not used: %s", file.path, file.problem)
        if more := len(news[MAX_NAMED:]):
            log.warning("%s more LoRA files are not used; `library list` lists all with reasons", more)
        self._refused = frozenset(refused)

    async def watch(self, seconds: float) -> None:
        """Scan whenever a file was added, removed, replaced or marked for rereading, checked every `seconds`.

        Then ask the registry, if there is one; its answers are files of the library too. Runs until cancelled.
        """
        while True:
            await asyncio.sleep(seconds)
            await background.guard(self._look(), "watching the library")
            await background.guard(self._ask_some(), "asking the registry")

    async def _look(self) -> None:
        try:
            changed = await asyncio.to_thread(self._see) != self._fingerprint
            if changed or await self._db.get(IS_ANY_DOUBTED):
                report = await self.scan()
                found = len(report.new), len(report.changed), len(report.missing)
                log.info("library changed: %s new, %s changed, %s removed", *found)
        except (LibraryUnreadable, BadDeclarations) as problem:
            log.warning("%s", problem)

    def _see(self) -> str:
        """The folder's fingerprint; empty if it cannot be read, and then the scan says why."""
        try:
            return fingerprint(self._folder)
        except OSError:
            return ""

    async def _ask_some(self) -> None:
        try:
            await self.ask(QUESTIONS_A_LOOK)
        except RegistryUnreachable as problem:
            log.warning("%s", problem)

    async def ask(self, limit: int, progress: Progress = lambda done, total: None) -> int:
        """Ask the registry about at most `limit` files of unknown base model, and what they were trained on.

        Returns how many it was asked about.

        Its answers are stored beside the library, and the next scan uses them. Raises RegistryUnreachable, OSError
        or DatabaseError; earlier answers stay stored.
        """
        if self._registry is None:
            return 0
        questions = (await self._questions())[:limit]
        for done, question in enumerate(questions):
            progress(done, len(questions))
            await asyncio.sleep(self._pause if done else 0)
            for answer in await self._answers(self._registry, question):
                await asyncio.to_thread(keep_answer, self._folder, answer)
        progress(len(questions), len(questions))
        return len(questions)

    async def _answers(self, registry: Registry, question: str | int) -> tuple[RegistryAnswer, ...]:
        if isinstance(question, str):
            return await registry.ask(question)
        self._asked_versions.add(question)
        return await registry.ask_version(question)

    async def _questions(self) -> list[str | int]:
        """The SHA-256 of usable files of unknown base model and of their training bases, and the registry's ids of
        these, about which it was not asked lately."""
        if not self._unknown:
            return []
        answers = await asyncio.to_thread(read_answers, self._folder)
        lately = datetime.now(UTC) - ASK_AGAIN
        known = {each.path: each.found for each in await self._db.all(KNOWN_FILES)}
        files = [known[path] for path in self._unknown if path in known]
        questions: dict[str | int, None] = {}
        for found in files:
            if found.sha256 and found.layers and found.layers.grade is Grade.FIT:
                hashes, versions = unknown_bases(found.metadata, self._installed)
                questions |= dict.fromkeys([found.sha256, *sorted(hashes), *sorted(versions)])
        told = {answer.version_id for each in answers.values() for answer in each}
        return [
            question
            for question in questions
            if (
                question not in told | self._asked_versions
                if isinstance(question, int)
                else not any(answer.when > lately for answer in answers.get(question, ()))
            )
        ]

    async def declare(
        self,
        sha256: str,
        base_model: BaseModelId,
        *,
        who: str,
        reason: str,
        prediction: PredictionType | None = None,
    ) -> None:
        """Store an operator's declaration, and scan the library with it. Raises OSError, and as `scan_library`."""
        await asyncio.to_thread(declare, self._folder, sha256, base_model, who=who, reason=reason)
        if prediction is not None:
            await asyncio.to_thread(declare_prediction, self._folder, sha256, prediction, who=who, reason=reason)
        await self.scan()
