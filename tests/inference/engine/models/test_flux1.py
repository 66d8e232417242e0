"""Flux.1 in the running batch: each request as diffusers' pipeline with PEFT paints it alone."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import FluxKontextPipeline, FluxTransformer2DModel
from diffusers.models.transformers.transformer_flux import FluxAttention
from PIL import Image

from inference.base_models import BaseModelId
from inference.engine.batch.handle import Handle, State
from inference.engine.batch.run import Run
from inference.engine.batch.snapshots import Snapshot
from inference.engine.engine import Engine
from inference.engine.layers.layer_hooks import SMALL_LAYER_RANK
from inference.engine.layers.lora_set import AppliedLoras, LoraSet
from inference.engine.models.checkpoints import Checkpoint
from inference.engine.models.families.flux1 import Flux1Family
from inference.engine.models.fast_paths import _DirectAttention
from inference.engine.models.soundness import Unsound
from inference.engine.process.job_runner import JobRunner
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.request import GenerationRequest
from inference.messages.samplers import FLOW_SPACINGS, Sampler
from tests.house import House
from tests.inference.engine.painting import paint
from tests.inference.engine.transformers import (
    FLUX_DEV,
    FLUX_SCHNELL,
    TransformerWorld,
    apart,
    error,
    lora_world,
    painted,
    picture_in,
    pipeline_of,
    small_request,
    until,
)
from tests.inference.engine.worlds import CPU, arrived

LIMIT = 1e-12


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> TransformerWorld:
    return lora_world(FLUX_DEV, tmp_path_factory.mktemp("inputs"))


def wish(**changes: object) -> GenerationRequest:
    return small_request(**({"guidance_scale": 3.5} | changes))


def mixed(world: TransformerWorld) -> list[GenerationRequest]:
    """Four people's: other LoRAs, steps, guidance and texts; one begins with a picture, one wants two pictures."""
    return [
        wish(seed=1, loras=world.uses(0.7)),
        wish(seed=2, steps=6, guidance_scale=2.0, prompt="a blue circle", loras=world.uses(0, -0.4, 1.1)),
        wish(seed=3, steps=5, guidance_scale=1.0, image=picture_in(world.inputs, 0.6), count=2),
        wish(seed=4, steps=3, guidance_scale=7.0, prompt="", loras=world.uses(0.3, 0.9, -0.6)),
    ]


def checkpoint_of(engine: Engine) -> Checkpoint:
    checkpoint = engine._store.current
    assert isinstance(checkpoint, Checkpoint) and isinstance(checkpoint.family, Flux1Family)
    return checkpoint


@pytest.mark.parametrize("small", [0, SMALL_LAYER_RANK], ids=["additions", "whole weights"])
def test_four_mixed_requests_share_passes_and_each_is_as_diffusers_paints_it(
    world: TransformerWorld, small: int
) -> None:
    engine, rows = world.engine(small=small), list[int]()
    checkpoint_of(engine).denoiser.register_forward_pre_hook(lambda _, given: rows.append(len(given[0])))
    handles = painted(engine, mixed(world), (0, 0, 1, 2))
    assert rows == [2, 4, 5, 5, 2, 1]
    assert max(error(world, handle) for handle in handles) <= LIMIT


def test_the_comparison_would_notice_other_loras_steps_and_guidance(world: TransformerWorld) -> None:
    made = wish(steps=3, loras=world.uses(0.8))
    latents, _ = world.reference(made)
    others = [made.model_copy(update={"steps": 4}), made.model_copy(update={"guidance_scale": 1.0})]
    found = [
        *(world.reference(other) for other in others),
        *(world.reference(made, uses) for uses in ((), world.uses(0, 0.8))),
    ]
    assert min(apart(each, latents) for each, _ in found) > 1e-2


