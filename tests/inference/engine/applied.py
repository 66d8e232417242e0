"""Folded changes on the layers of a network, as the engine puts them there."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager

from inference.engine.layers.additions import Addition, addition_of
from inference.engine.layers.layer_hooks import LayerHooks
from inference.engine.lora.folding import Folded, Layers, ModuleKey


@contextmanager
def attached(layers: Layers, changes: Mapping[ModuleKey, Folded]) -> Generator[Callable[[], set[ModuleKey]]]:
    """While inside, every layer named in `changes` adds its change to its output. Raises KeyError for a stranger.

    Yields a function that tells which layers have added nothing yet.
    """
    hooks = LayerHooks(layers)
    additions: list[Addition | None] = [None] * len(layers)
    for key, change in changes.items():
        additions[hooks.indices[key]] = addition_of(change, layers[key])
    with hooks.applying(additions):
        yield lambda: {hooks.keys[index] for index in hooks.uncalled(hooks.indices[key] for key in changes)}
