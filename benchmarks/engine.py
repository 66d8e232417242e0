"""The engine against diffusers one request at a time: 60 mixed requests at 2.5 times what one by one can paint.

`trace`: every trace is served in three ways, in turn, in one process with one thread: with PEFT's
adapters, with fused LoRAs, and by a fresh engine; LoRAs are in memory for all of them, prompts are for none; figures
are medians over the rounds. `kernels`: what LoRAs add to a step of the real SDXL. `switch`: another set of LoRAs.
`step`: a step with LoRAs and without. `memory`: 1,000 requests over 200 LoRAs. `transformer_kernels`: what LoRAs add to
a step of the real Flux.1, Qwen-Image, Z-Image and SD3.5-large. `transformer_step`: a step of small ones, bound by the
launches of kernels, against PEFT one by one. `transformer_compute`: of larger ones, bound by arithmetic; --quick leaves
it out.

By default time is this process's own computing time, so that a busy machine does not blur it; an idle one gives the
same with `--clock wall`. With `--keep FILE` what is measured is added to what was, and the line tells of all of it, so
that it can be measured in pieces.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import torch

from benchmarks._command import BenchmarkCommand, closing_line
from benchmarks._engine_costs import WARM, memory, step, switch
from benchmarks._engine_kernels import counted
from benchmarks._engine_nets import LORAS, NETS, Lora, Net, lora
from benchmarks._engine_trace import Clock, Order, orders
from benchmarks._engine_ways import Adapters, FusedLoras, OneByOne, Together, Way
from benchmarks._transformer_kernels import counted_transformers, kernel_figures, too_many_kernels
from benchmarks._transformer_steps import STEP_PARTS, step_figures, steps, too_slow

LOAD = 2.5  # requests arrive so many times as fast as one-by-one painting without LoRAs can serve them
PARTS = (
    "trace", "kernels", "switch", "step", "memory", "transformer_kernels", "transformer_step", "transformer_compute",
)  # fmt: skip
COMPUTE = ("20M", "140M")  # nets that gain little or nothing from shared passes
FIGURES = ("throughput", "latency", "p95")

Found = dict[str, Any]


def trace(net: Net, loras: list[Lora], rounds: int, requests: int, clock: str, before: Found) -> Found:
    """All ways on one net, in turn. Goes on from `before`, the rounds that were played already."""
    played = orders(net, loras, requests)
    ways: dict[str, Way] = {"peft": Adapters(net, loras), "fused": FusedLoras(net, loras)}
    for way in ways.values():
        way.serve(played[:6], 0.0, Clock(clock))  # first passes are slower for every way
    gap = before.get("gap") or _seconds_alone(net, played, clock) / LOAD
    runs: dict[str, list[list[float]]] = before.get("runs") or {name: [] for name in (*ways, "engine")}
    with tempfile.TemporaryDirectory() as folder:
        pipeline = net.pipeline()
        for _ in range(rounds):
            ours = Together(net, pipeline, loras, Path(folder))
            for name, way in (ways | {"engine": ours}).items():
                served = way.serve(played, gap, Clock(clock))
                runs[name].append([served.throughput, served.latency, served.p95])
    caps = before.get("caps", []) + ([ours.cap.model_dump()] if ours.cap else [])
    return {"gap": gap, "runs": runs, "caps": caps}


def _seconds_alone(net: Net, played: Sequence[Order], clock: str) -> float:
    plain = OneByOne(net, [])
    plain.paint(played[0].request)
    return 1 / plain.serve(played, 0.0, Clock(clock)).throughput


def measure(options: argparse.Namespace, found: Found) -> None:
    """Add to `found` what the options ask for."""
    rounds, requests = options.rounds, options.requests
    nets = [net for net in NETS if net.name in (options.nets or [n.name for n in NETS[: 2 if options.quick else 4]])]
    if "kernels" in options.parts:
        found["kernels"] = counted(options.quick)
    if "transformer_kernels" in options.parts:
        found["transformer_kernels"] = counted_transformers(quick=options.quick)
    for part in {*options.parts} & STEP_PARTS.keys():
        found[part] = {name: steps(net, 2 * rounds, options.clock) for name, net in STEP_PARTS[part].items()}
    if "memory" in options.parts:
        found["memory"] = memory(NETS[0], 40 if options.quick else 1000)
    for net in nets if {"switch", "step", "trace"} & {*options.parts} else ():
        shapes = net.pipeline()
        loras = [lora(net, shapes, number) for number in range(LORAS)]
        del shapes
        for name, part in (("switch", switch), ("step", step)):
            if name in options.parts:
                found.setdefault(name, {})[net.name] = part(net, loras, rounds, options.clock)
        if "trace" in options.parts:
            traces = found.setdefault("trace", {})
            traces[net.name] = trace(net, loras, rounds, requests, options.clock, traces.get(net.name, {}))


def told(found: Found) -> Found:
    """The line: figures of what was found, then the tables they come from."""
    tables = {net: _medians(runs["runs"]) for net, runs in found.get("trace", {}).items()}
    line: Found = {}
    for name, prefix in (("launch", ""), ("demo", "demo_")):
        if name in tables:
            ways = tables[name]
            line |= {
                f"{prefix}throughput_vs_peft": ways["engine"]["throughput"] / ways["peft"]["throughput"],
                f"{prefix}latency_vs_peft": ways["engine"]["latency"] / ways["peft"]["latency"],
                f"{prefix}throughput_vs_fused": ways["engine"]["throughput"] / ways["fused"]["throughput"],
            }
    if compute := [tables[name] for name in COMPUTE if name in tables]:
        line["compute_throughput_vs_best"] = min(_against_best(ways, "throughput", max) for ways in compute)
        line["compute_latency_vs_best"] = max(_against_best(ways, "latency", min) for ways in compute)
    if "kernels" in found:
        line["extra_kernels"] = found["kernels"]["extra_kernels"]
    if "switch" in found:
        costs = found["switch"].values()
        line["switch_vs_set_adapters"] = max(each["alone"] / each["set_adapters"] for each in costs)
        line["switch_among_others_vs_set_adapters"] = max(each["among_others"] / each["set_adapters"] for each in costs)
    if "step" in found:
        line["step_vs_lora_free"] = max(each["with_loras"] / each["lora_free"] for each in found["step"].values())
    if "memory" in found:
        looks = found["memory"]["bytes"]
        line["memory_growth"] = looks[-1] / looks[WARM - 1] - 1
    line |= kernel_figures(found) | step_figures(found)
    for net, runs in found.get("trace", {}).items():
        tables[net]["caps"] = runs["caps"]
    return line | {"nets": tables} | {name: found[name] for name in (*PARTS[1:], "machine") if name in found}


def _medians(runs: dict[str, list[list[float]]]) -> dict[str, dict[str, float]]:
    return {
        way: dict(zip(FIGURES, (median(column) for column in zip(*rounds, strict=True)), strict=True))
        | {"rounds": len(rounds)}
        for way, rounds in runs.items()
    }


def _against_best(ways: dict[str, dict[str, float]], figure: str, best: Any) -> float:
    return ways["engine"][figure] / best(ways["peft"][figure], ways["fused"][figure])


def _machine(clock: str) -> Found:
    names = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    cpu = names[0] if names else platform.processor()
    return {"cpu": cpu, "cores": os.cpu_count(), "load": load, "clock": clock, "torch": torch.__version__}


def _lines(path: str) -> list[str]:
    file = Path(path)
    return file.read_text("utf-8").splitlines() if file.is_file() else []


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def main() -> int:
    """Measure, print the closing line; the exit code."""
    parser = BenchmarkCommand(__doc__)
    parser.add_size("--rounds", 5, 1, "rounds of each trace; with --keep so many more")
    parser.add_size("--requests", 60, 12, "requests of a trace")
    parser.add_argument("--parts", nargs="*", choices=PARTS, help="all, if left out")
    parser.add_argument("--nets", nargs="*", choices=[net.name for net in NETS], help="with --quick the first two")
    parser.add_argument("--clock", choices=["cpu", "wall"], default="cpu")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="add to what lies there")
    options = parser.read()
    options.parts = options.parts or [part for part in PARTS if not (options.quick and part == "transformer_compute")]
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    found: Found = json.loads(options.keep.read_bytes()) if options.keep and options.keep.is_file() else {}
    found["machine"] = _machine(options.clock)
    measure(options, found)
    if options.keep:
        options.keep.write_text(json.dumps(found), "utf-8")
    figures = _rounded(told(found))
    gain = figures.get("throughput_vs_peft", math.inf)
    failed = [f"throughput is {gain} of PEFT's"] if gain <= 1 else []
    failed += [*too_many_kernels(found), *too_slow(found)]
    return closing_line("engine", figures, failed, quick=options.quick)


if __name__ == "__main__":
    sys.exit(main())
