"""Where the networks of a checkpoint are: all on the device, or one at a time while the others are offloaded.

A caller onloads a network before it uses it. That costs nothing as long as all of them are on the device.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import nn

HOST = torch.device("cpu")

Move = Callable[[nn.Module, torch.device], object]


def move(network: nn.Module, place: torch.device) -> None:
    """Move all weights of `network` to `place`."""
    network.to(place)


class Residence:
    """The `networks` of a checkpoint, by name; `move` moves one to a device."""

    def __init__(
        self, networks: Mapping[str, nn.Module], device: torch.device, host: torch.device = HOST, move: Move = move
    ) -> None:
        self.device = device
        self._networks = dict(networks)
        self._host = host
        self._move = move
        self._onloaded = set(self._networks)
        self._offloading = False

    @property
    def offloading(self) -> bool:
        """Whether networks are on the device one at a time."""
        return self._offloading

    def enable_offload(self) -> bool:
        """Keep one network on the device at a time from now on. False when that is so already, or gains nothing."""
        if (
            self._offloading or self.device == self._host or self.device.type == "mps"
        ):  # Apple's GPU shares the host's memory
            return False
        self._offloading = True
        for name in list(self._onloaded):
            self._offload(name)
        return True

    def onload_all(self) -> None:
        """Move all networks to the device. Raises torch's error when memory is short."""
        self._onloaded.clear()
        for name in self._networks:
            self._onload(name)

    def onload(self, name: str) -> None:
        """Have a network on the device; with offloading, it alone. Raises torch's error when memory is short."""
        if name in self._onloaded:
            return
        for other in list(self._onloaded):
            self._offload(other)
        self._onload(name)

    def _onload(self, name: str) -> None:
        try:
            self._move(self._networks[name], self.device)
        except BaseException:
            self._move(self._networks[name], self._host)  # a part of it would only take memory from others
            raise
        self._onloaded.add(name)

    def _offload(self, name: str) -> None:
        self._move(self._networks[name], self._host)
        self._onloaded.discard(name)
