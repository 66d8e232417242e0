"""What the engine asks of a graphics card, counted on a pretend one and on real shapes without numbers.

The demo is painted in float64 by every sampler, four requests to a pass, on the CPU and on the card of
`tools/pretend_card`. `waits_per_step` are of the host for the device, of the worst sampler; `difference_float64` is the
largest of all numbers of pictures in 0..1. `races`, `unguarded_frees` and `mixed_devices` are places where a real card
would be wrong; `bytes_left` are on the card once the engine is closed. `copies_per_joining_set` are copies to the card
for a set of two LoRAs that joins others. `lora_bytes_…` are those of `benchmarks.lora_memory`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import torch

from benchmarks._command import BenchmarkCommand, closing_line
from benchmarks.lora_memory import lora_bytes_8x3r64, lora_bytes_8x3r64_four_alike
from inference.messages.request import GenerationRequest
from inference.messages.samplers import Sampler
from tools.pretend_card import guard
from tools.pretend_card.card import CARD, DEVICE
from tools.pretend_card.trial import Trial, measure, painted, uses

MAX_WAITS, MAX_DIFFERENCE, MAX_COPIES = 1.0, 1e-12, 1
QUICK = [Sampler.EULER_A, Sampler.UNIPC]  # the samplers that used to wait most
SIDE = 32  # pixels


def copies_per_joining_set(trial: Trial) -> int:
    """Copies to the card that a request makes for its LoRAs, beside others whose own are there."""
    plain = [each.model_copy(update={"loras": ()}) for each in trial.requests(Sampler.EULER)]
    both = tuple(use.model_copy(update={"weight": weight}) for use, weight in zip(uses(), (0.7, 0.4), strict=False))
    joined = [*plain[:-1], plain[-1].model_copy(update={"loras": both})]
    other = [*plain[:-1], plain[-1].model_copy(update={"loras": both[:1]})]
    engine = trial.engine(DEVICE, torch.float64)

    def copies(requests: list[GenerationRequest]) -> int:
        CARD.count_anew()
        painted(engine, requests)
        return CARD.count_anew().copies["to the card"]

    painted(engine, plain)  # loads the checkpoint and encodes the texts
    painted(engine, other)  # reads one of the files, and fills the slots
    without = copies(plain)
    found = copies(joined) - without
    engine.close()
    return found


def main() -> int:
    """Count, and print the closing line; the exit code."""
    parser = BenchmarkCommand(__doc__)
    parser.add_size("--seed", 25, 25, "what requests are drawn from")
    options = parser.read()
    if guard.compiler() is None:
        return closing_line("card", {}, ["there is no C++ compiler"], quick=options.quick)
    torch.set_num_threads(1)
    sizes = {"lora_bytes_8x3r64": lora_bytes_8x3r64(), "lora_bytes_8x3r64_four_alike": lora_bytes_8x3r64_four_alike()}
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(Path(folder), options.seed, SIDE)
        found = measure(trial, QUICK if options.quick else [*Sampler], torch.float64)
        copies = copies_per_joining_set(trial)
    figures: dict[str, float] = {
        "waits_per_step": max(found.waits_per_step.values()),
        "races": CARD.memory.races.total(),
        "unguarded_frees": CARD.memory.unguarded.total(),
        "mixed_devices": CARD.mixed.total(),
        "bytes_left": max(found.safety["bytes_left"], CARD.memory.used),
        "difference_float64": max(found.differences.values()),
        **sizes,
        "copies_per_joining_set": copies,
    }
    failed = [name for name in ("races", "unguarded_frees", "mixed_devices", "bytes_left") if figures[name]]
    failed += ["waits_per_step"] if figures["waits_per_step"] > MAX_WAITS else []
    failed += ["difference_float64"] if not figures["difference_float64"] <= MAX_DIFFERENCE else []
    failed += ["copies_per_joining_set"] if copies > MAX_COPIES else []
    return closing_line("card", figures, [f"{name}: {figures[name]}" for name in failed], quick=options.quick)


if __name__ == "__main__":
    sys.exit(main())
