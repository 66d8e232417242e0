"""What LoRAs add to the output of a layer: one pair of batched matrix products for the whole batch.

The leading dimension of every tensor counts *entries*, one for each LoRA set. A single entry applies to all rows of the
batch; several entries divide the rows evenly. Ranks of different entries are padded with zeros to a common one, which
changes no product. Tensors are on the layer's device and in the type in which it computes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import ClassVar

import torch
from torch import nn
from torch.nn.functional import conv2d, linear

from inference.engine.lora.folding import Folded, Layer
from inference.engine.lora.layer_weights import compute_dtype
from inference.engine.lora.low_rank import added

Forward = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Addition(ABC):
    """The change of a layer's output by LoRA sets. Its fields are tensors, any of which may be missing."""

    RANK: ClassVar[Mapping[str, int]] = {}  # the dimension of the rank, by field
    PER_ROW: ClassVar[bool] = False  # whether several entries mean one for each row

    @abstractmethod
    def output(self, x: torch.Tensor, layer: Layer, base: Forward) -> torch.Tensor:
        """The output of `layer` for `x` (rows, …) with this addition; `base` is the layer's own forward."""

    @abstractmethod
    def whole(self, layer: Layer) -> Whole:
        """The same for one entry, as replaced weights."""

    @cached_property
    def parts(self) -> dict[str, torch.Tensor]:
        """The fields that are not missing, by name."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: part for name, part in found.items() if part is not None}

    def to(self, device: torch.device) -> Addition:
        """The same on another device."""
        return replace(self, **{name: part.to(device) for name, part in self.parts.items()})


@dataclass(frozen=True)
class _Sum(Addition):
    """The sum `scale·(y - the layer's bias) + bias + dense(x) + up(down(x))`; any part may be missing."""

    down: torch.Tensor | None = None
    up: torch.Tensor | None = None
    dense: torch.Tensor | None = None
    scale: torch.Tensor | None = None
    bias: torch.Tensor | None = None

    def output(self, x: torch.Tensor, layer: Layer, base: Forward) -> torch.Tensor:
        """See `Addition.output`."""
        y = base(x)
        self.onto(y, x, layer)
        return y

    @abstractmethod
    def onto(self, y: torch.Tensor, x: torch.Tensor, layer: Layer) -> None:
        """Add it in place to `y` (rows, …), the layer's own output for `x` (rows, …)."""

    @abstractmethod
    def _product(self) -> torch.Tensor | None:
        """`up @ down` of one entry, in the shape of the layer's weight."""

    @abstractmethod
    def _dense(self) -> torch.Tensor | None:
        """`dense` of one entry, in the shape of the layer's weight."""

    def whole(self, layer: Layer) -> Whole:
        """See `Addition.whole`. Computed in at least float32."""
        device, dtype = next(iter(self.parts.values())).device, layer.weight.dtype
        weight = layer.weight.detach().to(device, torch.promote_types(dtype, torch.float32))
        if self.scale is not None:
            weight = weight * (1 + self.scale.reshape(-1, *[1] * (weight.ndim - 1)))
        for more in (self._product(), self._dense()):
            weight = weight if more is None else weight + more
        bias = None if layer.bias is None else layer.bias.detach().to(device)
        bias = added(bias, None if self.bias is None else self.bias.flatten())
        kind = WholeConv if isinstance(layer, nn.Conv2d) else WholeLinear
        return kind(weight.to(dtype)[None], None if bias is None else bias[None, None])


