"""The benchmark of the pretend card: it prints every figure, and none of them is wrong today."""

from __future__ import annotations

import pytest

from benchmarks.__main__ import run
from tools.pretend_card import guard

FIGURES = {
    "waits_per_step", "races", "unguarded_frees", "mixed_devices", "bytes_left", "difference_float64",
    "lora_bytes_8x3r64", "lora_bytes_8x3r64_four_alike", "copies_per_joining_set",
}  # fmt: skip


@pytest.mark.skipif(guard.compiler() is None, reason="there is no C++ compiler")
def test_what_a_card_is_asked_for_is_within_its_limits() -> None:
    found = run("card", ["--quick"], 600.0)
    assert not found.failed
    assert found.line.keys() >= FIGURES
    assert found.line["waits_per_step"] <= 1 and found.line["copies_per_joining_set"] == 1
