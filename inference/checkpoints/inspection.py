"""What a checkpoint is by the headers of its files: whole or not, of which architecture, and how large. No torch.

A denoiser in a GGUF file takes the place of that in a folder. The engine asks before it loads a checkpoint, and
`doctor` before anything is started. `problems` are certain: diffusers would fail. `doubts` may still paint, such as a
network of sizes that no table has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any, cast

from inference.base_models import LINEAGE_TITLES, Architecture, BaseModelId
from inference.capabilities import DENOISERS, capability_of, misdeclared_denoiser
from inference.checkpoints.files import DamagedWeights, Shapes, weight_shapes
from inference.checkpoints.gguf_files import GGUF_SUFFIX, read_gguf
from inference.lora.tensors.names import Part
from inference.lora.tensors.tables import STRANGERS, VARIANTS, Variant, networks, spelled, title

SUFFIX = ".safetensors"
_PACKED = "transformer"  # UNets are not packed
_NAMED = 3  # layers named in a sentence
_SAME, _LIKE = 0.9, 0.5  # shares of layers in common: that architecture; one that was made from it
_INDEX = "model_index.json"
_MODULAR_INDEX = "modular_model_index.json"  # of an architecture that diffusers has as a modular pipeline alone
_WEIGHTLESS = ("Scheduler", "Tokenizer", "TokenizerFast", "Processor", "ImageProcessor", "FeatureExtractor")
_UNUSED = frozenset({"safety_checker", "image_encoder", "feature_extractor"})  # listed in folders, and not needed

_PART_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")  # folders of a folder
_SHARD_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{0,199}\.safetensors")  # files beside their index

# Where the one file of the original code keeps each network.
_DENOISER = ("model.diffusion_model.", "diffusion_model.")
_PARTS = {
    "vae": ("first_stage_model.", "vae."),
    "text_encoder": ("cond_stage_model.", "conditioner.embedders.0.", "text_encoders."),
    "text_encoder_2": ("conditioner.embedders.1.",),
}
_TITLES = {"unet": "denoiser", "vae": "VAE", "text_encoder": "text encoder", "text_encoder_2": "second text encoder"}
_LORA_MARKS = (".lora_down.", ".lora_up.", ".lora_A.", ".lora_B.", ".hada_w1_", ".lokr_w1")


@dataclass(frozen=True)
class CheckpointInspection:
    """Numbers of weights of each network that is loaded, what makes the checkpoint unusable, and what may do so.

    `packed` has the bytes of networks whose weights are packed.
    """

    networks: Mapping[str, int] = field(default_factory=dict[str, int])
    problems: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    packed: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True)
class _Likeness:
    """How the layers of a denoiser compare with those of a known one."""

    variant: Variant
    found: int  # layers of the file that the known one has, in the same shape
    missing: tuple[str, ...]  # layers of the known one that the file lacks
    reshaped: tuple[str, ...]  # layers that both have, in other shapes
    share: float  # of the layers of both together; 1 is the same network


def inspect_checkpoint(source: Path, base_model: BaseModelId, denoiser: Path | None = None) -> CheckpointInspection:
    """Read the headers of the file or folder `source`, which is declared to be `base_model`. Raises OSError.

    A `denoiser` in a GGUF file takes the place of the folder's own.
    """
    if capability_of(base_model) is None:
        return _refused(f"{base_model.label} is known and not painted yet; take this checkpoint out")
    source.stat()
    try:
        if source.is_dir():
            return _folder(source, base_model, denoiser)
        if denoiser is not None:
            return _refused(
                f"{source.name} is a single file, and a denoiser of its own goes with a folder's other parts"
            )
        return _single_file(source, base_model)
    except DamagedWeights as problem:
        return CheckpointInspection(problems=(str(problem),))


def possible_base_models(source: Path) -> tuple[BaseModelId, ...]:
    """Return the base models that have the layers of this file or folder; none if Easel does not know its layers.

    Raises OSError, and DamagedWeights for a file that is no checkpoint.
    """
    source.stat()
    denoiser = _folder_denoiser(source) if source.is_dir() else _file_denoiser(source, _file_shapes(source))
    best = max(_likenesses(denoiser), key=lambda each: each.share)
    known = best.share >= _SAME and best.variant.base not in STRANGERS
    return _lineages(best.variant) if known else ()


def inspect_denoiser(path: Path, base_model: BaseModelId) -> CheckpointInspection:
    """Read the header of a GGUF file, which is declared to be the denoiser of `base_model`. Raises OSError."""
    if path.suffix != GGUF_SUFFIX:
        return _refused(f"{path.name} is no {GGUF_SUFFIX} file, which a denoiser of its own has to be")
    try:
        found = read_gguf(path)
    except DamagedWeights as problem:
        return CheckpointInspection(problems=(str(problem),))
    denoiser = _denoiser_of(found.shapes)
    if not denoiser:
        return _refused(f"{path.name} holds the layers of no denoiser that Easel knows: it may be a text encoder")
    closest = _closest(denoiser, base_model)
    if says := _misdeclared(path.name, denoiser, base_model):
        return _refused(says)
    if closest is None or closest.share < _SAME:
        return _refused(f"the layers of {path.name} are not those that {base_model.label} has; check its base_model")
    return CheckpointInspection({_PACKED: _count(denoiser)}, packed={_PACKED: found.nbytes})


def expected_networks(base_model: BaseModelId) -> dict[str, int]:
    """Numbers of weights of the networks that a checkpoint of this base model has, as far as the tables know them.

    The tables know no VAE, no norms and not every language model: it has at least as many.
    """
    variants = _own(base_model)
    if not variants:
        return {}
    names = dict[str, str](unet=variants[0].networks[Part.DENOISER])
    texts = dict.fromkeys(name for part, name in variants[0].networks.items() if part is not Part.DENOISER)
    names |= {f"text_encoder_{number}": name for number, name in enumerate(texts, 1)}
    return {part: sum(map(prod, networks()[name].values())) for part, name in names.items()}


def _single_file(path: Path, base_model: BaseModelId) -> CheckpointInspection:
    shapes = _file_shapes(path)
    capability = capability_of(base_model)
    denoiser = _file_denoiser(path, shapes)
    says = _misdeclared(path.name, denoiser, base_model)
    if says is not None:
        return _refused(says)
    assert capability is not None, "asked before"
    if not capability.single_file:
        kind = f"{base_model.label} is loaded from a folder of diffusers' kind"
        return _refused(f"{path.name} is a single file, and {kind}; download the repository as a folder")
    parts = {"unet": _count(denoiser)}
    for part, prefixes in _PARTS.items():
        parts[part] = _count({name: shape for name, shape in shapes.items() if name.startswith(prefixes)})
    two_encoders = capability.pipeline == "StableDiffusionXLPipeline"
    needed = [part for part in parts if part != "text_encoder_2" or two_encoders]
    if lost := [_TITLES[part] for part in needed if not parts[part]]:
        return _refused(
            f"{path.name} holds no {' and no '.join(lost)}; download the whole checkpoint, often called a full one"
        )
    problem = _incomplete(path.name, denoiser, base_model)
    return CheckpointInspection({k: n for k, n in parts.items() if n}, () if problem is None else (problem,))


def _file_shapes(path: Path) -> Shapes:
    """The tensors of a single file. Raises OSError, and DamagedWeights for a file of another kind."""
    if path.suffix == GGUF_SUFFIX:
        says = f"{path.name} is a denoiser alone; name it as denoiser, and the folder with the rest as path"
        raise DamagedWeights(says)
    if path.suffix != SUFFIX:
        raise DamagedWeights(f"{path.name} is neither a folder nor a {SUFFIX} file; get it as {SUFFIX}")
    return weight_shapes(path)


def _file_denoiser(path: Path, shapes: Shapes) -> Shapes:
    """The denoiser in a single file. Raises DamagedWeights for a file that has none."""
    if any(mark in name for name in shapes for mark in _LORA_MARKS):
        raise DamagedWeights(f"{path.name} is a LoRA and no checkpoint; put it into the folder of LoRAs")
    if denoiser := _denoiser_of(shapes):
        return denoiser
    raise DamagedWeights(f"{path.name} holds no denoiser, so it is no checkpoint: it may be a VAE or a text encoder")


def _folder_denoiser(folder: Path) -> Shapes:
    """The denoiser in a folder; empty if the folder has none of its own. Raises OSError and DamagedWeights."""
    name = next((name for name in (_INDEX, _MODULAR_INDEX) if (folder / name).is_file()), _INDEX)
    listed = dict(_listed(_index(folder, name)))
    part = next((part for part in DENOISERS if part in listed and (folder / part).is_dir()), None)
    return _part_shapes(folder / part) if part is not None else {}


def _refused(says: str) -> CheckpointInspection:
    return CheckpointInspection(problems=(says,))


def _denoiser_of(shapes: Shapes) -> Shapes:
    """The denoiser's tensors of a single file, under the names that they have inside of it."""
    for prefix in _DENOISER:
        if found := {name.removeprefix(prefix): s for name, s in shapes.items() if name.startswith(prefix)}:
            return found
    others = tuple(prefix for prefixes in _PARTS.values() for prefix in prefixes)
    bare = {name: shape for name, shape in shapes.items() if not name.startswith(others)}
    return bare if any(likeness.share >= _LIKE for likeness in _likenesses(bare)) else {}


