"""Architectures that run one request at a time: as diffusers paints them, in steps, with LoRAs that all apply."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from PIL import Image

from inference.base_models import BaseModelId
from inference.engine.batch.handle import State
from inference.engine.process.job_runner import JobRunner
from inference.engine.single.single_request import SingleRequestCheckpoint
from inference.errors import (
    BaseModelMismatch,
    InvalidRequest,
    LoraFileRefused,
    LoraNotAtWork,
    ModuleMismatch,
    OutOfMemory,
    RegionsNotOffered,
)
from inference.files.hashes import file_sha256
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.commands import Generate
from inference.messages.events import Progress
from inference.messages.request import GenerationRequest, SourceImage
from inference.messages.samplers import Sampler, Spacing
from tests.house import House
from tests.inference.engine.lone import (
    AURAFLOW,
    CHROMA,
    FLUX,
    KREA2,
    SD3,
    SingleRequestWorld,
    drawn,
    merged,
    pipeline_of,
)
from tests.inference.engine.painting import paint
from tests.inference.engine.worlds import CPU, arrived
from tests.inference.requests import request

BASES = pytest.mark.parametrize("base", [AURAFLOW, CHROMA])


def wish(**changes: object) -> GenerationRequest:
    values = {"checkpoint": "lone", "width": 32, "height": 48, "steps": 3, "guidance_scale": 4.0, "prompt": "a star"}
    return request(**({"sampler": Sampler.EULER} | values | changes))


def plain(pipeline: Any, made: GenerationRequest, **options: Any) -> torch.Tensor:
    """What diffusers' own pipeline paints."""
    if not isinstance(pipeline, type(pipeline_of(FLUX))):
        options["negative_prompt"] = made.negative_prompt or " "
    return pipeline(
        made.full_prompt, width=made.width, height=made.height, num_inference_steps=made.steps,
        guidance_scale=made.guidance_scale, num_images_per_prompt=made.count, output_type="pt",
        generator=[torch.Generator("cpu").manual_seed(seed) for seed in made.seeds], **options,
    ).images  # fmt: skip


def painted(lone: SingleRequestWorld, made: GenerationRequest) -> torch.Tensor:
    engine = lone.engine()
    handle = engine.submit(made)
    engine.finish()
    if handle.error is not None:
        raise handle.error
    assert handle.pictures is not None and (handle.done, handle.state) == (handle.total, State.DONE)
    return handle.pictures


@BASES
def test_it_paints_as_diffusers_does_step_by_step_and_one_after_the_other(base: BaseModelId) -> None:
    engine = SingleRequestWorld(base).engine()
    asked = [wish(seed=seed, count=seed, negative_prompt="blurry") for seed in (1, 2)]
    first, second = (engine.submit(made) for made in asked)
    assert engine.places == 1
    arrived(engine)
    seen: list[tuple[int, int]] = []
    while engine.step():
        seen.append((first.done, second.done))
    assert list(dict.fromkeys(seen)) == [(1, 0), (2, 0), (3, 0), (3, 1), (3, 2), (3, 3)]
    for handle, made in zip((first, second), asked, strict=True):
        assert handle.pictures is not None
        assert torch.equal(handle.pictures, plain(pipeline_of(base), made))
    assert first.notes == ()


def test_what_a_checkpoint_does_not_know_is_noted() -> None:
    engine = SingleRequestWorld(CHROMA).engine()
    asked: list[dict[str, Any]] = [
        {"clip_skip": 2}, {}, {"sampler": Sampler.UNIPC}, {"spacing": Spacing.BETA}, {"flow_shift": 2.0},
    ]  # fmt: skip
    handles = [engine.submit(wish(steps=1, **each)) for each in asked]
    engine.finish()
    assert [len(handle.notes) for handle in handles] == [1, 0, 1, 1, 0]