@pytest.mark.parametrize("pictured", [False, True])
def test_it_resumes_after_every_step_to_the_bit_and_beside_others(
    world: TransformerWorld, pictured: bool, tmp_path: Path
) -> None:
    image = picture_in(world.inputs, 0.7) if pictured else None
    made = wish(steps=5, image=image, count=2, loras=world.uses(0.8, 0, -0.5), seed=9)
    engine, kept = world.engine(), list[Snapshot]()
    whole = engine.submit(made)
    while engine.busy:
        engine.step()
        if whole.state is State.RUNNING and (snapshot := whole.snapshot()) is not None:
            snapshot.write(tmp_path / "state", "this job")
            read = Snapshot.read(tmp_path / "state", "this job")
            assert read is not None
            kept.append(read)
    assert [each.done for each in kept] == [*range(1, whole.total)]
    for snapshot in kept:
        alone = world.engine()
        handle = alone.submit(made, resume=snapshot)
        alone.finish()
        assert handle.resumed_steps == snapshot.done
        assert torch.equal(latents_of(handle), latents_of(whole))
    crowded = world.engine()
    beside = [crowded.submit(wish(seed=1, steps=3, loras=world.uses(0.3))), crowded.submit(made, resume=kept[1])]
    arrived(crowded)
    crowded.finish()
    assert apart(latents_of(beside[1]), latents_of(whole)) <= LIMIT


def latents_of(handle: Handle) -> torch.Tensor:
    assert handle.latents is not None, handle.error
    return handle.latents


@pytest.mark.parametrize("sampler", list(FLOW_SPACINGS))
def test_every_sampler_goes_on_from_a_snapshot_and_minds_no_company(world: TransformerWorld, sampler: Sampler) -> None:
    made = wish(sampler=sampler, steps=4, loras=world.uses(0.8), image=picture_in(world.inputs, 0.8))
    engine = world.engine()
    whole = engine.submit(made)
    until(engine, whole, 2)
    snapshot = whole.snapshot()
    engine.finish()
    crowded = world.engine()
    handles = [crowded.submit(wish(seed=1, steps=3)), crowded.submit(made, resume=snapshot)]
    arrived(crowded)
    crowded.finish()
    assert apart(latents_of(handles[1]), latents_of(whole)) <= LIMIT


def test_schnell_takes_no_guidance_and_shorter_texts() -> None:
    world = TransformerWorld(FLUX_SCHNELL)
    engine = world.engine()
    handles = painted(engine, [wish(steps=2), wish(steps=3, guidance_scale=1.0, seed=2)], (0, 1))
    assert max(error(world, handle) for handle in handles) <= LIMIT
    again = engine.submit(wish(steps=2, guidance_scale=9.0))
    engine.finish()
    assert apart(latents_of(again), latents_of(handles[0])) <= LIMIT


def test_a_preview_shows_what_a_step_predicts_and_the_last_one_the_picture(world: TransformerWorld) -> None:
    engine = world.engine()
    handle = engine.submit(wish(count=2))
    assert handle.preview() is None
    until(engine, handle, 3)
    (run,) = engine._running
    assert isinstance(run, Run)
    engine.step()
    latents = run.preview()
    assert latents is not None and latents.shape == (2, 4, 16, 16)
    engine.finish()
    assert handle.pictures is not None
    shown = torch.tensor(engine.preview(latents[0], (32, 32)).get_flattened_data()).T.reshape(3, 32, 32) / 255
    assert apart(shown, handle.pictures[0]) < 0.01


def test_what_depends_on_no_time_is_computed_once(world: TransformerWorld) -> None:
    engine = world.engine()
    handle = engine.submit(wish(loras=world.uses(0.8)))
    until(engine, handle, 1)
    network = checkpoint_of(engine).denoiser
    network.context_embedder.weight.data.fill_(torch.nan)
    network.pos_embed.axes_dim = []
    engine.finish()
    assert error(world, handle) <= LIMIT