@dataclass(frozen=True)
class LinearAddition(_Sum):
    """For a linear layer. down (n, in, r), up (n, r, out), dense (n, in, out), scale and bias (n, 1, out)."""

    RANK: ClassVar[Mapping[str, int]] = {"down": 2, "up": 1}

    @classmethod
    def of(cls, change: Folded, layer: Layer, device: torch.device | None) -> LinearAddition:
        """One entry for the folded change of a layer."""
        pair, dense = change.delta.pair, change.delta.dense
        parts = {
            "down": pair and pair.down.T[None],
            "up": pair and pair.up.T[None],
            "dense": None if dense is None else dense.T[None],
            "scale": None if change.scale is None else change.scale.reshape(1, 1, -1),
            "bias": None if change.bias is None else change.bias.reshape(1, 1, -1),
        }
        return cls(**_like(parts, device, compute_dtype(layer)))

    def onto(self, y: torch.Tensor, x: torch.Tensor, layer: Layer) -> None:
        """See `_Sum.onto`. y: (rows, …, out)."""
        down, up = self.down, self.up
        entries = len(next(iter(self.parts.values())) if down is None else down)
        rows = y.view(entries, -1, y.shape[-1])
        if self.scale is not None:
            rows.addcmul_(self.scale, rows if layer.bias is None else rows - layer.bias)
        if self.bias is not None:
            rows.add_(self.bias)
        given = x.reshape(entries, -1, x.shape[-1])
        if self.dense is not None:
            rows.baddbmm_(given, self.dense)
        if down is not None and up is not None:
            rows.baddbmm_(torch.bmm(given, down), up)

    def _product(self) -> torch.Tensor | None:
        return None if self.down is None or self.up is None else (self.down[0] @ self.up[0]).T

    def _dense(self) -> torch.Tensor | None:
        return None if self.dense is None else self.dense[0].T


@dataclass(frozen=True)
class ConvAddition(_Sum):
    """For a convolution. Several entries mean one for each row; convolutions run as grouped ones then.

    down (n, r, in, k, k), up (n, out, r), dense (n, out, in, k, k), scale and bias (n, out, 1).
    """

    RANK: ClassVar[Mapping[str, int]] = {"down": 1, "up": 2}
    PER_ROW: ClassVar[bool] = True

    @classmethod
    def of(cls, change: Folded, layer: Layer, device: torch.device | None) -> ConvAddition:
        """One entry for the folded change of a layer."""
        pair, dense = change.delta.pair, change.delta.dense
        parts = {
            "down": pair and pair.down[None],
            "up": pair and pair.up[None],
            "dense": None if dense is None else dense[None],
            "scale": None if change.scale is None else change.scale.reshape(1, -1, 1),
            "bias": None if change.bias is None else change.bias.reshape(1, -1, 1),
        }
        return cls(**_like(parts, device, compute_dtype(layer)))

    def onto(self, y: torch.Tensor, x: torch.Tensor, layer: Layer) -> None:
        """See `_Sum.onto`. y: (rows, out, height, width)."""
        assert isinstance(layer, nn.Conv2d)
        rows = y.flatten(2)
        if self.scale is not None:
            rows.addcmul_(self.scale, rows if layer.bias is None else rows - layer.bias[:, None])
        if self.bias is not None:
            rows.add_(self.bias)
        if self.dense is not None:
            rows.add_(_convolved(x, self.dense, layer))
        if self.down is not None and self.up is not None:
            rows.baddbmm_(self.up.expand(len(y), -1, -1), _convolved(x, self.down, layer))

    def _product(self) -> torch.Tensor | None:
        return None if self.down is None or self.up is None else torch.tensordot(self.up[0], self.down[0], dims=1)

    def _dense(self) -> torch.Tensor | None:
        return None if self.dense is None else self.dense[0]


@dataclass(frozen=True)
class Whole(Addition):
    """Replaced weights: they cost less than an addition where layers are small or rows are few.

    weight (n, …the shape of the layer's), bias (n, 1, out).
    """

    weight: torch.Tensor
    bias: torch.Tensor | None = None

    def whole(self, layer: Layer) -> Whole:
        """See `Addition.whole`."""
        return self

    @classmethod
    def plain(cls, layer: Layer, device: torch.device | None) -> dict[str, torch.Tensor]:
        """The fields for an unchanged layer."""
        target = device or layer.weight.device
        weight, bias = layer.weight.detach().to(target)[None], layer.bias
        return {"weight": weight} | ({} if bias is None else {"bias": bias.detach().to(target)[None, None]})


