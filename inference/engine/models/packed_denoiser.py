"""Denoisers with packed weights: read from a GGUF file, or packed while they are loaded.

Everything else of a checkpoint comes from its folder or repository, the configuration of the denoiser included. Each
way needs a package that is an extra of Easel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import diffusers
import torch
from diffusers import BitsAndBytesConfig, GGUFQuantizationConfig, TorchAoConfig
from torch import nn

from inference.checkpoints.packed_weights import missing_package
from inference.engine.lora.layer_weights import is_packed_tensor, unpacked
from inference.engine.models.soundness import Unsound
from inference.messages.checkpoints import CheckpointSpec, Quantisation

PART = "transformer"  # diffusers' name for it; UNets are not packed

_BITSANDBYTES = frozenset({Quantisation.NF4, Quantisation.INT8})


def is_packed(spec: CheckpointSpec) -> bool:
    """Whether the denoiser of a checkpoint is opened here."""
    return spec.denoiser is not None or spec.quantise is not Quantisation.NONE


def open_packed(kind: type[Any], spec: CheckpointSpec, dtype: torch.dtype, device: torch.device) -> Any:
    """The denoiser for the pipeline class `kind`; it computes in `dtype`. Raises Unsound, or what diffusers raises."""
    if says := missing_package(spec.denoiser, spec.quantise):
        raise Unsound(says)
    options: dict[str, Any] = {"subfolder": PART, "torch_dtype": dtype, "local_files_only": not spec.repository}
    denoiser = _class_of(kind, spec)
    if spec.denoiser is not None:
        options["quantization_config"] = GGUFQuantizationConfig(compute_dtype=dtype)
        network = denoiser.from_single_file(spec.denoiser, config=spec.source, **options)
        _unpack_all_but_matrices(network, dtype)
    else:
        if spec.quantise in _BITSANDBYTES and device.type != "cuda":
            raise Unsound(f"weights packed as {spec.quantise.value} need an NVIDIA card; try torchao_int8 or a GGUF")
        options |= {"quantization_config": _CONFIGS[spec.quantise](dtype), "use_safetensors": True}
        if device.type == "cuda":
            options["device_map"] = {"": device}
        network = denoiser.from_pretrained(spec.source, **options)
    return network


def _unpack_all_but_matrices(network: nn.Module, dtype: torch.dtype) -> None:
    """Some files pack biases, norms and learned tokens too, and diffusers has layers for packed matrices alone."""
    for module in network.modules():
        for name, weight in list(module.named_parameters(recurse=False)):
            if is_packed_tensor(weight) and not (isinstance(module, nn.Linear) and name == "weight"):
                plain = nn.Parameter(unpacked(weight).to(dtype), requires_grad=False)
                module.register_parameter(name, plain)


def _class_of(kind: type[Any], spec: CheckpointSpec) -> Any:
    index: Mapping[str, Any] = kind.load_config(spec.source, local_files_only=not spec.repository)
    listed = index.get(PART)
    if not isinstance(listed, list) or not hasattr(diffusers, str(listed[-1])):
        raise Unsound(
            f"only transformers are packed, and this checkpoint has no {PART}; take out denoiser and quantise"
        )
    return getattr(diffusers, str(listed[-1]))


def _torchao_int8(_dtype: torch.dtype) -> Any:
    quantization: Any = import_module("torchao.quantization")
    return TorchAoConfig(quantization.Int8WeightOnlyConfig())


def _nf4(dtype: torch.dtype) -> Any:
    return BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype)


_CONFIGS: Mapping[Quantisation, Callable[[torch.dtype], Any]] = {
    Quantisation.NF4: _nf4,
    Quantisation.INT8: lambda _dtype: BitsAndBytesConfig(load_in_8bit=True),
    Quantisation.TORCHAO_INT8: _torchao_int8,
}
