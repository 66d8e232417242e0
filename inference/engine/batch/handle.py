"""The handle of a submitted request: its state, its progress, and its pictures or its error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import copy_context
from dataclasses import replace
from enum import StrEnum

import torch

from inference.engine.batch.snapshots import Snapshot
from inference.messages.request import GenerationRequest
from inference.queue.request_cost import pass_work, passes, precedence


class State(StrEnum):
    """`waiting -> running -> done · failed · cancelled`."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Handle:
    """One request in the engine. Read it between two steps; `cancel` may be called at any time, from any thread.

    `done` of `total` forward passes are finished, the first `resumed_steps` of them in another process. A DONE handle
    has `latents` (count, …), shaped as its model family likes, and `pictures` (count, 3, height, width) in 0..1, on the
    engine's device; a FAILED one has an `error`. `notes` are sentences for the person. `on_start` is called once, when
    the request starts and before a checkpoint is loaded for it; `started` tells that. `on_join` is called when all is
    ready for its first step. Log lines about it are written in the `context` in which it was submitted, which names its
    job.
    """

    def __init__(self, request: GenerationRequest, files: Mapping[str, str], resume: Snapshot | None = None) -> None:
        self.request = request
        self.files = dict(files)
        self.resume = resume
        self.work_before = 0.0  # work that the engine had done when it was submitted, in pixels
        self.state = State.WAITING
        self.done = self.resumed_steps = 0
        self.total = request.steps
        self.overtaken = 0  # how many have joined while it waited for memory
        self.alone = False  # it had no memory beside others
        self.lora_bytes = 0  # of the files of its LoRAs, once they are read
        self.autov3: dict[str, str] = {}
        self.notes: tuple[str, ...] = ()
        self.error: Exception | None = None
        self.latents: torch.Tensor | None = None
        self.pictures: torch.Tensor | None = None
        self.on_start: Callable[[], None] = lambda: None
        self.on_join: Callable[[], None] = lambda: None
        self.started = False
        self.read_preview: Callable[[], torch.Tensor | None] = lambda: None
        self.take_snapshot: Callable[[], Snapshot | None] = lambda: None
        self.context = copy_context()
        self._cancel_requested = self._joined = False

    @property
    def ended(self) -> bool:
        """Whether it is done, failed or cancelled."""
        return self.state not in (State.WAITING, State.RUNNING)

    @property
    def passes_left(self) -> int:
        """Forward passes that it needs, counted while it waits."""
        return max(1, passes(self.request) - (self.resume.done if self.resume else 0))

    @property
    def precedence(self) -> float:
        """Its place among waiting requests: the smaller, the sooner."""
        return precedence(self.passes_left * pass_work(self.request), self.work_before)

    @property
    def cancel_requested(self) -> bool:
        """Whether `cancel` was called."""
        return self._cancel_requested

    def join(self, run_done: int) -> None:
        """Note that it runs from this step on, perhaps again after it was set aside."""
        self.state, self.done = State.RUNNING, run_done
        if not self._joined:
            self._joined, self.resumed_steps = True, run_done
            self.on_join()

    def start(self) -> None:
        """Note that it starts, perhaps again after memory was short."""
        if not self.started:
            self.started = True
            self.on_start()

    def set_aside(self, snapshot: Snapshot | None) -> None:
        """It waits again, and goes on from `snapshot` when it is the only one; without one it begins anew."""
        if snapshot is not None:
            seconds = self.resume.seconds if self.resume else 0.0
            self.resume = replace(snapshot, seconds=seconds)
            self.take_snapshot = lambda: snapshot
        self.state, self.alone = State.WAITING, True

    def cancel(self) -> None:
        """Ask for it to end before the next step."""
        self._cancel_requested = True

    def preview(self) -> torch.Tensor | None:
        """The latents (count, channels, h, w) that the last step predicts; None while there are none."""
        return self.read_preview()

    def snapshot(self) -> Snapshot | None:
        """A snapshot that another process can resume from; None while it is not running."""
        return self.take_snapshot()
