"""Which kind of change a LoRA file holds for each module: tensor names to modules, roles, format and dense shape.

A file is a heap of tensors. Each name is a module's name with a suffix that says what the tensor is to the module
(`lora_down.weight`, `hada_w1_a`, `dora_scale`). Grouped by module, the roles present decide the format; the shapes
say which weight the change is for. Nothing here needs the numbers themselves, so it works on a header alone.

Formats may be mixed in one file and are decided module by module. What cannot be used is given its name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from inference.lora.tensors.suffixes import Role, read_key

MAX_RANK = 512


class Format(StrEnum):
    """How a module's change is written. The value is what people read."""

    LORA = "LoRA"
    LOCON = "LoCon"  # LoRA on a convolution: `down` has a kernel
    LOCON_TUCKER = "LoCon with Tucker core"
    LOHA = "LoHa"
    LOHA_TUCKER = "LoHa with Tucker core"
    LOKR = "LoKr"
    LOKR_TUCKER = "LoKr with Tucker core"
    DIFF = "full difference"
    BIAS = "bias change"
    NORM = "norm change"
    IA3 = "(IA)³"
    OFT = "OFT"
    BOFT = "BOFT"
    GLORA = "GLoRA"
    EMBEDDING = "text embedding"  # pivotal tuning
    CONTROL = "control LoRA"  # brings more of the model than a change
    WEIGHTS = "weights of a whole model"
    FOREIGN = "no LoRA weights"


USABLE = frozenset(
    {
        Format.LORA,
        Format.LOCON,
        Format.LOCON_TUCKER,
        Format.LOHA,
        Format.LOHA_TUCKER,
        Format.LOKR,
        Format.LOKR_TUCKER,
        Format.DIFF,
        Format.BIAS,
    }
)

_MAGNITUDES = frozenset({Role.DORA_SCALE, Role.MAGNITUDE})
_COMPANIONS = _MAGNITUDES | {Role.DIFF_BIAS}  # may stand beside every usable format
_LOKR_W1 = frozenset({Role.LOKR_W1, Role.LOKR_W1_A, Role.LOKR_W1_B})
_LOKR_W2 = frozenset({Role.LOKR_W2, Role.LOKR_W2_A, Role.LOKR_W2_B})
_HADA = frozenset({Role.HADA_W1_A, Role.HADA_W1_B, Role.HADA_W2_A, Role.HADA_W2_B})

# What gives a format away, in the order of asking, and every role that may stand beside it. The formats that are
# refused anyway come first, so that a mixture is refused by its strangest part.
_SIGNS: tuple[tuple[Format, frozenset[Role], frozenset[Role]], ...] = (
    (Format.FOREIGN, frozenset({Role.UNKNOWN}), frozenset(Role)),
    (Format.CONTROL, frozenset({Role.CONTROL, Role.UP_BIAS}), frozenset(Role)),
    (Format.EMBEDDING, frozenset({Role.EMBEDDING}), frozenset(Role)),
    (Format.GLORA, frozenset({Role.GLORA}), frozenset(Role)),
    (Format.BOFT, frozenset({Role.BOFT}), frozenset(Role)),
    (Format.OFT, frozenset({Role.OFT}), frozenset(Role)),
    (Format.IA3, frozenset({Role.IA3}), frozenset(Role)),
    (Format.NORM, frozenset({Role.NORM_WEIGHT, Role.NORM_BIAS}), frozenset(Role)),
    (Format.WEIGHTS, frozenset({Role.WEIGHT, Role.BIAS}), frozenset(Role)),
    (Format.DIFF, frozenset({Role.DIFF}), frozenset({Role.DIFF, Role.ALPHA})),
    (Format.LOHA_TUCKER, frozenset({Role.HADA_T1, Role.HADA_T2}), _HADA | {Role.HADA_T1, Role.HADA_T2, Role.ALPHA}),
    (Format.LOHA, _HADA, _HADA | {Role.ALPHA}),
    (Format.LOKR_TUCKER, frozenset({Role.LOKR_T2}), _LOKR_W1 | _LOKR_W2 | {Role.LOKR_T2, Role.ALPHA}),
    (Format.LOKR, _LOKR_W1 | _LOKR_W2, _LOKR_W1 | _LOKR_W2 | {Role.ALPHA}),
    (Format.LOCON_TUCKER, frozenset({Role.MID}), frozenset({Role.DOWN, Role.UP, Role.MID, Role.ALPHA})),
    (Format.LORA, frozenset({Role.DOWN, Role.UP}), frozenset({Role.DOWN, Role.UP, Role.ALPHA})),
    (Format.BIAS, frozenset({Role.DIFF_BIAS}), frozenset({Role.DIFF_BIAS, Role.ALPHA})),  # beside others it is no sign
)

