"""Where the networks of a checkpoint are: all on the device as long as they fit, else on the host until they are used.

A caller onloads a network before it uses it. That costs nothing while it is on the device. Where memory is short, what
is not in use makes room: text encoders first, then all others. Nothing is decided for good: a network comes back when
it is used again, and stays when there is room for it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping

import torch
from torch import nn

from inference.engine.devices.devices import HOST, is_out_of_memory
from inference.engine.devices.host_weights import HostWeights, stays

log = logging.getLogger(__name__)

Move = Callable[[nn.Module, torch.device], object]


class Residence:
    """The `networks` of a checkpoint, by name; `move` moves one to a device."""

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        device: torch.device,
        host: torch.device = HOST,
        move: Move | None = None,
    ) -> None:
        self.device = device
        self._networks = dict(networks)
        self._host = host
        self._move = move or HostWeights().move
        self._onloaded = set(self._networks)
        self._used = ""  # the network that was used last: it never makes room
        self._one_at_a_time = False

    @property
    def offloading(self) -> bool:
        """Whether using a network may move it: not all of them are on the device."""
        return self._one_at_a_time or len(self._onloaded) < len(self._networks)

    @property
    def can_offload(self) -> bool:
        """Whether the host has memory of its own, which Apple's GPUs share."""
        return self.device != self._host and self.device.type != "mps"

    @property
    def can_leave(self) -> bool:
        """Whether all networks can go to the host, so that the device is free."""
        return self.can_offload and not any(stays(network) for network in self._networks.values())

    def enable_offload(self) -> bool:
        """Keep one network on the device at a time from now on. False when that is so already, or gains nothing."""
        if self._one_at_a_time or not self.can_offload:
            return False
        self._one_at_a_time = True
        self.offload_all()
        return True

    def making_room(self, *, one_at_a_time: bool = False) -> Iterator[None]:
        """Send away what is not in use: text encoders, then all others. Each time, a retry has a chance.

        With `one_at_a_time` networks take turns on the device during the last retry: what it uses may be several.
        """
        for _ in range(2):  # no more: a retry may bring back what was sent away
            if self._make_room():
                yield
        if one_at_a_time and self.enable_offload():
            try:
                yield
            finally:
                self._one_at_a_time = False

    def _make_room(self) -> bool:
        """Send away the next of what is not in use; False when there is nothing left."""
        if not self.can_offload:
            return False
        idle = [name for name in self._networks if name in self._onloaded and name != self._used]
        away = [name for name in idle if name.startswith("text_encoder")] or idle
        for name in away:
            self._offload(name)
        if away:
            log.warning("not enough memory: moved %s off the device until needed", ", ".join(away))
        return bool(away)

    def onload_all(self) -> None:
        """Move all networks to the device. Raises torch's error when memory is short."""
        self._onloaded.clear()
        for name in self._networks:
            self._onload(name)

    def offload_all(self) -> None:
        """Keep all networks on the host until they are used."""
        for name in self._networks:
            self._offload(name)
        self._used = ""

    def onload(self, name: str) -> None:
        """Have a network on the device; others make room for it. Raises torch's error when it does not fit alone."""
        self._used = name
        if name in self._onloaded:
            return
        if self._one_at_a_time:
            for other in list(self._onloaded):
                self._offload(other)
        while not self._fits(name):
            pass
        self._onloaded.add(name)

    def _fits(self, name: str) -> bool:
        """Onload a network; False when that lacked memory and others have made room."""
        try:
            self._onload(name)
        except Exception as problem:
            if not is_out_of_memory(problem) or not self._make_room():
                raise
            return False
        return True

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
