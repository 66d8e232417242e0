"""Changes of a layer's weight: a low-rank pair, or a dense matrix where the change has no low rank."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

_SMALLEST = 2.0**-14  # a positive number that is normal in half precision


@dataclass(frozen=True)
class LowRank:
    """The change `up @ down`. down: (rank, in) or (rank, in, k, k); up: (out, rank)."""

    down: torch.Tensor
    up: torch.Tensor

    @property
    def rank(self) -> int:
        """The size of the bottleneck."""
        return self.down.shape[0]

    def dense(self) -> torch.Tensor:
        """The product: (out, in) or (out, in, k, k)."""
        return torch.tensordot(self.up, self.down, dims=1)

    def times(self, factor: float | torch.Tensor) -> LowRank:
        """This change times a number, or times one number for each output (out,)."""
        return LowRank(self.down, _times(self.up, factor))

    def beside(self, other: LowRank) -> LowRank:
        """The sum of both as one pair: their ranks concatenated."""
        return LowRank(torch.cat([self.down, other.down]), torch.cat([self.up, other.up], dim=1))

    def bounded(self) -> LowRank:
        """The same change with no larger a rank than the smaller side of the weight, which is enough for any change.

        Nothing is decomposed: the product stands on the larger side, a multiple of the identity on the smaller one. The
        multiple is a power of two, so that both sides have numbers that half precision holds.
        """
        outputs, inputs = len(self.up), math.prod(self.down.shape[1:])
        if self.rank <= min(outputs, inputs):
            return self
        product = self.dense()
        largest = product.abs().max().clamp(min=_SMALLEST)
        scale = torch.exp2(torch.floor(torch.log2(largest)))
        identity = torch.eye(min(outputs, inputs), dtype=product.dtype, device=product.device) * scale
        if outputs <= inputs:
            return LowRank(product / scale, identity)
        return LowRank(identity.reshape(inputs, *self.down.shape[1:]), product.flatten(1) / scale)

    def within(self, limit: float) -> bool:
        """Whether no element of the change is larger than `limit`; NaN is not within."""
        quick = self.up.norm(dim=1).max() * self.down.flatten(1).norm(dim=0).max()  # an upper bound (Cauchy-Schwarz)
        return bool(quick <= limit) or within(self.dense(), limit)


@dataclass(frozen=True)
class Delta:
    """A change of a weight: the sum of `pair` and of `dense`, which has the weight's shape. Both may be missing."""

    pair: LowRank | None = None
    dense: torch.Tensor | None = None

    def plus(self, other: Delta) -> Delta:
        """The sum."""
        pair = self.pair.beside(other.pair) if self.pair and other.pair else self.pair or other.pair
        return Delta(pair, added(self.dense, other.dense))

    def times(self, factor: float | torch.Tensor) -> Delta:
        """This change times a number, or times one number for each output (out,)."""
        dense = None if self.dense is None else _times(self.dense, factor)
        return Delta(self.pair and self.pair.times(factor), dense)

    def to(self, device: torch.device, dtype: torch.dtype | None = None) -> Delta:
        """The same change on another device, or in another dtype."""
        pair = self.pair and LowRank(self.pair.down.to(device, dtype), self.pair.up.to(device, dtype))
        return Delta(pair, None if self.dense is None else self.dense.to(device, dtype))

    def onto(self, weight: torch.Tensor) -> torch.Tensor:
        """`weight` with the change, in the more precise of the two number formats."""
        if self.pair is not None:
            weight = weight + self.pair.dense()
        return weight if self.dense is None else weight + self.dense

    def rows(self, begin: int, end: int) -> Delta:
        """The change of these outputs alone. It shares the numbers, `down` as a whole."""
        pair = self.pair and LowRank(self.pair.down, self.pair.up[begin:end])
        return Delta(pair, None if self.dense is None else self.dense[begin:end])

    def rolled(self, outputs: int) -> Delta:
        """The same change of outputs that stand so many places further on, the last ones first."""
        pair = self.pair and LowRank(self.pair.down, self.pair.up.roll(outputs, 0))
        return Delta(pair, None if self.dense is None else self.dense.roll(outputs, 0))

    def within(self, limit: float) -> bool:
        """Whether no element of either part is larger than `limit`; NaN is not within."""
        return (self.pair is None or self.pair.within(limit)) and (self.dense is None or within(self.dense, limit))


def within(numbers: torch.Tensor, limit: float) -> bool:
    """Whether none of `numbers` is larger than `limit`, whatever its sign; NaN is not within."""
    return bool(numbers.abs().max() <= limit)


def added(first: torch.Tensor | None, second: torch.Tensor | None) -> torch.Tensor | None:
    """The sum of those that are not None."""
    if first is None or second is None:
        return second if first is None else first
    return first + second


def size(shape: Sequence[int], rank: int) -> int:
    """How many numbers a pair of this rank holds for a weight of this shape."""
    return rank * (shape[0] + math.prod(shape[1:]))


def _times(rows: torch.Tensor, factor: float | torch.Tensor) -> torch.Tensor:
    """`rows` (out, …) times a number, or each row times its own."""
    if isinstance(factor, torch.Tensor):
        return rows * factor.reshape(-1, *[1] * (rows.ndim - 1))
    return rows * factor
