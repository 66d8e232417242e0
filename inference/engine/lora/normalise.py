"""Converts a LoRA file into changes of the loaded checkpoint's layers: all of its modules or none."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch

from inference.engine.devices.devices import finest_dtype
from inference.engine.lora.conversions import BadWeights, change_of
from inference.engine.lora.folding import TEXT_ENCODERS, Layer, LayerChange, ModuleKey
from inference.engine.lora.layer_names import LayerNames, NamedLayers
from inference.engine.lora.layer_weights import compute_dtype, has_numbers, weight_shape
from inference.engine.lora.lora_files import LoraFile
from inference.errors import LoraFileRefused, ModuleMismatch
from inference.lora.beside.adapter_config import AdapterConfig, BadAdapterConfig, read_adapter_configs
from inference.lora.tensors.formats import USABLE, ModuleTensors, modules_of
from inference.lora.tensors.names import read_name
from inference.lora.tensors.suffixes import Role
from inference.messages.options import MAX_DENSE_BYTES

MAX_CHANGE = 1e3  # no element of a change may be larger; real ones stay below 1
_NAMED = 3  # unknown modules that an error names


def normalise(
    file: LoraFile, names: LayerNames, checkpoint: str, max_dense_bytes: int = MAX_DENSE_BYTES
) -> dict[ModuleKey, LayerChange]:
    """The file's change for every layer it names, with alpha applied. Those of a fused layer share `down`.

    Changes without a low-rank form may take `max_dense_bytes` in all.
    Raises LoraFileRefused for modules that cannot be converted, ModuleMismatch when any module has no layer of its
    shape in the loaded checkpoint: a LoRA is never used in part.
    """
    modules = modules_of(file.tensors)
    for module in modules.values():
        _refuse_unusable(file, module)
    places = _places(file, modules, names, checkpoint)
    configs = _configs(file)
    changes: dict[ModuleKey, LayerChange] = {}
    dense_bytes = 0
    for name, place in places.items():
        part, path = place.keys[0]
        alpha = _alpha(modules[name], _config(configs, part), path if len(place.keys) == 1 else read_name(name).path)
        change = _change(file, modules[name], place, names.layers[place.keys[0]], alpha)
        changes |= zip(place.keys, _apart(file, name, change, place, names), strict=True)
        dense_bytes += _dense_bytes(change, place.shape)
        if dense_bytes > max_dense_bytes:
            reason = (
                f"its changes have no small form and would need more than {max_dense_bytes // 2**20:,} MiB of memory; "
                "an operator can raise that bound with `max_dense_megabytes` in the settings"
            )
            raise LoraFileRefused(lora=file.use.name, reason=reason)
    if not changes:
        raise LoraFileRefused(lora=file.use.name, reason="the file contains no LoRA weights")
    return changes


def _refuse_unusable(file: LoraFile, module: ModuleTensors) -> None:
    if module.problem is not None:
        raise LoraFileRefused(lora=file.use.name, reason=f"of {module.module}, {module.problem}")
    if module.format not in USABLE:
        reason = f"{module.module} is of a kind that is not painted with ({module.format.value})"
        raise LoraFileRefused(lora=file.use.name, reason=reason)


def _places(
    file: LoraFile, modules: Mapping[str, ModuleTensors], names: LayerNames, checkpoint: str
) -> dict[str, NamedLayers]:
    """The layers of each module of the file: of the module's shape, and different ones for each."""
    places: dict[str, NamedLayers] = {}
    unknown: list[str] = []
    taken: set[ModuleKey] = set()
    for name, module in modules.items():
        if encoder := names.language_model(name):
            if _changes_nothing(file, module):  # some programs save them all the same
                continue
            reason = f"it also changes the text encoder {encoder} ({name}), and no LoRA is applied to that"
            raise LoraFileRefused(lora=file.use.name, reason=reason)
        found = names.find(name)
        if found is None or not _fits(module, found, names):
            unknown.append(name)
            continue
        if not taken.isdisjoint(found.keys):
            raise LoraFileRefused(lora=file.use.name, reason=f"it changes {name} twice, under two names")
        taken.update(found.keys)
        places[name] = found
    if unknown:
        raise ModuleMismatch(lora=file.use.name, checkpoint=checkpoint, modules=unknown[:_NAMED], count=len(unknown))
    return places


