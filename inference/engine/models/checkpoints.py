"""A loaded checkpoint, and how its pipeline is opened: from a folder, a single file or a hub repository."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from diffusers import ModularPipeline, StableDiffusionPipeline, StableDiffusionXLPipeline
from torch import nn

from inference.capabilities import Capability, Family, capability_of
from inference.engine.devices.compiling import compile_blocks
from inference.engine.devices.devices import HOST
from inference.engine.devices.offloading import Residence
from inference.engine.layers.layer_hooks import LayerHooks
from inference.engine.lora.folding import TEXT_ENCODERS, Layers, layers_of
from inference.engine.lora.layer_names import LayerNames
from inference.engine.lora.layer_weights import declare_compute_dtype
from inference.engine.models.embedding_cache import EmbeddingCache
from inference.engine.models.embedding_files import EmbeddingFiles, encoder_identity
from inference.engine.models.families.anima import AnimaFamily
from inference.engine.models.families.family import ModelFamily
from inference.engine.models.families.flux1 import Flux1Family
from inference.engine.models.families.qwen_image import QwenImageFamily
from inference.engine.models.families.sd3 import SD3Family
from inference.engine.models.families.unet import UNetFamily
from inference.engine.models.families.z_image import ZImageFamily
from inference.engine.models.fast_paths import use_direct_attention
from inference.engine.models.packed_denoiser import PART, is_packed, open_packed
from inference.engine.models.previews import Preview, preview_of
from inference.engine.models.single_file import open_single_file
from inference.engine.models.soundness import Unsound
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.options import EMBEDDING_CACHE_BYTES

FAMILIES: Mapping[Family, type[ModelFamily]] = {
    Family.UNET: UNetFamily,
    Family.FLUX1: Flux1Family,
    Family.SD3: SD3Family,
    Family.QWEN_IMAGE: QwenImageFamily,
    Family.Z_IMAGE: ZImageFamily,
    Family.ANIMA: AnimaFamily,
}

_numbers = itertools.count(1)


@dataclass
class Checkpoint:
    """A loaded checkpoint, with the layers that a LoRA can change and their names."""

    spec: CheckpointSpec
    pipeline: Any
    family: ModelFamily
    preview: Preview
    names: LayerNames
    hooks: LayerHooks
    residence: Residence
    embeddings: EmbeddingCache
    compiled: bool = False
    number: int = field(default_factory=lambda: next(_numbers))  # of this loading, in this process

    @property
    def capability(self) -> Capability:
        """See `ModelFamily.capability`."""
        return self.family.capability

    @property
    def denoiser(self) -> Any:
        """The network that each pass calls."""
        return getattr(self.pipeline, self.family.DENOISER)

    @property
    def layers(self) -> Layers:
        """The layers that a LoRA can change."""
        return self.names.layers

    def making_room(self, *, one_at_a_time: bool = False) -> Iterator[None]:
        """See `Residence.making_room`."""
        return self.residence.making_room(one_at_a_time=one_at_a_time)

    def set_aside(self) -> None:
        """Leave the device, but for what makes previews, until it is used again."""
        self.residence.offload_all()
        self.embeddings.clear()

    def compile(self, **options: Any) -> None:
        """See `compile_blocks`."""
        self.compiled = compile_blocks(self.denoiser, self.residence.device, **options)

    def as_compiled(self, wanted: bool) -> AbstractContextManager[object]:
        """While inside, blocks run compiled (`wanted`) or eagerly."""
        if not self.compiled:
            return nullcontext()
        return torch.compiler.set_stance("default" if wanted else "force_eager")

    @classmethod
    def of(
        cls,
        spec: CheckpointSpec,
        pipeline: Any,
        embedding_bytes: int = EMBEDDING_CACHE_BYTES,
        residence: Residence | None = None,
        tiny: Any = None,
        kind: type[ModelFamily] | None = None,
        files: EmbeddingFiles | None = None,
    ) -> Checkpoint:
        """The checkpoint `spec`, opened as `pipeline`. Without a `residence` all networks stay on the device.

        `tiny` is a small autoencoder for previews, if there is one; `kind` is the family, by default that of its base
        model. Up to `embedding_bytes` of embeddings are kept on the device, and what `files` hold besides. Raises
        OSError, ValueError or EdmCheckpoint.
        """
        kind = kind or family_of(spec)
        assert kind is not None, "a checkpoint without a family runs one request at a time"
        residence = residence or Residence(networks_of(pipeline), getattr(pipeline, kind.DENOISER).device)
        names = (kind.DENOISER, *TEXT_ENCODERS)
        parts = {name: part for name in names if (part := getattr(pipeline, name, None)) is not None}
        declare_compute_dtype(parts[kind.DENOISER])
        layer_names = LayerNames.of(spec.base_model.architecture, layers_of(parts))
        hooks = LayerHooks(layer_names.layers, residence.device)
        identity = encoder_identity(spec, residence.device, pipeline.text_encoder.dtype)
        embeddings = EmbeddingCache(embedding_bytes, files, identity)
        family = kind(spec, pipeline, hooks, residence, embeddings)
        use_direct_attention(getattr(pipeline, kind.DENOISER))
        residence.onload("vae")
        return cls(spec, pipeline, family, preview_of(pipeline.vae, tiny), layer_names, hooks, residence, embeddings)


def family_of(spec: CheckpointSpec) -> type[ModelFamily] | None:
    """The family of a checkpoint's base model; None: it is painted one request at a time, or not at all."""
    capability = capability_of(spec.base_model)
    return FAMILIES[capability.family] if capability and capability.family else None


