"""LoRAs for tests of the engine: numbers that float32 multiplies exactly, so that only real mistakes show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from inference.base_models import BaseModelId
from inference.engine.lora.lora_files import LoraFile
from inference.lora.evidence import Evidence, Source
from inference.messages.request import LoraUse

RANKS, ALPHAS = (1, 2, 4, 8), (0.5, 1.0, 2.0, 4.0, 8.0)
PREFIXES = {"unet": "lora_unet_", "text_encoder": "lora_te1_", "text_encoder_2": "lora_te2_"}


@dataclass(frozen=True)
class Made:
    """One change of one layer, as drawn."""

    part: str
    layer: str
    down: torch.Tensor
    up: torch.Tensor
    alpha: float

    @property
    def baked(self) -> torch.Tensor:
        return self.up * (self.alpha / self.down.shape[0])


def drawn(parts: Mapping[str, nn.Module], endings: tuple[str, ...], seed: int) -> list[Made]:
    """A change with a rank and an alpha of its own for every layer whose name ends so."""
    chance = torch.Generator().manual_seed(seed)

    def pick(choices: tuple[float, ...]) -> float:
        return choices[int(torch.randint(len(choices), (1,), generator=chance))]

    def numbers(*shape: int) -> torch.Tensor:
        return torch.randint(-16, 17, shape, generator=chance) / 128

    made: list[Made] = []
    for part, network in parts.items():
        for name, layer in network.named_modules():
            if isinstance(layer, nn.Linear | nn.Conv2d) and name.endswith(endings):
                outputs, *rest = layer.weight.shape
                rank = int(pick(RANKS))
                up = numbers(outputs, rank, *[1] * (len(rest) - 1))
                made.append(Made(part, name, numbers(rank, *rest), up, pick(ALPHAS)))
    return made


def kohya(made: list[Made]) -> dict[str, torch.Tensor]:
    tensors: dict[str, torch.Tensor] = {}
    for change in made:
        name = PREFIXES[change.part] + change.layer.replace(".", "_")
        tensors |= {
            f"{name}.lora_down.weight": change.down,
            f"{name}.lora_up.weight": change.up,
            f"{name}.alpha": torch.tensor(change.alpha),
        }
    return tensors


def peft(made: list[Made]) -> dict[str, torch.Tensor]:
    """In PEFT's names, alpha baked in: what diffusers reads without getting non-uniform alphas wrong."""
    tensors: dict[str, torch.Tensor] = {}
    for change in made:
        tensors[f"{change.part}.{change.layer}.lora_A.weight"] = change.down
        tensors[f"{change.part}.{change.layer}.lora_B.weight"] = change.baked
    return tensors


def as_file(tensors: Mapping[str, torch.Tensor], name: str = "Test") -> LoraFile:
    evidence = Evidence(BaseModelId("demo/vivid"), Source.SIDECAR)
    return LoraFile(LoraUse(sha256="a" * 64, name=name), dict(tensors), evidence, "0" * 12)
