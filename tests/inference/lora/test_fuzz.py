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


@pytest.mark.skipif(sys.platform == "win32", reason="memory is measured by a module that Windows lacks")
def test_a_file_that_was_cut_to_almost_nothing_can_be_damaged_further() -> None:
    import random

    from tests.inference.lora.fuzz import damaged

    chance = random.Random(4711)
    assert all(isinstance(damaged(bytes(size), chance), bytes) for _ in range(50) for size in range(9))
