"""How many kernels LoRAs add to one step of real diffusion transformers, counted on the meta device."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import (
    FluxTransformer2DModel,
    QwenImageTransformer2DModel,
    SD3Transformer2DModel,
    ZImageTransformer2DModel,
)
from torch import nn

from benchmarks._engine_kernels import LORAS, META, RANK, REQUESTS, counting, peft_calls
from inference.engine.layers.layer_hooks import LayerHooks
from inference.engine.layers.lora_set import LoraSet
from inference.engine.layers.slots import BatchSlots
from inference.engine.lora.folding import LayerChange, layers_of
from inference.engine.lora.low_rank import Delta, LowRank

SIDE = 64  # tokens of a picture of 1024 x 1024 pixels, down and across
DENOISER = "transformer"
# The layers that LoRAs of the field change are in the blocks.
BLOCKS = ("transformer_blocks.", "single_transformer_blocks.", "layers.", "noise_refiner.", "context_refiner.")
MOST_PER_LINEAR = 2  # kernels for each changed layer: a product with `down`, and one with `up` that adds


@dataclass(frozen=True)
class Network:
    """A transformer of real size; `inputs` are those of a pass of so many rows, `text` tokens each."""

    make: Callable[[], Any]
    inputs: Callable[[int, int], Mapping[str, Any]]
    text: int


def _flux(rows: int, text: int) -> Mapping[str, Any]:
    return {
        "hidden_states": _empty(rows, SIDE**2, 64), "encoder_hidden_states": _empty(rows, text, 4096),
        "pooled_projections": _empty(rows, 768), "timestep": _empty(rows), "guidance": _empty(rows),
        "img_ids": _empty(SIDE**2, 3), "txt_ids": _empty(text, 3),
    }  # fmt: skip


def _qwen(rows: int, text: int) -> Mapping[str, Any]:
    return {
        "hidden_states": _empty(rows, SIDE**2, 64), "encoder_hidden_states": _empty(rows, text, 3584),
        "encoder_hidden_states_mask": None, "timestep": _empty(rows), "img_shapes": [[(1, SIDE, SIDE)]] * rows,
    }  # fmt: skip


def _z_image(rows: int, text: int) -> Mapping[str, Any]:
    return {
        "x": [_empty(16, 1, 2 * SIDE, 2 * SIDE) for _ in range(rows)], "t": _empty(rows),
        "cap_feats": [_empty(text, 2560) for _ in range(rows)],
    }  # fmt: skip


def _sd35(rows: int, text: int) -> Mapping[str, Any]:
    return {
        "hidden_states": _empty(rows, 16, 2 * SIDE, 2 * SIDE), "encoder_hidden_states": _empty(rows, text, 4096),
        "pooled_projections": _empty(rows, 2048), "timestep": _empty(rows),
    }  # fmt: skip


def _sd35_large() -> Any:
    return SD3Transformer2DModel(
        sample_size=128, num_layers=38, attention_head_dim=64, num_attention_heads=38, caption_projection_dim=2432,
        pos_embed_max_size=192, qk_norm="rms_norm",
    )  # fmt: skip


def _qwen_image() -> Any:
    network = QwenImageTransformer2DModel()
    for name in ("pos_freqs", "neg_freqs"):  # made of numbers, on the host
        setattr(network.pos_embed, name, getattr(network.pos_embed, name).to(META))
    return network


NETWORKS = {
    "flux": Network(lambda: FluxTransformer2DModel(guidance_embeds=True), _flux, 512),
    "qwen": Network(_qwen_image, _qwen, 128),
    "z_image": Network(ZImageTransformer2DModel, _z_image, 128),
    "sd35": Network(_sd35_large, _sd35, 333),
}


def counted_transformers(*, quick: bool) -> dict[str, dict[str, int]]:
    """For each network what a step of `REQUESTS` rows takes: kernels without LoRAs, and how many more with them.

    `linears` are the layers that the LoRAs change. `peft_extra_kernels` is what PEFT adds for a single row with as many
    LoRAs; left out when it has to be quick.
    """
    return {name: counted(network, quick=quick) for name, network in NETWORKS.items()}


def kernel_figures(found: Mapping[str, Any]) -> dict[str, int]:
    """What the line tells of the part `transformer_kernels`."""
    counts = found.get("transformer_kernels", {})
    return {f"{name}_extra_kernels": each["extra_kernels"] for name, each in counts.items()}


def too_many_kernels(found: Mapping[str, Any]) -> list[str]:
    """What must not be."""
    return [
        f"LoRAs add {each['extra_kernels']} kernels to {each['linears']} layers of {name}"
        for name, each in found.get("transformer_kernels", {}).items()
        if each["extra_kernels"] > MOST_PER_LINEAR * each["linears"]
    ]


def counted(network: Network, *, quick: bool) -> dict[str, int]:
    """Those of one network."""
    denoiser = _on_meta(network)
    hooks = LayerHooks(layers_of({DENOISER: denoiser}), META)
    plain = _calls(network, denoiser, REQUESTS)
    shown = BatchSlots(hooks, 1).assign([_lora_set(hooks) for _ in range(REQUESTS)])
    with hooks.applying(shown):
        with_loras = _calls(network, denoiser, REQUESTS)
    found = {"linears": len(_changed(hooks)), "kernels": plain, "extra_kernels": with_loras - plain}
    if not quick:
        denoiser = _on_meta(network)
        targets = [hooks.keys[index][1] for index in _changed(hooks)]
        found["peft_extra_kernels"] = peft_calls(denoiser, targets, lambda: _calls(network, denoiser, 1))
    return found


def _on_meta(network: Network) -> Any:
    with META:
        return network.make().eval()


def _changed(hooks: LayerHooks) -> list[int]:
    return [
        index
        for index, ((_, name), layer) in enumerate(zip(hooks.keys, hooks.layers, strict=True))
        if isinstance(layer, nn.Linear) and name.startswith(BLOCKS)
    ]


def _lora_set(hooks: LayerHooks) -> LoraSet:
    """Three LoRAs on every linear layer of the blocks, modulations too."""
    changes = {
        hooks.keys[index]: _change(layer)
        for index in _changed(hooks)
        if isinstance(layer := hooks.layers[index], nn.Linear)
    }
    return LoraSet.fold([(changes, 0.5 + number / 10) for number in range(LORAS)], hooks)


def _change(layer: nn.Linear) -> LayerChange:
    return LayerChange(Delta(LowRank(_empty(RANK, layer.in_features), _empty(layer.out_features, RANK))))


def _calls(network: Network, denoiser: Any, rows: int) -> int:
    inputs = network.inputs(rows, network.text)
    with counting() as counter:
        denoiser(**inputs, return_dict=False)
    return counter.calls


def _empty(*shape: int) -> torch.Tensor:
    return torch.empty(shape, device=META)
