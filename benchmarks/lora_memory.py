"""Memory that people's LoRAs take on a card that paints SDXL, computed on real shapes without numbers.

`lora_bytes_…`: bytes on the device while eight requests share a pass, each with three LoRAs on the UNet's attention and
feed-forward layers, in half precision. Folded sets are on the host. `requests`: how many requests with three LoRAs of a
rank have memory in one pass of 1024 x 1024 pixels, by card, all with different LoRAs. `--table` prints them for the
documents, with all networks on the card and with the UNet alone.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel

from benchmarks._command import BenchmarkCommand, closing_line
from benchmarks._engine_nets import CHANGED
from inference.base_models import BaseModelId
from inference.checkpoints.memory import memory_need
from inference.engine.layers.additions import Addition, Segmented
from inference.engine.layers.layer_hooks import LayerHooks
from inference.engine.layers.lora_set import LoraSet
from inference.engine.layers.slots import BatchSlots
from inference.engine.lora.folding import LayerChange, layers_of
from inference.engine.lora.low_rank import Delta, LowRank
from inference.engine.models.single_file import CONFIGS
from inference.picture_costs import COSTS

META, HALF = torch.device("meta"), torch.float16
SDXL = BaseModelId("sdxl/base")
TEXT_ENCODERS = {"text_encoder": 123_060_480, "text_encoder_2": 694_659_840}  # numbers, counted by transformers
REQUESTS, LORAS, RANK = 8, 3, 64
BEFORE_MIB = 18_182  # of the same requests when every set lay on the device beside its copy, padded to a bucket
LIMITS = {"all different": 0.45, "four alike": 0.30}  # of that
CARDS, RANKS, MOST = (8, 12, 16, 24), (16, 64, 128), 16  # GiB; pictures that share a pass unless an operator says so
SYSTEM = 2**29  # bytes of a card that the system has


@cache
def hooks() -> LayerHooks:
    """The layers of SDXL's UNet, in half precision."""
    return LayerHooks(layers_of({"unet": _network(UNet2DConditionModel, "unet").to(HALF)}), META)


def lora_set(rank: int, loras: int = LORAS) -> LoraSet:
    """So many LoRAs of this rank, folded."""
    found = hooks()
    changes = {
        key: LayerChange(Delta(LowRank(_empty(rank, *layer.weight.shape[1:]), _empty(len(layer.weight), rank))))
        for key, layer in zip(found.keys, found.layers, strict=True)
        if key[1].endswith(CHANGED)
    }
    return LoraSet.fold([(changes, 0.5 + number / 10) for number in range(loras)], found)


def bytes_on_device(sets: Sequence[LoraSet]) -> int:
    """What the LoRAs of requests with these sets take while all of them share a pass with guidance."""
    slots = BatchSlots(hooks(), 2)
    order = slots.arranged([[one] for one in sets])
    return _bytes(_parts(slots.assign([sets[number] for number in order])))


def lora_bytes_8x3r64() -> int:
    """Of eight requests with three LoRAs of rank 64, all different."""
    return bytes_on_device([lora_set(RANK) for _ in range(REQUESTS)])


def lora_bytes_8x3r64_four_alike() -> int:
    """The same, where four of the requests have the same LoRAs at the same weights."""
    return bytes_on_device([lora_set(RANK)] * 4 + [lora_set(RANK) for _ in range(REQUESTS - 4)])


def requests_on(gib: int, rank: int) -> tuple[int, int]:
    """How many requests with three LoRAs of a rank share a pass on a card of so many GiB; at most `MOST`.

    With all networks on the card and a picture that is decoded beside the steps, and with the UNet alone there.
    """
    networks = {"unet": _size(UNet2DConditionModel, "unet"), "vae": _size(AutoencoderKL, "vae"), **TEXT_ENCODERS}
    need = memory_need(networks, SDXL, COSTS[SDXL.architecture].pixels, accelerator=True)
    each = _pass_bytes() + bytes_on_device([lora_set(rank)])
    left = gib * 2**30 - SYSTEM
    all_there, one_there = left - need.total, left - need.program - HALF.itemsize * networks["unet"]
    return max(0, min(MOST, all_there // each)), max(0, min(MOST, one_there // each))


def _pass_bytes() -> int:
    cost = COSTS[SDXL.architecture]
    return cost.pass_numbers * cost.pixels * HALF.itemsize


def _parts(additions: Iterable[Addition | None]) -> list[torch.Tensor]:
    found: list[torch.Tensor] = []
    for addition in additions:
        if isinstance(addition, Segmented):
            found += _parts(addition.segments)
        elif addition is not None:
            found += addition.parts.values()
    return found


def _bytes(tensors: Iterable[torch.Tensor]) -> int:
    storages = [one.untyped_storage() for one in tensors]  # held, so that no two have the same identity
    return sum({id(one): one.nbytes() for one in storages}.values())


def _network(kind: Any, part: str) -> Any:
    with META:
        return kind.from_config(json.loads((CONFIGS / "sdxl" / part / "config.json").read_text("utf-8")))


@cache
def _size(kind: Any, part: str) -> int:
    return sum(one.numel() for one in _network(kind, part).parameters())


def _empty(*shape: int) -> torch.Tensor:
    return torch.empty(shape, dtype=HALF, device=META)


def table(found: dict[int, dict[int, tuple[int, int]]]) -> str:
    """The figures by card and rank, as Markdown."""
    lines = ["| card |" + "".join(f" rank {rank} |" for rank in RANKS), "|---|" + "---|" * len(RANKS)]
    for gib, own in found.items():
        told = [f"{all_there or '-'} / {one_there or '-'}" for all_there, one_there in own.values()]
        lines.append(f"| {gib} GB | " + " | ".join(told) + " |")
    return "\n".join(lines)


def main() -> int:
    """Compute, print the closing line; the exit code."""
    parser = BenchmarkCommand(__doc__)
    parser.add_argument("--table", action="store_true", help="print the requests by card as a table first")
    options = parser.read()
    sizes = {"all different": lora_bytes_8x3r64(), "four alike": lora_bytes_8x3r64_four_alike()}
    shares = {name: size / 2**20 / BEFORE_MIB for name, size in sizes.items()}
    found = {gib: {rank: requests_on(gib, rank) for rank in RANKS} for gib in CARDS}
    if options.table:
        print(table(found))
    failed = [f"{name}: {shares[name]:.3f} of before" for name, limit in LIMITS.items() if shares[name] > limit]
    figures = {
        "lora_bytes_8x3r64": sizes["all different"],
        "lora_bytes_8x3r64_four_alike": sizes["four alike"],
        "share_of_before": round(shares["all different"], 4),
        "share_of_before_four_alike": round(shares["four alike"], 4),
        "slot_bytes": {str(rank): bytes_on_device([lora_set(rank)]) for rank in RANKS},
        "requests": {f"{gib} GB": {str(rank): many for rank, many in own.items()} for gib, own in found.items()},
    }
    return closing_line("lora_memory", figures, failed, quick=options.quick)


if __name__ == "__main__":
    sys.exit(main())
