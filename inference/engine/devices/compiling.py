"""Compiling what a denoiser repeats, where this machine can: a C++ compiler on a CPU, Triton on an NVIDIA card."""

from __future__ import annotations

import logging
from typing import Any

import torch
from torch import _dynamo

log = logging.getLogger(__name__)

MOST_SHAPES = 64  # of one block that are compiled: sizes, pictures at once, buckets of ranks, layers that LoRAs change


def compile_blocks(denoiser: Any, device: torch.device, **options: Any) -> bool:
    """Let its repeated blocks be compiled when they are first used; `options` are those of `torch.compile`.

    False when nothing can be compiled here, which is tried out first. A block that cannot, or comes in too many
    shapes, runs as it is.
    """
    problem = _problem(device, options)
    if problem is not None:
        log.warning("nothing is compiled, pictures are painted as without `compiled`: %s", problem)
        return False
    _dynamo.config.suppress_errors = True
    _dynamo.config.recompile_limit = max(_dynamo.config.recompile_limit, MOST_SHAPES)
    denoiser.compile_repeated_blocks(**options)
    return True


def _problem(device: torch.device, options: dict[str, Any]) -> str | None:
    """Why nothing can be compiled; found out once and not anew in every shape of every block."""
    try:
        with _dynamo.config.patch(suppress_errors=False):
            torch.compile(_trifle, **options)(torch.ones(2, device=device))
    except Exception as problem:  # noqa: BLE001 (every backend has its own errors for what it misses)
        said = str(getattr(problem, "inner_exception", problem))  # torch tells of what it wraps in many lines
        return (said.splitlines() or [type(problem).__name__])[0]
    return None


def _trifle(numbers: torch.Tensor) -> torch.Tensor:
    return numbers.sin() + 1
