"""Anima in the running batch: each request as diffusers' modular pipeline with PEFT paints it alone."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, inject_adapter_in_model, set_peft_model_state_dict
from peft.tuners.tuners_utils import BaseTunerLayer

from inference.engine.batch.handle import State
from inference.engine.batch.snapshots import Snapshot
from inference.engine.engine import Engine
from inference.engine.intake.checkpoint_store import CheckpointStore
from inference.engine.layers.layer_hooks import SMALL_LAYER_RANK
from inference.engine.models import decode
from inference.engine.models.checkpoints import Checkpoint
from inference.engine.models.embedding_files import EmbeddingFiles
from inference.engine.models.families.anima import AnimaFamily
from inference.engine.models.previews import ColourMap
from inference.engine.models.soundness import Unsound
from inference.errors import CheckpointUnusable
from inference.matching import Matcher
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.request import GenerationRequest
from tests.inference.engine.transformers import (
    ANIMA,
    CPU,
    Lora,
    TransformerWorld,
    apart,
    error,
    lora_on,
    lora_world,
    painted,
    peft_tensors,
    picture_in,
    pipeline_of,
    small_request,
)

LIMIT = 1e-12
LONG = "a large red star and a small blue circle beside it, on a green ground under a yellow sky"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> TransformerWorld:
    return lora_world(ANIMA, tmp_path_factory.mktemp("inputs"))


def wish(**changes: object) -> GenerationRequest:
    return small_request(**({"guidance_scale": 4.0} | changes))


def mixed(world: TransformerWorld) -> list[GenerationRequest]:
    """Four people's: other LoRAs, steps, guidance, texts and negative prompts; one begins with a picture."""
    return [
        wish(seed=1, negative_prompt=LONG, loras=world.uses(0.7)),
        wish(seed=2, steps=6, guidance_scale=7.0, prompt=LONG, loras=world.uses(0, -0.4, 1.1)),
        wish(seed=3, steps=5, guidance_scale=1.0, image=picture_in(world.inputs, 0.6), count=2),
        wish(seed=4, steps=3, guidance_scale=2.5, prompt="", negative_prompt="dull", loras=world.uses(0.3, 0.9, -0.6)),
    ]


@pytest.mark.parametrize("small", [0, SMALL_LAYER_RANK], ids=["additions", "whole weights"])
def test_four_mixed_requests_share_passes_and_each_is_as_diffusers_paints_it(
    world: TransformerWorld, small: int
) -> None:
    engine, rows = world.engine(small=small), list[int]()
    checkpoint = engine._store.current
    assert isinstance(checkpoint, Checkpoint)
    checkpoint.denoiser.register_forward_pre_hook(lambda _, given: rows.append(len(given[0])))
    handles = painted(engine, mixed(world), (0, 0, 1, 2))
    assert rows == [4, 6, 8, 8, 4, 2], "of any texts: all are filled up to one length"
    assert max(error(world, handle) for handle in handles) <= LIMIT


def test_the_comparison_would_notice_other_loras_steps_and_guidance(world: TransformerWorld) -> None:
    made = wish(steps=3, negative_prompt="dull", loras=world.uses(0.8))
    latents, _ = world.reference(made)
    found = [world.reference(made.model_copy(update=change)) for change in ({"steps": 4}, {"guidance_scale": 1.0})]
    found += [world.reference(made, uses) for uses in ((), world.uses(0, 0.8))]
    assert min(apart(each, latents) for each, _ in found) > 1e-2


def test_it_resumes_after_any_step_beside_others(world: TransformerWorld, tmp_path: Path) -> None:
    made = wish(steps=4, seed=5, loras=world.uses(0.8, 0.3))
    engine = world.engine()
    whole = engine.submit(made)
    for done in range(1, 4):
        while whole.done < done:
            engine.step()
        snapshot = whole.snapshot()
        assert snapshot is not None
        snapshot.write(tmp_path / f"{done}", "this job")
    engine.finish()
    assert error(world, whole) <= LIMIT
    for done in range(1, 4):
        another = world.engine()
        kept = Snapshot.read(tmp_path / f"{done}", "this job")
        handles = [another.submit(wish(seed=6, loras=world.uses(0, 1.0))), another.submit(made, resume=kept)]
        another.finish()
        assert handles[1].resumed_steps == done and whole.latents is not None
        assert apart(handles[1].latents, whole.latents) <= 1e-12


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_it_is_painted_in_half_precision_as_by_diffusers(world: TransformerWorld, dtype: torch.dtype) -> None:
    """Alone to the bit; the VAE's colours are a rounding apart."""
    made = wish(image=picture_in(world.inputs, 0.6))
    engine = world.engine(dtype=dtype)
    handle = engine.submit(made)
    engine.finish()
    assert handle.state is State.DONE, handle.error
    alone = copy.deepcopy(pipeline_of(ANIMA))
    alone.to(dtype)
    latents, pictures = world.by(alone, made, made.seed)
    assert apart(handle.latents, latents) == 0
    assert apart(handle.pictures, pictures) < 0.05


