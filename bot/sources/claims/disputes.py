"""Claims of other people's pages about a LoRA that is here: one that contradicts opens a dispute.

A page is no proof: anybody may upload the same bytes and name another base model. A contradiction in the evidence would
take the LoRA from everybody. A dispute keeps it for people who had it before. New people wait until an operator
decides, because the first page may be the wrong one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from bot.database.additions.additions import SOURCES_OF
from bot.database.additions.disputes import DISPUTED_BY, RECORD_DISPUTE, SETTLE_DISPUTE
from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.loras.catalogue import VERSION_BY_SHA256, Lora, LoraVersion, find_lora
from bot.library.configuration import Configuration
from bot.sources.claims.base_models import keep_claims, known_now, says_new
from bot.sources.hubs.remote import RemoteVersion
from inference.base_models import BaseModelId
from inference.lora.knowledge import Knowledge
from inference.lora.known.registry import RegistryAnswer, RepositoryAnswer

log = logging.getLogger(__name__)

Answer = RegistryAnswer | RepositoryAnswer


class Disputes:
    """Notes what other people's pages claim. `opened` is called with a LoRA and the page's base model."""

    def __init__(self, db: Database, configuration: Configuration) -> None:
        self._db = db
        self._configuration = configuration
        self.opened: Callable[[Lora, BaseModelId], None] = lambda _lora, _base: None

    async def says_new(self, answers: Sequence[RegistryAnswer]) -> bool:
        """Whether a page says something that is neither kept nor a dispute already. Raises OSError, DatabaseError."""
        folder, rest = self._configuration.settings.library.folder, list[RegistryAnswer]()
        for answer in answers:
            disputed = await self._db.one(DISPUTED_BY, sha256=answer.sha256, page=answer.page)
            if disputed is not None and disputed != answer.known_base_model:
                return True
            if disputed is None:
                rest.append(answer)
        return await asyncio.to_thread(says_new, folder, rest)

    async def note(self, answers: Iterable[Answer]) -> bool:
        """Keep what pages say, and open disputes for what contradicts; whether the library's evidence has changed.

        Raises OSError or DatabaseError.
        """
        known = await asyncio.to_thread(known_now, self._configuration)
        kept: list[Answer] = []
        for answer in answers:
            version = await self._contradicted(answer, known) if isinstance(answer, RegistryAnswer) else None
            if version is None:
                kept.append(answer)
            if isinstance(answer, RegistryAnswer):
                await self._set(answer, version)
        return await keep_claims(self._configuration.settings.library.folder, kept)

    async def _set(self, answer: RegistryAnswer, version: LoraVersion | None) -> None:
        base = answer.known_base_model
        if version is None or base is None or base == version.base_model:  # of the same only the name differs
            await self._db.run(SETTLE_DISPUTE, sha256=answer.sha256, page=answer.page)
        elif await self._db.run(RECORD_DISPUTE, sha256=answer.sha256, page=answer.page, base_model=base, now=now_ms()):
            lora = await find_lora(self._db, version.lora_id)
            log.warning("%s is disputed: %s names %s", version.path, answer.page, base)
            if lora is not None:
                self.opened(lora, base)

    async def _contradicted(self, answer: RegistryAnswer, known: Knowledge) -> LoraVersion | None:
        """The file whose base model would not be known any more with this answer; None for none.

        The page that brought the file may correct itself.
        """
        before = [each for each in known.answers.get(answer.sha256, ()) if each.origin != answer.origin]
        version = await self._db.one(VERSION_BY_SHA256, answer.sha256)
        if version is None or not version.usable or version.base_model is None:
            return None
        if await self._brought(answer):
            return None
        after = replace(known, answers={**known.answers, answer.sha256: (*before, answer)})
        base = await asyncio.to_thread(lambda: version.found.judge(after).base_model)
        return None if base == version.base_model else version

    async def _brought(self, answer: RegistryAnswer) -> bool:
        """Whether the page of an answer brought the file into the library."""
        sources = [each.source for each in await self._db.all(SOURCES_OF, answer.sha256) if each.placed]
        return any(RemoteVersion.model_validate_json(source).page == answer.page for source in sources)