def _folder(folder: Path, base_model: BaseModelId, own: Path | None) -> CheckpointInspection:
    """What a folder is. With a denoiser of its own, in the file `own`, that in the folder needs no weights."""
    problems, found = list[str](), dict[str, Shapes]()
    name = index_name(base_model)
    listed = dict(_listed(_index(folder, name)))
    if own is not None and _PACKED not in listed:
        return _refused(
            f"{folder.name} has no {_PACKED}, and only those come from {GGUF_SUFFIX} files; take out denoiser"
        )
    for part, kind in listed.items():
        if not _PART_NAME.fullmatch(part):
            problems.append(f"{name} names a part that is no folder of it; download {folder.name} again")
        elif not (folder / part).is_dir():
            problems.append(f"its {part} is missing (there is no folder {part} in {folder.name}); download it whole")
        elif not kind.endswith(_WEIGHTLESS) and not (own and part == _PACKED):
            try:
                found[part] = _part_shapes(folder / part)
            except DamagedWeights as problem:
                problems.append(f"its {part} cannot be read: {problem}")
    counts = {part: _count(shapes) for part, shapes in found.items()}
    if own is not None:
        packed = inspect_denoiser(own, base_model)
        return CheckpointInspection({**counts, **packed.networks}, (*problems, *packed.problems), packed=packed.packed)
    part = next((part for part in DENOISERS if part in found), None)
    if part is None:
        return CheckpointInspection(counts, tuple(problems))
    denoiser = found[part]
    if says := _misdeclared(folder.name, denoiser, base_model) or misdeclared_denoiser(listed[part], base_model):
        problems.append(says)
    doubt = None if problems else _unlike(folder.name, denoiser, base_model)
    return CheckpointInspection(counts, tuple(problems), () if doubt is None else (doubt,))


