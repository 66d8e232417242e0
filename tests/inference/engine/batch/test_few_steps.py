"""A few-step LoRA and a usual request share the batch; each comes out as diffusers paints it alone."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch
from diffusers import EulerDiscreteScheduler

from inference.base_models import BaseModelId
from inference.engine.batch.snapshots import Snapshot
from inference.engine.models.samplers import scheduler_for
from inference.lora.few_steps import read_name
from inference.messages.request import GenerationRequest
from inference.messages.samplers import Sampler, Spacing
from tests.inference.engine.trials import LIMITS, error
from tests.inference.engine.worlds import DrawnLora, World, arrived

DTYPE = torch.float64
USUAL = {"prompt": "a red circle", "negative_prompt": "blurry", "count": 1, "exact": False, "clip_skip": None}


@pytest.fixture(scope="module", params=["demo/vivid", "sdxl/base"])
def world(request: pytest.FixtureRequest) -> World:
    torch.set_num_threads(1)
    made = World(request.param, DTYPE)
    made.add(1, "lora")
    made.add(2, "dora")
    return made


LIGHTNING, HYPER, DMD2 = "sdxl_lightning_4step_lora", "Hyper-SDXL-1step-lora", "dmd2_sdxl_4step_lora"
NAMES = (LIGHTNING, "Hyper-SDXL-4steps-lora", HYPER, "lcm-lora-sdxl", DMD2)


def few_steps(world: World, lora: DrawnLora, name: str = LIGHTNING) -> GenerationRequest:
    """What the builder makes of a draft in which nothing was chosen but a LoRA with this file name."""
    recipe = read_name(name, BaseModelId(world.base).architecture).recipe
    assert recipe is not None
    return world.wish(
        random.Random(3), **USUAL, loras=(lora.file.use.model_copy(update={"weight": recipe.weight}),),
        steps=recipe.steps, guidance_scale=recipe.guidance, sampler=recipe.sampler, spacing=recipe.spacing,
    )  # fmt: skip


def usual(world: World, lora: DrawnLora) -> GenerationRequest:
    return world.wish(
        random.Random(4), **USUAL, loras=(lora.file.use,), steps=9, guidance_scale=5.5, sampler=Sampler.DPMPP_2M,
        spacing=None,
    )  # fmt: skip


@pytest.mark.parametrize("later", [0, 2, 6])
def test_both_are_exact_whenever_the_few_step_request_joins(world: World, later: int) -> None:
    engine = world.engine()
    lightning, other = world.loras
    first = engine.submit(usual(world, other))
    arrived(engine)
    for _ in range(later):
        engine.step()
    second = engine.submit(few_steps(world, lightning))
    arrived(engine)
    engine.step()
    assert (first.done, second.done) == (later + 1, 1), "they share passes"
    engine.finish()
    assert second.total == 4 and max(error(world, handle) for handle in (first, second)) <= LIMITS[DTYPE]
    engine.close()


@pytest.mark.parametrize("name", NAMES)
def test_each_familys_requests_are_exact_in_company(world: World, name: str) -> None:
    engine = world.engine()
    lightning, other = world.loras
    first, second = engine.submit(usual(world, other)), engine.submit(few_steps(world, lightning, name))
    arrived(engine)
    engine.finish()
    assert max(error(world, handle) for handle in (first, second)) <= LIMITS[DTYPE]
    engine.close()


@pytest.mark.parametrize("name", [LIGHTNING, DMD2])
@pytest.mark.parametrize("stopped", [1, 3])
def test_it_is_exact_when_another_engine_resumes_it_beside_others(
    world: World, name: str, stopped: int, tmp_path: Path
) -> None:
    lightning, other = world.loras
    made, engine = few_steps(world, lightning, name), world.engine()
    killed = engine.submit(made)
    engine.submit(usual(world, other))
    arrived(engine)
    for _ in range(stopped):
        engine.step()
    snapshot = killed.snapshot()
    assert snapshot is not None and killed.done == stopped
    snapshot.write(tmp_path / "state", "this request")
    engine.close()
    engine = world.engine()
    beside = engine.submit(usual(world, other))
    resumed = engine.submit(made, resume=Snapshot.read(tmp_path / "state", "this request"))
    arrived(engine)
    engine.finish()
    assert (resumed.resumed_steps, resumed.done) == (stopped, 4)
    assert max(error(world, handle) for handle in (beside, resumed)) <= LIMITS[DTYPE]
    engine.close()


def test_dmd2_has_the_times_that_it_was_made_for(world: World) -> None:
    made = few_steps(world, world.loras[0], DMD2)
    scheduler = scheduler_for(made.sampler, world.scheduler.config, world.prediction, made.steps, made.spacing)
    scheduler.set_timesteps(made.steps)
    assert made.sampler is Sampler.LCM and scheduler.timesteps.tolist() == [999, 749, 499, 249]


def test_its_schedule_is_diffusers_own_trailing_one(world: World) -> None:
    ours = scheduler_for(Sampler.EULER, world.scheduler.config, world.prediction, 4, Spacing.TRAILING)
    theirs = EulerDiscreteScheduler.from_config(
        world.scheduler.config, timestep_spacing="trailing", use_karras_sigmas=False
    )
    for scheduler in (ours, theirs):
        scheduler.set_timesteps(4)
    assert torch.equal(ours.timesteps, theirs.timesteps) and torch.equal(ours.sigmas, theirs.sigmas)
    assert ours.timesteps.tolist() == [999, 749, 499, 249]
