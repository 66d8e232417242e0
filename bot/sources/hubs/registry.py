"""The registry that the settings name, asked by hash through the client that all hubs are asked by.

Nothing but a file's SHA-256 or the registry's own number of a version leaves the machine, and no key.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from pydantic import SecretStr
from yarl import URL

from bot.config.sections.sources import SourcesSettings
from bot.library.registry import RegistryUnreachable
from bot.sources.downloads.placing import answer_of
from bot.sources.errors import Gone, SourceError
from bot.sources.hubs.civitai import Civitai
from bot.sources.hubs.http import ANSWER_SECONDS, WAITS, SourceHttp
from bot.sources.hubs.remote import RemoteVersion
from inference.lora.known.registry import RegistryAnswer


class CivitaiRegistry:
    """A registry that speaks Civitai's API, version 1, at `url`. It implements `bot.library.registry.Registry`.

    Its origin may be http and lie in a private network, as the settings allow it; where it redirects to, only what
    `[sources]` allows.
    """

    def __init__(
        self,
        settings: SourcesSettings,
        url: str,
        *,
        waits: Sequence[float] = WAITS,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        origin = str(URL(url).origin())
        self._settings = settings.model_copy(
            update={"civitai_endpoint": origin, "civitai_red_endpoint": origin, "civitai_key": SecretStr("")}
        )
        self._url = url
        self._waits = waits
        self._answer_seconds = answer_seconds

    async def ask(self, sha256: str) -> tuple[RegistryAnswer, ...]:
        """See `Registry`."""
        async with self._client() as civitai:
            told = await civitai.with_hashes([sha256])
        return self._answers(told) or (RegistryAnswer(sha256=sha256, registry=self._host, when=datetime.now(UTC)),)

    async def ask_version(self, version_id: int) -> tuple[RegistryAnswer, ...]:
        """See `Registry`."""
        async with self._client() as civitai:
            try:
                return self._answers(await civitai.identified(version_id))
            except Gone:
                return ()

    @property
    def _host(self) -> str:
        return URL(self._url).host or self._url

    def _answers(self, told: Iterable[tuple[str, RemoteVersion]]) -> tuple[RegistryAnswer, ...]:
        answers = (answer_of(version, sha256) for sha256, version in told)
        return tuple(answer.model_copy(update={"registry": self._host}) for answer in answers if answer is not None)

    @asynccontextmanager
    async def _client(self) -> AsyncGenerator[Civitai]:
        """A client while the context is open. Raises RegistryUnreachable."""
        http = SourceHttp(lambda: self._settings, waits=self._waits, answer_seconds=self._answer_seconds)
        try:
            yield Civitai(http, lambda: self._settings, apis=(self._url,))
        except SourceError as problem:
            raise RegistryUnreachable(f"the registry at {self._host}: {problem}") from None
        finally:
            await http.close()
