"""The pretend card: its tensors, and what happens at each operation of torch."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves, tree_map

from tools.pretend_card import streams
from tools.pretend_card.memory import Block, Memory
from tools.pretend_card.streams import NOTES, Clock, Stream, join

DEVICE = torch.device("cuda", 0)
ENGINE = str(Path("inference", "engine"))
ROOT = Path(__file__).parents[2]

# Operations that a card takes operands on the host for: they are copies, or read numbers as arguments of a kernel.
COPIES = frozenset({"_to_copy", "copy_", "_foreach_copy_", "set_", "lift_fresh"})
INDEXING = frozenset({"index", "index_put", "index_put_", "_index_put_impl_", "_unsafe_index"})
# Kernels that take no number on the host in place of a tensor, not even one of no dimension.
STRICT = frozenset(
    {
        "mm",
        "bmm",
        "addmm",
        "baddbmm",
        "cat",
        "stack",
        "convolution",
        "native_layer_norm",
        "native_group_norm",
        "embedding",
    }
)
# Operations whose result the host needs: it waits for the device.
ANSWERS = frozenset({"_local_scalar_dense", "is_nonzero", "equal", "nonzero", "masked_select", "_linalg_check_errors"})
ON_THE_HOST = frozenset({"_local_scalar_dense", "is_nonzero", "equal"})
ALLOCATIONS = frozenset({"empty", "empty_strided", "empty_like", "new_empty", "new_empty_strided"})
MUST_SHARE = "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu! ({what})"


class CardTensor(torch.Tensor):
    """A tensor that says that it is on the card; its numbers are in `host_data`, its memory in `block`."""

    host_data: torch.Tensor
    block: Block

    @staticmethod
    def __new__(cls, host_data: torch.Tensor, block: Block) -> CardTensor:
        """A wrapper without numbers of its own."""
        made = torch.Tensor._make_wrapper_subclass(
            cls, host_data.size(), strides=host_data.stride(), storage_offset=host_data.storage_offset(),
            dtype=host_data.dtype, layout=host_data.layout, device=DEVICE, requires_grad=False,
        )  # fmt: skip
        made.host_data, made.block = host_data, block
        return made

    def __init__(self, host_data: torch.Tensor, block: Block) -> None:
        super().__init__()

    def __repr__(self, **_options: Any) -> str:
        return f"CardTensor({self.host_data!r})"

    def __deepcopy__(self, memo: dict[int, Any]) -> torch.Tensor:
        return self.clone()

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("a tensor on the card is not pickled here")

    @classmethod
    def __torch_dispatch__(cls, operation: Any, kinds: Any, args: Any = (), options: Any = None) -> Any:
        return CARD.run(operation, args, options or {})

    @classmethod
    def __torch_function__(cls, function: Any, kinds: Any, args: Any = (), options: Any = None) -> Any:
        options = options or {}
        if function is torch.Tensor.__getitem__:
            return CARD.item(*args)
        if function is torch.Tensor.__setitem__:
            return CARD.set_item(*args)
        if function is torch.Tensor.tolist:
            return CARD.to_list(args[0])
        if function is torch.Tensor.numpy:
            raise TypeError("can't convert cuda:0 device type tensor to numpy. Copy it to host memory first.")
        if function is torch.nn.functional.scaled_dot_product_attention:
            return CARD.attention(*args, **options)
        with torch._C.DisableTorchFunctionSubclass():
            return function(*args, **options)


@dataclass(frozen=True)
class Counted:
    """What the card counted: waits by what for and where, kernels by name, bytes by direction, pieces copied."""

    waits: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    kernels: Counter[str] = field(default_factory=Counter[str])
    copied: Counter[str] = field(default_factory=Counter[str])
    copies: Counter[str] = field(default_factory=Counter[str])


class Card(TorchDispatchMode):
    """The only one. `fails` may return an error for an operation, which it then ends with."""

    def __init__(self) -> None:
        super().__init__()
        # What the host knows to be done; one for all threads, which tell each other through futures.
        self.host: Clock = {}
        self.memory = Memory(self.host, where)
        self.counted = Counted()
        self.fails: Callable[[str], Exception | None] = lambda _name: None
        self.mixed: Counter[str] = Counter()  # operations that were refused for operands on two devices, by place
        self._pinned: set[int] = set()
        self._arriving: dict[int, Clock] = {}  # what pinned memory will hold once so much is done

    def count_anew(self) -> Counted:
        """What was counted until now; from now on anew. Races and unguarded blocks stay in `memory`."""
        before, self.counted = self.counted, Counted()
        return before

    # --- operations ---------------------------------------------------------------------------------------------------

    def __torch_dispatch__(self, operation: Any, kinds: Any, args: Any = (), options: Any = None) -> Any:
        return self.run(operation, args, options or {})

    def run(self, operation: Any, args: Any, options: Any) -> Any:
        """One operation of torch, on the card if one of its operands or its result is there."""
        tensors = [each for each in tree_leaves((args, options)) if isinstance(each, torch.Tensor)]
        ours = [each for each in tensors if isinstance(each, CardTensor)]
        target = options.get("device")
        target = None if target is None else torch.device(target)
        to_card = target is not None and target.type == DEVICE.type
        if not ours and not to_card:
            self._check_arrivals(tensors)
            return operation(*args, **options)
        name = operation._schema.name.partition("::")[2]
        if (problem := self.fails(name)) is not None:
            raise problem
        foreign = [each for each in tensors if not isinstance(each, CardTensor)]
        if ours and foreign and name not in COPIES:
            self._check_operands(name, foreign)
        stream = streams.current()
        join(stream.clock, self.host)
        inner = dict(options) | ({"device": torch.device("cpu")} if to_card else {})
        found = operation(*tree_map(_host, args), **tree_map(_host, inner))
        if name == "_pin_memory":
            return found
        stays = name not in ON_THE_HOST and (target is None or to_card)
        if name in ANSWERS or not stays:
            self._read(ours, stream)
        late = bool(options.get("non_blocking") or (name == "copy_" and True in args[2:]))
        self._count_transfer(name, found, foreign, stream, late=late, stays=stays, to_card=to_card)
        if not stays:
            return found
        launches = not _is_view(operation, name) and name not in ALLOCATIONS
        if launches:
            self.counted.kernels[name] += len(args[0]) if name.startswith("_foreach") else 1
            stream.launch(self.host)
            self._read(ours, stream)
        return self._on_the_card(operation, found, args, options, ours, stream, wrote=launches)

    def _check_operands(self, name: str, foreign: list[torch.Tensor]) -> None:
        if name in INDEXING:
            self.wait(streams.current().clock, "an index on the host")
            return
        for each in foreign:
            if each.ndim > 0 or name in STRICT:
                self.mixed[f"{where()}: {name}"] += 1
                raise RuntimeError(MUST_SHARE.format(what=f"{name}, a tensor of {tuple(each.shape)}"))

    def _count_transfer(
        self, name: str, found: Any, foreign: list[torch.Tensor], stream: Stream, *, late: bool, stays: bool,
        to_card: bool,
    ) -> None:  # fmt: skip
        size = sum(each.numel() * each.element_size() for each in tree_leaves(found) if isinstance(each, torch.Tensor))
        waits = not late or not all(self.is_pinned(each) for each in foreign)
        if name == "_to_copy" and to_card and foreign:
            self._count_copy("to the card", size)
            if waits:
                self.wait(stream.clock, "a copy to the card")
        elif name == "_to_copy" and not stays:
            self._count_copy("to the host", size)
            self.wait(stream.clock, "a copy to the host")
        elif name == "copy_" and foreign:
            self._count_copy("to the host" if found is foreign[0] else "to the card", size)
            if waits:
                self.wait(stream.clock, "a copy")
            elif found is foreign[0]:
                self._arriving[_storage(found)] = stream.record_event().clock
        elif name in ANSWERS:
            self.wait(stream.clock, name)

    def _count_copy(self, way: str, size: int) -> None:
        self.counted.copied[way] += size
        self.counted.copies[way] += 1

    def _on_the_card(
        self, operation: Any, found: Any, args: Any, options: Any, ours: list[CardTensor], stream: Stream, *,
        wrote: bool,
    ) -> Any:  # fmt: skip
        """The results as the card's tensors: operands that were changed in place, views of operands, or new ones."""
        changed = [
            each
            for value, argument in zip(args, operation._schema.arguments, strict=False)
            if argument.alias_info is not None and argument.alias_info.is_write
            for each in tree_leaves(value)
        ]
        changed += [options[each.name] for each in operation._schema.arguments if each.is_out and each.name in options]
        same = {id(each.host_data): each for each in changed if isinstance(each, CardTensor)}
        for each in same.values():
            each.block.write(stream)
        blocks = {_storage(each.host_data): each.block for each in ours}

        def on_the_card(result: Any) -> Any:
            if not isinstance(result, torch.Tensor) or isinstance(result, CardTensor):
                return result
            if id(result) in same:
                return same[id(result)]
            block = blocks.get(_storage(result))
            if block is None:
                block = Block(self.memory, result.untyped_storage().nbytes(), stream)
                if wrote:
                    block.write(stream)
                blocks[_storage(result)] = block
            return CardTensor(result, block)

        return tree_map(on_the_card, found)

    # --- what torch does not dispatch ---------------------------------------------------------------------------------

    def item(self, tensor: torch.Tensor, key: Any) -> Any:
        """`tensor[key]`."""
        self._check_key(tensor, key)
        with _disable_current_modes():
            found = _host(tensor)[tree_map(_host, key)]
        if not isinstance(tensor, CardTensor):
            return found
        stream = streams.current()
        if _storage(found) == _storage(tensor.host_data):
            return CardTensor(found, tensor.block)
        self.counted.kernels["index"] += 1
        stream.launch(self.host)
        self._read([tensor], stream)
        block = Block(self.memory, found.untyped_storage().nbytes(), stream)
        block.write(stream)
        return CardTensor(found, block)

    def set_item(self, tensor: torch.Tensor, key: Any, value: Any) -> None:
        """`tensor[key] = value`."""
        self._check_key(tensor, key)
        stream = streams.current()
        if isinstance(tensor, CardTensor):
            if isinstance(value, torch.Tensor) and not isinstance(value, CardTensor) and value.ndim:
                self.wait(stream.clock, "an assignment from the host")
            self.counted.kernels["index_put"] += 1
            stream.launch(self.host)
            self._read([value] if isinstance(value, CardTensor) else [], stream)
            tensor.block.write(stream)
        elif isinstance(value, CardTensor):
            self._read([value], stream)
            self.wait(stream.clock, "an assignment to the host")
        with _disable_current_modes():
            _host(tensor)[tree_map(_host, key)] = _host(value)

    def _check_key(self, tensor: torch.Tensor, key: Any) -> None:
        for each in key if isinstance(key, tuple) else (key,):
            on_card = isinstance(each, CardTensor)
            if isinstance(each, torch.Tensor) and (
                (on_card and (each.ndim == 0 or each.dtype == torch.bool))
                or (not on_card and each.ndim > 0 and isinstance(tensor, CardTensor))
            ):
                self.wait(streams.current().clock, "an index")

    def to_list(self, tensor: CardTensor) -> Any:
        """`tensor.tolist()`."""
        stream = streams.current()
        self._read([tensor], stream)
        self.wait(stream.clock, "tolist")
        return tensor.host_data.tolist()

    def attention(self, *args: Any, **options: Any) -> torch.Tensor:
        """Fused attention, which torch chooses by the device: one kernel."""
        tensors = [each for each in tree_leaves((args, options)) if isinstance(each, torch.Tensor)]
        if foreign := [each for each in tensors if not isinstance(each, CardTensor)]:
            self._check_operands("scaled_dot_product_attention", foreign)
        stream = streams.current()
        stream.launch(self.host)
        self._read([each for each in tensors if isinstance(each, CardTensor)], stream)
        self.counted.kernels["scaled_dot_product_attention"] += 1
        with _disable_current_modes():
            attention = torch.nn.functional.scaled_dot_product_attention
            found = attention(*tree_map(_host, args), **tree_map(_host, options))
        block = Block(self.memory, found.untyped_storage().nbytes(), stream)
        block.write(stream)
        return CardTensor(found, block)

    # --- pinned memory ------------------------------------------------------------------------------------------------

    def pin(self, tensor: torch.Tensor) -> torch.Tensor:
        """`tensor.pin_memory()`: a copy from which a card reads without the host."""
        pinned = tensor.clone()
        storage = pinned.untyped_storage()
        self._pinned.add(_storage(pinned))
        pinned.__dict__["_keeps_pinned"] = _Unpin(self, storage._cdata)
        return pinned

    def unpin(self, storage: int) -> None:
        """Forget pinned memory, which is freed."""
        self._pinned.discard(storage)
        self._arriving.pop(storage, None)

    def _check_arrivals(self, tensors: list[torch.Tensor]) -> None:
        """The host uses these: what is copied into them must be there."""
        for each in tensors if self._arriving else ():
            for stream, kernel in self._arriving.get(_storage(each), {}).items():
                if self.host.get(stream, 0) < kernel:
                    self.memory.races[f"{where()}: the host reads what stream {stream} may still copy"] += 1

    def is_pinned(self, tensor: torch.Tensor) -> bool:
        """Whether a card can read it without the host."""
        return _storage(tensor) in self._pinned

    # --- the host -----------------------------------------------------------------------------------------------------

    def wait(self, clock: Clock, what: str) -> None:
        """The host waits until all that `clock` knows is done."""
        with NOTES:
            join(self.host, clock)
            self.counted.waits[what, where()] += 1

    def _read(self, tensors: list[CardTensor], stream: Stream) -> None:
        for each in tensors:
            each.block.read(stream)


