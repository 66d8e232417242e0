"""Models that share names or shapes with others are told apart; whose a file is that nobody knows is not guessed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from inference.lora.tensors.fit import Grade
from inference.lora.tensors.names import Part, underscored
from inference.lora.tensors.tables import VARIANTS, networks
from inference.lora.verdict import Layers, layers_of
from inference.lora.words.architecture_words import claimed_architectures

Shapes = dict[str, tuple[int, ...]]
DENOISERS = {variant.name: networks()[variant.networks[Part.DENOISER]] for variant in VARIANTS}


def judged(shapes: Shapes, prefix: str = "diffusion_model.", rank: int = 3) -> Layers:
    tensors: dict[str, SimpleNamespace] = {}
    for path, shape in shapes.items():
        name = prefix + (underscored(path) if prefix.endswith("_") else path)
        tensors[f"{name}.lora_down.weight"] = SimpleNamespace(shape=(rank, *shape[1:]))
        tensors[f"{name}.lora_up.weight"] = SimpleNamespace(shape=(shape[0], rank, *(1,) * (len(shape) - 2)))
    return layers_of(tensors)


def hunyuan(width: int, *attention: str) -> Shapes:
    """Layers by the names that three models of one house share, whose widths differ."""
    layers = {f"double_blocks.{n}.{stream}_mlp.fc1": (4 * width, width) for n in range(3) for stream in ("img", "txt")}
    return layers | {f"double_blocks.1.{name}": (width * (3 if "qkv" in name else 1), width) for name in attention}


@pytest.mark.parametrize("prefix", ["diffusion_model.", "lora_unet_", "lycoris_", "base_model.model.", ""])
@pytest.mark.parametrize(
    ("layers", "base"),
    [
        (hunyuan(3072, "img_attn_qkv", "txt_attn_proj"), "hunyuan-video"),
        (hunyuan(3584, "img_attn_qkv", "txt_attn_proj"), "hunyuan-image"),
        (hunyuan(2048, "img_attn_q", "txt_attn_k", "txt_attn_proj"), "hunyuan-video-1.5"),
    ],
)
def test_models_of_one_house_are_told_by_their_widths(layers: Shapes, base: str, prefix: str) -> None:
    found = judged(layers, prefix)
    assert (found.base, found.grade) == (base, Grade.FIT)


@pytest.mark.parametrize(
    "layers",
    [
        hunyuan(1000, "img_attn_qkv"),
        {f"transformer_blocks.{n}.attn.to_q": (1000, 1000) for n in range(20, 35)},  # names that only large ones have
        {f"transformer_blocks.{n}.attn.add_q_proj": (1000, 1000) for n in range(60)},
        {"down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k": (999, 1280)},
        {"down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k": (999, 2048)},
        {f"blocks.{n}.attn1.to_q": (1000, 1000) for n in range(5)},
    ],
    ids=["hunyuan", "queries", "streams", "refiner's width", "SDXL's width", "wan"],
)
def test_familiar_names_with_unfamiliar_shapes_are_nobodys(layers: Shapes) -> None:
    found = judged(layers)
    assert (found.base, found.candidates, found.grade) == (None, (), Grade.NONE)


def test_a_model_with_more_blocks_is_another_model() -> None:
    flux = {f"double_blocks.{n}.img_attn.proj": (3072, 3072) for n in range(19)}
    assert judged(flux).base == "flux1"
    more = {f"double_blocks.{n}.img_attn.proj": (3072, 3072) for n in range(20)}
    assert judged(more).base is None


@pytest.mark.parametrize("make", ["longcat-image", "flux1", "ideogram-4", "cosmos-14b", "anima"])
def test_relatives_of_flux_and_anima_are_told_by_all_of_their_blocks(make: str) -> None:
    base = next(variant.base for variant in VARIANTS if variant.name == make)
    attention = {path: shape for path, shape in DENOISERS[make].items() if ".attn" in path or "attention" in path}
    assert judged(attention, "transformer.").base == base


def test_a_doubled_separator_behind_the_prefix_changes_nothing() -> None:
    layers = {"blocks.6.attn.wv": (1536, 6144), "txtfusion.refiner_blocks.1.attn.wq": (2560, 2560)}
    assert judged(layers, "lora_unet_").base == judged(layers, "lora_unet__").base == "krea2"


@pytest.mark.parametrize("make", ["chroma", "pixart"])
@pytest.mark.parametrize("prefix", ["lora_te_", "lora_te1_"])
def test_the_only_text_encoder_is_known_with_and_without_its_number(make: str, prefix: str) -> None:
    denoiser = {path: shape for path, shape in DENOISERS[make].items() if "attn" in path}
    text = {path: shape for path, shape in networks()["t5-xxl"].items() if "SelfAttention" in path}
    tensors: dict[str, SimpleNamespace] = {}
    for start, layers in (("lora_transformer_", denoiser), (prefix, text)):
        for path, shape in layers.items():
            tensors[f"{start}{underscored(path)}.lora_down.weight"] = SimpleNamespace(shape=(2, shape[1]))
            tensors[f"{start}{underscored(path)}.lora_up.weight"] = SimpleNamespace(shape=(shape[0], 2))
    assert layers_of(tensors).base == ("flux1" if make == "chroma" else make)


@pytest.mark.parametrize(
    ("key", "value", "base"),
    [
        ("ss_base_model_version", "qwen_image", "qwen-image"),
        ("ss_base_model_version", "flux_2_klein_9b", "flux2-klein-9b"),
        ("ss_base_model_version", "z_image", "z-image"),
        ("ss_base_model_version", "hunyuan-image-2.1", "hunyuan-image"),
        ("ss_base_model_version", "krea2", "krea2"),
        ("modelspec.architecture", "Flux.2-klein-4b/lora", "flux2-klein-4b"),
        ("modelspec.architecture", "Flux.1-dev/lora", "flux1"),
        ("modelspec.architecture", "Z-Image/lora", "z-image"),
        ("modelspec.architecture", "Anima/lora", "anima"),
        ("modelspec.architecture", "animagine/lora", "sdxl"),
        ("modelspec.architecture", "hunyuan-video-1.5/lora", "hunyuan-video-1.5"),
        ("modelspec.architecture", "stable-diffusion-v3-medium/lora", "sd3"),
    ],
)
def test_what_trainers_call_their_models_is_understood(key: str, value: str, base: str) -> None:
    assert claimed_architectures({key: value}) == {base}