def index_name(base_model: BaseModelId) -> str:
    """The file of a folder that lists its parts."""
    capability = capability_of(base_model)
    return _MODULAR_INDEX if capability is not None and capability.modular else _INDEX


def _index(folder: Path, name: str) -> Mapping[str, Any]:
    """What the file `name` lists. Raises DamagedWeights."""
    try:
        index: Any = json.loads((folder / name).read_bytes())
    except FileNotFoundError:
        says = f"{folder} is no diffusers folder: it has no {name}; name the folder that holds it"
        raise DamagedWeights(says) from None
    except (ValueError, RecursionError):
        index = None
    if not isinstance(index, dict):
        raise DamagedWeights(f"{name} in {folder} is damaged; download it again")
    return cast("dict[str, Any]", index)


def _listed(index: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The parts that an index lists, with their classes. `[null, null]` is one that was left out.

    Modular ones have a third value: where diffusers finds the part, which has to be the folder itself here.
    """
    for part, kind in index.items():
        if part.startswith("_") or part in _UNUSED or not isinstance(kind, list):
            continue
        names = cast("list[object]", kind)
        if len(names) in {2, 3} and isinstance(names[1], str):
            yield part, names[1]


def _part_shapes(folder: Path) -> Shapes:
    """The tensors of a part's folder, of all its shards. Raises DamagedWeights with what is missing."""
    for name in ("diffusion_pytorch_model", "model"):
        index = folder / f"{name}{SUFFIX}.index.json"
        if index.is_file():
            return _sharded(index)
        if (folder / f"{name}{SUFFIX}").is_file():
            return weight_shapes(folder / f"{name}{SUFFIX}")
    there = sorted(path.name for path in folder.iterdir())
    for name in there:
        if name.endswith(f".fp16{SUFFIX}"):
            plain = name.replace(".fp16.", ".")
            raise DamagedWeights(f"it holds only the variant {name}; rename that file to {plain}")
    if any(name.endswith((".bin", ".ckpt", ".pt")) for name in there):
        raise DamagedWeights(f"it holds only files of PyTorch, which may hold code; get the folder with {SUFFIX} files")
    raise DamagedWeights(f"no {SUFFIX} file is in it; download it again")


def _sharded(index: Path) -> Shapes:
    try:
        names: list[object] = list(json.loads(index.read_bytes())["weight_map"].values())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        names = []
    shards = [name for name in names if isinstance(name, str) and _SHARD_NAME.fullmatch(name)]
    if not shards or len(shards) < len(names):  # one is no name, or leads out of the folder
        raise DamagedWeights(f"{index.name} is damaged; download it again")
    files = sorted(set(shards))
    lost = [name for name in files if not (index.parent / name).is_file()]
    if lost:
        raise DamagedWeights(f"{len(lost)} of its {len(files)} files are missing ({lost[0]} …); download them")
    shapes: Shapes = {}
    for name in files:
        shapes |= weight_shapes(index.parent / name)
    return shapes


def _count(shapes: Shapes) -> int:
    return sum(map(prod, shapes.values()))


def _own(base_model: BaseModelId) -> list[Variant]:
    """The known networks of a base model: Kolors and Chroma are lineages with a network of their own."""
    lineages = LINEAGE_TITLES.get(base_model.architecture, {})
    same = [variant for variant in VARIANTS if variant.base == base_model.architecture]
    named = [variant for variant in same if variant.name == base_model.lineage]
    return named or [variant for variant in same if variant.name not in lineages]


def _misdeclared(name: str, denoiser: Shapes, base_model: BaseModelId) -> str | None:
    """What to do when the layers are surely those of another base model than the declared one."""
    likenesses = _likenesses(denoiser)
    own = {variant.name for variant in _own(base_model)}
    best = max(likenesses, key=lambda each: each.share)
    declared = max((each.share for each in likenesses if each.variant.name in own), default=0.0)
    if best.share < _SAME or best.share <= declared:
        return None
    says = f"{name} has the layers of {_variant_title(best.variant)}, and is declared {base_model} ({base_model.label})"
    if best.variant.base in STRANGERS:
        return f"{says}; Easel does not paint with it, so take it out"
    return f"{says}; write base_model = {_choices(best.variant)}"


def _variant_title(variant: Variant) -> str:
    if variant.base in STRANGERS:
        return title(variant.base)
    return LINEAGE_TITLES.get(Architecture(variant.base), {}).get(variant.name) or title(variant.base)


def _choices(variant: Variant) -> str:
    """What may stand in the settings for a checkpoint with these layers, which do not tell its family."""
    *others, last = (f'"{base_model}"' for base_model in _lineages(variant))
    return f"{', '.join(others)} or {last}, whichever its page names" if others else last


def _lineages(variant: Variant) -> tuple[BaseModelId, ...]:
    """The base models with these layers. Kolors and its like have layers of their own."""
    architecture = Architecture(variant.base)
    lineages = LINEAGE_TITLES.get(architecture, {"base": ""})
    apart = {other.name for other in VARIANTS if other.base == variant.base}
    names = [variant.name] if variant.name in lineages else [name for name in lineages if name not in apart]
    return tuple(BaseModelId(f"{architecture}/{name}") for name in names)


def _incomplete(name: str, denoiser: Shapes, base_model: BaseModelId) -> str | None:
    """What is wrong with the denoiser of a single file: its configuration ships with Easel and allows no other."""
    closest = _closest(denoiser, base_model)
    if closest is None or closest.share < _LIKE:
        return f"{name} has layers of no model that Easel knows; its base_model may be wrong, or it is damaged"
    if closest.reshaped:
        if any(layer in ("conv_in", "input_blocks.0.0") for layer in closest.reshaped):
            return f"{name} is a checkpoint for inpainting or editing, with other inputs; get the one for painting"
        return f"{name} has {_layers(closest.reshaped)} of other sizes than {base_model.label}; it is another model"
    if closest.missing:
        known = len(networks()[closest.variant.networks[Part.DENOISER]])
        lost = f"{len(closest.missing)} of the {known} layers of its denoiser are missing"
        return f"{name} is not whole: {lost} ({', '.join(closest.missing[:_NAMED])} …); get another copy of it"
    return None


def _unlike(name: str, denoiser: Shapes, base_model: BaseModelId) -> str | None:
    closest = _closest(denoiser, base_model)
    if closest is None or closest.share >= _SAME:
        return None
    return f"the layers of {name} are not those that {base_model.label} has; check its base_model"


def _layers(names: tuple[str, ...]) -> str:
    return f"a layer ({names[0]})" if len(names) == 1 else f"{len(names)} layers ({', '.join(names[:_NAMED])} …)"


def _closest(denoiser: Shapes, base_model: BaseModelId) -> _Likeness | None:
    own = {variant.name for variant in _own(base_model)}
    likenesses = [each for each in _likenesses(denoiser) if each.variant.name in own]
    return max(likenesses, key=lambda each: each.share, default=None)


def _likenesses(denoiser: Shapes) -> list[_Likeness]:
    return _all_likenesses(frozenset(_layers_of(denoiser)))


@lru_cache(4)
def _all_likenesses(layers: frozenset[tuple[str, tuple[int, ...]]]) -> list[_Likeness]:
    return [_likeness(layers, variant) for variant in VARIANTS]


def _layers_of(denoiser: Shapes) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Linear and convolutional layers, which the tables hold; a convolution of 1 x 1 is also written as a matrix."""
    for name, shape in denoiser.items():
        layer = name.removesuffix(".weight")
        if layer != name and len(shape) > 1:
            yield layer, _matrix(shape)


def _matrix(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape[:2] if set(shape[2:]) <= {1} else shape


def _likeness(layers: frozenset[tuple[str, tuple[int, ...]]], variant: Variant) -> _Likeness:
    network = variant.networks[Part.DENOISER]
    known, entries = networks()[network], spelled(network)
    there, reshaped, found = set[str](), list[str](), 0
    for layer, shape in layers:
        entry = entries.get(layer)
        if entry is None:
            continue
        there |= set(entry.targets)
        if _matrix(entry.shape) == shape:
            found += 1
        else:
            reshaped.append(layer)
    missing = tuple(sorted(known.keys() - there))
    whole = len(layers) + len(missing)
    return _Likeness(variant, found, missing, tuple(sorted(reshaped)), found / whole if whole else 0.0)
