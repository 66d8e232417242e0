"""Paints all samplers in one batch on the CPU and on the pretend card, while requests come, go and are asked for.

python -m tools.pretend_card.company --seed 3
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from inference.engine.batch.handle import Handle, State
from inference.engine.engine import Engine
from inference.errors import NotANumberPicture
from inference.messages.request import GenerationRequest
from inference.messages.samplers import Sampler
from tools.pretend_card.card import CARD, DEVICE
from tools.pretend_card.install import install
from tools.pretend_card.trial import Trial, difference, pictures, safety, uses

BESIDE = ("decoder.py",)  # what waits in another thread than the steps
FIRST = 6  # requests at the beginning; the others join one by one


@dataclass
class Company:
    """Requests of all samplers on one engine; `waits` of the steps' thread, by step and place."""

    engine: Engine
    orders: list[GenerationRequest]
    steps: list[Counter[tuple[str, str]]] = field(default_factory=list[Counter[tuple[str, str]]])
    asked: dict[str, int] = field(default_factory=dict[str, int])
    handles: list[Handle] = field(default_factory=list[Handle])

    def paint(self) -> list[Handle]:
        """Those that are painted to their ends, in the order of `orders`."""
        for order in self.orders[:FIRST]:
            self.handles.append(self._submit(order))
        wait(self.engine._waiting.values())  # or a busy machine begins with some of them
        self._step()
        later = self.orders[FIRST:]
        while self._step() or later:
            if later:  # beside running ones
                self.handles.append(self._submit(later.pop(0)))
            if len(self.steps) == 3:
                self._resume(1)
                self.handles[2].cancel()
                self._break(self.handles[3])
                self._look(self.handles[0])
        assert self.handles[2].state is State.CANCELLED
        assert isinstance(self.handles[3].error, NotANumberPicture), self.handles[3].error
        ended = [handle for handle in self.handles if handle not in self.handles[2:4]]
        for handle in ended:
            if handle.error is not None:
                raise handle.error
        return ended

    def _submit(self, order: GenerationRequest, resume: Any = None) -> Handle:
        return self.engine.submit(order, {use.sha256: name for use, name in uses().items()}, resume)

    def _step(self) -> bool:
        CARD.count_anew()
        more = self.engine.step()
        waits = CARD.count_anew().waits
        self.steps.append(
            Counter({each: n for each, n in waits.items() if not any(name in each[1] for name in BESIDE)})
        )
        return more

    def _ask(self, name: str, work: Callable[[], Any]) -> Any:
        CARD.count_anew()
        found = work()
        self.asked[name] = CARD.count_anew().waits.total()
        return found

    def _look(self, handle: Handle) -> None:
        """Have a preview of a request."""
        latents = self._ask("preview_latents", handle.preview)
        self._ask("preview", lambda: self.engine.preview(latents[0], (64, 64)))

    def _resume(self, number: int) -> None:
        """Let a request go on from its state, as another worker would."""
        snapshot = self._ask("state", self.handles[number].snapshot)
        self.handles[number].cancel()
        self.handles[number] = self._submit(self.orders[number], snapshot)

    def _break(self, handle: Handle) -> None:
        """Let its numbers be none from now on."""
        run: Any = next(run for run, running in self.engine._running.items() if running.handle is handle)
        run.latents = run.latents * torch.nan


def company(trial: Trial, engine: Engine) -> Company:
    """One request for each sampler, the stochastic ones first; the fourth of them is not painted to its end."""
    samplers = sorted(Sampler, key=lambda each: each not in (Sampler.EULER_A, Sampler.UNIPC, Sampler.DPMPP_2M_SDE))
    each = [trial.requests(sampler, 6 + number % 3)[number % trial.together] for number, sampler in enumerate(samplers)]
    return Company(engine, [each[0], each[1], *each[3:5], each[2], *each[5:]])


def main() -> int:
    """Print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--side", type=int, default=32, help="of the pictures, in pixels")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(Path(folder), options.seed, options.side)
        engine = trial.engine(torch.device("cpu"), torch.float64)
        expected = pictures(company(trial, engine).paint())
        engine.close()
        install()
        engine = trial.engine(DEVICE, torch.float64)
        on_card = company(trial, engine)
        worst = difference(pictures(on_card.paint()), expected)
        steps, asked = on_card.steps[1:], on_card.asked  # the first one loads the checkpoint
        engine.close()
        del engine, on_card
    print(
        json.dumps(
            {
                "difference": worst,
                "waits": [each.total() for each in steps],
                "asked": asked,
                "places": {f"{place}, {what}": n for (what, place), n in sum(steps, Counter()).most_common()},
                **safety(),
            },
            indent=1,
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
