"""Whole LoRAs on pipelines of true topology: every naming scheme and DoRA, against PEFT; foreign ones are refused.

The references load through diffusers. Alphas of its own kohya conversion are wrong when they differ between layers,
so what it gets is in PEFT's names with alpha baked in, except where its reading of names is what is compared.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import pytest
import torch

from inference.base_models import Architecture
from inference.engine.lora.folding import fold_all
from inference.engine.lora.normalise import normalise
from inference.lora.tensors.names import spellings
from tests.inference.engine import tiny
from tests.inference.engine.applied import attached
from tests.inference.engine.loras import Made, as_file, drawn, peft

SD1, SDXL = Architecture.SD1, Architecture.SDXL
EVERYWHERE = (
    "to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2", "proj_in", "proj_out", "conv1", "conv2",
    "conv_shortcut", "time_emb_proj", "downsamplers.0.conv", "upsamplers.0.conv", "conv_in", "conv_out",
    "time_embedding.linear_1", "q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2", "text_projection",
)  # fmt: skip
ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")
TEXT = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")
Tensors = dict[str, torch.Tensor]


@cache
def pipeline(architecture: Architecture) -> Any:
    return tiny.made(architecture)


@cache
def plain(architecture: Architecture) -> torch.Tensor:
    return tiny.outputs(pipeline(architecture))


def changes_of(architecture: Architecture, tensors: Mapping[str, torch.Tensor]) -> Any:
    return normalise(as_file(tensors), tiny.names_of(pipeline(architecture), architecture), architecture)


def ours(architecture: Architecture, *loras: tuple[Tensors, float]) -> torch.Tensor:
    layers = tiny.names_of(pipeline(architecture), architecture).layers
    folded = fold_all([(changes_of(architecture, tensors), weight) for tensors, weight in loras], layers)
    with attached(layers, folded) as uncalled:
        result = tiny.outputs(pipeline(architecture))
    assert not uncalled(), "every layer was at work"
    return result


def theirs(architecture: Architecture, *loras: tuple[Tensors, float]) -> torch.Tensor:
    reference = pipeline(architecture)
    names = [f"lora_{i}" for i in range(len(loras))]
    try:
        for name, (tensors, _) in zip(names, loras, strict=True):
            reference.load_lora_weights({key: tensor.double() for key, tensor in tensors.items()}, adapter_name=name)
        reference.set_adapters(names, [weight for _, weight in loras])
        return tiny.outputs(reference)
    finally:
        reference.unload_lora_weights()


def assert_same(result: torch.Tensor, reference: torch.Tensor, architecture: Architecture) -> None:
    assert (reference - plain(architecture)).abs().max() > 1e-2, "the LoRAs do something"
    assert float((result - reference).abs().max()) < 1e-10


@cache
def everywhere(architecture: Architecture) -> list[Made]:
    return drawn(tiny.parts_of(pipeline(architecture)), EVERYWHERE, 1)


@cache
def merged(architecture: Architecture) -> torch.Tensor:
    """The same LoRA added to the weights of a copy."""
    copied = copy.deepcopy(pipeline(architecture))
    layers = {
        (part, name): layer
        for part, network in tiny.parts_of(copied).items()
        for name, layer in network.named_modules()
    }
    for change in everywhere(architecture):
        weight = layers[change.part, change.layer].weight
        product = change.baked.double().flatten(1) @ change.down.double().flatten(1)
        weight.data += 0.75 * product.reshape(weight.shape)
    return tiny.outputs(copied)


# --- naming schemes ------------------------------------------------------------------------------------------------


def kohya(change: Made, architecture: Architecture) -> Tensors:
    part = {"unet": "unet", "text_encoder": "te" if architecture is SD1 else "te1", "text_encoder_2": "te2"}[
        change.part
    ]
    layer = change.layer
    if change.part != "unet" and not layer.startswith(("text_model.", "text_projection")):
        layer = f"text_model.{layer}"
    return weights(f"lora_{part}_{layer.replace('.', '_')}", change, "lora_down", "lora_up")


def weights(name: str, change: Made, down: str, up: str) -> Tensors:
    return {
        f"{name}.{down}.weight": change.down,
        f"{name}.{up}.weight": change.up,
        f"{name}.alpha": torch.tensor(change.alpha),
    }


def with_prefix(prefix: str, down: str = "lora_A", up: str = "lora_B") -> Callable[[Made, Architecture], Tensors]:
    def named(change: Made, architecture: Architecture) -> Tensors:
        name = f"{prefix}{change.layer}" if change.part == "unet" else f"{change.part}.{change.layer}"
        return {f"{name}.{down}.weight": change.down, f"{name}.{up}.weight": change.baked}

    return named


def old_diffusers(prefix: str) -> Callable[[Made, Architecture], Tensors]:
    """Names of 2023: attention's processors hold the matrices; other layers as in `lora_linear_layer`."""

    def named(change: Made, architecture: Architecture) -> Tensors:
        if match := re.fullmatch(r"(.+\.attn[12])\.to_(q|k|v|out)(\.0)?", change.layer):
            name, down, up = f"{prefix}{match[1]}.processor.to_{match[2]}_lora", "down", "up"
        else:
            name = change.layer if change.part == "unet" else f"{change.part}.{change.layer}"
            name = f"{prefix}{name}" if change.part == "unet" else name
            down, up = "lora_linear_layer.down", "lora_linear_layer.up"
        return {f"{name}.{down}.weight": change.down, f"{name}.{up}.weight": change.baked}

    return named


