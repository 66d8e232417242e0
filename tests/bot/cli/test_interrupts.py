"""Ctrl-C ends a command without a traceback, whatever it was doing."""

from __future__ import annotations

import subprocess
import sys

from tests.bot.cli.commands import PATIENCE, ROOT

INTERRUPTED = """
import sys

class Finder:
    def find_spec(self, name, *others):
        if name == "bot.cli.main":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Finder())
from bot.__main__ import start
sys.exit(start())
"""


def test_an_interrupted_start_is_quiet() -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], cwd=ROOT, capture_output=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stderr) == (130, b"")
