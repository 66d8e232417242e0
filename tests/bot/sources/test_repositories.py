"""Repositories of Hugging Face with several LoRAs: each file is an entry of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.database.loras import find_lora, find_version
from bot.sources.placing import entry_name
from bot.sources.remote import RemoteFile, RemoteVersion
from bot.ui.views.newer_versions import newer_view
from tests.bot.sources.adding import ADA, add, anybody, demo_lora, ended, entry, opened
from tests.bot.sources.hubs import COMMIT, Hubs, sha256
from tests.house import House

MAX_TEXT = 4000  # characters of a message, by Discord's documentation
NEWER = "UPDATE hub_look SET newer = says, newer_sha256 = substr(sha256, 2) || 'f', newer_at = since"


async def test_each_file_of_a_repository_is_an_entry(tmp_path: Path, hubs: Hubs) -> None:
    files = {name: demo_lora(seed=seed) for seed, name in enumerate(("alice", "bob", "c/model", "d/model"))}
    hubs.add_repository("ann/loras", {f"{name}.safetensors": data for name, data in files.items()})
    async with opened(House(tmp_path), hubs) as (found, additions):
        for name in files:
            await add(found, additions, f"https://huggingface.co/ann/loras/blob/main/{name}.safetensors")
        names = set[str]()
        for data in files.values():
            version = await find_version(found.connection, sha256(data))
            lora = await find_lora(found.connection, version.lora_id) if version else None
            assert lora is not None and len(lora.versions) == 1
            names.add(lora.name)
    assert names == {"loras · alice", "loras · bob", "loras · c", "loras · d"}


async def test_a_later_commit_of_a_file_is_a_version_of_its_entry(tmp_path: Path, hubs: Hubs) -> None:
    link = "https://huggingface.co/ann/loras/blob/main/alice.safetensors"
    async with opened(House(tmp_path), hubs) as (found, additions):
        for seed in (1, 2):
            hubs.add_repository("ann/loras", {"alice.safetensors": demo_lora(seed=seed)})
            await add(found, additions, link)
        assert len((await entry(found, "loras · alice")).versions) == 2


@pytest.mark.parametrize(
    ("repository", "path", "expected"),
    [
        ("Komori", "komori.safetensors", "Komori"),
        ("komori-lora", "pytorch_lora_weights.safetensors", "komori-lora"),
        ("komori", "komori_v2.safetensors", "komori_v2"),
        ("loras", "style/wash.safetensors", "loras · style/wash"),
        ("loras", "a\u202egpj\u200b/Ko\u200bmori\x07.safetensors", "loras · agpj/Komori"),
        ("komori", "\u200b/model.safetensors", "komori"),
        ("r" * 100, "f" * 95 + ".safetensors", f"{'r' * 45} · {'f' * 50}"),
    ],
)
def test_the_name_of_an_entry_tells_which_file_it_is(repository: str, path: str, expected: str) -> None:
    file = RemoteFile(url=f"https://hub/ann/{repository}/resolve/{COMMIT}/{path}", name=path[-200:])
    version = RemoteVersion(hub="hub", page="", name=repository, version="v", revision=COMMIT, file=file)
    assert entry_name(version) == expected


async def test_many_newer_versions_fit_into_a_message(tmp_path: Path, hubs: Hubs) -> None:
    count, model = 30, hubs.add_model("Komori")
    for number in range(count):
        hubs.add_version(
            model, demo_lora(seed=number), "Other", name=f"{'a quite long name of a version ' * 2}{number}"
        )
    async with opened(House(tmp_path), hubs) as (found, additions):
        known = await additions.look_up(f"https://civitai.com/models/{model}")
        for version in known.versions:
            await ended(additions, await additions.add(version, ADA, None, anybody))
        await found.connection.execute(NEWER)  # each file has its own
        await found.connection.commit()
        view = await newer_view(found.connection, [await entry(found, "Komori")] * 6, adds=True)
        assert view.content_length() <= MAX_TEXT and view.total_children_count <= 40