class _Unpin:
    """Forgets pinned memory with its tensor."""

    def __init__(self, card: Card, storage: int) -> None:
        self._card, self._storage = card, storage

    def __del__(self) -> None:
        self._card.unpin(self._storage)


def _host(value: Any) -> Any:
    return value.host_data if isinstance(value, CardTensor) else value


def _storage(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage()._cdata


def _is_view(operation: Any, name: str) -> bool:
    """Whether its result is another look at an operand's memory."""
    if name == "_unsafe_view":
        return True
    returns = [each.alias_info for each in operation._schema.returns]
    return bool(returns) and all(each is not None and not each.is_write for each in returns)


def where() -> str:
    """The place in the engine that runs now, the innermost one; else the innermost place outside of torch."""
    frame, nearest = sys._getframe(1), ""
    while frame is not None:
        path = frame.f_code.co_filename
        if ENGINE in path:
            return f"{Path(path).relative_to(ROOT)}:{frame.f_code.co_name}"
        if not nearest and "site-packages" not in path and "pretend_card" not in path:
            nearest = f"{Path(path).name}:{frame.f_code.co_name}"
        frame = frame.f_back
    return nearest


CARD = Card()


@contextlib.contextmanager
def capacity(size: int | None) -> Iterator[None]:
    """Around code for which the card has so many bytes."""
    before, CARD.memory.capacity = CARD.memory.capacity, size
    try:
        yield
    finally:
        CARD.memory.capacity = before


def in_every_thread() -> None:
    """Let the card see the operations of this thread and of all that begin from now on."""
    run = threading.Thread.run

    def running(thread: threading.Thread) -> None:
        with CARD:
            run(thread)

    threading.Thread.run = running  # type: ignore[method-assign]
    CARD.__enter__()
