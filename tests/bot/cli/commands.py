"""Running `python -m bot …` as a person does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
PATIENCE = 300.0  # seconds
# Root may write everywhere; without its capabilities it is bound by permissions like everybody else.
POWERLESS = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.name == "posix" and not os.getuid() else []
can_be_powerless = os.name == "posix" and (not POWERLESS or shutil.which("setpriv") is not None)


@dataclass(frozen=True)
class Said:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """What it said on stderr, which is one sentence and no traceback."""
        assert "Traceback" not in self.err + self.out
        assert self.err.strip()
        assert len(self.err.strip().splitlines()) == 1, self.err
        return self.err.strip()


Here = Callable[..., Said]


class Person:
    """Answers questions in turn, and remembers them."""

    def __init__(self, *answers: str) -> None:
        self.answers: Iterator[str] = iter(answers)
        self.asked = list[str]()

    def __call__(self, question: str) -> str:
        self.asked.append(question)
        return next(self.answers)


def bot(*arguments: str | Path | bytes, powerless: bool = False, **environment: str) -> Said:
    """Run a command to its end; `powerless` if it is to be bound by permissions."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("EASEL_")}
    paths = {
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [*(POWERLESS if powerless else []), sys.executable, "-m", "bot", *arguments], cwd=ROOT,
        env=clean | paths | environment, capture_output=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    return Said(done.returncode, done.stdout.decode(), done.stderr.decode())
