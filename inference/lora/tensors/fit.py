"""Whose LoRA is this, by its layers: the share of them that each known base model has, by name and shape.

A base fits when it has every one of the file's layers with the same shape. Where several fit, coverage of blocks may
point to one; the others are its rivals, for a file may hold only the first blocks of a larger model. Coverage names
an architecture and proves none: `inference.lora.verdict` asks what the file's metadata says of it. What remains is
ambiguous: an answer is never guessed. Files that fit nothing may still be recognised by what most of their layers
say, at the grade `marker`, which is good for a refusal's words and never admits a LoRA.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache

from inference.lora.tensors.formats import ModuleTensors
from inference.lora.tensors.markers import marked
from inference.lora.tensors.names import ModuleName, Part, read_name
from inference.lora.tensors.tables import LANGUAGE_MODEL, VARIANTS, Variant, networks, title

_NEAR = 0.9  # the share of layers from which a file that fits nothing is still recognised
_NEAR_MODULES = 10
_NEAR_TIE = 0.02
_DIGITS = re.compile(r"(?<![^.])\d+(?![^.])")


class Grade(StrEnum):
    """How surely the architecture is known."""

    FIT = "fit"  # every layer, name and shape
    MARKER = "marker"  # telling names only
    NONE = "none"


@dataclass(frozen=True)
class Fit:
    """Whose layers a file has. `base` is an architecture or a stranger of `tables.STRANGERS`; None: not known.

    `variants` are the makes that fit. `shares` tells for each base that has any of the file's layers which share of
    them it has, best first. `candidates` are the bases between which no tie could be broken; `grade` is then what
    it would be if it were. `covered` are those of several bases that fit whose blocks the file has all, `rivals` the
    others, when it is only one. `reasons` are sentences.
    """

    base: str | None
    grade: Grade
    shares: Mapping[str, float]
    variants: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()
    covered: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def ambiguous(self) -> bool:
        """Whether several bases fit and nothing tells which is meant."""
        return len(self.candidates) > 1

    @property
    def strange(self) -> bool:
        """Whether no known base has all of its layers; no word of anybody makes up for that."""
        return not self.ambiguous and (self.base is None or self.grade is not Grade.FIT)

    @property
    def possible(self) -> tuple[str, ...]:
        """Every base that it may be for."""
        return self.candidates or (*((self.base,) if self.base else ()), *self.rivals)

    @property
    def makes(self) -> tuple[str, ...]:
        """The makes of `base` that fit."""
        return tuple(each.name for each in VARIANTS if each.base == self.base and each.name in self.variants)

    def settled_on(self, base: str) -> Fit:
        """The same with its tie broken: what is known besides the layers tells that `base` is meant."""
        if self.possible == (base,):
            return self
        reason = f"between {_listed(self.possible)}, what is said of it names {title(base)}"
        return replace(self, base=base, candidates=(), rivals=(), reasons=(*self.reasons, reason))

    def disputed(self) -> Fit:
        """The same as a tie, because what is said of it does not bear out what the coverage of blocks suggests."""
        reason = "what is said of it contradicts that"
        return replace(self, base=None, candidates=self.possible, rivals=(), reasons=(*self.reasons, reason))


@dataclass(frozen=True)
class _Count:
    """How many of a file's layers a variant has: by name and shape, by name alone, and with another shape."""

    variant: Variant
    fitting: int
    named: int
    against: int


def fit(modules: Mapping[str, ModuleTensors]) -> Fit:
    """Compare a file's modules with every known base."""
    if not modules:
        return Fit(None, Grade.NONE, {}, reasons=("the file contains no LoRA weights",))
    names = {name: read_name(name) for name in modules}
    counts = [_count(variant, modules, names) for variant in VARIANTS]
    shares = _shares(counts, len(modules))
    whole = [count.variant for count in counts if count.fitting == len(modules)]
    if whole:
        return _settled(whole, names, shares, Grade.FIT, "every layer of it is there, name and shape")
    if near := _near(counts, modules, names):
        return _settled(near, names, shares, Grade.MARKER, "most of its layers are there, but not all")
    named = [count.variant for count in counts if count.named == len(modules) and not count.against]
    if named:
        return _settled(named, names, shares, Grade.MARKER, "its layers' names are there; not all shapes tell")
    return _by_markers(modules, names, shares)


def _near(counts: list[_Count], modules: Mapping[str, ModuleTensors], names: Mapping[str, ModuleName]) -> list[Variant]:
    """The variants that have nearly all of the layers whose shape can be read, if those are most of the file.

    One that would have more of them if it had more blocks is not meant: the file is a larger model's.
    """
    readable = sum(module.shape is not None for module in modules.values())
    if readable < max(_NEAR_MODULES, len(modules) / 2):
        return []
    least = max(_NEAR, max(count.fitting for count in counts) / readable - _NEAR_TIE)
    near = [count.variant for count in counts if count.fitting / readable >= least]
    return [variant for variant in near if not any(map(variant.lacks_block, names.values()))]


