"""Requests a second when half of all use a 4-step recipe, against none, in one run: the trace of `benchmarks.engine`.

All requests come at once, so that the engine is never idle. Both traces are the same but for every other request, which
has the recipe's LoRA beside its own, and the recipe's steps, sampler, spacing and guidance. A fresh engine serves each
trace, in turn. By default time is this process's own computing time. Figures are medians over the rounds.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

import torch

from benchmarks._command import BenchmarkCommand, closing_line
from benchmarks._engine_nets import LORAS, NETS, Lora, Net, lora
from benchmarks._engine_trace import Clock, Order, orders
from benchmarks._engine_ways import Together
from inference.base_models import Architecture
from inference.lora.few_steps import FewStepRecipe, read_name
from inference.messages.request import GenerationRequest

FILE = "sdxl_lightning_4step_lora"
USUAL_NETS = ("launch", "demo")  # the others' traces have few steps already


def recipe() -> FewStepRecipe:
    """That of a file with this name."""
    found = read_name(FILE, Architecture.SDXL).recipe
    assert found is not None
    return found


def half_few(trace: Sequence[Order], made_for: FewStepRecipe, joining: Lora) -> list[Order]:
    """The trace with every other request as the recipe wants it."""
    return [
        replace(order, request=_few(order.request, made_for, joining)) if number % 2 else order
        for number, order in enumerate(trace)
    ]


def _few(request: GenerationRequest, made_for: FewStepRecipe, joining: Lora) -> GenerationRequest:
    others = tuple(use for use in request.loras if use.sha256 != joining.use.sha256)
    changes = {
        "loras": (*others, joining.use.model_copy(update={"weight": made_for.weight})),
        "steps": made_for.steps,
        "sampler": made_for.sampler,
        "spacing": made_for.spacing,
        "guidance_scale": made_for.guidance,
    }
    return GenerationRequest.model_validate(request.model_dump() | changes)


def measured(net: Net, rounds: int, requests: int, clock: str) -> dict[str, float]:
    """Requests a second without and with few-step requests, and how many times as many."""
    shapes = net.pipeline()
    loras = [lora(net, shapes, number) for number in range(LORAS)]
    usual = orders(net, loras, requests)
    traces = {"none": usual, "half": half_few(usual, recipe(), loras[0])}
    served: dict[str, list[float]] = {name: [] for name in traces}
    pipeline = net.pipeline()
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            for name, trace in traces.items():
                way = Together(net, pipeline, loras, Path(folder))
                served[name].append(way.serve(trace, 0.0, Clock(clock)).throughput)
                way.engine.close()
    none, half = (median(served[name]) for name in ("none", "half"))
    passes = {name: sum(order.request.steps for order in trace) for name, trace in traces.items()}
    return {"none": none, "half": half, "gain": half / none, "fewer_steps": passes["none"] / passes["half"]}


def main() -> int:
    """Measure, print the closing line; the exit code."""
    parser = BenchmarkCommand(__doc__)
    parser.add_size("--rounds", 3, 1, "rounds of each trace")
    parser.add_size("--requests", 60, 12, "requests of a trace")
    parser.add_argument("--nets", nargs="*", choices=[net.name for net in NETS], default=USUAL_NETS)
    parser.add_argument("--clock", choices=["cpu", "wall"], default="cpu")
    options = parser.read()
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    nets = [net for net in NETS if net.name in options.nets]
    found = {net.name: measured(net, options.rounds, options.requests, options.clock) for net in nets}
    failed = [
        f"on {name} half few-step requests are served no faster: {figures['gain']:.2f}"
        for name, figures in found.items()
        if figures["gain"] <= 1
    ]
    rounded = {name: {key: float(f"{value:.4g}") for key, value in figures.items()} for name, figures in found.items()}
    return closing_line("few_steps", rounded, failed, quick=options.quick)


if __name__ == "__main__":
    sys.exit(main())
