"""A public registry that may know LoRA files by their hash: what the library asks of it.

Its answers are untrusted: they are validated field by field, and used only for the exact bytes that were asked about.
"""

from __future__ import annotations

from typing import Protocol

from inference.lora.known.registry import RegistryAnswer


class RegistryUnreachable(Exception):
    """The registry gave no answer that can be used now; the message says why."""


class Registry(Protocol):
    """A registry that may know files by their hash. `bot.sources.hubs.registry` asks Civitai."""

    async def ask(self, sha256: str) -> tuple[RegistryAnswer, ...]:
        """What its pages say of the file with this SHA-256; one answer that says nothing if none has it.

        Raises RegistryUnreachable.
        """
        ...

    async def ask_version(self, version_id: int) -> tuple[RegistryAnswer, ...]:
        """What it says of each file of a version, by its own id. Raises RegistryUnreachable."""
        ...
