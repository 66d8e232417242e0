"""torch.compile for the repeated blocks of a denoiser, where possible: with a C++ compiler on CPUs, Triton on CUDA."""

from __future__ import annotations

import logging
from typing import Any

import torch
from torch import _dynamo

log = logging.getLogger(__name__)

MAX_SHAPES = 64  # compiled per block: picture sizes, rows, buckets of ranks, sets of changed layers


def compile_blocks(denoiser: Any, device: torch.device, **options: Any) -> bool:
    """Compile the repeated blocks of `denoiser` at their first call; `options` are those of `torch.compile`.

    Returns False when nothing can be compiled here, which is tested first. A block that cannot be compiled, or has too
    many shapes, runs eagerly.
    """
    problem = _problem(device, options)
    if problem is not None:
        log.warning("compilation failed, running uncompiled: %s", problem)
        return False
    _dynamo.config.suppress_errors = True
    _dynamo.config.recompile_limit = max(_dynamo.config.recompile_limit, MAX_SHAPES)
    if not denoiser._repeated_blocks:  # noqa: SLF001 (diffusers asks for it to be set)
        vars(denoiser)["_repeated_blocks"] = denoiser._no_split_modules  # noqa: SLF001
    denoiser.compile_repeated_blocks(**options)
    return True


def _problem(device: torch.device, options: dict[str, Any]) -> str | None:
    """The reason why nothing can be compiled, None when it can: tested once, not for every shape of every block."""
    try:
        with _dynamo.config.patch(suppress_errors=False):
            torch.compile(_sample_function, **options)(torch.ones(2, device=device))
    except Exception as problem:  # noqa: BLE001 (every backend raises its own errors)
        message = str(getattr(problem, "inner_exception", problem))  # torch wraps it in a message of many lines
        return (message.splitlines() or [type(problem).__name__])[0]
    return None


def _sample_function(numbers: torch.Tensor) -> torch.Tensor:
    return numbers.sin() + 1
