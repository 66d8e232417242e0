"""Where files of an entry come from, what their hubs say now, and under which other names they are known."""

from __future__ import annotations

from dataclasses import dataclass

from bot.database.additions.additions import ADDED_FROM_MODEL, ADDED_FROM_PAGE, SOURCES_OF
from bot.database.additions.hub_looks import INSTALLED_AMONG, LOOKS_OF, HubLook
from bot.database.database import Database
from bot.database.loras.catalogue import VERSION_BY_SHA256, Lora, LoraVersion, find_lora, find_version_by_short_hash
from bot.sources.downloads.attached import ATTACHED
from bot.sources.hubs.civitai import HUB as CIVITAI
from bot.sources.hubs.hub import repository_page
from bot.sources.hubs.links import CivitaiLink, HashLink, Link
from bot.sources.hubs.remote import RemoteVersion, stored_version

SHA256_DIGITS = 64
MAX_OTHERS = 3


@dataclass(frozen=True)
class HubFile:
    """A file of an entry with what its hub said last; `newer` is for its base model and not here."""

    version: LoraVersion
    look: HubLook
    newer: RemoteVersion | None


@dataclass(frozen=True)
class Provenance:
    """`origin` is the page that brought the newest file from outside, `others` are pages that only have one of them.

    `same_as` is another entry with the same file, where this one has it a second time and it is not used.
    """

    origin: RemoteVersion | None
    others: tuple[RemoteVersion, ...]
    files: tuple[HubFile, ...]
    same_as: Lora | None

    @property
    def newer(self) -> tuple[HubFile, ...]:
        """The files of which a newer version can be added, each of these once."""
        found = {file.look.newer_sha256: file for file in self.files if file.newer is not None}
        return tuple(found.values())


async def provenance_of(db: Database, lora: Lora) -> Provenance:
    """What is known of an entry's files. Raises DatabaseError."""
    files = sorted(lora.usable, key=lambda version: -version.id)
    known = [page for version in files if version.sha256 for page in await db.all(SOURCES_OF, version.sha256)]
    pages = [(RemoteVersion.model_validate_json(page.source), page.placed) for page in known]
    origin = next((page for page, placed in pages if placed), None)
    others = {page_of(page): page for page, _ in pages if page.hub != ATTACHED}
    if origin is not None:
        others.pop(page_of(origin), None)
    return Provenance(
        origin=origin,
        others=tuple(others.values())[:MAX_OTHERS],
        files=await hub_files(db, files),
        same_as=await _same_as(db, lora),
    )


async def hub_files(db: Database, versions: list[LoraVersion]) -> tuple[HubFile, ...]:
    """Those of the versions that came from a hub. Raises DatabaseError."""
    by_hash = {version.sha256: version for version in versions if version.sha256}
    looks = await db.all(LOOKS_OF, list(by_hash))
    here = set(await db.all(INSTALLED_AMONG, [look.newer_sha256 for look in looks if look.newer_sha256]))
    return tuple(HubFile(by_hash[look.sha256], look, _newer(look, here)) for look in looks)


async def entry_from(db: Database, link: Link) -> Lora | None:
    """The entry of what a link or hash means, if it was added from there. Its hub is not asked.

    Raises DatabaseError.
    """
    sha256 = await _added_from(db, link)
    if sha256 is None and isinstance(link, HashLink) and len(link.hash) < SHA256_DIGITS:
        found = await find_version_by_short_hash(db, link.hash)
    else:
        found = await db.one(VERSION_BY_SHA256, sha256) if sha256 else None
    return await find_lora(db, found.lora_id) if found is not None and found.usable else None


async def _added_from(db: Database, link: Link) -> str | None:
    if isinstance(link, HashLink):
        return link.hash if len(link.hash) == SHA256_DIGITS else None
    if isinstance(link, CivitaiLink):
        return await db.one(ADDED_FROM_MODEL, hub=CIVITAI, model=link.model_id, version=link.version_id)
    for page in dict.fromkeys((repository_page(link.repository, link.revision), repository_page(link.repository))):
        for addition in await db.all(ADDED_FROM_PAGE, page):
            version = RemoteVersion.model_validate_json(addition.source)
            is_meant = version.revision == link.revision or page == repository_page(link.repository, link.revision)
            if is_meant and link.means(version.repository_path):
                return addition.sha256
    return None


def page_of(version: RemoteVersion) -> tuple[str, int | str, str | None]:
    """The page that all versions of a LoRA share. Each file of a repository is a LoRA of its own."""
    return version.hub, version.model_id or version.page, version.repository_path


async def pages_of(db: Database, sha256: str) -> list[RemoteVersion]:
    """The pages that have a file, first that which brought it. Raises DatabaseError."""
    return [RemoteVersion.model_validate_json(each.source) for each in await db.all(SOURCES_OF, sha256)]


async def is_from_page(db: Database, lora: Lora, version: RemoteVersion) -> bool:
    """Whether a file of an entry was brought by the page of a version, and by the same maker. Raises DatabaseError.

    A page that only has the same bytes as a file does not count: anybody may upload a copy.
    """
    for sha256 in (each.sha256 for each in lora.versions):
        for page in await db.all(SOURCES_OF, sha256) if sha256 else []:
            known = RemoteVersion.model_validate_json(page.source)
            if page.placed and known.hub != ATTACHED and _made_at(known) == _made_at(version):
                return True
    return False


def _made_at(version: RemoteVersion) -> tuple[object, ...]:
    return (*page_of(version), (version.creator or "").casefold())


def _newer(look: HubLook, here: set[str]) -> RemoteVersion | None:
    return None if look.newer is None or look.newer_sha256 in here else stored_version(look.newer)


async def _same_as(db: Database, lora: Lora) -> Lora | None:
    for version in lora.versions:
        found = await db.one(VERSION_BY_SHA256, version.sha256) if version.sha256 and not version.usable else None
        if found is not None and found.usable and found.lora_id != lora.id:
            return await find_lora(db, found.lora_id)
    return None