SCHEMES: dict[str, Callable[[Made, Architecture], Tensors]] = {
    "kohya": kohya,
    "diffusers": with_prefix("unet."),
    "peft-adapter": with_prefix("base_model.model."),
    "comfyui": with_prefix("diffusion_model."),
    "bare": with_prefix(""),
    "old-diffusers": old_diffusers("unet."),
    "old-diffusers-without-unet": old_diffusers(""),
}


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("architecture", [SD1, SDXL])
def test_every_naming_scheme_reaches_every_layer(architecture: Architecture, scheme: str) -> None:
    tensors: Tensors = {}
    for change in everywhere(architecture):
        tensors |= SCHEMES[scheme](change, architecture)
    assert len(changes_of(architecture, tensors)) == len(everywhere(architecture))
    assert_same(ours(architecture, (tensors, 0.75)), merged(architecture), architecture)


def test_names_of_stabilitys_code_mean_what_diffusers_takes_them_for() -> None:
    """With one rank and alpha for all layers, since diffusers' own conversion is the reference here."""
    unet = tiny.parts_of(pipeline(SDXL))["unet"]
    layers = dict(unet.named_modules())
    endings = ("attn2.to_k", "proj_in", "conv_shortcut", "emb_proj", "samplers.0.conv")
    chosen = [name for name in layers if name.endswith(endings)]
    original = {spelling.targets[0]: spelling.path for spelling in spellings("sdxl", chosen_and_resnets(layers))}
    chance = torch.Generator().manual_seed(3)
    tensors: Tensors = {}
    for name in chosen:
        outputs, *rest = layers[name].weight.shape
        module = f"lora_unet_{original[name].replace('.', '_')}"
        tensors[f"{module}.lora_down.weight"] = torch.randn(2, *rest, generator=chance) / 8
        tensors[f"{module}.lora_up.weight"] = torch.randn(outputs, 2, *[1] * len(rest[1:]), generator=chance) / 8
        tensors[f"{module}.alpha"] = torch.tensor(1.0)
    assert any("input_blocks" in name for name in tensors) and any("output_blocks" in name for name in tensors)
    assert_same(ours(SDXL, (tensors, 1.0)), theirs(SDXL, (dict(tensors), 1.0)), SDXL)


def chosen_and_resnets(layers: Mapping[str, Any]) -> list[str]:
    return [name for name, layer in layers.items() if isinstance(getattr(layer, "weight", None), torch.Tensor)]


# --- combinations --------------------------------------------------------------------------------------------------

FEW = ("attn2.to_q", "ff.net.2", "conv1", "conv_shortcut", "1.downsamplers.0.conv", "proj_in")


def few(architecture: Architecture, seed: int) -> list[Made]:
    """In the UNet only: diffusers cannot read DoRA for text encoders."""
    unet = tiny.parts_of(pipeline(architecture))["unet"]
    return drawn({"unet": unet}, FEW[seed % 3 :], seed)


def magnitudes(architecture: Architecture, made: list[Made], seed: int) -> dict[tuple[str, str], torch.Tensor]:
    """A norm for each output of each layer, near those of the layer itself."""
    chance = torch.Generator().manual_seed(seed)
    parts = {part: dict(network.named_modules()) for part, network in tiny.parts_of(pipeline(architecture)).items()}
    norms = {(c.part, c.layer): parts[c.part][c.layer].weight.detach().flatten(1).norm(dim=1) for c in made}
    return {key: norm * (1 + 0.2 * torch.randn(norm.shape, generator=chance).double()) for key, norm in norms.items()}


def dora(architecture: Architecture, made: list[Made], seed: int) -> tuple[Tensors, Tensors]:
    """The same DoRA as kohya and LyCORIS write it, and as PEFT does."""
    written: Tensors = {}
    reference = peft(made)
    norms = magnitudes(architecture, made, seed)
    for change in made:
        norm, kernel = norms[change.part, change.layer], change.down.ndim - 2
        tensors = kohya(change, architecture)
        name = next(iter(tensors)).partition(".lora_down")[0]
        written |= tensors | {f"{name}.dora_scale": norm.reshape(-1, *[1] * (kernel + 1))}
        vector = norm.reshape(1, -1, *[1] * kernel) if kernel else norm
        reference[f"{change.part}.{change.layer}.lora_magnitude_vector"] = vector
    return written, reference


@pytest.mark.parametrize("architecture", [SD1, SDXL])
@pytest.mark.parametrize("kinds", ["D", "pD", "Dp", "DpD"], ids=lambda kinds: kinds)
def test_dora_and_plain_loras_together_do_what_peft_does(architecture: Architecture, kinds: str) -> None:
    weights = (0.75, 1.5, -0.5)
    mine: list[tuple[Tensors, float]] = []
    reference: list[tuple[Tensors, float]] = []
    for seed, (kind, weight) in enumerate(zip(kinds, weights, strict=False)):
        made = few(architecture, 10 + seed)
        written, expected = dora(architecture, made, seed) if kind == "D" else (peft(made), peft(made))
        mine.append((written, weight))
        reference.append((expected, weight))
    assert_same(ours(architecture, *mine), theirs(architecture, *reference), architecture)


@pytest.mark.parametrize("architecture", [SD1, SDXL])
def test_dora_in_text_encoders_is_as_in_peft_names_and_in_kohyas(architecture: Architecture) -> None:
    parts = tiny.parts_of(pipeline(architecture))
    written, reference = dora(architecture, drawn({**parts, "unet": torch.nn.Module()}, TEXT, 1), 1)
    result = ours(architecture, (written, 1.0))
    assert (result - plain(architecture)).abs().max() > 1e-2
    assert torch.equal(result, ours(architecture, (reference, 1.0)))
