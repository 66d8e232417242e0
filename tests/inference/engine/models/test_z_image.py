"""Z-Image in the running batch: each request as diffusers' pipeline with PEFT paints it alone."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch

from inference.engine.batch.handle import State
from inference.engine.batch.run import Run
from inference.engine.batch.snapshots import Snapshot
from inference.engine.engine import Engine
from inference.engine.intake.checkpoint_store import CheckpointStore
from inference.engine.layers.layer_hooks import SMALL_LAYER_RANK
from inference.engine.layers.lora_set import AppliedLoras, LoraSet
from inference.engine.models.checkpoints import Checkpoint
from inference.engine.models.families.z_image import ZImageFamily
from inference.engine.models.fast_z_image import FastZImage
from inference.engine.models.soundness import Unsound
from inference.errors import InvalidRequest
from inference.matching import Matcher
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.request import GenerationRequest
from tests.inference.engine.transformers import (
    CPU,
    DTYPE,
    Z_IMAGE,
    Pair,
    TransformerWorld,
    apart,
    error,
    lora_on,
    lora_world,
    painted,
    picture_in,
    pipeline_of,
    small_request,
    until,
)
from tests.inference.engine.worlds import arrived

LIMIT = 2e-7  # of latents, which the pipeline keeps in single precision
LONG = "a large red star and a small blue circle beside it, on a green ground under a yellow sky, and nothing more"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> TransformerWorld:
    return lora_world(Z_IMAGE, tmp_path_factory.mktemp("inputs"))


def wish(**changes: object) -> GenerationRequest:
    return small_request(**({"guidance_scale": 0.0} | changes))


def mixed(world: TransformerWorld) -> list[GenerationRequest]:
    """Four people's: other LoRAs, steps, guidance, texts and negative prompts; one begins with a picture."""
    return [
        wish(seed=1, guidance_scale=5.0, negative_prompt=LONG, loras=world.uses(0.7)),
        wish(seed=2, steps=6, guidance_scale=1.0, prompt=LONG, negative_prompt="dull", loras=world.uses(0, -0.4, 1.1)),
        wish(seed=3, steps=5, image=picture_in(world.inputs, 0.6)),
        wish(seed=4, steps=3, guidance_scale=2.5, prompt=LONG, loras=world.uses(0.3, 0.9, -0.6)),
    ]


def unchanged(family: ZImageFamily) -> AppliedLoras:
    return AppliedLoras(LoraSet.fold([], family._hooks))


def family_of(engine: Engine) -> ZImageFamily:
    checkpoint = engine._store.current
    assert isinstance(checkpoint, Checkpoint) and isinstance(checkpoint.family, ZImageFamily)
    return checkpoint.family


@pytest.mark.parametrize("small", [0, SMALL_LAYER_RANK], ids=["additions", "whole weights"])
def test_four_mixed_requests_share_passes_and_each_is_as_diffusers_paints_it(
    world: TransformerWorld, small: int
) -> None:
    handles = painted(world.engine(small=small), mixed(world), (0, 0, 1, 2))
    assert max(error(world, handle) for handle in handles) <= LIMIT


def test_the_comparison_would_notice_other_loras_steps_and_guidance(world: TransformerWorld) -> None:
    made = wish(steps=3, guidance_scale=1.0, negative_prompt="dull", loras=world.uses(0.8))
    latents, _ = world.reference(made)
    others = [made.model_copy(update={"steps": 4}), made.model_copy(update={"guidance_scale": 0.0})]
    found = [
        *(world.reference(other) for other in others),
        *(world.reference(made, uses) for uses in ((), world.uses(0, 0.8))),
    ]
    assert min(apart(each, latents) for each, _ in found) > 1e-2


def test_rows_whose_texts_fill_up_to_the_same_length_share_a_pass(world: TransformerWorld) -> None:
    engine = world.engine()
    rows: list[int] = []
    checkpoint = engine._store.current
    assert isinstance(checkpoint, Checkpoint)
    checkpoint.denoiser.register_forward_pre_hook(lambda _, given: rows.append(len(given[0])))
    made = [wish(steps=1, prompt="a star", guidance_scale=2.0), wish(steps=1, prompt=LONG, guidance_scale=2.0, count=2)]
    handles = painted(engine, made, (0, 0))
    assert sorted(rows) == [2, 4], "both prompts of one and the negative of the other two; their long prompt"
    assert max(error(world, handle) for handle in handles) <= LIMIT


