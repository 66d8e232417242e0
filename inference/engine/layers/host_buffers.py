"""The tensors of a LoRA set in host memory, one behind the other, so that one copy brings many of them to a device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch

from inference.engine.devices.chunks import chunked
from inference.engine.devices.devices import HOST
from inference.engine.devices.transfers import is_asynchronous, pinned, upload_beside

Part = tuple[int, str]  # a layer's index in LayerHooks, and a part of its addition

STAGING_BYTES = 2**28  # of one copy: on the device that much is taken beside the tensors that are written from it


@dataclass(frozen=True)
class HostBuffer:
    """Tensors of one number format: views of `flat`, which is pinned for a CUDA device where the system pins it."""

    flat: torch.Tensor
    shapes: Mapping[Part, torch.Size]  # in their order

    def views(self) -> dict[Part, torch.Tensor]:
        """The tensors, on the host."""
        return _views(self.flat, self.shapes)

    def uploads(self, device: torch.device) -> Iterator[dict[Part, torch.Tensor]]:
        """The tensors on `device`: one copy, or several where they are more than `STAGING_BYTES`."""
        limit, begin = max(1, STAGING_BYTES // self.flat.itemsize), 0
        for group in chunked(self.shapes.items(), lambda item: item[1].numel(), limit):
            end = begin + sum(shape.numel() for _, shape in group)
            yield _views(upload_beside(self.flat[begin:end], device), dict(group))
            begin = end


def host_buffers(parts: Mapping[Part, torch.Tensor], device: torch.device) -> tuple[HostBuffer, ...]:
    """`parts` in host memory, to be copied to `device`: one buffer for each number format."""
    by_dtype: dict[torch.dtype, dict[Part, torch.Tensor]] = {}
    for part, tensor in parts.items():
        by_dtype.setdefault(tensor.dtype, {})[part] = tensor
    return tuple(_buffer(own, device) for own in by_dtype.values())


def _buffer(parts: Mapping[Part, torch.Tensor], device: torch.device) -> HostBuffer:
    away = {part: tensor for part, tensor in parts.items() if tensor.device.type not in {HOST.type, "meta"}}
    if away:  # what needed a layer's weight was computed on the device: one copy brings all of it
        flat = torch.cat([tensor.flatten() for tensor in away.values()]).to(HOST)
        parts = {**parts, **_views(flat, {part: tensor.shape for part, tensor in away.items()})}
    flat = torch.cat([tensor.flatten() for tensor in parts.values()])
    flat = pinned(flat) if is_asynchronous(device) else flat
    return HostBuffer(flat, {part: tensor.shape for part, tensor in parts.items()})


def _views(flat: torch.Tensor, shapes: Mapping[Part, torch.Size]) -> dict[Part, torch.Tensor]:
    pieces = flat.split([shape.numel() for shape in shapes.values()])
    return {part: piece.view(shape) for (part, shape), piece in zip(shapes.items(), pieces, strict=True)}