class WholeLinear(Whole):
    """Replaced weights of a linear layer."""

    def output(self, x: torch.Tensor, layer: Layer, base: Forward) -> torch.Tensor:
        """See `Addition.output`."""
        weight, bias = self.weight, self.bias
        if weight.shape[0] == 1:
            return linear(x, weight[0], None if bias is None else bias[0, 0])
        given = x.reshape(weight.shape[0], -1, x.shape[-1])
        y = torch.bmm(given, weight.mT) if bias is None else torch.baddbmm(bias, given, weight.mT)
        return y.view(*x.shape[:-1], -1)


class WholeConv(Whole):
    """Replaced weights of a convolution. Several entries mean one for each row; its kernel is 1 x 1 then."""

    PER_ROW: ClassVar[bool] = True

    def output(self, x: torch.Tensor, layer: Layer, base: Forward) -> torch.Tensor:
        """See `Addition.output`."""
        assert isinstance(layer, nn.Conv2d)
        weight, bias = self.weight, self.bias
        if weight.shape[0] == 1:
            own = None if bias is None else bias[0, 0]
            return conv2d(x, weight[0], own, layer.stride, layer.padding, layer.dilation)
        assert is_pointwise(layer), "grouped convolutions with larger kernels are not implemented"
        given, matrix = x.flatten(2), weight.flatten(2)
        y = torch.bmm(matrix, given) if bias is None else torch.baddbmm(bias.mT, matrix, given)
        return y.unflatten(2, x.shape[2:])


@dataclass(frozen=True)
class Segmented(Addition):
    """Several additions, each for its share of the rows; None: those rows are the layer's own.

    `shares` are in any unit of which all rows have the same number.
    """

    segments: Sequence[Addition | None]
    shares: Sequence[int]

    def output(self, x: torch.Tensor, layer: Layer, base: Forward) -> torch.Tensor:
        """See `Addition.output`."""
        each = len(x) // sum(self.shares)
        given = x.split([share * each for share in self.shares])
        if any(isinstance(one, Whole) for one in self.segments):
            own = [base(rows) if one is None else one.output(rows, layer, base) for one, rows in self._with(given)]
            return torch.cat(own)
        y = base(x)
        for (one, rows), out in zip(self._with(given), y.split([len(rows) for rows in given]), strict=True):
            if isinstance(one, _Sum):
                one.onto(out, rows, layer)
        return y

    def whole(self, layer: Layer) -> Whole:
        """There is none: it is not of one entry."""
        raise NotImplementedError

    def _with(self, given: Sequence[torch.Tensor]) -> list[tuple[Addition | None, torch.Tensor]]:
        return list(zip(self.segments, given, strict=True))


def addition_of(change: Folded, layer: Layer, device: torch.device | None = None) -> Addition:
    """The addition of `change` to the output of `layer`, as one entry; on `device`, or where the change is."""
    kind = ConvAddition if isinstance(layer, nn.Conv2d) else LinearAddition
    return kind.of(change, layer, device)


def _like(
    parts: Mapping[str, torch.Tensor | None], device: torch.device | None, dtype: torch.dtype
) -> dict[str, torch.Tensor | None]:
    return {
        name: None if part is None else part.to(device or part.device, dtype).contiguous()
        for name, part in parts.items()
    }


def is_pointwise(layer: nn.Conv2d) -> bool:
    """Whether a convolution is 1 x 1, without stride and padding."""
    return layer.kernel_size == (1, 1) and layer.stride == (1, 1) and layer.padding == (0, 0)


def _convolved(x: torch.Tensor, kernels: torch.Tensor, layer: nn.Conv2d) -> torch.Tensor:
    """Convolve x (rows, in, h, w) with kernels (1 or rows, out, in, k, k) as `layer` does: (rows, out, h·w)."""
    rows = len(x)
    if is_pointwise(layer):
        return torch.bmm(kernels.flatten(2).expand(rows, -1, -1), x.flatten(2))
    if len(kernels) == 1:
        return conv2d(x, kernels[0], None, layer.stride, layer.padding, layer.dilation).flatten(2)
    side_by_side, every = x.reshape(1, -1, *x.shape[2:]), kernels.flatten(0, 1)
    result = conv2d(side_by_side, every, None, layer.stride, layer.padding, layer.dilation, rows)
    return result.reshape(rows, kernels.shape[1], -1)
