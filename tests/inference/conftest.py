"""What the tests of inference share."""

from __future__ import annotations

import threading

import pytest
from discord.gateway import KeepAliveHandler

NO_THREAD = -1


@pytest.fixture(autouse=True)
def no_frames_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no heartbeat of a Discord client that other tests keep connected take this thread's frames.

    discord.py's heartbeat takes the frame of a main thread whose event loop has not run for ten seconds, to log it,
    and keeps it for ten more: with it all local variables of the calls, checkpoints and counted tensors among them.
    """
    for thread in threading.enumerate():
        if isinstance(thread, KeepAliveHandler):
            monkeypatch.setattr(thread, "_main_thread_id", NO_THREAD)
