"""Heartbeats: the latency counts from the heartbeat that Discord acknowledges."""

from __future__ import annotations

import logging
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest
from discord import gateway

import bot.ui.bot  # noqa: F401 (it installs them)


def test_an_acknowledgement_may_come_before_the_heartbeat_counts_as_sent(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "discord")
    ws: Any = SimpleNamespace(thread_id=threading.get_ident(), _max_heartbeat_timeout=60.0, HEARTBEAT=1, sequence=7)
    keeper = gateway.KeepAliveHandler(ws=ws, interval=41.25, shard_id=0)
    keeper._last_send = time.perf_counter() - 41.25  # the heartbeat before
    assert keeper.get_payload() == {"op": 1, "d": 7}
    keeper.ack()  # the thread that sent it has not noted so yet
    assert keeper.latency < 10.0 and not caplog.records
