"""Few-step LoRAs and distilled checkpoints: which recipe a file was made for, and how we know.

A recipe is a fact beside the base model. It climbs a ladder of sources: the file's SHA-256 in the settings, a sidecar
pinned to it, the hub's name of the base model, any sidecar, titles in the metadata, the file's name. Shapes never tell
it. A name counts only when every word of it is one that such files are called by, so that a LoRA of lightning bolts
gets none; where a name leaves it open, that is a question to the owner.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import PurePosixPath
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

from inference.base_models import Architecture
from inference.messages.samplers import SPACINGS, Sampler, Spacing
from inference.messages.values import FlowShift, Guidance, Name, Steps, Weight

UNGUIDED = 1.0  # guidance at which there is none, as the web UIs write it; diffusers' pages say 0 and mean the same
_MAX_NAME = 200  # characters of a name that is looked at


class FewStepKind(StrEnum):
    """By which method a file was distilled. The value is what people read."""

    LIGHTNING = "Lightning"
    HYPER = "Hyper-SD"
    TURBO = "Turbo"
    LCM = "LCM"
    TCD = "TCD"
    PCM = "PCM"
    DMD2 = "DMD2"


class FewStepRecipe(BaseModel):
    """What a file was made for; None leaves a setting to the checkpoint. `weight` is a LoRA's.

    It serves from `least` to `most` steps; left out, `steps` alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    steps: Steps
    sampler: Sampler | None = None
    spacing: Spacing | None = None
    flow_shift: FlowShift | None = None
    guidance: Guidance | None = None
    weight: Weight = 1.0
    kind: FewStepKind | None = None
    least: Steps | None = None
    most: Steps | None = None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.spacing is not None and (self.sampler is None or self.spacing not in SPACINGS[self.sampler]):
            raise ValueError(f"{self.spacing.value} spacing needs a sampler that has it")
        if not self.serves[0] <= self.steps <= self.serves[1]:
            raise ValueError("steps lie between least and most")
        return self

    def __str__(self) -> str:
        settings = [str(self.kind or ""), f"{self.steps} step{'s' * (self.steps > 1)}"]
        settings += [self.sampler.value if self.sampler else "", f"{self.spacing} spacing" if self.spacing else ""]
        settings.append(f"flow shift {self.flow_shift:g}" if self.flow_shift else "")
        if self.guidance is not None:
            settings.append("no guidance" if self.guidance <= UNGUIDED else f"guidance {self.guidance:g}")
        return ", ".join(filter(None, settings))

    @property
    def serves(self) -> tuple[int, int]:
        """The least and the most steps that it was made for."""
        return self.least or self.steps, self.most or self.steps


class FewStepSource(StrEnum):
    """Where a recipe is known from, best first. The value is what operators read."""

    KNOWN = "SHA-256 in the settings"
    PINNED = "sidecar pinned to its SHA-256"
    HUB = "base model by a registry's name"
    SIDECAR = "told by its sidecar"
    METADATA = "title in its metadata"
    FILE_NAME = "name of its file"
    REPOSITORY = "its repository"