def _fits(module: ModuleTensors, found: NamedLayers, names: LayerNames) -> bool:
    biases = all(names.layers[key].bias is not None for key in found.keys)
    return module.matches(found.shape) and (biases or Role.DIFF_BIAS not in module.keys)


def _changes_nothing(file: LoraFile, module: ModuleTensors) -> bool:
    """Whether it is a product with a factor of zeros, and nothing else."""
    factors = [file.tensors[key] for role, key in module.keys.items() if role is not Role.ALPHA]
    alone = not module.dora and Role.DIFF_BIAS not in module.keys
    return alone and any(not factor.any() for factor in factors)


def _configs(file: LoraFile) -> dict[str, AdapterConfig]:
    try:
        return read_adapter_configs(file.metadata)
    except BadAdapterConfig as problem:
        raise LoraFileRefused(lora=file.use.name, reason=str(problem)) from problem


def _config(configs: Mapping[str, AdapterConfig], part: str) -> AdapterConfig | None:
    """That of a part of the pipeline. Files name the denoiser `unet` or `transformer`, whatever it is called here."""
    if part in TEXT_ENCODERS:
        return configs.get(part)
    return next((config for name, config in configs.items() if name not in TEXT_ENCODERS), None)


def _alpha(module: ModuleTensors, config: AdapterConfig | None, path: str) -> dict[Role, torch.Tensor]:
    """The alpha from the file's metadata, for modules without an alpha tensor."""
    if config is None or module.rank is None or Role.DOWN not in module.keys or Role.ALPHA in module.keys:
        return {}
    return {Role.ALPHA: torch.tensor(config.alpha_of(path, module.rank), dtype=torch.float64)}


def _change(
    file: LoraFile, module: ModuleTensors, place: NamedLayers, layer: Layer, alpha: Mapping[Role, torch.Tensor]
) -> LayerChange:
    tensors = {
        role: _limited_precision(file.tensors[key], layer.weight.device) for role, key in module.keys.items()
    } | dict(alpha)
    try:
        precise = torch.promote_types(compute_dtype(layer), torch.float32)
        change = change_of(module, tensors, place.shape, precise)
    except BadWeights as problem:
        raise LoraFileRefused(lora=file.use.name, reason=f"of {module.module}, {problem}") from problem
    if not change.within(MAX_CHANGE):
        raise LoraFileRefused(lora=file.use.name, reason=f"the numbers of {module.module} are out of all proportion")
    return change


def _apart(file: LoraFile, name: str, change: LayerChange, place: NamedLayers, names: LayerNames) -> list[LayerChange]:
    """The change of each layer of `place`, as diffusers orders its outputs."""
    if change.magnitude is not None and not all(has_numbers(names.layers[key]) for key in place.keys):
        reason = f"{name} is a DoRA, which needs the numbers of weights that this checkpoint keeps quantised"
        raise LoraFileRefused(lora=file.use.name, reason=reason)
    if change.per_input and len(place.keys) > 1:
        reason = f"the DoRA norms of {name} are of several layers together, which are apart here"
        raise LoraFileRefused(lora=file.use.name, reason=reason)
    if place.swapped:
        change = change.rolled(place.shape[0] // 2)
    return change.cut([weight_shape(names.layers[key])[0] for key in place.keys])


def _limited_precision(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """The tensor in at most the precision that the device has."""
    finest = finest_dtype(device)
    return tensor.to(finest) if tensor.dtype.itemsize > finest.itemsize else tensor


def _dense_bytes(change: LayerChange, shape: Sequence[int]) -> int:
    """Bytes of a dense change in single precision; 0 for a low-rank pair."""
    dense = change.per_input or change.delta.dense is not None
    return 4 * math.prod(shape) if dense else 0