def networks_of(pipeline: Any) -> dict[str, nn.Module]:
    """Every network of a pipeline by its name."""
    return {name: part for name, part in pipeline.components.items() if isinstance(part, nn.Module)}


def open_pipeline(kind: type[Any], spec: CheckpointSpec, dtype: torch.dtype, device: torch.device = HOST) -> Any:
    """The pipeline of class `kind` with the weights of `spec`. Raises Unsound, or what diffusers raises.

    Weights that are packed while they are loaded are packed on `device`.
    """
    options: dict[str, Any] = {"dtype": dtype}
    if issubclass(kind, ModularPipeline):
        if is_packed(spec):
            raise Unsound(f"the weights of {spec.base_model.label} are not packed; take out denoiser and quantise")
        return _open_modular(kind, spec, **options)
    if is_packed(spec):
        options[PART] = open_packed(kind, spec, dtype, device)
    if kind is StableDiffusionXLPipeline:
        options["add_watermarker"] = False
    if kind is StableDiffusionPipeline and (spec.repository or Path(spec.source).is_dir()):
        # The engine decodes by itself and never calls it, and it would take 1.2 GB; a single file has none.
        options |= {"safety_checker": None, "requires_safety_checker": False}
    if spec.repository:
        return kind.from_pretrained(spec.source, use_safetensors=True, **options)
    path = Path(spec.source)
    if path.is_dir():
        options |= _left_out(path)
        return kind.from_pretrained(path, use_safetensors=True, local_files_only=True, **options)
    return open_single_file(kind, path, spec.base_model.architecture, **options)


def _open_modular(kind: type[Any], spec: CheckpointSpec, **options: Any) -> Any:
    """A modular pipeline with all of its parts: of those that it cannot load, diffusers only warns."""
    options["local_files_only"] = not spec.repository
    pipeline = kind.from_pretrained(spec.source, local_files_only=not spec.repository, trust_remote_code=False)
    pipeline.load_components(use_safetensors=True, **options)
    if missing := pipeline.null_component_names:
        raise Unsound(f"its {', '.join(missing)} cannot be loaded; get another copy of it")
    return pipeline


def _left_out(folder: Path) -> dict[str, None]:
    """Parts that the folder declares as left out, such as the third text encoder of Stable Diffusion 3."""
    try:
        index = json.loads((folder / "model_index.json").read_bytes())
        return {name: None for name, kind in index.items() if kind == [None, None]}
    except (OSError, ValueError, AttributeError):
        return {}  # diffusers says what is wrong with it
