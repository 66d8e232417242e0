"""A worker process with a pretend card that may fail for good: `python -m tools.pretend_card.worker SPOOL FAILED`.

It fails in a step after the first state of a job is in the folder SPOOL, unless the file FAILED is there, which it then
makes: the next process has a sound card.
"""

from __future__ import annotations

import sys
from pathlib import Path

from inference.engine import __main__ as worker  # first: it claims stdin and stdout
from tools.pretend_card.card import CARD
from tools.pretend_card.install import install

STICKY = "CUDA error: an illegal memory access was encountered"


def failing(spool: Path, failed: Path) -> None:
    """Let every operation fail from the first convolution on that comes after a state."""
    broken = False

    def fails(name: str) -> Exception | None:
        nonlocal broken
        if not broken and name == "convolution" and any(spool.glob("*.state.safetensors")):
            broken = True
            failed.touch()
        return RuntimeError(f"{STICKY}\nCUDA kernel errors might be asynchronously reported") if broken else None

    CARD.fails = fails


def main() -> int:
    """Serve as the real one does."""
    spool, failed = map(Path, sys.argv[1:])
    install()
    if not failed.exists():
        failing(spool, failed)
    return worker.main()


if __name__ == "__main__":
    sys.exit(main())
