"""Base models in names: which words in a checkpoint's or a LoRA's name tell its lineage.

The rules are narrow because names are full of traps: `il` stands in one old title of twelve, and Illustrious is
also a character. They were measured on 11,516 titles from before any of these lineages existed, where every hit is
false; those used here had none. Names of checkpoints may say more than names of LoRAs.
"""

from __future__ import annotations

import re
from functools import cache

from inference.base_models import BaseModelId

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SEPARATORS = re.compile(r"[\s_.\-]+")
_MAX = 1000  # characters of a name that are looked at

# In every name. After splitting, words stand apart by one blank.
_ANYWHERE = (
    ("sdxl/illustrious", r"illustrious ?xl"),
    ("sdxl/noobai", r"\bnoob ?ai|\bnoob ?xl|\bnai ?xl"),
    # neither the cartoon's ponies nor a pony tail
    ("sdxl/pony", r"\bpdxl\b|(?<!little )\bpony(?! ?tails?\b)(?: ?(?:xl|diffusion)| ?v?6)?\b"),
    ("sdxl/animagine", r"animagine"),
)
# In the name of a checkpoint, where a lineage's name is the lineage.
_IN_CHECKPOINTS = (
    ("sdxl/illustrious", r"illustrious|\b(?:il|ill|illu|ilxl|illxl)\b"),
    ("sdxl/base", r"^sd ?xl ?base(?: ?v?1 ?0)?(?: 0 ?9 ?vae)?(?: safetensors| ckpt)?$"),
    ("sdxl/kolors", r"\bkolors\b"),
    ("flux1/chroma", r"^chroma(?: ?1)?(?: (?:hd|base|flash|unlocked)| ?v?\d)"),
    ("flux1/kontext", r"\bflux ?1?\b.*\bkontext\b"),
    ("flux1/krea", r"\bflux ?1?\b.*\bkrea\b"),
    ("flux1/schnell", r"\bflux ?1?\b.*\bschnell\b"),
    ("flux1/dev", r"\bflux ?1? dev\b(?!.*\b(?:krea|kontext|schnell)\b)"),
)
_TAG = re.compile(r"^\s*\[(illustrious|pony|noobai|sdxl|animagine|flux)(?![a-z])[^\]]*\]", re.IGNORECASE)
_TAGGED = {
    "illustrious": "sdxl/illustrious",
    "pony": "sdxl/pony",
    "noobai": "sdxl/noobai",
    "animagine": "sdxl/animagine",
}  # `[SDXL]` and `[Flux]` name an architecture, not a lineage


def words(name: str) -> str:
    """A name in lower case with its words apart: camelCase split, separators made blanks."""
    return _SEPARATORS.sub(" ", _CAMEL.sub(" ", name[:_MAX])).strip().lower()


def bases_in_checkpoint_name(name: str) -> set[BaseModelId]:
    """The base models that a checkpoint's file name tells; two: a mixture, or a name that misleads."""
    return _found(name, _ANYWHERE + _IN_CHECKPOINTS)


def bases_in_title(title: str) -> set[BaseModelId]:
    """The base models that a LoRA's own title in its metadata tells, by its words or by a tag in front."""
    return _found(title, _ANYWHERE) | bases_in_tag(title)


def bases_in_tag(name: str) -> set[BaseModelId]:
    """The base model of a tag in front of a name: `[Illustrious] Komori Met`."""
    match = _TAG.match(name[:_MAX])
    base = _TAGGED.get(match[1].lower()) if match else None
    return set() if base is None else {BaseModelId(base)}


def _found(name: str, rules: tuple[tuple[str, str], ...]) -> set[BaseModelId]:
    """The rules are asked of the words split at capitals, and unsplit: `NoobAI` is one word or two."""
    split, unsplit = words(name), _SEPARATORS.sub(" ", name[:_MAX]).strip().lower()
    return {BaseModelId(base) for base, rule in rules if _rule(rule).search(split) or _rule(rule).search(unsplit)}


@cache
def _rule(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
