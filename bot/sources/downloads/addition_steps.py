"""What one addition takes: its file is fetched, checked, described, named, and put into the catalogue.

Nothing is in the catalogue before `inference.lora` has read the file, and the file's own shapes decide over what its
page says.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from itertools import chain, count
from pathlib import Path

from pydantic import ValidationError

from bot import background
from bot.database.additions.additions import FIND_ADDITION, IS_ADDED, LoraAddition, finish_addition
from bot.database.database import Database
from bot.database.loras.catalogue import VERSION_BY_SHA256, Lora, find_lora, find_lora_by_name
from bot.library.configuration import Configuration
from bot.library.watcher import LibraryKeeper
from bot.sources.claims.base_models import keep_claims
from bot.sources.claims.disputes import Disputes
from bot.sources.claims.provenance import is_from_page
from bot.sources.claims.same_bytes import SameBytes, with_all
from bot.sources.downloads.attached import ATTACHED, attached_path
from bot.sources.downloads.files import Download, WantedFile, is_worth_keeping
from bot.sources.downloads.placing import (
    CheckedFile,
    answer_of,
    check_file,
    entry_name,
    part_path,
    place,
    remove,
    sidecar_of,
)
from bot.sources.downloads.previews import keep_preview
from bot.sources.errors import (
    AddingBroken,
    DiskFailed,
    FileUnusable,
    KeyRejected,
    LoginNeeded,
    NoAccess,
    SourceError,
    StoreRefused,
)
from bot.sources.hubs.civitai import LORA_KINDS, Civitai
from bot.sources.hubs.http import SourceHttp, early_access
from bot.sources.hubs.hub import HuggingFace
from bot.sources.hubs.remote import RemoteVersion
from inference.lora.evidence import unknown_bases, unknown_repositories
from inference.lora.known.installed import installed_hashes
from inference.lora.known.registry import RegistryAnswer, RepositoryAnswer

log = logging.getLogger(__name__)

_LOCKED = (LoginNeeded, KeyRejected, NoAccess, StoreRefused)  # errors that hubs also answer for early access
Progress = Callable[[int, int | None], None]  # bytes so far, bytes in all if its hub says it


class AdditionSteps:
    """Carries out additions. `http` asks hubs; `keeper` puts what is new into the catalogue."""

    def __init__(
        self,
        db: Database,
        configuration: Configuration,
        keeper: LibraryKeeper,
        http: SourceHttp,
        civitai: Civitai,
        hugging_face: HuggingFace,
        same_bytes: SameBytes,
        disputes: Disputes,
    ) -> None:
        self._db = db
        self._configuration = configuration
        self._library = keeper
        self._http = http
        self._civitai = civitai
        self._hugging_face = hugging_face
        self._same_bytes = same_bytes
        self._disputes = disputes
        self._slots = asyncio.Semaphore(configuration.settings.sources.at_once)
        self._placed: set[int] = set()  # additions whose file was put into the library in this run
        self._placing = asyncio.Lock()  # from the choice of a name until the entry of that name is there

    async def carry_out(self, addition: LoraAddition, version: RemoteVersion, progress: Progress) -> None:
        """Do what is still to be done. Raises SourceError, OSError, DatabaseError or what a scan raises."""
        target = self.target(addition.path)
        placed = await asyncio.to_thread(target.exists)  # the program ended between placing it and the end
        if placed:
            checked = await background.reading(check_file, target, version.name)
        else:
            async with self._slots:
                await self._fetch(addition, version, progress)
            checked = await background.reading(check_file, self.part(addition.key), version.name)
            if version.file is not None and version.file.sha256 is None:  # it could not be looked up before
                version = await self._same_bytes.describe_linked(version, checked.sha256)
        claims = await self._claims(version, checked)
        if not placed:
            await keep_preview(self._http, version, target)
        async with self._placing:
            if not placed and await self.entry_of(checked.sha256) is not None:
                await self.clear(addition)
            else:
                await self._place(addition, version, checked, target)
            await self._finish(addition, checked, claims)
        log.info("added %s from %s", addition.path, version.hub)

    async def clear(self, addition: LoraAddition, why: SourceError | None = None) -> None:
        """Remove all that an addition left, and nothing of what was added earlier. Raises OSError or DatabaseError.

        If the connection failed, the partial download stays for the next try: up to `KEPT_PARTS` files, for a day.
        """
        version = RemoteVersion.model_validate_json(addition.source)
        if why is not None and is_worth_keeping(why, version.file.sha256 if version.file else None):
            await asyncio.to_thread(self.attached(addition.key).unlink, missing_ok=True)
            return
        if addition.id not in self._placed and await self._db.get(IS_ADDED, addition.path):
            # By the same page, which tells no hash: the file there is that of the earlier addition.
            await asyncio.to_thread(self.part(addition.key).unlink, missing_ok=True)
        else:
            await asyncio.to_thread(remove, self.target(addition.path), self.part(addition.key))
        self._placed.discard(addition.id)
        await asyncio.to_thread(self.attached(addition.key).unlink, missing_ok=True)

    async def has_come(self, addition_id: int) -> bool:
        """Whether some of its file is here, fetched or attached, also in an earlier run. Raises DatabaseError."""
        addition = await self._db.one(FIND_ADDITION, addition_id)
        if addition is None:
            return False
        places = (self.attached(addition.key), self.part(addition.key))  # in the order in which a file is moved
        return await asyncio.to_thread(lambda: any(map(_has_bytes, places)))

    async def entry_of(self, sha256: str) -> Lora | None:
        """The entry that has a file with these bytes; None for one that cannot be used. Raises DatabaseError."""
        found = await self._db.one(VERSION_BY_SHA256, sha256)
        return await find_lora(self._db, found.lora_id) if found and found.usable else None

    def target(self, path: str) -> Path:
        """Where a file goes. `path` is relative to the library."""
        return self._configuration.settings.library.folder / path

    def part(self, key: str) -> Path:
        """Where the file of this key is while it comes."""
        return self.target(part_path(key))

    def attached(self, key: str) -> Path:
        """Where a file of this key is kept that a person attached."""
        return self.target(attached_path(key))

    # --- the steps ------------------------------------------------------------------------------------------------

    async def _fetch(self, addition: LoraAddition, version: RemoteVersion, progress: Progress) -> None:
        """Fetch the file, unless somebody has attached it."""
        file, settings, part = version.file, self._configuration.settings.sources, self.part(addition.key)
        assert file is not None
        if await asyncio.to_thread(_taken, self.attached(addition.key), part):
            return
        if file.url.startswith(f"{ATTACHED}:"):
            if not await asyncio.to_thread(part.exists):  # taken by an earlier run
                raise AddingBroken(name=version.name)
            return
        wanted = WantedFile.of(file, version.name, settings.max_lora_megabytes * 2**20, settings)
        try:
            await Download(self._http, wanted, part, progress).run()
        except _LOCKED as problem:
            raise early_access(problem.host, version.ends) if version.early_access else problem from None

    async def _claims(self, version: RemoteVersion, checked: CheckedFile) -> list[RegistryAnswer | RepositoryAnswer]:
        """What hubs say of the file's base model, and of the checkpoint that it was trained on."""
        answers = [answer_of(version, checked.sha256)] if version.base_model else []
        known = installed_hashes(self._configuration.checkpoints.specs)
        hashes, versions = unknown_bases(checked.metadata, known)
        questions = [partial(self._civitai.with_hashes, sorted(hashes))] if hashes else []
        questions += [partial(self._civitai.identified, version_id) for version_id in sorted(versions)]
        for ask in questions:
            try:
                told = await ask()
                # A file's metadata may name any hash, so that its maker would speak of other people's LoRAs.
                told = [each for each in told if each[0] != checked.sha256 and each[1].kind not in LORA_KINDS]
                here = {sha256 for sha256, _ in told if await self._db.one(VERSION_BY_SHA256, sha256) is not None}
                answers += [answer_of(base, sha256) for sha256, base in told if sha256 not in here]
            except SourceError as problem:
                log.info("cannot look up the training base of %s: %s", version.name, problem)
        return [answer for answer in answers if answer is not None] + await self._claims_of_repositories(checked)

    async def _claims_of_repositories(self, checked: CheckedFile) -> list[RepositoryAnswer]:
        """What repositories say of their base model that the file was trained on."""
        answers: list[RepositoryAnswer] = []
        known = installed_hashes(self._configuration.checkpoints.specs)
        for repository in sorted(unknown_repositories(checked.metadata, known)):
            try:
                base = await self._hugging_face.base_of(repository)
                if base is not None:
                    answers.append(RepositoryAnswer(repository=repository, when=datetime.now(UTC), base_model=base))
            except (SourceError, ValidationError) as problem:
                log.info("cannot look up %s: %s", repository, problem)
        return answers

    async def _place(self, addition: LoraAddition, version: RemoteVersion, checked: CheckedFile, target: Path) -> None:
        """Put the file into the library and its entry into the catalogue. Raises SourceError and others."""
        if not await asyncio.to_thread(target.exists):
            name = await self._free_name(version)
            joined = await self._db.one(FIND_ADDITION, addition.id)  # by another page, which may rate it higher
            if joined is not None:
                version = with_all(version, [version, RemoteVersion.model_validate_json(joined.source)])
            self._placed.add(addition.id)
            try:
                await asyncio.to_thread(place, self.part(addition.key), target, sidecar_of(version, name, checked))
            except OSError as problem:
                raise DiskFailed(name=version.name, reason=problem.strerror or str(problem)) from None
        report = await self._library.scan()
        problem = next((file.problem for file in report.broken if file.path == addition.path), None)
        if problem is not None:
            raise FileUnusable(name=version.name, reason=problem)
        if any(file.path == addition.path for file in report.duplicates):
            await self.clear(addition)
            await self._library.scan()

    async def _finish(
        self, addition: LoraAddition, checked: CheckedFile, claims: list[RegistryAnswer | RepositoryAnswer]
    ) -> None:
        """It is added, and the claims count from now on; neither if it was cancelled. Raises OSError and others.

        If another addition brought the same file, the claims count as another page's.
        """
        async with self._db.transaction():
            added = await finish_addition(self._db, addition.id, checked.sha256)
            if added is None:
                return
            if added.placed:
                news = await keep_claims(self._configuration.settings.library.folder, claims)
            else:
                news = await self._disputes.note(claims)
        self._placed.discard(addition.id)
        if news:
            await self._library.scan()

    async def _free_name(self, version: RemoteVersion) -> str:
        """The name of the entry: that of the page, unless another LoRA has it. Versions of one page share it."""
        own = entry_name(version)
        of_maker = f"{own[:60]} ({(version.creator or version.hub)[:30]})"
        for name in chain((own, of_maker), (f"{own[:90]} ({number})" for number in count(2))):
            entry = await find_lora_by_name(self._db, name)
            if entry is None or await is_from_page(self._db, entry, version):
                return name
        raise AssertionError


def _has_bytes(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


def _taken(attached: Path, part: Path) -> bool:
    """Whether there was an attached file, which is the part now. Raises OSError."""
    try:
        attached.replace(part)
    except FileNotFoundError:
        return False
    return True
