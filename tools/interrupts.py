"""Starts programs that SIGINT can interrupt, even if the starting program ignores it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable


def _heard() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


# For `preexec_fn`: what a shell starts in the background ignores interrupts, and passes that on.
HEARD: Callable[[], None] | None = _heard if os.name == "posix" else None
