"""From a LoRA file to the changes of the checkpoint that is loaded: names to layers, all of them or none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from inference.engine.conversions import BadWeights, change_of
from inference.engine.folding import Change, Layer, Layers, ModuleKey
from inference.engine.lora_files import LoraFile
from inference.errors import LoraFileRefused, ModuleMismatch
from inference.lora.formats import USABLE, ModuleTensors, modules_of
from inference.lora.suffixes import Role

MAX_CHANGE = 1e3  # no element of a change may be larger; real ones stay below 1
MAX_DENSE_BYTES = 2**30  # for what has no low-rank form, over one whole LoRA
_NAMED = 3  # strangers named in a refusal

# kohya's prefix for each part, by whether the checkpoint has one text encoder or two.
_KOHYA_ONE = {"unet": "lora_unet_", "text_encoder": "lora_te_"}
_KOHYA_TWO = {"unet": "lora_unet_", "text_encoder": "lora_te1_", "text_encoder_2": "lora_te2_"}


def normalise(file: LoraFile, layers: Layers, checkpoint: str) -> dict[ModuleKey, Change]:
    """The file's change for every layer it names, alpha baked in.

    Raises LoraFileRefused for what has no such form here, ModuleMismatch when even one module is not in the loaded
    checkpoint with the same shape: half a LoRA is never used.
    """
    modules = modules_of(file.tensors)
    for module in modules.values():
        _refuse_unusable(file, module)
    places = _places(file, modules, layers, checkpoint)
    changes: dict[ModuleKey, Change] = {}
    dense_bytes = 0
    for name, (key, layer) in places.items():
        changes[key] = change = _change(file, modules[name], layer)
        dense_bytes += _dense_bytes(change, layer)
        if dense_bytes > MAX_DENSE_BYTES:
            reason = f"its changes have no small form and would need more than {MAX_DENSE_BYTES // 2**20:,} MiB"
            raise LoraFileRefused(lora=file.use.name, reason=reason)
    if not changes:
        raise LoraFileRefused(lora=file.use.name, reason="it holds no LoRA weights")
    return changes


def _refuse_unusable(file: LoraFile, module: ModuleTensors) -> None:
    if module.problem is not None:
        raise LoraFileRefused(lora=file.use.name, reason=f"of {module.module}, {module.problem}")
    if module.format not in USABLE:
        reason = f"{module.module} is of a kind that is not painted with ({module.format.value})"
        raise LoraFileRefused(lora=file.use.name, reason=reason)


def _places(
    file: LoraFile, modules: Mapping[str, ModuleTensors], layers: Layers, checkpoint: str
) -> dict[str, tuple[ModuleKey, Layer]]:
    """The layer of each module of the file, of the same shape and no two the same."""
    names = ModuleNames.of(layers)
    places: dict[str, tuple[ModuleKey, Layer]] = {}
    strangers: list[str] = []
    taken: set[ModuleKey] = set()
    for name, module in modules.items():
        key = names.find(name)
        if key is None or not _fits(module, names.layers[key]):
            strangers.append(name)
            continue
        if key in taken:
            raise LoraFileRefused(lora=file.use.name, reason=f"it changes {name} twice, under two names")
        taken.add(key)
        places[name] = (key, names.layers[key])
    if strangers:
        raise ModuleMismatch(
            lora=file.use.name, checkpoint=checkpoint, modules=strangers[:_NAMED], count=len(strangers)
        )
    return places


def _fits(module: ModuleTensors, layer: Layer) -> bool:
    return module.matches(layer.weight.shape) and not (Role.DIFF_BIAS in module.keys and layer.bias is None)


def _change(file: LoraFile, module: ModuleTensors, layer: Layer) -> Change:
    tensors = {role: file.tensors[key] for role, key in module.keys.items()}
    try:
        change = change_of(module, tensors, layer.weight.shape)
    except BadWeights as problem:
        raise LoraFileRefused(lora=file.use.name, reason=f"of {module.module}, {problem}") from problem
    if not change.largest(MAX_CHANGE) <= MAX_CHANGE:
        raise LoraFileRefused(lora=file.use.name, reason=f"the numbers of {module.module} are out of all proportion")
    return change


def _dense_bytes(change: Change, layer: Layer) -> int:
    """Memory beyond low-rank pairs, in bytes of single precision."""
    dense = change.per_input or change.delta.dense is not None
    return 4 * layer.weight.numel() if dense else 0


@dataclass(frozen=True)
class ModuleNames:
    """Every name under which a file may mean a layer of the loaded checkpoint."""

    layers: Layers
    _by_name: dict[str, ModuleKey] = field(repr=False)

    @classmethod
    def of(cls, layers: Layers) -> ModuleNames:
        """The names of all `layers`."""
        kohya = _KOHYA_TWO if any(part == "text_encoder_2" for part, _ in layers) else _KOHYA_ONE
        by_name: dict[str, ModuleKey] = {}
        for part, name in layers:
            for alias in _aliases(name) if part != "unet" else (name,):
                by_name[f"{part}.{alias}"] = (part, name)
                by_name[kohya[part] + alias.replace(".", "_")] = (part, name)
        return cls(layers, by_name)

    def find(self, module: str) -> ModuleKey | None:
        """The layer that `module` means, None for a stranger."""
        return self._by_name.get(module)


def _aliases(name: str) -> tuple[str, str]:
    """A text encoder's layer with and without `text_model.`: transformers changed its mind, files did not."""
    bare = name.removeprefix("text_model.")
    return (bare, f"text_model.{bare}")
