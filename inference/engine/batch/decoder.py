"""Finished runs are decoded on a separate thread, one group after another, while the batch keeps stepping.

That helps on CUDA devices, where decoding gets a stream of its own, and where at least as many cores are idle as
denoise. Elsewhere, and where networks are offloaded, the steps wait for the decoder.
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
from inference.engine.batch.denoising_run import DenoisingBatch, DenoisingRun
from inference.engine.batch.failures import decode_or_retry_each
from inference.engine.batch.handle import Handle
from inference.engine.devices.devices import threads
from inference.errors import NotANumberPicture

Pictures = list[torch.Tensor | Exception]


@dataclass(frozen=True)
class Group:
    """Runs that ended in the same step of `batch`, which they have left, and their handles."""

    batch: DenoisingBatch
    runs: Sequence[DenoisingRun]
    handles: Sequence[Handle]
    future: Future[Pictures] = field(default_factory=Future[Pictures])

    def decode(self) -> Pictures:
        """The pictures (count, 3, height, width) in 0..1 of each run, or its error."""
        found = decode_or_retry_each(self.batch, self.runs)
        return [self._checked(run, pictures) for run, pictures in zip(self.runs, found, strict=True)]

    def _checked(self, run: DenoisingRun, pictures: torch.Tensor | Exception) -> torch.Tensor | Exception:
        if isinstance(pictures, Exception):
            return pictures
        parts = (run.latents, pictures)
        try:  # an accelerator computes asynchronously and may raise its errors only here
            finite = all(bool(one.isfinite().all()) for one in parts if one is not None)
        except RuntimeError as problem:
            return problem.with_traceback(None)
        return pictures if finite else NotANumberPicture()


class Decoder:
    """Decodes one group at a time. Call all methods from the engine's thread."""

    def __init__(self, device: torch.device) -> None:
        self._concurrent = _can_decode_concurrently(device)
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        self._thread = threads(1, "decoder")
        self._group: Group | None = None

    @property
    def work(self) -> list[Future[Any]]:
        """The future of the group that is being decoded, to wait for."""
        return [self._group.future] if self._group else []

    def begin(self, batch: DenoisingBatch, runs: Sequence[DenoisingRun], handles: Sequence[Handle]) -> None:
        """Start to decode `runs`; the group before must have been taken."""
        assert self._group is None, "one group at a time: take the one before first"
        group = self._group = Group(batch, runs, handles)
        if self._concurrent and isinstance(batch, Batch) and not batch.checkpoint.residence.offloading:
            # The latents are computed by kernels that the steps' stream has queued so far.
            latents_ready = self._stream and torch.cuda.current_stream(self._stream.device).record_event()
            self._thread.submit(self._run, group, latents_ready)
        else:
            self._run(group, None)

    def take(self, *, wait: bool) -> Group | None:
        """The group, once its pictures are decoded, else None; then the next one may begin."""
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
        """End the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _run(self, group: Group, latents_ready: Any) -> None:
        try:
            if latents_ready is None or self._stream is None:
                group.future.set_result(group.decode())
                return
            with torch.cuda.stream(self._stream):
                self._stream.wait_event(latents_ready)
                pictures = group.decode()
                self._stream.synchronize()
            group.future.set_result(pictures)
        except BaseException as problem:  # noqa: BLE001 (raised where the engine takes the group)
            group.future.set_exception(problem)


def _can_decode_concurrently(device: torch.device) -> bool:
    """Whether decoding on a separate thread does not merely slow down the steps."""
    if device.type == "cpu":
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return 2 * torch.get_num_threads() <= cores
    return device.type == "cuda"
