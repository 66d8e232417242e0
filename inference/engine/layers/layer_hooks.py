"""Hooks in the layers of a checkpoint: each layer adds to its output what the current pass asks for.

Layers keep their weights and names; only their class is replaced by a subclass that looks up its addition. A pass for
another batch or with other LoRAs sets another list of additions.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch import nn

from inference.engine.layers.additions import Addition, is_pointwise
from inference.engine.layers.row_lengths import output_by_row
from inference.engine.lora.folding import Layer, Layers, ModuleKey
from inference.engine.lora.layer_weights import is_quantised, weight_shape

Additions = Sequence[Addition | None]  # by layer index; None: the layer adds nothing
PromptProjections = dict[int, torch.Tensor]  # outputs of the prompt layers, by layer index

# A layer is small when a LoRA of this rank has at least half as many numbers as its weight: replaced weights for each
# picture are then cheaper than additions. All layers of Stable Diffusion and SDXL are larger.
SMALL_LAYER_RANK = 128

# Of the slots of a batch: bytes that are there for less work (slots and ranks to spare, a slot for each of several
# pictures that share a set), and bytes that a segment more has to save. See `segments.py`.
SPARE_BYTES, SEGMENT_BYTES = 2**26, 2**27

# Prompt projections that a batch keeps for all its steps: of SDXL, 16 rows of 200 tokens.
KEPT_PROJECTION_BYTES = 2**30


class LayerHooks:
    """Numbers the layers of one checkpoint that LoRAs can change, and sets what each of them adds.

    `device` is where the layers compute, also while their weights are offloaded. `packed`: some layers are quantised,
    whose weights are not merged.
    """

    def __init__(self, layers: Layers, device: torch.device | None = None) -> None:
        self.device = device
        self.small = SMALL_LAYER_RANK
        self.spare, self.segment = SPARE_BYTES, SEGMENT_BYTES
        self.kept_projections = KEPT_PROJECTION_BYTES
        self.keys: tuple[ModuleKey, ...] = tuple(layers)
        self.layers: tuple[Layer, ...] = tuple(layers.values())
        self.indices = {key: index for index, key in enumerate(self.keys)}
        self.packed = any(map(is_quantised, self.layers))
        self._host_copies: dict[Layer, Layer] = {}
        self.called = bytearray(len(self.keys))
        self.record_calls = True
        self.projections: PromptProjections | None = None
        self._prompt_layers: tuple[int, ...] = ()
        for index, layer in enumerate(self.layers):
            layer.__class__ = _hooked(type(layer))
            vars(layer).update(hooks=self, index=index, addition=None, prompt_layer=False, lengths=None)

    def is_small(self, layer: Layer) -> bool:
        """Whether each picture gets replaced weights there; a quantised layer has none to be replaced."""
        if is_quantised(layer):
            return False
        outputs, inputs = weight_shape(layer)[:2]
        matrix = isinstance(layer, nn.Linear) or is_pointwise(layer)
        return matrix and outputs * inputs <= self.small * (outputs + inputs)

    @property
    def off_host(self) -> bool:
        """Whether the layers compute elsewhere than in host memory, where LoRA sets are kept then."""
        return self.device is not None and self.device.type != "cpu"

    def on_host(self, layer: Layer) -> Layer:
        """A small layer whose weights are on the host: the layer itself, or a copy that is made once."""
        if layer.weight.device.type in {"cpu", "meta"}:
            return layer
        found = self._host_copies.get(layer)
        if found is None:
            found = self._host_copies[layer] = _host_copy(layer)
        return found

    def mark_prompt_layers(self, layers: Iterable[nn.Module]) -> None:
        """Name the cross-attention key and value layers: their input is the prompt embedding, the same in each step."""
        for layer in layers:
            vars(layer)["prompt_layer"] = True
        self._prompt_layers = tuple(index for index, layer in enumerate(self.layers) if vars(layer)["prompt_layer"])

    def keeps_projections(self, rows: int, tokens: int, dtype: torch.dtype) -> bool:
        """Whether the projections of so many rows are kept for all steps; longer prompts are projected in each pass."""
        numbers = sum(weight_shape(self.layers[index])[0] for index in self._prompt_layers)
        return rows * tokens * numbers * dtype.itemsize <= self.kept_projections

    def project_prompt(self, prompt_embeds: torch.Tensor, per_part: Sequence[Additions]) -> PromptProjections:
        """The outputs of the prompt layers for `prompt_embeds` (rows, tokens, width), to be reused in every step.

        The rows are divided evenly, in order, among the lists of additions in `per_part`.
        """
        projections: PromptProjections = {}
        parts = prompt_embeds.chunk(len(per_part))
        for index in self._prompt_layers:
            layer = self.layers[index]
            results: list[torch.Tensor] = []
            try:
                for part, additions in zip(parts, per_part, strict=True):
                    vars(layer)["addition"] = additions[index]
                    results.append(layer(part))
            finally:
                vars(layer)["addition"] = None
            projections[index] = results[0] if len(results) == 1 else torch.cat(results)
        return projections

    @contextmanager
    def applying(
        self,
        additions: Additions,
        *,
        record_calls: bool = True,
        keep_record: bool = False,
        projections: PromptProjections | None = None,
    ) -> Generator[None]:
        """While inside, the layers add `additions`. With `record_calls`, `uncalled` tells afterwards which never ran.

        With `keep_record` the record of the pass before is continued. Prompt layers take their output
        from `projections`, where given: those of `project_prompt` under the same additions.
        """
        changed = [(layer, addition) for layer, addition in zip(self.layers, additions, strict=True) if addition]
        for layer, addition in changed:
            vars(layer)["addition"] = addition
        self.record_calls, self.projections = record_calls, projections
        if record_calls and not keep_record:
            self.called[:] = bytes(len(self.called))
        try:
            yield
        finally:
            self.projections = None
            for layer, _ in changed:
                vars(layer)["addition"] = None

    @contextmanager
    def row_lengths(self, lengths: Mapping[nn.Module, Sequence[int]]) -> Generator[None]:
        """While inside, these layers are given the tokens of all rows one behind another, of each row so many.

        Their additions are applied to each row by itself; those of all other layers expect rows first.
        """
        for layer, own in lengths.items():
            vars(layer)["lengths"] = own
        try:
            yield
        finally:
            for layer in lengths:
                vars(layer)["lengths"] = None

    def uncalled(self, indices: Iterable[int]) -> list[int]:
        """Those of `indices` whose layers have added nothing since the record of calls began."""
        return [index for index in indices if not self.called[index]]


class _HookedLayer(nn.Module):
    """Mixed into a layer's class: the layer's output with its current addition.

    PEFT builds its own layers of the class that it finds: those have no hooks.
    """

    hooks: LayerHooks | None = None
    index: int = 0
    addition: Addition | None = None
    prompt_layer: bool = False
    lengths: Sequence[int] | None = None  # of the rows, where their tokens stand one behind another

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        addition, hooks = self.addition, self.hooks
        if hooks is None:
            return super().forward(x)
        if hooks.record_calls and addition is not None:
            hooks.called[self.index] = 1
        if self.prompt_layer and hooks.projections is not None:
            return hooks.projections[self.index]
        if addition is None:
            return super().forward(x)
        layer: Any = self  # mixed into layers alone
        if self.lengths is not None:
            return output_by_row(addition, x, self.lengths, layer, super().forward)
        return addition.output(x, layer, super().forward)


def _host_copy(layer: Layer) -> Layer:
    """Its weights on the host, in a layer without hooks."""
    bias = layer.bias is not None
    if isinstance(layer, nn.Conv2d):
        kernel = (int(layer.kernel_size[0]), int(layer.kernel_size[1]))
        copy: Layer = nn.Conv2d(layer.in_channels, layer.out_channels, kernel, bias=bias, device="meta")
    else:
        copy = nn.Linear(layer.in_features, layer.out_features, bias, device="meta")
    copy.weight = nn.Parameter(layer.weight.detach().cpu(), requires_grad=False)
    if layer.bias is not None:
        copy.bias = nn.Parameter(layer.bias.detach().cpu(), requires_grad=False)
    return copy


@cache
def _hooked(kind: type[Any]) -> type[Any]:
    if issubclass(kind, _HookedLayer):
        return kind
    return type(f"Hooked{kind.__name__}", (_HookedLayer, kind), {})
