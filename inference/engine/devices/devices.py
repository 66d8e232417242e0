"""Devices: which one computes, its dtypes, its clock, and its memory."""

from __future__ import annotations

import ctypes
import logging
import os
import platform
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import torch

from inference.checkpoints.memory import free_bytes
from inference.messages.checkpoints import NumberFormat

log = logging.getLogger(__name__)

HOST = torch.device("cpu")

NICENESS = 5  # above the bot's: a worker gets a quarter of a core that both want

# Parts of torch's messages when the CPU's allocator or an accelerator's driver is out of memory, and of the messages of
# NVIDIA's libraries: cuBLAS and cuDNN make their workspaces late and then say that they are not initialised or have
# nothing that fits, and NVML is asked only to describe a failed allocation.
_OUT_OF_MEMORY_WORDS = (
    "can't allocate memory",
    "not enough memory",
    "out of memory",
    "bad_alloc",
    "_alloc_failed",
    "cublas_status_not_initialized",
    "cudnn_status_not_initialized",
    "cudnn_status_execution_failed",
    "unable to find an engine to execute this computation",
    "nvml_success",
)

# Beginnings of torch's messages when a kernel or the driver has failed. Nothing can be computed in the process then:
# the error comes again at every call. Where torch has AcceleratorError it raises that.
_FATAL_WORDS = ("cuda error:", "hip error:", "cuda driver error:")
_CUBLAS = "cublas_status_"  # "CUDA error: CUBLAS_STATUS_…" is about one call
_CUBLAS_FATAL = "cublas_status_execution_failed"


def pick_device(name: str, threads: int | None) -> torch.device:
    """The device of this name, or for `auto` the best one. Raises RuntimeError for a device that does not exist."""
    if threads:
        torch.set_num_threads(threads)
    if name != "auto":
        return _existing(name)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def _existing(name: str) -> torch.device:
    """Test a device by using it; a CUDA device becomes the current one."""
    try:
        device = torch.zeros(1, device=name).device
        if device.type == "cuda":
            torch.cuda.set_device(device)  # else code that names no device would allocate on the first one
        return device
    except (RuntimeError, AssertionError) as problem:  # torch without CUDA raises AssertionError
        reason = str(problem).partition("\n")[0]
        raise RuntimeError(f"the device {name} cannot be used: {reason}") from problem


def threads(many: int, name: str) -> ThreadPoolExecutor:
    """A pool of `many` threads that compute with as many processors as the process may use.

    Until a thread has called `get_num_threads`, matrix products in it use all processors.
    """
    return ThreadPoolExecutor(many, name, torch.get_num_threads)


def lower_priority(device: torch.device) -> None:
    """Lower the priority of a process that computes on the CPU: the bot on the same machine must answer quickly.

    A process that feeds an accelerator keeps its priority; it needs little of the CPU.
    """
    if device.type == "cpu":
        os.nice(NICENESS)


def dtype_for(device: torch.device) -> torch.dtype:
    """Half precision on accelerators; a CPU computes float32 as fast, and bit-identically on every run."""
    return torch.float32 if device.type == "cpu" else torch.float16


def wide_dtype(device: torch.device, dtype: torch.dtype) -> torch.dtype:
    """bfloat16 in place of float16 where the device has it: newer architectures were trained in its range."""
    return torch.bfloat16 if dtype == torch.float16 and has_bfloat16(device) else dtype


def has_bfloat16(device: torch.device) -> bool:
    """Whether a device computes bfloat16 by itself: older NVIDIA cards emulate it, many times slower."""
    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


def wanted_dtype(device: torch.device, wanted: NumberFormat) -> torch.dtype | None:
    """The dtype that an operator asks for; None where none is asked for, or the device does not compute it."""
    if wanted is NumberFormat.AUTO or device.type == "cpu":
        return None
    if wanted is NumberFormat.BFLOAT16 and not has_bfloat16(device):
        log.warning("%s has no native bfloat16; using float16", name_of(device))
        return None
    return getattr(torch, wanted.value)