def test_previews_show_what_a_step_predicts_also_by_a_map_of_colours(world: TransformerWorld) -> None:
    engine = world.engine()
    handle = engine.submit(wish())
    while handle.done < 3:
        engine.step()
    latents = handle.preview()
    assert latents is not None and latents.shape == (1, 4, 16, 16)
    assert engine.preview(latents[0], (32, 32)).size == (32, 32)
    vae = copy.deepcopy(pipeline_of(ANIMA).vae).to(torch.float32)
    assert ColourMap.measure(vae).picture(latents[0], (32, 32)).size == (32, 32)


@torch.no_grad()
def test_a_picture_is_decoded_in_tiles_where_memory_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "TILE", 32)
    pipeline, seen = copy.deepcopy(pipeline_of(ANIMA)), list[tuple[int, ...]]()
    latents = torch.randn(1, 4, 24, 32, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    (whole,) = decode.decode(pipeline, [latents])

    def refuse(_: Any, given: tuple[torch.Tensor, ...]) -> None:
        seen.append(tuple(given[0].shape[-2:]))
        if max(seen[-1]) > 16:
            raise torch.OutOfMemoryError("out of memory")

    pipeline.vae.decoder.register_forward_pre_hook(refuse)
    (tiled,) = decode.decode(pipeline, [latents])
    assert tiled.shape == whole.shape and len(seen) == 1 + 2 * 3
    assert 0 < (tiled - whole).abs().mean() < 0.1
    with pytest.raises(torch.OutOfMemoryError):
        decode.decode(pipeline, [latents], may_tile=False)


@torch.no_grad()
def test_a_lora_changes_what_stands_between_text_encoder_and_denoiser(world: TransformerWorld) -> None:
    """kohya's name of it and diffusers'."""
    lora = lora_on(pipeline_of(ANIMA).text_conditioner, 9)
    alone = copy.deepcopy(pipeline_of(ANIMA))
    for name, pair in lora.items():
        alone.text_conditioner.get_submodule(name).weight += 0.5 * pair.up @ pair.down
    made = TransformerWorld(ANIMA)
    expected, _ = made.by(alone, wish(), 1)
    for prefix, ends in (
        ("text_conditioner.{}.lora_{}.weight", ("A", "B")),
        ("lora_unet_llm_adapter_{}.lora_{}.weight", ("down", "up")),
    ):
        tensors: dict[str, torch.Tensor] = {}
        for name, pair in lora.items():
            own = name if "." in prefix.partition("{")[0] else name.replace(".", "_")
            tensors |= {prefix.format(own, ends[0]): pair.down, prefix.format(own, ends[1]): pair.up}
        use = made.add_file(tensors).model_copy(update={"weight": 0.5})
        engine = made.engine()
        handles = [engine.submit(wish(loras=(use,))), engine.submit(wish())]
        engine.finish()
        assert handles[0].state is State.DONE, handles[0].error
        assert apart(handles[0].latents, expected) <= LIMIT
        assert error(made, handles[1]) <= LIMIT


ENCODER = {  # names of a layer of Qwen3 in files
    "sd-scripts": "lora_te_layers_{}",
    "the same with the outer model": "lora_te_model_layers_{}",
    "diffusers": "text_encoder.layers.{}",
    "PEFT": "base_model.model.text_encoder.model.layers.{}",
    "ComfyUI": "text_encoders.qwen3_06b.transformer.model.layers.{}",
    "sd-scripts' first converter": "text_encoder.qwen3.layers.{}",
}


def on_encoder(lora: Lora, name: str) -> dict[str, torch.Tensor]:
    """The LoRA of Qwen3 in a file; kohya's names have underscores and an alpha."""
    tensors: dict[str, torch.Tensor] = {}
    for path, pair in lora.items():
        inner = path.removeprefix("layers.")
        if name.startswith("lora_te_"):
            module, alpha = name.format(inner.replace(".", "_")), torch.tensor(2.0)
            tensors |= {f"{module}.lora_down.weight": pair.down, f"{module}.alpha": alpha}
            tensors[f"{module}.lora_up.weight"] = pair.up * len(pair.down) / alpha
        else:
            module = name.format(inner)
            tensors |= {f"{module}.lora_A.weight": pair.down, f"{module}.lora_B.weight": pair.up}
    return tensors


@torch.no_grad()
def with_encoder(lora: Lora, weight: float) -> Any:
    """The pipeline with the change added to Qwen3's weights by hand."""
    pipeline = copy.deepcopy(pipeline_of(ANIMA))
    for name, pair in lora.items():
        pipeline.text_encoder.get_submodule(name).weight += weight * pair.up @ pair.down
    return pipeline


@pytest.fixture(scope="module")
def encoder_lora() -> Lora:
    return lora_on(pipeline_of(ANIMA).text_encoder, 11)


@pytest.mark.parametrize("name", ENCODER.values(), ids=ENCODER)
def test_a_lora_changes_the_text_encoder_of_its_own_request_alone(encoder_lora: Lora, name: str) -> None:
    made = TransformerWorld(ANIMA)
    own = made.add_file(on_encoder(encoder_lora, name)).model_copy(update={"weight": 0.5})
    asked, plain = wish(loras=(own,), prompt=LONG), wish(prompt=LONG)
    expected, _ = made.by(with_encoder(encoder_lora, 0.5), asked, asked.seed)
    engine = made.engine()
    for order in ((asked, plain), (plain, asked, plain)):  # then the encoded texts are in memory
        handles = [engine.submit(each) for each in order]
        engine.finish()
        for each, handle in zip(order, handles, strict=True):
            assert handle.state is State.DONE, handle.error
            if each is asked:
                assert apart(handle.latents, expected) <= LIMIT
            else:
                assert error(made, handle) <= LIMIT
    assert apart(expected, made.reference(plain)[0]) > 1e-2, "the change shows"


def test_loras_of_the_text_encoder_fold_as_peft_applies_them(encoder_lora: Lora) -> None:
    """Two of them, at several weights, beside one of the denoiser."""
    made = TransformerWorld(ANIMA)
    other, denoiser = lora_on(pipeline_of(ANIMA).text_encoder, 12, 2), lora_on(pipeline_of(ANIMA).transformer, 13)
    files = [on_encoder(encoder_lora, ENCODER["ComfyUI"]), on_encoder(other, ENCODER["sd-scripts"])]
    files.append({f"transformer.{name}": tensor for name, tensor in peft_tensors(denoiser).items()})
    uses = [made.add_file(tensors) for tensors in files]
    pipeline = copy.deepcopy(pipeline_of(ANIMA))
    both = {"one": encoder_lora, "two": other}
    for name, lora in both.items():
        config = LoraConfig(r=len(next(iter(lora.values())).down), target_modules=[*lora], lora_alpha=0)
        config.lora_alpha = config.r
        inject_adapter_in_model(config, pipeline.text_encoder, adapter_name=name)
        loaded = set_peft_model_state_dict(pipeline.text_encoder, peft_tensors(lora), adapter_name=name)
        assert not loaded.unexpected_keys
    pipeline.transformer.load_lora_adapter(peft_tensors(denoiser), prefix=None, adapter_name="three")
    engine, asked = made.engine(), list[tuple[GenerationRequest, tuple[float, ...]]]()
    for weights in ((0.5, -0.4, 0.7), (0.9, 0.3, 0.0), (0.5, -0.4, 0.0)):
        pairs = zip(uses, weights, strict=True)
        loras = tuple(use.model_copy(update={"weight": weight}) for use, weight in pairs)
        asked.append((wish(loras=loras, negative_prompt=LONG), weights))
    handles = [engine.submit(each) for each, _ in asked]
    engine.finish()
    for handle, (each, weights) in zip(handles, asked, strict=True):
        for layer in pipeline.text_encoder.modules():
            if isinstance(layer, BaseTunerLayer):
                layer.set_adapter([*both])
                for name, weight in zip(both, weights, strict=False):
                    layer.set_scale(name, weight)
        pipeline.transformer.set_adapters(["three"], [weights[2]])
        expected, _ = made.by(pipeline, each, each.seed)
        assert handle.state is State.DONE, handle.error
        assert apart(handle.latents, expected) <= LIMIT


def test_a_changed_text_encoder_resumes_from_a_snapshot_beside_others(encoder_lora: Lora, tmp_path: Path) -> None:
    made = TransformerWorld(ANIMA)
    use = made.add_file(on_encoder(encoder_lora, ENCODER["sd-scripts"])).model_copy(update={"weight": 0.5})
    asked = wish(loras=(use,), steps=4)
    engine = made.engine()
    whole = engine.submit(asked)
    while whole.done < 2 and not whole.ended:
        engine.step()
    snapshot = whole.snapshot()
    assert snapshot is not None
    snapshot.write(tmp_path / "kept", "this job")
    another = made.engine()
    handles = [another.submit(wish(seed=6)), another.submit(asked, resume=Snapshot.read(tmp_path / "kept", "this job"))]
    another.finish()
    assert handles[1].resumed_steps == 2
    assert apart(handles[1].latents, made.by(with_encoder(encoder_lora, 0.5), asked, asked.seed)[0]) <= LIMIT
    assert error(made, handles[0]) <= LIMIT


def test_texts_of_a_changed_encoder_are_kept_in_files_of_their_own(encoder_lora: Lora, tmp_path: Path) -> None:
    made = TransformerWorld(ANIMA)
    use = made.add_file(on_encoder(encoder_lora, ENCODER["ComfyUI"]))
    wanted = [wish(), *(wish(loras=(use.model_copy(update={"weight": each}),)) for each in (0.5, 0.25))]
    expected = [made.by(with_encoder(encoder_lora, each), wish(), 1)[0] for each in (0.0, 0.5, 0.25)]
    for called in (6, 0):  # two texts under three sets; a new engine finds all of them in files
        spec = made.spec.model_copy(update={"sha256": "a" * 64})
        pipeline = copy.deepcopy(pipeline_of(ANIMA))
        store, calls = CheckpointStore((spec,), CPU), list[int]()
        store.hold(Checkpoint.of(spec, pipeline, files=EmbeddingFiles(tmp_path, 2**24)))
        pipeline.text_encoder.layers[0].register_forward_pre_hook(lambda *_, calls=calls: calls.append(1))
        engine = Engine(store, made, Matcher((spec,)))
        handles = [engine.submit(each) for each in wanted]
        engine.finish()
        assert all(handle.state is State.DONE for handle in handles)
        assert max(apart(handle.latents, latents) for handle, latents in zip(handles, expected, strict=True)) <= LIMIT
        assert len(calls) == called


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("anima")
    pipeline = copy.deepcopy(pipeline_of(ANIMA))
    pipeline.to(torch.float32)
    pipeline.save_pretrained(str(made), overwrite_modular_index=True)
    return made


def test_a_folder_is_opened_wherever_its_index_points(folder: Path, world: TransformerWorld) -> None:
    index = json.loads((folder / "modular_model_index.json").read_bytes())
    for part in index.values():
        if isinstance(part, list):
            part[2]["pretrained_model_name_or_path"] = "nobody/is-asked"
    (folder / "modular_model_index.json").write_text(json.dumps(index))
    spec = CheckpointSpec(name="world", source=str(folder), base_model=ANIMA)
    engine = Engine(CheckpointStore((spec,), CPU), world, Matcher((spec,)))
    handle = engine.submit(wish())
    engine.finish()
    assert handle.state is State.DONE, handle.error
    assert apart(handle.latents, world.reference(wish())[0]) < 1e-4


def test_a_folder_without_one_of_its_parts_is_refused(folder: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    for part in folder.iterdir():
        if part.name != "t5_tokenizer":
            (whole / part.name).symlink_to(part)
    spec = CheckpointSpec(name="world", source=str(whole), base_model=ANIMA)
    with pytest.raises(CheckpointUnusable, match="its t5_tokenizer is missing"):
        CheckpointStore((spec,), CPU).get(spec)


def test_another_models_parts_are_refused() -> None:
    pipeline = pipeline_of(ANIMA)
    AnimaFamily.refuse_other_kinds(pipeline, "Anima")
    other = copy.deepcopy(pipeline)
    other.text_conditioner.register_to_config(target_dim=64)
    with pytest.raises(Unsound, match="not that of Anima"):
        AnimaFamily.refuse_other_kinds(other, "Anima")
