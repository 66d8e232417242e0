"""Fetching a file, with everything that hubs, networks and disks do to it: one sentence, and nothing left behind."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from bot.sources.downloads.attached import take_file
from bot.sources.downloads.files import ATTEMPTS, Download, WantedFile
from bot.sources.downloads.placing import FOLDER
from bot.sources.errors import (
    AnswerUnreadable,
    Archived,
    CutShort,
    DiskFailed,
    EarlyAccess,
    FileTooLarge,
    Gone,
    HostNotAllowed,
    LargerThanSaid,
    LoginNeeded,
    MessageInsteadOfFile,
    NoAccess,
    NoRoom,
    NotHttps,
    PageInsteadOfFile,
    PickleInsteadOfFile,
    PrivateAddress,
    SourceBroken,
    SourceError,
    StoreRefused,
    TooManyQuestions,
    TooManyRedirects,
    TooSlow,
    WrongHash,
)
from bot.sources.hubs.addresses import Allowed, CheckedResolver, PrivateAddressRefused
from bot.sources.hubs.http import SourceHttp
from tests.bot.sources.adding import PATIENCE
from tests.bot.sources.hubs import (
    Answer,
    Hubs,
    challenge,
    chunked,
    content,
    cut_after,
    drip,
    redirect,
    sha256,
    silent,
    status,
)
from tests.lora_files import lora_tensors, safetensors_bytes

# Layers enough for some MB.
DATA = safetensors_bytes(lora_tensors({f"lora_unet_mid_block_{at}": (640, 640) for at in range(40)}, rank=16))
MOST = 10 * 2**20


def wanted(hubs: Hubs, version_id: int, **changes: object) -> WantedFile:
    values = {"url": f"{hubs.url}{hubs.file_path(version_id)}", "name": "komori", "most": MOST, "sha256": sha256(DATA)}
    return WantedFile(**{**values, **changes})  # type: ignore[arg-type]


async def fetched(http: SourceHttp, file: WantedFile, part: Path) -> str:
    return await Download(http, file, part, lambda _done, _total: None).run()


def what(path: Path) -> bytes | None:
    """What is in a file; None when there is none."""
    return path.read_bytes() if path.exists() else None


def leave(path: Path, data: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(data)


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / "added" / "komori.safetensors.part"


async def test_a_file_is_fetched_and_checked(hubs: Hubs, http: SourceHttp, part: Path) -> None:
    told: list[tuple[int, int | None]] = []
    file = wanted(hubs, hubs.add_lora("Komori", DATA))
    assert await Download(http, file, part, lambda done, total: told.append((done, total))).run() == sha256(DATA)
    assert what(part) == DATA
    assert told[-1] == (len(DATA), len(DATA)) and len(told) > 1


EARLY = {"error": "Early Access", "deadline": "2026-12-01T10:00:00.000Z"}


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (status(401), LoginNeeded, "lets only logged-in users download"),
        (status(403, EARLY), EarlyAccess, "2026-12-01 10:00 UTC"),
        (status(401, EARLY), EarlyAccess, "2026-12-01 10:00 UTC"),
        (status(403), StoreRefused, "refused this bot's request"),
        (status(403, None, **{"X-Error-Code": "GatedRepo"}), NoAccess, "does not give this bot access"),
        (challenge(403), StoreRefused, "may block automated requests"),
        (challenge(503), StoreRefused, "may block automated requests"),
        (challenge(200), StoreRefused, "may block automated requests"),
        (content(b"<html><title>Just a moment...</title>", "text/html"), StoreRefused, "refused this bot's request"),
        (status(404), Gone, "no longer has it"),
        (status(410), Archived, "archived"),
        (status(429, None, **{"Retry-After": "120"}), TooManyQuestions, "in 2 min"),
        (status(429), TooManyQuestions, "in 1 min"),
        (status(500), SourceBroken, "500"),
        (content(b"<!DOCTYPE html><html>", "text/html"), PageInsteadOfFile, "web page"),
        (content(b"\n <html>"), PageInsteadOfFile, "web page"),
        (content(b'{"error": "nope"}'), MessageInsteadOfFile, "sent text instead of"),
        (content(b"\x80\x02}q\x00" + b"x" * 100), PickleInsteadOfFile, "may contain a program"),
        (content(b"PK\x03\x04" + b"x" * 100), PickleInsteadOfFile, "may contain a program"),
        (content(DATA[:-8] + b"00000000"), WrongHash, "does not match the checksum of"),
        (redirect("https://example.org/komori.safetensors"), HostNotAllowed, "example.org"),
        (redirect("http://127.0.0.1:1/x"), PrivateAddress, "private network"),
        (redirect("http://127.1/x"), PrivateAddress, "private network"),
        (redirect("https://[::1]/x"), PrivateAddress, "private network"),
        (redirect("https://169.254.169.254/latest"), PrivateAddress, "private network"),
        (redirect("http://civitai.com/x"), NotHttps, "without https"),
        (redirect("https://civitai.com:8443/x"), NotHttps, "without https"),
        (redirect("file:///etc/passwd"), AnswerUnreadable, ""),
    ],
)  # fmt: skip
async def test_what_goes_wrong_is_one_sentence_and_leaves_nothing(
    hubs: Hubs, http: SourceHttp, part: Path, answer: Answer, error: type[SourceError], words: str
) -> None:
    version_id = hubs.add_lora("Komori", DATA)
    hubs.fault(hubs.file_path(version_id), answer)
    with pytest.raises(error) as told:
        await fetched(http, wanted(hubs, version_id), part)
    assert words in str(told.value)
    assert not list(part.parent.glob("*"))


async def test_a_circle_of_redirects_ends(hubs: Hubs, http: SourceHttp, part: Path) -> None:
    version_id = hubs.add_lora("Komori", DATA)
    hubs.fault(hubs.file_path(version_id), redirect(f"{hubs.url}{hubs.file_path(version_id)}"))
    with pytest.raises(TooManyRedirects):
        await fetched(http, wanted(hubs, version_id), part)


async def test_a_body_that_breaks_off_is_continued(hubs: Hubs, http: SourceHttp, part: Path) -> None:
    version_id = hubs.add_lora("Komori", DATA)
    path = hubs.file_path(version_id)
    hubs.fault(path, cut_after(hubs, 2**20), cut_after(hubs, 2**19), hubs.usual)
    assert await fetched(http, wanted(hubs, version_id), part) == sha256(DATA)
    ranges = [asked.headers.get("Range") for asked in hubs.requests(path)]
    assert ranges[0] is None and all(range_ for range_ in ranges[1:])
    assert what(part) == DATA


async def test_one_that_breaks_off_again_and_again_is_told(hubs: Hubs, http: SourceHttp, part: Path) -> None:
    version_id = hubs.add_lora("Komori", DATA)
    hubs.fault(hubs.file_path(version_id), cut_after(hubs, 0))
    with pytest.raises(CutShort):
        await fetched(http, wanted(hubs, version_id), part)
    assert what(part) is None


async def test_what_came_before_the_last_break_is_kept_for_the_next_try(
    hubs: Hubs, http: SourceHttp, part: Path
) -> None:
    version_id = hubs.add_lora("Komori", DATA)
    path, came = hubs.file_path(version_id), asyncio.Event()
    hubs.fault(path, *(cut_after(hubs, 2**18, came) for _ in range(ATTEMPTS)), hubs.usual)

    def received(done: int, _total: int | None) -> None:
        if done % 2**18 == 0:
            came.set()

    with pytest.raises(CutShort):
        await Download(http, wanted(hubs, version_id), part, received).run()
    assert len(hubs.requests(path)) == ATTEMPTS
    assert what(part) == DATA[: ATTEMPTS * 2**18]
    assert await fetched(http, wanted(hubs, version_id), part) == sha256(DATA)
    assert hubs.requests(path)[-1].headers["Range"] == f"bytes={ATTEMPTS * 2**18}-"


async def test_of_a_file_without_a_hash_nothing_is_kept(hubs: Hubs, http: SourceHttp, part: Path) -> None:
    version_id = hubs.add_lora("Komori", DATA)
    hubs.fault(hubs.file_path(version_id), *(cut_after(hubs, 2**18) for _ in range(ATTEMPTS)))
    with pytest.raises(CutShort):
        await fetched(http, replace(wanted(hubs, version_id), sha256=None), part)
    assert what(part) is None


async def test_a_hub_that_knows_no_ranges_is_asked_for_all_of_it(hubs: Hubs, http: SourceHttp, part: Path) -> None:
    version_id = hubs.add_lora("Komori", DATA)
    hubs.fault(hubs.file_path(version_id), cut_after(hubs, 2**20), content(DATA))
    assert await fetched(http, wanted(hubs, version_id), part) == sha256(DATA)
    assert what(part) == DATA


@pytest.mark.parametrize(
    "said",
    [
        "bytes 0-{end}/{all}",
        "bytes {later}-{end}/{all}",
        "bytes {start}-{end}/{more}",
        "bytes {start}-{end}/*",
        "items {start}-{end}/{all}",
        "",
    ],
)
@pytest.mark.parametrize("hash_", [sha256(DATA), None])
async def test_another_part_than_was_asked_for_is_not_taken(
    hubs: Hubs, http: SourceHttp, part: Path, said: str, hash_: str | None
) -> None:
    version_id = hubs.add_lora("Komori", DATA)

    async def other(request: web.Request) -> web.StreamResponse:
        start = request.http_range.start or 0
        names = {"start": start, "later": start + 100, "end": len(DATA) - 1, "all": len(DATA), "more": len(DATA) + 9}
        return web.Response(status=206, body=DATA[start + 100 :], headers={"Content-Range": said.format(**names)})

    hubs.fault(hubs.file_path(version_id), cut_after(hubs, 2**20), cut_after(hubs, 10), other, hubs.usual)
    assert await fetched(http, wanted(hubs, version_id, sha256=hash_), part) == sha256(DATA)
    assert what(part) == DATA


async def test_a_hub_that_gives_small_parts_is_asked_for_one_after_the_other(
    hubs: Hubs, http: SourceHttp, part: Path
) -> None:
    version_id = hubs.add_lora("Komori", DATA)

    async def some(request: web.Request) -> web.StreamResponse:
        start = request.http_range.start or 0
        body = DATA[start : start + len(DATA) // 3]
        said = f"bytes {start}-{start + len(body) - 1}/{len(DATA)}"
        return web.Response(status=206, body=body, headers={"Content-Range": said})

    hubs.fault(hubs.file_path(version_id), some)
    assert await fetched(http, wanted(hubs, version_id, sha256=None), part) == sha256(DATA)


async def test_a_file_that_drips_is_given_up(hubs: Hubs, http: SourceHttp, part: Path) -> None:
    version_id = hubs.add_lora("Komori", DATA)
    hubs.fault(hubs.file_path(version_id), drip(DATA))
    with pytest.raises(TooSlow):
        await fetched(http, wanted(hubs, version_id, stall_seconds=0.3), part)
    assert what(part) is None


@pytest.mark.parametrize(
    ("answer", "changes", "error"),
    [
        (None, {"most": 2**20}, FileTooLarge),
        (None, {"most": 2**20, "size": len(DATA)}, FileTooLarge),
        (chunked(DATA), {"most": 2**20}, FileTooLarge),
        (chunked(DATA), {"size": 2**20}, LargerThanSaid),
    ],
    ids=["declared", "listed", "not declared", "listed as smaller"],
)
async def test_a_file_that_is_too_large_is_not_fetched_to_its_end(
    hubs: Hubs,
    http: SourceHttp,
    part: Path,
    answer: Answer | None,
    changes: dict[str, object],
    error: type[SourceError],
) -> None:
    version_id = hubs.add_lora("Komori", DATA)
    if answer:
        hubs.fault(hubs.file_path(version_id), answer)
    with pytest.raises(error):
        await fetched(http, wanted(hubs, version_id, **changes), part)
    assert not list(part.parent.glob("*"))


async def test_a_disk_without_room_is_not_filled(hubs: Hubs, http: SourceHttp, part: Path) -> None:
    file = wanted(hubs, hubs.add_lora("Komori", DATA), free=2**60)
    with pytest.raises(NoRoom):
        await fetched(http, file, part)
    assert not hubs.asked


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one MB, which only root can mount."""
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], capture_output=True).returncode:
        pytest.skip("a small disk cannot be mounted here")
    yield place
    subprocess.run(["umount", place], check=True)


