"""Devices that this machine need not have."""

from __future__ import annotations

import pytest
import torch

from inference.engine.devices.devices import finest_dtype, is_out_of_memory, peak_memory


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
        RuntimeError("[enforce fail at alloc_cpu.cpp:119] DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_out_of_memory_is_recognised_in_every_librarys_words(problem: Exception) -> None:
    assert is_out_of_memory(problem)


def test_other_errors_are_not_taken_for_out_of_memory() -> None:
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not is_out_of_memory(ValueError("out of memory"))


def test_peak_memory_on_the_cpu_is_that_of_this_process() -> None:
    assert peak_memory(torch.device("cpu")) > 2**20
