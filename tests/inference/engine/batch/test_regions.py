"""Regions of a picture have prompts and LoRAs of their own, and everything else of a request is as it was."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from inference.base_models import BaseModelId
from inference.engine.batch.handle import State
from inference.engine.batch.regions import region_masks
from inference.engine.engine import Engine
from inference.engine.layers.layer_hooks import SMALL_LAYER_RANK
from inference.errors import BaseModelMismatch
from inference.lora.evidence import Evidence, Source
from inference.messages.request import GenerationRequest, Region, SourceImage
from inference.messages.samplers import Sampler
from inference.regions import LAYOUTS, MAX_EDGE, RegionName
from tests.inference.engine.batch.test_out_of_memory import needing, networks
from tests.inference.engine.regional import (
    WORDS,
    ends_alike_from_every_step,
    error,
    finished,
    masks_of,
    picture_in,
    regional,
    whole,
)
from tests.inference.engine.trials import LIMITS
from tests.inference.engine.worlds import MAKERS, World, arrived, world_of_every_format

LEFT, RIGHT = RegionName.LEFT, RegionName.RIGHT
SIDES: dict[str, Any] = {
    "layout": (LEFT, RIGHT), "steps": 3, "count": 1, "guidance_scale": 3.0, "base_share": 0.0, "region_edge": 2,
    "prompt": "on a white background", "negative_prompt": "", "spacing": None,
}  # fmt: skip
LIMIT = LIMITS[torch.float64]


@pytest.fixture(scope="module", params=list(MAKERS))
def world(request: pytest.FixtureRequest) -> World:
    return world_of_every_format(request.param, torch.float64)


@pytest.fixture(scope="module")
def small() -> World:
    return world_of_every_format("sd1/base", torch.float64)


def sides(world: World, seed: int = 1, **changes: Any) -> GenerationRequest:
    """Two regions, each with a LoRA of its own."""
    uses = [
        lora.file.use.model_copy(update={"region": name, "weight": 0.8})
        for lora, name in zip(world.loras, (LEFT, RIGHT), strict=False)
    ]
    words = [Region(name=LEFT, prompt="a red circle"), Region(name=RIGHT, prompt="a blue star")]
    return regional(world, random.Random(seed), **(SIDES | {"loras": uses, "regions": words} | changes))


def latents_of(engine: Engine, made: GenerationRequest) -> torch.Tensor:
    (handle,) = finished(engine, made)
    assert handle.latents is not None
    return handle.latents


@pytest.mark.parametrize("layers", [0, SMALL_LAYER_RANK])
def test_predictions_of_regions_are_blended(world: World, layers: int) -> None:
    chance, engine = random.Random(3), world.engine(small=layers)
    requests = [regional(world, chance, layout=layout, steps=2, count=1) for layout in LAYOUTS]
    assert max(error(world, handle) for handle in finished(engine, *requests)) <= LIMIT
    engine.close()


@pytest.mark.parametrize("sampler", list(Sampler))
def test_every_sampler_paints_regions(small: World, sampler: Sampler) -> None:
    (handle,) = finished(small.engine(), sides(small, sampler=sampler, steps=2))
    assert error(small, handle) <= LIMIT


@pytest.mark.parametrize("sampler", list(Sampler))
def test_one_region_over_the_whole_picture_is_the_plain_request_to_the_bit(small: World, sampler: Sampler) -> None:
    made = whole(sides(small, sampler=sampler, count=2, steps=2), LEFT)
    uses = tuple(use.model_copy(update={"region": None}) for use in made.loras if use.region is LEFT)
    plain = made.model_copy(update={"prompt": made.prompt_of(LEFT), "loras": uses, "regions": ()})
    assert torch.equal(latents_of(small.engine(), made), latents_of(small.engine(), plain))


def test_two_regions_alike_are_the_plain_request(world: World) -> None:
    said = "a red circle on the left and on the right"
    use = world.loras[0].file.use
    alike = sides(world, regions=[Region(name=name, prompt=said) for name in (LEFT, RIGHT)], loras=[use])
    plain = alike.model_copy(update={"prompt": alike.prompt_of(LEFT), "regions": ()})
    difference = latents_of(world.engine(), alike) - latents_of(world.engine(), plain)
    assert difference.abs().max() <= LIMIT


def test_the_order_of_regions_changes_nothing(small: World) -> None:
    made = sides(small)
    turned = GenerationRequest.model_validate(made.model_dump() | {"regions": made.regions[::-1]})
    assert turned == made
    turned = made.model_copy(update={"regions": made.regions[::-1]})
    assert turned.slots == (RIGHT, LEFT)
    assert torch.equal(latents_of(small.engine(), turned), latents_of(small.engine(), made))


def test_company_changes_no_picture_with_regions(world: World) -> None:
    chance, engine = random.Random(5), world.engine()
    made = sides(world, sampler=Sampler.EULER_A)
    alone = latents_of(world.engine(), made)
    others = [world.wish(chance, steps=4), sides(world, 2, steps=2), sides(world, 3, guidance_scale=1.0)]
    handles = finished(engine, *others, made)
    assert handles[-1].latents is not None
    assert (handles[-1].latents - alone).abs().max() <= LIMIT
    assert max(error(world, handle) for handle in handles[1:]) <= LIMIT


@pytest.mark.parametrize("sampler", [Sampler.EULER_A, Sampler.DPMPP_2M_SDE, Sampler.HEUN, Sampler.UNIPC])
def test_a_request_with_regions_resumes_at_every_step(small: World, sampler: Sampler) -> None:
    assert ends_alike_from_every_step(small, sides(small, sampler=sampler))


def test_regions_of_a_picture_to_start_from(world: World, tmp_path: Path) -> None:
    started = World(world.base, world.dtype, world.loras, inputs=tmp_path)
    source = SourceImage(sha256=picture_in(tmp_path, random.Random(1), (32, 32)), strength=0.7)
    (handle,) = finished(started.engine(), sides(started, image=source, steps=4))
    assert error(started, handle) <= LIMIT


@pytest.mark.parametrize("guidance", [1.0, 4.0])
def test_prompts_of_different_length_have_passes_by_length(world: World, guidance: float) -> None:
    long = [Region(name=LEFT, prompt="a red circle"), Region(name=RIGHT, prompt=WORDS[3])]
    requests = [sides(world, seed, prompt="", regions=long, guidance_scale=guidance, count=seed) for seed in (1, 2)]
    engine = world.engine()
    with needing(networks(engine).unet, lambda rows: False) as ran:
        handles = finished(engine, *requests)
    rows = 1 if guidance == 1.0 else 2
    assert ran == [3 * rows] * 6, "the short prompts of all together, and the long ones"
    assert max(error(world, handle) for handle in handles) <= LIMIT


def test_people_with_regions_share_passes(small: World) -> None:
    engine = small.engine(places=8)
    with needing(networks(engine).unet, lambda rows: False) as ran:
        finished(engine, *(sides(small, seed) for seed in range(4)))
    assert ran == [4 * 2 * 2] * 3


def test_places_are_counted_by_slots(small: World) -> None:
    engine = small.engine(places=4)
    with needing(networks(engine).unet, lambda rows: False) as ran:
        handles = [engine.submit(sides(small, seed)) for seed in range(3)]
        arrived(engine)
        engine.step()
        assert [handle.state for handle in handles].count(State.RUNNING) == 2
        assert engine.places == 4
        engine.finish()
    assert max(ran) == 4 * 2


@pytest.mark.parametrize("long", [False, True])
def test_regions_that_do_not_fit_together_go_through_several_passes(small: World, long: bool) -> None:
    words = [Region(name=LEFT, prompt="a red circle"), Region(name=RIGHT, prompt=WORDS[3] if long else "a star")]
    requests = [sides(small, prompt="", count=count, regions=words) for count in (1, 3)]
    engine = small.engine()
    with needing(networks(engine).unet, lambda rows: len(rows) > 2) as ran:
        handles = finished(engine, *requests)
        assert set(ran) == {2}
        assert sum(ran) == 3 * 2 * 2 * (1 + 3)
    assert max(error(small, handle) for handle in handles) <= LIMIT
    with needing(networks(engine).unet, lambda rows: len(rows) > 2) as ran:
        engine.submit(requests[0])
        arrived(engine)
        engine.step()
        assert ran == [2, 2], "not tried again with both"
        engine.finish()


def test_variants_of_regions(world: World) -> None:
    variants = [[0.8, 0.0], [0.0, 0.5], [0.8, 0.5]]
    made = sides(world, variants=variants, count=3)
    (handle,) = finished(world.engine(), made)
    assert error(world, handle) <= LIMIT
    assert handle.latents is not None
    assert (handle.latents[1] - latents_of(world.engine(), made.only(1))[0]).abs().max() <= LIMIT


def test_one_lora_may_have_another_weight_in_each_region(small: World) -> None:
    use = small.loras[0].file.use
    both = [use.model_copy(update={"region": name, "weight": weight}) for name, weight in ((LEFT, 1.0), (RIGHT, -0.5))]
    (handle,) = finished(small.engine(), sides(small, loras=both))
    assert error(small, handle) <= LIMIT


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("edge", [0, 1, 2, 5, MAX_EDGE])
@pytest.mark.parametrize("size", [(8, 8), (13, 7), (4, 128)])
def test_masks_sum_to_one_and_are_soft_only_at_their_edges(
    small: World, layout: tuple[RegionName, ...], edge: int, size: tuple[int, int]
) -> None:
    masks = torch.stack(region_masks(layout, *size, edge))
    assert (masks.sum(0) - 1).abs().max() <= 1e-15
    assert masks.min() >= 0 and masks.max() <= 1
    made = regional(small, random.Random(1), layout=layout, region_edge=edge, base_share=0.0)
    assert (masks - torch.stack(masks_of(made, *size))).abs().max() <= 1e-12


def test_a_lora_that_does_not_fit_is_refused_with_its_region(small: World) -> None:
    bad = replace(small.loras[1].file, evidence=Evidence(BaseModelId("sdxl/pony"), Source.SIDECAR))
    strange = World(small.base, small.dtype, [small.loras[0], replace(small.loras[1], file=bad)])
    engine = strange.engine()
    handle = engine.submit(sides(strange))
    engine.finish()
    assert isinstance(handle.error, BaseModelMismatch)
    assert (handle.error.lora, handle.error.region) == (bad.use.name, "right")
