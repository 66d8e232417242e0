"""Fetches one file from outside: streamed beside its place, resumed where it broke off, checked while it comes."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import shutil
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from yarl import URL

from bot.config.sections.sources import SourcesSettings
from bot.sources.errors import (
    AnswerUnreadable,
    CutShort,
    DiskFailed,
    FileTooLarge,
    LargerThanSaid,
    MessageInsteadOfFile,
    NoRoom,
    PageInsteadOfFile,
    PickleInsteadOfFile,
    SourceBroken,
    SourceError,
    SourceUnreachable,
    StoreRefused,
    TooManyQuestions,
    TooSlow,
    WrongHash,
)
from bot.sources.hubs.http import (
    FILE_HEADERS,
    PARTIAL,
    ByteRange,
    Passing,
    SourceHttp,
    address,
    beginning,
    is_challenge,
    range_of,
)
from bot.sources.hubs.remote import RemoteFile

ATTEMPTS = 6
PROGRESS_BYTES = 16 * 2**20  # for which more attempts are made
LEAST_BYTES = 64 * 1024  # that have to come in the time after which a file is given up
BUFFER_BYTES = 2**20  # hashed and written at a time
SLACK_BYTES = 4096  # a hub gives sizes in rounded KB
MAX_HEADER = 2**27  # bytes; a larger header is no safetensors file's
UNSATISFIABLE = 416  # the status for a part that is not there


@dataclass(frozen=True)
class WantedFile:
    """A file to fetch: at most `most` bytes, of which `free` have to stay free on the disk.

    It is a safetensors file, or without `weights` any text.
    """

    url: str
    name: str
    most: int
    size: int | None = None
    sha256: str | None = None
    free: int = 0
    stall_seconds: float = 60.0
    weights: bool = True

    @classmethod
    def of(cls, file: RemoteFile, name: str, most: int, settings: SourcesSettings) -> WantedFile:
        """A file of a hub, within the settings' limits."""
        return cls(
            url=file.url,
            name=name,
            most=most,
            size=file.size,
            sha256=file.sha256,
            free=int(settings.free_gigabytes * 2**30),
            stall_seconds=settings.stall_seconds,
        )


# The connection failed, which says nothing against what came before.
_BROKEN_OFF = (CutShort, SourceUnreachable, SourceBroken, TooManyQuestions)


def is_worth_keeping(problem: Exception, sha256: str | None) -> bool:
    """Whether a partial download is kept after a problem, so that the next try resumes it.

    Without the file's SHA-256 nobody would see that the rest is of another file.
    """
    return sha256 is not None and isinstance(problem, _BROKEN_OFF)


Received = Callable[[int, int | None], None]  # bytes so far, bytes in all


