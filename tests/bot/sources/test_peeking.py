"""The headers of files at hubs, read by ranged requests before anything is downloaded."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from aiohttp import web

from bot.app.assembly import Catalogued
from bot.config import Settings
from bot.sources import errors
from bot.sources.additions import Additions
from bot.sources.choosing import Suits
from bot.sources.claims.provenance import entry_from
from bot.sources.downloads.peeking import AT_ONCE, MOST_BYTES, Candidate, Peeking
from bot.sources.hubs.http import SourceHttp
from bot.sources.hubs.links import HubLink
from inference.base_models import BaseModelId
from inference.messages.checkpoints import PredictionType
from tests.bot.sources.adding import add, demo_lora, opened, sdxl_lora
from tests.bot.sources.hubs import COMMIT, Hubs, content, sha256, silent, status
from tests.house import House
from tests.inference.lora.test_foreign_kinds import KINDS, file_of
from tests.lora_files import lora_tensors, safetensors_bytes

FLUX = {f"transformer.single_transformer_blocks.{n}.attn.to_q": (3072, 3072) for n in range(38)}


def flux_lora() -> bytes:
    tensors = {
        f"{module}.lora_{side}.weight": np.zeros(shape, np.float32)
        for module in FLUX
        for side, shape in (("A", (1, 3072)), ("B", (3072, 1)))
    }
    return safetensors_bytes(tensors)


async def told(additions: Additions, link: str) -> list[tuple[str, str | None, Suits]]:
    candidates = await additions.candidates(await additions.look_up(link))
    return [(each.version.version, each.base_model, each.suits) for each in candidates]


def path_of(name: str, file: str) -> str:
    return f"/{name}/resolve/{COMMIT}/{file}"


async def test_those_that_fit_come_first_whatever_the_repository_claims(house: House, hubs: Hubs) -> None:
    files = {
        "a.safetensors": sdxl_lora(),
        "b.safetensors": demo_lora(seed=1),
        "c.safetensors": flux_lora(),
        "d.safetensors": demo_lora(seed=2),
        "e.safetensors": file_of(KINDS["diffusers' ControlNet"][0]),
    }
    hubs.add_repository("maker/many", files)
    async with opened(house, hubs) as (_found, additions):
        found = await told(additions, "https://huggingface.co/maker/many")
    assert [name for name, _base, suits in found if suits is Suits.FITS] == ["b", "d"]
    assert [name for name, *_ in found][:2] == ["b", "d"]
    assert {base for _name, base, suits in found if suits is Suits.FITS} == {"demo/vivid"}
    assert not {"c", "e"} & {name for name, *_ in found}
    assert not any(hubs.requests(path_of("maker/many", file)) for file in files), "nothing is downloaded"


async def test_what_nothing_here_can_use_is_refused_before_the_download(house: House, hubs: Hubs) -> None:
    version_id = hubs.add_lora("Komori", flux_lora(), "Other")
    async with opened(house, hubs) as (_found, additions):
        with pytest.raises(errors.FitsNoCheckpoint) as refused:
            await additions.candidates(await additions.look_up(hubs.link(version_id)))
    assert "made for Flux.1" in str(refused.value)
    assert hubs.header_requests(hubs.file_path(version_id)) and not hubs.requests(hubs.file_path(version_id))


class NoobHouse(House):
    """A house with one more checkpoint, declared as NoobAI of epsilon prediction."""

    @property
    def settings(self) -> Settings:
        settings = super().settings
        noob = {
            "name": "noob", "base_model": BaseModelId("sdxl/noobai"), "prediction_type": PredictionType.EPSILON
        }  # fmt: skip
        checkpoints = (*settings.checkpoints, settings.checkpoints[0].model_copy(update=noob))
        return settings.model_copy(update={"checkpoints": checkpoints})


async def test_the_prediction_type_is_read_from_the_header_too(tmp_path: Path, hubs: Hubs) -> None:
    files = {
        "v.safetensors": sdxl_lora(1, ss_sd_model_name="NoobAI-XL-Vpred-v1.0.safetensors"),
        "quiet.safetensors": sdxl_lora(2, ss_sd_model_name="Laxhar/noobai-XL-1.0"),
    }
    hubs.add_repository("maker/many", files)
    async with opened(NoobHouse(tmp_path / "house"), hubs) as (_found, additions):
        (only,) = await additions.candidates(await additions.look_up("https://huggingface.co/maker/many"))
        assert (only.version.version, only.fits) == ("quiet", ("noob",))
        with pytest.raises(errors.FitsNoCheckpoint, match=r"made for NoobAI \(v-prediction\)"):
            await told(additions, "https://huggingface.co/maker/many/blob/main/v.safetensors")


async def test_what_is_no_lora_is_refused_before_the_download(house: House, hubs: Hubs) -> None:
    version_id = hubs.add_lora("Komori", file_of(KINDS["an IP-Adapter"][0]), "Other")
    async with opened(house, hubs) as (_found, additions):
        with pytest.raises(errors.IpAdapterFile):
            await additions.choose(await additions.look_up(hubs.link(version_id)))
    assert not hubs.requests(hubs.file_path(version_id))


async def test_the_lineage_is_read_from_the_header_too(house: House, hubs: Hubs) -> None:
    version_id = hubs.add_lora("Komori", sdxl_lora(ss_sd_model_name="illustriousXL_v01.safetensors"), "Other")
    async with opened(house, hubs) as (_found, additions):
        with pytest.raises(errors.FitsNoCheckpoint) as refused:
            await additions.candidates(await additions.look_up(hubs.link(version_id)))
    assert "made for Illustrious" in str(refused.value)


@pytest.mark.parametrize("size", [2**16 - 100, 2**16 + 100, 700_000])
async def test_a_header_is_read_by_at_most_two_requests(house: House, hubs: Hubs, size: int) -> None:
    data = demo_lora(seed=3, ss_tag_frequency="x" * size)
    version_id = hubs.add_lora("Komori", data, "Other")
    async with opened(house, hubs) as (_found, additions):
        assert (await told(additions, hubs.link(version_id)))[0][2] is Suits.FITS
        await told(additions, hubs.link(version_id))
    ranges = [asked.headers["Range"] for asked in hubs.header_requests(hubs.file_path(version_id))]
    assert len(ranges) <= 2, "and it is remembered"
    assert sum(_length(each) for each in ranges) <= MOST_BYTES


async def test_a_header_that_is_too_large_is_not_read(house: House, hubs: Hubs) -> None:
    version_id = hubs.add_lora("Komori", demo_lora(seed=3, ss_tag_frequency="x" * (MOST_BYTES + 1)), "Other")
    async with opened(house, hubs) as (_found, additions):
        assert (await told(additions, hubs.link(version_id)))[0][2] is Suits.UNKNOWN
    (asked,) = hubs.header_requests(hubs.file_path(version_id))
    assert _length(asked.headers["Range"]) <= MOST_BYTES


def _length(range_: str) -> int:
    first, last = range_.removeprefix("bytes=").split("-")
    return int(last) - int(first) + 1


@pytest.mark.parametrize("code", [401, 403, 404, 500])
async def test_a_header_that_cannot_be_had_refuses_nothing(house: House, hubs: Hubs, code: int) -> None:
    version_id = hubs.add_lora("Komori", demo_lora(), "Other")
    hubs.header_faults[hubs.file_path(version_id)] = [status(code)]
    async with opened(house, hubs) as (_found, additions):
        assert (await told(additions, hubs.link(version_id)))[0][2] is Suits.UNKNOWN
    assert len(hubs.header_requests(hubs.file_path(version_id))) == 1, "it is not asked for again and again"


async def test_a_server_without_ranges_is_read_no_further_than_the_header(house: House, hubs: Hubs) -> None:
    data = demo_lora()
    version_id = hubs.add_lora("Komori", data, "Other")
    hubs.header_faults[hubs.file_path(version_id)] = [content(data + bytes(8))]  # its length is another
    async with opened(house, hubs) as (_found, additions):
        with pytest.raises(errors.FileUnusable):
            await told(additions, hubs.link(version_id))


async def test_after_a_429_no_more_headers_are_read(house: House, hubs: Hubs) -> None:
    files = {f"{n:02}.safetensors": demo_lora(seed=n) for n in range(30)}
    hubs.add_repository("maker/many", files)
    for file in files:
        hubs.header_faults[path_of("maker/many", file)] = [status(429, None, **{"Retry-After": "300"})]
    async with opened(house, hubs) as (_found, additions):
        found = await told(additions, "https://huggingface.co/maker/many")
        assert {suits for _name, _base, suits in found} == {Suits.UNKNOWN}
        await told(additions, "https://huggingface.co/maker/many")
    asked = sum(len(hubs.header_requests(path_of("maker/many", file))) for file in files)
    assert 1 <= asked <= AT_ONCE


async def test_few_headers_are_read_at_the_same_time(house: House, hubs: Hubs) -> None:
    files = {f"{n:02}.safetensors": demo_lora(seed=n) for n in range(12)}
    hubs.add_repository("maker/many", files)
    under_way, most = 0, 0
    full = asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        if under_way == AT_ONCE:
            full.set()
        await full.wait()
        answer = await hubs.usual(request)
        under_way -= 1
        return answer

    for file in files:
        hubs.header_faults[path_of("maker/many", file)] = [slow]
    async with opened(house, hubs) as (_found, additions):
        assert len(await told(additions, "https://huggingface.co/maker/many")) == len(files)
    assert most == AT_ONCE


async def test_a_hub_that_does_not_answer_is_not_waited_for_with_each_file(house: House, hubs: Hubs) -> None:
    files = {f"{n:02}.safetensors": demo_lora(seed=n) for n in range(12)}
    hubs.add_repository("maker/many", files)
    for file in files:
        hubs.header_faults[path_of("maker/many", file)] = [silent()]
    async with opened(house, hubs) as (found, additions):
        versions = (await additions.look_up("https://huggingface.co/maker/many")).versions
        http = SourceHttp(lambda: found.configuration.settings.sources)
        candidates = await Peeking(http, found.configuration, seconds=0.1).candidates(versions)
        await http.close()
    assert len(candidates) == len(files) and all(isinstance(each, Candidate) for each in candidates)
    assert sum(len(hubs.header_requests(path_of("maker/many", file))) for file in files) <= AT_ONCE


async def test_a_folder_means_its_files_alone(house: House, hubs: Hubs) -> None:
    files = {
        f"{path}.safetensors": demo_lora(seed=n) for n, path in enumerate(("a", "b/x", "b/deep/y", "bc/z", "c/b/w"))
    }
    hubs.add_repository("maker/many", files)
    hubs.fault("/api/models/maker/many/revision/main")
    async with opened(house, hubs) as (found, additions):
        assert {name for name, *_ in await told(additions, "https://huggingface.co/maker/many/tree/main/b")} == {
            "x",
            "y",
        }
        assert [name for name, *_ in await told(additions, "https://huggingface.co/maker/many/tree/main/bc")] == ["z"]
        with pytest.raises(errors.PageGone):
            await additions.look_up("https://huggingface.co/maker/many/tree/main/none")
        await _require_added(found, additions, files["bc/z.safetensors"])


async def _require_added(found: Catalogued, additions: Additions, data: bytes) -> None:
    done = await add(found, additions, "https://huggingface.co/maker/many/tree/main/bc")
    assert done.sha256 == sha256(data)
    assert await entry_from(found.db, HubLink("maker/many", "bc/", "main")) is not None
    assert await entry_from(found.db, HubLink("maker/many", "b/", "main")) is None


async def test_layers_decide_over_a_page_that_claims_another_architecture(house: House, hubs: Hubs) -> None:
    data = safetensors_bytes(
        lora_tensors({"lora_unet_strange_blocks_0_qkv": (64, 32)}), {"ss_base_model_version": "X9"}
    )
    version_id = hubs.add_lora("Komori", data, "Other")
    async with opened(house, hubs) as (_found, additions):
        with pytest.raises(errors.FileOfNamedModel) as refused:
            await told(additions, hubs.link(version_id))
    assert "“X9”" in str(refused.value) and not hubs.requests(hubs.file_path(version_id))
