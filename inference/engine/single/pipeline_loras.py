"""LoRAs for single-request pipelines, loaded by diffusers' own loader, completely or not at all.

That loader skips what it does not know, and may widen a network to a LoRA's shapes. So files are given to it in its own
names where these say all, and the state dict that it reads is checked before anything is loaded. Afterwards every layer
that the file names must have the adapter.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors.torch import save_file
from torch import nn

from inference.base_models import Architecture
from inference.engine.devices.devices import is_out_of_memory
from inference.engine.lora.layer_weights import weight_shape
from inference.engine.lora.lora_files import LoraFile
from inference.engine.single.encoder_loras import EncoderLoras
from inference.engine.single.peft_names import changes_of, in_peft_names, names_of
from inference.errors import LoraFileRefused, LoraNotAtWork, ModuleMismatch
from inference.lora.beside.adapter_config import BadAdapterConfig, read_adapter_configs

_DOWN, _UP = (".lora_A.weight", ".lora.down.weight"), (".lora_B.weight", ".lora.up.weight")
_BESIDE = (".alpha", ".lora_magnitude_vector", ".dora_scale", ".lora_A.bias", ".lora_B.bias")
_NAMED = 3  # strangers named in a refusal


class PipelineLoras:
    """The LoRAs that are applied to one pipeline."""

    def __init__(self, pipeline: Any, checkpoint: str, architecture: Architecture, device: torch.device) -> None:
        self._pipeline = pipeline
        self._checkpoint = checkpoint
        self._names = names_of(pipeline, architecture)
        self._encoders = EncoderLoras(pipeline, self._names, device)
        self._applied: tuple[str, ...] = ()
        self._loaded: tuple[int, ...] = ()  # numbers of the files of which diffusers has loaded something
        self._called: set[str] = set()

    def apply(self, files: Sequence[LoraFile]) -> None:
        """Load `files` in place of those applied before.

        Raises LoraFileRefused or ModuleMismatch; then none is applied.
        """
        wanted = tuple(file.use.sha256 for file in files)
        if wanted == self._applied:
            return
        self.unload()
        try:
            loaded = [number for number, file in enumerate(files) if self._load(file, _adapter(number))]
        except BaseException:
            self._pipeline.unload_lora_weights()
            self._encoders.forget()
            raise
        self._applied, self._loaded = wanted, tuple(loaded)
        for _, layer in self._layers():
            layer.register_forward_hook(self._record_call)

    def set_weights(self, weights: Sequence[float]) -> None:
        """Set the weight of each LoRA."""
        self._called.clear()
        if self._loaded:
            own = [weights[number] for number in self._loaded]
            self._pipeline.set_adapters([_adapter(number) for number in self._loaded], own)
        self._encoders.set_weights(weights)

    def at_work(self) -> AbstractContextManager[None]:
        """While inside, text encoders are changed too whose LoRAs diffusers does not load."""
        return self._encoders.applied()

    def check(self) -> None:
        """Check after a step that every layer with an adapter was called. Raises LoraNotAtWork."""
        expected = {name for name, layer in self._layers() if any(layer.scaling.values())}
        if idle := [*sorted(expected - self._called), *self._encoders.uncalled()]:
            count = len(expected) + self._encoders.changed
            raise LoraNotAtWork(
                checkpoint=self._checkpoint, modules=idle[:_NAMED], active=count - len(idle), expected=count
            )

    def unload(self) -> None:
        """Remove all LoRAs."""
        if self._applied:
            self._applied = self._loaded = ()
            self._encoders.forget()
            self._pipeline.unload_lora_weights()

    def _record_call(self, layer: nn.Module, *_: object) -> None:
        self._called.add(layer.full_name)  # pyright: ignore[reportArgumentType] (written in `_layers`)

    def _load(self, file: LoraFile, adapter: str) -> bool:
        """Load a file, and return whether anything of it is left for diffusers' loader."""
        try:
            read_adapter_configs(file.metadata)
        except BadAdapterConfig as problem:
            raise LoraFileRefused(lora=file.use.name, reason=str(problem)) from problem
        changes = changes_of(file, self._names, self._checkpoint)
        rest = self._encoders.take(changes or {})
        if changes and not rest:
            return False
        if changes and len(rest) < len(changes) and in_peft_names(rest) is None:
            reason = "beside the text encoder it changes layers in a way that diffusers' loader does not read"
            raise LoraFileRefused(lora=file.use.name, reason=reason)
        with tempfile.TemporaryDirectory() as folder:  # the very tensors that were judged, with their metadata
            path, metadata = Path(folder) / "lora.safetensors", {"format": "pt"}
            known = in_peft_names(rest) if rest else None
            if known is None:
                metadata |= file.metadata
            save_file(file.tensors if known is None else known, path, metadata)
            try:
                read = self._pipeline.lora_state_dict(folder, weight_name="lora.safetensors")
                found = read[0] if isinstance(read, tuple) else read
                tensors = {self._renamed(key): tensor for key, tensor in found.items()}
                if tensors.keys() != found.keys():
                    save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, path, metadata)
                named = self._named(file, tensors)
                self._pipeline.load_lora_weights(folder, weight_name="lora.safetensors", adapter_name=adapter)
            except (ValueError, KeyError, RuntimeError, AttributeError, NotImplementedError) as problem:
                if is_out_of_memory(problem):
                    raise
                reason = f"diffusers cannot load it ({str(problem).partition(chr(10))[0][:200]})"
                raise LoraFileRefused(lora=file.use.name, reason=reason) from problem
        applied = {name for name, layer in self._layers() if adapter in layer.scaling}
        self._refuse(file, sorted(named - applied))
        return True

    def _renamed(self, key: str) -> str:
        """The key without the inner model of CLIP's text encoder, which files name and transformers 5 no longer has."""
        part, _, name = key.partition(".")
        inner = name.startswith("text_model.") and part in self._pipeline.components
        if not inner or hasattr(self._pipeline.components[part], "text_model"):
            return key
        return f"{part}.{name.removeprefix('text_model.')}"

    def _named(self, file: LoraFile, tensors: Mapping[str, torch.Tensor]) -> set[str]:
        """The layers that the file changes. Raises where one is not in the pipeline with the same shape."""
        modules = {
            f"{part}.{name}": module
            for part, network in self._pipeline.components.items()
            if isinstance(network, nn.Module)
            for name, module in network.named_modules()
        }
        named: set[str] = set()
        strangers: list[str] = []
        for key, tensor in tensors.items():
            end = next((end for end in (*_DOWN, *_UP, *_BESIDE) if key.endswith(end)), None)
            if end is None:
                raise LoraFileRefused(lora=file.use.name, reason=f"{key[:100]} is no part of a LoRA that is known here")
            name = key.removesuffix(end)
            module = modules.get(name)
            if module is None or not _fits(module, end, tensor):
                strangers.append(name)
            named.add(name)
        self._refuse(file, sorted(set(strangers)))
        if not named:
            raise LoraFileRefused(lora=file.use.name, reason="the file contains no LoRA weights")
        return named

    def _refuse(self, file: LoraFile, strangers: Sequence[str]) -> None:
        if strangers:
            raise ModuleMismatch(
                lora=file.use.name,
                checkpoint=self._checkpoint,
                modules=list(strangers[:_NAMED]),
                count=len(strangers),
            )

    def _layers(self) -> Iterator[tuple[str, Any]]:
        """The layers with adapters, with their names in the pipeline."""
        for part, network in self._pipeline.components.items():
            for name, layer in network.named_modules() if isinstance(network, nn.Module) else ():
                if isinstance(layer, BaseTunerLayer):
                    full = f"{part}.{name}"
                    vars(layer)["full_name"] = full
                    yield full, layer


def _adapter(number: int) -> str:
    return f"lora{number}"


def _fits(module: nn.Module, end: str, tensor: torch.Tensor) -> bool:
    base = module.get_base_layer() if isinstance(module, BaseTunerLayer) else module
    if not isinstance(base, nn.Linear | nn.Conv2d):
        return False
    outputs, *inputs = weight_shape(base)
    if end in _DOWN:
        return list(tensor.shape[1:]) == inputs
    return end not in _UP or tensor.shape[0] == outputs
