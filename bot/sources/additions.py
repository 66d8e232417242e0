"""What people ask to be added, from the request until it is in the catalogue: one download however many ask.

A row is written before anything is fetched, so that a program that was killed goes on at its next start.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import TypeAlias

from bot import background
from bot.config.sections.sources import SourcesSettings
from bot.database.additions.additions import (
    CHANGE_ADDITION_SOURCE,
    FIND_ADDITION,
    FIND_ADDITION_REQUEST,
    NO_ADDITION,
    WAITING_ADDITION,
    WAITING_ADDITIONS,
    AdditionState,
    LoraAddition,
    begin_addition,
    fail_addition,
    withdraw_request,
)
from bot.database.database import Database
from bot.database.loras.catalogue import Lora
from bot.library.configuration import Configuration
from bot.library.watcher import LibraryKeeper
from bot.sources.choosing import addable
from bot.sources.claims.disputes import Disputes
from bot.sources.claims.further_pages import Namer, note_further_page
from bot.sources.claims.same_bytes import SameBytes, with_all
from bot.sources.downloads.addition_steps import AdditionSteps
from bot.sources.downloads.attached import TakenFile, keep_attached, require_room, take_file
from bot.sources.downloads.peeking import Candidate, Peeking
from bot.sources.downloads.placing import FOLDER, PART, change_category, file_path, is_part, key_of
from bot.sources.errors import (
    AddingBroken,
    AddingOff,
    DiskFailed,
    FileTooLarge,
    Gone,
    HashUnknown,
    NoLink,
    NoRoom,
    PageGone,
    SourceError,
)
from bot.sources.hubs.civitai import HUB, Civitai
from bot.sources.hubs.http import SourceHttp
from bot.sources.hubs.hub import HuggingFace
from bot.sources.hubs.links import CivitaiLink, HashLink, HubLink, Link, page_of_link, parse_link
from bot.sources.hubs.remote import RemoteModel, RemoteVersion
from bot.sources.look_ups import LookUps
from inference.lora.beside.categories import Category
from inference.lora.beside.sidecar import BadSidecar

log = logging.getLogger(__name__)

MAX_CANDIDATES = 50  # versions of one page whose headers are read
KEPT_PARTS = 4  # files of failed downloads that are kept for the next try
KEPT_SECONDS = 24 * 3600.0  # for which they are kept
RETRY_SECONDS = 30.0  # until it is tried again to store that something failed

# Raises why a person may not add a LoRA; the id is that of the addition that they join, or NO_ADDITION.
Admission: TypeAlias = Callable[[int], Awaitable[None]]


class Withdrawal(Enum):
    """What became of an addition when a person did not ask for it any more."""

    CANCELLED = auto()  # it is not fetched
    OTHERS = auto()  # others ask for it, and it comes
    ENDED = auto()  # it had ended already


@dataclass(frozen=True)
class Received:
    """How much of a file has come, in bytes; `total` None: its hub does not say how much there is."""

    size: int
    total: int | None


class Additions:
    """Adds LoRAs. `http` asks hubs; `keeper` puts what is new into the catalogue."""

    def __init__(
        self,
        db: Database,
        configuration: Configuration,
        keeper: LibraryKeeper,
        http: SourceHttp,
        *,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self._db = db
        self._configuration = configuration
        self._library = keeper
        self._http = http
        self._retry_seconds = retry_seconds
        self.civitai = Civitai(http, self._settings)
        self.hugging_face = HuggingFace(http, self._settings)
        self._same_bytes = SameBytes(self.civitai, configuration)
        self._peeking = Peeking(http, configuration)
        self.disputes = Disputes(db, configuration)
        self._steps = AdditionSteps(
            db, configuration, keeper, http, self.civitai, self.hugging_face, self._same_bytes, self.disputes
        )
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._received: dict[int, Received] = {}
        self._turns = asyncio.Lock()  # while one begins with its file, and while one ends with its files
        self._taking = asyncio.Lock()
        self.look_ups = LookUps(self.look_up_link)
        self.ended: Callable[[], None] = lambda: None
        """Called when an addition has ended."""

    def _settings(self) -> SourcesSettings:
        return self._configuration.settings.sources

    async def close(self) -> None:
        """Stop fetching; what came so far stays for the next start."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self._http.close()

    async def resume(self) -> None:
        """Go on with what an earlier run of the program had not ended, and remove parts of files that nobody asks for.

        If adding is off now, nothing is fetched any more. Raises DatabaseError.
        """
        waiting = await self._db.all(WAITING_ADDITIONS)
        if not self._settings().enabled:
            for addition in waiting:
                await self._give_up(addition, AddingOff())
            waiting = []
        kept = {path for each in waiting for path in (self._steps.part(each.key), self._steps.attached(each.key))}
        folder = self._configuration.settings.library.folder / FOLDER
        await asyncio.to_thread(_prune, folder, kept)
        await asyncio.to_thread(_sweep, folder, kept)
        for addition in waiting:
            self._start(addition)

    # --- before it is added ---------------------------------------------------------------------------------------

    async def look_up(self, typed: str) -> RemoteModel:
        """What a link, an id or a hash means. Raises SourceError."""
        link = parse_link(typed)
        if link is None:
            raise NoLink
        return await self.look_up_link(link)

    async def look_up_link(self, link: Link) -> RemoteModel:
        """What a link means. Raises SourceError."""
        if not self._settings().enabled:
            raise AddingOff
        try:
            if isinstance(link, CivitaiLink):
                return await self.civitai.model(link)
            if isinstance(link, HubLink):
                return await self.hugging_face.model(link)
            return await self.civitai.by_hash(link.hash)
        except Gone as gone:
            if isinstance(link, HashLink):
                raise HashUnknown(host=HUB, file=link.hash) from None
            raise PageGone(host=gone.host, page=page_of_link(link)) from None

    async def describe_attached(self, taken: TakenFile, person_id: int) -> RemoteVersion:
        """An attached file, as all pages describe it that Civitai knows with its hash. Raises SourceError."""
        if self._settings().look_up_files:
            self.look_ups.count(person_id)
        return await self._same_bytes.describe_attached(taken)

    async def candidates(self, model: RemoteModel) -> list[Candidate]:
        """The versions of a model that can be added, at least one: those that fit here first.

        The headers of the first `MAX_CANDIDATES` are read. Raises the SourceError of the best version if none can
        be added.
        """
        versions = addable(model, self._configuration.checkpoints, self._settings())
        judged = await self._peeking.candidates(versions[:MAX_CANDIDATES])
        found = [each for each in judged if isinstance(each, Candidate)]
        if not found:
            raise next(each for each in judged if isinstance(each, SourceError))
        return sorted(found, key=lambda each: each.suits)

    async def choose(self, model: RemoteModel) -> RemoteVersion:
        """The version of a model that fits best, as `described` tells it. Raises SourceError, DatabaseError."""
        return await self.described((await self.candidates(model))[0].version)

    async def described(self, version: RemoteVersion) -> RemoteVersion:
        """A version as all pages describe it that Civitai knows with its hash.

        A file without a hash is looked up when it has come. Raises SourceError, DatabaseError.
        """
        if version.file is None or version.file.sha256 is None or await self.here(version) is not None:
            return version
        return await self._same_bytes.describe_linked(version, version.file.sha256)

    @asynccontextmanager
    async def taking(self, name: str, size: int, read: Callable[[], Awaitable[bytes]]) -> AsyncGenerator[TakenFile]:
        """Take an attached file of this size, which is on the disk while the context is open. Raises SourceError.

        Files are read one at a time, since they are held in memory until they are written. Raises what `read` raises.
        """
        self.require_size(name, size)
        async with self._taking:
            now = self._configuration.settings
            await asyncio.to_thread(
                require_room, now.library.folder, size, int(now.sources.free_gigabytes * 2**30), name
            )
            data = await read()
            self.require_size(name, len(data))
            taken = await asyncio.to_thread(take_file, now.library.folder, name, data)
            del data
        try:
            yield taken
        finally:
            await asyncio.to_thread(taken.path.unlink, missing_ok=True)

    def require_size(self, name: str, size: int) -> None:
        """Raise FileTooLarge for a file of more bytes than are taken."""
        most = self._settings().max_lora_megabytes
        if size > most * 2**20:
            raise FileTooLarge(name=name, megabytes=most)

    async def here(self, version: RemoteVersion) -> Lora | None:
        """The entry that has this version's very file already. Raises DatabaseError."""
        sha256 = version.file.sha256 if version.file else None
        return await self.entry_of(sha256) if sha256 else None

    async def note_page(self, lora: Lora, version: RemoteVersion, namer: Namer) -> None:
        """The entry that has this version's file is known by this page too, and what that says of it counts.

        Raises SourceError, DatabaseError or as a scan.
        """
        if await note_further_page(self._db, self.disputes, lora, version, namer):
            await self._library.scan()

    async def entry_of(self, sha256: str) -> Lora | None:
        """The entry that has a file with these bytes; None for one that cannot be used. Raises DatabaseError."""
        return await self._steps.entry_of(sha256)

    # --- adding ---------------------------------------------------------------------------------------------------

    async def add(
        self, version: RemoteVersion, person_id: int, server_id: int | None, admission: Admission
    ) -> LoraAddition:
        """Begin to add a version, or join those who asked for it already. Raises DatabaseError.

        Raises what `admission` raises, too: it judges in the transaction that stores the request.
        """
        async with self._turns:
            return await self._begin(version, person_id, server_id, admission)

    async def _begin(
        self, version: RemoteVersion, person_id: int, server_id: int | None, admission: Admission
    ) -> LoraAddition:
        key = key_of(version)
        async with self._db.transaction():
            waiting = await self._db.one(WAITING_ADDITION, key)
            await admission(waiting.id if waiting else NO_ADDITION)
            if waiting is not None:  # this page may rate it higher than the one that it was begun from
                known = RemoteVersion.model_validate_json(waiting.source)
                told = with_all(known, [known, version])
                await self._db.run(CHANGE_ADDITION_SOURCE, source=told.model_dump_json(), id=waiting.id)
            addition = await begin_addition(
                self._db,
                key=key,
                source=version.model_dump_json(),
                path=file_path(version, key),
                person_id=person_id,
                server_id=server_id,
            )
        self._start(addition)
        return addition

    async def add_attached(
        self, version: RemoteVersion, taken: TakenFile, person_id: int, server_id: int | None, admission: Admission
    ) -> LoraAddition:
        """Add a file that a person attached, as `describe_attached` describes it. Raises as `add`, and DiskFailed."""
        key = key_of(version)
        waiting = await self._db.one(WAITING_ADDITION, key)
        await admission(waiting.id if waiting else NO_ADDITION)  # before anything is kept
        async with self._turns:
            await asyncio.to_thread(keep_attached, taken, self._steps.attached(key))
            try:
                return await self._begin(version, person_id, server_id, admission)
            except BaseException:
                await self._forget_attached(key)
                raise

    async def _forget_attached(self, key: str) -> None:
        """Remove a file that somebody attached, unless an addition waits that may need it."""
        if await self._db.one(WAITING_ADDITION, key) is None:
            await asyncio.to_thread(self._steps.attached(key).unlink, missing_ok=True)

    def received(self, addition_id: int) -> Received | None:
        """How much has come; None while it waits, and when it has ended."""
        return self._received.get(addition_id)

    async def until_ended(self, addition_id: int, seconds: float) -> LoraAddition | None:
        """The addition, once it has ended or these seconds are over. Raises DatabaseError."""
        task = self._tasks.get(addition_id)
        if task is not None:
            await asyncio.wait({task}, timeout=seconds)
        found = await self._db.one(FIND_ADDITION, addition_id)
        if task is None and found is not None and found.state is AdditionState.WAITING:
            await asyncio.sleep(seconds)  # the program is ending
        return found

    async def requested_by(self, addition_id: int, person_id: int) -> bool:
        """Whether the person is among those who ask for it. Raises DatabaseError."""
        return await self._db.one(FIND_ADDITION_REQUEST, addition=addition_id, person=person_id) is not None

    async def cancel(self, addition_id: int, person_id: int) -> Withdrawal:
        """Withdraw the person's request; when there is no other, it is not fetched. Raises DatabaseError."""
        async with self._turns:
            come = self._received.get(addition_id)
            counts = (come is not None and come.size > 0) or await self._steps.has_come(addition_id)
            cancelled = await withdraw_request(self._db, addition_id, person_id, counts=counts)
            if cancelled is None:
                found = await self._db.one(FIND_ADDITION, addition_id)
                waits = found is not None and found.state is AdditionState.WAITING
                return Withdrawal.OTHERS if waits else Withdrawal.ENDED
            if (task := self._tasks.get(addition_id)) is not None:
                task.cancel()
                await asyncio.wait({task})
            await self._steps.clear(cancelled)
        return Withdrawal.CANCELLED

    async def correct_category(self, lora: Lora, category: Category) -> None:
        """Correct what a LoRA that was added from outside is for. Raises SourceError, DatabaseError or as a scan."""
        for version in lora.usable:
            if version.path.startswith(f"{FOLDER}/"):
                try:
                    await asyncio.to_thread(change_category, self._steps.target(version.path), category)
                except (OSError, BadSidecar) as problem:
                    raise DiskFailed(name=lora.name, reason=str(problem)) from None
        await self._library.scan()

    # --- one addition ---------------------------------------------------------------------------------------------

    def _start(self, addition: LoraAddition) -> None:
        if addition.id in self._tasks or addition.state is not AdditionState.WAITING:
            return
        task = background.start(self._run(addition), "adding a LoRA")
        self._tasks[addition.id] = task
        task.add_done_callback(lambda _: self._ended(addition.id))

    def _ended(self, addition_id: int) -> None:
        self._tasks.pop(addition_id, None)
        self._received.pop(addition_id, None)
        self.ended()

    async def _run(self, addition: LoraAddition) -> None:
        version = RemoteVersion.model_validate_json(addition.source)

        def progress(size: int, total: int | None) -> None:
            self._received[addition.id] = Received(size, total)

        for last in (False, True):
            problem = await background.failure(self._steps.carry_out(addition, version, progress))
            async with self._turns:
                if problem is None:
                    await self._forget_attached(addition.key)  # attached while it was fetched
                    return
                if not last and await asyncio.to_thread(self._steps.attached(addition.key).exists):
                    continue  # the download failed, and meanwhile somebody attached the file
                told = _told(addition, version, problem)
                stored = await background.failure(self._give_up(addition, told))
            while stored is not None:
                log.warning("cannot store the failed import of %s, will retry: %s", addition.path, stored)
                await asyncio.sleep(self._retry_seconds)
                async with self._turns:
                    stored = await background.failure(self._give_up(addition, told))
            return

    async def _give_up(self, addition: LoraAddition, why: SourceError) -> None:
        """Store that it has failed, also when not all that it left can be removed. Raises DatabaseError."""
        try:
            await self._steps.clear(addition, why)
        except OSError as problem:
            log.error("cannot remove the download of %s: %s", addition.path, problem)
        await fail_addition(self._db, addition.id, why)
        waiting = {self._steps.part(each.key) for each in await self._db.all(WAITING_ADDITIONS)}
        most = 0 if isinstance(why, NoRoom) else KEPT_PARTS
        await asyncio.to_thread(_prune, self._configuration.settings.library.folder / FOLDER, waiting, most)


