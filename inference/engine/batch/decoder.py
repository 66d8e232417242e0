"""Decodes those who are done beside the steps of the others: one group after another, on a thread of its own.

A thread helps where somebody has time for it: on an accelerator, which gets a stream of its own, or where as many
cores are idle as paint. Elsewhere, and where networks take turns in memory, the steps wait.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, field
from typing import Any

import torch

from inference.engine.batch.batch import Batch
from inference.engine.batch.denoising_run import Painted, Sharing
from inference.engine.batch.failures import decoded
from inference.engine.batch.handle import Handle
from inference.engine.devices.devices import threads
from inference.errors import NotANumberPicture

Pictures = list[torch.Tensor | Exception]


@dataclass(frozen=True)
class Group:
    """Runs that ended in the same step of `batch`, which they have left, and the handles of those who wait for them."""

    batch: Sharing
    runs: Sequence[Painted]
    handles: Sequence[Handle]
    future: Future[Pictures] = field(default_factory=Future[Pictures])

    def decode(self) -> Pictures:
        """Their pictures (count, 3, height, width) in 0..1, or for each what went wrong."""
        found = decoded(self.batch, self.runs)
        return [self._checked(run, pictures) for run, pictures in zip(self.runs, found, strict=True)]

    def _checked(self, run: Painted, pictures: torch.Tensor | Exception) -> torch.Tensor | Exception:
        if isinstance(pictures, Exception):
            return pictures
        parts = (run.latents, pictures)
        try:  # an accelerator may say only here that it could not compute them
            finite = all(bool(one.isfinite().all()) for one in parts if one is not None)
        except RuntimeError as problem:
            return problem.with_traceback(None)
        return pictures if finite else NotANumberPicture()


class Decoder:
    """Decodes one group at a time; all methods belong to the engine's thread."""

    def __init__(self, device: torch.device) -> None:
        self._beside = _has_time(device)
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        self._thread = threads(1, "decoder")
        self._group: Group | None = None

    @property
    def work(self) -> list[Future[Any]]:
        """What is being decoded, to wait for."""
        return [self._group.future] if self._group else []

    def begin(self, batch: Sharing, runs: Sequence[Painted], handles: Sequence[Handle]) -> None:
        """Decode them, once the group before was taken."""
        assert self._group is None, "one at a time: who comes faster than pictures are decoded has to wait"
        group = self._group = Group(batch, runs, handles)
        if self._beside and isinstance(batch, Batch) and not batch.checkpoint.residence.in_turns:
            # Their latents are made by what the steps' stream has been given so far.
            ready = self._stream and torch.cuda.current_stream(self._stream.device).record_event()
            self._thread.submit(self._do, group, ready)
        else:
            self._do(group, None)

    def take(self, *, wait: bool) -> Group | None:
        """The group that was begun, when its pictures are there; then it may be another's turn."""
        group = self._group
        if group is None or not (wait or group.future.done()):
            return None
        wait_for([group.future])
        self._group = None
        return group

    def rest(self) -> None:
        """Wait until the thread holds no batch any more: it does for a moment after its pictures are there."""
        self._thread.submit(int).result()

    def close(self) -> None:
        """Let the thread end."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _do(self, group: Group, ready: Any) -> None:
        try:
            if ready is None or self._stream is None:
                group.future.set_result(group.decode())
                return
            with torch.cuda.stream(self._stream):
                self._stream.wait_event(ready)
                pictures = group.decode()
                self._stream.synchronize()
            group.future.set_result(pictures)
        except BaseException as problem:  # noqa: BLE001 (it is raised where the engine takes the group)
            group.future.set_exception(problem)


def _has_time(device: torch.device) -> bool:
    """Whether a thread beside the steps does not only take their time."""
    if device.type == "cpu":
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return 2 * torch.get_num_threads() <= cores
    return device.type == "cuda"
