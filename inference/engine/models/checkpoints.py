"""Loading checkpoints: from a folder, a single file or a hub repository, as diffusers' own pipelines."""

from __future__ import annotations

import gc
import itertools
import json
import logging
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from torch import nn

from inference.capabilities import capability_of
from inference.checkpoint_files import CheckpointSays, read_checkpoint
from inference.engine.devices.compiling import compile_blocks
from inference.engine.devices.devices import (
    dtype_for,
    free_memory,
    is_out_of_memory,
    name_of,
    release_memory,
    wide_dtype,
)
from inference.engine.devices.residence import Residence
from inference.engine.layers.layer_hooks import Board
from inference.engine.lora.folding import Layers, layers_of
from inference.engine.lora.layer_names import LayerNames
from inference.engine.models.embeddings import Embeddings
from inference.engine.models.fast_paths import lean
from inference.engine.models.previews import Preview, open_tiny, preview_of
from inference.engine.models.single_file import SINGLE_FILES, open_single_file
from inference.engine.models.soundness import refuse_incomplete, refuse_no_numbers, refuse_other_kinds
from inference.engine.single.single_request import SoloCheckpoint
from inference.errors import CheckpointTooLarge, CheckpointUnusable
from inference.memory import file_bytes, said
from inference.messages import EMBEDDING_CACHE_BYTES, CheckpointSpec, Offload
from inference.prediction import Prediction, checkpoint_prediction

log = logging.getLogger(__name__)

PARTS = ("unet", "text_encoder", "text_encoder_2")  # the networks that LoRAs reach, by diffusers' names

_numbers = itertools.count(1)


@dataclass
class Checkpoint:
    """A loaded checkpoint, with the layers that a LoRA can change and their names."""

    spec: CheckpointSpec
    pipeline: Any
    scheduler_config: Any
    prediction: Prediction
    preview: Preview
    names: LayerNames
    board: Board
    residence: Residence
    embeddings: Embeddings
    compiled: bool = False
    number: int = field(default_factory=lambda: next(_numbers))  # of this loading, in this process

    @property
    def layers(self) -> Layers:
        """The layers that a LoRA can change."""
        return self.names.layers

    def take_turns(self) -> bool:
        """See `Residence.take_turns`."""
        return self.residence.take_turns()

    def compile(self, **options: Any) -> None:
        """See `compile_blocks`."""
        self.compiled = compile_blocks(self.pipeline.unet, self.residence.device, **options)

    def as_compiled(self, wanted: bool) -> AbstractContextManager[object]:
        """While inside, blocks run compiled or not."""
        if not self.compiled:
            return nullcontext()
        return torch.compiler.set_stance("default" if wanted else "force_eager")

    @property
    def is_xl(self) -> bool:
        """Whether it has SDXL's second text encoder and inputs."""
        return isinstance(self.pipeline, StableDiffusionXLPipeline)

    def from_a_picture(self) -> Any:
        """The pipeline that starts from a picture, made of the networks that are loaded."""
        kind = type(self.pipeline)
        options: dict[str, Any] = {"requires_safety_checker": False}
        if kind is StableDiffusionXLPipeline:
            zeros = self.pipeline.config.force_zeros_for_empty_prompt
            options = {"add_watermarker": False, "force_zeros_for_empty_prompt": zeros}
        capability = capability_of(self.spec.base_model)
        assert capability is not None and capability.from_picture is not None, "it would not be painted together"
        pipeline = getattr(diffusers, capability.from_picture)(**self.pipeline.components, **options)
        pipeline.set_progress_bar_config(disable=True)
        return pipeline

    @classmethod
    def of(
        cls,
        spec: CheckpointSpec,
        pipeline: Any,
        embedding_bytes: int = EMBEDDING_CACHE_BYTES,
        residence: Residence | None = None,
        tiny: Any = None,
    ) -> Checkpoint:
        """The checkpoint `spec`, loaded as `pipeline`, whose networks `residence` has; without it they all stay.

        `tiny` is a small autoencoder for previews, if there is one. Raises OSError, ValueError or EdmCheckpoint.
        """
        residence = residence or Residence(networks_of(pipeline), pipeline.unet.device)
        config = pipeline.scheduler.config
        said = CheckpointSays() if spec.repository else read_checkpoint(Path(spec.source))
        prediction = checkpoint_prediction(spec.prediction_type, spec.base_model.architecture, said, config)
        parts = {name: part for name in PARTS if (part := getattr(pipeline, name, None)) is not None}
        layer_names = LayerNames.of(spec.base_model.architecture, layers_of(parts))
        residence.bring("vae")
        preview, board = preview_of(pipeline.vae, tiny), Board(layer_names.layers, residence.device)
        board.hear_words(lean(pipeline.unet))
        embeddings = Embeddings(pipeline, board, residence, embedding_bytes)
        return cls(spec, pipeline, config, prediction, preview, layer_names, board, residence, embeddings)


