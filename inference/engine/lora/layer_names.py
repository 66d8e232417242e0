"""Maps module names in LoRA files to layers of the loaded checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from inference.base_models import Architecture
from inference.engine.lora.folding import TEXT_ENCODERS, Layers, ModuleKey
from inference.lora.names import Entry, Part, index, read_name
from inference.lora.tables import VARIANTS

# diffusers' names of the text encoders; other parts (CLIP-L …) are found by their network.
_TEXT_ENCODERS = {
    Part.TEXT: "text_encoder",
    Part.TEXT_1: "text_encoder",
    Part.PIPELINE_TEXT: "text_encoder",
    Part.TEXT_2: "text_encoder_2",
}
_TEXT_MODEL = "text_model."


@dataclass(frozen=True)
class _Network:
    """One part of the pipeline: the entry of each spelling, and the paths of the loaded layers."""

    part: str
    spelled: Mapping[str, Entry]
    loaded: Mapping[str, str]


@dataclass(frozen=True)
class LayerNames:
    """All names that files use for `layers`; made once for a loaded checkpoint."""

    layers: Layers
    _networks: Mapping[Part, _Network]

    @classmethod
    def of(cls, architecture: Architecture, layers: Layers) -> LayerNames:
        """The names of a checkpoint's `layers` under the naming schemes of its architecture."""
        known = next(variant.networks for variant in VARIANTS if variant.base == architecture)
        denoiser = next((part for part, _ in layers if part not in TEXT_ENCODERS), "")
        loaded = {Part.DENOISER: denoiser} | _TEXT_ENCODERS
        parts = {network: loaded[part] for part, network in known.items() if part in loaded}
        networks = {network: _network(network, part, layers) for network, part in parts.items()}
        return cls(layers, {part: networks[network] for part, network in known.items() if network in networks})

    def find(self, module: str) -> ModuleKey | None:
        """The layer of the module name `module`; None when there is none."""
        name = read_name(module)
        network = self._networks.get(name.part)
        entry = network and network.spelled.get(name.path)
        if network is None or entry is None or len(entry.targets) != 1:
            return None
        return network.part, network.loaded[entry.targets[0]]


def _network(network: str, part: str, layers: Layers) -> _Network:
    # transformers names a text encoder's layers with `text_model.` or without, depending on its version.
    loaded = {name.removeprefix(_TEXT_MODEL): name for of_part, name in layers if of_part == part}
    shapes = {bare: tuple(layers[part, name].weight.shape) for bare, name in loaded.items()}
    return _Network(part, index(network, shapes) if shapes else {}, loaded)