Shape = tuple[int, ...]


class Shaped(Protocol):
    """A tensor, or a header's word about one."""

    @property
    def shape(self) -> Sequence[int]:
        """Its sides."""
        ...


@dataclass(frozen=True)
class ModuleTensors:
    """What a file holds for one module.

    `module` is the name as the file writes it, suffix taken off (old diffusers' processors already unfolded).
    `keys` leads from a role to the tensor's name in the file. `shape` is the shape of the weight this change is
    for; when `flat`, its kernel is not told apart from its input width: (out, in·k·k). A change of the bias alone
    says only (out,). None: it cannot be read.
    `rank` is the bottleneck as the file stores it (LoHa's becomes rank², LoKr's f·rank when written as one pair).
    `problem` says in words why this module is malformed.
    """

    module: str
    format: Format
    keys: Mapping[Role, str]
    shape: Shape | None = None
    flat: bool = False
    rank: int | None = None
    problem: str | None = None

    @property
    def usable(self) -> bool:
        """Whether it is well formed and of a format that can be painted with."""
        return self.problem is None and self.format in USABLE

    @property
    def dora(self) -> bool:
        """Whether a magnitude goes with it (DoRA): dropping it would give a wrong picture."""
        return not _MAGNITUDES.isdisjoint(self.keys)

    def matches(self, weight: Sequence[int]) -> bool:
        """Whether this change has the shape of a weight of that shape: (out, in) or (out, in, k, k)."""
        if self.shape is None:
            return False
        if self.format is Format.BIAS:
            return self.shape[0] == weight[0]
        if self.flat:
            return self.shape == (weight[0], math.prod(weight[1:]))
        return self.shape == tuple(weight)


def modules_of(tensors: Mapping[str, Shaped]) -> dict[str, ModuleTensors]:
    """The modules of a file by their names in it, in the file's order."""
    keys: dict[str, dict[Role, str]] = {}
    twice: set[str] = set()
    for key in tensors:
        module, role = read_key(key)
        of_module = keys.setdefault(module, {})
        if role in of_module and role not in _REPEATABLE:
            twice.add(module)
        of_module[role] = key
    return {
        module: _twice(module, roles) if module in twice else _read(module, roles, tensors)
        for module, roles in keys.items()
    }


_REPEATABLE = frozenset({Role.UNKNOWN, Role.GLORA, Role.OFT, Role.IA3, Role.CONTROL, Role.EMBEDDING})


def _twice(module: str, keys: Mapping[Role, str]) -> ModuleTensors:
    return ModuleTensors(module, _format(keys), keys, problem="the same part is there twice, under two names")


def _format(keys: Mapping[Role, str]) -> Format:
    return next((kind for kind, signs, _ in _SIGNS if not signs.isdisjoint(keys)), Format.FOREIGN)


