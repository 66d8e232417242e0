"""A transformer on the pretend CUDA card: `python -m tests.inference.engine.transformers_on_a_card --base flux1/dev`.

Four requests with different LoRAs are painted on the CPU and on the card with each sampler. It prints a line of JSON:
how far pictures are apart, how often the host waits for the card in a step, and what the card counted that must not be.
"""

from __future__ import annotations

import argparse
import gc
import json
import tempfile
from pathlib import Path
from typing import Any

import diffusers
import torch

from inference.base_models import BaseModelId
from inference.engine.engine import Engine
from inference.engine.intake.checkpoint_store import CheckpointStore
from inference.engine.options import Options
from inference.matching import Matcher
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.request import GenerationRequest
from inference.messages.samplers import FLOW_SPACINGS, Sampler
from tests.inference.engine.transformers import DTYPE, MAKERS, TransformerWorld, lora_on, pipeline_of
from tests.inference.requests import request
from tools.pretend_card.card import CARD, DEVICE
from tools.pretend_card.install import install
from tools.pretend_card.trial import difference, painted, pictures, safety

STEPS = 3
WISHES = (("a red star", (0.5,)), ("a circle", (0, -0.4, 0.8)), ("", ()), ("blue", (0.3, 0, 0.2)))


def wishes(world: TransformerWorld, sampler: Sampler, steps: int) -> list[GenerationRequest]:
    return [
        request(
            checkpoint="world", width=32, height=32, steps=steps, guidance_scale=3.0, prompt=prompt, sampler=sampler,
            seed=seed, loras=world.uses(*weights),
        )
        for seed, (prompt, weights) in enumerate(WISHES)
    ]  # fmt: skip


def measured(base: BaseModelId, samplers: list[Sampler], folder: Path) -> dict[str, Any]:
    """What was found; this process has the card from then on."""
    pipeline_of(base).save_pretrained(folder / "checkpoint")
    world = TransformerWorld(base, folder)
    for seed, rank in enumerate((2, 4, 3)):
        world.add(lora_on(pipeline_of(base).transformer, seed, rank))
    spec = CheckpointSpec(name="world", source=str(folder / "checkpoint"), base_model=base)

    def engine(device: torch.device) -> Engine:
        return Engine(CheckpointStore((spec,), device, DTYPE), world, Matcher((spec,)), Options(places=8))

    lengths = (STEPS, 2 * STEPS)
    here = engine(torch.device("cpu"))
    expected = {one: [pictures(painted(here, wishes(world, one, steps))) for steps in lengths] for one in samplers}
    here.close()
    install()
    there = engine(DEVICE)
    found: dict[str, Any] = {"difference": 0.0, "waits_per_step": {}}
    for sampler in samplers:
        painted(there, wishes(world, sampler, STEPS))  # loads the checkpoint, and what comes once
        waits, done = list[int](), list[int]()
        for steps, own in zip(lengths, expected[sampler], strict=True):
            CARD.count_anew()
            handles = painted(there, wishes(world, sampler, steps))
            waits.append(CARD.count_anew().waits.total())
            done.append(handles[0].total)
            found["difference"] = max(found["difference"], difference(pictures(handles), own))
            del handles
        found["waits_per_step"][sampler] = (waits[1] - waits[0]) / (done[1] - done[0])
    there.close()
    del there
    gc.collect()
    return found | safety()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=BaseModelId, required=True, choices=list(MAKERS))
    parser.add_argument("--samplers", nargs="+", type=Sampler, default=list(FLOW_SPACINGS))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    diffusers.utils.logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measured(asked.base, asked.samplers, Path(folder))))


if __name__ == "__main__":
    main()
