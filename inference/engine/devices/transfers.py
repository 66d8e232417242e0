"""Copies between the host and a device for which the host does not wait.

Only a CUDA device computes while the host goes on; elsewhere these are plain copies.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import Any

import torch

from inference.engine.devices.devices import is_fatal

log = logging.getLogger(__name__)

# A part of CUDA's message when the system pins no memory, which says nothing of the device.
_NOT_PINNED = "os call failed"


def is_asynchronous(device: torch.device) -> bool:
    """Whether the device has streams, events and copies from pinned memory."""
    return device.type == "cuda"


def pinned(tensor: torch.Tensor) -> torch.Tensor:
    """A copy in pinned memory, from which a device reads by itself; `tensor` itself where the system pins no more.

    Raises torch's error when the device has failed.
    """
    try:
        return tensor.pin_memory()
    except RuntimeError as problem:  # a limit on locked memory: copies are slower then
        if is_fatal(problem) and _NOT_PINNED not in str(problem).lower():
            raise
        _warn_once(str(problem).partition("\n")[0])
        return tensor


@lru_cache(16)
def _warn_once(reason: str) -> None:
    log.warning("cannot pin host memory, so copies to the device are slower: %s", reason)


def upload(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A copy of a tensor of the host on `device`, for the current stream; the tensor may be changed at once."""
    if not is_asynchronous(device):
        return tensor.to(device)
    return pinned(tensor).to(device, non_blocking=True)


def uploaded(tensors: Sequence[torch.Tensor], device: torch.device) -> list[torch.Tensor]:
    """Copies of tensors of the host on `device`, made by one copy for each number format."""
    if not is_asynchronous(device):
        return [tensor.to(device) for tensor in tensors]
    there: dict[torch.dtype, Iterator[torch.Tensor]] = {}
    for dtype in {tensor.dtype for tensor in tensors}:
        own = [tensor.flatten() for tensor in tensors if tensor.dtype == dtype]
        there[dtype] = iter(upload(torch.cat(own), device).split([len(each) for each in own]))
    return [next(there[tensor.dtype]).view(tensor.shape) for tensor in tensors]


def upload_beside(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A copy of a pinned tensor on `device`, made while queued kernels are computed; later ones wait for it."""
    if not is_asynchronous(device):
        return tensor.to(device)
    stream, current = _stream(device), torch.cuda.current_stream(device)
    with torch.cuda.stream(stream):
        copy = tensor.to(device, non_blocking=True)
    current.wait_event(stream.record_event())
    copy.record_stream(current)
    return copy


@contextmanager
def beside(device: torch.device | None) -> Generator[None]:
    """Inside, kernels run in a stream of their own, and so the host waits for these alone; at the end it does.

    They begin when all that is queued now is done. What they read of other streams must be held until the end.
    """
    if device is None or not is_asynchronous(device):
        yield
        return
    stream = _stream(device)
    stream.wait_stream(torch.cuda.default_stream(device))
    try:
        with torch.cuda.stream(stream):
            yield
    finally:
        stream.synchronize()


@cache
def _stream(device: torch.device) -> Any:
    return torch.cuda.Stream(device)


class LateCopy:
    """A copy to the host that is read later, when the device has computed it."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self.late = is_asynchronous(tensor.device)  # whether it may take a while until it is there
        self._copy = _begun(tensor) if self.late else tensor
        self._event: Any = torch.cuda.current_stream(tensor.device).record_event() if self.late else None

    def read(self) -> torch.Tensor:
        """The copy; waits until it is there."""
        if self._event is not None:
            self._event.synchronize()
        return self._copy.cpu()


def downloaded(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Copies on the host, for all of which it waits once."""
    found = {
        name: _begun(tensor) if is_asynchronous(tensor.device) else tensor.detach().to("cpu", copy=True).contiguous()
        for name, tensor in tensors.items()
    }
    for device in {tensor.device for tensor in tensors.values() if is_asynchronous(tensor.device)}:
        torch.cuda.current_stream(device).synchronize()
    return found


def _begun(tensor: torch.Tensor) -> torch.Tensor:
    """A copy in pinned memory, where there is such, which the current stream may still have to make."""
    return pinned(torch.empty(tensor.shape, dtype=tensor.dtype)).copy_(tensor.detach(), non_blocking=True)