def _read(module: str, keys: Mapping[Role, str], tensors: Mapping[str, Shaped]) -> ModuleTensors:
    kind = _format(keys)
    if kind not in USABLE:
        return ModuleTensors(module, kind, keys, _shape_beside(keys, tensors))
    strangers = keys.keys() - _beside(kind) - (frozenset() if kind is Format.BIAS else _COMPANIONS)
    if strangers:
        return ModuleTensors(module, kind, keys, problem="it is written in two formats at once")
    shapes = {role: tuple(tensors[key].shape) for role, key in keys.items()}
    if Role.ALPHA in shapes and math.prod(shapes[Role.ALPHA]) != 1:
        return ModuleTensors(module, kind, keys, problem="its alpha is not one number")
    try:
        dense = _DENSE[kind](shapes)
    except KeyError as missing:
        return ModuleTensors(module, kind, keys, problem=f"it lacks its {missing.args[0].value}")
    except _Malformed as problem:
        return ModuleTensors(module, kind, keys, problem=str(problem))
    if shapes.get(Role.DIFF_BIAS, dense.shape[:1]) != dense.shape[:1]:
        return ModuleTensors(module, kind, keys, problem="its change of the bias has another size than its weight")
    if dense.rank is not None and dense.rank > MAX_RANK:
        problem = f"its rank is {dense.rank}; at most {MAX_RANK} is used"
        return ModuleTensors(module, kind, keys, dense.shape, dense.flat, dense.rank, problem)
    kind = Format.LOCON if kind is Format.LORA and len(dense.shape) > 2 else kind
    return ModuleTensors(module, kind, keys, dense.shape, dense.flat, dense.rank)


def _shape_beside(keys: Mapping[Role, str], tensors: Mapping[str, Shaped]) -> Shape | None:
    """The shape that a pair of matrices tells even where other tensors make the module unusable."""
    try:
        return _lora({role: tuple(tensors[key].shape) for role, key in keys.items()}).shape
    except (KeyError, _Malformed):
        return None


def _beside(kind: Format) -> frozenset[Role]:
    return next(beside for each, _, beside in _SIGNS if each is kind)


# --- the dense shape of each format ------------------------------------------------------------------------------


class _Malformed(Exception):
    """The tensors of a module do not go together; the message says which."""


@dataclass(frozen=True)
class _Dense:
    shape: Shape
    rank: int | None
    flat: bool = False


_Shapes = Mapping[Role, Shape]


def _need(holds: bool, what: str) -> None:
    if not holds:
        raise _Malformed(what)


def _pair(first: Shape, second: Shape) -> int:
    """The inner size of a product (a, r) x (r, b)."""
    if len(first) != 2 or len(second) != 2 or first[1] != second[0]:
        raise _Malformed("its two matrices do not go together")
    return first[1]


def _lora(shapes: _Shapes) -> _Dense:
    down, up = shapes[Role.DOWN], shapes[Role.UP]
    if len(down) not in {2, 4, 5} or len(up) not in {2, len(down)} or up[1] != down[0] or math.prod(up[2:]) != 1:
        raise _Malformed("its two matrices do not go together")
    _need(_magnitude_fits(shapes, up, down), "its magnitude has another size than its layer")
    return _Dense((up[0], *down[1:]), down[0])


def _magnitude_fits(shapes: _Shapes, up: Shape, down: Shape) -> bool:
    """Whether a linear layer's magnitude has one number for each row or column; of a convolution nothing is asked."""
    sizes = [math.prod(shapes[role]) for role in _MAGNITUDES & shapes.keys()]
    return len(down) > 2 or all(size in (*up[:1], *down[-1:]) for size in sizes)


def _locon_tucker(shapes: _Shapes) -> _Dense:
    down, up, mid = shapes[Role.DOWN], shapes[Role.UP], shapes[Role.MID]
    if len(down) < 2 or len(up) < 2 or len(mid) != 4 or math.prod((*down[2:], *up[2:])) != 1:
        raise _Malformed("its core and its two matrices do not go together")
    _need(mid[:2] == (up[1], down[0]), "its core and its two matrices do not go together")
    return _Dense((up[0], down[1], *mid[2:]), max(mid[:2]))


