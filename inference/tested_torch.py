"""The versions of torch and torchvision that Easel is tested with. constraints.txt pins the same ones for pip and uv."""

from __future__ import annotations

TESTED_TORCH = "2.13.0"
TESTED_TORCHVISION = "0.28.0"


def is_tested(version: str) -> bool:
    """Whether this is the tested torch, in any build: `2.13.0+cu130` is one of `2.13.0`."""
    return version.partition("+")[0] == TESTED_TORCH
