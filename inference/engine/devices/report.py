"""`python -m inference.engine.devices.report`: prints what torch finds to paint with, as JSON."""

from __future__ import annotations

import sys
import time
import warnings

import torch

from inference.hardware import CardReport, TorchReport

SIDE = 1024  # of the matrices that are multiplied
ROUNDS = 5  # the fastest counts


def report() -> TorchReport:
    """Everything that `TorchReport` holds; no card that cannot be used raises an error."""
    cards, problem = _cards()
    return TorchReport(
        version=torch.__version__,
        cuda=torch.version.cuda,
        hip=torch.version.hip,
        architectures=tuple(torch.cuda.get_arch_list()),
        cards=cards,
        mps=torch.backends.mps.is_available(),
        problem=problem,
        product_flops=product_flops(),
    )


def _cards() -> tuple[tuple[CardReport, ...], str | None]:
    if torch.version.cuda is None and torch.version.hip is None:
        return (), None
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            torch.cuda.init()
            found = tuple(_card(number) for number in range(torch.cuda.device_count()))
        except (RuntimeError, AssertionError) as problem:
            return (), _first_line(problem)
    if found:
        return found, None
    return (), next((_first_line(each.message) for each in warned), None)


def _card(number: int) -> CardReport:
    properties = torch.cuda.get_device_properties(number)
    problem = free = None
    try:
        device = torch.device("cuda", number)
        (torch.ones(1, device=device) + 1).item()
        free = torch.cuda.mem_get_info(device)[0]
    except RuntimeError as failure:  # no code for it, or no memory left
        problem = _first_line(failure)
    return CardReport(
        name=properties.name,
        capability=(properties.major, properties.minor),
        total=properties.total_memory,
        free=free,
        problem=problem,
    )


def product_flops() -> float:
    """Operations a second of a product of matrices on the CPU, which is most of what painting does."""
    left, right = torch.ones(SIDE, SIDE), torch.ones(SIDE, SIDE)
    seconds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        torch.mm(left, right)
        seconds.append(time.perf_counter() - began)
    return 2 * SIDE**3 / min(seconds)


def _first_line(problem: object) -> str:
    return (str(problem).splitlines() or [type(problem).__name__])[0][:300]


if __name__ == "__main__":
    sys.stdout.write(report().model_dump_json() + "\n")
