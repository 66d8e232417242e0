"""Where the networks of a checkpoint are: all on the device, or one at a time while the others wait in host memory.

Whoever needs a network brings it first. That costs nothing as long as all of them fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import nn

HOST = torch.device("cpu")

Move = Callable[[nn.Module, torch.device], object]


def move(network: nn.Module, place: torch.device) -> None:
    """Copy all weights there; they are nowhere else afterwards."""
    network.to(place)


class Residence:
    """`networks` by name; `moving` is how one gets from one place to another."""

    def __init__(
        self, networks: Mapping[str, nn.Module], device: torch.device, host: torch.device = HOST, moving: Move = move
    ) -> None:
        self.device = device
        self._networks = dict(networks)
        self._host = host
        self._move = moving
        self._here = set(self._networks)
        self._in_turns = False

    @property
    def in_turns(self) -> bool:
        """Whether networks come to the device one at a time."""
        return self._in_turns

    def take_turns(self) -> bool:
        """From now on they come one at a time. False when nothing is gained: they do so, or the host is the device."""
        if self._in_turns or self.device == self._host or self.device.type == "mps":  # Apple's is one memory for both
            return False
        self._in_turns = True
        for name in list(self._here):
            self._send_away(name)
        return True

    def settle(self) -> None:
        """Move everything to the device. Raises as torch does when memory is short."""
        self._here.clear()
        for name in self._networks:
            self._fetch(name)

    def bring(self, name: str) -> None:
        """It is on the device afterwards, in turns alone. Raises as torch does when memory is short."""
        if name in self._here:
            return
        for other in list(self._here):
            self._send_away(other)
        self._fetch(name)

    def _fetch(self, name: str) -> None:
        try:
            self._move(self._networks[name], self.device)
        except BaseException:
            self._move(self._networks[name], self._host)  # half of it would only take the room of another
            raise
        self._here.add(name)

    def _send_away(self, name: str) -> None:
        self._move(self._networks[name], self._host)
        self._here.discard(name)
