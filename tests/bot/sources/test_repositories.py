"""Repositories of Hugging Face with several LoRAs: each file is an entry of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.database.loras.catalogue import VERSION_BY_SHA256, find_lora
from bot.sources.claims.provenance import entry_from, provenance_of
from bot.sources.downloads.placing import entry_name
from bot.sources.errors import PullRequestFile
from bot.sources.hubs.links import Link, parse_link
from bot.sources.hubs.remote import RemoteFile, RemoteVersion
from bot.sources.updates import link_of
from bot.ui.views.loras.newer_versions import newer_view
from tests.bot.sources.adding import ADA, BO, add, anybody, demo_lora, ended, entry, opened, sdxl_lora
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
            version = await found.db.one(VERSION_BY_SHA256, sha256(data))
            lora = await find_lora(found.db, version.lora_id) if version else None
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


async def test_a_pull_request_is_refused(tmp_path: Path, hubs: Hubs) -> None:
    hubs.add_repository("ann/loras", {"alice.safetensors": demo_lora(seed=1)})
    hubs.add_revision("ann/loras", "refs/pr/3", "ab" * 20, {"alice.safetensors": demo_lora(seed=2)})
    async with opened(House(tmp_path), hubs) as (_found, additions):
        for link in (
            "blob/refs%2Fpr%2F3/alice.safetensors",
            "resolve/refs%2Fpr%2F3/alice.safetensors",
            "tree/Refs%2FPR%2F3",
        ):
            with pytest.raises(PullRequestFile, match="because anyone can open one"):
                await additions.look_up(f"https://huggingface.co/ann/loras/{link}")


@pytest.mark.parametrize("revision", ["ab" * 20, "draft/two"])
async def test_another_revision_is_a_page_of_its_own(tmp_path: Path, hubs: Hubs, revision: str) -> None:
    first, second = demo_lora(seed=1), demo_lora(seed=2)
    hubs.add_repository("ann/loras", {"alice.safetensors": first})
    hubs.add_revision("ann/loras", revision, "ab" * 20, {"alice.safetensors": second})
    link = f"https://huggingface.co/ann/loras/blob/{revision.replace('/', '%2F')}/alice.safetensors"
    async with opened(House(tmp_path), hubs) as (found, additions):
        await add(found, additions, "https://huggingface.co/ann/loras")
        assert await entry_from(found.db, meant(link)) is None
        await add(found, additions, link, BO)
        assert [each.sha256 for each in (await entry(found, "loras · alice")).usable] == [sha256(first)]
        other = await entry(found, "loras · alice (ann)")
        assert ([each.sha256 for each in other.usable], other.added_by) == ([sha256(second)], BO)
        assert await entry_from(found.db, meant(link)) == other
        origin = (await provenance_of(found.db, other)).origin
        assert origin is not None and link_of(origin) == meant(link), "it is asked about as what it is"


async def test_a_pull_request_does_not_take_back_what_the_maker_says(tmp_path: Path, hubs: Hubs) -> None:
    data, commit = sdxl_lora(seed=3), "ab" * 20
    base = "OnomaAIResearch/Illustrious-xl-early-release-v0"
    hubs.add_repository("ann/komori", {"komori.safetensors": data}, base_model=base)
    pony = "AstraliteHeart/pony-diffusion-v6"
    hubs.add_revision("ann/komori", commit, commit, {"komori.safetensors": data}, base_model=pony)
    async with opened(House(tmp_path), hubs) as (found, additions):
        first = (await additions.look_up("https://huggingface.co/ann/komori")).versions[0]
        await ended(additions, await additions.add(first, ADA, None, anybody))
        second = (await additions.look_up(f"https://huggingface.co/ann/komori/tree/{commit}")).versions[0]
        await ended(additions, await additions.add(second, BO, None, anybody))
        (version,) = (await entry(found, "komori")).usable
        assert (version.base_model, version.disputed) == ("sdxl/illustrious", True)


async def test_the_commit_that_the_default_branch_has_is_the_repository_itself(tmp_path: Path, hubs: Hubs) -> None:
    hubs.add_repository("ann/loras", {"alice.safetensors": demo_lora(seed=1)})
    async with opened(House(tmp_path), hubs) as (found, additions):
        for place in ("", "/tree/main", f"/tree/{COMMIT}"):
            model = await additions.look_up(f"https://huggingface.co/ann/loras{place}")
            assert model.versions[0].page == "https://huggingface.co/ann/loras"
        await add(found, additions, "https://huggingface.co/ann/loras")
        pinned = meant(f"https://huggingface.co/ann/loras/blob/{COMMIT}/alice.safetensors")
        assert await entry_from(found.db, pinned) == await entry(found, "loras · alice")


def meant(typed: str) -> Link:
    link = parse_link(typed)
    assert link is not None
    return link


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
        await found.db.connection.execute(NEWER)  # each file has its own
        await found.db.connection.commit()
        view = await newer_view(found.db, [await entry(found, "Komori")] * 6, adds=True)
        assert view.content_length() <= MAX_TEXT and view.total_children_count <= 40
