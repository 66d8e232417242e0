"""Ray's own command as a child that ends with its parent, however that ends: `python -m inference.cluster.ray.command`.

The first argument is the parent's process id, the rest are Ray's. Without it a killed `easel cluster join` would leave
a node behind that paints on, and the next one would share its cards.
"""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import sys

SCRIPTS = "ray.scripts.scripts"  # the module behind the command `ray`
_PR_SET_PDEATHSIG = 1


def end_with(parent: int) -> None:
    """Let the system send SIGTERM to this process when its parent is gone; Linux alone can."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # it was gone before
            sys.exit(128 + signal.SIGTERM)


def main() -> None:
    """Run the command in this process."""
    parent = int(sys.argv.pop(1))
    end_with(parent)
    runpy.run_module(SCRIPTS, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
