"""The engine against diffusers one request at a time: 60 mixed requests at 2.5 times what one by one can paint.

One JSON object. Every trace is served in three ways, in turn, in one process with one thread: with PEFT's adapters,
with fused LoRAs, and by the engine; figures are medians over the rounds. By default time is this process's own
computing time, so that a busy machine does not blur it; an idle one gives the same with `--clock wall`.

    python benchmarks/engine.py [--quick] [--nets launch demo 20M 140M] [--rounds 5] [--clock cpu|wall]
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.remove(str(Path(__file__).parent))  # its queue.py would stand before Python's own

import torch

from benchmarks._engine_nets import LORAS, NETS, Net, lora
from benchmarks._engine_trace import Clock, Order, Served, orders
from benchmarks._engine_ways import Adapters, FusedLoras, OneByOne, Together, Way

LOAD = 2.5  # orders come so many times as fast as one-by-one painting without LoRAs could serve them


def measured(net: Net, rounds: int, requests: int, clock: str) -> dict[str, Any]:
    """All ways on one net, in turn."""
    loras = [lora(net, net.pipeline(), number) for number in range(LORAS)]
    trace = orders(net, loras, requests)
    ways: dict[str, Way] = {
        "peft": Adapters(net, loras),
        "fused": FusedLoras(net, loras),
        "engine": Together(net, loras),
    }
    for way in ways.values():
        way.serve(trace[:6], 0.0, Clock(clock))  # first passes are slower for everybody
    gap = _seconds_alone(net, trace, clock) / LOAD
    runs: dict[str, list[Served]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            runs[name].append(way.serve(trace, gap, Clock(clock)))
    return {"orders_per_second": round(1 / gap, 3)} | {name: _medians(served) for name, served in runs.items()}


def _seconds_alone(net: Net, trace: Sequence[Order], clock: str) -> float:
    plain = OneByOne(net, [])
    plain.paint(trace[0].request)
    return len(trace) / plain.serve(trace, 0.0, Clock(clock)).throughput / len(trace)


def _medians(runs: Sequence[Served]) -> dict[str, float]:
    return {
        "throughput": round(median(run.throughput for run in runs), 3),
        "latency": round(median(run.latency for run in runs), 4),
        "p95": round(median(run.p95 for run in runs), 4),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round, fewer requests, without the largest net")
    parser.add_argument("--nets", nargs="*", choices=[net.name for net in NETS])
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--clock", choices=["cpu", "wall"], default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    nets = [net for net in NETS if net.name in (options.nets or [n.name for n in NETS[: 3 if options.quick else 4]])]
    rounds, requests = options.rounds or (1 if options.quick else 5), 24 if options.quick else 60
    tables = {net.name: measured(net, rounds, requests, options.clock) for net in nets}
    print(json.dumps({"benchmark": "engine", "clock": options.clock, "rounds": rounds, "nets": tables}))


if __name__ == "__main__":
    main()
