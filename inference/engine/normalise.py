"""One internal form for every LoRA file: a low-rank pair per layer of the checkpoint that is loaded.

Known so far: plain LoRA on linear and convolution layers, in kohya's names with diffusers' blocks
(`lora_unet_…`, `lora_te1_…`) and in PEFT's (`unet.….lora_A.weight`). Anything else is refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import nn

from inference.engine.lora_files import LoraFile
from inference.engine.low_rank import LowRank, ModuleKey
from inference.errors import LoraFileRefused, ModuleMismatch

MAX_RANK = 512
MAX_ALPHA = 4096.0
_NAMED = 3  # strangers named in a refusal

_KEY = re.compile(
    r"(?P<module>.+?)\.(?:(?P<down>lora_down|lora_A)\.weight|(?P<up>lora_up|lora_B)\.weight|(?P<alpha>alpha))"
)

# kohya's prefix for each part, by whether the checkpoint has one text encoder or two.
_KOHYA_ONE = {"unet": "lora_unet_", "text_encoder": "lora_te_"}
_KOHYA_TWO = {"unet": "lora_unet_", "text_encoder": "lora_te1_", "text_encoder_2": "lora_te2_"}


@dataclass
class _Pieces:
    """What a file holds for one module."""

    down: torch.Tensor | None = None
    up: torch.Tensor | None = None
    alpha: torch.Tensor | None = None


def normalise(file: LoraFile, parts: Mapping[str, nn.Module], checkpoint: str) -> dict[ModuleKey, LowRank]:
    """The file's change for every layer it names, alpha baked in.

    Raises LoraFileRefused for a format that has no such form here, ModuleMismatch when even one module is not in
    the loaded checkpoint with the same shape: half a LoRA is never used.
    """
    names = ModuleNames.of(parts)
    changes: dict[ModuleKey, LowRank] = {}
    strangers: list[str] = []
    for module, pieces in _group(file).items():
        key = names.find(module)
        change = _low_rank(file, module, pieces)
        if key is None or not change.fits(names.layers[key]):
            strangers.append(module)
        elif key in changes:
            raise LoraFileRefused(lora=file.use.name, reason=f"it changes {module} twice, under two names")
        else:
            changes[key] = change
    if strangers:
        raise ModuleMismatch(
            lora=file.use.name, checkpoint=checkpoint, modules=strangers[:_NAMED], count=len(strangers)
        )
    if not changes:
        raise LoraFileRefused(lora=file.use.name, reason="it holds no LoRA weights")
    return changes


def _group(file: LoraFile) -> dict[str, _Pieces]:
    grouped: dict[str, _Pieces] = {}
    for key, tensor in file.tensors.items():
        match = _KEY.fullmatch(key)
        if match is None:
            raise LoraFileRefused(lora=file.use.name, reason=f"it holds {key!r}, a kind of weight not supported yet")
        pieces = grouped.setdefault(match["module"], _Pieces())
        setattr(pieces, "down" if match["down"] else "up" if match["up"] else "alpha", tensor)
    return grouped


def _low_rank(file: LoraFile, module: str, pieces: _Pieces) -> LowRank:
    down, up = pieces.down, pieces.up
    if down is None or up is None:
        raise LoraFileRefused(lora=file.use.name, reason=f"{module} lacks one of its two matrices")
    rank = down.shape[0] if down.ndim else 0
    if not 1 <= rank <= MAX_RANK or up.ndim < 2 or up.shape[1] != rank or any(side != 1 for side in up.shape[2:]):
        raise LoraFileRefused(lora=file.use.name, reason=f"the two matrices of {module} do not go together")
    return LowRank(down.float(), up.float().flatten(1) * (_alpha(file, module, pieces, rank) / rank))


def _alpha(file: LoraFile, module: str, pieces: _Pieces, rank: int) -> float:
    if pieces.alpha is None:
        return float(rank)
    alpha = float(pieces.alpha) if pieces.alpha.numel() == 1 else 0.0
    if not 0 < alpha <= MAX_ALPHA:
        raise LoraFileRefused(lora=file.use.name, reason=f"the alpha of {module} is out of range")
    return alpha


@dataclass(frozen=True)
class ModuleNames:
    """Every name under which a file may mean a layer of the loaded checkpoint."""

    layers: Mapping[ModuleKey, nn.Module]
    _by_name: dict[str, ModuleKey] = field(repr=False)

    @classmethod
    def of(cls, parts: Mapping[str, nn.Module]) -> ModuleNames:
        """The names of all linear and convolution layers of `parts`."""
        kohya = _KOHYA_TWO if "text_encoder_2" in parts else _KOHYA_ONE
        layers = {
            (part, name): layer
            for part, network in parts.items()
            for name, layer in network.named_modules()
            if isinstance(layer, nn.Linear | nn.Conv2d)
        }
        by_name: dict[str, ModuleKey] = {}
        for part, name in layers:
            for alias in _aliases(name) if part != "unet" else (name,):
                by_name[f"{part}.{alias}"] = (part, name)
                by_name[kohya[part] + alias.replace(".", "_")] = (part, name)
        return cls(layers, by_name)

    def find(self, module: str) -> ModuleKey | None:
        """The layer that `module` means, None for a stranger."""
        return self._by_name.get(module)


def _aliases(name: str) -> tuple[str, str]:
    """A text encoder's layer with and without `text_model.`: transformers changed its mind, files did not."""
    bare = name.removeprefix("text_model.")
    return (bare, f"text_model.{bare}")
