"""Pinned memory that the system refuses, and a device that has failed."""

from __future__ import annotations

import pytest
import torch

from inference.engine.devices import transfers
from inference.engine.devices.transfers import pinned
from tests.log import lines_of


def failing(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    def refuse(_: torch.Tensor) -> torch.Tensor:
        raise RuntimeError(words)

    monkeypatch.setattr(torch.Tensor, "pin_memory", refuse)


@pytest.mark.parametrize(
    "words",
    [
        "CUDA error: OS call failed or operation not supported on this OS\nCUDA kernel errors might be asynchronous",
        "CUDA error: out of memory",
        "Cannot access accelerator device when none is available.",
    ],
)
def test_where_the_system_pins_no_more_a_tensor_stays_as_it_is_and_one_line_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, words: str
) -> None:
    failing(monkeypatch, words)
    transfers._warn_once.cache_clear()
    tensor = torch.ones(3)
    assert pinned(tensor) is tensor and pinned(tensor) is tensor
    (line,) = lines_of(transfers.__name__, caplog)
    assert line.endswith(words.partition("\n")[0])


def test_the_error_of_a_device_that_has_failed_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, "CUDA error: an illegal memory access was encountered")
    with pytest.raises(RuntimeError, match="illegal memory access"):
        pinned(torch.ones(3))
