"""LoRA headers made from the tables of known bases: every base, part of it, spelling, format and rank."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace

from inference.lora.tensors.names import Part, index, spellings, underscored
from inference.lora.tensors.tables import BASES, STRANGERS, VARIANTS, networks

Shape = tuple[int, ...]
Writer = Callable[[str, Shape, int], dict[str, Shape]]

UNETS = ("sd1", "sd2", "sdxl", "kolors", "sdxl-refiner", "demo")
SUBSETS: dict[str, Callable[[str], bool]] = {
    "all": lambda path: True,
    "attention and ff": lambda path: "attn" in path or ".ff" in path or "attention" in path or "feed_forward" in path,
    "attention": lambda path: "attn" in path or "attention" in path,
    "self-attention": lambda path: ".attn." in path or "attn1" in path,
    "cross-attention": lambda path: "attn2" in path or "add_" in path,
    "ff": lambda path: ".ff" in path or "mlp" in path or "feed_forward" in path,
    "queries": lambda path: path.endswith("to_q"),
    "resnets": lambda path: "resnets" in path,
    "down": lambda path: path.startswith("down_blocks") and "attn" in path,
    "middle": lambda path: path.startswith("mid_block") or ".3." in path,
    "up": lambda path: path.startswith("up_blocks") and "attn" in path,
    "one block": lambda path: (
        path.startswith(("down_blocks.2.attentions.0.transformer_blocks.0.attn1", "mid_block")) or ".7." in path
    ),
    "single blocks": lambda path: path.startswith("single_"),
    "projections": lambda path: path.rpartition(".")[2].startswith("proj"),
}


def _lora(name: str, shape: Shape, rank: int) -> dict[str, Shape]:
    kernel = (1,) * (len(shape) - 2)
    return {f"{name}.lora_down.weight": (rank, *shape[1:]), f"{name}.lora_up.weight": (shape[0], rank, *kernel)}


def _kohya(name: str, shape: Shape, rank: int) -> dict[str, Shape]:
    return {**_lora(name, shape, rank), f"{name}.alpha": ()}


def _peft(name: str, shape: Shape, rank: int) -> dict[str, Shape]:
    down, up = _lora("", shape, rank).values()
    return {f"{name}.lora_A.weight": down, f"{name}.lora_B.weight": up}


def _dora(name: str, shape: Shape, rank: int) -> dict[str, Shape]:
    return {**_kohya(name, shape, rank), f"{name}.dora_scale": (shape[0], 1)}


def _loha(name: str, shape: Shape, rank: int) -> dict[str, Shape]:
    inner = math.prod(shape[1:])
    pairs = {
        f"{name}.hada_w{n}_{side}": (shape[0], rank) if side == "a" else (rank, inner) for n in "12" for side in "ab"
    }
    return {**pairs, f"{name}.alpha": ()}


def _lokr(name: str, shape: Shape, rank: int) -> dict[str, Shape]:
    f = 4 if shape[0] % 4 == 0 and shape[1] % 4 == 0 else 1
    inner = math.prod((shape[1] // f, *shape[2:]))
    return {
        f"{name}.lokr_w1": (f, f),
        f"{name}.lokr_w2_a": (shape[0] // f, rank),
        f"{name}.lokr_w2_b": (rank, inner),
        f"{name}.alpha": (),
    }


def _diff(name: str, shape: Shape, rank: int) -> dict[str, Shape]:
    return {f"{name}.diff": shape}


def _ia3(name: str, shape: Shape, rank: int) -> dict[str, Shape]:
    return {f"{name}.weight": (shape[0],), f"{name}.on_input": ()}


def _oft(name: str, shape: Shape, rank: int) -> dict[str, Shape]:
    return {f"{name}.oft_blocks": (4, shape[0] // 4, shape[0] // 4), f"{name}.alpha": ()}


FORMATS: dict[str, Writer] = {
    "kohya": _kohya, "peft": _peft, "dora": _dora, "loha": _loha,
    "lokr": _lokr, "diff": _diff, "ia3": _ia3, "oft": _oft,
}  # fmt: skip


@dataclass(frozen=True)
class Spelled:
    """A way to write a network's layers: their names in a file."""

    label: str
    names: Mapping[str, tuple[Shape, tuple[str, ...]]]  # name -> shape, diffusers' paths


def ways(network: str) -> Iterator[Spelled]:
    """Every naming scheme of a denoiser: kohya's and diffusers', and both over the original code's paths."""
    entries = index(network, networks()[network])
    paths = {s.path: s.targets for s in spellings(network, networks()[network])}
    own = {path: targets for path, targets in paths.items() if targets == (path,)}
    original = {path: targets for path, targets in paths.items() if targets != (path,)}
    prefix = "unet." if network in UNETS else "transformer."
    for kind, table in (("diffusers", own), ("original", original)):
        if table:
            yield Spelled(f"kohya {kind}", _named("lora_unet_", table, entries, flat=True))
            yield Spelled(
                f"dotted {kind}", _named(prefix if kind == "diffusers" else "diffusion_model.", table, entries)
            )
    yield Spelled("bare", _named("", own, entries))
    yield Spelled("peft", _named("base_model.model.", own, entries))


def _named(prefix: str, table: Mapping[str, tuple[str, ...]], entries: Mapping[str, object], *, flat: bool = False):
    return {
        prefix + (underscored(path) if flat else path): (entries[path].shape, targets)  # type: ignore[attr-defined]
        for path, targets in table.items()
    }


@dataclass(frozen=True)
class Case:
    """One header, written when it is looked at, and the base whose layers it was made from."""

    base: str
    label: str
    _layers: Mapping[str, Shape]
    _write: Writer
    _rank: int

    @property
    def is_empty(self) -> bool:
        """Whether this format has nothing to say of these layers."""
        return not any(self._write(name, shape, self._rank) for name, shape in self._layers.items())

    @cached_property
    def tensors(self) -> Mapping[str, SimpleNamespace]:
        """The header."""
        written = (self._write(name, shape, self._rank) for name, shape in self._layers.items())
        return {key: SimpleNamespace(shape=each) for tensors in written for key, each in tensors.items()}


def cases(ranks: tuple[int, ...] = (4,)) -> Iterator[Case]:
    """The whole matrix of denoisers."""
    for variant in VARIANTS:
        for way in ways(variant.networks[Part.DENOISER]):
            for subset, wanted in SUBSETS.items():
                names = {n: shape for n, (shape, targets) in way.names.items() if all(map(wanted, targets))}
                for form, write in FORMATS.items():
                    for rank in ranks:
                        label = f"{variant.name} · {way.label} · {subset} · {form} · {rank}"
                        case = Case(variant.base, label, names, write, rank)
                        if not case.is_empty:
                            yield case


PAINTED = tuple(base for base in BASES if base not in STRANGERS)
