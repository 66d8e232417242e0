"""Whose LoRA is this, by its layers: the share of them that each known base model has, by name and shape.

A base fits when it has every one of the file's layers with the same shape. Where several fit, the tie is broken, in
this order, by text encoders (a base without them does not fit at all), by coverage of blocks, by the naming scheme
(names that a base never has are not in its table), and by metadata that names one of them. What remains is
ambiguous: an answer is never guessed. Files that fit nothing may still be recognised by what most of their layers
say, at the grade `marker`, which is good for a refusal's words and never admits a LoRA.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache

from inference.lora.formats import ModuleTensors
from inference.lora.markers import marked
from inference.lora.names import Entry, ModuleName, read_name
from inference.lora.tables import VARIANTS, Variant, networks, title

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
    it would be if it were. `reasons` are sentences.
    """

    base: str | None
    grade: Grade
    shares: Mapping[str, float]
    variants: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def ambiguous(self) -> bool:
        """Whether several bases fit and nothing tells which is meant."""
        return len(self.candidates) > 1

    @property
    def strange(self) -> bool:
        """Whether no known base has all of its layers; no word of anybody makes up for that."""
        return not self.ambiguous and (self.base is None or self.grade is not Grade.FIT)

    def settled_by(self, claims: Collection[str]) -> Fit:
        """The same with its tie broken where `claims` (bases that metadata or people name) name one of the tied."""
        claimed = [base for base in self.candidates if base in claims]
        if len(claimed) != 1:
            return self
        (base,) = claimed
        makes = tuple(variant.name for variant in VARIANTS if variant.base == base and variant.name in self.variants)
        reason = f"between {_listed(self.candidates)}, what is said of it names {title(base)}"
        return replace(self, base=base, variants=makes, candidates=(), reasons=(*self.reasons, reason))


@dataclass(frozen=True)
class _Count:
    """How many of a file's layers a variant has: by name and shape, by name alone, and with another shape."""

    variant: Variant
    fitting: int
    named: int
    against: int


def fit(modules: Mapping[str, ModuleTensors], claims: Collection[str] = ()) -> Fit:
    """Compare a file's modules with every known base. `claims` are the bases that metadata or people name."""
    if not modules:
        return Fit(None, Grade.NONE, {}, reasons=("it holds no LoRA weights",))
    names = {name: read_name(name) for name in modules}
    counts = [_count(variant, modules, names) for variant in VARIANTS]
    shares = _shares(counts, len(modules))
    whole = [count.variant for count in counts if count.fitting == len(modules)]
    if whole:
        return _settled(whole, names, claims, shares, Grade.FIT, "every layer of it is there, name and shape")
    if near := _near(counts, modules, names):
        return _settled(near, names, claims, shares, Grade.MARKER, "most of its layers are there, but not all")
    named = [count.variant for count in counts if count.named == len(modules) and not count.against]
    if named:
        return _settled(named, names, claims, shares, Grade.MARKER, "its layers' names are there; not all shapes tell")
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
    variants: list[Variant],
    names: Mapping[str, ModuleName],
    claims: Collection[str],
    shares: Mapping[str, float],
    grade: Grade,
    why: str,
) -> Fit:
    """Break the tie between bases that fit equally well, or say that it cannot be broken."""
    bases = _bases(variants)
    reasons = [f"{why}, in {_listed(bases)}"]
    if len(bases) > 1:
        covered = _bases([variant for variant in variants if _covers(variant, names)])
        if covered:
            bases = covered
            reasons.append(f"its blocks are all of {_listed(bases)}'s, so a larger model is not meant")
    makes = tuple(variant.name for variant in variants if variant.base in bases)
    if len(bases) > 1:
        return Fit(None, grade, shares, makes, tuple(bases), tuple(reasons)).settled_by(claims)
    return Fit(bases[0], grade, shares, makes, reasons=tuple(reasons))


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
    """Whether the file has, of each kind of layer that it changes, every one that the variant has.

    A LoRA for all attention layers of a small model fits the first blocks of a larger one; a trainer that was given
    the larger one would hardly have stopped just there.
    """
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


def layers_in(variant: Variant, modules: Mapping[str, ModuleTensors]) -> dict[str, Entry]:
    """Which layers of `variant` each module means; modules that it does not have are left out."""
    found = {name: variant.find(read_name(name)) for name in modules}
    return {name: entry for name, entry in found.items() if entry is not None}
