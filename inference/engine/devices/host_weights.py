"""Weights of networks that wait on the host: they never change, so only the way to the device is ever copied.

A network that goes to a device leaves its weights on the host, where that has room for them. When it is sent away, the
copy on the device is dropped. From then on the weights are in pinned memory, from which a device reads by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import nn

from inference.checkpoints.memory import SPARE_HOST_BYTES, free_bytes
from inference.engine.devices.chunks import chunked
from inference.engine.devices.transfers import pinned

CHUNK = 2**26  # bytes that are pinned at a time: torch rounds each allocation up to a power of two
ALIGNMENT = 64  # bytes

Weights = dict[str, torch.Tensor]  # by name


class HostWeights:
    """The weights of networks as they are on the host, by network."""

    def __init__(self) -> None:
        self._kept: WeakKeyDictionary[nn.Module, Weights] = WeakKeyDictionary()

    def move(self, network: nn.Module, place: torch.device) -> None:
        """Have `network` at `place`. Raises torch's error when memory is short there; a part may have moved then."""
        if stays(network):
            return
        if place.type == "cpu" and not _moves_itself(network):
            self._to_host(network)
        elif not _moves_itself(network) and (network in self._kept or host_has_room()):
            self._to_device(network, place)
        else:
            network.to(place)

    def _to_device(self, network: nn.Module, device: torch.device) -> None:
        kept = self._kept.setdefault(network, {})
        for name, weight in _weights(network):
            if weight.device.type == "cpu":
                kept[name] = weight.detach()
        _replace(network, {name: weight.to(device, non_blocking=True) for name, weight in kept.items()})

    def _to_host(self, network: nn.Module) -> None:
        weights = dict(_weights(network))
        if all(weight.device.type == "cpu" for weight in weights.values()):
            return
        kept = self._kept.setdefault(network, {})
        kept |= {
            name: weight.detach().to("cpu")
            for name, weight in weights.items()
            if name not in kept or kept[name].dtype != weight.dtype  # a VAE may have gone to single precision
        }
        if not all(weight.is_pinned() for weight in kept.values()):
            kept |= _pinned(kept)
        _replace(network, kept)


def stays(network: Any) -> bool:
    """Whether a network stays where it was loaded: what bitsandbytes packs is bound to its device."""
    return any(getattr(network, f"is_loaded_in_{bits}bit", False) for bits in (4, 8))


def _moves_itself(network: Any) -> bool:
    """Whether weights are packed in tensors that are not copied into pinned memory; GGUF's are plain bytes."""
    quantizer = getattr(network, "hf_quantizer", None)
    return quantizer is not None and quantizer.quantization_config.quant_method != "gguf"


def host_has_room(size: int = 0) -> bool:
    """Whether the host can take so many bytes more; where nobody says how much is free, it can."""
    free = free_bytes()
    return free is None or free - size >= SPARE_HOST_BYTES


def _weights(network: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    yield from network.named_parameters()
    yield from network.named_buffers()


def _replace(network: nn.Module, weights: Mapping[str, torch.Tensor]) -> None:
    """Let the network have other tensors for its weights, in the way in which torch moves a module."""
    by_tensor = {id(weight): weights[name] for name, weight in _weights(network)}
    network._apply(lambda weight: by_tensor[id(weight)])  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]


def _pinned(weights: Mapping[str, torch.Tensor]) -> Weights:
    """The same in pinned memory; nothing where the system pins no more."""
    found: Weights = {}
    for names in chunked(weights, lambda name: _room(weights[name]), CHUNK):
        empty = torch.empty(sum(_room(weights[name]) for name in names), dtype=torch.uint8)
        chunk, start = pinned(empty), 0
        if chunk is empty:
            return {}
        for name in names:
            weight = weights[name]
            own = chunk[start : start + weight.nbytes].view(weight.dtype).view(weight.shape)
            found[name] = own.copy_(weight)
            start += _room(weight)
    return found


def _room(weight: torch.Tensor) -> int:
    return -(-weight.nbytes // ALIGNMENT) * ALIGNMENT
