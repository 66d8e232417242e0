"""Ctrl-C ends a command without a traceback, whatever it was doing."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests.bot.cli.commands import PATIENCE, ROOT

SWALLOWED = """
import os, signal, sys

class Finder:
    def find_spec(self, name, *others):
        if name == "bot.cli.main":
            try:
                os.kill(os.getpid(), signal.SIGINT)
            except KeyboardInterrupt:  # as code in Rust or a destructor does
                pass

sys.meta_path.insert(0, Finder())
from bot.__main__ import start
sys.argv[1:] = ["completion", "bash"]
sys.exit(start())
"""
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


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends the process by another way")
def test_no_library_swallows_an_interrupt_while_it_is_imported() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SWALLOWED], cwd=ROOT, capture_output=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, b"", b"")
