"""Tries one by one what the pretend card has to notice, and prints by name whether it did.

python -m tools.pretend_card.proofs
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import torch

from tools.pretend_card.card import CARD, CardTensor, capacity
from tools.pretend_card.install import install

SIZE = 1000
PROOFS: dict[str, Callable[[], bool]] = {}


def proof(function: Callable[[], bool]) -> Callable[[], bool]:
    """Registers it under its name."""
    PROOFS[function.__name__] = function
    return function


def numbers() -> torch.Tensor:
    """Some, on the card."""
    return torch.ones(SIZE, device="cuda")


def waits(work: Callable[[], object]) -> int:
    """How often the host waits in it."""
    CARD.count_anew()
    work()
    return CARD.count_anew().waits.total()


def raises(kind: type[Exception], work: Callable[[], object]) -> bool:
    """Whether it raises that."""
    try:
        work()
    except kind:
        return True
    return False


@proof
def a_tensor_says_that_it_is_on_the_card() -> bool:
    one = numbers()
    return isinstance(one, CardTensor) and one.device == torch.device("cuda", 0) and one.is_cuda


@proof
def a_network_computes_what_it_computes_on_the_cpu() -> bool:
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.LayerNorm(16), torch.nn.GELU()).double()
    given = torch.randn(3, 8, dtype=torch.float64)
    expected = network(given)
    found = network.to("cuda")(given.to("cuda"))
    return isinstance(found, CardTensor) and torch.equal(found.cpu(), expected)


@proof
def operands_on_two_devices_are_refused() -> bool:
    one = numbers()
    before = CARD.mixed.total()
    refused = raises(RuntimeError, lambda: one + torch.ones(SIZE)) and CARD.mixed.total() == before + 1
    return refused and bool((one + torch.tensor(1.0)).cpu().eq(2).all())


@proof
def numbers_on_the_card_are_no_array() -> bool:
    return raises(TypeError, lambda: numbers().numpy())


@proof
def a_stream_that_does_not_wait_is_a_race() -> bool:
    one, stream, before = numbers(), torch.cuda.Stream(), CARD.memory.races.total()
    with torch.cuda.stream(stream):
        one.add(1)
    return CARD.memory.races.total() == before + 1


@proof
def a_stream_that_waits_is_none() -> bool:
    one, stream, before = numbers(), torch.cuda.Stream(), CARD.memory.races.total()
    stream.wait_event(torch.cuda.current_stream().record_event())
    with torch.cuda.stream(stream):
        made = one.add(1)
    torch.cuda.current_stream().wait_stream(stream)
    made.add(1)
    return CARD.memory.races.total() == before


@proof
def writing_what_another_stream_may_still_read_is_a_race() -> bool:
    one, stream = numbers(), torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        one.add(1)
    before = CARD.memory.races.total()
    one.zero_()
    return CARD.memory.races.total() == before + 1


def _freed_while_used(guard: Callable[[torch.Tensor, Any], None]) -> int:
    one, stream, before = numbers(), torch.cuda.Stream(), CARD.memory.unguarded.total()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        one.add(1)
    guard(one, stream)
    del one
    return CARD.memory.unguarded.total() - before


@proof
def memory_that_another_stream_uses_is_not_given_back_unguarded() -> bool:
    return _freed_while_used(lambda one, stream: None) == 1


@proof
def a_recorded_stream_guards_it() -> bool:
    return _freed_while_used(lambda one, stream: one.record_stream(stream)) == 0


@proof
def a_wait_of_the_host_guards_it() -> bool:
    return _freed_while_used(lambda one, stream: stream.synchronize()) == 0


@proof
def reading_a_number_is_a_wait() -> bool:
    one = numbers()
    ways: list[Callable[[], object]] = [one[0].item, one.tolist, one.cpu, lambda: bool(one.isfinite().all())]
    return [waits(way) for way in ways] == [1] * 4


@proof
def a_copy_to_the_card_is_a_wait_but_from_pinned_memory() -> bool:
    host = torch.ones(SIZE)
    pinned = host.pin_memory()
    return [
        waits(lambda: host.to("cuda")),
        waits(lambda: host.to("cuda", non_blocking=True)),
        waits(lambda: pinned.to("cuda")),
        waits(lambda: pinned.to("cuda", non_blocking=True)),
    ] == [1, 1, 1, 0]


@proof
def a_copy_to_the_host_is_a_wait_but_into_pinned_memory() -> bool:
    one, host = numbers(), torch.empty(SIZE)
    pinned = host.pin_memory()
    return [
        waits(lambda: host.copy_(one, non_blocking=True)),
        waits(lambda: pinned.copy_(one)),
        waits(lambda: pinned.copy_(one, non_blocking=True)),
    ] == [1, 1, 0]


def _read_from_pinned_memory(wait: Callable[[], object]) -> int:
    pinned, before = torch.empty(SIZE).pin_memory(), CARD.memory.races.total()
    pinned.copy_(numbers() * 2, non_blocking=True)
    wait()
    pinned.sum()
    return CARD.memory.races.total() - before


@proof
def reading_what_is_still_copied_is_a_race() -> bool:
    return _read_from_pinned_memory(lambda: None) == 1


@proof
def reading_after_a_wait_is_none() -> bool:
    return _read_from_pinned_memory(lambda: torch.cuda.current_stream().record_event().synchronize()) == 0


@proof
def a_kernel_is_no_wait() -> bool:
    one = numbers()
    return waits(lambda: (one * 2).softmax(0).view(10, -1).t()) == 0


@proof
def memory_ends() -> bool:
    with capacity(CARD.memory.used + SIZE):
        return raises(torch.OutOfMemoryError, numbers)


@proof
def memory_comes_back() -> bool:
    before = CARD.memory.used
    one = numbers()
    view = one[10:].view(-1, 10)
    taken = CARD.memory.used - before
    del one
    kept = CARD.memory.used - before
    del view
    return (taken, kept, CARD.memory.used - before) == (4 * SIZE, 4 * SIZE, 0)


@proof
def a_failing_kernel_fails_the_operation() -> bool:
    one = numbers()
    CARD.fails = lambda name: (
        RuntimeError("CUDA error: an illegal memory access was encountered") if name == "mul" else None
    )
    try:
        return raises(RuntimeError, lambda: one * 2)
    finally:
        CARD.fails = lambda _name: None


if __name__ == "__main__":
    install()
    print(json.dumps({name: bool(holds()) for name, holds in PROOFS.items()}))