@torch.no_grad()
def test_fast_paths_are_taken_and_equal_diffusers_own_to_the_bit(world: TransformerWorld) -> None:
    checkpoint = checkpoint_of(world.engine())
    family, network, own = checkpoint.family, checkpoint.denoiser, copy.deepcopy(pipeline_of(FLUX_DEV).transformer)
    made = wish(width=48)
    (group,) = family.conditions(made, ["a star"], [AppliedLoras(LoraSet.fold([], checkpoint.hooks))])
    conditions, numbers = group.conditions, torch.Generator().manual_seed(0)
    latents = torch.randn(1, 96, 16, generator=numbers, dtype=torch.float64)
    found = family.forward(latents, torch.tensor([500.0]), conditions)
    ids, words = conditions.others["img_ids"][0], torch.zeros(512, 3, dtype=torch.float64)
    expected = own(
        latents, conditions.prompt_embeds, conditions.others["pooled_projections"],
        torch.tensor([0.5], dtype=torch.float64), ids, words, conditions.others["guidance"], return_dict=False,
    )[0]  # fmt: skip
    assert torch.equal(found, expected)
    attentions = [layer for layer in network.modules() if isinstance(layer, FluxAttention)]
    assert {type(layer).__mro__[1] for layer in attentions} == {_DirectAttention}
    layer, states = attentions[0], torch.ones(1, 3, 32, dtype=torch.float64)
    plain = layer(states, encoder_hidden_states=states)
    strange = layer(states, encoder_hidden_states=states, nobody_knows_this=1)
    assert all(torch.equal(one, other) for one, other in zip(plain, strange, strict=True)), (
        "left out, as diffusers does"
    )


def test_a_picture_does_not_depend_on_how_many_are_asked_for(world: TransformerWorld) -> None:
    several = wish(steps=3, image=picture_in(world.inputs, 0.8), count=3, seed=20)
    engine = world.engine()
    handles = [engine.submit(several), engine.submit(several.only(2))]
    engine.finish()
    assert apart(latents_of(handles[1])[0], latents_of(handles[0])[2]) <= LIMIT


def test_what_is_left_out_of_a_request_is_noted(world: TransformerWorld) -> None:
    engine = world.engine()
    asked: list[dict[str, Any]] = [{}, {"negative_prompt": "dull"}, {"clip_skip": 2}, {"sampler": Sampler.DDIM}]
    handles = [engine.submit(wish(steps=1, **each)) for each in asked]
    engine.finish()
    assert [len(handle.notes) for handle in handles] == [0, 1, 1, 1]
    assert torch.equal(latents_of(handles[1]), latents_of(handles[0]))


def test_the_worker_paints_from_words_with_a_folder_of_kontext(house: House, tmp_path: Path) -> None:
    pipeline = copy.deepcopy(pipeline_of(FLUX_DEV)).to(torch.float32)
    FluxKontextPipeline(**pipeline.components).save_pretrained(tmp_path)
    spec = CheckpointSpec(name="world", source=str(tmp_path), base_model=BaseModelId("flux1/kontext"))
    runner, made = JobRunner(house.configure.model_copy(update={"checkpoints": (spec,)}), CPU), wish(width=48)
    done = paint(runner, made)
    assert [step.step for step in done.steps] == [0, 1, 2, 3, 4]
    expected = pipeline(
        made.prompt, width=48, height=32, num_inference_steps=4, guidance_scale=3.5, output_type="np",
        generator=torch.Generator().manual_seed(made.seed),
    ).images[0]  # fmt: skip
    found = np.asarray(Image.open(house.data / "spool" / done.end.files[0]), dtype=np.float32) / 255
    assert float(abs(found - expected).max()) < 0.01


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"in_channels": 96}, "for inpainting or editing"),
        ({"in_channels": 8}, "another model's"),
        ({"joint_attention_dim": 48}, "not that of Flux.1 dev"),
        ({"pooled_projection_dim": 48}, "not that of Flux.1 dev"),
    ],
)
def test_other_transformers_are_refused(changes: dict[str, int], problem: str) -> None:
    pipeline = copy.copy(pipeline_of(FLUX_DEV))
    config = {**pipeline.transformer.config} | changes
    pipeline.transformer = FluxTransformer2DModel.from_config(config)
    with pytest.raises(Unsound, match=problem):
        Flux1Family.refuse_other_kinds(pipeline, FLUX_DEV.label)


def test_a_checkpoint_without_its_text_encoders_is_refused() -> None:
    pipeline = copy.copy(pipeline_of(FLUX_DEV))
    pipeline.text_encoder_2 = None
    with pytest.raises(Unsound, match="text encoders is missing"):
        Flux1Family.refuse_other_kinds(pipeline, FLUX_DEV.label)