@torch.no_grad()
def test_texts_of_any_lengths_may_share_a_pass(world: TransformerWorld) -> None:
    """The network takes lists; its answer for a row in company is that for the row alone."""
    family = family_of(world.engine())
    numbers = torch.Generator().manual_seed(0)
    texts = ("a", LONG, "a red star")
    rows = [family.conditions(wish(), [text], [unchanged(family)])[0].conditions for text in texts]
    longest = max(row.prompt_embeds.shape[1] for row in rows)
    tokens = torch.cat([row.others["tokens"] for row in rows])
    embeds = torch.cat(
        [torch.nn.functional.pad(row.prompt_embeds, (0, 0, 0, longest - row.prompt_embeds.shape[1])) for row in rows]
    )
    assert len({row.prompt_embeds.shape for row in rows}) > 1
    latents, times = torch.randn(3, 4, 16, 16, generator=numbers), torch.tensor([900.0, 500.0, 100.0])
    found = family.forward(latents, times, type(rows[0])(embeds, {"tokens": tokens}))
    pipeline = pipeline_of(Z_IMAGE)
    for row, text in enumerate(texts):
        (encoded,), _ = pipeline.encode_prompt(text, do_classifier_free_guidance=False)
        alone = pipeline.transformer(
            [latents[row].to(DTYPE)[:, None]], (1000 - times[row : row + 1]) / 1000, [encoded], return_dict=False
        )[0][0]
        assert apart(found[row], alone[:, 0]) <= 1e-12


@pytest.mark.parametrize("side", [16, 8], ids=["whole", "filled up"])
@torch.no_grad()
def test_the_fast_paths_of_the_network_are_bit_identical(side: int) -> None:
    plain, numbers = pipeline_of(Z_IMAGE).transformer, torch.Generator().manual_seed(0)
    fast = copy.deepcopy(plain)
    FastZImage.use(fast)
    for lengths in ((5, 32, 9), (40,), (5, 40), (33, 64)):
        latents = [torch.randn(4, 1, side, 16, generator=numbers, dtype=DTYPE) for _ in lengths]
        texts = [torch.randn(length, 32, generator=numbers, dtype=DTYPE) for length in lengths]
        times = torch.rand(len(lengths), generator=numbers)
        for _ in range(2):
            expected, found = (each(latents, times, texts, return_dict=False)[0] for each in (plain, fast))
            assert all(torch.equal(*pair) for pair in zip(found, expected, strict=True))


@pytest.mark.parametrize("image", [False, True], ids=["from noise", "from a picture"])
def test_it_resumes_after_any_step_alone_and_in_company(world: TransformerWorld, image: bool, tmp_path: Path) -> None:
    made = wish(
        steps=4, seed=5, guidance_scale=3.0, negative_prompt="dull", loras=world.uses(0.8, 0.3),
        **({"image": picture_in(world.inputs, 0.8)} if image else {}),
    )  # fmt: skip
    engine, taken = world.engine(), dict[int, Snapshot]()
    whole = engine.submit(made)
    arrived(engine)
    while not whole.ended:
        engine.step()
        snapshot = whole.snapshot()
        if snapshot is not None and not whole.ended:
            taken[snapshot.done] = snapshot
    assert len(taken) == whole.total - 1
    assert whole.latents is not None
    for done, snapshot in taken.items():
        snapshot.write(tmp_path / "state", "this job")
        kept = Snapshot.read(tmp_path / "state", "this job")
        another = world.engine()
        resumed = another.submit(made, resume=kept)
        another.finish()
        assert resumed.resumed_steps == done
        assert resumed.latents is not None and torch.equal(resumed.latents, whole.latents)
        if done == 1:
            beside = [wish(prompt=LONG, seed=6, loras=world.uses(0, 1.0)), wish(seed=7, guidance_scale=2.0)]
            handles = [another.submit(each) for each in beside]
            resumed = another.submit(made, resume=kept)
            arrived(another)
            another.finish()
            assert apart(resumed.latents, whole.latents) <= LIMIT
            assert handles[0].state is State.DONE
    assert error(world, whole) <= LIMIT


def test_pictures_of_one_request_are_as_of_their_seeds_alone(world: TransformerWorld) -> None:
    made = wish(count=2, seed=8, image=picture_in(world.inputs, 0.5), steps=4)
    engine = world.engine()
    handle = engine.submit(made)
    engine.finish()
    assert error(world, handle) <= LIMIT


def test_a_preview_shows_what_a_step_predicts_and_the_last_one_the_picture(world: TransformerWorld) -> None:
    engine = world.engine()
    handle = engine.submit(wish(count=2, guidance_scale=2.0))
    assert handle.preview() is None
    until(engine, handle, 3)
    latents = handle.preview()
    assert latents is not None and latents.shape == (2, 4, 16, 16)
    (run,) = engine._running
    assert isinstance(run, Run)
    engine.finish()
    last = run.preview()
    assert last is not None and handle.latents is not None and apart(last, handle.latents) < 1e-6
    assert engine.preview(last[0], (32, 32)).size == (32, 32)


