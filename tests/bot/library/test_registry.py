"""A registry on this machine: what it says of files it is asked about, and everything that can go wrong with it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from aiohttp import web
from pydantic import SecretStr, ValidationError

from bot.config import LibrarySettings
from bot.config.sections.sources import SourcesSettings
from bot.database.database import open_database
from bot.database.loras.catalogue import find_lora_by_name
from bot.library.registry import RegistryUnreachable
from bot.library.watcher import LibraryKeeper
from bot.sources.hubs.http import ANSWER_SECONDS, MAX_ANSWER_BYTES
from bot.sources.hubs.registry import CivitaiRegistry
from inference.files.hashes import file_sha256
from inference.lora.known.registry import FILE_NAME, read_answers
from tests.bot.cli.commands import bot
from tests.house import House
from tests.lora_files import write_lora

FILE = "a" * 64


def version(sha256: str, **fields: object) -> dict[str, object]:
    """A model version as the registry tells it, with files of two kinds."""
    files = [{"name": "x.zip", "hashes": {}}, {"name": "x.safetensors", "hashes": {"SHA256": sha256.upper()}}]
    told = {"id": 1, "name": "v2", "baseModel": "Pony", "trainedWords": ["komori"], "model": {"name": "Komori"}}
    return {**told, "files": files, **fields}


class Hub:
    """The registry's side: answers by SHA-256, and everything it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, web.Response | list[dict[str, object]]] = {}
        self.asked: list[web.Request] = []
        self.hashes: list[str] = []
        self.asked_once = asyncio.Event()
        self.asked_again = asyncio.Event()
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        (sha256,) = [hash_.lower() for hash_ in await request.json()]
        self.asked.append(request)
        found = self.answers.get(sha256, [])
        self.asked_once.set()
        self.hashes.append(sha256)
        if len(self.asked) > 1:
            self.asked_again.set()
        return found if isinstance(found, web.Response) else web.json_response(found)


