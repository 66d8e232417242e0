"""Reads the header of a file at a hub before the file is downloaded.

A safetensors file begins with its header, so a ranged request of some hundred KB tells the architecture and mostly the
base model. If a header is larger than `MOST_BYTES` or cannot be read, the download decides.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from bot.library.configuration import Configuration
from bot.sources.choosing import Suits, bases_here, claimed_base, suits, suits_base
from bot.sources.claims.base_models import known_now
from bot.sources.downloads.attached import ATTACHED
from bot.sources.downloads.placing import answer_of, check_header, parsed_header
from bot.sources.errors import FitsNoCheckpoint, SourceError, TooManyQuestions
from bot.sources.hubs.http import SourceHttp, address
from bot.sources.hubs.remote import RemoteFile, RemoteVersion
from inference.base_models import BaseModelId
from inference.lora.beside.metadata import evidence_in
from inference.lora.beside.sidecar import Sidecar
from inference.lora.evidence import judge
from inference.lora.knowledge import Knowledge
from inference.lora.tensors.header import Header
from inference.lora.tensors.tables import title
from inference.lora.verdict import Verdict, decide
from inference.matching import KnownLora

log = logging.getLogger(__name__)

MOST_BYTES = 1_000_000  # of one file, in all requests for its header
FIRST_BYTES = 2**16  # of the first request; the second asks for the rest of the header
AT_ONCE = 4  # headers that are read at the same time
PAGE_SECONDS = 30.0  # timeout for the headers of one page together
MAX_REMEMBERED = 50  # headers that are kept in memory
_NO_HASH = "0" * 64  # for a file whose hub tells no SHA-256


@dataclass(frozen=True)
class Candidate:
    """A version that may be added. `base_model` is what its header and its page tell together; None: not known.

    `fits` are the checkpoints on which it may go.
    """

    version: RemoteVersion
    base_model: BaseModelId | None
    suits: Suits
    fits: tuple[str, ...] = ()


class Peeking:
    """Reads headers at hubs. After a hub's 429, it reads none there until the time that the hub names.

    A header that has not come after `seconds` tells nothing.
    """

    def __init__(self, http: SourceHttp, configuration: Configuration, *, seconds: float = PAGE_SECONDS) -> None:
        self._seconds = seconds
        self._http = http
        self._configuration = configuration
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._closed_until: dict[str, float] = {}  # hub -> time of the event loop
        self._known: OrderedDict[str, Header | SourceError] = OrderedDict()  # by the file's address

    async def candidates(self, versions: Sequence[RemoteVersion]) -> list[Candidate | SourceError]:
        """Judge each version by its header, in order: a candidate, or the reason why it is not added."""
        knowledge = await asyncio.to_thread(known_now, self._configuration)
        ends = asyncio.get_running_loop().time() + self._seconds
        return await asyncio.gather(*(self._candidate(version, knowledge, ends) for version in versions))

    async def _candidate(self, version: RemoteVersion, knowledge: Knowledge, ends: float) -> Candidate | SourceError:
        header: Header | SourceError | None = None
        with suppress(TimeoutError):
            async with asyncio.timeout_at(ends):
                header = await self._header(version)
        if header is None:
            checkpoints, base = self._configuration.checkpoints, claimed_base(version)
            fits = checkpoints.names_fitting(KnownLora(version.name, base, ""))
            return Candidate(version, base, suits(version, checkpoints), fits)
        if isinstance(header, SourceError):
            return header
        try:
            verdict = await asyncio.to_thread(_verdict, header, version, knowledge)
        except SourceError as refusal:
            return refusal
        return self._judged(version, verdict)

    def _judged(self, version: RemoteVersion, verdict: Verdict) -> Candidate | SourceError:
        checkpoints, evidence = self._configuration.checkpoints, verdict.evidence
        base, prediction = verdict.base_model, evidence.prediction.type
        known = KnownLora(version.name, base, evidence.source.value, prediction, allowed_on=evidence.allowed_on)
        fits, found = checkpoints.names_fitting(known), suits_base(base, checkpoints)
        if fits:
            found = Suits.FITS
        elif found is Suits.FITS:
            found = Suits.UNKNOWN if prediction is None else Suits.MISFIT
        here = {each.architecture.value for each in checkpoints.base_models}
        if base is None and verdict.fit.possible and not here & set(verdict.fit.possible):
            found = Suits.MISFIT
        if found is not Suits.MISFIT:
            return Candidate(version, base, found, fits)
        if base and suits_base(base, checkpoints) is not Suits.MISFIT:  # what it predicts is refused
            return FitsNoCheckpoint(version.name, [f"{base.label} (v-prediction)"], bases_here(checkpoints))
        bases = [base.label] if base else [title(each) for each in verdict.fit.possible]
        return FitsNoCheckpoint(name=version.name, bases=bases, here=bases_here(checkpoints))

    async def _header(self, version: RemoteVersion) -> Header | SourceError | None:
        """Return the header, or its error; None if it cannot be read."""
        file, loop = version.file, asyncio.get_running_loop()
        if file is None or file.url.startswith(f"{ATTACHED}:"):
            return None
        if (known := self._known.get(file.url)) is not None:
            return known
        async with self._at_once:
            if loop.time() < self._closed_until.get(version.hub, 0.0):
                return None
            try:
                found = await self._read(file, version.name)
            except TooManyQuestions as problem:
                self._closed_until[version.hub] = loop.time() + 60 * problem.minutes
                log.info("reading no more headers from %s for %s minutes", version.hub, problem.minutes)
                return None
            except SourceError as problem:
                log.info("cannot read the header of %s: %s", version.name, problem)
                return None
        if found is not None:
            self._known[file.url] = found
            if len(self._known) > MAX_REMEMBERED:
                self._known.popitem(last=False)
        return found

    async def _read(self, file: RemoteFile, name: str) -> Header | SourceError | None:
        """Raises SourceError for a hub that does not answer."""
        url = address(file.url)
        begin = await self._http.get_range(url, 0, FIRST_BYTES)
        length = 8 + int.from_bytes(begin.data[:8], "little")
        if len(begin.data) < min(FIRST_BYTES, length) or length > MOST_BYTES or begin.total is None:
            return None
        raw = begin.data[:length]
        if length > len(raw):
            rest = await self._http.get_range(url, len(raw), length - len(raw))
            raw += rest.data
            if len(raw) != length or rest.total != begin.total:
                return None
        try:
            return await asyncio.to_thread(parsed_header, raw[8:], begin.total, name)
        except SourceError as problem:
            return problem


def _verdict(header: Header, version: RemoteVersion, knowledge: Knowledge) -> Verdict:
    """Return the verdict that the library will reach after the download. Raises as `check_header` does."""
    layers = check_header(header, version.name)
    sha256 = version.file.sha256 if version.file and version.file.sha256 else _NO_HASH
    said = answer_of(version, sha256) if version.base_model else None
    if said is not None:
        answers = {each.origin: each for each in (*knowledge.answers.get(sha256, ()), said)}
        knowledge = replace(knowledge, answers={**knowledge.answers, sha256: tuple(answers.values())})
    metadata = evidence_in(header.metadata)
    return decide(layers, judge(sha256, metadata, Sidecar(), knowledge), metadata)
