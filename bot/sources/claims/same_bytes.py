"""What all pages say that have the same bytes: whom a file shows and for whom it is, whichever page it comes from."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from bot.library.configuration import Configuration
from bot.sources.choosing import refusal_of_scan, refusal_of_subject
from bot.sources.downloads.attached import TakenFile
from bot.sources.errors import NotLookedUp, SourceError
from bot.sources.hubs.civitai import HUB, Civitai
from bot.sources.hubs.remote import RemoteVersion

log = logging.getLogger(__name__)


class SameBytes:
    """Asks Civitai about files by their SHA-256, unless the settings say that files are not looked up.

    Where it does not answer, nobody knows whom a file shows: it is refused.
    """

    def __init__(self, civitai: Civitai, configuration: Configuration) -> None:
        self._civitai = civitai
        self._configuration = configuration

    async def describe_attached(self, taken: TakenFile) -> RemoteVersion:
        """An attached file, as its first page describes it, with what any page says. Raises NotLookedUp."""
        pages = await self._pages(taken.name, taken.sha256)
        if not pages:
            return taken.version
        return with_all(pages[0], pages).model_copy(update={"file": taken.version.file})

    async def describe_linked(self, version: RemoteVersion, sha256: str) -> RemoteVersion:
        """A version of a page, with what any other page says of its file.

        A page of Civitai's own is enough where Civitai tells nothing of the others.
        Raises NotLookedUp, RealPerson, MinorAndMature, FileInfected or FileUnscanned.
        """
        try:
            told = with_all(version, [version, *await self._pages(version.name, sha256)])
        except NotLookedUp:
            if version.hub != HUB:
                raise
            return version
        refusal = refusal_of_subject(told, self._configuration.settings.sources) or refusal_of_scan(told)
        if refusal is not None:
            raise refusal
        return told

    async def _pages(self, name: str, sha256: str) -> list[RemoteVersion]:
        if not self._configuration.settings.sources.look_up_files:
            return []
        try:
            return await self._civitai.pages_of_file(sha256)
        except SourceError as problem:
            log.info("cannot look up the pages of a file: %s", problem)
            raise NotLookedUp(name=name, reason=str(problem)) from None


def with_all(version: RemoteVersion, pages: Iterable[RemoteVersion]) -> RemoteVersion:
    """A version with what any of the pages says of whom it shows and of viruses, and the highest rating."""
    pages = tuple(pages)
    return version.model_copy(
        update={
            "rating": max(filter(None, (page.rating for page in pages)), default=None),
            "highest_rating": max(filter(None, (page.strictest_rating for page in pages)), default=None),
            "minor": any(page.minor for page in pages),
            "real_person": any(page.real_person for page in pages),
            "infected": any(page.infected for page in pages),
            "unscanned": any(page.unscanned for page in pages),
        }
    )
