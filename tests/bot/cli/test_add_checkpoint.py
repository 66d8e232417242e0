"""`library add-checkpoint`: by a link of a hub on this machine, and with files that are here."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from bot.cli import DONE
from inference.demo import CHECKPOINTS
from tests.bot.cli.commands import Here
from tests.bot.sources.hubs import Hubs, content, running_hubs
from tests.house import House
from tests.lora_files import safetensors_bytes


@contextmanager
def served() -> Iterator[Hubs]:
    """Both hubs in a thread of their own: the command has an event loop itself."""
    found: list[Hubs] = []
    ready, ended = Event(), Event()

    async def serve() -> None:
        async with running_hubs() as hubs:
            found.append(hubs)
            ready.set()
            await asyncio.to_thread(ended.wait)

    thread = Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait()
    try:
        yield found[0]
    finally:
        ended.set()
        thread.join()


def endpoints(hubs: Hubs) -> dict[str, str]:
    names = ("CIVITAI_ENDPOINT", "CIVITAI_RED_ENDPOINT", "HUGGINGFACE_ENDPOINT")
    return {f"EASEL_SOURCES__{name}": hubs.url for name in names} | {"EASEL_SOURCES__FREE_GIGABYTES": "0"}


def test_files_that_are_here_are_checked_and_declared(here: Here, tmp_path: Path) -> None:
    config, folder = House(tmp_path / "house").config, CHECKPOINTS[0].path
    said = here(
        "library", "add-checkpoint", str(folder), "--base", "demo/vivid", "--name", "Mine", "--config", str(config)
    )
    assert said.code == DONE, said.err
    (section,) = tomllib.loads(said.out)["checkpoints"]
    assert section == {"name": "Mine", "path": str(folder.resolve()), "base_model": "demo/vivid"}
    wrong = here("library", "add-checkpoint", str(folder), "--base", "sdxl/pony", "--config", str(config))
    assert "cannot be used as sdxl/pony" in wrong.sentence
    assert "--base" in here("library", "add-checkpoint", str(folder), "--config", str(config)).sentence


def test_a_link_is_fetched_beside_the_settings_and_checked(here: Here, tmp_path: Path) -> None:
    config = House(tmp_path / "house").config
    with served() as hubs:
        model_id = hubs.add_model("Merge", type="Checkpoint")
        version_id = hubs.add_version(model_id, safetensors_bytes({}), "Illustrious")
        lora_id = hubs.add_lora("Komori", b"x" * 100)
        given = ("library", "add-checkpoint", hubs.link(version_id), "--config", str(config))
        said = here(*given, **endpoints(hubs))
        assert "--base sdxl/illustrious" in said.sentence
        assert (config.parent / "checkpoints" / "Merge.safetensors").exists()
        said = here(*given, "--base", "sdxl/illustrious", **endpoints(hubs))
        assert "is there already" in said.sentence
        said = here("library", "add-checkpoint", hubs.link(lora_id), "--config", str(config), **endpoints(hubs))
        assert "LORA" in said.sentence
        other = hubs.add_version(hubs.add_model("Page", type="Checkpoint"), b"y" * 100, "Pony")
        hubs.fault(hubs.file_path(other), content(b"<html>", "text/html"))
        said = here("library", "add-checkpoint", hubs.link(other), "--config", str(config), **endpoints(hubs))
        assert "web page" in said.sentence
        assert len(list((config.parent / "checkpoints").iterdir())) == 1


def test_what_is_neither_is_told(here: Here, tmp_path: Path) -> None:
    config = House(tmp_path / "house").config
    said = here("library", "add-checkpoint", "nowhere.safetensors", "--config", str(config))
    assert "neither a file nor a link" in said.sentence
