"""Paints with two checkpoints in turn on the pretend card, and tells what travels.

python -m tools.pretend_card.exchange
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import torch

from inference.demo import CHECKPOINTS
from inference.engine.devices import host_weights
from inference.messages.request import GenerationRequest
from inference.messages.samplers import Sampler
from tools.pretend_card.card import CARD, DEVICE
from tools.pretend_card.install import install
from tools.pretend_card.trial import Trial, difference, painted, pictures, safety

ROUNDS = (0, 1, 0, 1)  # checkpoints


def main() -> int:
    """Print of each round the bytes copied and on the card, what differs from the CPU, and which loading it was."""
    torch.set_num_threads(1)
    host_weights.free_bytes = lambda: None  # whatever this machine has
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(Path(folder), 0, 32, together=1)
        (drawn,) = trial.requests(Sampler.EULER)
        orders: list[list[GenerationRequest]] = [
            [drawn.model_copy(update={"checkpoint": each.name, "loras": ()})] for each in CHECKPOINTS
        ]
        engine = trial.engine(torch.device("cpu"), torch.float64)
        expected = [pictures(painted(engine, order)) for order in orders]
        engine.close()
        del engine
        install()
        engine = trial.engine(DEVICE, torch.float64)
        rounds: list[dict[str, float]] = []
        for number in ROUNDS:
            CARD.count_anew()
            found = pictures(painted(engine, orders[number]))
            counted = CARD.count_anew()
            rounds.append(
                {
                    "difference": difference(found, expected[number]),
                    "to_the_card": counted.copied["to the card"],
                    "to_the_host": counted.copied["to the host"],
                    "on_the_card": CARD.memory.used,
                    "loading": getattr(engine._store.current, "number", 0),
                }
            )
        loaded = engine.loaded
        engine.close()
        del engine, found
    print(json.dumps({"rounds": rounds, "loaded": loaded, **safety()}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
