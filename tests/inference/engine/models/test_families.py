"""A denoiser that is no UNet in the running batch: Flux's transformer, each request as diffusers paints it alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from inference.capabilities import Family
from inference.engine.batch.caps import PictureSize
from inference.engine.batch.handle import Handle, State
from inference.engine.batch.run import Run
from inference.engine.batch.snapshots import Snapshot
from inference.engine.engine import Engine
from inference.engine.layers.layer_hooks import SMALL_LAYER_RANK
from inference.engine.models.checkpoints import FAMILIES, Checkpoint
from inference.messages.request import GenerationRequest, LoraUse
from inference.messages.samplers import Sampler
from tests.inference.engine.flux_family import FluxFamily, FluxWorld
from tests.inference.engine.lone import FLUX, drawn
from tests.inference.engine.worlds import arrived
from tests.inference.requests import request

LIMIT = 1e-12  # of latents and pictures, in double precision


@pytest.fixture(scope="module")
def world() -> FluxWorld:
    """With three LoRAs: on all linear layers of the transformer, on its attention, and on both text encoders."""
    torch.set_num_threads(1)
    made = FluxWorld()
    made.add(drawn(FLUX, 1, endings=("",)))
    made.add(drawn(FLUX, 2, rank=2))
    made.add(drawn(FLUX, 3, "text_encoder") | drawn(FLUX, 4))
    return made


def uses(world: FluxWorld, *weights: float) -> tuple[LoraUse, ...]:
    """The world's LoRAs at these weights; those at 0 are not used."""
    files = [file.use for file in world.files.values()]
    return tuple(
        use.model_copy(update={"weight": weight}) for use, weight in zip(files, weights, strict=False) if weight
    )


def wish(**changes: object) -> GenerationRequest:
    values = {
        "checkpoint": "lone", "width": 32, "height": 32, "steps": 4, "guidance_scale": 3.5, "prompt": "a red star",
        "sampler": Sampler.EULER,
    }  # fmt: skip
    return request(**(values | changes))


def checkpoint_of(engine: Engine) -> Checkpoint:
    checkpoint = engine._store.current
    assert isinstance(checkpoint, Checkpoint)
    return checkpoint


def rows_of_passes(engine: Engine) -> list[int]:
    """The rows of each pass from now on."""
    seen: list[int] = []
    checkpoint_of(engine).denoiser.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    return seen


def until(engine: Engine, handle: Handle, done: int) -> None:
    while handle.done < done:
        engine.step()


def apart(found: Any, expected: torch.Tensor) -> float:
    assert isinstance(found, torch.Tensor)
    return float((found - expected).abs().max())


def error(world: FluxWorld, handle: Handle) -> float:
    """How far latents and pictures are from those of diffusers' pipeline alone, at most."""
    assert handle.state is State.DONE, handle.error
    latents, pictures = world.reference(handle.request)
    return max(apart(handle.latents, latents), apart(handle.pictures, pictures))


@pytest.mark.parametrize("small", [0, SMALL_LAYER_RANK])
def test_requests_of_a_transformer_share_passes_and_each_is_as_diffusers_paints_it(
    world: FluxWorld, small: int
) -> None:
    """Other LoRAs, steps, guidance and numbers of pictures; the second one joins two steps later."""
    engine = world.engine(small=small)
    rows = rows_of_passes(engine)
    first = engine.submit(wish(steps=6, loras=uses(world, 0.8), seed=1))
    until(engine, first, 2)
    others = [
        wish(steps=3, loras=uses(world, 0, -0.7, 1.1), seed=2, guidance_scale=1.5, negative_prompt="blurry"),
        wish(steps=4, prompt="a blue circle", seed=3, count=2),
    ]
    handles = [first, *(engine.submit(other) for other in others)]
    arrived(engine)
    engine.finish()
    assert rows == [1, 1, 5, 5, 5, 3], "one row, then two for the negative prompt and two for two pictures beside it"
    assert max(error(world, handle) for handle in handles) <= LIMIT
    latents, _ = world.reference(first.request)
    assert latents.shape == (1, 64, 16), "they are packed"


def test_the_comparison_would_notice_the_neighbours_loras_and_steps(world: FluxWorld) -> None:
    made = wish(steps=3, loras=uses(world, 0.8))
    latents, _ = world.reference(made)
    for other, loras in ((made, ()), (made, uses(world, 0, -0.7)), (made.model_copy(update={"steps": 4}), None)):
        assert apart(world.reference(other, loras)[0], latents) > 1e-2


