"""Which device paints, in which precision, and how much memory it took."""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import torch

from inference.memory import free_bytes

NICER = 5  # than the bot; with equal demand it gets a quarter of a core that both want

# How torch says it when the CPU's allocator, or an accelerator's driver, has nothing left.
# NVIDIA's libraries say it in a way of their own.
_OUT_OF_MEMORY_WORDS = ("can't allocate memory", "not enough memory", "out of memory", "bad_alloc", "_alloc_failed")


def pick_device(wish: str, threads: int | None) -> torch.device:
    """The wished device, or for `auto` the best there is. Raises RuntimeError for a device that is not there."""
    if threads:
        torch.set_num_threads(threads)
    if wish != "auto":
        return _existing(wish)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def _existing(wish: str) -> torch.device:
    """Only using a device shows whether it is there. Of several of a kind it is the one that is meant from now on."""
    try:
        device = torch.zeros(1, device=wish).device
        if device.type == "cuda":
            torch.cuda.set_device(device)  # else whatever names no device would take memory of the first
        return device
    except (RuntimeError, AssertionError) as problem:  # a torch that was built without it asserts
        reason = str(problem).partition("\n")[0]
        raise RuntimeError(f"the device {wish} cannot be used: {reason}") from problem


def threads(many: int, name: str) -> ThreadPoolExecutor:
    """So many threads that compute with as many processors as the process may use.

    Until a thread has asked how many that are, matrix products in it take all there are.
    """
    return ThreadPoolExecutor(many, name, torch.get_num_threads)


def give_way(device: torch.device) -> None:
    """On a CPU this process paints with what the bot beside it leaves: people there wait for answers.

    An accelerator gets its work from here at once, and takes little of the CPU.
    """
    if device.type == "cpu":
        os.nice(NICER)


def dtype_for(device: torch.device) -> torch.dtype:
    """Half precision where it is fast; a CPU computes float32 as fast and bit-equal on every run."""
    return torch.float32 if device.type == "cpu" else torch.float16


def wide_dtype(device: torch.device, dtype: torch.dtype) -> torch.dtype:
    """In place of float16, the half precision with the range of float32 that newer architectures were trained in."""
    has_it = device.type == "cuda" and torch.cuda.is_bf16_supported()
    return torch.bfloat16 if dtype == torch.float16 and has_it else dtype


def finest_dtype(device: torch.device) -> torch.dtype:
    """The most precise number format there: Apple's has no double precision."""
    return torch.float32 if device.type == "mps" else torch.float64


def is_for_several_threads(device: torch.device) -> bool:
    """Whether two threads may compute there at once: on Apple's the process aborts (pytorch/pytorch#197805)."""
    return device.type != "mps"


def is_out_of_memory(problem: BaseException) -> bool:
    """Whether `problem` is an allocation that failed, on any device."""
    if isinstance(problem, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(problem, RuntimeError) and any(word in str(problem).lower() for word in _OUT_OF_MEMORY_WORDS)


def clock_of(device: torch.device) -> Callable[[], float]:
    """What times a pass, in seconds: where one thread does all of it, that thread's own time, without others' share."""
    return time.thread_time if device.type == "cpu" and torch.get_num_threads() == 1 else time.perf_counter


def name_of(device: torch.device) -> str:
    """What a measurement is about: the accelerator's name, or how many threads a CPU paints with."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type} {platform.machine()} {torch.get_num_threads()}"


def release_memory(device: torch.device) -> None:
    """Give back what is free but kept for later: by torch for an accelerator, by glibc for the host."""
    if (trim := _trim()) is not None:
        trim(0)
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


@cache
def _trim() -> Callable[[int], int] | None:
    """Unless it is asked, glibc gives back only what is free at the top of its heap; others need no asking."""
    return getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None


def free_memory(device: torch.device) -> int | None:
    """Bytes that are free: on an NVIDIA card that paints, else of the host; None where nobody says."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else free_bytes()


def peak_memory(device: torch.device) -> int:
    """Bytes at the peak: of an NVIDIA card that paints, else of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
