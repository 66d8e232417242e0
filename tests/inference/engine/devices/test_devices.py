"""Devices that this machine need not have."""

from __future__ import annotations

import pytest
import torch

from inference.engine.devices.devices import (
    PeakMemory,
    finest_dtype,
    is_fatal,
    is_out_of_memory,
    peak_memory,
    wanted_dtype,
)
from inference.messages.checkpoints import NumberFormat


@pytest.mark.parametrize(
    ("device", "finest"), [("cpu", torch.float64), ("cuda:1", torch.float64), ("mps", torch.float32)]
)
def test_apples_gpu_has_no_double_precision(device: str, finest: torch.dtype) -> None:
    assert finest_dtype(torch.device(device)) == finest


@pytest.mark.parametrize(
    "problem",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("MPS backend out of memory (MPS allocated: 8.00 GiB)"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
        RuntimeError("GET was unable to find an engine to execute this computation"),
        RuntimeError('NVML_SUCCESS == r INTERNAL ASSERT FAILED at "CUDACachingAllocator.cpp":1131'),
        RuntimeError("[enforce fail at alloc_cpu.cpp:119] DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_out_of_memory_is_recognised_in_every_librarys_words(problem: Exception) -> None:
    assert is_out_of_memory(problem) and not is_fatal(problem)


def test_other_errors_are_not_taken_for_out_of_memory() -> None:
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not is_out_of_memory(ValueError("out of memory"))


@pytest.mark.parametrize(
    "problem",
    [
        *(
            [torch.AcceleratorError("CUDA error: device-side assert triggered")]
            if hasattr(torch, "AcceleratorError")
            else []
        ),
        RuntimeError("CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be asynchronous"),
        RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm(handle)`"),
        RuntimeError("HIP error: invalid device function"),
    ],
)
def test_an_error_that_ends_the_device_is_recognised(problem: Exception) -> None:
    assert is_fatal(problem) and not is_out_of_memory(problem)


def test_an_error_of_one_call_does_not_end_the_device() -> None:
    assert not is_fatal(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not is_fatal(RuntimeError("CUDA error: CUBLAS_STATUS_NOT_SUPPORTED when calling `cublasGemmEx(handle)`"))
    assert not is_fatal(ValueError("CUDA error: an illegal memory access was encountered"))


@pytest.mark.parametrize(
    ("device", "native", "wanted", "dtype"),
    [
        ("cuda", True, NumberFormat.AUTO, None),
        ("cuda", True, NumberFormat.FLOAT32, torch.float32),
        ("cuda", True, NumberFormat.BFLOAT16, torch.bfloat16),
        ("cuda", False, NumberFormat.BFLOAT16, None),
        ("cuda", False, NumberFormat.FLOAT16, torch.float16),
        ("mps", True, NumberFormat.BFLOAT16, None),
        ("cpu", True, NumberFormat.FLOAT16, None),
    ],
)
def test_a_number_format_is_used_where_the_device_computes_it_by_itself(
    monkeypatch: pytest.MonkeyPatch, device: str, native: bool, wanted: NumberFormat, dtype: torch.dtype | None
) -> None:
    def supported(including_emulation: bool = True) -> bool:
        return native or including_emulation

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "a card")
    assert wanted_dtype(torch.device(device), wanted) is dtype


def test_each_job_has_the_peak_of_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0]
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda _: now[0])
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda _: now.__setitem__(0, 0))
    peaks = PeakMemory(torch.device("cuda"))
    now[0] = 900  # before the first
    peaks.begin(1)
    now[0] = 300
    peaks.begin(2)
    now[0] = 500
    assert peaks.end(1) == 500
    now[0] = 100
    assert (peaks.end(2), peaks.end(3)) == (500, 0)


def test_peak_memory_on_the_cpu_is_that_of_this_process() -> None:
    assert peak_memory(torch.device("cpu")) > 2**20