def test_pictures_of_as_many_tokens_and_another_shape_share_no_pass(world: FluxWorld) -> None:
    engine = world.engine()
    rows = rows_of_passes(engine)
    handles = [engine.submit(wish(width=width, height=1024 // width, steps=2)) for width in (16, 32, 64)]
    arrived(engine)
    engine.finish()
    assert rows == [1] * 6
    assert max(error(world, handle) for handle in handles) <= LIMIT


@pytest.mark.parametrize("done", [1, 2, 4])
def test_a_request_resumes_from_a_snapshot_beside_another_one(world: FluxWorld, done: int, tmp_path: Path) -> None:
    made = wish(steps=5, loras=uses(world, 0.8, 0.3), seed=5, negative_prompt="blurry")
    engine = world.engine()
    stopped = engine.submit(made)
    until(engine, stopped, done)
    taken = stopped.snapshot()
    assert taken is not None
    taken.write(tmp_path / "state", "this job")
    engine.close()
    kept = Snapshot.read(tmp_path / "state", "this job")
    another = world.engine()
    handles = [another.submit(wish(steps=3, loras=uses(world, 0, 1.0), seed=6)), another.submit(made, resume=kept)]
    arrived(another)
    another.finish()
    assert handles[1].resumed_steps == done
    assert max(error(world, handle) for handle in handles) <= LIMIT


def test_a_preview_shows_what_a_step_predicts_and_the_last_one_the_picture(world: FluxWorld) -> None:
    engine = world.engine()
    handle = engine.submit(wish(count=2))
    assert handle.preview() is None
    until(engine, handle, 3)
    latents = handle.preview()
    assert latents is not None and latents.shape == (2, 4, 16, 16)
    assert engine.preview(latents[0], (32, 32)).size == (32, 32)
    (run,) = engine._running
    assert isinstance(run, Run)
    engine.finish()
    family = checkpoint_of(engine).family
    assert isinstance(family, FluxFamily) and handle.latents is not None and handle.pictures is not None
    last = run.preview()
    assert last is not None and apart(last, family.unpacked(handle.request, handle.latents)) < 1e-6
    shown = torch.tensor(engine.preview(last[0], (32, 32)).get_flattened_data()).T.reshape(3, 32, 32) / 255
    assert apart(handle.pictures[0], shown) < 0.01


def test_what_the_prompt_layers_answer_is_computed_once(world: FluxWorld) -> None:
    engine = world.engine()
    handle = engine.submit(wish(loras=uses(world, 0.8)))
    until(engine, handle, 1)
    checkpoint_of(engine).denoiser.context_embedder.weight.data.fill_(torch.nan)
    engine.finish()
    assert error(world, handle) <= LIMIT


def test_the_scale_in_a_files_metadata_counts_also_of_a_transformer_that_was_saved_by_itself(world: FluxWorld) -> None:
    tensors = drawn(FLUX, 7)
    alone = {key.removeprefix("transformer."): tensor for key, tensor in tensors.items()}
    metadata = {"lora_adapter_metadata": json.dumps({"r": 4, "lora_alpha": 2})}
    made = wish(loras=(world.add(alone, metadata=metadata),))
    engine = world.engine()
    handle = engine.submit(made)
    engine.finish()
    half = world.add(tensors).model_copy(update={"weight": 0.5})
    assert apart(handle.latents, world.reference(made, [half])[0]) <= LIMIT


def test_the_cap_of_a_family_that_needs_no_second_row_for_guidance_is_found(world: FluxWorld) -> None:
    engine = world.engine(places=None)
    handles = [engine.submit(wish(steps=12, seed=seed)) for seed in range(24)]
    arrived(engine)
    engine.finish()
    assert all(handle.state is State.DONE for handle in handles), [handle.error for handle in handles]
    measured = engine.measured_cap(PictureSize("lone", 32, 32))
    assert measured is not None and len(measured.seconds) >= 2


def test_what_a_family_leaves_out_of_a_request_is_noted(world: FluxWorld) -> None:
    engine = world.engine()
    handles = [engine.submit(wish(steps=1, clip_skip=skip)) for skip in (2, None)]
    engine.finish()
    assert [len(handle.notes) for handle in handles] == [1, 0]


def test_each_family_of_the_table_has_its_class() -> None:
    assert FAMILIES.keys() == set(Family)
