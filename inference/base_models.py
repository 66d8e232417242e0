"""Base models: what a checkpoint is and what a LoRA was trained on, and which goes with which.

A base model is an architecture (shapes must agree) and a lineage (the fine-tune family inside it), written
`architecture/lineage`: `sdxl/illustrious`. All lineages of one architecture have the same shapes, so a LoRA of
the wrong lineage loads without a murmur and spoils the picture; that is why the lineage is part of the id.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


class Architecture(StrEnum):
    """Whose shapes: two models of different architectures can never exchange a LoRA."""

    SD1 = "sd1"
    SD2 = "sd2"
    SDXL = "sdxl"
    SDXL_REFINER = "sdxl-refiner"
    SD3 = "sd3"
    SD35_MEDIUM = "sd35m"
    SD35_LARGE = "sd35l"
    AURAFLOW = "auraflow"
    LUMINA2 = "lumina2"
    Z_IMAGE = "z-image"
    QWEN_IMAGE = "qwen-image"
    PIXART = "pixart"
    SANA = "sana"
    ANIMA = "anima"
    KREA2 = "krea2"
    FLUX1 = "flux1"
    FLUX2_DEV = "flux2-dev"
    FLUX2_KLEIN_4B = "flux2-klein-4b"
    FLUX2_KLEIN_9B = "flux2-klein-9b"
    WAN = "wan"
    HUNYUAN_VIDEO = "hunyuan-video"
    DEMO = "demo"


ARCHITECTURE_TITLES = {
    Architecture.SD1: "Stable Diffusion 1.5",
    Architecture.SD2: "Stable Diffusion 2",
    Architecture.SDXL: "SDXL",
    Architecture.SDXL_REFINER: "SDXL refiner",
    Architecture.SD3: "Stable Diffusion 3",
    Architecture.SD35_MEDIUM: "Stable Diffusion 3.5 Medium",
    Architecture.SD35_LARGE: "Stable Diffusion 3.5 Large",
    Architecture.AURAFLOW: "AuraFlow",
    Architecture.LUMINA2: "Lumina 2",
    Architecture.Z_IMAGE: "Z-Image",
    Architecture.QWEN_IMAGE: "Qwen-Image",
    Architecture.PIXART: "PixArt",
    Architecture.SANA: "Sana",
    Architecture.ANIMA: "Anima",
    Architecture.KREA2: "Krea 2",
    Architecture.FLUX1: "Flux.1",
    Architecture.FLUX2_DEV: "Flux.2 dev",
    Architecture.FLUX2_KLEIN_4B: "Flux.2 Klein 4B",
    Architecture.FLUX2_KLEIN_9B: "Flux.2 Klein 9B",
    Architecture.WAN: "Wan (video)",
    Architecture.HUNYUAN_VIDEO: "Hunyuan Video",
    Architecture.DEMO: "Demo",
}

# Lineages that need a word of their own; every architecture not named here has the lineage `base` alone.
LINEAGE_TITLES: dict[Architecture, dict[str, str]] = {
    Architecture.SDXL: {
        "base": "SDXL",
        "illustrious": "Illustrious",
        "noobai": "NoobAI",
        "pony": "Pony",
        "animagine": "Animagine",
        "haruka": "Haruka",
        "hoshino": "Hoshino",
        "kolors": "Kolors",
        "playground": "Playground",
    },
    Architecture.FLUX1: {
        "dev": "Flux.1 dev",
        "schnell": "Flux.1 schnell",
        "krea": "Flux.1 Krea",
        "kontext": "Flux.1 Kontext",
        "chroma": "Chroma",
    },
    # Models with the shapes of one that Easel paints with, so that shapes alone prove neither.
    Architecture.AURAFLOW: {"base": "AuraFlow", "pony-v7": "Pony V7"},
    Architecture.LUMINA2: {"base": "Lumina 2", "neta": "Neta Lumina"},
    Architecture.Z_IMAGE: {"base": "Z-Image", "edit": "Z-Image-Edit"},
    Architecture.QWEN_IMAGE: {"base": "Qwen-Image", "edit": "Qwen-Image-Edit", "layered": "Qwen-Image-Layered"},
    Architecture.ANIMA: {"base": "Anima", "cosmos-predict2": "Cosmos-Predict2 2B"},
    Architecture.DEMO: {"vivid": "Vivid", "pastel": "Pastel"},
}

# Operators may name private lineages of these ("sd1/my-merge"): they have no table of public families.
OPEN_LINEAGES = frozenset({Architecture.SD1, Architecture.SD2})

_LINEAGE_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.")


class BaseModelId(str):
    """An `architecture/lineage` pair that is known to exist. A plain string in JSON, SQLite and settings.

    Raises ValueError with a sentence that lists what may stand there.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> BaseModelId:
        """Check `text` and keep it."""
        architecture, _, lineage = text.partition("/")
        if architecture not in Architecture.__members__.values():
            raise ValueError(f"unknown architecture {architecture!r} in {text!r}; known are {', '.join(Architecture)}")
        _check_lineage(Architecture(architecture), lineage)
        return super().__new__(cls, text)

    @property
    def architecture(self) -> Architecture:
        """The part before the slash."""
        return Architecture(self.partition("/")[0])

    @property
    def lineage(self) -> str:
        """The part behind the slash."""
        return self.partition("/")[2]

    @property
    def label(self) -> str:
        """The name people know: `Illustrious`, `Stable Diffusion 1.5`."""
        titles = LINEAGE_TITLES.get(self.architecture, {})
        if self.lineage == "base":
            return titles.get("base", ARCHITECTURE_TITLES[self.architecture])
        return titles.get(self.lineage, f"{ARCHITECTURE_TITLES[self.architecture]} · {self.lineage}")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Let pydantic read it from a string and write it as one."""
        return core_schema.no_info_after_validator_function(cls, core_schema.str_schema(max_length=64))


def _check_lineage(architecture: Architecture, lineage: str) -> None:
    if architecture in OPEN_LINEAGES:
        if lineage and set(lineage) <= _LINEAGE_CHARACTERS:
            return
        raise ValueError(f"write the lineage behind a slash, for example '{architecture}/base'")
    known = LINEAGE_TITLES.get(architecture, {"base": ""})
    if lineage not in known:
        choices = ", ".join(f"{architecture}/{name}" for name in known)
        raise ValueError(f"unknown lineage {lineage!r} of {architecture}; known are {choices}")


def known_base_models() -> list[BaseModelId]:
    """Every id that has a public name, in the order of the tables."""
    return [
        BaseModelId(f"{architecture}/{lineage}")
        for architecture in Architecture
        for lineage in LINEAGE_TITLES.get(architecture, {"base": ""})
    ]


class Compatibility(StrEnum):
    """How a LoRA's base model stands to a checkpoint's."""

    EQUAL = "equal"
    ALLOWED = "allowed"
    OTHER_LINEAGE = "other_lineage"
    OTHER_ARCHITECTURE = "other_architecture"
    UNKNOWN = "unknown"

    @property
    def fits(self) -> bool:
        """Whether the LoRA may be applied."""
        return self in {Compatibility.EQUAL, Compatibility.ALLOWED}


@dataclass(frozen=True)
class CompatibilityTable:
    """Equal base models go together; further pairs only where the operator switched them on.

    A pair is (LoRA's base model, checkpoint's base model), one direction. A pair that crosses architectures is
    a ValueError: no setting makes foreign shapes fit.
    """

    allowed: frozenset[tuple[BaseModelId, BaseModelId]] = frozenset()

    def __post_init__(self) -> None:
        for lora, checkpoint in self.allowed:
            if lora.architecture != checkpoint.architecture:
                raise ValueError(f"{lora} and {checkpoint} have different architectures and can never be allowed")

    @classmethod
    def of(cls, pairs: Iterable[tuple[BaseModelId, BaseModelId]]) -> CompatibilityTable:
        """The table with these pairs switched on."""
        return cls(frozenset(pairs))

    def compare(self, lora: BaseModelId | None, checkpoint: BaseModelId | None) -> Compatibility:
        """How a LoRA of base model `lora` stands to a checkpoint of base model `checkpoint`."""
        if lora is None or checkpoint is None:
            return Compatibility.UNKNOWN
        if lora == checkpoint:
            return Compatibility.EQUAL
        if lora.architecture != checkpoint.architecture:
            return Compatibility.OTHER_ARCHITECTURE
        if (lora, checkpoint) in self.allowed:
            return Compatibility.ALLOWED
        return Compatibility.OTHER_LINEAGE

    def fitting(self, checkpoint: BaseModelId) -> frozenset[BaseModelId]:
        """Every base model whose LoRAs may be applied to a checkpoint of base model `checkpoint`."""
        return frozenset({checkpoint, *(lora for lora, other in self.allowed if other == checkpoint)})
