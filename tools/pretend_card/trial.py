"""Paints the demo on the CPU and on the pretend card, and tells what differs and what the card counted."""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from inference.base_models import BaseModelId
from inference.demo import CHECKPOINTS, LORAS
from inference.engine.batch.handle import Handle, State
from inference.engine.engine import Engine
from inference.files.hashes import file_sha256
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.commands import Configure
from inference.messages.options import Offload
from inference.messages.request import GenerationRequest, LoraUse
from inference.messages.samplers import Sampler
from tools.pretend_card.card import CARD, DEVICE
from tools.pretend_card.install import install

STEPS = 3
TOGETHER = 4  # requests
WORDS = ("red", "circle", "star", "blue", "square", "gloss", "stripes", "night")


@dataclass(frozen=True)
class Trial:
    """Engines on one folder, and requests that are made from a seed."""

    folder: Path
    seed: int
    side: int = 64  # pixels
    together: int = TOGETHER  # requests
    offload: Offload = Offload.WHEN_SHORT

    @property
    def configure(self) -> Configure:
        """The demo's checkpoints."""
        specs = tuple(
            CheckpointSpec(name=each.name, source=str(each.path), base_model=BaseModelId(each.base_model))
            for each in CHECKPOINTS
        )
        return Configure(
            checkpoints=specs, library=str(LORAS), spool=str(self.folder), inputs=str(self.folder), places=8,
            offload=self.offload,
        )  # fmt: skip

    def engine(self, device: torch.device, dtype: torch.dtype | None) -> Engine:
        """A fresh one."""
        return Engine.of(self.configure, device, dtype)

    def requests(self, sampler: Sampler, steps: int = STEPS) -> list[GenerationRequest]:
        """Some for one pass: with guidance, and each with other LoRAs, words and weights."""
        drawn, found = random.Random(f"{self.seed} {sampler}"), uses()
        return [
            GenerationRequest(
                checkpoint=CHECKPOINTS[0].name, prompt=" ".join(drawn.sample(WORDS, 3)), negative_prompt="",
                width=self.side, height=self.side, steps=steps, guidance_scale=3.0, sampler=sampler,
                seed=drawn.randrange(2**31), loras=tuple(
                    use.model_copy(update={"weight": drawn.uniform(0.3, 0.9)})
                    for use in drawn.sample([*found], number % 3)
                ),
            )
            for number in range(self.together)
        ]  # fmt: skip


def uses() -> dict[LoraUse, str]:
    """The demo's LoRAs for its first checkpoint, with their files."""
    files = sorted(LORAS.glob(f"*-{CHECKPOINTS[0].name}.safetensors"))
    return {LoraUse(sha256=file_sha256(each), weight=1.0, name=each.stem): each.name for each in files}


def submitted(engine: Engine, requests: Sequence[GenerationRequest]) -> list[Handle]:
    """All of them, not begun; what they need is read, so that they share their first pass on a busy machine too."""
    files = {use.sha256: name for use, name in uses().items()}
    handles = [engine.submit(each, files) for each in requests]
    wait(engine._waiting.values())
    return handles


def painted(engine: Engine, requests: Sequence[GenerationRequest]) -> list[Handle]:
    """All of them, at once. Raises what the first that failed failed with."""
    handles = submitted(engine, requests)
    engine.finish()
    for handle in handles:
        if handle.error is not None:
            raise handle.error
        assert handle.state is State.DONE
    return handles


def pictures(handles: Sequence[Handle]) -> list[torch.Tensor]:
    """On the host."""
    found = [handle.pictures for handle in handles if handle.pictures is not None]
    return [each.cpu().double() for each in found]


def difference(found: Sequence[torch.Tensor], expected: Sequence[torch.Tensor]) -> float:
    """The largest of all numbers of pictures, in 0..1."""
    return max(float((one - other).abs().max()) for one, other in zip(found, expected, strict=True))


def safety() -> dict[str, Any]:
    """What the card counted that must not be: read it when all engines are closed and nothing holds their tensors."""
    memory = CARD.memory
    return {"races": memory.races, "unguarded_frees": memory.unguarded, "bytes_left": memory.used}


@dataclass
class Found:
    """What came of painting with each sampler."""

    differences: dict[str, float]
    waits_per_step: dict[str, float]  # of the batch: one pass of the denoiser
    waits_besides: dict[str, float]  # for all requests together: joining, decoding, leaving
    places: Counter[tuple[str, str]]
    safety: dict[str, Any] = field(default_factory=dict[str, Any])


def measure(trial: Trial, samplers: Sequence[Sampler], dtype: torch.dtype) -> Found:
    """Paint with each sampler on both, of which the card comes second; the process has it from then on."""
    orders = {sampler: [trial.requests(sampler), trial.requests(sampler, 2 * STEPS)] for sampler in samplers}
    engine = trial.engine(torch.device("cpu"), dtype)
    expected = {sampler: [pictures(painted(engine, each)) for each in both] for sampler, both in orders.items()}
    engine.close()
    del engine
    install()
    engine = trial.engine(DEVICE, dtype)
    painted(engine, trial.requests(samplers[0]))  # loads the checkpoint, measures the first passes
    found = Found({}, {}, {}, Counter())
    for sampler, both in orders.items():
        found.differences[sampler] = 0.0
        painted(engine, both[0])  # reads its LoRAs, which stay
        waits, steps = list[int](), list[int]()
        for order, there in zip(both, expected[sampler], strict=True):
            CARD.count_anew()
            handles = painted(engine, order)
            counted = CARD.count_anew()
            waits.append(counted.waits.total())
            steps.append(handles[0].total)
            found.places += counted.waits
            here = pictures(handles)
            found.differences[sampler] = max(found.differences[sampler], difference(here, there))
            del handles, here
        each = found.waits_per_step[sampler] = (waits[1] - waits[0]) / (steps[1] - steps[0])
        found.waits_besides[sampler] = waits[0] - each * steps[0]
    engine.close()
    del engine
    found.safety = safety()
    return found


def main() -> int:
    """Print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--side", type=int, default=64, help="of the pictures, in pixels")
    parser.add_argument("--together", type=int, default=TOGETHER, help="how many requests share each pass")
    parser.add_argument("--samplers", nargs="+", type=Sampler, default=[*Sampler])
    parser.add_argument("--dtype", choices=["float64", "float32", "float16", "bfloat16"], default="float64")
    parser.add_argument("--offload", type=Offload, default=Offload.WHEN_SHORT)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(
            Trial(Path(folder), options.seed, options.side, options.together, options.offload),
            options.samplers,
            getattr(torch, options.dtype),
        )
    worst = max(found.differences.values())
    print(
        json.dumps(
            {
                "difference": worst,
                "waits_per_step": found.waits_per_step,
                "waits_besides": found.waits_besides,
                **found.safety,
                "places": {f"{place}, {what}": times for (what, place), times in found.places.most_common()},
            },
            indent=1,
        )
    )
    return 0
