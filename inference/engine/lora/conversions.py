"""The formula of each LoRA format: exact conversion of a module's tensors into the change of its layer.

Every format is built of low-rank products. LoHa multiplies two of them element by element: a product of rank r².
LoKr is a Kronecker product: of ranks f and r, a product of rank f·r. A Tucker core joins the matrix beside it, so
LoCon, LoHa and LoKr with a core are the same formats over larger matrices. Where such a pair would be larger than
the dense matrix (a LoKr whose second factor is whole, a LoHa of high rank), the change is dense.

The formulas are LyCORIS', found by reading what its modules compute in `forward`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch

from inference.engine.lora.folding import LayerChange
from inference.engine.lora.low_rank import Delta, LowRank, size
from inference.lora.tensors.formats import Format, ModuleTensors
from inference.lora.tensors.suffixes import Role

MAX_ALPHA = 4096.0
Tensors = Mapping[Role, torch.Tensor]
Shape = Sequence[int]


class BadWeights(Exception):
    """A module's tensors cannot be converted; the message is a reason for people."""


def change_of(module: ModuleTensors, stored: Tensors, shape: Shape, dtype: torch.dtype = torch.float32) -> LayerChange:
    """The change by a usable `module` of a layer whose weight has `shape`, in `dtype` or better. Raises BadWeights.

    The shapes of the tensors must have been checked by `modules_of` and `ModuleTensors.matches`.
    """
    tensors = {role: tensor if tensor.dtype == torch.float64 else tensor.to(dtype) for role, tensor in stored.items()}
    scale = _alpha(tensors, module.rank) / (module.rank or 1)
    delta = _DELTAS[module.format](tensors, tuple(shape)).times(scale)
    return LayerChange(delta, _magnitude(tensors, shape), tensors.get(Role.DIFF_BIAS))


def _alpha(tensors: Tensors, rank: int | None) -> float:
    """Alpha; the rank where there is none, and where nothing is factorised."""
    if Role.ALPHA not in tensors or rank is None:
        return float(rank or 1)
    alpha = float(tensors[Role.ALPHA])
    if not 0 < alpha <= MAX_ALPHA:
        raise BadWeights(f"its alpha is {alpha:g}; it must be above 0 and at most {MAX_ALPHA:g}")
    return alpha


def _magnitude(tensors: Tensors, shape: Shape) -> torch.Tensor | None:
    """DoRA's norms, shaped for a weight of `shape`: (out, 1, …), or (1, in, 1, …) as OneTrainer stores them."""
    ones = [1] * (len(shape) - 2)
    per_output, per_input = [shape[0], 1, *ones], [1, shape[1], *ones]
    if Role.MAGNITUDE in tensors:
        magnitude = tensors[Role.MAGNITUDE]
        if magnitude.numel() == shape[0]:
            return magnitude.reshape(per_output)
    elif Role.DORA_SCALE in tensors:
        magnitude = tensors[Role.DORA_SCALE]
        if list(magnitude.shape) in (per_output, per_input):
            return magnitude
        if list(magnitude.shape) == [shape[0]]:
            return magnitude.reshape(per_output)
    else:
        return None
    raise BadWeights("its DoRA norms fit neither the outputs nor the inputs of the layer")


# --- products ------------------------------------------------------------------------------------------------------


def _product(left: torch.Tensor, right: torch.Tensor, kernel: Shape = ()) -> LowRank:
    """left (out, r) @ right (r, in·k·k)."""
    return LowRank(right.reshape(right.shape[0], -1, *kernel), left)


def _tucker(core: torch.Tensor, left: torch.Tensor, right: torch.Tensor) -> LowRank:
    """core (i, j, k, k) with left (i, out) and right (j, in): the core joins the right matrix."""
    return LowRank(torch.einsum("ij...,jn->in...", core, right), left.T)


def _whole(matrix: torch.Tensor) -> LowRank:
    """A matrix (out, in, k, k) as a product through its smaller side."""
    outputs, inputs = matrix.shape[0], math.prod(matrix.shape[1:])
    if outputs <= inputs:
        return LowRank(matrix, torch.eye(outputs, dtype=matrix.dtype))
    return LowRank(torch.eye(inputs, dtype=matrix.dtype).reshape(inputs, *matrix.shape[1:]), matrix.flatten(1))