def _told(addition: LoraAddition, version: RemoteVersion, problem: Exception) -> SourceError:
    """What people are told of a problem; the log has what they are not told."""
    if isinstance(problem, SourceError):
        log.info("cannot add %s: %s", addition.path, problem)
        return problem
    log.error("adding %s failed", addition.path, exc_info=problem)
    return AddingBroken(name=version.name)


def _sweep(folder: Path, kept: Iterable[Path]) -> None:
    """Remove what is left of downloads, except parts that are kept and those that `_prune` left for the next try."""
    _remove(part for part in set(folder.glob(f"*{PART}")) - set(kept) if not is_part(part))


def _prune(folder: Path, waiting: Iterable[Path], most: int = KEPT_PARTS) -> None:
    """Remove parts of failed downloads: all older than a day, and all but the newest `most`."""
    times: dict[Path, float] = {}
    for part in set(filter(is_part, folder.glob(f"*{PART}"))) - set(waiting):
        with suppress(OSError):  # it was taken up or removed meanwhile
            times[part] = part.stat().st_mtime
    newest = sorted(times, key=lambda part: -times[part])[:most]
    _remove(part for part in times if part not in newest or times[part] < time.time() - KEPT_SECONDS)


def _remove(parts: Iterable[Path]) -> None:
    """Remove files; one that cannot be removed stays."""
    for part in parts:
        try:
            part.unlink(missing_ok=True)
        except OSError as problem:
            log.warning("cannot remove %s: %s", part, problem)
        else:
            log.info("removed %s, which has no requests left", part.name)