class Download:
    """Fetches a file to the path `part`. What is there already is kept and continued."""

    def __init__(self, http: SourceHttp, wanted: WantedFile, part: Path, received: Received) -> None:
        self._http = http
        self._wanted = wanted
        self._part = part
        self._received = received
        self._hash = hashlib.sha256()
        self._size = 0
        self._whole: int | None = None  # bytes of the whole file, as an answer with a part of it said
        self._resumed = False  # the part is of an earlier run, and may be of another file

    async def run(self) -> str:
        """Fetch it; its SHA-256. Raises SourceError.

        A partial download stays for the next run after a cancellation, or if `is_worth_keeping` says so.
        """
        try:
            await asyncio.to_thread(self._prepare)
            await self._attempts()
        except SourceError as problem:
            if is_worth_keeping(problem, self._wanted.sha256):
                raise
            with suppress(OSError):  # what went wrong first is told
                await asyncio.to_thread(self._part.unlink, missing_ok=True)
            raise
        return self._hash.hexdigest()

    async def _attempts(self) -> None:
        """Try again as long as that brings the file on."""
        while True:
            before = self._size
            try:
                return await self._http.retrying(self._attempt, ATTEMPTS)
            except CutShort:
                if self._size < before + PROGRESS_BYTES:
                    raise

    # --- the part -------------------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        """Take over what is there. Raises SourceError when there is no room."""
        wanted = self._wanted
        if wanted.size is not None:
            self._check_size(wanted.size)
        with explained(wanted.name):
            self._part.parent.mkdir(parents=True, exist_ok=True)
            if not self._part.exists():
                self._check_room(wanted.size or 0)
                return
            with self._part.open("rb") as file:
                while block := file.read(BUFFER_BYTES):
                    self._hash.update(block)
                    self._size += len(block)
        self._resumed = self._size > 0
        self._check_room(max(0, (wanted.size or 0) - self._size))

    def _restart(self) -> None:
        with explained(self._wanted.name):
            self._part.unlink(missing_ok=True)
        self._hash, self._size, self._resumed, self._whole = hashlib.sha256(), 0, False, None

    def _write(self, block: bytes) -> None:
        with explained(self._wanted.name), self._part.open("ab") as file:
            file.write(block)
            file.flush()
        self._hash.update(block)
        self._size += len(block)

    def _sync(self) -> None:
        with explained(self._wanted.name), self._part.open("rb") as file:
            os.fsync(file.fileno())

    def _check_size(self, size: int) -> None:
        if size > self._wanted.most:
            raise FileTooLarge(name=self._wanted.name, megabytes=self._wanted.most // 2**20)

    def _check_room(self, more: int) -> None:
        if shutil.disk_usage(self._part.parent).free - more < self._wanted.free:
            raise NoRoom(name=self._wanted.name)

    # --- an attempt -----------------------------------------------------------------------------------------------

    async def _attempt(self) -> None:
        """One request for what is missing. Raises SourceError, and Passing for what may succeed later."""
        wanted = self._wanted
        if self._size and self._size == wanted.size:
            await self._check_hash(address(wanted.url).host or "")
            return
        headers = {**FILE_HEADERS, **({"Range": f"bytes={self._size}-"} if self._size else {})}
        try:
            async with self._opened(address(wanted.url), headers) as response:
                await self._take(response)
                host = response.url.host or ""
        except SourceBroken as problem:
            if problem.status != UNSATISFIABLE or not self._size:
                raise
            await asyncio.to_thread(self._restart)
            raise Passing(problem, 0.0) from None
        await self._check_hash(host)

    @asynccontextmanager
    async def _opened(self, url: URL, headers: Mapping[str, str]) -> AsyncGenerator[aiohttp.ClientResponse]:
        """The answer, which has to begin in the time in which bytes have to come later. Raises TooSlow without one."""
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(self._wanted.stall_seconds):
                    response = await stack.enter_async_context(self._http.opened(url, headers=headers))
            except TimeoutError:
                raise TooSlow(host=url.host or "", name=self._wanted.name) from None
            yield response

    async def _take(self, response: aiohttp.ClientResponse) -> None:
        host, wanted = response.url.host or "", self._wanted
        part = range_of(response) if response.status == PARTIAL else None
        if response.status == PARTIAL and not (part and self._continues(part)):
            await asyncio.to_thread(self._restart)
            raise Passing(AnswerUnreadable(host=host), 0.0)
        if response.status != PARTIAL and self._size:
            await asyncio.to_thread(self._restart)
        declared = None if response.content_length is None else self._size + response.content_length
        if part is not None:
            declared = self._whole = part.total
        total = declared if declared is not None else wanted.size
        if declared is not None:
            self._check_size(declared)
            await asyncio.to_thread(self._check_room, declared - self._size)
        if response.content_type == "text/html":
            page = await beginning(response, wanted.stall_seconds)
            raise StoreRefused(host=host) if is_challenge(response, page) else PageInsteadOfFile(host, wanted.name)
        await self._read(response, host, total)
        if total is not None and self._size < total - (0 if declared is not None else SLACK_BYTES):
            raise Passing(CutShort(host=host, name=wanted.name))
        if declared is not None and self._size > declared:
            raise LargerThanSaid(name=wanted.name, host=host)

    def _continues(self, part: ByteRange) -> bool:
        """Whether a part goes on where the file ends here, and is of a file that is as long as in earlier answers."""
        return part.start == self._size <= part.end < part.total and self._whole in {None, part.total}

    async def _read(self, response: aiohttp.ClientResponse, host: str, total: int | None) -> None:
        """Write what comes; what was read before a break is kept."""
        loop, buffer = asyncio.get_running_loop(), bytearray()
        deadline, lately = loop.time() + self._wanted.stall_seconds, 0
        try:
            while True:
                try:
                    async with asyncio.timeout_at(deadline):
                        chunk = await response.content.readany()
                except TimeoutError:
                    raise TooSlow(host=host, name=self._wanted.name) from None
                buffer += chunk
                self._received(self._size + len(buffer), total)
                lately += len(chunk)
                if lately >= LEAST_BYTES:
                    deadline, lately = loop.time() + self._wanted.stall_seconds, 0
                if len(buffer) >= BUFFER_BYTES or not chunk:
                    await self._flush(buffer, host, total)
                if not chunk:
                    return
        except aiohttp.ClientPayloadError:
            await self._flush(buffer, host, total)
            raise Passing(CutShort(host=host, name=self._wanted.name)) from None

    async def _flush(self, buffer: bytearray, host: str, total: int | None) -> None:
        block = bytes(buffer)
        buffer.clear()
        if not block:
            return
        if not self._size and self._wanted.weights:
            _require_safetensors(block, host, self._wanted.name)
        self._check_size(self._size + len(block))
        said = self._wanted.size
        if said is not None and self._size + len(block) > said + SLACK_BYTES:
            raise LargerThanSaid(name=self._wanted.name, host=host)
        await asyncio.to_thread(self._write, block)

    async def _check_hash(self, host: str) -> None:
        if not self._size:
            raise AnswerUnreadable(host=host)
        if self._wanted.sha256 not in {None, self._hash.hexdigest()}:
            wrong = WrongHash(host=host, name=self._wanted.name)
            if not self._resumed:
                raise wrong
            await asyncio.to_thread(self._restart)
            raise Passing(wrong, 0.0)
        await asyncio.to_thread(self._sync)


def _require_safetensors(start: bytes, host: str, name: str) -> None:
    """Raise what else the beginning of a file shows. Whether it is a whole one, `inference.lora` says."""
    length = int.from_bytes(start[:8], "little")
    if len(start) > 8 and start[8:9] == b"{" and 2 <= length <= MAX_HEADER:
        return
    text = start[:512].lstrip()
    if text.startswith(b"<"):
        raise PageInsteadOfFile(host=host, name=name)
    if text.startswith((b"{", b"[", b'"')):
        raise MessageInsteadOfFile(host=host, name=name)
    raise PickleInsteadOfFile(name=name)


@contextmanager
def explained(name: str) -> Generator[None]:
    """Tells people what goes wrong with the disk. Raises NoRoom or DiskFailed for an OSError."""
    try:
        yield
    except OSError as problem:
        if problem.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise NoRoom(name=name) from None
        raise DiskFailed(name=name, reason=problem.strerror or str(problem)) from None