def finest_dtype(device: torch.device) -> torch.dtype:
    """The most precise dtype of a device: Apple's GPUs have no float64."""
    return torch.float32 if device.type == "mps" else torch.float64


def is_for_several_threads(device: torch.device) -> bool:
    """Whether two threads may compute at once: on Apple's GPUs the process aborts (pytorch/pytorch#197805)."""
    return device.type != "mps"


def is_out_of_memory(problem: BaseException) -> bool:
    """Whether `problem` is a failed allocation, on any device."""
    if isinstance(problem, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(problem, RuntimeError) and any(word in str(problem).lower() for word in _OUT_OF_MEMORY_WORDS)


class DeviceFailed(Exception):
    """The device computes nothing any more in this process; another process may be able to use it."""


def is_fatal(problem: BaseException) -> bool:
    """Whether no other computation on the device can succeed in this process after `problem`."""
    if is_out_of_memory(problem) or not isinstance(problem, RuntimeError):
        return False
    accelerator_error: type[BaseException] | None = getattr(torch, "AcceleratorError", None)  # torch 2.8 and newer
    if accelerator_error is not None and isinstance(problem, accelerator_error):
        return True
    text = str(problem).lower()
    return text.startswith(_FATAL_WORDS) and (_CUBLAS not in text or _CUBLAS_FATAL in text)


def clock_of(device: torch.device) -> Callable[[], float]:
    """The clock that times passes, in seconds: a thread's CPU time where one thread computes, else real time."""
    return time.thread_time if device.type == "cpu" and torch.get_num_threads() == 1 else time.perf_counter


def name_of(device: torch.device) -> str:
    """The name of a device for measurements: the accelerator's, or a CPU's with its number of threads."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type} {platform.machine()} {torch.get_num_threads()}"


class PeakMemory:
    """The peak memory of each job in bytes, though several are painted at once: read and reset when one begins or ends.

    Of a process on another device than CUDA there is one peak, since it began.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._peaks: dict[int, int] = {}

    def begin(self, job_id: int) -> None:
        """From now on, for this job too."""
        self._read()
        self._peaks[job_id] = 0

    def end(self, job_id: int) -> int:
        """The peak of a job, which ends; 0 of one that never began."""
        self._read()
        return self._peaks.pop(job_id, 0)

    def _read(self) -> None:
        peak = peak_memory(self._device)
        self._peaks = {job_id: max(before, peak) for job_id, before in self._peaks.items()}
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)


def release_memory(device: torch.device) -> None:
    """Give back free memory that torch keeps on an accelerator, and glibc on the host."""
    if (trim := _trim()) is not None:
        trim(0)
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


@cache
def _trim() -> Callable[[int], int] | None:
    """glibc's malloc_trim: glibc returns free memory below the top of its heap only when it is called."""
    return getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None


def free_memory(device: torch.device) -> int | None:
    """Bytes that are free: on an NVIDIA card that paints, else of the host; None where nobody says."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else free_bytes()


def card_memory(device: torch.device) -> tuple[int, int] | None:
    """Bytes that are free on a graphics card, and its size; None on other devices."""
    return torch.cuda.mem_get_info(device) if device.type == "cuda" else None


def own_memory(device: torch.device) -> int | None:
    """Bytes that this process has or could have on an NVIDIA card; None on other devices."""
    if device.type != "cuda":
        return None
    return torch.cuda.mem_get_info(device)[0] + torch.cuda.memory_reserved(device)


Room = Callable[[torch.device], int | None]


def room_on(device: torch.device) -> int | None:
    """Bytes that this process can allocate on a CUDA device, between two passes; None elsewhere."""
    memory = own_memory(device)
    return None if memory is None else memory - torch.cuda.memory_allocated(device)


def peak_memory(device: torch.device) -> int:
    """Peak memory in bytes: of the CUDA device, else of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