@pytest.mark.parametrize("dynamic", [False, True])
def test_a_flow_shift_is_that_of_diffusers_scheduler_and_of_its_request_alone(dynamic: bool) -> None:
    """Qwen-Image-Lightning's own configuration: base_shift and max_shift are ln 3, no terminal shift."""
    own = FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=dynamic, shift_terminal=0.02 if dynamic else None)
    lightning = FlowMatchEulerDiscreteScheduler(
        use_dynamic_shifting=dynamic, shift=3.0, base_shift=math.log(3), max_shift=math.log(3), shift_terminal=None,
        time_shift_type="exponential",
    )  # fmt: skip
    lone = SingleRequestWorld(CHROMA)
    engine = lone.engine()
    checkpoint = engine._store.current
    assert isinstance(checkpoint, SingleRequestCheckpoint)
    checkpoint.scheduler = own
    asked = [wish(flow_shift=3.0, steps=4), wish(steps=4)]
    handles = [engine.submit(made) for made in asked]
    engine.finish()
    pictures: list[torch.Tensor] = []
    for handle, made, scheduler in zip(handles, asked, (lightning, own), strict=True):
        pipeline = merged(CHROMA)
        pipeline.scheduler = scheduler
        assert handle.pictures is not None and torch.equal(handle.pictures, plain(pipeline, made))
        pictures.append(handle.pictures)
    assert not torch.allclose(*pictures, atol=1e-3)


@BASES
def test_loras_are_loaded_by_diffusers_at_their_weights_and_leave_nothing_behind(base: BaseModelId) -> None:
    lone = SingleRequestWorld(base)
    tensors = [drawn(base, 1), drawn(base, 2, rank=2)]
    uses = [lone.add(each) for each in tensors]
    weighted = tuple(use.model_copy(update={"weight": weight}) for use, weight in zip(uses, (0.8, -0.5), strict=True))
    engine = lone.engine()
    wishes = [wish(loras=weighted), wish(loras=weighted[:1]), wish()]
    handles = [engine.submit(made) for made in wishes]
    engine.finish()
    pairs = [(each, use.weight) for each, use in zip(tensors, weighted, strict=True)]
    for handle, made, pairs_of_it in zip(handles, wishes, (pairs, pairs[:1], []), strict=True):
        assert handle.pictures is not None, handle.error
        assert float((handle.pictures - plain(merged(base, *pairs_of_it), made)).abs().max()) < 1e-4
    assert not torch.allclose(plain(merged(base, *pairs), wish()), plain(merged(base), wish()), atol=1e-3)


def test_variants_of_the_weights_are_painted_one_after_the_other() -> None:
    lone, tensors = SingleRequestWorld(CHROMA), drawn(CHROMA, 1)
    use = lone.add(tensors)
    pictures = painted(lone, wish(loras=(use,), variants=((0.0,), (1.0,)), count=2))
    for picture, weight in zip(pictures, (0.0, 1.0), strict=True):
        assert float((picture - plain(merged(CHROMA, (tensors, weight)), wish())[0]).abs().max()) < 1e-4


def test_the_scale_that_a_files_metadata_give_is_kept() -> None:
    lone, tensors = SingleRequestWorld(CHROMA), drawn(CHROMA, 1)
    names = sorted({key.removeprefix("transformer.").split(".lora_")[0] for key in tensors})
    config = {"transformer.r": 4, "transformer.lora_alpha": 2, "transformer.target_modules": names}
    use = lone.add(tensors, metadata={"lora_adapter_metadata": json.dumps(config)})
    expected = plain(merged(CHROMA, (tensors, 0.5)), wish())
    assert float((painted(lone, wish(loras=(use,))) - expected).abs().max()) < 1e-4


def test_a_lora_that_fits_in_part_is_refused_and_the_next_picture_is_unchanged() -> None:
    lone = SingleRequestWorld(CHROMA)
    good, control = drawn(CHROMA, 1), torch.ones(8)
    first = next(iter(good)).removesuffix(".lora_A.weight")
    strange = {
        "a stranger beside": (good | {"transformer.nobody.lora_A.weight": torch.ones(2, 8)}, ModuleMismatch),
        "wider": (
            {f"{first}.lora_A.weight": torch.ones(2, 99), f"{first}.lora_B.weight": torch.ones(32, 2)},
            ModuleMismatch,
        ),
        "of another architecture": (drawn(AURAFLOW, 1), ModuleMismatch),
        "with a norm": (good | {f"{first}.norm_q.weight": control}, LoraFileRefused),
        "of nothing": ({"transformer.nobody.weight": control}, LoraFileRefused),
    }
    engine = lone.engine()
    for what, (tensors, kind) in strange.items():
        handle = engine.submit(wish(loras=(lone.add(tensors),)))
        engine.finish()
        assert isinstance(handle.error, kind), what
    after = engine.submit(wish())
    engine.finish()
    assert after.pictures is not None and torch.equal(after.pictures, plain(pipeline_of(CHROMA), wish()))


