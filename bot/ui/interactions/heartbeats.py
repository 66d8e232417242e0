"""Measures the heartbeats of the gateway without the race of discord.py."""

from __future__ import annotations

import time
from typing import Any

from discord import gateway


class KeepAlive(gateway.KeepAliveHandler):
    """Notes the moment of a heartbeat before it is sent.

    discord.py notes it afterwards, in another thread. If Discord acknowledges sooner, the latency counts from the
    heartbeat before: discord.py then warns that it cannot keep up, and `latency` is wrong by 41 seconds.
    """

    def get_payload(self) -> dict[str, Any]:
        """Return the next heartbeat, which is sent at once."""
        self._last_send = time.perf_counter()
        return super().get_payload()


def install() -> None:
    """Let discord.py use this class for every connection."""
    gateway.KeepAliveHandler = KeepAlive
