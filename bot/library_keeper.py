"""Keeps the catalogue in step with the LoRA folder while the bot runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path

import aiosqlite

from bot import background
from bot.catalogue import LibraryUnreadable, Progress, ScanReport, scan_library
from inference.base_models import BaseModelId
from inference.lora.declarations import BadDeclarations, declare
from inference.lora.library import fingerprint

log = logging.getLogger(__name__)


class LibraryKeeper:
    """Scans when the folder has changed, one scan at a time. `installed` maps checkpoints' SHA-256 to base models."""

    def __init__(
        self,
        connection: aiosqlite.Connection,
        folder: Path,
        installed: Mapping[str, BaseModelId],
        *,
        trust_tags: bool = False,
    ) -> None:
        self._connection = connection
        self._folder = folder
        self._installed = installed
        self._trust_tags = trust_tags
        self._scanning = asyncio.Lock()
        self._fingerprint = ""

    async def scan(self, progress: Progress = lambda done, total: None) -> ScanReport:
        """Scan now. Raises as `scan_library`."""
        async with self._scanning:
            seen = await asyncio.to_thread(self._see)  # before: what changes during the scan is noticed afterwards
            report = await scan_library(
                self._connection, self._folder, self._installed, progress, trust_tags=self._trust_tags
            )
            self._fingerprint = seen
            return report

    async def watch(self, seconds: float) -> None:
        """Look every `seconds` whether a file was added, removed or replaced; scan when one was. For ever."""
        while True:
            await asyncio.sleep(seconds)
            await background.guard(self._look(), "watching the library")

    async def _look(self) -> None:
        try:
            if await asyncio.to_thread(self._see) != self._fingerprint:
                report = await self.scan()
                found = len(report.new), len(report.changed), len(report.missing)
                log.info("the library has changed: %s new, %s changed, %s gone", *found)
        except (LibraryUnreadable, BadDeclarations) as problem:
            log.warning("%s", problem)

    def _see(self) -> str:
        """The folder's fingerprint; of one that cannot be read nothing, and the scan says why."""
        try:
            return fingerprint(self._folder)
        except OSError:
            return ""

    async def declare(self, sha256: str, base_model: BaseModelId, *, who: str, reason: str) -> None:
        """Write an operator's declaration down and judge the library by it. Raises OSError, and as `scan_library`."""
        await asyncio.to_thread(declare, self._folder, sha256, base_model, who=who, reason=reason)
        await self.scan()
