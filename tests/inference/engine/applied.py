"""Folded changes on the layers of a network, as the engine puts them there."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager

from inference.engine.layers.additions import Addition, addition_of
from inference.engine.layers.layer_hooks import Board
from inference.engine.lora.folding import Folded, Layers, ModuleKey


@contextmanager
def attached(layers: Layers, changes: Mapping[ModuleKey, Folded]) -> Generator[Callable[[], set[ModuleKey]]]:
    """While inside, every layer named in `changes` adds its change to its output. Raises KeyError for a stranger.

    Yields a function that tells whose changes have not been at work yet.
    """
    board = Board(layers)
    additions: list[Addition | None] = [None] * len(layers)
    for key, change in changes.items():
        additions[board.places[key]] = addition_of(change, layers[key])
    with board.showing(additions):
        yield lambda: {board.keys[place] for place in board.idle(board.places[key] for key in changes)}
