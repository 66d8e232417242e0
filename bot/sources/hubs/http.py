"""One HTTP client for all that comes from hubs: checked addresses and redirects, retries, bounded answers.

A key goes to the origin that it is for and nowhere else: once a redirect leaves that origin, the key stays behind.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeAlias

import aiohttp
from aiohttp.abc import AbstractResolver
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_attempt,
    stop_any,
    stop_before_delay,
    stop_never,
)
from yarl import URL

from bot.config.sections.sources import SourcesSettings
from bot.sources.errors import (
    AnswerUnreadable,
    Archived,
    EarlyAccess,
    EarlyAccessOpen,
    Gone,
    HostNotAllowed,
    KeyRejected,
    LoginNeeded,
    NoAccess,
    NotHttps,
    PrivateAddress,
    SourceBroken,
    SourceError,
    SourceUnreachable,
    StoreRefused,
    TooManyQuestions,
    TooManyRedirects,
)
from bot.sources.hubs.addresses import Allowed, CheckedResolver, PrivateAddressRefused
from inference.files.json_values import as_dict, parse_json

MAX_ANSWER_BYTES = 16 * 2**20  # of JSON; a model with hundreds of versions has some MB
ANSWER_SECONDS = 30.0  # for an answer as a whole, with all attempts
MAX_SAID_BYTES = 2**16  # of a refusal or a web page that are read
CONNECT_SECONDS = 15.0
MAX_REDIRECTS = 5
WAITS = (0.5, 2.0)  # seconds between attempts
LONGEST_WAIT = 20.0  # seconds that a hub may ask us to wait before the next attempt; else people are told
MAX_RETRY_AFTER = 86400.0  # seconds; a hub that says more is not believed
USER_AGENT = "Easel (a Discord bot)"

PARTIAL = 206  # the status for a part of a file
# Civitai answers downloads with a status and JSON only to who says so; others are led to a page.
FILE_HEADERS = {"Accept-Encoding": "identity", "Content-Type": "application/json"}

_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_EXPLAINED = frozenset({401, 403, 503})
# Lower-case words of web pages that guards against robots send in place of an answer.
_CHALLENGES = (b"challenge-platform", b"cf-chl", b"just a moment", b"captcha", b"ddos-guard", b"verify you are human")
_PASSING = frozenset({408, 425, 500, 502, 503, 504, 520, 521, 522, 523, 524})


@dataclass(frozen=True)
class ByteRange:
    """Which bytes of how many an answer has, from `start` to `end`."""

    start: int
    end: int
    total: int


@dataclass(frozen=True)
class RangeAnswer:
    """Bytes of a file, and how many the whole file has; None: the server does not say."""

    data: bytes
    total: int | None


def range_of(response: aiohttp.ClientResponse) -> ByteRange | None:
    """What an answer says that it is a part of; None for an answer that does not say it, or not of how many bytes."""
    found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
    return ByteRange(*map(int, found.groups())) if found else None


@dataclass(eq=False)
class Passing(Exception):
    """It may succeed later. `error` is what people are told when it does not; `wait` what the hub wants, in seconds."""

    error: SourceError
    wait: float | None = None


# What an answer with a status of 400 or more means, which may have been asked for with a key; None: the usual.
Refusal: TypeAlias = Callable[[aiohttp.ClientResponse, bool], SourceError | None]


class SourceHttp:
    """Asks hubs and opens files, by the settings that hold at each use. Close it at the end.

    `resolver` resolves names in place of the system's; `waits` are the seconds between attempts. `answer_seconds` is
    the timeout for an answer, with all attempts; a file has none. An answer has to begin in half of that.
    """

    def __init__(
        self,
        settings: Callable[[], SourcesSettings],
        *,
        resolver: AbstractResolver | None = None,
        waits: Sequence[float] = WAITS,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._settings = settings
        self._answer_seconds = answer_seconds
        self._resolver = resolver
        self._waits = waits
        self._session: aiohttp.ClientSession | None = None

    @property
    def allowed(self) -> Allowed:
        """The hosts and origins that the settings allow."""
        now = self._settings()
        return Allowed.of(now.hosts, (now.civitai_endpoint, now.civitai_red_endpoint, now.huggingface_endpoint))

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get_json(
        self, url: str, parameters: Mapping[str, str] | None = None, refusal: Refusal | None = None
    ) -> Any:
        """The JSON at an address. `refusal` knows what this hub's refusals mean. Raises SourceError."""
        return await self._answer(URL(url).update_query(parameters or {}), _read_json, refusal=refusal)

    async def post_json(self, url: str, body: object) -> Any:
        """The JSON that is answered to some. Raises SourceError."""
        return await self._answer(URL(url), _read_json, method="POST", body=body)

    async def get_range(self, url: URL, start: int, count: int) -> RangeAnswer:
        """At most `count` bytes of a file from `start` on, asked for once. Raises SourceError.

        A server that knows no ranges sends the whole file: the connection is then closed behind these bytes.
        """
        headers = {**FILE_HEADERS, "Range": f"bytes={start}-{start + count - 1}"}

        async def read(response: aiohttp.ClientResponse) -> RangeAnswer:
            part = range_of(response) if response.status == PARTIAL else None
            if (part is not None and part.start != start) or (part is None and start):
                raise AnswerUnreadable(host=response.url.host or "")
            data = bytearray()
            while len(data) < count and (chunk := await response.content.read(count - len(data))):
                data += chunk
            return RangeAnswer(bytes(data), part.total if part else response.content_length)

        return await self._answer(url, read, headers=headers, attempts=1)

    async def get_bytes(self, url: str, most: int) -> bytes:
        """The bytes at an address, such as a picture's. Raises SourceError, AnswerUnreadable for more than `most`."""

        async def read(response: aiohttp.ClientResponse) -> bytes:
            return await _read(response, most)

        return await self._answer(address(url), read)

    async def _answer(
        self,
        url: URL,
        read: Callable[[aiohttp.ClientResponse], Awaitable[Any]],
        *,
        method: str = "GET",
        body: object = None,
        headers: Mapping[str, str] | None = None,
        refusal: Refusal | None = None,
        attempts: int | None = None,
    ) -> Any:
        """What `read` makes of the answer. If it does not begin in time, the request is repeated."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + self._answer_seconds

        async def attempt() -> Any:
            begins = min(ends, loop.time() + self._answer_seconds / 2)
            try:
                async with (
                    asyncio.timeout_at(begins) as limit,
                    self.opened(url, method=method, body=body, headers=headers, refusal=refusal) as response,
                ):
                    limit.reschedule(ends)
                    return await read(response)
            except TimeoutError as problem:
                raise _unreachable(url, problem) from None

        return await self.retrying(attempt, attempts, self._answer_seconds)

    async def retrying(
        self, attempt: Callable[[], Any], attempts: int | None = None, seconds: float | None = None
    ) -> Any:
        """The result of `attempt`, which raises Passing for what may succeed later. Raises SourceError.

        After `seconds` no further attempt begins.
        """
        retrying = AsyncRetrying(
            stop=stop_any(
                stop_after_attempt(attempts or len(self._waits) + 1),
                stop_never if seconds is None else stop_before_delay(seconds),
            ),
            retry=retry_if_exception_type(Passing),
            wait=self._wait,
            reraise=True,
        )
        try:
            return await retrying(attempt)
        except Passing as passing:
            raise self._as_known(passing.error) from None
        except SourceError as problem:
            raise self._as_known(problem) from None

    def _as_known(self, problem: SourceError) -> SourceError:
        """The error with the host as people know it, where the endpoint of the settings stands for a hub.

        Of an address that is refused its own host is told.
        """
        now = self._settings()
        hosts = {
            URL(now.huggingface_endpoint).host: "huggingface.co",
            URL(now.civitai_red_endpoint).host: "civitai.red",
            URL(now.civitai_endpoint).host: "civitai.com",
        }
        if not isinstance(problem, HostNotAllowed | NotHttps | PrivateAddress):
            host = getattr(problem, "host", None)
            if host in hosts:
                problem.host = hosts[host]  # pyright: ignore[reportAttributeAccessIssue]
        return problem

    def _wait(self, state: RetryCallState) -> float:
        problem = state.outcome.exception() if state.outcome else None
        wanted = problem.wait if isinstance(problem, Passing) else None
        usual = self._waits[min(state.attempt_number, len(self._waits)) - 1]
        return usual if wanted is None else wanted

    @asynccontextmanager
    async def opened(
        self,
        url: URL,
        *,
        method: str = "GET",
        body: object = None,
        headers: Mapping[str, str] | None = None,
        refusal: Refusal | None = None,
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        """The answer at an address or where that redirects to, with a status below 400.

        Raises SourceError, and Passing for what may succeed later, also while the body is read.
        """
        try:
            async with AsyncExitStack() as stack:
                following = self._followed(url, method, body, headers or {})
                try:
                    response, keyed = await stack.enter_async_context(following)
                except ValueError:  # of an address that is none
                    raise AnswerUnreadable(host=_host(url)) from None
                if response.status >= 400:
                    raise (refusal and refusal(response, keyed)) or await _refusal(response, keyed=keyed)
                yield response
        except (aiohttp.ClientError, TimeoutError, OSError) as problem:
            raise _unreachable(url, problem) from None

    @asynccontextmanager
    async def _followed(
        self, url: URL, method: str, body: object, headers: Mapping[str, str]
    ) -> AsyncGenerator[tuple[aiohttp.ClientResponse, bool]]:
        at, key = url, self._key(url)
        for _ in range(MAX_REDIRECTS + 1):
            self.allowed.check(at)
            sent = {**headers, **({"Authorization": f"Bearer {key}"} if key else {})}
            async with self._opened_session().request(
                method, at, headers=sent, json=body, allow_redirects=False
            ) as response:
                if response.status not in _REDIRECTS:
                    yield response, key is not None
                    return
                after = _location(at, response)
            key = key if after.origin() == at.origin() else None
            at = after
        raise TooManyRedirects(host=url.host or "")

    def _key(self, url: URL) -> str | None:
        now = self._settings()
        keys = {
            URL(now.huggingface_endpoint).origin(): now.huggingface_token,
            URL(now.civitai_red_endpoint).origin(): now.civitai_key,
            URL(now.civitai_endpoint).origin(): now.civitai_key,
        }
        secret = keys.get(url.origin())
        return (secret.get_secret_value() or None) if secret else None

    def _opened_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            resolver = CheckedResolver(lambda: self.allowed, self._resolver)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": USER_AGENT},
                timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS, sock_connect=CONNECT_SECONDS),
            )
        return self._session


def address(text: str) -> URL:
    """An address that a hub gave. Raises AnswerUnreadable for what is none."""
    try:
        return URL(text, encoded=True)
    except ValueError:
        raise AnswerUnreadable(host=text[:100]) from None


def _host(url: URL) -> str:
    """Its host, if that can be read."""
    try:
        return url.host or ""
    except ValueError:
        return ""


def _location(at: URL, response: aiohttp.ClientResponse) -> URL:
    """Where an answer redirects to. Raises AnswerUnreadable."""
    try:
        after = at.join(URL(response.headers["Location"], encoded=True))
        after.origin()
    except (KeyError, ValueError):
        raise AnswerUnreadable(host=at.host or "") from None
    return after


def _unreachable(url: URL, problem: Exception) -> SourceError | Passing:
    inner = getattr(problem, "os_error", problem)
    if isinstance(inner, PrivateAddressRefused):
        return PrivateAddress(host=inner.host)
    reason = f"{type(problem).__name__}: {problem}"[:300]
    return Passing(SourceUnreachable(host=url.host or "", reason=reason))


async def _refusal(response: aiohttp.ClientResponse, *, keyed: bool) -> SourceError | Passing:
    host, status = response.url.host or "", response.status
    if status == 429:
        return _too_many(host, response.headers.get("Retry-After", ""))
    said = await beginning(response) if status in _EXPLAINED else b""
    if is_challenge(response, said):
        return StoreRefused(host=host)
    if status in _PASSING:
        return Passing(SourceBroken(host=host, status=status))
    if status in {401, 403} and (early := _early_access(host, said)) is not None:
        return early
    if status == 401:
        return KeyRejected(host=host) if keyed else LoginNeeded(host=host)
    if status == 403:
        return NoAccess(host=host) if "X-Error-Code" in response.headers else StoreRefused(host=host)
    if status == 410:
        return Archived(host=host)
    return Gone(host=host) if status in {400, 404, 451} else SourceBroken(host=host, status=status)


def _too_many(host: str, header: str) -> SourceError | Passing:
    seconds = _retry_after(header)
    error = TooManyQuestions(host=host, minutes=max(1, math.ceil((seconds or 60.0) / 60)))
    return Passing(error, seconds) if seconds is None or seconds <= LONGEST_WAIT else error


def _retry_after(header: str) -> float | None:
    """The seconds of a Retry-After, which gives them or a date; a day at most."""
    try:
        if header.strip().isdecimal():
            seconds = float(header)
        else:
            seconds = (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError, OverflowError):
        return None
    return min(max(0.0, seconds), MAX_RETRY_AFTER)


def is_challenge(response: aiohttp.ClientResponse, body: bytes) -> bool:
    """Whether a web page asks its visitor to prove that they are no robot; `body` is the beginning of the page."""
    if response.headers.get("cf-mitigated", "").lower() == "challenge":
        return True
    text = body.lower()
    return response.content_type == "text/html" and any(sign in text for sign in _CHALLENGES)


def _early_access(host: str, body: bytes) -> SourceError | None:
    """Return the error of early access if a refusal names it; None otherwise."""
    try:
        said = as_dict(parse_json(body))
    except ValueError:
        said = {}
    early = "early access" in str(said.get("error") or said.get("message") or "").lower()
    end = said.get("deadline")
    if not early and not end:
        return None
    return early_access(host, early_access_end(end))


def early_access(host: str, end: str | None) -> SourceError:
    """Return the error of a version in early access; `end` is when that ends, if known."""
    return EarlyAccess(host=host, end=end) if end else EarlyAccessOpen(host=host)


def early_access_end(value: object) -> str | None:
    """`2026-12-01 10:00 UTC`, from a hub's date; None for what is none."""
    try:
        when = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    if when is None:
        return None
    aware = when if when.tzinfo else when.replace(tzinfo=UTC)
    try:
        return aware.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    except OverflowError:  # it is at the end of the calendar
        return None


async def beginning(response: aiohttp.ClientResponse, seconds: float | None = None) -> bytes:
    """Read the beginning of a refusal or a web page; return what came if it breaks off or takes too long."""
    body = bytearray()
    with suppress(TimeoutError, aiohttp.ClientError):
        async with asyncio.timeout(seconds):
            while len(body) < MAX_SAID_BYTES and (chunk := await response.content.readany()):
                body += chunk
    return bytes(body[:MAX_SAID_BYTES])


async def _read_json(response: aiohttp.ClientResponse) -> Any:
    """The body as JSON, if it is not too large. Raises AnswerUnreadable."""
    body = await _read(response, MAX_ANSWER_BYTES)
    try:
        return parse_json(body)
    except ValueError:
        host = response.url.host or ""
        refused = is_challenge(response, body[:MAX_SAID_BYTES])
        raise (StoreRefused if refused else AnswerUnreadable)(host=host) from None


async def _read(response: aiohttp.ClientResponse, most: int) -> bytes:
    """The body. Raises AnswerUnreadable for more than `most` bytes."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(2**16):
        body += chunk
        if len(body) > most:
            raise AnswerUnreadable(host=response.url.host or "")
    return bytes(body)
