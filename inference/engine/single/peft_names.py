"""A LoRA file in the names of diffusers and PEFT, alphas applied, where these can say all that the file does.

diffusers' own converters know fewer names, leave out DoRA's norms, and swap no halves of Flux.2's final modulation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from inference.base_models import Architecture
from inference.engine.lora.folding import TEXT_ENCODERS, LayerChange, ModuleKey, layers_of
from inference.engine.lora.layer_names import LayerNames
from inference.engine.lora.lora_files import LoraFile
from inference.engine.lora.normalise import normalise
from inference.errors import LoraFileRefused, ModuleMismatch

_DENOISERS = ("transformer", "unet")


def names_of(pipeline: Any, architecture: Architecture) -> LayerNames:
    """The names of a pipeline's layers, before any LoRA is loaded into it."""
    parts = {name: getattr(pipeline, name, None) for name in (*_DENOISERS, *TEXT_ENCODERS)}
    return LayerNames.of(
        architecture, layers_of({name: part for name, part in parts.items() if isinstance(part, nn.Module)})
    )


def changes_of(file: LoraFile, names: LayerNames, checkpoint: str) -> dict[ModuleKey, LayerChange] | None:
    """Return the changes of a file; None if Easel does not understand them."""
    try:
        return normalise(file, names, checkpoint)
    except (LoraFileRefused, ModuleMismatch):
        return None


def in_peft_names(changes: Mapping[ModuleKey, LayerChange]) -> dict[str, torch.Tensor] | None:
    """The changes as PEFT names them; None where they say something else."""
    found: dict[str, torch.Tensor] = {}
    for (part, path), change in changes.items():
        own = _pair(change)
        if own is None:
            return None
        found |= {f"{part}.{path}.{name}": tensor for name, tensor in own.items()}
    return found


def _pair(change: LayerChange) -> Mapping[str, torch.Tensor] | None:
    pair = change.delta.pair
    if pair is None or change.delta.dense is not None or change.bias is not None or change.per_input:
        return None
    up = pair.up.reshape(*pair.up.shape, *[1] * (pair.down.ndim - 2))
    found = {"lora_A.weight": pair.down.contiguous(), "lora_B.weight": up.contiguous()}
    if change.magnitude is not None:
        found["lora_magnitude_vector"] = change.magnitude.flatten()
    return found
