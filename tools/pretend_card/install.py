"""Turns this process into one with a pretend card: `torch.cuda` is about it from then on."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import torch
from torch.utils import _device

from inference.engine.lora.layer_weights import add_plain_tensor
from tools.pretend_card import guard, streams
from tools.pretend_card.card import CARD, CardTensor, in_every_thread

BYTES = 24 * 2**30  # that it says it has, where nothing limits it


def install(folder: Path | None = None) -> None:
    """Have a pretend card. Raises RuntimeError where there is no C++ compiler."""
    guard.load(folder or Path(tempfile.gettempdir()))
    cuda: Any = torch.cuda
    memory = CARD.memory
    streams.Stream.wait = staticmethod(CARD.wait)
    functions = {
        "_lazy_init": lambda: None,
        "is_available": lambda: True,
        "device_count": lambda: 1,
        "current_device": lambda: 0,
        "set_device": lambda device: None,
        "get_device_name": lambda device=None: "pretended",
        "get_device_capability": lambda device=None: (8, 9),
        "is_bf16_supported": lambda *_args, **_options: True,
        "Stream": streams.Stream,
        "Event": streams.Event,
        "stream": streams.use,
        "current_stream": streams.current,
        "default_stream": lambda device=None: streams.DEFAULT,
        "synchronize": lambda device=None: CARD.wait(streams.current().clock, "the device"),
        "empty_cache": lambda: None,
        "memory_allocated": lambda device=None: memory.used,
        "memory_reserved": lambda device=None: memory.used,
        "max_memory_allocated": lambda device=None: memory.peak,
        "reset_peak_memory_stats": lambda device=None: setattr(memory, "peak", memory.used),
        "mem_get_info": lambda device=None: ((memory.capacity or BYTES) - memory.used, memory.capacity or BYTES),
    }
    for name, function in functions.items():
        setattr(cuda, name, function)
    tensor: Any = torch.Tensor
    tensor.pin_memory = lambda self, _device=None: CARD.pin(self)
    tensor.is_pinned = lambda self, _device=None: CARD.is_pinned(self)
    tensor.record_stream = lambda self, stream: self.block.record(stream)  # torch's own takes its own streams alone
    new_tensor = tensor.new_tensor

    def new_on_the_card(self: torch.Tensor, data: Any, **options: Any) -> torch.Tensor:
        if not isinstance(self, CardTensor):
            return new_tensor(self, data, **options)
        return torch.tensor(data, dtype=options.get("dtype", self.dtype)).to(self.device)

    tensor.new_tensor = new_on_the_card
    make_tensor: Any = torch.tensor

    def made_there(data: Any, *, device: Any = None, **options: Any) -> torch.Tensor:
        made = make_tensor(data, **options)
        return made if device is None else made.to(device)

    add_plain_tensor(CardTensor)
    # torch remembers which functions `with torch.device(…)` is for when it is asked first: they have to be its own, or
    # transformers takes the meta device for the host and leaves buffers without numbers.
    _device._device_constructors()
    torch.tensor = made_there  # torch has no kernels to begin one on its devices
    # a module's weights are replaced, not changed, when it moves: a tensor of the host cannot become the card's
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    in_every_thread()
