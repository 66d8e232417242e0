"""A worker that knows the layers of small networks: `python -m tests.discord.small_worker FILE`.

LoRAs are told apart by the shapes of all layers, and those of a real model are too large for a test. FILE has small
ones in their place, as JSON: {network of the tables: {layer: shape}}.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from inference.engine import __main__ as engine
from inference.lora.tensors import tables

Shapes = Mapping[str, Mapping[str, Sequence[int]]]


@contextmanager
def known(networks: Shapes) -> Generator[None]:
    """While inside, these networks have layers of these shapes."""
    with pytest.MonkeyPatch.context() as patch:
        for network, shapes in networks.items():
            patch.setitem(tables.networks(), network, {name: tuple(shape) for name, shape in shapes.items()})
        tables.spelled.cache_clear()
        try:
            yield
        finally:
            patch.undo()
            tables.spelled.cache_clear()


if __name__ == "__main__":
    path = Path(sys.argv.pop())
    with known(json.loads(path.read_text("utf-8"))):
        engine.main()
