"""The names of modules in LoRA files: which part of a pipeline is meant, and every spelling of a layer's path.

A module's name is a prefix, which tells the trainer's habit and the part (`lora_te2_`, `unet.`), and a path inside that
part, with dots or with underscores in their place. Paths follow diffusers or the network's original code. `spellings`
gives every path under which files know a layer; reading a name is then one look-up, so that no underscore has to be
guessed back into a dot. All of it is tables; `inference.lora.tensors.spellings` holds those of paths.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from inference.lora.tensors.spellings import original_spellings, unet_spellings


class Scheme(StrEnum):
    """Whose habit of naming a file follows. The value is what people read."""

    KOHYA = "kohya"  # lora_unet_down_blocks_1_…
    ONETRAINER = "OneTrainer"  # lora_transformer_…
    LYCORIS = "LyCORIS"  # lycoris_…
    DIFFUSERS = "diffusers"  # unet.down_blocks.1.…
    PEFT = "PEFT"  # base_model.model.…
    COMFYUI = "ComfyUI"  # diffusion_model.…
    BARE = "bare names"


class Part(StrEnum):
    """What a prefix says of the part that is meant. Which network that is depends on the architecture."""

    DENOISER = "denoiser"
    TEXT = "text encoder"  # kohya's prefix for pipelines that have one text encoder
    TEXT_1 = "text encoder 1"
    TEXT_2 = "text encoder 2"
    TEXT_3 = "text encoder 3"
    PIPELINE_TEXT = "the pipeline's first text encoder"  # diffusers' prefix, whether it has one or more
    CLIP_L = "CLIP-L"
    CLIP_G = "CLIP-G"
    CLIP_H = "CLIP-H"
    T5 = "T5"
    QWEN3_06B = "Qwen3-0.6B"
    QWEN3_VL_4B = "Qwen3-VL-4B"


@dataclass(frozen=True)
class ModuleName:
    """A module's name in a file, taken apart. `path` has dots, or underscores when the file writes no dots."""

    scheme: Scheme
    part: Part
    path: str


# Longest first where one begins another. A prefix that ends in a dot may follow `base_model.model.`.
_PREFIXES: tuple[tuple[str, Scheme, Part], ...] = (
    ("lora_unet__", Scheme.KOHYA, Part.DENOISER),  # where the network has no name of its own
    ("lora_unet_", Scheme.KOHYA, Part.DENOISER),
    ("lora_te1_", Scheme.KOHYA, Part.TEXT_1),
    ("lora_te2_", Scheme.KOHYA, Part.TEXT_2),
    ("lora_te3_", Scheme.KOHYA, Part.TEXT_3),
    ("lora_te_", Scheme.KOHYA, Part.TEXT),
    ("lora_transformer_", Scheme.ONETRAINER, Part.DENOISER),
    ("lycoris_", Scheme.LYCORIS, Part.DENOISER),
    ("unet.", Scheme.DIFFUSERS, Part.DENOISER),
    ("transformer.", Scheme.DIFFUSERS, Part.DENOISER),
    ("text_encoder.qwen3.", Scheme.COMFYUI, Part.PIPELINE_TEXT),  # of sd-scripts' first converter for Anima
    ("text_encoder.", Scheme.DIFFUSERS, Part.PIPELINE_TEXT),
    ("text_encoder_2.", Scheme.DIFFUSERS, Part.TEXT_2),
    ("text_encoder_3.", Scheme.DIFFUSERS, Part.TEXT_3),
    ("model.diffusion_model.", Scheme.COMFYUI, Part.DENOISER),
    ("diffusion_model.", Scheme.COMFYUI, Part.DENOISER),
    ("text_encoders.clip_l.transformer.", Scheme.COMFYUI, Part.CLIP_L),
    ("text_encoders.clip_g.transformer.", Scheme.COMFYUI, Part.CLIP_G),
    ("text_encoders.clip_h.transformer.", Scheme.COMFYUI, Part.CLIP_H),
    ("text_encoders.t5xxl.transformer.", Scheme.COMFYUI, Part.T5),
    ("text_encoders.qwen3_06b.transformer.", Scheme.COMFYUI, Part.QWEN3_06B),
    ("text_encoders.qwen3vl_4b.transformer.", Scheme.COMFYUI, Part.QWEN3_VL_4B),
    ("clip_l.transformer.", Scheme.COMFYUI, Part.CLIP_L),
    ("clip_g.transformer.", Scheme.COMFYUI, Part.CLIP_G),
    ("clip_h.transformer.", Scheme.COMFYUI, Part.CLIP_H),
    ("t5xxl.transformer.", Scheme.COMFYUI, Part.T5),
    ("qwen3_06b.transformer.", Scheme.COMFYUI, Part.QWEN3_06B),
    ("qwen3vl_4b.transformer.", Scheme.COMFYUI, Part.QWEN3_VL_4B),
)
_PEFT = "base_model.model."
_TEXT_MODEL = "text_model."