def test_memory_that_is_short_while_a_lora_is_loaded_is_reported_as_such() -> None:
    lone = SingleRequestWorld(CHROMA)
    use, engine = lone.add(drawn(CHROMA, 1)), lone.engine()
    checkpoint = engine._store.current
    assert isinstance(checkpoint, SingleRequestCheckpoint)
    vars(checkpoint.pipeline)["load_lora_weights"] = lambda *_, **__: torch.empty(2**60, dtype=torch.uint8)
    handle = engine.submit(wish(loras=(use,)))
    engine.finish()
    assert isinstance(handle.error, OutOfMemory)


@BASES
def test_a_lora_of_another_base_model_is_refused_with_both_named(base: BaseModelId) -> None:
    lone = SingleRequestWorld(base)
    use = lone.add(drawn(base, 1), BaseModelId("sdxl/illustrious"))
    with pytest.raises(BaseModelMismatch, match=f"Illustrious.*lone is based on {base.label}"):
        painted(lone, wish(loras=(use,)))


def test_a_layer_that_is_not_called_fails_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    lone = SingleRequestWorld(CHROMA)
    use = lone.add(drawn(CHROMA, 1))
    engine = lone.engine()
    checkpoint = engine._store.current
    assert isinstance(checkpoint, SingleRequestCheckpoint)
    block = checkpoint.pipeline.transformer.transformer_blocks[1]
    monkeypatch.setattr(
        block, "forward", lambda hidden_states, encoder_hidden_states, **_: (encoder_hidden_states, hidden_states)
    )
    handle = engine.submit(wish(loras=(use,)))
    engine.finish()
    assert isinstance(handle.error, LoraNotAtWork) and "transformer_blocks.1" in str(handle.error)


def test_a_source_image(tmp_path: Path) -> None:
    lone = SingleRequestWorld(CHROMA)
    source = Image.fromarray(np.random.default_rng(0).integers(0, 255, (48, 32, 3), np.uint8))
    made = wish(steps=4)
    engine = lone.engine()
    checkpoint = engine._store.current
    assert isinstance(checkpoint, SingleRequestCheckpoint)
    expected = plain(checkpoint.pipeline_for(source), made, image=source, strength=0.5)
    path = tmp_path / "picture.png"
    source.save(path)
    digest = file_sha256(path)
    path.rename(tmp_path / digest)
    engine._intake._inputs = tmp_path
    handle = engine.submit(made.model_copy(update={"image": SourceImage(sha256=digest, strength=0.5)}))
    engine.finish()
    assert handle.pictures is not None, handle.error
    assert (handle.done, handle.total) == (2, 2)
    assert torch.equal(handle.pictures, expected)


def test_a_pipeline_without_image_to_image_refuses_a_source_image() -> None:
    checkpoint = SingleRequestWorld(AURAFLOW).engine()._store.current
    assert isinstance(checkpoint, SingleRequestCheckpoint)
    with pytest.raises(InvalidRequest, match="of no use to lone"):
        checkpoint.pipeline_for(Image.new("RGB", (32, 32)))


