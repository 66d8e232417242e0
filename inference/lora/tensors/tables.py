"""The tables of known base models: which networks they are made of, and the shape of every layer in them.

The shapes are data, written by `python -m tools.lora_tables`; they are read when the first LoRA is judged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import product

from inference.base_models import ARCHITECTURE_TITLES, Architecture
from inference.lora.tensors.names import Entry, ModuleName, Part, index, underscored

Shapes = dict[str, tuple[int, ...]]

# Models that nobody paints with here: known only so that their LoRAs are refused by name.
STRANGERS = {
    "ltx-video": "LTX-Video (video)",
    "cogvideox": "CogVideoX (video)",
    "mochi": "Mochi (video)",
    "svd": "Stable Video Diffusion (video)",
    "hidream": "HiDream",
    "cosmos": "Cosmos (video)",
    "cogview": "CogView or GLM-Image",  # of one class
    "hunyuan-image": "Hunyuan Image",
    "hunyuan-video-1.5": "Hunyuan Video 1.5 (video)",
    "longcat-image": "LongCat-Image",
    "ideogram-4": "Ideogram 4",
    "ltx-2": "LTX-2 (video)",
    "sana-video": "Sana (video)",
    "ovis-image": "Ovis-Image",
    "nucleus-image": "Nucleus-Image",
    "qwen-image-2.1": "Qwen-Image 2.1",
    "amused": "aMUSEd",
    "qwen3": "Qwen3 (language model)",
    "flux3": "FLUX.3",  # known by its metadata alone
}
LANGUAGE_MODEL = "qwen3"  # the text encoder of several image models, and a model that people chat with


def title(base: str) -> str:
    """The name people know of an architecture or a stranger."""
    return STRANGERS.get(base) or ARCHITECTURE_TITLES[Architecture(base)]


@dataclass(frozen=True)
class Variant:
    """One make of an architecture (`base`, or a stranger's name): which network each of its parts is."""

    base: str
    networks: Mapping[Part, str]
    name: str

    def find(self, name: ModuleName) -> Entry | None:
        """What a module's name stands for in it; None for a stranger."""
        network = self.networks.get(name.part)
        return spelled(network).get(name.path) if network is not None else None

    def lacks_block(self, name: ModuleName) -> bool:
        """Whether it has no such layer, but would have if it had more blocks."""
        network = self.networks.get(name.part)
        return network is not None and self.find(name) is None and _numberless(name.path) in _kinds(network)


_NUMBER = re.compile(r"(?<![^._])\d+(?![^._])")


def _numberless(path: str) -> str:
    return _NUMBER.sub("#", path)


@cache
def _kinds(network: str) -> frozenset[str]:
    return frozenset(_numberless(path) for path in spelled(network))


def _parts(denoiser: str, *texts: str) -> dict[Part, str]:
    """The parts of a pipeline with these text encoders; alone, one is also known by kohya's plain prefix."""
    numbered = dict(zip((Part.TEXT_1, Part.TEXT_2, Part.TEXT_3), texts, strict=False))
    parts = {Part.DENOISER: denoiser, **numbered, **{_BY_NAME[text]: text for text in texts if text in _BY_NAME}}
    if texts:
        parts[Part.PIPELINE_TEXT] = texts[0]
    if len(texts) == 1:
        parts[Part.TEXT] = texts[0]
        del parts[Part.TEXT_1]
    return parts


_BY_NAME = {
    "clip-l": Part.CLIP_L,
    "clip-g": Part.CLIP_G,
    "clip-h": Part.CLIP_H,
    "t5-xxl": Part.T5,
    "qwen3-06b": Part.QWEN3_06B,
    "qwen3-vl-4b": Part.QWEN3_VL_4B,
}


def _flux(denoiser: str, *texts: str) -> dict[Part, str]:
    """kohya calls Flux's T5 the third text encoder, whether there is a second or not."""
    return {Part.TEXT_1: texts[0], **_parts(denoiser, *texts), Part.TEXT_3: "t5-xxl"}


VARIANTS: tuple[Variant, ...] = (
    Variant("sd1", _parts("sd1", "clip-l"), "sd1"),
    Variant("sd2", _parts("sd2", "clip-h"), "sd2"),
    Variant("sdxl", _parts("sdxl", "clip-l", "clip-g"), "sdxl"),
    Variant("sdxl", _parts("kolors"), "kolors"),
    Variant("sdxl-refiner", {**_parts("sdxl-refiner"), Part.TEXT_2: "clip-g", Part.CLIP_G: "clip-g"}, "sdxl-refiner"),
    Variant("sd3", _parts("sd3", "clip-l", "clip-g", "t5-xxl"), "sd3"),
    Variant("sd35m", _parts("sd35m", "clip-l", "clip-g", "t5-xxl"), "sd35m"),
    Variant("sd35l", _parts("sd35l", "clip-l", "clip-g", "t5-xxl"), "sd35l"),
    Variant("flux1", _flux("flux1", "clip-l", "t5-xxl"), "flux1"),
    Variant("flux1", _flux("chroma", "t5-xxl"), "chroma"),
    Variant("flux2-dev", _parts("flux2-dev"), "flux2-dev"),
    Variant("flux2-klein-4b", _parts("flux2-klein-4b"), "flux2-klein-4b"),
    Variant("flux2-klein-9b", _parts("flux2-klein-9b"), "flux2-klein-9b"),
    Variant("qwen-image", _parts("qwen-image"), "qwen-image"),
    Variant("auraflow", _parts("auraflow"), "auraflow"),
    Variant("lumina2", _parts("lumina2"), "lumina2"),
    Variant("z-image", _parts("z-image"), "z-image"),
    Variant("pixart", {**_parts("pixart", "t5-xxl"), Part.TEXT_1: "t5-xxl"}, "pixart"),
    Variant("sana", _parts("sana"), "sana-1600m"),
    Variant("sana", _parts("sana-600m"), "sana-600m"),
    Variant("anima", _parts("anima", "qwen3-06b"), "anima"),
    Variant("anima", _parts("cosmos-predict2"), "cosmos-predict2"),
    Variant("krea2", _parts("krea2", "qwen3-vl-4b"), "krea2"),
    Variant("wan", _parts("wan-14b"), "wan-14b"),
    Variant("wan", _parts("wan-1b"), "wan-1.3b"),
    Variant("wan", _parts("wan-5b"), "wan-5b"),
    Variant("wan", _parts("wan-i2v"), "wan-i2v-14b"),
    Variant("hunyuan-video", _parts("hunyuan-video"), "hunyuan-video"),
    Variant("ltx-video", _parts("ltx-video"), "ltx-video"),
    Variant("cogvideox", _parts("cogvideox-2b"), "cogvideox-2b"),
    Variant("cogvideox", _parts("cogvideox-5b"), "cogvideox-5b"),
    Variant("mochi", _parts("mochi"), "mochi"),
    Variant("hidream", _parts("hidream", "clip-l", "clip-g", "t5-xxl"), "hidream"),
    Variant("cosmos", _parts("cosmos"), "cosmos"),
    Variant("cosmos", _parts("cosmos-14b"), "cosmos-14b"),
    Variant("cogview", _parts("cogview3"), "cogview3"),
    Variant("cogview", _parts("cogview4"), "cogview4"),
    Variant("cogview", _parts("glm-image"), "glm-image"),
    Variant("hunyuan-image", _parts("hunyuan-image"), "hunyuan-image"),
    Variant("hunyuan-video-1.5", _parts("hunyuan-video-1.5"), "hunyuan-video-1.5"),
    Variant("longcat-image", _parts("longcat-image"), "longcat-image"),
    Variant("ideogram-4", _parts("ideogram-4"), "ideogram-4"),
    Variant("ltx-2", _parts("ltx-2"), "ltx-2"),
    Variant("sana-video", _parts("sana-video"), "sana-video"),
    Variant("ovis-image", _parts("ovis-image"), "ovis-image"),
    Variant("nucleus-image", _parts("nucleus-image"), "nucleus-image"),
    Variant("qwen-image-2.1", _parts("qwen-image-2.1"), "qwen-image-2.1"),
    Variant("amused", _parts("amused"), "amused"),
    Variant("qwen3", _parts("qwen3-06b", "qwen3-06b"), "qwen3-0.6b"),
    Variant("qwen3", _parts("qwen3-vl-4b", "qwen3-vl-4b"), "qwen3-4b"),
    Variant("demo", _parts("demo", "demo-clip-1", "demo-clip-2"), "demo"),
)
BASES: tuple[str, ...] = tuple(dict.fromkeys(variant.base for variant in VARIANTS))

# Anima's makers trained on from Cosmos-Predict2, without a change to its layers.
_SAME_LAYERS = {"cosmos-predict2": "anima"}

# What stands between Anima's text encoder and its denoiser; files write it among the denoiser's layers.
CONDITIONER = "text_conditioner"
_CONDITIONERS = {"anima": "anima-conditioner"}
_CONDITIONER_NAMES = ("llm_adapter.", f"{CONDITIONER}.")


@cache
def spelled(network: str) -> dict[str, Entry]:
    """Every spelling of a network's layers and what it stands for."""
    found = index(_SAME_LAYERS.get(network, network), networks()[network])
    if network in _CONDITIONERS:
        found |= spelled_conditioner(networks()[_CONDITIONERS[network]])
    return found


def spelled_conditioner(shapes: Shapes) -> dict[str, Entry]:
    """The same for the layers of a conditioner with these shapes, whose paths begin with its name."""
    return {
        spelling: Entry((f"{CONDITIONER}.{path}",), shape)
        for path, shape in shapes.items()
        for name in (prefix + path for prefix in _CONDITIONER_NAMES)
        for spelling in (name, underscored(name))
    }


def load_tables() -> None:
    """Read and index all tables now, so that the first judgement does not wait for it."""
    for variant in VARIANTS:
        for network in variant.networks.values():
            spelled(network)


@cache
def networks() -> dict[str, Shapes]:
    """Every network by name: its layers' paths and the shapes of their weights."""
    text = files("inference.lora").joinpath("data/networks.txt").read_text("utf-8")
    found: dict[str, Shapes] = {}
    shapes: Shapes = {}
    for line in text.splitlines():
        if line.startswith("["):
            shapes = found[line[1:-1]] = {}
        elif line and not line.startswith("#"):
            path, _, shape = line.rpartition(" ")
            sides = tuple(int(side) for side in shape.split("x"))
            shapes.update((each, sides) for each in _expanded(path))
    return found | {network: found[same] for network, same in _SAME_LAYERS.items()}


def _expanded(path: str) -> Iterator[str]:
    """The paths that a line's runs of numbers stand for: `blocks.0-1.attn` is two."""
    words = [_run(word) for word in path.split(".")]
    return (".".join(each) for each in product(*words))


def _run(word: str) -> list[str]:
    first, dash, last = word.partition("-")
    if dash and first.isdigit() and last.isdigit() and int(first) < int(last):
        return [str(number) for number in range(int(first), int(last) + 1)]
    return [word]
