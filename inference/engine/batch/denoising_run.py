"""What the engine needs of whoever paints: the running batch, or a pipeline that paints alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch

from inference.engine.batch.snapshots import Snapshot
from inference.messages import GenerationRequest


class Painted(Protocol):
    """One request while it is painted: `done` of `total` steps are behind it. `latents` are None before the first."""

    request: GenerationRequest
    done: int

    @property
    def latents(self) -> torch.Tensor | None:
        """As they are now."""
        ...

    @property
    def total(self) -> int:
        """Steps in all."""
        ...

    @property
    def ended(self) -> bool:
        """Whether all steps are done, and it may be decoded."""
        ...

    def preview(self) -> torch.Tensor | None:
        """Clean latents (pictures, channels, height, width) to sketch; None where there are none."""
        ...

    def snapshot(self) -> Snapshot | None:
        """What another process could go on from; None where nothing could."""
        ...


class Sharing(Protocol):
    """Those that share each step."""

    @property
    def runs(self) -> Sequence[Any]:
        """Who takes part."""
        ...

    def step(self) -> Mapping[Any, Exception]:
        """One step of everybody. Returns those that cannot go on, and why; what it raises is everybody's."""
        ...

    def begin_again(self) -> None:
        """After a step that memory was too short for: be fit for another attempt."""
        ...

    def leave(self, run: Any) -> None:
        """Take part no more."""
        ...

    def decode(self, runs: Sequence[Any]) -> list[torch.Tensor]:
        """The pictures (count, 3, height, width) in 0..1 of each; NaN where there is no number."""
        ...