async def test_a_disk_that_is_full_is_told(hubs: Hubs, http: SourceHttp, small_disk: Path) -> None:
    with pytest.raises(NoRoom):
        await fetched(http, wanted(hubs, hubs.add_lora("Komori", DATA)), small_disk / "komori.part")
    hubs.fault(hubs.file_path(50_000), chunked(DATA))  # it does not say before how large it is
    with pytest.raises(NoRoom):
        await fetched(http, wanted(hubs, 50_000), small_disk / "komori.part")
    assert what(small_disk / "komori.part") is None


def test_a_disk_that_is_full_is_told_of_an_attached_file_too(small_disk: Path) -> None:
    with pytest.raises(NoRoom):
        take_file(small_disk, "komori.safetensors", DATA)
    assert not list((small_disk / FOLDER).iterdir())


async def test_a_disk_that_takes_no_more_is_told(hubs: Hubs, http: SourceHttp, part: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, hard))
    try:
        with pytest.raises(DiskFailed):
            await fetched(http, wanted(hubs, hubs.add_lora("Komori", DATA)), part)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    assert what(part) is None


async def test_what_came_before_a_stop_is_continued(hubs: Hubs, http: SourceHttp, part: Path) -> None:
    version_id = hubs.add_lora("Komori", DATA)
    hubs.paused.clear()
    begun = asyncio.Event()
    hubs.fault(hubs.file_path(version_id), cut_after(hubs, 2**20), hubs.usual)

    def received(_done: int, _total: int | None) -> None:
        if what(part):  # what came first may not be written yet
            begun.set()

    task = asyncio.create_task(Download(http, wanted(hubs, version_id), part, received).run())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    kept = len(what(part) or b"")
    assert 0 < kept < len(DATA)
    hubs.paused.set()
    hubs.faults.clear()
    assert await fetched(http, wanted(hubs, version_id), part) == sha256(DATA)
    assert hubs.asked[-1].headers["Range"] == f"bytes={kept}-"