def networks_of(pipeline: Any) -> dict[str, nn.Module]:
    """Every network of a pipeline by its name."""
    return {name: part for name, part in pipeline.components.items() if isinstance(part, nn.Module)}


class CheckpointStore:
    """Holds the checkpoint used last; loading another lets go of it first, so that memory never holds both."""

    def __init__(
        self,
        specs: tuple[CheckpointSpec, ...],
        device: torch.device,
        dtype: torch.dtype | None = None,
        embedding_bytes: int = EMBEDDING_CACHE_BYTES,
        offload: Offload = Offload.WHEN_SHORT,
        *,
        compiled: bool = False,
    ) -> None:
        self._specs = {spec.name: spec for spec in specs}
        self._device = device
        self._dtype = dtype or dtype_for(device)
        self._embedding_bytes = embedding_bytes
        self._offload = offload
        self._compiled = compiled
        self._current: Checkpoint | SoloCheckpoint | None = None

    @property
    def loaded(self) -> tuple[str, ...]:
        """Names of what is in memory."""
        return (self._current.spec.name,) if self._current else ()

    def spec(self, name: str) -> CheckpointSpec | None:
        """The declaration of a checkpoint, None when there is none of this name."""
        return self._specs.get(name)

    def about(self, name: str) -> str:
        """Everything that the speed of a checkpoint depends on here: its file, device, number format, torch."""
        spec = self.spec(name)  # somebody may ask for one that is not declared; that is answered elsewhere
        file = name if spec is None else spec.sha256 or spec.folder_sha256 or spec.source
        return f"{file} {name_of(self._device)} {self._dtype} torch {torch.__version__}"

    @property
    def device(self) -> torch.device:
        """Where they paint."""
        return self._device

    @property
    def current(self) -> Checkpoint | SoloCheckpoint | None:
        """What is in memory."""
        return self._current

    def hold(self, checkpoint: Checkpoint | SoloCheckpoint) -> None:
        """Take in a checkpoint that is loaded already."""
        self._specs[checkpoint.spec.name] = checkpoint.spec
        self._current = checkpoint

    def get(self, spec: CheckpointSpec) -> Checkpoint | SoloCheckpoint:
        """The loaded checkpoint. Raises CheckpointUnusable, or CheckpointTooLarge when memory is short for it."""
        if self._current is None or self._current.spec != spec:
            self.drop()
            free = free_memory(self._device)
            try:
                self._current = self._loaded(spec)
            except Exception as problem:
                if not is_out_of_memory(problem):
                    raise
                sizes = {"needed": said(file_bytes(spec)), "free": said(free)}
                raise CheckpointTooLarge(checkpoint=spec.name, **sizes) from problem
        return self._current

    def offload(self) -> bool:
        """Make room: networks come to the device one at a time. False when that is not wanted or gains nothing."""
        made = self._offload is not Offload.NEVER and self._current is not None and self._current.take_turns()
        if made:
            log.warning("not enough memory: the networks of %s take turns on the device", *self.loaded)
            self.release()
        return made

    def drop(self) -> None:
        """Let go of everything."""
        self._current = None
        self.release()

    def release(self) -> None:
        """Give back what nothing uses any more."""
        gc.collect()
        release_memory(self._device)

    def _loaded(self, spec: CheckpointSpec) -> Checkpoint | SoloCheckpoint:
        """All of it on the device, or in turns where that is wanted or nothing else goes."""
        in_turns = self._offload is Offload.ALWAYS
        try:
            return self._load(spec, in_turns=in_turns)
        except Exception as problem:
            if in_turns or self._offload is Offload.NEVER or not is_out_of_memory(problem):
                raise
        self.release()
        return self._load(spec, in_turns=True)

    def _load(self, spec: CheckpointSpec, *, in_turns: bool) -> Checkpoint | SoloCheckpoint:
        capability = capability_of(spec.base_model)
        if capability is None:
            raise CheckpointUnusable(checkpoint=spec.name, reason=f"{spec.base_model.label} is not painted yet")
        try:
            dtype = self._dtype if capability.together else wide_dtype(self._device, self._dtype)
            pipeline = _open(getattr(diffusers, capability.pipeline), spec, dtype)
            refuse_incomplete(pipeline)
            if capability.together:
                refuse_other_kinds(pipeline, spec.base_model.label)
            residence = Residence(networks_of(pipeline), self._device)
            if not (in_turns and residence.take_turns()):
                residence.settle()
            refuse_no_numbers(pipeline)
            if capability.together:
                checkpoint = Checkpoint.of(spec, pipeline, self._embedding_bytes, residence, self._tiny(spec, dtype))
                if self._compiled:
                    checkpoint.compile()
            else:
                checkpoint = SoloCheckpoint(spec, pipeline, capability, residence)
        except Exception as problem:
            if is_out_of_memory(problem):
                raise
            raise CheckpointUnusable(checkpoint=spec.name, reason=_first_line(problem)) from problem
        pipeline.set_progress_bar_config(disable=True)
        return checkpoint

    def _tiny(self, spec: CheckpointSpec, dtype: torch.dtype) -> Any:
        """Its small autoencoder for previews; one that cannot be opened costs better previews and no picture."""
        if spec.preview_decoder is None:
            return None
        try:
            return open_tiny(spec.preview_decoder, self._device, dtype)
        except (OSError, ValueError) as problem:
            log.warning("previews of %s are coarse: %s", spec.name, _first_line(problem))
            return None


