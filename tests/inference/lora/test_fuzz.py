"""A short run of the damaged files; `make fuzz` does twenty thousand."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(sys.platform == "win32", reason="memory is measured by a module that Windows lacks")
@pytest.mark.parametrize("seed", [1, 2])
def test_damaged_files_are_told_quickly_and_never_crash(seed: int, tmp_path: Path) -> None:
    from tests.inference.lora.fuzz import run

    figures = run(400, seed, tmp_path)
    assert figures["broken"] > 300
