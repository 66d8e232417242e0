"""Further pages that have the same bytes as a file of the library: what they say counts, and who names them is counted.

If such a page claims another base model, the LoRA is disputed. Its rating can raise the LoRA's. It brings neither
versions nor rights.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.database.additions.additions import MAX_PAGES, NO_ADDITION, note_listed
from bot.database.database import Database
from bot.database.loras.catalogue import Lora
from bot.sources.claims.disputes import Disputes
from bot.sources.claims.provenance import page_of, pages_of
from bot.sources.downloads.placing import answer_of
from bot.sources.errors import DiskFailed
from bot.sources.hubs.remote import RemoteVersion
from inference.errors import RequestError


@dataclass(frozen=True)
class Namer:
    """Who names a page, where; `admission` raises why they may not add one more LoRA."""

    person_id: int
    server_id: int | None
    admission: Callable[[int], Awaitable[None]]


async def note_further_page(db: Database, disputes: Disputes, lora: Lora, version: RemoteVersion, namer: Namer) -> bool:
    """Note a page that has a file of an entry, and what it says of the base model; whether the evidence has changed.

    A page that says nothing new is not noted again. One that is counts as an addition of the person, and is not noted
    where they may add no more. Raises DiskFailed or DatabaseError.
    """
    assert version.file is not None and version.file.sha256 is not None
    sha256 = version.file.sha256
    claim = answer_of(version, sha256) if version.base_model else None
    claims = [claim] if claim else []
    try:
        async with db.transaction():
            pages = [page_of(page) for page in await pages_of(db, sha256)]
            new = page_of(version) not in pages or await disputes.says_new(claims)
            if not version.page or not new or len(pages) >= MAX_PAGES:
                return False
            try:
                await namer.admission(NO_ADDITION)
            except RequestError:
                return False
            path = next(each.path for each in lora.versions if each.sha256 == sha256)
            source = version.model_dump_json()
            await note_listed(db, sha256, source, path, person_id=namer.person_id, server_id=namer.server_id)
            return await disputes.note(claims)
    except OSError as problem:
        raise DiskFailed(name=lora.name, reason=problem.strerror or str(problem)) from None