def _open(kind: type[Any], spec: CheckpointSpec, dtype: torch.dtype) -> Any:
    options: dict[str, Any] = {"dtype": dtype}
    if kind is StableDiffusionXLPipeline:
        options["add_watermarker"] = False
    if kind is StableDiffusionPipeline and (spec.repository or Path(spec.source).is_dir()):
        # The engine decodes by itself and never asks it, and it would take 1.2 GB; a single file has none.
        options |= {"safety_checker": None, "requires_safety_checker": False}
    if spec.repository:
        return kind.from_pretrained(spec.source, use_safetensors=True, **options)
    path = Path(spec.source)
    if path.is_dir():
        options |= _left_out(path)
        return kind.from_pretrained(path, use_safetensors=True, local_files_only=True, **options)
    if path.suffix != ".safetensors":
        raise ValueError(f"{path.name} is neither a folder nor a .safetensors file")
    if spec.base_model.architecture not in SINGLE_FILES:
        raise ValueError(f"{spec.base_model.label} is loaded from a folder of diffusers' kind, not from a single file")
    return open_single_file(kind, path, spec.base_model.architecture, **options)


def _left_out(folder: Path) -> dict[str, None]:
    """Parts that the folder says it does without, such as the third text encoder of Stable Diffusion 3."""
    try:
        index = json.loads((folder / "model_index.json").read_bytes())
        return {name: None for name, kind in index.items() if kind == [None, None]}
    except (OSError, ValueError, AttributeError):
        return {}  # diffusers says what is wrong with it


def _first_line(problem: Exception) -> str:
    """The start of a message: diffusers' can be tens of thousands of characters long."""
    if "meta tensor" in str(problem):  # diffusers says so of a single file in which weights are missing
        return "one of its networks lacks weights"
    return (str(problem).splitlines() or [type(problem).__name__])[0][:300].rstrip(" .")
