"""Paints the demo on a pretend card that is too small, and tells whether all is as before once there is room.

python -m tools.pretend_card.recovery --share 0.8
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from inference.engine.batch.batch import Batch
from inference.engine.batch.handle import Handle
from inference.engine.devices import host_weights
from inference.engine.engine import Engine
from inference.messages.request import GenerationRequest
from inference.messages.samplers import Sampler
from tools.pretend_card.card import CARD, DEVICE, capacity
from tools.pretend_card.install import install
from tools.pretend_card.trial import Trial, difference, pictures, safety, submitted

CROWD = 8  # requests at once


@dataclass
class Painting:
    """What painting some requests came to: the most rows of a pass, and bytes copied either way."""

    difference: float
    rows: int
    to_the_card: int
    to_the_host: int
    peak: int


def paint(engine: Engine, requests: Sequence[GenerationRequest], expected: Sequence[torch.Tensor]) -> Painting:
    """Paint all of `requests` at once. Raises what the first that failed failed with."""
    CARD.count_anew()
    CARD.memory.peak = CARD.memory.used
    handles, rows = submitted(engine, requests), 0
    while engine.step():
        rows = max(rows, _rows(engine))
    found = difference(_painted(handles), expected)
    counted = CARD.count_anew()
    return Painting(found, rows, counted.copied["to the card"], counted.copied["to the host"], CARD.memory.peak)


def _rows(engine: Engine) -> int:
    batches = engine._batches.values()
    return max((batch.rows for batch in batches if isinstance(batch, Batch)), default=0)


def _painted(handles: Sequence[Handle]) -> list[torch.Tensor]:
    for handle in handles:
        if handle.error is not None:
            raise handle.error
    return pictures(handles)


def measure(trial: Trial, share: float) -> dict[str, Painting]:
    """Paint with room for all, with `share` of what that took, and then without LoRAs; the process has a card then."""
    trial = replace(trial, together=CROWD)
    with_loras = trial.requests(Sampler.EULER)
    without = [each.model_copy(update={"loras": ()}) for each in with_loras]
    engine = trial.engine(torch.device("cpu"), torch.float64)
    expected = [pictures(_finished(engine, each)) for each in (with_loras, without)]
    engine.close()
    del engine
    install()
    engine = trial.engine(DEVICE, torch.float64)
    found = {"room": paint(engine, with_loras, expected[0])}
    engine.close()
    del engine
    with capacity(int(share * found["room"].peak)):
        engine = trial.engine(DEVICE, torch.float64)
        for name, requests, there in (
            ("short", with_loras, expected[0]),
            ("first_without", without, expected[1]),
            ("then_without", without, expected[1]),
        ):
            found[name] = paint(engine, requests, there)
        engine.close()
        del engine
    return found


def _finished(engine: Engine, requests: Sequence[GenerationRequest]) -> list[Handle]:
    handles = submitted(engine, requests)
    engine.finish()
    return handles


def main() -> int:
    """Print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--share", type=float, default=0.8, help="of the memory that all take")
    parser.add_argument("--side", type=int, default=64, help="of the pictures, in pixels")
    options = parser.parse_args()
    torch.set_num_threads(1)
    host_weights.free_bytes = lambda: None  # whatever this machine has
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Trial(Path(folder), options.seed, options.side), options.share)
    print(json.dumps({"paintings": {name: vars(each) for name, each in found.items()}, **safety()}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