def read_name(module: str) -> ModuleName:
    """Take a module's name apart. What has no known prefix is a bare path in the denoiser."""
    inner = module.removeprefix(_PEFT)
    for prefix, scheme, part in _PREFIXES:
        if inner.startswith(prefix):
            return ModuleName(scheme, part, inner[len(prefix) :])
    if inner.startswith(_TEXT_MODEL):
        return ModuleName(Scheme.BARE, Part.PIPELINE_TEXT, inner)
    return ModuleName(Scheme.PEFT if inner != module else Scheme.BARE, Part.DENOISER, inner)


@dataclass(frozen=True)
class Spelling:
    """One path under which files know layers. More than one target: a fused layer, its outputs laid end to end.

    `modulation` is one whose outputs are (shift, scale) in the original and (scale, shift) in diffusers, if it has two.
    """

    path: str
    targets: tuple[str, ...]
    modulation: bool = False


def spellings(network: str, paths: Iterable[str]) -> list[Spelling]:
    """Every way to write the layers `paths` of `network` (a name of `inference/lora/data/networks.txt`), with dots.

    A text encoder's layers are known with and without the names of the models around them, such as `text_model.`.
    """
    known = dict.fromkeys(paths)
    found = [Spelling(path, (path,)) for path in known]
    if network in _LANGUAGE_MODELS:
        return found + [Spelling(outer + path, (path,)) for path in known for outer in _OUTER_MODELS]
    if network in _TEXT_ENCODERS:
        return found + [Spelling(_TEXT_MODEL + path, (path,)) for path in known if not path.startswith(_TEXT_MODEL)]
    if network in _UNETS:
        return found + [Spelling(path, targets) for path, targets in unet_spellings(known)]
    return found + [Spelling(path, targets, marked) for path, targets, marked in original_spellings(network, known)]


_UNETS = frozenset({"sd1", "sd2", "sdxl", "kolors", "sdxl-refiner", "demo"})
_LANGUAGE_MODELS = frozenset({"qwen3-06b", "qwen3-vl-4b"})
_OUTER_MODELS = ("model.", "language_model.", "model.language_model.")  # the last two of models that also see pictures
_TEXT_ENCODERS = frozenset({"clip-l", "clip-g", "clip-h", "demo-clip-1", "demo-clip-2"})


def underscored(path: str) -> str:
    """A path as kohya writes it."""
    return path.replace(".", "_")


@dataclass(frozen=True)
class Entry:
    """What a spelling stands for: the layers' paths, and the shape of the weight (fused: of all together).

    `swapped`: the halves of its outputs are the other way around in the original code, whose name this is.
    """

    targets: tuple[str, ...]
    shape: tuple[int, ...]
    swapped: bool = False


def index(network: str, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Entry]:
    """Every spelling of a network's layers, with dots and with underscores, and what it stands for."""
    found: dict[str, Entry] = {}
    for spelling in spellings(network, shapes):
        whole = [shapes[target] for target in spelling.targets]
        shape = (sum(each[0] for each in whole), *whole[0][1:])
        two_vectors = shape[0] == 2 * shape[1]  # other modulations of the same name have six, in the same order
        entry = Entry(spelling.targets, shape, spelling.modulation and two_vectors)
        found.setdefault(spelling.path, entry)
        found.setdefault(underscored(spelling.path), entry)
    return found