@BASES
def test_the_worker_loads_it_from_a_folder_tells_of_each_step_and_cancels_between_two(
    base: BaseModelId, house: House, tmp_path: Path
) -> None:
    pipeline_of(base).save_pretrained(tmp_path)
    spec = CheckpointSpec(name="lone", source=str(tmp_path), base_model=base)
    runner = JobRunner(house.configure.model_copy(update={"checkpoints": (spec,)}), CPU)
    done = paint(runner, wish())
    assert [step.step for step in done.steps] == [0, 1, 2, 3]
    assert Image.open(house.data / "spool" / done.end.files[0]).size == (32, 48)
    runner.take(Generate(job_id=7, attempt=1, request=wish(steps=50)))
    while not any(isinstance(event, Progress) and event.step == 2 for event in runner.step()):
        pass
    runner.cancel(7)
    assert [event.type for event in runner.step()] == ["cancelled"]
    again = paint(runner, wish())
    assert again.end.files


@pytest.mark.parametrize(
    ("base", "part", "inner"),
    [
        (SD3, "text_encoder", ""),
        (SD3, "text_encoder_2", ""),
        (FLUX, "text_encoder", ""),
        (FLUX, "text_encoder", "text_model."),
    ],
)
def test_loras_of_text_encoders_apply_too(base: BaseModelId, part: str, inner: str) -> None:
    """Files name CLIP's inner model, which transformers 5 has no more."""
    lone, words, rest = SingleRequestWorld(base), drawn(base, 1, part), drawn(base, 2)
    named = {key.replace(f"{part}.", f"{part}.{inner}", 1): tensor for key, tensor in words.items()}
    use = lone.add(named | rest).model_copy(update={"weight": 0.7})
    engine = lone.engine()
    handles = [engine.submit(made) for made in (wish(loras=(use,)), wish())]
    engine.finish()
    both, none = ((handle.pictures, handle.error) for handle in handles)
    assert both[0] is not None, both[1]
    assert float((both[0] - plain(merged(base, (words | rest, 0.7)), wish())).abs().max()) < 1e-4
    assert not torch.allclose(both[0], plain(merged(base, (rest, 0.7)), wish()), atol=1e-3), "the words count"
    assert none[0] is not None and torch.equal(none[0], plain(pipeline_of(base), wish()))


IN_COMFYUI = "text_encoders.qwen3vl_4b.transformer.model."


@pytest.mark.parametrize("outer", ["text_encoder.", "text_encoder.model.language_model.", IN_COMFYUI, "lora_te_"])
@pytest.mark.parametrize("whole", [True, False], ids=["with the denoiser", "alone"])
def test_a_lora_changes_a_language_model_that_diffusers_loader_leaves_out(outer: str, whole: bool) -> None:
    lone, words = SingleRequestWorld(KREA2), drawn(KREA2, 1, "text_encoder", endings=("q_proj", "down_proj"))
    rest = drawn(KREA2, 2) if whole else {}
    own: dict[str, torch.Tensor] = {}
    for key, tensor in words.items():
        inner = key if outer == "text_encoder." else outer + key.removeprefix("text_encoder.language_model.")
        if outer == "lora_te_":
            name, _, end = inner.rpartition(".lora_")
            inner = f"{name.replace('.', '_')}.lora_{ {'A.weight': 'down', 'B.weight': 'up'}[end] }.weight"
        own[inner] = tensor
    use, other = lone.add(own | rest), lone.add(drawn(KREA2, 3))
    uses = (use.model_copy(update={"weight": 0.7}), other.model_copy(update={"weight": -0.4}))
    asked = [wish(loras=uses), wish(), wish(loras=uses[1:]), wish(loras=uses[:1])]
    engine = lone.engine()
    handles = [engine.submit(made) for made in asked]
    engine.finish()
    changes = [((words | rest, 0.7), (drawn(KREA2, 3), -0.4)), (), ((drawn(KREA2, 3), -0.4),), ((words | rest, 0.7),)]
    for handle, merging in zip(handles, changes, strict=True):
        assert handle.pictures is not None, handle.error
        assert float((handle.pictures - plain(merged(KREA2, *merging), wish())).abs().max()) < 1e-4
    without = plain(merged(KREA2, (rest, 0.7)), wish()) if whole else plain(pipeline_of(KREA2), wish())
    assert not torch.allclose(handles[3].pictures, without, atol=1e-3), "the words count"


