"""What goes wrong with one request stays with it: tried alone, begun anew, or told in a sentence."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator, Sequence

import torch

from inference.engine.batch.batch import Batch
from inference.engine.batch.denoising_run import Painted, Sharing
from inference.engine.batch.handle import Handle
from inference.engine.batch.run import Run
from inference.engine.devices.devices import is_out_of_memory
from inference.errors import InferenceError, OutOfMemory, WorkerFailed
from inference.messages import GenerationRequest

log = logging.getLogger(__name__)


def begun(handle: Handle, make: Callable[[], Run]) -> Run:
    """The run, where possible in the state in which it was left. Running out of memory passes through."""
    run = make()
    if handle.resume is None:
        return run
    try:
        handle.resume.put_back(run)
    except (ValueError, KeyError, TypeError, RuntimeError) as problem:
        if is_out_of_memory(problem):
            raise
        log.warning("a request begins anew, its state is of no use: %s", problem)
        return make()
    return run


def each_alone(batch: Sharing, problem: Exception) -> dict[Painted, Exception]:
    """A step that failed for all with `problem` is tried for each run by itself, so that only the guilty one fails."""
    if len(batch.runs) == 1 or not isinstance(batch, Batch):
        return dict.fromkeys(batch.runs, problem)
    failed: dict[Painted, Exception] = {}
    for run in batch.runs:
        alone = Batch(batch.checkpoint)
        alone.join(run)
        try:
            failed |= alone.step()
        except Exception as again:  # noqa: BLE001 (the engine's loop: one bad request must not take others along)
            failed[run] = again
    return failed


def decoded(batch: Sharing, runs: Sequence[Painted]) -> list[torch.Tensor | Exception]:
    """The pictures of each; what fails for all is tried for each by itself, so that only the guilty one fails."""
    try:
        return [*batch.decode(runs)]
    except Exception as problem:  # noqa: BLE001 (the engine's loop: one bad request must not take others along)
        if len(runs) == 1:
            # its frames would keep the memory that the next one needs
            return [problem.with_traceback(None) if is_out_of_memory(problem) else problem]
    return [picture for run in runs for picture in decoded(batch, [run])]


def explained(request: GenerationRequest, problem: BaseException) -> InferenceError:
    """The error that a request fails with.

    It is let go of its frames: they hold the request, its LoRAs and half its picture, and the request holds the error;
    such a ring would stay in memory until Python's collector, which seldom looks at all, finds it.
    """
    known = _known(request, problem)
    _let_go(problem, known)
    return known


def _known(request: GenerationRequest, problem: BaseException) -> InferenceError:
    if isinstance(problem, InferenceError):
        return problem
    if is_out_of_memory(problem):
        return OutOfMemory(what=f"{request.count} x {request.width}x{request.height} on {request.checkpoint}")
    log.error("a request failed", exc_info=problem)
    return WorkerFailed(reason=type(problem).__name__)


def clear_frames(problem: BaseException) -> None:
    """Empty the frames of `problem` that have ended, so that it holds no memory; where it was raised stays known."""
    for each in _led_to(problem):
        traceback.clear_frames(each.__traceback__)


def _let_go(*problems: BaseException) -> None:
    for each in _led_to(*problems):
        each.__traceback__ = None


def _led_to(*problems: BaseException) -> Iterator[BaseException]:
    """These and all that led to them; of two, each may be the other's cause."""
    led, seen = [*problems], set[int]()
    while led:
        each = led.pop()
        if id(each) not in seen:
            seen.add(id(each))
            yield each
            led += [other for other in (each.__cause__, each.__context__) if other is not None]