class FewSteps(BaseModel):
    """What is known of a file: its recipe and the source that decided, or words of a name that leave it open."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    recipe: FewStepRecipe | None = None
    source: FewStepSource | None = None
    question: Name | None = None

    def __str__(self) -> str:
        if self.recipe is not None and self.source is not None:
            return f"{self.recipe} ({self.source.value})"
        return f"its name says {self.question}" if self.question else "no"


NOT_FEW = FewSteps.model_construct()  # without a validator, which takes long to build
Told = FewStepRecipe | Literal[False]  # of a sidecar; False: it is none, whatever it is called


@dataclass(frozen=True)
class FewStepTestimony:
    """What may tell of a file's recipe. `told` is the sidecar's word, `pinned` whether it names these very bytes.
    `known` is what the operator's settings say of their SHA-256.

    `file_name` may have a folder, which tells where the file's own name is one that any LoRA has.
    `hub_base` is a registry's name of the base model, `hub_name` those of the model and the version there.
    """

    architecture: Architecture | None
    file_name: str = ""
    metadata: Mapping[str, str] | None = None
    told: Told | None = None
    pinned: bool = False
    known: FewStepRecipe | None = None
    hub_base: str | None = None
    hub_name: str = ""


def judge_few_steps(said: FewStepTestimony) -> FewSteps:
    """Climb the ladder: the first source that speaks decides."""
    if said.known is not None:
        return FewSteps(recipe=said.known, source=FewStepSource.KNOWN)
    if said.told is not None and said.pinned:
        return _told(said.told, FewStepSource.PINNED)
    metadata = said.metadata or {}
    titles = [text for key in ("modelspec.title", "ss_output_name") if (text := metadata.get(key))]
    stem = PurePosixPath(said.file_name).stem
    if said.architecture is None:
        return NOT_FEW if said.told is None else _told(said.told, FewStepSource.SIDECAR)
    if recipe := _by_hub(said.hub_base, [*said.hub_name.split(" · "), *titles, stem], said.architecture):
        return FewSteps(recipe=recipe, source=FewStepSource.HUB)
    if said.told is not None:
        return _told(said.told, FewStepSource.SIDECAR)
    read = [read_name(title, said.architecture) for title in titles]
    if found := [each.recipe for each in read if each.recipe is not None]:
        clear = all(recipe == found[0] for recipe in found) and not any(each.question for each in read)
        return FewSteps(recipe=found[0], source=FewStepSource.METADATA) if clear else FewSteps(question=_asked(read))
    by_name = read_name(stem, said.architecture)
    if by_name.recipe is not None:
        return FewSteps(recipe=by_name.recipe, source=FewStepSource.FILE_NAME)
    by_folder = NameReading()
    if set(_Words.of(stem).all) <= _NEUTRAL:
        by_folder = read_name(PurePosixPath(said.file_name).parent.name, said.architecture)
    if by_folder.recipe is not None:
        return FewSteps(recipe=by_folder.recipe, source=FewStepSource.REPOSITORY)
    return FewSteps(question=by_name.question or by_folder.question or _asked(read))


def _told(told: Told, source: FewStepSource) -> FewSteps:
    return NOT_FEW if told is False else FewSteps(recipe=told, source=source)


def _asked(read: list[NameReading]) -> str | None:
    asked = (each.question or (each.recipe and each.recipe.kind) for each in read)
    return next((str(each) for each in asked if each), None)


# Names of base models on Civitai that tell how files uploaded there were distilled.
HUB_BASES: dict[str, tuple[Architecture, FewStepKind]] = {
    "SD 1.5 LCM": (Architecture.SD1, FewStepKind.LCM),
    "SD 1.5 Hyper": (Architecture.SD1, FewStepKind.HYPER),
    "SDXL 1.0 LCM": (Architecture.SDXL, FewStepKind.LCM),
    "SDXL Lightning": (Architecture.SDXL, FewStepKind.LIGHTNING),
    "SDXL Hyper": (Architecture.SDXL, FewStepKind.HYPER),
    "SDXL Turbo": (Architecture.SDXL, FewStepKind.TURBO),
}


def _by_hub(base: str | None, names: list[str], architecture: Architecture) -> FewStepRecipe | None:
    """The recipe of a file uploaded under such a base model.

    LoRAs of any subject are uploaded there too, made for distilled checkpoints: the names must say the steps, and all
    that do must say the same.
    """
    found = HUB_BASES.get(base or "")
    if found is None or found[0] is not architecture:
        return None
    told = [words for name in names if (words := _Words.of(name)).steps is not None]
    recipes = [_recipe(found[1], architecture, words) for words in told]
    return recipes[0] if recipes and all(recipe == recipes[0] for recipe in recipes) else None


@dataclass(frozen=True)
class NameReading:
    """What a name tells: a recipe, or the word in it that may mean one."""

    recipe: FewStepRecipe | None = None
    question: str | None = None


_KINDS = {
    "lightning": FewStepKind.LIGHTNING,
    "hyper": FewStepKind.HYPER,
    "turbo": FewStepKind.TURBO,
    "lcm": FewStepKind.LCM,
    "tcd": FewStepKind.TCD,
    "pcm": FewStepKind.PCM,
    "dmd2": FewStepKind.DMD2,
}
_CFG, _NORMAL_CFG, _SMALL_CFG, _LCM_LIKE = "cfg", "normalcfg", "smallcfg", "lcmlike"
# Words that say nothing of what a file paints.
_NEUTRAL = {
    *("sd", "sdv", "sdxl", "xl", "flux", "dev", "qwen", "image", "edit", "demo", "stable", "diffusion"),
    *("lora", "loras", "unet", "weights", "weight", "model", "converted", "base", "official", "bytedance", "alimama"),
    *("fp", "bf", "e", "m", "fn", "rank", "dim", "r", "v", "ema", "comfyui", "comfy", "kohya", "diffusers", "pytorch"),
    *("distill", "distilled", "latent", "phased", "consistency", "pruned", "p", "step", "steps"),
    *(_CFG, _NORMAL_CFG, _SMALL_CFG, _LCM_LIKE),
}
_SD3S = {Architecture.SD3, Architecture.SD35_MEDIUM, Architecture.SD35_LARGE}
_UNETS = {Architecture.SD1, Architecture.SDXL, Architecture.DEMO}
_LIKE_SDXL = {Architecture.SDXL, Architecture.DEMO}
# What the words of a name, joined by blanks, say of the architecture.
_ARCHITECTURES: tuple[tuple[re.Pattern[str], set[Architecture]], ...] = (
    (re.compile(r"\b(?:sdxl|xl)\b(?: 1 0\b)?"), _LIKE_SDXL),
    (re.compile(r"\b(?:sd|sdv|sd v) (?:1 5|15)\b"), {Architecture.SD1}),
    (re.compile(r"\bsd 3\b(?: 5\b)?"), _SD3S),
    (re.compile(r"\bflux\b(?: 1\b)?"), {Architecture.FLUX1}),
    (re.compile(r"\bqwen\b"), {Architecture.QWEN_IMAGE}),
)
_TURBO_BASES = {Architecture.Z_IMAGE, Architecture.SD35_LARGE}  # base models that have "turbo" in their own name
_VERSION = re.compile(r"\bv [0-9]+(?: [0-9]+)?\b(?! steps?\b)")
# Words whose number is their own: `dim8-steps2000` is not of 8 steps.
_NUMBERED = ("dim", "rank", "r", "v", "e", "m", "p", "fp", "bf")
_COUNT = re.compile(
    "".join(rf"(?<!\b{word} )" for word in _NUMBERED)
    + r"(?<!\b[0-9] )(?<![0-9][0-9] )\b([0-9]{1,2}) steps?\b(?! [0-9])"
)
_WORD = re.compile(r"dmd2|[a-z]+|[0-9]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True)
class _Words:
    """The words of a name. `steps` is the one number of steps that it gives; a range or two numbers give none."""

    all: tuple[str, ...]
    architectures: frozenset[Architecture]
    steps: int | None

    @classmethod
    def of(cls, name: str) -> _Words:
        split = _CAMEL.sub(" ", name[:_MAX_NAME].replace("LoRA", "lora"))
        words = _WORD.findall(split.lower()) if name.isascii() else ["strange"]
        rest, architectures = " ".join(words), set[Architecture]()
        for pattern, known in _ARCHITECTURES:
            if pattern.search(rest):
                architectures |= known
                rest = pattern.sub("of", rest)
        rest = _VERSION.sub("version", rest)
        counts = _COUNT.findall(rest) if len(re.findall(r"\bsteps?\b", rest)) == 1 else []
        return cls(tuple(words), frozenset(architectures), int(counts[0]) if counts else None)

    def __contains__(self, word: str) -> bool:
        return word in self.all

    @property
    def says_steps(self) -> bool:
        """Whether steps are mentioned, in whatever number."""
        return "step" in self or "steps" in self


def read_name(name: str, architecture: Architecture) -> NameReading:
    """What a name tells of a file of this architecture."""
    words = _Words.of(name)
    if known := _known_names().get((architecture, words.all)):
        return NameReading(known)
    kinds = [kind for word, kind in _KINDS.items() if word in words]
    if FewStepKind.TURBO in kinds and architecture in _TURBO_BASES:
        kinds.remove(FewStepKind.TURBO)
    if not kinds or (words.architectures and architecture not in words.architectures):
        return NameReading()
    strange = [word for word in words.all if not word.isdigit() and word not in _NEUTRAL and word not in _KINDS]
    if not strange and len(kinds) == 1 and (recipe := _recipe(kinds[0], architecture, words)):
        return NameReading(recipe)
    asks = not strange or words.says_steps
    return NameReading(question=kinds[0].value if asks else None)


@dataclass(frozen=True)
class _Rule:
    """What a kind's makers say of their files for some architectures and numbers of steps.

    `mark` is the word that the name must have of _MARKS; "" is none of them, None whichever. `usual` is the number of
    steps where the name gives none: for words by which nobody calls anything else.
    """

    kind: FewStepKind
    architectures: set[Architecture]
    steps: Collection[int]
    settings: Mapping[str, object]
    mark: str | None = ""
    usual: int | None = None

    def recipe(self, words: _Words) -> FewStepRecipe | None:
        """The recipe of a file whose name has these words; None where the rule does not say."""
        steps = words.steps if words.says_steps else self.usual
        marks = _MARKS & set(words.all)
        if steps not in self.steps or (self.mark is not None and marks != ({self.mark} if self.mark else set())):
            return None
        return FewStepRecipe.model_validate({"guidance": UNGUIDED, **self.settings, "steps": steps, "kind": self.kind})


_EULER = {"sampler": Sampler.EULER, "spacing": Spacing.TRAILING}
_FLOW = {"sampler": Sampler.EULER}  # with the checkpoint's own spacing
_DDIM = {"sampler": Sampler.DDIM, "spacing": Spacing.TRAILING}
_LCM = {"sampler": Sampler.LCM, "least": 2, "most": 8}
_MARKS = {_CFG, _NORMAL_CFG, _SMALL_CFG, _LCM_LIKE}
_RULES = (
    _Rule(FewStepKind.LIGHTNING, _LIKE_SDXL, {2, 4, 8}, _EULER),
    # Its schedule is shifted by the same constant whatever the size of the picture.
    _Rule(FewStepKind.LIGHTNING, {Architecture.QWEN_IMAGE}, {4, 8}, _FLOW | {"flow_shift": 3.0}),
    _Rule(FewStepKind.HYPER, _UNETS, {1}, {"sampler": Sampler.TCD}),
    _Rule(FewStepKind.HYPER, _UNETS, {2, 4, 8}, _DDIM),
    _Rule(FewStepKind.HYPER, _UNETS, {8, 12}, _DDIM | {"guidance": 5.0}, mark=_CFG),
    _Rule(FewStepKind.HYPER, {Architecture.FLUX1}, {8, 16}, _FLOW | {"guidance": 3.5, "weight": 0.125}, mark=None),
    _Rule(FewStepKind.HYPER, _SD3S, {4}, _FLOW | {"guidance": 3.0, "weight": 0.125}, mark=None),
    _Rule(FewStepKind.HYPER, _SD3S, {8}, _FLOW | {"guidance": 5.0, "weight": 0.125}, mark=None),
    _Rule(FewStepKind.HYPER, _SD3S, {16}, _FLOW | {"guidance": 7.0, "weight": 0.125}, mark=None),
    _Rule(FewStepKind.TURBO, _LIKE_SDXL, range(1, 9), _EULER | {"sampler": Sampler.EULER_A}),
    _Rule(FewStepKind.LCM, _UNETS, range(2, 9), _LCM, usual=4),
    _Rule(FewStepKind.TCD, _UNETS, range(2, 17), {"sampler": Sampler.TCD, "least": 2, "most": 16}, usual=4),
    _Rule(FewStepKind.DMD2, _LIKE_SDXL, {4}, {"sampler": Sampler.LCM, "spacing": Spacing.TRAILING, "most": 8}, usual=4),
    _Rule(FewStepKind.PCM, _UNETS, {2, 4, 8, 16}, _DDIM, mark=_SMALL_CFG),
    _Rule(FewStepKind.PCM, _UNETS, {4, 8, 16}, _DDIM | {"guidance": 7.5}, mark=_NORMAL_CFG),
    _Rule(FewStepKind.PCM, _UNETS, range(2, 9), _LCM, mark=_LCM_LIKE, usual=4),
)


@cache  # built at the first use: pydantic then builds the validator, which `easel status` need not wait for
def _known_names() -> dict[tuple[Architecture, tuple[str, ...]], FewStepRecipe]:
    """Return the recipes of files that are well known by their names, which say no steps; the keys have the words."""
    flux = FewStepRecipe(steps=8, guidance=3.5, sampler=Sampler.EULER, kind=FewStepKind.TURBO)
    return {(Architecture.FLUX1, ("flux", "1", "turbo", "alpha")): flux}


def _recipe(kind: FewStepKind, architecture: Architecture, words: _Words) -> FewStepRecipe | None:
    rules = (rule for rule in _RULES if rule.kind is kind and architecture in rule.architectures)
    return next((recipe for rule in rules if (recipe := rule.recipe(words))), None)


# Repositories of distilled checkpoints, in lower case, as their pages say to paint with them.
_TURBO: dict[str, object] = {"sampler": Sampler.EULER_A, "spacing": Spacing.TRAILING, "least": 1, "most": 4}
_DISTILLED: dict[str, dict[str, object]] = {
    "stabilityai/sdxl-turbo": {"steps": 1, "guidance": UNGUIDED, **_TURBO},
    "stabilityai/sd-turbo": {"steps": 1, "guidance": UNGUIDED, **_TURBO},
    "stabilityai/stable-diffusion-3.5-large-turbo": {"steps": 4, "guidance": UNGUIDED},
    "tongyi-mai/z-image-turbo": {"steps": 8, "guidance": 0.0},  # with 1 it would be guided
    "black-forest-labs/flux.1-schnell": {"steps": 4, "least": 1, "most": 4},
}


def checkpoint_few_steps(repository: str | None, file_name: str | None, architecture: Architecture) -> FewSteps:
    """What a checkpoint was distilled for, by its repository's id or the name of its file or folder."""
    if known := _DISTILLED.get((repository or "").lower()):
        return FewSteps(recipe=FewStepRecipe.model_validate(known), source=FewStepSource.REPOSITORY)
    name = PurePosixPath(file_name or repository or "").name.removesuffix(".safetensors")
    read = read_name(name, architecture)
    source = FewStepSource.FILE_NAME if read.recipe else None
    return FewSteps(recipe=read.recipe, source=source, question=read.question)
