"""Compiles and loads `guard.cpp`, without which torch refuses tensors of a device that its build does not have."""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import torch

SOURCE = Path(__file__).with_name("guard.cpp")


def compiler() -> str | None:
    """The C++ compiler of this machine, if there is one."""
    return shutil.which(os.environ.get("CXX", "c++")) or shutil.which("g++")


def load(folder: Path) -> None:
    """Load the guard, compiled into `folder` once for each torch. Raises RuntimeError where it does not compile."""
    name = hashlib.sha256(SOURCE.read_bytes() + torch.__version__.encode()).hexdigest()[:16]
    library = folder / f"guard-{name}.so"
    if not library.exists():
        _compile(library)
    ctypes.CDLL(str(library))


def _compile(library: Path) -> None:
    found = compiler()
    if found is None:
        raise RuntimeError("there is no C++ compiler")
    home = Path(torch.__file__).parent
    unfinished = library.with_suffix(f".{os.getpid()}")
    done = subprocess.run(
        [
            found, "-O1", "-shared", "-fPIC", "-std=c++20", f"-I{home / 'include'}",
            str(SOURCE), "-o", str(unfinished), f"-L{home / 'lib'}", "-lc10", f"-Wl,-rpath,{home / 'lib'}",
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"the guard does not compile: {done.stderr[-2000:]}")
    unfinished.replace(library)