def _loha(shapes: _Shapes) -> _Dense:
    a1, b1, a2, b2 = (shapes[role] for role in (Role.HADA_W1_A, Role.HADA_W1_B, Role.HADA_W2_A, Role.HADA_W2_B))
    ranks = _pair(a1, b1), _pair(a2, b2)
    _need(ranks[0] == ranks[1] and (a1[0], b1[1]) == (a2[0], b2[1]), "its two products do not go together")
    return _Dense((a1[0], b1[1]), ranks[0], flat=True)


def _loha_tucker(shapes: _Shapes) -> _Dense:
    whole: list[Shape] = []
    for core, left, right in (
        (shapes[Role.HADA_T1], shapes[Role.HADA_W1_A], shapes[Role.HADA_W1_B]),
        (shapes[Role.HADA_T2], shapes[Role.HADA_W2_A], shapes[Role.HADA_W2_B]),
    ):
        if len(core) != 4 or len(left) != 2 or len(right) != 2 or core[:2] != (left[0], right[0]):
            raise _Malformed("its core and its matrices do not go together")
        whole.append((left[1], right[1], *core[2:]))
    _need(whole[0] == whole[1], "its two products do not go together")
    return _Dense(whole[0], max(shapes[Role.HADA_T1][:2]))


def _lokr(shapes: _Shapes) -> _Dense:
    first, rank_1 = _factor(shapes, Role.LOKR_W1, Role.LOKR_W1_A, Role.LOKR_W1_B)
    second, rank_2 = _factor(shapes, Role.LOKR_W2, Role.LOKR_W2_A, Role.LOKR_W2_B)
    if len(first) != 2 or len(second) not in {2, 4, 5}:
        raise _Malformed("its two factors do not go together")
    shape = (first[0] * second[0], first[1] * second[1], *second[2:])
    return _Dense(shape, rank_2 or rank_1, flat=Role.LOKR_W2 not in shapes)


def _lokr_tucker(shapes: _Shapes) -> _Dense:
    first, _ = _factor(shapes, Role.LOKR_W1, Role.LOKR_W1_A, Role.LOKR_W1_B)
    core, left, right = shapes[Role.LOKR_T2], shapes[Role.LOKR_W2_A], shapes[Role.LOKR_W2_B]
    if len(first) != 2 or len(core) != 4 or len(left) != 2 or len(right) != 2 or core[:2] != (left[0], right[0]):
        raise _Malformed("its core and its matrices do not go together")
    return _Dense((first[0] * left[1], first[1] * right[1], *core[2:]), max(core[:2]))


def _factor(shapes: _Shapes, whole: Role, left: Role, right: Role) -> tuple[Shape, int | None]:
    """One factor of a Kronecker product, given whole or as a product; and the rank of that product."""
    if whole in shapes:
        _need(left not in shapes and right not in shapes, "one of its factors is there twice")
        return shapes[whole], None
    rank = _pair(shapes[left], shapes[right])
    return (shapes[left][0], shapes[right][1]), rank


def _diff(shapes: _Shapes) -> _Dense:
    shape = shapes[Role.DIFF]
    _need(len(shape) in {2, 4, 5}, "it is no difference of a layer's weight")
    return _Dense(shape, None)


def _bias(shapes: _Shapes) -> _Dense:
    shape = shapes[Role.DIFF_BIAS]
    _need(len(shape) == 1, "it is no difference of a layer's bias")
    return _Dense(shape, None)


_DENSE = {
    Format.LORA: _lora,
    Format.LOCON_TUCKER: _locon_tucker,
    Format.LOHA: _loha,
    Format.LOHA_TUCKER: _loha_tucker,
    Format.LOKR: _lokr,
    Format.LOKR_TUCKER: _lokr_tucker,
    Format.DIFF: _diff,
    Format.BIAS: _bias,
}
