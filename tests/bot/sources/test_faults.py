"""All that can go wrong while a LoRA is added from either hub: one sentence, no file and no entry; or resumed."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp.abc import AbstractResolver

from bot.app.assembly import Catalogued, open_catalogue
from bot.config.settings import load_settings
from bot.database.additions.additions import WAITING_ADDITIONS, AdditionState, LoraAddition
from bot.database.loras.catalogue import find_lora_by_name
from bot.i18n import explained, speaking
from bot.sources.additions import Additions
from bot.sources.errors import (
    AnswerUnreadable,
    Archived,
    CutShort,
    EarlyAccess,
    FileTooLarge,
    FileUnusable,
    Gone,
    HostNotAllowed,
    LargerThanSaid,
    LoginNeeded,
    MessageInsteadOfFile,
    NoRoom,
    PageGone,
    PageInsteadOfFile,
    PickleInsteadOfFile,
    PrivateAddress,
    SourceBroken,
    SourceError,
    StoreRefused,
    TooManyQuestions,
    TooSlow,
    WrongHash,
)
from bot.sources.hubs.http import SourceHttp
from tests.bot.sources.adding import ADA, PATIENCE, SERVER, anybody, demo_lora
from tests.bot.sources.hubs import (
    COMMIT,
    Answer,
    Hubs,
    challenge,
    content,
    cut_after,
    drip,
    endless,
    redirect,
    running_hubs,
    sha256,
    status,
    stopped_after,
)
from tests.bot.sources.test_downloads import Rebinding
from tests.house import House, attention_modules
from tests.lora_files import lora_tensors, safetensors_bytes

pytestmark = pytest.mark.asyncio(loop_scope="module")

CIVITAI, HUGGING_FACE = "Civitai", "Hugging Face"
BOTH = (CIVITAI, HUGGING_FACE)
_numbers = count(600)


def large_lora(seed: int) -> bytes:
    """A LoRA of some MB."""
    return safetensors_bytes(lora_tensors(attention_modules(), rank=512, seed=seed), {})


@dataclass
class Place:
    """A library, and both hubs with what may go wrong with them."""

    house: House
    hubs: Hubs
    found: Catalogued
    additions: Additions

    def lora(self, hub: str, name: str, data: bytes, **file: object) -> tuple[str, str, str]:
        """A LoRA at a hub: its link, the path of its page at the API, and that of its file."""
        if hub == CIVITAI:
            model_id = self.hubs.add_model(name)
            version_id = self.hubs.add_version(model_id, data, "Other", file=file)
            return self.hubs.link(version_id), f"/api/v1/models/{model_id}", self.hubs.file_path(version_id)
        repository = self.hubs.add_repository(f"maker/{name}", {f"{name}.safetensors": data})
        if file:
            self.hubs.sizes[repository] = round(float(str(file["sizeKB"])) * 1024)
        link = f"https://huggingface.co/{repository}/blob/main/{name}.safetensors"
        return link, f"/api/models/{repository}/revision/main", f"/{repository}/resolve/{COMMIT}/{name}.safetensors"

    async def add(self, link: str) -> LoraAddition:
        """Add it; how that ended. Raises SourceError."""
        version = (await self.additions.look_up(link)).versions[0]
        addition = await self.additions.add(version, ADA, SERVER, anybody)
        done = await self.additions.until_ended(addition.id, PATIENCE)
        assert done is not None and done.state is not AdditionState.WAITING
        return done

    async def require_nothing_left(self, name: str) -> None:
        """No file, no part of one, and no entry."""
        folder = self.house.library / "added"
        assert not (folder.exists() and list(folder.iterdir()))
        assert await find_lora_by_name(self.found.db, name) is None
        assert await self.found.db.all(WAITING_ADDITIONS) == []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Place]:
    house = House(tmp_path_factory.mktemp("faults") / "house")
    async with running_hubs() as hubs:
        settings = house.settings.model_copy(update={"sources": hubs.settings})
        async with open_catalogue(settings) as found:
            http = SourceHttp(lambda: found.configuration.settings.sources, waits=(0.01, 0.01))
            additions = Additions(found.db, found.configuration, found.keeper, http)
            yield Place(house, hubs, found, additions)
            await additions.close()


def change(place: Place, **changes: object) -> None:
    """Let other settings hold."""
    sources = place.hubs.settings.model_copy(update=changes)
    settings = place.found.configuration.settings.model_copy(update={"sources": sources})
    place.found.configuration.settings = settings


def is_told(error: SourceError) -> bool:
    """Whether it says shortly in both languages what happened, without anything that only programmers read."""
    told: list[str] = []
    for language in ("en-US", "ja"):
        with speaking(language):
            told.append(explained(error))
    assert all(text and "{" not in text and "Error" not in text and "Traceback" not in text for text in told)
    return told[0] != told[1] and len(told[0]) < 300


EARLY: dict[str, object] = {"error": "Early Access", "deadline": "2026-12-01T10:00:00.000Z"}
# What goes wrong with the file: how it is answered, what is told, and at which hubs that can be.
FILES: dict[str, tuple[Callable[[Hubs, bytes], Answer], type[SourceError], tuple[str, ...]]] = {
    "truncated body": (lambda hubs, data: cut_after(hubs, 0), CutShort, BOTH),
    "wrong hash": (lambda hubs, data: content(demo_lora(seed=1)), WrongHash, BOTH),
    "401": (lambda hubs, data: status(401), LoginNeeded, BOTH),
    "403 early access": (lambda hubs, data: status(403, EARLY), EarlyAccess, (CIVITAI,)),
    "401 early access": (lambda hubs, data: status(401, EARLY), EarlyAccess, (CIVITAI,)),
    "403": (lambda hubs, data: status(403), StoreRefused, BOTH),
    "challenge": (lambda hubs, data: challenge(403), StoreRefused, BOTH),
    "challenge as an outage": (lambda hubs, data: challenge(503), StoreRefused, BOTH),
    "challenge as a file": (lambda hubs, data: challenge(200), StoreRefused, BOTH),
    "404": (lambda hubs, data: status(404), Gone, BOTH),
    "410": (lambda hubs, data: status(410), Archived, BOTH),
    "429": (lambda hubs, data: status(429, None, **{"Retry-After": "300"}), TooManyQuestions, BOTH),
    "500": (lambda hubs, data: status(500), SourceBroken, BOTH),
    "slow drip": (lambda hubs, data: drip(data), TooSlow, BOTH),
    "redirect to another host": (lambda hubs, data: redirect("https://example.org/x"), HostNotAllowed, BOTH),
    "redirect to this machine": (lambda hubs, data: redirect("http://127.0.0.1:1/x"), PrivateAddress, BOTH),
    "HTML": (lambda hubs, data: content(b"<!DOCTYPE html><html>", "text/html"), PageInsteadOfFile, BOTH),
    "HTML as a file": (lambda hubs, data: content(b"<html>"), PageInsteadOfFile, BOTH),
    "JSON": (lambda hubs, data: content(b'{"error": "x"}', "application/json"), MessageInsteadOfFile, BOTH),
    "pickle": (lambda hubs, data: content(b"\x80\x02}q\x00" + b"x" * 100), PickleInsteadOfFile, BOTH),
    "zip": (lambda hubs, data: content(b"PK\x03\x04" + b"x" * 100), PickleInsteadOfFile, BOTH),
    "nothing": (lambda hubs, data: content(b""), AnswerUnreadable, BOTH),
    "5 GB": (lambda hubs, data: endless(data, 5 * 2**30), FileTooLarge, BOTH),
    "5 GB without a length": (lambda hubs, data: endless(data), LargerThanSaid, BOTH),
}
CASES = [(name, hub) for name, (_answer, _error, hubs) in FILES.items() for hub in hubs]


@pytest.mark.parametrize(("name", "hub"), CASES, ids=[f"{name}, {hub}" for name, hub in CASES])
async def test_what_is_wrong_with_a_file_is_one_sentence_and_leaves_nothing(place: Place, name: str, hub: str) -> None:
    number = next(_numbers)
    data, lora = demo_lora(seed=number), f"Fault{number}"
    answer, error, _hubs = FILES[name]
    link, _page, file = place.lora(hub, lora, data)
    place.hubs.fault(file, answer(place.hubs, data))
    if error is TooSlow:
        change(place, stall_seconds=0.3)
    done = await place.add(link)
    assert done.state is AdditionState.FAILED and type(done.failure) is error, done.failure
    assert isinstance(done.failure, SourceError) and is_told(done.failure)
    await place.require_nothing_left(lora)
    place.hubs.faults.clear()
    change(place)
    assert (await place.add(link)).state is AdditionState.ADDED, "it is had once the trouble is over"
    await remove(place)


async def remove(place: Place) -> None:
    """Take what was added out of the library, for the next test."""
    for path in (place.house.library / "added").iterdir():
        path.unlink()
    await place.found.keeper.scan()


@pytest.mark.parametrize("hub", BOTH)
async def test_a_file_that_is_declared_as_smaller_than_it_is_stops(place: Place, hub: str) -> None:
    number = next(_numbers)
    link, _page, file = place.lora(hub, f"Fault{number}", demo_lora(seed=number), sizeKB=5 * 1024)
    place.hubs.fault(file, endless(demo_lora(seed=number), 5 * 2**30))
    change(place, max_lora_megabytes=8192)
    done = await place.add(link)
    assert isinstance(done.failure, LargerThanSaid), done.failure
    await place.require_nothing_left(f"Fault{number}")
    change(place)


@pytest.mark.parametrize("hub", BOTH)
async def test_a_full_disk_is_told_before_anything_is_fetched(place: Place, hub: str) -> None:
    number = next(_numbers)
    link, _page, file = place.lora(hub, f"Fault{number}", demo_lora(seed=number))
    change(place, free_gigabytes=1e6)
    done = await place.add(link)
    assert isinstance(done.failure, NoRoom)
    assert not place.hubs.requests(file)
    await place.require_nothing_left(f"Fault{number}")
    change(place)


@pytest.mark.parametrize("hub", BOTH)
@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "::1"])
async def test_a_name_that_leads_to_this_machine_is_refused(place: Place, hub: str, address: str) -> None:
    number = next(_numbers)
    link, _page, file = place.lora(hub, f"Fault{number}", demo_lora(seed=number))
    place.hubs.fault(file, redirect("https://civitai.com/file"))
    resolver: AbstractResolver = Rebinding(address)
    http = SourceHttp(lambda: place.found.configuration.settings.sources, resolver=resolver, waits=(0.01,))
    other = Additions(place.found.db, place.found.configuration, place.found.keeper, http)
    before, place.additions = place.additions, other
    done = await place.add(link)
    assert isinstance(done.failure, PrivateAddress)
    await place.require_nothing_left(f"Fault{number}")
    await other.close()
    place.additions = before


@pytest.mark.parametrize("hub", BOTH)
async def test_a_body_that_breaks_off_is_resumed(place: Place, hub: str) -> None:
    number = next(_numbers)
    link, _page, file = place.lora(hub, f"Fault{number}", large_lora(number))
    place.hubs.fault(file, cut_after(place.hubs, 2**20 + 1000), place.hubs.usual)
    done = await place.add(link)
    assert done.state is AdditionState.ADDED, done.failure
    first, second = place.hubs.requests(file)
    assert "Range" not in first.headers and second.headers["Range"].startswith("bytes=")
    await remove(place)


@pytest.mark.parametrize("hub", BOTH)
async def test_a_file_that_no_library_takes_is_refused(place: Place, hub: str) -> None:
    number = next(_numbers)
    link, _page, _file = place.lora(hub, f"Fault{number}", demo_lora(seed=number)[:-4])
    done = await place.add(link)
    assert isinstance(done.failure, FileUnusable)
    await place.require_nothing_left(f"Fault{number}")


PAGES: dict[str, tuple[Answer, dict[str, type[SourceError]]]] = {
    "401": (status(401), {CIVITAI: LoginNeeded, HUGGING_FACE: PageGone}),
    "403": (status(403), {CIVITAI: StoreRefused, HUGGING_FACE: LoginNeeded}),
    "challenge": (challenge(403), {CIVITAI: StoreRefused, HUGGING_FACE: StoreRefused}),
    "challenge as a page": (challenge(200), {CIVITAI: StoreRefused, HUGGING_FACE: StoreRefused}),
    "404": (status(404), {CIVITAI: PageGone, HUGGING_FACE: PageGone}),
    "410": (status(410), {CIVITAI: Archived, HUGGING_FACE: PageGone}),
    "429": (
        status(429, None, **{"Retry-After": "300"}),
        {CIVITAI: TooManyQuestions, HUGGING_FACE: TooManyQuestions},
    ),
    "500": (status(500), {CIVITAI: SourceBroken, HUGGING_FACE: SourceBroken}),
    "HTML": (content(b"<html>", "text/html"), {CIVITAI: AnswerUnreadable, HUGGING_FACE: AnswerUnreadable}),
    "cut JSON": (
        content(b'{"id": 1, "na', "application/json"),
        {CIVITAI: AnswerUnreadable, HUGGING_FACE: AnswerUnreadable},
    ),
    "other JSON": (content(b"[7]", "application/json"), {CIVITAI: AnswerUnreadable, HUGGING_FACE: AnswerUnreadable}),
}


@pytest.mark.parametrize("hub", BOTH)
@pytest.mark.parametrize("name", PAGES)
async def test_what_is_wrong_with_a_page_is_one_sentence(place: Place, name: str, hub: str) -> None:
    number = next(_numbers)
    link, page, _file = place.lora(hub, f"Fault{number}", demo_lora(seed=number))
    answer, errors = PAGES[name]
    place.hubs.fault(page, answer)
    before = len(place.hubs.requests(page))
    with pytest.raises(errors[hub]) as told:
        await place.add(link)
    assert len(place.hubs.requests(page)) > before, "the fault was met"
    assert type(told.value) is errors[hub] and is_told(told.value)
    await place.require_nothing_left(f"Fault{number}")
    place.hubs.faults.clear()


KILLED = """
import asyncio, sys
from pathlib import Path
from bot.app.assembly import open_catalogue
from bot.config.settings import load_settings
from bot.sources.additions import Additions
from bot.sources.hubs.http import SourceHttp
async def main(config, link):
    settings = load_settings(Path(config))
    async with open_catalogue(settings) as found:
        http = SourceHttp(lambda: settings.sources)
        additions = Additions(found.db, found.configuration, found.keeper, http)
        version = (await additions.look_up(link)).versions[0]
        async def anybody(_):
            pass
        await additions.add(version, 11, None, anybody)
        folder = settings.library.folder / "added"
        while not any(part.stat().st_size >= 2**20 for part in folder.glob("*.part")):
            await asyncio.sleep(0.01)
        print("written", flush=True)
        await asyncio.sleep(3600)
asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize("hub", BOTH)
async def test_a_killed_program_goes_on_at_its_next_start(tmp_path: Path, hub: str) -> None:
    house, data = House(tmp_path / "house"), large_lora(700)
    async with running_hubs() as hubs:
        settings = load_settings(house.config).model_copy(update={"sources": hubs.settings})
        place = Place(house, hubs, None, None)  # type: ignore[arg-type]
        link, _page, file = place.lora(hub, "Killed", data)
        hubs.fault(file, stopped_after(hubs, 2**20 + 2**18))
        names = ("CIVITAI_ENDPOINT", "CIVITAI_RED_ENDPOINT", "HUGGINGFACE_ENDPOINT")
        there = {f"EASEL_SOURCES__{name}": hubs.url for name in names} | {"EASEL_SOURCES__FREE_GIGABYTES": "0"}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", KILLED, str(house.config), link, stdout=subprocess.PIPE, env={**os.environ, **there}
        )
        assert process.stdout is not None
        assert await process.stdout.readline() == b"written\n", (
            "what has come is written a MiB at a time, and only that is resumed"
        )
        process.kill()
        await process.wait()
        hubs.paused.set()
        hubs.faults.clear()
        async with open_catalogue(settings) as found:
            assert await find_lora_by_name(found.db, "Killed") is None
            (waiting,) = await found.db.all(WAITING_ADDITIONS)
            additions = Additions(found.db, found.configuration, found.keeper, SourceHttp(lambda: settings.sources))
            await additions.resume()
            done = await additions.until_ended(waiting.id, PATIENCE)
            assert done is not None and (done.state, done.sha256) == (AdditionState.ADDED, sha256(data)), done
            assert hubs.requests(file)[-1].headers["Range"].startswith("bytes=1")
            await additions.close()
