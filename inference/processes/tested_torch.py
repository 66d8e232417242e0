"""The versions of torch and torchvision that Easel is tested with; constraints.txt pins them for pip and uv."""

from __future__ import annotations

TESTED_TORCH = "2.13.0"
TESTED_TORCHVISION = "0.28.0"
REQUIREMENTS = (f"torch=={TESTED_TORCH}", f"torchvision=={TESTED_TORCHVISION}")


def is_tested(torch: str) -> bool:
    """Whether this is the tested version of torch, in any build: `2.13.0+cu130` is a build of `2.13.0`."""
    return torch.partition("+")[0] == TESTED_TORCH
