"""The noise that samplers add in their steps: drawn on the host, and uploaded while the device computes the pass."""

from __future__ import annotations

import inspect
from functools import cache
from types import FunctionType
from typing import Any

import torch
from diffusers.utils.torch_utils import randn_tensor

from inference.engine.devices.devices import HOST
from inference.engine.devices.transfers import upload

_DRAW = "randn_tensor"  # the name by which diffusers' schedulers draw it


def noise(
    shape: tuple[int, ...],
    generator: list[torch.Generator] | torch.Generator | None = None,
    device: torch.device | None = None,
    dtype: torch.dtype | None = None,
) -> torch.Tensor:
    """What diffusers' `randn_tensor` draws with generators of the host, whose copy the host does not wait for."""
    return upload(randn_tensor(shape, generator=generator, device=HOST, dtype=dtype), device or HOST)


@cache
def with_step_noise(kind: type[Any]) -> type[Any]:
    """A scheduler class of diffusers, by the same name, whose steps take their noise from `noise`."""
    step = inspect.unwrap(kind.step)
    if _DRAW not in step.__code__.co_names:
        return kind
    own = FunctionType(
        step.__code__, {**step.__globals__, _DRAW: noise}, step.__name__, step.__defaults__, step.__closure__
    )
    own.__kwdefaults__, own.__annotations__ = step.__kwdefaults__, step.__annotations__
    return type(kind.__name__, (kind,), {"step": own, "__doc__": kind.__doc__})