@pytest.mark.parametrize("left", [b"of another file", DATA + b"more", DATA], ids=["other", "longer", "whole"])
async def test_what_an_earlier_run_left_is_taken_over_or_thrown_away(
    hubs: Hubs, http: SourceHttp, part: Path, left: bytes
) -> None:
    leave(part, left)
    file = wanted(hubs, hubs.add_lora("Komori", DATA), size=len(DATA))
    assert await fetched(http, file, part) == sha256(DATA)
    assert what(part) == DATA


KILLED = """
import asyncio, sys
from pathlib import Path
from bot.config.sections.sources import SourcesSettings
from bot.sources.hubs.addresses import Allowed, CheckedResolver, PrivateAddressRefused
from bot.sources.downloads.files import Download, WantedFile
from bot.sources.hubs.http import SourceHttp
url, path, part = sys.argv[1:]
settings = SourcesSettings(civitai_endpoint=url)
file = WantedFile(url=url + path, name="komori", most=2**30)
def received(*_):
    if Path(part).exists() and Path(part).stat().st_size:
        print("some", flush=True)
asyncio.run(Download(SourceHttp(lambda: settings), file, Path(part), received).run())
"""


async def test_a_killed_program_goes_on_where_it_was(hubs: Hubs, http: SourceHttp, part: Path) -> None:
    version_id = hubs.add_lora("Komori", DATA)
    path = hubs.file_path(version_id)

    async def half(request):
        hubs.paused.clear()
        half_data = DATA[: 2**20 + 2**18]
        from aiohttp import web

        response = web.StreamResponse(headers={"Content-Length": str(len(DATA))})
        await response.prepare(request)
        await response.write(half_data)
        await hubs.paused.wait()
        return response

    hubs.fault(path, half)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, hubs.url, path, str(part), stdout=subprocess.PIPE, env=dict(os.environ)
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"some\n"
    process.kill()
    await process.wait()
    hubs.paused.set()
    kept = len(what(part) or b"")
    assert 0 < kept < len(DATA)
    hubs.faults.clear()
    assert await fetched(http, wanted(hubs, version_id), part) == sha256(DATA)
    assert hubs.asked[-1].headers["Range"] == f"bytes={kept}-"


