"""What people add from outside, from the wish until it is in the catalogue: one download however many ask.

A row is written before anything is fetched, so that a program that was killed goes on at its next start. Nothing is in
the catalogue before `inference.lora` has read the file, and the file's own shapes decide over what its page says.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import aiosqlite

from bot import background
from bot.config.sources import SourcesSettings
from bot.database.additions import (
    DAY_MS,
    AdditionState,
    LoraAddition,
    askers_of,
    begin_addition,
    fail_addition,
    find_addition,
    finish_addition,
    source_of,
    times_of_person,
    times_of_server,
    waiting_additions,
    withdraw_request,
)
from bot.database.clock import now_ms
from bot.database.loras import Lora, find_lora, find_lora_by_name, find_version
from bot.library.configuration import Configuration
from bot.library.watcher import LibraryKeeper
from bot.sources.civitai import Civitai
from bot.sources.downloads import Download, WantedFile
from bot.sources.errors import (
    AddedTooMany,
    AddingBroken,
    AddingOff,
    DiskFailed,
    FileTooLarge,
    FileUnusable,
    NoLink,
    ServerAddedTooMany,
    SourceError,
)
from bot.sources.http import SourceHttp
from bot.sources.hub import HuggingFace
from bot.sources.links import CivitaiLink, HubLink, Link, parse_link
from bot.sources.placing import (
    FOLDER,
    PART,
    CheckedFile,
    answer_of,
    change_category,
    check_file,
    file_path,
    place,
    remove,
    sidecar_of,
)
from bot.sources.previews import keep_preview
from bot.sources.remote import RemoteFile, RemoteModel, RemoteVersion
from inference.lora.evidence import unknown_bases
from inference.lora.installed import installed_hashes
from inference.lora.registry import keep_answer
from inference.lora.sidecar import BadSidecar, Category, Sidecar

log = logging.getLogger(__name__)

ATTACHED = "attached"  # the hub of files that people attach


@dataclass(frozen=True)
class Received:
    """How much of a file has come, in bytes; `total` None: its hub does not say how much there is."""

    size: int
    total: int | None


class Additions:
    """Adds LoRAs. `http` asks hubs; `keeper` puts what is new into the catalogue."""

    def __init__(
        self,
        connection: aiosqlite.Connection,
        configuration: Configuration,
        keeper: LibraryKeeper,
        http: SourceHttp,
    ) -> None:
        self._connection = connection
        self._configuration = configuration
        self._library = keeper
        self._http = http
        self.civitai = Civitai(http, self._settings)
        self.hugging_face = HuggingFace(http, self._settings)
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._received: dict[int, Received] = {}
        self._slots = asyncio.Semaphore(configuration.settings.sources.at_once)
        self._placing = asyncio.Lock()
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
        """Go on with what an earlier run of the program had not ended. Raises DatabaseError."""
        for addition in await waiting_additions(self._connection):
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
        self.require_enabled()
        if isinstance(link, CivitaiLink):
            return await self.civitai.model(link)
        if isinstance(link, HubLink):
            return await self.hugging_face.model(link)
        return await self.civitai.by_hash(link.hash)

    def require_enabled(self) -> None:
        """Raise AddingOff when nothing may be added in Discord."""
        if not self._settings().enabled:
            raise AddingOff

    async def here(self, version: RemoteVersion) -> Lora | None:
        """The entry that has this version's very file already. Raises DatabaseError."""
        sha256 = version.file.sha256 if version.file else None
        return await self.entry_of(sha256) if sha256 else None

    async def entry_of(self, sha256: str) -> Lora | None:
        """The entry that has a file with these bytes; None for one that cannot be used. Raises DatabaseError."""
        found = await find_version(self._connection, sha256)
        return await find_lora(self._connection, found.lora_id) if found and found.usable else None

    async def check_quota(self, person_id: int, server_id: int | None, *, operator: bool) -> None:
        """Raise AddedTooMany or ServerAddedTooMany; operators may add any number."""
        if operator:
            return
        settings = self._settings()
        mine = await times_of_person(self._connection, person_id)
        if len(mine) >= settings.person_per_day:
            raise AddedTooMany(limit=settings.person_per_day, hours=_hours_until(mine, settings.person_per_day))
        if server_id is None:
            return
        ours = await times_of_server(self._connection, server_id)
        if len(ours) >= settings.server_per_day:
            raise ServerAddedTooMany(limit=settings.server_per_day, hours=_hours_until(ours, settings.server_per_day))

    # --- adding ---------------------------------------------------------------------------------------------------

    async def add(self, version: RemoteVersion, person_id: int, server_id: int | None) -> LoraAddition:
        """Begin to add a version, or join who added it already and waits. Raises DatabaseError."""
        assert version.file is not None
        key = version.file.sha256 or version.file.url
        addition = await begin_addition(
            self._connection,
            key=key,
            source=version.model_dump_json(),
            path=file_path(version, key),
            person_id=person_id,
            server_id=server_id,
        )
        self._start(addition)
        return addition

    async def add_attached(self, name: str, data: bytes, person_id: int, server_id: int | None) -> LoraAddition:
        """Add a file that a person attached. Raises SourceError or DatabaseError."""
        self.require_size(name, len(data))
        stem = Path(name).stem[:100] or "LoRA"
        sha256 = await asyncio.to_thread(lambda: hashlib.sha256(data).hexdigest())
        file = RemoteFile(url=f"{ATTACHED}:{sha256}", name=name[:200], size=len(data), sha256=sha256)
        version = await self._known(sha256, RemoteVersion(hub=ATTACHED, page="", name=stem, version=stem, file=file))
        assert version.file is not None
        await asyncio.to_thread(self._keep_attached, file_path(version, sha256), data, name)
        return await self.add(version, person_id, server_id)

    def require_size(self, name: str, size: int) -> None:
        """Raise FileTooLarge for a file of more bytes than are taken."""
        most = self._settings().max_lora_megabytes
        if size > most * 2**20:
            raise FileTooLarge(name=name, megabytes=most)

    async def _known(self, sha256: str, version: RemoteVersion) -> RemoteVersion:
        """An attached file as its page describes it, if Civitai knows its hash."""
        try:
            found = (await self.civitai.by_hashes([sha256])).get(sha256)
        except SourceError as problem:
            log.info("nothing is known of an attached file: %s", problem)
            return version
        return found.model_copy(update={"file": version.file}) if found else version

    def _keep_attached(self, path: str, data: bytes, name: str) -> None:
        part = self._part(path)
        try:
            part.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(data)
        except OSError as problem:
            raise DiskFailed(name=name, reason=problem.strerror or str(problem)) from None

    def received(self, addition_id: int) -> Received | None:
        """How much has come; None while it waits, and when it has ended."""
        return self._received.get(addition_id)

    async def until_ended(self, addition_id: int, seconds: float) -> LoraAddition | None:
        """The addition, once it has ended or these seconds are over. Raises DatabaseError."""
        task = self._tasks.get(addition_id)
        if task is not None:
            await asyncio.wait({task}, timeout=seconds)
        found = await find_addition(self._connection, addition_id)
        if task is None and found is not None and found.state is AdditionState.WAITING:
            await asyncio.sleep(seconds)  # the program is ending
        return found

    async def wanted_by(self, addition_id: int, person_id: int) -> bool:
        """Whether the person is among those who want it. Raises DatabaseError."""
        return person_id in await askers_of(self._connection, addition_id)

    async def cancel(self, addition_id: int, person_id: int) -> bool:
        """The person does not want it any more; True when nobody else does, and it is not fetched. Raises
        DatabaseError."""
        cancelled = await withdraw_request(self._connection, addition_id, person_id)
        if cancelled is None:
            return False
        if (task := self._tasks.get(addition_id)) is not None:
            task.cancel()
            await asyncio.wait({task})
        await asyncio.to_thread(remove, self._target(cancelled.path))
        return True

    async def correct_category(self, lora: Lora, category: Category) -> None:
        """Correct what a LoRA that was added from outside is for. Raises SourceError, DatabaseError or as a scan."""
        for version in lora.usable:
            if version.path.startswith(f"{FOLDER}/"):
                try:
                    await asyncio.to_thread(change_category, self._target(version.path), category)
                except (OSError, BadSidecar) as problem:
                    raise DiskFailed(name=lora.name, reason=str(problem)) from None
        await self._library.scan()

    async def origin_of(self, lora: Lora) -> RemoteVersion | None:
        """What the page of an entry says, of its newest version that came from outside. Raises DatabaseError."""
        for version in sorted(lora.usable, key=lambda version: -version.id):
            source = await source_of(self._connection, version.sha256) if version.sha256 else None
            if source is not None:
                return RemoteVersion.model_validate_json(source.source)
        return None

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
        problem = await background.failure(self._add(addition, version))
        if problem is None:
            return
        await asyncio.to_thread(remove, self._target(addition.path))
        told = problem if isinstance(problem, SourceError) else AddingBroken(name=version.name)
        if told is not problem:
            log.error("adding %s failed", addition.path, exc_info=problem)
        else:
            log.info("%s is not added: %s", addition.path, told)
        await fail_addition(self._connection, addition.id, told)

    async def _add(self, addition: LoraAddition, version: RemoteVersion) -> None:
        """Fetch, check and place the file. Raises SourceError, OSError, DatabaseError or what a scan raises."""
        target, part = self._target(addition.path), self._part(addition.path)
        if not target.exists():
            async with self._slots:
                await self._fetch(addition, version, part)
            checked = await background.reading(check_file, part, version.name)
            if await self.entry_of(checked.sha256) is not None:
                await asyncio.to_thread(remove, target)
                await finish_addition(self._connection, addition.id, checked.sha256)
                return
            await self._ask_about(version, checked)
            name = await self._free_name(version)
            await keep_preview(self._http, version, target)
            await asyncio.to_thread(_place, part, target, sidecar_of(version, name, checked.sha256), version.name)
        else:  # the program ended between placing it and here
            checked = await background.reading(check_file, target, version.name)
        await self._catalogue(addition, version, checked)

    async def _fetch(self, addition: LoraAddition, version: RemoteVersion, part: Path) -> None:
        file, settings = version.file, self._settings()
        assert file is not None
        if file.url.startswith(f"{ATTACHED}:"):
            if not await asyncio.to_thread(part.exists):
                raise AddingBroken(name=version.name)
            return
        wanted = WantedFile(
            url=file.url,
            name=version.name,
            most=settings.max_lora_megabytes * 2**20,
            size=file.size,
            sha256=file.sha256,
            free=int(settings.free_gigabytes * 2**30),
            stall_seconds=settings.stall_seconds,
        )

        def received(size: int, total: int | None) -> None:
            self._received[addition.id] = Received(size, total)

        await Download(self._http, wanted, part, received).run()

    async def _catalogue(self, addition: LoraAddition, version: RemoteVersion, checked: CheckedFile) -> None:
        async with self._placing:
            report = await self._library.scan()
        problem = next((file.problem for file in report.broken if file.path == addition.path), None)
        if problem is not None:
            raise FileUnusable(name=version.name, reason=problem)
        if any(file.path == addition.path for file in report.duplicates):
            await asyncio.to_thread(remove, self._target(addition.path))
            await self._library.scan()
        await finish_addition(self._connection, addition.id, checked.sha256)
        log.info("added %s from %s", addition.path, version.hub)

    async def _ask_about(self, version: RemoteVersion, checked: CheckedFile) -> None:
        """Keep what hubs say of the file's base model, and of the checkpoint that it was trained on."""
        library = self._configuration.settings.library.folder
        answers = [answer_of(version, checked.sha256)] if version.base_model else []
        known = installed_hashes(self._configuration.checkpoints.specs)
        hashes, versions = unknown_bases(checked.metadata, known)
        try:
            for sha256, base in (await self.civitai.by_hashes(sorted(hashes)) if hashes else {}).items():
                answers.append(answer_of(base, sha256))
            for version_id in sorted(versions):
                (base,) = (await self.civitai.model(CivitaiLink(version_id=version_id))).versions
                if base.file is not None and base.file.sha256 is not None:
                    answers.append(answer_of(base, base.file.sha256))
        except SourceError as problem:
            log.info("nothing more is known of what %s was trained on: %s", version.name, problem)
        for answer in filter(None, answers):
            await asyncio.to_thread(keep_answer, library, answer)

    async def _free_name(self, version: RemoteVersion) -> str:
        """The name of the entry: that of the page, unless another LoRA has it. Versions of one page share it."""
        for name in (version.name, f"{version.name[:60]} ({(version.creator or version.hub)[:30]})"):
            entry = await find_lora_by_name(self._connection, name)
            if entry is None or await self._is_of_page(entry, version):
                return name
        number = 2
        while await find_lora_by_name(self._connection, f"{version.name[:90]} ({number})") is not None:
            number += 1
        return f"{version.name[:90]} ({number})"

    async def _is_of_page(self, entry: Lora, version: RemoteVersion) -> bool:
        for sha256 in (each.sha256 for each in entry.versions):
            source = await source_of(self._connection, sha256) if sha256 else None
            told = RemoteVersion.model_validate_json(source.source) if source else None
            if told and told.hub != ATTACHED and _page_of(told) == _page_of(version):
                return True
        return False

    def _target(self, path: str) -> Path:
        return self._configuration.settings.library.folder / path

    def _part(self, path: str) -> Path:
        target = self._target(path)
        return target.with_name(f"{target.name}{PART}")


def _page_of(version: RemoteVersion) -> tuple[str, int | str]:
    """The page that all versions of a LoRA share."""
    return version.hub, version.model_id or version.page


def _place(part: Path, target: Path, sidecar: Sidecar, name: str) -> None:
    try:
        place(part, target, sidecar)
    except OSError as problem:
        raise DiskFailed(name=name, reason=problem.strerror or str(problem)) from None


def _hours_until(times: list[int], limit: int) -> int:
    """Hours until one more fits under the limit."""
    oldest = times[len(times) - limit] if limit and len(times) >= limit else now_ms()
    return max(1, math.ceil((oldest + DAY_MS - now_ms()) / 3_600_000))
