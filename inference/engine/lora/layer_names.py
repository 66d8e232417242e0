"""Maps module names in LoRA files to layers of the loaded checkpoint.

A name of a network's original code may stand for several layers: one fused layer, its outputs laid end to end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from inference.base_models import Architecture
from inference.engine.lora.folding import TEXT_ENCODERS, Layers, ModuleKey
from inference.engine.lora.layer_weights import weight_shape
from inference.lora.tensors.names import Entry, Part, index, read_name
from inference.lora.tensors.tables import CONDITIONER, VARIANTS, spelled_conditioner

# diffusers' names of the text encoders; other parts (CLIP-L …) are found by their network.
_TEXT_ENCODERS = {
    Part.TEXT: "text_encoder",
    Part.TEXT_1: "text_encoder",
    Part.PIPELINE_TEXT: "text_encoder",
    Part.TEXT_2: "text_encoder_2",
}
_INNER_MODELS = ("text_model.", "language_model.")

# Text encoders that take no LoRAs: by network, and by architecture where no table has their layers.
_LANGUAGE_MODELS = {"t5-xxl": "T5"}
_UNLISTED = {
    Architecture.QWEN_IMAGE: "Qwen2.5-VL",
    Architecture.Z_IMAGE: "Qwen3",
    Architecture.FLUX2_KLEIN_4B: "Qwen3",
    Architecture.FLUX2_KLEIN_9B: "Qwen3",
    Architecture.FLUX2_DEV: "Mistral",
    Architecture.LUMINA2: "Gemma",
    Architecture.SANA: "Gemma",
    Architecture.AURAFLOW: "T5",
}


@dataclass(frozen=True)
class NamedLayers:
    """What a module's name stands for: layers, and the shape of their weights laid end to end.

    `swapped`: the halves of the outputs are the other way around in the file.
    """

    keys: tuple[ModuleKey, ...]
    shape: tuple[int, ...]
    swapped: bool = False


@dataclass(frozen=True)
class _Network:
    """The names of a part of the pipeline: the entry of each spelling, and the loaded layer of each path."""

    spelled: Mapping[str, Entry]
    loaded: Mapping[str, ModuleKey]

    def beside(self, other: _Network) -> _Network:
        """The names of both."""
        return _Network({**self.spelled, **other.spelled}, {**self.loaded, **other.loaded})


@dataclass(frozen=True)
class LayerNames:
    """All names that files use for `layers`; made once for a loaded checkpoint."""

    layers: Layers
    _networks: Mapping[Part, _Network]
    _language_models: Mapping[Part, str]  # their titles

    @classmethod
    def of(cls, architecture: Architecture, layers: Layers) -> LayerNames:
        """The names of a checkpoint's `layers` under the naming schemes of its architecture."""
        known = next(variant.networks for variant in VARIANTS if variant.base == architecture)
        titles = {part: _LANGUAGE_MODELS[network] for part, network in known.items() if network in _LANGUAGE_MODELS}
        if architecture in _UNLISTED:
            titles |= dict.fromkeys(_TEXT_ENCODERS, _UNLISTED[architecture])
        denoiser = next((part for part, _ in layers if part not in TEXT_ENCODERS), "")
        loaded = {Part.DENOISER: denoiser} | _TEXT_ENCODERS
        parts = {network: loaded[part] for part, network in known.items() if part in loaded and part not in titles}
        networks = {network: _network(network, part, layers) for network, part in parts.items()}
        found = {part: networks[network] for part, network in known.items() if network in networks}
        if Part.DENOISER in found:
            found[Part.DENOISER] = found[Part.DENOISER].beside(_conditioner(layers))
        return cls(layers, found, titles)

    def find(self, module: str) -> NamedLayers | None:
        """The layers of the module name `module`; None when there are none."""
        name = read_name(module)
        network = self._networks.get(name.part)
        entry = network and network.spelled.get(name.path)
        if network is None or entry is None:
            return None
        keys = tuple(network.loaded[target] for target in entry.targets)
        return NamedLayers(keys, entry.shape, entry.swapped)

    def language_model(self, module: str) -> str | None:
        """The text encoder that the name `module` means, if it is one that takes no LoRAs."""
        return self._language_models.get(read_name(module).part)


def _network(network: str, part: str, layers: Layers) -> _Network:
    loaded = {_inside(name): (of_part, name) for of_part, name in layers if of_part == part}
    shapes = {bare: weight_shape(layers[key]) for bare, key in loaded.items()}
    return _Network(index(network, shapes) if shapes else {}, loaded)


def _inside(name: str) -> str:
    """The name of a text encoder's layer in its inner model; the versions of transformers differ in having one."""
    return next((name.removeprefix(inner) for inner in _INNER_MODELS if name.startswith(inner)), name)


def _conditioner(layers: Layers) -> _Network:
    """What stands between a text encoder and the denoiser; files write it among the layers of the latter."""
    shapes = {name: weight_shape(layer) for (part, name), layer in layers.items() if part == CONDITIONER}
    loaded = {f"{CONDITIONER}.{name}": (CONDITIONER, name) for name in shapes}
    return _Network(spelled_conditioner(shapes), loaded)