class Rebinding(AbstractResolver):
    """A name that is public when it is looked at, and private the next time."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = list(addresses)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        address = self.addresses.pop(0) if len(self.addresses) > 1 else self.addresses[0]
        return [ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0)]

    async def close(self) -> None:
        pass


async def test_a_name_that_leads_into_a_private_network_is_refused(hubs: Hubs, part: Path) -> None:
    version_id = hubs.add_lora("Komori", DATA)
    hubs.fault(hubs.file_path(version_id), redirect("https://civitai.com/file"))
    for address in (
        "127.0.0.1",
        "10.0.0.1",
        "::1",
        "fd00::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "0.0.0.0",
        "64:ff9b:1::7f00:1",
        "::7f00:1",
        "fec0::1",
    ):
        client = SourceHttp(lambda: hubs.settings, resolver=Rebinding(address), waits=(0.01,))
        with pytest.raises(PrivateAddress):
            await fetched(client, wanted(hubs, version_id), part)
        await client.close()


async def test_the_connection_goes_to_the_address_that_was_checked(hubs: Hubs, part: Path) -> None:
    """Each connection asks once; an answer with one private address among public ones is refused as a whole."""
    version_id = hubs.add_lora("Komori", DATA)
    hubs.fault(hubs.file_path(version_id), redirect("https://civitai.com/file"))
    resolver = Rebinding("240.0.0.1", "127.0.0.1")
    checked = CheckedResolver(lambda: Allowed.of(["civitai.com"], []), resolver)
    with pytest.raises(PrivateAddressRefused):
        await checked.resolve("civitai.com", 443)
    assert resolver.asked == 1
    public = CheckedResolver(lambda: Allowed.of(["civitai.com"], []), Rebinding("8.8.8.8", "127.0.0.1"))
    assert [each["host"] for each in await public.resolve("civitai.com", 443)] == ["8.8.8.8"]
    with pytest.raises(PrivateAddressRefused):
        await public.resolve("civitai.com", 443)


async def test_only_a_named_origin_may_be_private() -> None:
    allowed = Allowed.of(["civitai.com"], ["http://hub.test:8014"])
    resolver = CheckedResolver(lambda: allowed, Rebinding("127.0.0.1"))
    assert await resolver.resolve("hub.test", 8014)
    for host, port in (("hub.test", 8015), ("civitai.com", 8014), ("x.hub.test", 8014)):
        with pytest.raises(PrivateAddressRefused):
            await resolver.resolve(host, port)
    allowed.check(URL("http://hub.test:8014/file"))
    with pytest.raises(HostNotAllowed):
        allowed.check(URL("http://hub.test:8015/file"))
    with pytest.raises(HostNotAllowed):
        allowed.check(URL("https://evilcivitai.com/file"))
    allowed.check(URL("https://b2.civitai.com/file"))


async def test_a_hub_that_never_begins_to_answer_is_given_up(hubs: Hubs, http: SourceHttp, tmp_path: Path) -> None:
    version_id, part = hubs.add_lora("Komori", DATA), tmp_path / "a.part"
    hubs.fault(hubs.file_path(version_id), silent())
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(TooSlow):
            await fetched(http, wanted(hubs, version_id, stall_seconds=0.2), part)
    assert what(part) is None
