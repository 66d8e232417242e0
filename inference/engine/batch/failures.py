"""A failure stays with its request: steps and decodings are retried for each run, and errors become sentences."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator, Sequence

import torch

from inference.engine.batch.batch import Batch
from inference.engine.batch.denoising_run import DenoisingBatch, DenoisingRun
from inference.engine.batch.handle import Handle
from inference.engine.batch.run import Run
from inference.engine.devices.devices import DeviceFailed, is_fatal, is_out_of_memory
from inference.errors import InferenceError, OutOfMemory, WorkerFailed
from inference.messages.request import GenerationRequest

log = logging.getLogger(__name__)


def start_run(handle: Handle, make: Callable[[], Run]) -> Run:
    """The run that `make` makes, resumed from the handle's snapshot where possible. Raises when memory is short."""
    run = make()
    if handle.resume is None:
        return run
    try:
        handle.resume.put_back(run)
    except (ValueError, KeyError, TypeError, RuntimeError) as problem:
        if is_out_of_memory(problem):
            raise
        log.warning("restarting a request from its first step, because its snapshot is unusable: %s", problem)
        return make()
    return run


def retry_each(batch: DenoisingBatch, problem: Exception) -> dict[DenoisingRun, Exception]:
    """Retry a step that failed with `problem`, for each run by itself, so that the failing run alone fails."""
    if len(batch.runs) == 1 or not isinstance(batch, Batch):
        return dict.fromkeys(batch.runs, problem)
    log.warning("a batched step failed; running its requests one by one", exc_info=problem)
    failed: dict[DenoisingRun, Exception] = {}
    for run in batch.runs:
        single = Batch(batch.checkpoint)
        single.join(run)
        try:
            failed |= single.step() | single.settle()
        except Exception as own:  # noqa: BLE001 (the engine's loop: one request must not fail others)
            failed[run] = own
    return failed


def decode_or_retry_each(batch: DenoisingBatch, runs: Sequence[DenoisingRun]) -> list[torch.Tensor | Exception]:
    """The pictures of each run, or its error: a decoding that fails is retried for each run by itself."""
    try:
        return [*batch.decode(runs)]
    except Exception as problem:  # noqa: BLE001 (the engine's loop: one request must not fail others)
        if len(runs) == 1:
            # its frames would keep the memory that the next one needs
            return [problem.with_traceback(None) if is_out_of_memory(problem) else problem]
    return [picture for run in runs for picture in decode_or_retry_each(batch, [run])]


def as_inference_error(request: GenerationRequest, problem: BaseException) -> InferenceError:
    """The error that a request fails with, without tracebacks. Raises DeviceFailed where it is not the request's own.

    The frames of a traceback hold the request, its LoRAs and latents, and the request holds the error: a reference
    cycle, which would stay in memory until Python's garbage collector runs.
    """
    for each in _chain(problem):
        if is_fatal(each):  # every other request would fail with it too; in a new process they go on from their states
            raise DeviceFailed(str(each).partition("\n")[0]) from None
    known = _error_of(request, problem)
    _drop_tracebacks(problem, known)
    return known


def _error_of(request: GenerationRequest, problem: BaseException) -> InferenceError:
    if isinstance(problem, InferenceError):
        return problem
    if is_out_of_memory(problem):
        return OutOfMemory(what=f"{request.count} x {request.width}x{request.height} on {request.checkpoint}")
    log.error("a request failed", exc_info=problem)
    return WorkerFailed(reason=type(problem).__name__)


def clear_frames(problem: BaseException) -> None:
    """Clear the frames of this error's finished calls, so that it holds no memory; its traceback stays."""
    for each in _chain(problem):
        traceback.clear_frames(each.__traceback__)


def _drop_tracebacks(*problems: BaseException) -> None:
    """Drop the tracebacks of these errors, their causes and contexts."""
    for each in _chain(*problems):
        each.__traceback__ = None


def _chain(*problems: BaseException) -> Iterator[BaseException]:
    """These errors, their causes and contexts, each once; they may refer to each other."""
    chain, seen = [*problems], set[int]()
    while chain:
        each = chain.pop()
        if id(each) not in seen:
            seen.add(id(each))
            yield each
            chain += [other for other in (each.__cause__, each.__context__) if other is not None]
