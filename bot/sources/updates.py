"""What hubs say now of the files that came from them, asked at most once a day: are they there, is there a newer one?

Each file has its time of the last question in the database, so that a program that is started again asks about those
that are due alone. A question is about many of Civitai's models, or about one repository of Hugging Face.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeAlias, TypeVar

from bot.background import Recurring
from bot.database.additions.hub_looks import (
    DUE_FILES,
    INSTALLED_AMONG,
    LOOKS_OF,
    NOTE_ASKED,
    DueFile,
    HubState,
    note_known,
    record_look,
)
from bot.database.clock import DAY_MS, HOUR_MS, now_ms
from bot.database.database import Database
from bot.database.errors import DatabaseError
from bot.database.loras.catalogue import Lora
from bot.library.configuration import Configuration
from bot.moderation.enforcement import WordRules
from bot.moderation.word_rules import TextKind
from bot.sources.choosing import claimed_base, why_not
from bot.sources.claims.disputes import Disputes
from bot.sources.claims.sidecars import HubSidecars
from bot.sources.downloads.placing import answer_of
from bot.sources.errors import (
    AnswerUnreadable,
    Archived,
    Gone,
    KeyRejected,
    LoginNeeded,
    NoAccess,
    NoSafetensors,
    SourceError,
    TooManyQuestions,
)
from bot.sources.hubs.civitai import HUB as CIVITAI
from bot.sources.hubs.civitai import MAX_MODELS, Civitai
from bot.sources.hubs.hub import HUB as HUGGING_FACE
from bot.sources.hubs.hub import HuggingFace
from bot.sources.hubs.links import CivitaiLink, HubLink, Link, parse_link
from bot.sources.hubs.remote import RemoteVersion, stored_version
from bot.sources.later_flags import block_if_flagged
from inference.base_models import BaseModelId
from inference.lora.known.registry import read_answers
from inference.queue.policy import EVERYWHERE

log = logging.getLogger(__name__)

LOOK_SECONDS = 1800.0  # between two looks at what is due
PAUSE = 2.0  # seconds between two questions
FILES = 500  # that are taken at a time
MAX_TROUBLE = 3  # pages with trouble, one after the other, from which on it is the hub's

_LOST: dict[type[SourceError], HubState] = {
    Gone: HubState.GONE,
    NoSafetensors: HubState.GONE,
    Archived: HubState.ARCHIVED,
    NoAccess: HubState.LOCKED,
    LoginNeeded: HubState.LOCKED,
}
_OF_ALL = (TooManyQuestions, KeyRejected)  # trouble of all pages of a hub

Versions: TypeAlias = Sequence[RemoteVersion] | HubState
Page = TypeVar("Page", int, HubLink)


class Updates:
    """Asks hubs about the files that came from them. `pause` seconds lie between two questions.

    `forget` is told the server, or EVERYWHERE, whose blocks have changed.
    """

    def __init__(
        self,
        db: Database,
        configuration: Configuration,
        civitai: Civitai,
        hugging_face: HuggingFace,
        *,
        pause: float = PAUSE,
        forget: Callable[[int], None] = lambda _server_id: None,
    ) -> None:
        self._db = db
        self._configuration = configuration
        self._civitai = civitai
        self._hugging_face = hugging_face
        self._pause = pause
        self._words = WordRules.of_operator(lambda: configuration.settings)
        self._forget = forget
        self._asked = False
        self._trouble = 0  # pages of a hub with trouble, one after the other
        self._sidecars = HubSidecars()
        self.disputes = Disputes(db, configuration)
        self._found: set[str] = set()  # files whose pages were asked for in this run
        self.looked: Callable[[], None] = lambda: None  # called when all was asked
        self.blocked: Callable[[Lora], None] = lambda _lora: None  # called when one was, for what its page says now

    async def run(self) -> None:
        """Ask about what is due, now and from now on. Runs until cancelled."""
        await Recurring("asking hubs for newer versions", self.look, LOOK_SECONDS).run()

    async def look(self) -> None:
        """Ask about each file that was not asked about for a day. What a hub's trouble leaves is asked the next time.

        Raises DatabaseError, and other errors only when both hubs were asked.
        """
        if not self._configuration.settings.looks_for_updates:
            return
        self._asked = False
        try:
            await self._find_known()
        except (SourceError, OSError) as problem:
            log.info("cannot look up pages of library files, will retry: %s", problem)
        unforeseen: Exception | None = None
        for hub, look_at in ((CIVITAI, self._look_at_models), (HUGGING_FACE, self._look_at_repositories)):
            try:
                await self._look_at(hub, look_at)
            except SourceError as problem:
                log.info("cannot ask %s for newer versions, will retry: %s", hub, problem)
            except DatabaseError:
                raise
            except Exception as problem:  # noqa: BLE001 (raised below; it keeps nothing from the other hub)
                unforeseen = problem
        if unforeseen is not None:
            raise unforeseen
        self.looked()

    async def _find_known(self) -> None:
        """Find the pages of files that were put into the folder and came from Civitai all the same.

        The operator's registry knows them by their hash, or a sidecar of another program says so.
        Raises SourceError or OSError.
        """
        library = self._configuration.settings.library
        known = set(await asyncio.to_thread(self._sidecars.hashes, library.folder))
        if library.registry is not None:
            answers = await asyncio.to_thread(read_answers, library.folder)
            known |= {sha256 for sha256, told in answers.items() if any(each.version_id for each in told)}
        known -= self._found
        wanted = sorted(await self._db.all(INSTALLED_AMONG, known))
        wanted = [sha256 for sha256 in wanted if not await self._is_followed(sha256)]
        if wanted:
            await self._wait()
            for sha256, version in await self._civitai.with_hashes(wanted):
                await note_known(self._db, sha256, version.page, CIVITAI, version.model_dump_json())
        self._found |= known

    async def _is_followed(self, sha256: str) -> bool:
        return any(look.followed for look in await self._db.all(LOOKS_OF, [sha256]))

    async def _look_at(self, hub: str, look_at: Callable[[list[DueFile]], Awaitable[None]]) -> None:
        before, self._trouble = now_ms() - DAY_MS, 0
        while due := await self._db.all(DUE_FILES, hub=hub, before=before, limit=FILES):
            await look_at(due)

    # --- Civitai --------------------------------------------------------------------------------------------------

    async def _look_at_models(self, due: list[DueFile]) -> None:
        """Ask about the models of these files, many at a time. Raises SourceError for trouble of all of them."""
        files = await self._by_page(due, _model_id)
        ids = list(files)
        for start in range(0, len(ids), MAX_MODELS):
            wanted = ids[start : start + MAX_MODELS]
            listed = await self._listed(wanted)
            for model_id in wanted:
                versions = listed.get(model_id)
                if versions is None:  # it is not shown to everybody, or not there
                    await self._look_at_page(CivitaiLink(model_id), files[model_id])
                else:
                    await self._record_all(files[model_id], versions)

    async def _listed(self, model_ids: list[int]) -> dict[int, tuple[RemoteVersion, ...]]:
        """The models that the two sites list. Raises SourceError."""
        found: dict[int, tuple[RemoteVersion, ...]] = {}
        settings = self._configuration.settings.sources
        for red in (False, True)[: 1 + (settings.civitai_endpoint != settings.civitai_red_endpoint)]:
            if missing := [model_id for model_id in model_ids if model_id not in found]:
                await self._wait()
                try:
                    found |= await self._civitai.models(missing, red=red)
                except AnswerUnreadable as problem:  # such as one that is too large: each is asked alone
                    log.info("%s models at once: %s", len(missing), problem)
        return found

    # --- Hugging Face ---------------------------------------------------------------------------------------------

    async def _look_at_repositories(self, due: list[DueFile]) -> None:
        """Ask about the repositories of these files, one at a time. Raises SourceError likewise."""
        for link, files in (await self._by_page(due, repository_file)).items():
            await self._look_at_page(link, files)

    # --- both -----------------------------------------------------------------------------------------------------

    async def _by_page(
        self, due: Iterable[DueFile], asked_at: Callable[[RemoteVersion], Page | None]
    ) -> dict[Page, list[tuple[DueFile, RemoteVersion]]]:
        """The files of each page; one that cannot be asked about counts as asked about."""
        pages: dict[Page, list[tuple[DueFile, RemoteVersion]]] = {}
        for file in due:
            known = stored_version(file.says)
            page = known and asked_at(known)
            if known is None or page is None:
                await self._db.run(NOTE_ASKED, now=now_ms(), sha256=file.sha256, page=file.page)
            else:
                pages.setdefault(page, []).append((file, known))
        return pages

    async def _wait(self) -> None:
        """Pause before all questions but the first."""
        if self._asked:
            await asyncio.sleep(self._pause)
        self._asked = True

    async def _look_at_page(self, link: CivitaiLink | HubLink, files: Sequence[tuple[DueFile, RemoteVersion]]) -> None:
        """Ask about one page. If it has trouble, its files are due again in an hour, behind all that are due now.

        Raises SourceError for trouble of the hub.
        """
        try:
            versions = await self._versions(link)
        except _OF_ALL:
            raise
        except SourceError as problem:
            for file, _ in files:
                await self._db.run(NOTE_ASKED, now=now_ms() - DAY_MS + HOUR_MS, sha256=file.sha256, page=file.page)
            self._trouble += 1
            if self._trouble == MAX_TROUBLE:
                raise
            log.info("cannot look up %s, will retry: %s", link, problem)
            return
        self._trouble = 0
        await self._record_all(files, versions)

    async def _versions(self, link: CivitaiLink | HubLink) -> Versions | None:
        """All versions at a link, or why there are none; None for an answer that says nothing. Raises SourceError."""
        await self._wait()
        try:
            if isinstance(link, CivitaiLink):
                return (await self._civitai.model(link)).versions
            return (await self._hugging_face.model(link)).versions
        except AnswerUnreadable as problem:
            log.info("%s: %s", link, problem)
            return None
        except SourceError as problem:
            if type(problem) not in _LOST:
                raise
            return _LOST[type(problem)]

    async def _record_all(self, files: Iterable[tuple[DueFile, RemoteVersion]], versions: Versions | None) -> None:
        for file, known in files:
            if versions is None:
                await self._db.run(NOTE_ASKED, now=now_ms(), sha256=file.sha256, page=file.page)
            elif isinstance(versions, HubState):
                await record_look(self._db, file.sha256, file.page, versions)
            else:
                await self._record(file, known, versions)

    async def _record(self, file: DueFile, known: RemoteVersion, versions: Sequence[RemoteVersion]) -> None:
        now = _same(known, versions)
        newer = await self._newer(file, known, versions) if file.followed else None
        if now is not None:
            settings = self._configuration.settings.sources
            flagged = await block_if_flagged(self._db, settings, file.sha256, file.page, now)
            if flagged is not None:
                self._forget(EVERYWHERE)
                self.blocked(flagged)
            await self._note_claim(file, now)
        state = HubState.GONE if now is None else HubState.ARCHIVED if now.archived else HubState.THERE
        await record_look(
            self._db,
            file.sha256,
            file.page,
            state,
            says=now.model_dump_json() if now else None,
            rating=now.rating if now else None,
            newer=(newer.file.sha256, newer.model_dump_json()) if newer and newer.file and newer.file.sha256 else None,
        )

    async def _note_claim(self, file: DueFile, now: RemoteVersion) -> None:
        """Note what a further page says now of the base model. Raises DatabaseError."""
        answer = answer_of(now, file.sha256) if now.base_model and not file.followed else None
        try:
            if answer is not None and await self.disputes.says_new([answer]):
                await self.disputes.note([answer])
        except OSError as problem:
            log.warning("cannot store the base model that %s names, will retry: %s", file.page, problem)

    async def _newer(
        self, file: DueFile, known: RemoteVersion, versions: Sequence[RemoteVersion]
    ) -> RemoteVersion | None:
        """The newest version for the same base model that can be had and named and is not here; None without one."""
        settings, checkpoints = self._configuration.settings.sources, self._configuration.checkpoints
        found = [
            each
            for each in versions
            if is_newer(each, known, file)
            and is_for_same_base(each, known, file.base_model)
            and each.ends is None
            and why_not(each, checkpoints, settings) is None
            and self._words.allows(f"{each.name}, {each.version}", TextKind.LORA_NAME, each.rating)
        ]
        newest = max(found, key=lambda each: each.version_id or 0, default=None)
        if newest is None or newest.file is None or newest.file.sha256 is None:
            return None
        return None if await self._db.all(INSTALLED_AMONG, [newest.file.sha256]) else newest


def is_newer(version: RemoteVersion, known: RemoteVersion, file: DueFile) -> bool:
    """Whether a version is newer than that of a file: Civitai numbers versions, and a repository's file changes."""
    if version.version_id is not None and known.version_id is not None:
        return version.version_id > known.version_id
    return version.file is not None and version.file.sha256 not in {None, file.sha256}


def is_for_same_base(version: RemoteVersion, known: RemoteVersion, base_model: BaseModelId | None) -> bool:
    """Whether a version claims the base model that a file is of, or its hub calls both the same."""
    claimed = claimed_base(version)
    if claimed is not None and base_model is not None:
        return claimed == base_model
    return version.base_model == known.base_model


def link_of(version: RemoteVersion) -> Link | None:
    """The link by which its hub is asked about a version; None for what came as a file."""
    if version.version_id is not None:
        return CivitaiLink(version.model_id, version.version_id)
    return repository_file(version)


def repository_file(version: RemoteVersion) -> HubLink | None:
    """The file of a repository that a version is, as its page is now; None for what is none."""
    page, path = parse_link(version.page), version.repository_path
    return HubLink(page.repository, path, page.revision) if isinstance(page, HubLink) and path else None


def _model_id(version: RemoteVersion) -> int | None:
    return version.model_id


def _same(known: RemoteVersion, versions: Sequence[RemoteVersion]) -> RemoteVersion | None:
    """The version that is known, as its hub tells it now."""
    return next((each for each in versions if each.version_id == known.version_id), None)