@pytest.fixture
async def hub() -> AsyncGenerator[Hub]:
    hub, app = Hub(), web.Application()
    app.router.add_post("/api/v1/model-versions/by-hash", hub.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    hub.url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/v1"
    yield hub
    await runner.cleanup()


def registry_at(url: str, seconds: float = ANSWER_SECONDS) -> CivitaiRegistry:
    settings = SourcesSettings(civitai_key=SecretStr("secret"))
    return CivitaiRegistry(settings, url, waits=(0.01,), answer_seconds=seconds)


async def test_a_file_that_is_known_is_told_with_its_words(hub: Hub) -> None:
    words = [" komori ", "bat\x1b[31m", 7, "", "x" * 301, "komori"]
    hub.answers[FILE] = [version(FILE, trainedWords=words)]
    (answer,) = await registry_at(hub.url).ask(FILE)
    assert (answer.base_model, answer.known_base_model, answer.registry) == ("Pony", "sdxl/pony", "127.0.0.1")
    assert (answer.name, answer.trigger_words) == ("Komori · v2", ("komori", "bat[31m"))
    (request,) = hub.asked
    assert (request.query_string, request.headers.get("Authorization")) == ("", None)


async def test_each_page_of_a_file_is_heard(hub: Hub) -> None:
    hub.answers[FILE] = [version(FILE), version(FILE, id=2, baseModel="Illustrious")]
    answers = await registry_at(hub.url).ask(FILE)
    assert [(answer.known_base_model, answer.version_id) for answer in answers] == [
        ("sdxl/pony", 1),
        ("sdxl/illustrious", 2),
    ]


@pytest.mark.parametrize(
    "told",
    [
        [],
        [version("b" * 64)],
        [{"baseModel": "Pony", "files": "no list"}],
        [version(FILE, baseModel="<@everyone>")],
        [7],
    ],
)
async def test_a_file_that_nobody_knows_or_an_answer_about_another_says_nothing(hub: Hub, told: object) -> None:
    hub.answers[FILE] = web.json_response(told)
    (answer,) = await registry_at(hub.url).ask(FILE)
    assert (answer.sha256, answer.base_model) == (FILE, None)


@pytest.mark.parametrize(
    "answer",
    [
        web.Response(status=429),
        web.Response(status=503),
        web.Response(status=302, headers={"Location": "http://127.0.0.1:1/elsewhere"}),
        web.Response(text="<html>"),
        web.Response(text="[" * 100_000),
        web.Response(body=b"\xff\xfe"),
        web.json_response({"error": "x"}),
        web.Response(body=b" " * (MAX_ANSWER_BYTES + 1)),
    ],
    ids=["too many", "down", "elsewhere", "a page", "deep", "no text", "no list", "endless"],
)
async def test_what_is_no_answer_is_told(hub: Hub, answer: web.Response) -> None:
    hub.answers[FILE] = answer
    with pytest.raises(RegistryUnreachable, match=r"^the registry at 127\.0\.0\.1: "):
        await registry_at(hub.url).ask(FILE)


async def test_one_that_is_down_for_a_moment_is_asked_again(hub: Hub) -> None:
    hub.answers[FILE] = web.Response(status=503)
    asking = asyncio.create_task(registry_at(hub.url).ask(FILE))
    await hub.asked_once.wait()
    hub.answers[FILE] = [version(FILE)]
    assert (await asking)[0].base_model == "Pony"


async def test_one_that_says_nothing_is_not_waited_for_and_one_that_is_not_there_is_told() -> None:
    done = asyncio.Event()

    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await done.wait()
        writer.close()

    server = await asyncio.start_server(silence, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    with pytest.raises(RegistryUnreachable, match="TimeoutError"):
        await registry_at(url, seconds=0.05).ask(FILE)
    done.set()
    server.close()
    await server.wait_closed()
    with pytest.raises(RegistryUnreachable, match="cannot reach"):
        await registry_at(url).ask(FILE)


async def test_only_files_of_unknown_base_model_are_asked_about_and_only_once(hub: Hub, house: House) -> None:
    write_lora(house.library / "strange.safetensors", modules={"lora_unet_nobody_knows_it": (8, 8)})
    other = house.add_lora("Other", None, seed=9)
    hub.answers[file_sha256(other)] = [version(file_sha256(other), baseModel="SDXL 1.0")]
    async with open_database(house.data / "easel.sqlite3") as db:
        keeper = LibraryKeeper(db, house.library, {}, registry=registry_at(hub.url), pause=0)
        await keeper.scan()
        assert await keeper.ask(1) == 1
        assert await keeper.ask(10) == 1
        assert await keeper.ask(10) == 0
    assert sorted(hub.hashes) == sorted([file_sha256(house.mystery), file_sha256(other)])
    assert len(read_answers(house.library)) == 2


async def test_what_it_answers_is_noticed_while_the_bot_runs(hub: Hub, house: House) -> None:
    path = write_lora(house.library / "komori.safetensors")
    hub.answers[file_sha256(path)] = [version(file_sha256(path))]
    async with open_database(house.data / "easel.sqlite3") as db:
        keeper = LibraryKeeper(db, house.library, {}, registry=registry_at(hub.url), pause=0)
        await keeper.scan()
        watching = asyncio.create_task(keeper.watch(0.01))
        async with asyncio.timeout(120):
            while not await _base_model(db, "komori"):  # noqa: ASYNC110 (the keeper offers nothing to wait on)
                await asyncio.sleep(0)
        watching.cancel()
        assert await _base_model(db, "komori") == "sdxl/pony"


async def _base_model(db: object, name: str) -> str | None:
    lora = await find_lora_by_name(db, name)  # type: ignore[arg-type]
    return lora.usable[0].base_model if lora else None


async def test_one_that_is_down_stops_nothing(hub: Hub, house: House) -> None:
    hub.answers[file_sha256(house.mystery)] = web.Response(status=500)
    async with open_database(house.data / "easel.sqlite3") as db:
        keeper = LibraryKeeper(db, house.library, {}, registry=registry_at(hub.url), pause=0)
        await keeper.scan()
        watching = asyncio.create_task(keeper.watch(0.01))
        async with asyncio.timeout(120):
            await hub.asked_again.wait()
        watching.cancel()
    assert not (house.library / FILE_NAME).exists()


async def test_without_the_setting_nobody_is_asked(house: House) -> None:
    async with open_database(house.data / "easel.sqlite3") as db:
        keeper = LibraryKeeper(db, house.library, {})
        assert (await keeper.scan()).unknown
        assert await keeper.ask(10) == 0


async def test_the_command_line_asks_and_judges_by_the_answer(hub: Hub, house: House) -> None:
    path = write_lora(house.library / "komori.safetensors")
    hub.answers[file_sha256(path)] = [version(file_sha256(path))]

    def run(*arguments: str | Path) -> dict[str, object]:
        said = bot(*arguments, "--json", "--config", house.config, EASEL_LIBRARY__REGISTRY=hub.url)
        return json.loads(said.out)

    report = await asyncio.to_thread(run, "library", "scan")
    assert report["unknown"] == ["mystery.safetensors"]
    assert "komori.safetensors" in report["new"]  # type: ignore[operator]
    told = await asyncio.to_thread(run, "library", "inspect", path)
    assert (told["base_model"], told["trigger_words"]) == ("sdxl/pony", ["komori"])
    assert {"source": "told by a registry", "grade": "told", "says": "sdxl/pony"} in told["evidence"]  # type: ignore[operator]


@pytest.mark.parametrize(
    "url", ["http://civitai.com/api/v1", "https://me:secret@x.org", "ftp://x.org", "https://", "https://x.org/?a=1"]
)
def test_an_address_that_is_not_safe_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="must be an https address"):
        LibrarySettings(registry=url)