def _hadamard(first: LowRank, second: LowRank) -> LowRank:
    """The element-wise product of two products, of the product of their ranks."""
    up = torch.einsum("or,os->ors", first.up, second.up).flatten(1)
    return LowRank(torch.einsum("r...,s...->rs...", first.down, second.down).flatten(0, 1), up)


def _kronecker(first: LowRank, second: LowRank) -> LowRank:
    """The Kronecker product of two products, the first without kernel, of the product of their ranks."""
    return LowRank(_kron(first.down, second.down), _kron(first.up, second.up))


def _kron(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """The Kronecker product of (m, n) and (p, q, k, k): (m·p, n·q, k, k)."""
    return torch.einsum("mn,pq...->mpnq...", first, second).flatten(2, 3).flatten(0, 1)


def _smaller(rank: int, shape: Shape, pair: Callable[[], LowRank], dense: Callable[[], torch.Tensor]) -> Delta:
    """The change in the form with fewer numbers; the other one is never made."""
    if size(shape, rank) < math.prod(shape):
        return Delta(pair())
    return Delta(dense=dense().reshape(tuple(shape)))


# --- the formats ---------------------------------------------------------------------------------------------------


def _lora(tensors: Tensors, _shape: Shape) -> Delta:
    return Delta(LowRank(tensors[Role.DOWN], tensors[Role.UP].flatten(1)))


def _locon_tucker(tensors: Tensors, _shape: Shape) -> Delta:
    return Delta(_tucker(tensors[Role.MID], tensors[Role.UP].flatten(1).T, tensors[Role.DOWN].flatten(1)))


def _loha(tensors: Tensors, shape: Shape) -> Delta:
    first = _product(tensors[Role.HADA_W1_A], tensors[Role.HADA_W1_B], shape[2:])
    second = _product(tensors[Role.HADA_W2_A], tensors[Role.HADA_W2_B], shape[2:])
    return _element_wise(first, second, shape)


def _loha_tucker(tensors: Tensors, shape: Shape) -> Delta:
    first = _tucker(tensors[Role.HADA_T1], tensors[Role.HADA_W1_A], tensors[Role.HADA_W1_B])
    second = _tucker(tensors[Role.HADA_T2], tensors[Role.HADA_W2_A], tensors[Role.HADA_W2_B])
    return _element_wise(first, second, shape)


def _element_wise(first: LowRank, second: LowRank, shape: Shape) -> Delta:
    rank = first.rank * second.rank
    return _smaller(rank, shape, lambda: _hadamard(first, second), lambda: first.dense() * second.dense())


def _lokr(tensors: Tensors, shape: Shape) -> Delta:
    if Role.LOKR_W2 in tensors:
        return _of_factors(tensors, _whole(tensors[Role.LOKR_W2]), shape)
    return _of_factors(tensors, _product(tensors[Role.LOKR_W2_A], tensors[Role.LOKR_W2_B], shape[2:]), shape)


def _lokr_tucker(tensors: Tensors, shape: Shape) -> Delta:
    return _of_factors(tensors, _tucker(tensors[Role.LOKR_T2], tensors[Role.LOKR_W2_A], tensors[Role.LOKR_W2_B]), shape)


def _of_factors(tensors: Tensors, second: LowRank, shape: Shape) -> Delta:
    if Role.LOKR_W1 in tensors:
        first = _whole(tensors[Role.LOKR_W1])
    else:
        first = _product(tensors[Role.LOKR_W1_A], tensors[Role.LOKR_W1_B])
    rank = first.rank * second.rank
    return _smaller(rank, shape, lambda: _kronecker(first, second), lambda: _kron(first.dense(), second.dense()))


def _diff(tensors: Tensors, _shape: Shape) -> Delta:
    return Delta(dense=tensors[Role.DIFF])


_DELTAS: Mapping[Format, Callable[[Tensors, Shape], Delta]] = {
    Format.LORA: _lora,
    Format.LOCON: _lora,
    Format.LOCON_TUCKER: _locon_tucker,
    Format.LOHA: _loha,
    Format.LOHA_TUCKER: _loha_tucker,
    Format.LOKR: _lokr,
    Format.LOKR_TUCKER: _lokr_tucker,
    Format.DIFF: _diff,
    Format.BIAS: lambda _tensors, _shape: Delta(),
}