def test_variants_of_a_lora_of_a_language_model_have_their_own_weights() -> None:
    lone, words = SingleRequestWorld(KREA2), drawn(KREA2, 1, "text_encoder", endings=("q_proj",))
    use = lone.add({key.replace(".language_model", ""): tensor for key, tensor in words.items()})
    found = painted(lone, wish(loras=(use,), variants=((0.0,), (0.5,), (-1.0,)), count=3))
    for picture, weight in zip(found, (0.0, 0.5, -1.0), strict=True):
        expected = plain(merged(KREA2, (words, weight)), wish())[0]
        assert float((picture - expected).abs().max()) < 1e-4


def test_a_lora_of_a_language_model_of_another_size_is_refused() -> None:
    lone = SingleRequestWorld(KREA2)
    name = "text_encoder.layers.0.self_attn.q_proj"
    use = lone.add({f"{name}.lora_A.weight": torch.ones(4, 16), f"{name}.lora_B.weight": torch.ones(32, 4)})
    with pytest.raises(ModuleMismatch):
        painted(lone, wish(loras=(use,)))


@BASES
def test_regions_are_refused_by_name(base: BaseModelId) -> None:
    with pytest.raises(RegionsNotOffered, match=r"^lone generates each picture from one prompt"):
        painted(SingleRequestWorld(base), wish(regions=[{"name": "left"}, {"name": "right"}]))


def in_kohyas_names(tensors: Mapping[str, torch.Tensor], renamed: Mapping[str, str]) -> dict[str, torch.Tensor]:
    """As diffusers' converter for this architecture does not read them: it has none."""
    ends = {"lora_A.weight": "lora_down.weight", "lora_B.weight": "lora_up.weight"}
    found: dict[str, torch.Tensor] = {}
    for key, tensor in tensors.items():
        name, _, end = key.removeprefix("transformer.").rpartition(".lora_")
        found[f"lora_unet_{renamed[name].replace('.', '_')}.{ends[f'lora_{end}']}"] = tensor
    return found


QUERY, FINAL = "joint_transformer_blocks.0.attn.to_q", "norm_out.linear"
NAMES = {QUERY: "double_layers.0.attn.w2q", FINAL: "modF.1"}


def test_names_of_the_original_code_are_read_and_halves_swapped() -> None:
    lone = SingleRequestWorld(AURAFLOW)
    tensors = drawn(AURAFLOW, 1, endings=(QUERY, FINAL))
    in_diffusers, final = dict(tensors), f"transformer.{FINAL}.lora_B.weight"
    in_diffusers[final] = torch.cat(tensors[final].chunk(2)[::-1])
    use = lone.add(in_kohyas_names(tensors, NAMES) | {"lora_unet_modF_1.alpha": torch.tensor(2.0)})
    in_diffusers[final] = in_diffusers[final] * 2 / 4
    found = painted(lone, wish(loras=(use,)))
    assert float((found - plain(merged(AURAFLOW, (in_diffusers, 1.0)), wish())).abs().max()) < 1e-4
    swapped_not = tensors | {final: tensors[final] / 2}
    assert not torch.allclose(found, plain(merged(AURAFLOW, (swapped_not, 1.0)), wish()), atol=1e-3)


def test_the_norms_of_a_dora_are_kept() -> None:
    lone = SingleRequestWorld(CHROMA)
    path = "transformer_blocks.1.attn.to_q"
    tensors = drawn(CHROMA, 1, endings=(path,))
    norms = 1 + torch.rand(32, 1, generator=torch.Generator().manual_seed(4))
    use = lone.add(tensors | {f"transformer.{path}.dora_scale": norms})
    expected = copy.deepcopy(pipeline_of(CHROMA))
    layer = expected.transformer.get_submodule(path)
    down, up = (tensors[f"transformer.{path}.lora_{one}.weight"] for one in "AB")
    whole = layer.weight.data + up @ down
    layer.weight.data = whole * norms / whole.norm(dim=1, keepdim=True)
    found = painted(lone, wish(loras=(use,)))
    assert float((found - plain(expected, wish())).abs().max()) < 1e-4
    assert not torch.allclose(found, plain(merged(CHROMA, (tensors, 1.0)), wish()), atol=1e-3)
