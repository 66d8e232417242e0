"""The protocols of what the engine steps: runs, and batches of runs (a shared batch, or a single-request pipeline)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch

from inference.engine.batch.snapshots import Snapshot
from inference.messages.request import GenerationRequest


class DenoisingRun(Protocol):
    """One request while it is denoised: `done` of `total` steps are finished."""

    request: GenerationRequest
    done: int

    @property
    def latents(self) -> torch.Tensor | None:
        """The current latents (pictures, …); may be None before the first step."""
        ...

    @property
    def total(self) -> int:
        """Steps in all."""
        ...

    @property
    def ended(self) -> bool:
        """Whether all steps are done and it can be decoded."""
        ...

    def preview(self) -> torch.Tensor | None:
        """Predicted latents (pictures, channels, height, width) for a preview; None where there are none."""
        ...

    def snapshot(self) -> Snapshot | None:
        """A snapshot that another process can resume from; None where that is not possible."""
        ...


class DenoisingBatch(Protocol):
    """Runs that share each step."""

    @property
    def runs(self) -> Sequence[Any]:
        """The runs in the batch."""
        ...

    def step(self) -> Mapping[Any, Exception]:
        """One step of every run. Returns the runs that failed, with their errors; what it raises concerns all runs."""
        ...

    def prepare_retry(self) -> None:
        """Reset after a step that ran out of memory, so that `step` can be called again."""
        ...

    def leave(self, run: Any) -> None:
        """Remove `run` from the batch."""
        ...

    def decode(self, runs: Sequence[Any]) -> list[torch.Tensor]:
        """The pictures (count, 3, height, width) in 0..1 of each run; NaN where the decoder's output is not finite."""
        ...
