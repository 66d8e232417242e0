"""SD 3.5 and Qwen-Image in the running batch: each request as diffusers' pipeline with PEFT paints it alone."""

from __future__ import annotations

import copy
import gc
import weakref
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from inference.base_models import BaseModelId
from inference.engine.batch.handle import State
from inference.engine.batch.run import Run
from inference.engine.batch.snapshots import Snapshot
from inference.engine.layers.lora_set import AppliedLoras, LoraSet
from inference.engine.models.checkpoints import Checkpoint
from inference.engine.models.families.qwen_image import QwenImageFamily
from inference.engine.models.families.sd3 import SD3Family
from inference.engine.models.soundness import Unsound
from inference.errors import InvalidRequest
from inference.messages.request import GenerationRequest
from inference.messages.samplers import FLOW_SPACINGS, Sampler, Spacing
from tests.inference.engine.transformers import (
    QWEN,
    SD35,
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
from tests.inference.engine.worlds import arrived

BASES = pytest.mark.parametrize("base", [SD35, QWEN])
LIMIT = 1e-12
WORLDS = cache(lora_world)
LONG = "a large red star and a small blue circle beside it, on a green ground"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("inputs")


@pytest.fixture
def world(base: BaseModelId, inputs: Path) -> TransformerWorld:
    return WORLDS(base, inputs)


def wish(**changes: object) -> GenerationRequest:
    return small_request(**({"guidance_scale": 1.0} | changes))


def mixed(world: TransformerWorld) -> list[GenerationRequest]:
    """Four people's: other LoRAs, steps, guidance, texts and negative prompts; one begins with a picture."""
    return [
        wish(seed=1, guidance_scale=4.5, negative_prompt=LONG, loras=world.uses(0.7)),
        wish(seed=2, steps=6, guidance_scale=7.0, prompt=LONG, loras=world.uses(0, -0.4, 1.1)),
        wish(seed=3, steps=5, image=picture_in(world.inputs, 0.6)),
        wish(seed=4, steps=3, guidance_scale=2.5, negative_prompt="dull", loras=world.uses(0.3, 0.9, -0.6)),
    ]


@BASES
@pytest.mark.parametrize("small", [0, 128], ids=["additions", "whole weights"])
def test_four_mixed_requests_share_passes_and_each_is_as_diffusers_paints_it(
    world: TransformerWorld, small: int
) -> None:
    handles = painted(world.engine(small=small), mixed(world), (0, 0, 1, 2))
    assert max(error(world, handle) for handle in handles) <= LIMIT


@BASES
def test_the_comparison_would_notice_other_loras_steps_and_guidance(world: TransformerWorld) -> None:
    made = wish(steps=3, guidance_scale=6.0, negative_prompt=LONG, loras=world.uses(0.8))
    latents, _ = world.reference(made)
    others = [made.model_copy(update={"steps": 4}), made.model_copy(update={"guidance_scale": 1.0})]
    found = [
        *(world.reference(other) for other in others),
        *(world.reference(made, uses) for uses in ((), world.uses(0, 0.8))),
    ]
    assert min(apart(each, latents) for each, _ in found) > 1e-2


@BASES
@pytest.mark.parametrize("strength", [None, 0.8], ids=["from noise", "from a picture"])
def test_it_resumes_after_any_step_alone_and_in_company(
    world: TransformerWorld, strength: float | None, tmp_path: Path
) -> None:
    image = None if strength is None else picture_in(world.inputs, strength)
    made = wish(steps=4, seed=5, guidance_scale=3.0, negative_prompt=LONG, loras=world.uses(0.8, 0.3), image=image)
    engine, taken = world.engine(), dict[int, Snapshot]()
    whole = engine.submit(made)
    arrived(engine)
    while not whole.ended:
        engine.step()
        snapshot = whole.snapshot()
        if snapshot is not None and not whole.ended:
            taken[snapshot.done] = snapshot
    assert len(taken) == whole.total - 1 and whole.latents is not None
    for done, snapshot in taken.items():
        snapshot.write(tmp_path / "state", "this job")
        kept = Snapshot.read(tmp_path / "state", "this job")
        alone, company = world.engine(), world.engine()
        resumed = alone.submit(made, resume=kept)
        alone.finish()
        company.submit(wish(prompt=LONG, seed=6, loras=world.uses(0, 1.0)))
        beside = company.submit(made, resume=kept)
        arrived(company)
        company.finish()
        assert resumed.resumed_steps == done
        assert resumed.latents is not None and torch.equal(resumed.latents, whole.latents)
        assert apart(beside.latents, whole.latents) <= LIMIT


@BASES
def test_every_sampler_is_the_runs_own(world: TransformerWorld) -> None:
    """All beside each other, each as alone: those that draw noise draw it from their request's generator."""
    spaced = [(sampler, None) for sampler in FLOW_SPACINGS] + [(Sampler.DPMPP_2M, Spacing.BETA)]
    made = [
        wish(sampler=sampler, spacing=spacing, seed=seed, steps=3, loras=world.uses(0.4))
        for seed, (sampler, spacing) in enumerate(spaced)
    ]
    together = painted(world.engine(places=16), made, [0] * len(made))
    engine = world.engine()
    for handle in together:
        alone = engine.submit(handle.request)
        engine.finish()
        assert alone.latents is not None and apart(handle.latents, alone.latents) <= LIMIT
    seen = torch.stack([handle.latents for handle in together if handle.latents is not None])
    assert float(torch.pdist(seen.flatten(1)).min()) > 1e-3


@BASES
def test_a_few_step_schedule_is_the_runs_own_beside_a_plain_one(world: TransformerWorld) -> None:
    """As of Qwen-Image-Lightning: 4 steps, no guidance, the schedule shifted by 3 whatever the size."""
    fast = wish(seed=3, flow_shift=3.0, loras=world.uses(0, 1.0))
    plain = wish(seed=4, steps=6, guidance_scale=4.0, negative_prompt="dull")
    handles = painted(world.engine(), [fast, plain], (0, 0))
    assert max(error(world, handle) for handle in handles) <= LIMIT
    latents, _ = world.reference(fast.model_copy(update={"flow_shift": None}))
    if world.base == QWEN:
        assert apart(handles[0].latents, latents) > 1e-2, "the checkpoint's own is another"


@BASES
def test_pictures_of_one_request_are_as_of_their_seeds_alone(world: TransformerWorld) -> None:
    engine = world.engine()
    handle = engine.submit(wish(count=2, seed=8, image=picture_in(world.inputs, 0.5), guidance_scale=2.0))
    engine.finish()
    assert error(world, handle) <= LIMIT


@BASES
def test_a_preview_shows_what_a_step_predicts_and_the_last_one_the_picture(world: TransformerWorld) -> None:
    engine = world.engine()
    handle = engine.submit(wish(count=2, guidance_scale=2.0))
    until(engine, handle, 3)
    latents = handle.preview()
    assert latents is not None and latents.shape == (2, 4, 16, 16)
    (run,) = engine._running
    assert isinstance(run, Run)
    engine.finish()
    last, checkpoint = run.preview(), engine._store.current
    assert last is not None and handle.pictures is not None and isinstance(checkpoint, Checkpoint)
    assert engine.preview(last[0], (32, 32)).size == (32, 32)
    (shown,) = [checkpoint.family.decode(handle.request, [run.latents])]
    assert apart(shown[0], handle.pictures) == 0


@pytest.mark.parametrize("base", [SD35])
def test_a_size_that_the_network_does_not_take_is_refused(world: TransformerWorld) -> None:
    engine = world.engine()
    checkpoint = engine._store.current
    assert isinstance(checkpoint, Checkpoint)
    checkpoint.pipeline.vae_scale_factor = 8  # of the real ones
    handles = [engine.submit(wish(width=40)), engine.submit(wish(width=512))]
    engine.finish()
    assert isinstance(handles[0].error, InvalidRequest) and "multiples of 16" in str(handles[0].error)
    assert isinstance(handles[1].error, InvalidRequest) and "384 pixels" in str(handles[1].error)


@pytest.mark.parametrize("base", [QWEN])
def test_what_tokens_do_not_fill_is_cut_off_as_the_pipeline_does(world: TransformerWorld) -> None:
    engine = world.engine()
    checkpoint = engine._store.current
    assert isinstance(checkpoint, Checkpoint)
    checkpoint.pipeline.vae_scale_factor = 8
    handles = [engine.submit(wish(steps=2, width=width)) for width in (40, 32)]
    engine.finish()
    cut, whole = (handle.latents for handle in handles)
    assert whole is not None and apart(cut, whole) <= LIMIT


@BASES
def test_what_is_left_out_of_a_request_is_noted(world: TransformerWorld) -> None:
    engine = world.engine()
    handles = [
        engine.submit(wish(steps=2, **changes))
        for changes in ({}, {"clip_skip": 2}, {"sampler": Sampler.EULER_A}, {"spacing": Spacing.LEADING})
    ]
    engine.finish()
    assert [len(handle.notes) for handle in handles] == [0, 1, 1, 1]
    assert handles[2].state is State.DONE and error(world, handles[2]) <= LIMIT, "as the usual sampler paints"


@pytest.mark.parametrize("base", [QWEN])
def test_rows_of_texts_of_one_length_share_a_pass(world: TransformerWorld) -> None:
    engine = world.engine()
    checkpoint = engine._store.current
    assert isinstance(checkpoint, Checkpoint)
    rows: list[tuple[int, int]] = []
    checkpoint.denoiser.register_forward_pre_hook(
        lambda _, __, given: rows.append(tuple(given["encoder_hidden_states"].shape[:2])), with_kwargs=True
    )
    made = [wish(steps=2, guidance_scale=2.0, negative_prompt=LONG), wish(steps=2, seed=2)]
    handles = painted(engine, made, (0, 0))
    assert sorted(many for many, _ in rows) == [1, 1, 2, 2] and len({length for _, length in rows}) == 2
    assert max(error(world, handle) for handle in handles) <= LIMIT


def test_positions_of_a_checkpoint_that_is_gone_are_not_kept() -> None:
    """diffusers caches them by function, which keeps them for good."""
    pipeline = copy.deepcopy(pipeline_of(QWEN))
    Checkpoint.of(TransformerWorld(QWEN).spec, pipeline)
    rotary, shapes = pipeline.transformer.pos_embed, [(1, size, 4) for size in range(1, 12)]
    found = [rotary([[shape]], max_txt_seq_len=5, device=torch.device("cpu")) for shape in [*shapes, *shapes]]
    expected = [pipeline_of(QWEN).transformer.pos_embed([[shape]], torch.device("cpu"), 5) for shape in shapes]
    for (picture, text), (their_picture, their_text) in zip(found, [*expected, *expected], strict=True):
        assert torch.equal(picture, their_picture) and torch.equal(text, their_text)
    gone = weakref.ref(rotary)
    del pipeline, rotary
    gc.collect()
    assert gone() is None


def test_without_the_third_text_encoder_there_are_zeros() -> None:
    pipeline = copy.deepcopy(pipeline_of(SD35))
    pipeline.register_modules(text_encoder_3=None, tokenizer_3=None)
    checkpoint = Checkpoint.of(TransformerWorld(SD35).spec, pipeline)
    plain, made = AppliedLoras(LoraSet.fold([], checkpoint.hooks)), wish()
    (group,) = checkpoint.family.conditions(made, [made.prompt], [plain])
    expected, _, pooled, _ = pipeline.encode_prompt(made.prompt, None, None, device="cpu")
    assert torch.equal(group.conditions.prompt_embeds, expected)
    assert torch.equal(group.conditions.others["pooled_projections"], pooled)
    assert not bool(group.conditions.prompt_embeds[:, -256:].any())


def test_another_models_parts_are_refused() -> None:
    for base, family in ((SD35, SD3Family), (QWEN, QwenImageFamily)):
        own = pipeline_of(base)
        family.refuse_other_kinds(own, base.label)
        components = {**own.components, "vae": SimpleNamespace(config=SimpleNamespace(latent_channels=16, z_dim=16))}
        with pytest.raises(Unsound, match="not that of"):
            family.refuse_other_kinds(SimpleNamespace(**components), base.label)
