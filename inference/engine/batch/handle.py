"""What whoever submitted a request holds in hand: how far it is, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import copy_context
from enum import StrEnum

import torch

from inference.engine.batch.snapshots import Snapshot
from inference.messages import GenerationRequest
from inference.work import pass_work, passes, precedence


class State(StrEnum):
    """`waiting -> running -> done · failed · cancelled`."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Handle:
    """One request in the engine. Read it between two steps; `cancel` may be called at any time, from any thread.

    `done` of `total` forward passes are behind it, the first `taken_up` of them in another process. Once it is DONE,
    `latents` (count, channels, height/f, width/f) and `pictures` (count, 3, height, width) in 0..1 are there, on the
    engine's device; once it is FAILED, `error` is. `notes` are sentences for the person. `begins` is called once, when
    it is taken up, before a checkpoint is loaded for it; then it has `begun`. `joins` is called when all is ready for
    its first step. What is logged about it is logged in the `context` in which it was submitted, which knows its job.
    """

    def __init__(self, request: GenerationRequest, files: Mapping[str, str], resume: Snapshot | None = None) -> None:
        self.request = request
        self.files = dict(files)
        self.resume = resume
        self.came = 0.0  # how much the engine had worked by then
        self.state = State.WAITING
        self.done = self.taken_up = 0
        self.total = request.steps
        self.autov3: dict[str, str] = {}
        self.notes: tuple[str, ...] = ()
        self.error: Exception | None = None
        self.latents: torch.Tensor | None = None
        self.pictures: torch.Tensor | None = None
        self.begins: Callable[[], None] = lambda: None
        self.joins: Callable[[], None] = lambda: None
        self.begun = False
        self.look: Callable[[], torch.Tensor | None] = lambda: None
        self.capture: Callable[[], Snapshot | None] = lambda: None
        self.context = copy_context()
        self._unwanted = False

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state not in (State.WAITING, State.RUNNING)

    @property
    def passes_left(self) -> int:
        """Forward passes that it needs, as long as it waits."""
        return max(1, passes(self.request) - (self.resume.done if self.resume else 0))

    @property
    def precedence(self) -> float:
        """Among those who wait: the smaller, the sooner."""
        return precedence(self.passes_left * pass_work(self.request), self.came)

    @property
    def unwanted(self) -> bool:
        """Whether somebody cancelled it."""
        return self._unwanted

    def begin(self) -> None:
        """It is taken up, maybe once more because memory was short the first time."""
        if not self.begun:
            self.begun = True
            self.begins()

    def cancel(self) -> None:
        """Leave before the next step."""
        self._unwanted = True

    def preview(self) -> torch.Tensor | None:
        """The clean latents (count, channels, h, w) that the last step implies; None while there are none."""
        return self.look()

    def snapshot(self) -> Snapshot | None:
        """What another process can go on from; None while it is not being painted."""
        return self.capture()