def _count(variant: Variant, modules: Mapping[str, ModuleTensors], names: Mapping[str, ModuleName]) -> _Count:
    fitting = named = against = 0
    for name, module in modules.items():
        entry = variant.find(names[name])
        if entry is not None:
            fits = module.matches(entry.shape)
            named += 1
            fitting += fits
            against += module.shape is not None and not fits
    return _Count(variant, fitting, named, against)


def _shares(counts: list[_Count], modules: int) -> dict[str, float]:
    best: dict[str, int] = {}
    for count in counts:
        best[count.variant.base] = max(best.get(count.variant.base, 0), count.fitting)
    ordered = sorted(best.items(), key=lambda item: -item[1])
    return {base: fitting / modules for base, fitting in ordered if fitting}


def _settled(
    variants: list[Variant], names: Mapping[str, ModuleName], shares: Mapping[str, float], grade: Grade, why: str
) -> Fit:
    """Which of the bases that fit equally well is meant, as far as the blocks tell."""
    bases = _bases(variants)
    makes = tuple(variant.name for variant in variants)
    reasons = [f"{why}, in {_listed(bases)}"]
    if len(bases) == 1:
        return Fit(bases[0], grade, shares, makes, reasons=tuple(reasons))
    reason = "its blocks are all of {base}'s, so a larger model is hardly meant"
    covered = tuple(_bases([variant for variant in variants if _covers(variant, names)]))
    if LANGUAGE_MODEL in bases:
        reason = "of {base} it changes the text encoder alone, which is a language model that others use too"
        covered = tuple(base for base in bases if base != LANGUAGE_MODEL)
    if len(covered) != 1:
        return Fit(None, grade, shares, makes, candidates=tuple(bases), covered=covered, reasons=tuple(reasons))
    (base,) = covered
    rivals = tuple(other for other in bases if other != base)
    reasons.append(reason.format(base=title(base)))
    return Fit(base, grade, shares, makes, covered=covered, rivals=rivals, reasons=tuple(reasons))


def _bases(variants: list[Variant]) -> list[str]:
    return list(dict.fromkeys(variant.base for variant in variants))


def _listed(bases: Collection[str]) -> str:
    return " and ".join(title(base) for base in bases)


def _by_markers(
    modules: Mapping[str, ModuleTensors], names: Mapping[str, ModuleName], shares: Mapping[str, float]
) -> Fit:
    bases = marked(modules, names, shares)
    if len(bases) == 1:
        base = bases[0]
        reasons = (f"some of its layers' names are {title(base)}'s alone",)
        return Fit(base, Grade.MARKER, shares, reasons=reasons)
    nearest = next(iter(shares), None)
    reason = f"; {title(nearest)} comes nearest with {shares[nearest]:.0%}" if nearest else ""
    return Fit(None, Grade.NONE, shares, reasons=(f"no known model has all of its layers{reason}",))


# --- coverage of blocks ------------------------------------------------------------------------------------------


def _covers(variant: Variant, names: Mapping[str, ModuleName]) -> bool:
    """Whether the file has, of each kind of layer that it changes, every one that the variant's denoiser has.

    A LoRA for all attention layers of a small model fits the first blocks of a larger one; a trainer that was given
    the larger one would hardly have stopped just there. Text encoders, which many models share, cover nothing.
    """
    if all(name.part is not Part.DENOISER for name in names.values()):
        return False
    present: dict[tuple[str, str], set[str]] = {}
    for name in names.values():
        entry = variant.find(name)
        network = variant.networks.get(name.part)
        if entry is None or network is None:
            continue
        for target in entry.targets:
            present.setdefault((network, _kind(target)), set()).add(target)
    return all(
        len(found) == _kinds(network).get(kind, len(found)) for (network, kind), found in present.items() if "#" in kind
    )


def _kind(path: str) -> str:
    return _DIGITS.sub("#", path)


@cache
def _kinds(network: str) -> dict[str, int]:
    """How many layers of each kind a network has."""
    found: dict[str, int] = {}
    for path in networks()[network]:
        kind = _kind(path)
        found[kind] = found.get(kind, 0) + 1
    return found


def overlap(variant: Variant, modules: Collection[str]) -> tuple[str, str] | None:
    """Two names among `modules` that mean the same layer of `variant`; None when no two do."""
    first: dict[tuple[str | None, str], str] = {}
    for module in modules:
        name = read_name(module)
        entry = variant.find(name)
        for target in entry.targets if entry else ():
            other = first.setdefault((variant.networks.get(name.part), target), module)
            if other != module:
                return other, module
    return None
