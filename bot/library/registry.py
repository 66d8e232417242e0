"""Asks a public model registry about a LoRA file, by its hash alone, if the operator has enabled it.

Nothing but the file's SHA-256 leaves the machine. The answer is untrusted: bounded in size and time, validated
field by field, and used only for the exact bytes that were asked about.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

import aiohttp
from pydantic import ValidationError

from inference.json_values import as_dict, as_id, as_list, as_text, parse_json
from inference.lora.registry import RegistryAnswer
from inference.lora.trigger_groups import trigger_groups

MAX_BYTES = 4 * 2**20  # most answers, example prompts included, are below a tenth of this
_MOST, _LONGEST = 100, 2000  # groups of trigger words that are looked at, and characters of one
SECONDS = 10.0  # for one answer
_SHA256 = re.compile(r"[0-9a-f]{64}")


class RegistryUnreachable(Exception):
    """The registry gave no answer that can be used now; the message says why."""


class Registry(Protocol):
    """A registry that may know files by their hash."""

    async def ask(self, sha256: str) -> RegistryAnswer:
        """The registry's answer about the file with this SHA-256. Raises RegistryUnreachable."""
        ...

    async def ask_version(self, version_id: int) -> RegistryAnswer | None:
        """Its answer about the file of a version, by its own id; None: it has none. Raises RegistryUnreachable."""
        ...


@dataclass(frozen=True)
class CivitaiRegistry:
    """A registry that speaks CivitAI's API, version 1, at `url`."""

    url: str
    seconds: float = SECONDS

    async def ask(self, sha256: str) -> RegistryAnswer:
        """See `Registry`."""
        told = await self._get(f"by-hash/{sha256}")
        return self._answer(sha256, told if sha256 in _hashes(told) else {})

    async def ask_version(self, version_id: int) -> RegistryAnswer | None:
        """See `Registry`."""
        told = await self._get(str(version_id))
        hashes = [hash_ for hash_ in _hashes(told) if _SHA256.fullmatch(hash_)]
        return self._answer(hashes[0], told) if hashes and told.get("id") == version_id else None

    async def _get(self, what: str) -> dict[str, Any]:
        """A version; an empty one that is not known. Redirections are refused: they could lead anywhere."""
        timeout = aiohttp.ClientTimeout(total=self.seconds)
        headers = {"User-Agent": "Easel (a Discord bot)", "Accept": "application/json"}
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
                session.get(f"{self.url}/model-versions/{what}", allow_redirects=False) as response,
            ):
                if response.status == 404:
                    return {}
                if response.status != 200:
                    raise RegistryUnreachable(f"{self._host} answered with status {response.status}")
                return _object(await _bounded(response))
        except (aiohttp.ClientError, TimeoutError, OSError) as problem:
            raise RegistryUnreachable(f"{self._host} cannot be reached ({type(problem).__name__})") from None

    @property
    def _host(self) -> str:
        return urlsplit(self.url).hostname or self.url

    def _answer(self, sha256: str, told: dict[str, Any]) -> RegistryAnswer:
        """The answer about these bytes."""
        version_id = told.get("id")
        titles = (as_text(as_dict(told.get("model")).get("name"), _LONGEST), as_text(told.get("name"), _LONGEST))
        try:
            return RegistryAnswer(
                sha256=sha256,
                registry=self._host,
                when=datetime.now(UTC),
                base_model=as_text(told.get("baseModel"), 200) or None,
                name=" · ".join(title for title in titles if title)[:200],
                trigger_words=_groups(told.get("trainedWords")),
                version_id=as_id(version_id),
            )
        except ValidationError:
            raise RegistryUnreachable(f"{self._host} gave an answer that cannot be read") from None


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    """The body, if it is not too large. Raises RegistryUnreachable."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(2**16):
        body += chunk
        if len(body) > MAX_BYTES:
            raise RegistryUnreachable(f"{response.url.host} answered with more than {MAX_BYTES:,} bytes")
    return bytes(body)


def _object(body: bytes) -> dict[str, Any]:
    try:
        return as_dict(parse_json(body))
    except ValueError:
        raise RegistryUnreachable("the registry's answer is no JSON") from None


def _hashes(version: dict[str, Any]) -> Sequence[str]:
    """The SHA-256 of each file of a version."""
    files = (as_dict(as_dict(file).get("hashes")) for file in as_list(version.get("files")))
    return [as_text(hashes.get("SHA256"), 64).lower() for hashes in files]


def _groups(value: object) -> tuple[str, ...]:
    return trigger_groups(as_text(text, _LONGEST) for text in as_list(value)[:_MOST])
