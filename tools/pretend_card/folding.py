"""Folds LoRA sets and writes them into slots on the pretend card, and prints copies, waits and differences.

python -m tools.pretend_card.folding
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from inference.demo import CHECKPOINTS
from inference.engine.engine import Engine
from inference.engine.layers.lora_set import LoraSet
from inference.engine.layers.slots import BatchSlots
from inference.engine.lora.folding import LayerChange, ModuleKey
from inference.engine.models.checkpoints import Checkpoint
from tools.pretend_card.card import CARD, DEVICE
from tools.pretend_card.install import install
from tools.pretend_card.trial import Trial, safety, uses

WEIGHT = 0.7
Changes = Mapping[ModuleKey, LayerChange]


def opened(engine: Engine) -> Checkpoint:
    """The demo's first checkpoint."""
    spec = engine.spec(CHECKPOINTS[0].name)
    checkpoint = spec and engine._store.get(spec)
    assert isinstance(checkpoint, Checkpoint)
    return checkpoint


def changes_of(engine: Engine, checkpoint: Checkpoint) -> dict[str, list[Changes]]:
    """Two LoRAs of the demo, `plain` and as `dora`."""
    files = [engine._lora_cache.file(use, name) for use, name in list(uses().items())[:2]]
    plain = [engine._lora_cache.changes(file, checkpoint) for file in files]
    return {"plain": plain, "dora": [{key: _dora(change) for key, change in each.items()} for each in plain]}


def _dora(change: LayerChange) -> LayerChange:
    pair = change.delta.pair
    assert pair is not None
    outputs = len(pair.up)
    magnitude = torch.linspace(0.5, 1.5, outputs, dtype=pair.up.dtype).reshape(-1, *[1] * (pair.down.ndim - 1))
    return replace(change, magnitude=magnitude)


def additions(checkpoint: Checkpoint, one: LoraSet, slots: BatchSlots) -> list[torch.Tensor]:
    """What a set adds in a slot beside an empty one, on the host."""
    given = slots.assign([one, LoraSet.fold([], checkpoint.hooks)])
    return [part.cpu().double() for each in given if each for part in each.parts.values()]


def measured(checkpoint: Checkpoint, loras: list[Changes]) -> tuple[dict[str, Any], list[torch.Tensor]]:
    """Fold a set in another thread, and write it into a slot: what the card counted, and what is in the slot."""
    hooks, slots, made = checkpoint.hooks, BatchSlots(checkpoint.hooks, 2), list[LoraSet]()
    with torch.no_grad():
        slots.assign([LoraSet.fold([(loras[0], 0.1)], hooks), LoraSet.fold([], hooks)])
        CARD.count_anew()
        thread = threading.Thread(target=lambda: made.append(LoraSet.fold([(each, WEIGHT) for each in loras], hooks)))
        thread.start()
        thread.join()
        folding = CARD.count_anew()
        slots.assign([made[0], LoraSet.fold([], hooks)])
        slot = CARD.count_anew()
        found = additions(checkpoint, made[0], slots)
    size = sum(part.nbytes for part in made[0].parts.values())
    return {
        "folding_copies": sum(folding.copies.values()),
        "folding_waits": folding.waits.total(),
        "slot_copies": slot.copies["to the card"],
        "slot_bytes": slot.copied["to the card"] / size,
        "slot_waits": slot.waits.total(),
    }, found


def main() -> int:
    """Print what was found."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        trial, kinds = Trial(Path(folder), 0), ("plain", "dora")
        engine = trial.engine(torch.device("cpu"), torch.float64)
        expected: dict[str, list[torch.Tensor]] = {}
        for small in (0, 128):
            checkpoint = opened(engine)
            checkpoint.hooks.small = small
            for kind, loras in changes_of(engine, checkpoint).items():
                with torch.no_grad():
                    one = LoraSet.fold([(each, WEIGHT) for each in loras], checkpoint.hooks)
                expected[f"{kind}, {small}"] = additions(checkpoint, one, BatchSlots(checkpoint.hooks, 2))
        engine.close()
        install()
        engine = trial.engine(DEVICE, torch.float64)
        found: dict[str, Any] = {}
        for small in (0, 128):
            checkpoint = opened(engine)
            checkpoint.hooks.small = small
            loras = changes_of(engine, checkpoint)
            for kind in kinds:
                each, parts = measured(checkpoint, loras[kind])
                pairs = zip(parts, expected[f"{kind}, {small}"], strict=True)
                found[f"{kind}, {small}"] = each | {
                    "difference": max(float((one - other).abs().max()) for one, other in pairs)
                }
                del parts
            del loras
        del checkpoint
        engine.close()
        del engine
    print(json.dumps({"sets": found, **safety()}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
