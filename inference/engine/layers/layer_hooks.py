"""The switchboard between the batch and the layers of a checkpoint: what each layer adds to its output just now.

Layers keep their weights and names; only their class is exchanged for one that asks the board. Another batch or other
LoRAs are another list on the board, whatever the number of layers.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch import nn

from inference.engine.layers.additions import Addition, is_pointwise
from inference.engine.lora.folding import Layer, Layers, ModuleKey

Additions = Sequence[Addition | None]  # by place; None: the layer adds nothing
Said = dict[int, torch.Tensor]  # what layers answered, by place

# A layer is small when a LoRA of this rank would have half as many numbers and more: a matrix of its own for each
# picture is then cheaper than what LoRAs add. Layers of Stable Diffusion and SDXL are all larger.
SMALL = 128


class Board:
    """Numbers the changeable layers of one checkpoint (their *places*) and tells each what to add.

    `device` is where they paint, wherever they are just now.
    """

    def __init__(self, layers: Layers, device: torch.device | None = None) -> None:
        self.device = device
        self.small = SMALL
        self.keys: tuple[ModuleKey, ...] = tuple(layers)
        self.layers: tuple[Layer, ...] = tuple(layers.values())
        self.places = {key: place for place, key in enumerate(self.keys)}
        self.ran = bytearray(len(self.keys))
        self.watching = True
        self.said: Said | None = None
        self._of_words: tuple[int, ...] = ()
        for place, layer in enumerate(self.layers):
            layer.__class__ = _asking(type(layer))
            vars(layer).update(board=self, place=place, addition=None, of_words=False)

    def is_small(self, layer: Layer) -> bool:
        """Whether each picture gets weights of its own there."""
        outputs, inputs = layer.weight.shape[:2]
        matrix = isinstance(layer, nn.Linear) or is_pointwise(layer)
        return matrix and outputs * inputs <= self.small * (outputs + inputs)

    def hear_words(self, layers: Iterable[nn.Module]) -> None:
        """These are given the words of the prompt and nothing else: the same in each step of a picture."""
        for layer in layers:
            vars(layer)["of_words"] = True
        self._of_words = tuple(place for place, layer in enumerate(self.layers) if vars(layer)["of_words"])

    def hear(self, words: torch.Tensor, worn: Sequence[Additions]) -> Said:
        """What those layers say of `words` (rows, tokens, width): equally many rows, in order, under each of `worn`."""
        said: Said = {}
        parts = words.chunk(len(worn))
        for place in self._of_words:
            layer = self.layers[place]
            answers: list[torch.Tensor] = []
            try:
                for part, additions in zip(parts, worn, strict=True):
                    vars(layer)["addition"] = additions[place]
                    answers.append(layer(part))
            finally:
                vars(layer)["addition"] = None
            said[place] = answers[0] if len(answers) == 1 else torch.cat(answers)
        return said

    @contextmanager
    def showing(
        self, additions: Additions, *, watching: bool = True, more: bool = False, said: Said | None = None
    ) -> Generator[None]:
        """While inside, the layers add these. Afterwards, if it is watched, `idle` tells which of them never ran.

        With `more` it goes on from what was watched before. What layers say of the words is taken from `said`, if
        given: what was heard under the same additions.
        """
        shown = [(layer, addition) for layer, addition in zip(self.layers, additions, strict=True) if addition]
        for layer, addition in shown:
            vars(layer)["addition"] = addition
        self.watching, self.said = watching, said
        if watching and not more:
            self.ran[:] = bytes(len(self.ran))
        try:
            yield
        finally:
            self.said = None
            for layer, _ in shown:
                vars(layer)["addition"] = None

    def idle(self, places: Iterable[int]) -> list[int]:
        """Those of `places` whose layers have added nothing since a watched `showing` began."""
        return [place for place in places if not self.ran[place]]


class _Asking(nn.Module):
    """Mixed into a layer's class: after its own work it adds what the board says.

    PEFT makes its own layers of the class that it finds: such a one has no board.
    """

    board: Board | None = None
    place: int = 0
    addition: Addition | None = None
    of_words: bool = False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        addition, board = self.addition, self.board
        if board is None:
            return super().forward(x)
        if board.watching and addition is not None:
            board.ran[self.place] = 1
        if self.of_words and board.said is not None:
            return board.said[self.place]
        if addition is None:
            return super().forward(x)
        return addition.output(x, self, super().forward)  # pyright: ignore[reportArgumentType] (mixed into layers alone)


@cache
def _asking(kind: type[Any]) -> type[Any]:
    if issubclass(kind, _Asking):
        return kind
    return type(f"Asking{kind.__name__}", (_Asking, kind), {})
