"""How many kernels LoRAs add to one step of the real SDXL, counted on the meta device: shapes without numbers."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from peft import LoraConfig
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

import inference.engine
from benchmarks._engine_nets import CHANGED
from inference.engine.layers.layer_hooks import LayerHooks
from inference.engine.layers.lora_set import LoraSet
from inference.engine.layers.slots import BatchSlots
from inference.engine.lora.folding import LayerChange, layers_of
from inference.engine.lora.low_rank import Delta, LowRank
from inference.engine.models.fast_paths import use_fast_paths

CONFIG = Path(inference.engine.__file__).parent / "models/configs/sdxl/unet/config.json"
SIDE, TOKENS, RANK = 128, 77, 16  # latents of 1024 x 1024 pixels
REQUESTS, LORAS = 4, 3  # so many LoRAs each, all different
META = torch.device("meta")


class _Counter(TorchDispatchMode):
    """Counts calls that reach the device; views move nothing."""

    calls = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.calls += not func.is_view and str(func.overloadpacket) not in ("aten._unsafe_view", "aten.detach")
        return func(*args, **(kwargs or {}))


def counted(quick: bool) -> dict[str, int]:
    """Kernels of one guided step of `REQUESTS` pictures without LoRAs, and how many more it takes with them.

    `peft_extra_kernels` is what PEFT adds for a single picture with as many LoRAs; left out when it has to be quick.
    """
    unet = _unet()
    use_fast_paths(unet)
    hooks = LayerHooks(layers_of({"unet": unet}))
    plain = _calls(unet, 2 * REQUESTS)
    shown = BatchSlots(hooks, 2).assign([_lora_set(hooks) for _ in range(REQUESTS)])
    with hooks.applying(shown):
        with_loras = _calls(unet, 2 * REQUESTS)
    found = {"kernels": plain, "extra_kernels": with_loras - plain}
    if not quick:
        unet = _unet()
        found["peft_extra_kernels"] = peft_calls(unet, list(_changed(unet)), lambda: _calls(unet, 2))
    return found


def _unet() -> Any:
    config = json.loads(CONFIG.read_bytes())
    with META:
        return UNet2DConditionModel.from_config(config).eval()


def _lora_set(hooks: LayerHooks) -> LoraSet:
    """Three LoRAs on every layer that LoRAs of the field change."""
    changes = {
        key: LayerChange(Delta(LowRank(_empty(RANK, *layer.weight.shape[1:]), _empty(len(layer.weight), RANK))))
        for key, layer in zip(hooks.keys, hooks.layers, strict=True)
        if key[1].endswith(CHANGED)
    }
    return LoraSet.fold([(changes, 0.5 + number / 10) for number in range(LORAS)], hooks)


def peft_calls(network: Any, changed: list[str], calls: Callable[[], int]) -> int:
    """How many `calls` more the network makes with `LORAS` adapters of PEFT on the layers `changed`."""
    plain = calls()
    for number in range(LORAS):
        with META:
            network.add_adapter(LoraConfig(r=RANK, target_modules=changed), f"lora{number}")
    network.set_adapters([f"lora{number}" for number in range(LORAS)], [0.8] * LORAS)
    return calls() - plain


def _changed(unet: nn.Module) -> Generator[str]:
    for name, layer in unet.named_modules():
        if isinstance(layer, nn.Linear | nn.Conv2d) and name.endswith(CHANGED):
            yield name


@contextmanager
def counting() -> Generator[_Counter]:
    """Count the calls that are made inside."""
    counter = _Counter()
    with torch.no_grad(), counter:
        yield counter


def _calls(unet: Any, rows: int) -> int:
    config = unet.config
    pooled = config.projection_class_embeddings_input_dim - 6 * config.addition_time_embed_dim
    latents, words = _empty(rows, config.in_channels, SIDE, SIDE), _empty(rows, TOKENS, config.cross_attention_dim)
    more = {"text_embeds": _empty(rows, pooled), "time_ids": _empty(rows, 6)}
    with counting() as counter:
        unet(latents, _empty(rows), words, added_cond_kwargs=more, return_dict=False)
    return counter.calls


def _empty(*shape: int) -> torch.Tensor:
    return torch.empty(shape, device=META)