def test_a_cancelled_request_leaves_the_others_as_they_are(world: TransformerWorld) -> None:
    engine = world.engine()
    stopped, other = engine.submit(wish(steps=6)), engine.submit(wish(steps=5, seed=2, loras=world.uses(0.5)))
    arrived(engine)
    until(engine, stopped, 2)
    stopped.cancel()
    engine.finish()
    assert (stopped.state, stopped.done) == (State.CANCELLED, 2)
    assert error(world, other) <= LIMIT


def test_a_text_is_encoded_once(world: TransformerWorld) -> None:
    engine = world.engine()
    handles = [engine.submit(wish(steps=1, guidance_scale=2.0))]
    engine.finish()
    checkpoint = engine._store.current
    assert isinstance(checkpoint, Checkpoint)
    checkpoint.pipeline.text_encoder = None
    handles.append(engine.submit(wish(steps=2, guidance_scale=2.0, seed=3)))
    engine.finish()
    assert max(error(world, handle) for handle in handles) <= LIMIT


def test_half_precision_is_diffusers_own_to_the_bit_and_keeps_latents_in_single(world: TransformerWorld) -> None:
    engine, alone = world.engine(dtype=torch.bfloat16), copy.deepcopy(pipeline_of(Z_IMAGE)).to(torch.bfloat16)
    for made in (wish(guidance_scale=3.0, negative_prompt="dull"), wish(image=picture_in(world.inputs, 0.5))):
        handle = engine.submit(made)
        engine.finish()
        assert handle.state is State.DONE, handle.error
        assert handle.latents is not None and handle.latents.dtype == torch.float32
        latents, pictures = world.by(alone, made, made.seed)
        assert (apart(handle.latents, latents), apart(handle.pictures, pictures)) == (0, 0)


def test_a_size_that_patches_do_not_fill_is_refused(world: TransformerWorld) -> None:
    engine = world.engine()
    checkpoint = engine._store.current
    assert isinstance(checkpoint, Checkpoint)
    checkpoint.pipeline.vae_scale_factor = 8  # of the real one
    handle = engine.submit(wish(width=40))
    engine.finish()
    assert isinstance(handle.error, InvalidRequest) and "multiples of 16" in str(handle.error)


def test_what_is_left_out_of_a_request_is_noted(world: TransformerWorld) -> None:
    engine = world.engine()
    handles = [engine.submit(wish(steps=1, clip_skip=skip)) for skip in (2, None)]
    engine.finish()
    assert [len(handle.notes) for handle in handles] == [1, 0]


def test_a_folder_is_opened_and_painted_with_a_lora_in_original_names(world: TransformerWorld, tmp_path: Path) -> None:
    """One fused layer of the original code is three of diffusers'."""
    copy.deepcopy(pipeline_of(Z_IMAGE)).to(torch.float32).save_pretrained(tmp_path)
    plain, tensors, alike = pipeline_of(Z_IMAGE).transformer, dict[str, torch.Tensor](), dict[str, Pair]()
    for number in range(len(plain.layers)):
        own = lora_on(plain.layers[number].attention, number, 3, lambda name: name in {"to_q", "to_k", "to_v"})
        down = own["to_q"].down
        alike |= {f"layers.{number}.attention.{name}": Pair(down, pair.up) for name, pair in own.items()}
        fused = f"diffusion_model.layers.{number}.attention.qkv"
        ups = torch.cat([own[name].up for name in ("to_q", "to_k", "to_v")])
        tensors |= {f"{fused}.lora_A.weight": down, f"{fused}.lora_B.weight": ups}
    made = TransformerWorld(Z_IMAGE)
    alone, use = made.add(alike), made.add_file(tensors)
    spec = CheckpointSpec(name="world", source=str(tmp_path), base_model=Z_IMAGE)
    engine = Engine(CheckpointStore((spec,), CPU), made, Matcher((spec,)))
    handle = engine.submit(wish(loras=(use,), guidance_scale=2.0))
    engine.finish()
    assert handle.state is State.DONE, handle.error
    assert apart(handle.latents, made.reference(handle.request, (alone,))[0]) < 1e-4


def test_another_models_parts_are_refused() -> None:
    pipeline = pipeline_of(Z_IMAGE)
    ZImageFamily.refuse_other_kinds(pipeline, "Z-Image")

    class Other:
        transformer, vae = pipeline.transformer, pipeline.vae
        text_encoder: Any = type("Encoder", (), {"config": type("Config", (), {"hidden_size": 64})})

    with pytest.raises(Unsound, match="not that of Z-Image"):
        ZImageFamily.refuse_other_kinds(Other, "Z-Image")
