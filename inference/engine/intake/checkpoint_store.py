"""The current checkpoint: loads another one in its place, and frees memory where there is too little."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import diffusers
import torch

from inference.capabilities import capability_of
from inference.checkpoints.inspection import inspect_checkpoint, inspect_denoiser
from inference.checkpoints.memory import file_bytes, said
from inference.engine.devices.devices import (
    dtype_for,
    free_memory,
    is_out_of_memory,
    name_of,
    release_memory,
    wanted_dtype,
    wide_dtype,
)
from inference.engine.devices.host_weights import host_has_room
from inference.engine.devices.offloading import Residence
from inference.engine.models.checkpoints import Checkpoint, family_of, networks_of, open_pipeline
from inference.engine.models.embedding_files import EmbeddingFiles
from inference.engine.models.previews import open_tiny
from inference.engine.models.soundness import Unsound, refuse_incomplete, refuse_no_numbers, refuse_other_denoiser
from inference.engine.single.single_request import SingleRequestCheckpoint
from inference.errors import CheckpointTooLarge, CheckpointUnusable
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.options import EMBEDDING_CACHE_BYTES, Offload
from inference.prediction import EdmCheckpoint

log = logging.getLogger(__name__)


class CheckpointStore:
    """Keeps the checkpoint used last; it leaves the device before another is loaded, so that it never holds both.

    The weights of the one before wait on the host, where that has memory of its own and room for those of both.
    """

    def __init__(
        self,
        specs: tuple[CheckpointSpec, ...],
        device: torch.device,
        dtype: torch.dtype | None = None,
        embedding_bytes: int = EMBEDDING_CACHE_BYTES,
        offload: Offload = Offload.WHEN_SHORT,
        *,
        compiled: bool = False,
        embedding_files: EmbeddingFiles | None = None,
    ) -> None:
        self._specs = {spec.name: spec for spec in specs}
        self._device = device
        self._dtype = dtype or dtype_for(device)
        self._embedding_bytes = embedding_bytes
        self._offload = offload
        self._compiled = compiled
        self._embedding_files = embedding_files
        self._current: Checkpoint | SingleRequestCheckpoint | None = None
        self._aside: list[Checkpoint] = []  # the one before, if it waits

    @property
    def loaded(self) -> tuple[str, ...]:
        """The name of the current checkpoint, if there is one; what waits on the host is not counted."""
        return (self._current.spec.name,) if self._current else ()

    def spec(self, name: str) -> CheckpointSpec | None:
        """The declaration of a checkpoint, None when there is none of this name."""
        return self._specs.get(name)

    def about(self, name: str) -> str:
        """Everything that the speed of a checkpoint depends on: its file, the device, the dtype, torch's version."""
        spec = self.spec(name)  # an unknown name is refused elsewhere
        file = name if spec is None else spec.sha256 or spec.folder_sha256 or spec.source
        dtype = (spec and wanted_dtype(self._device, spec.dtype)) or self._dtype
        packed = "" if spec is None else f"{spec.denoiser or ''}{spec.quantise.value.removeprefix('none')}"
        return " ".join(filter(None, [file, packed, name_of(self._device), f"{dtype} torch {torch.__version__}"]))

    @property
    def device(self) -> torch.device:
        """The device that checkpoints are loaded for."""
        return self._device

    @property
    def current(self) -> Checkpoint | SingleRequestCheckpoint | None:
        """The checkpoint that is painted with."""
        return self._current

    def hold(self, checkpoint: Checkpoint | SingleRequestCheckpoint) -> None:
        """Use a checkpoint that is loaded already."""
        self._specs[checkpoint.spec.name] = checkpoint.spec
        self._current = checkpoint

    def get(self, spec: CheckpointSpec) -> Checkpoint | SingleRequestCheckpoint:
        """The checkpoint `spec`, loaded if need be.

        Raises CheckpointUnusable, or CheckpointTooLarge when memory is short for it.
        """
        if self._current is None or self._current.spec != spec:
            if self._current is not None:
                self.leave(spec)
            for checkpoint in self._aside:
                if checkpoint.spec == spec:
                    self._aside.remove(checkpoint)
                    self._current = checkpoint
                    return checkpoint
            free = free_memory(self._device)
            try:
                self._current = self._loaded(spec)
            except Exception as problem:
                if not is_out_of_memory(problem):
                    raise
                sizes = {"needed": said(file_bytes(spec)), "free": said(free)}
                raise CheckpointTooLarge(checkpoint=spec.name, **sizes) from problem
        return self._current

    def making_room(self, *, one_at_a_time: bool = False) -> Iterator[None]:
        """Free memory by networks that are not in use, see `Residence.making_room`, where the operator allows it.

        A checkpoint that is painted one request at a time has one network on the device at a time from then on.
        """
        if self._offload is not Offload.NEVER and self._current is not None:
            for _ in self._current.making_room(one_at_a_time=one_at_a_time):
                self.release()
                yield

    def leave(self, other: CheckpointSpec) -> None:
        """Free the device for `other`. The checkpoint waits on the host where that has room, in place of another."""
        current, self._current = self._current, None
        self._aside = [each for each in self._aside if each.spec == other]
        if isinstance(current, Checkpoint) and current.residence.can_leave and self._offload is not Offload.NEVER:
            size = 0 if self._aside else file_bytes(other) or 0
            if host_has_room(size):
                current.set_aside()
                self._aside.append(current)
        del current
        self.release()

    def drop(self) -> None:
        """Drop all checkpoints and free their memory."""
        self._current = None
        self._aside.clear()
        self.release()

    def release(self) -> None:
        """Give unused memory back to the system."""
        gc.collect()
        release_memory(self._device)

    def _loaded(self, spec: CheckpointSpec) -> Checkpoint | SingleRequestCheckpoint:
        """Load all of it onto the device, or offload where the operator wants that or memory is short."""
        offloading = self._offload is Offload.ALWAYS
        try:
            return self._load(spec, offloading=offloading)
        except Exception as problem:
            if offloading or self._offload is Offload.NEVER or not is_out_of_memory(problem):
                raise
        self._aside.clear()
        self.release()
        return self._load(spec, offloading=True)

    def _load(self, spec: CheckpointSpec, *, offloading: bool) -> Checkpoint | SingleRequestCheckpoint:
        capability = capability_of(spec.base_model)
        if capability is None:
            raise CheckpointUnusable(checkpoint=spec.name, reason=f"{spec.base_model.label} is not painted yet")
        _refuse_damaged(spec)
        try:
            family = family_of(spec)
            usual = self._dtype if family and not family.WIDE_RANGE else wide_dtype(self._device, self._dtype)
            dtype = wanted_dtype(self._device, spec.dtype) or usual
            pipeline = open_pipeline(getattr(diffusers, capability.pipeline), spec, dtype, self._device)
            refuse_other_denoiser(pipeline, spec.base_model)
            refuse_incomplete(pipeline)
            if family is not None:
                family.refuse_other_kinds(pipeline, spec.base_model.label)
            residence = Residence(networks_of(pipeline), self._device)
            if not offloading or not residence.can_offload:
                residence.onload_all()
            elif self._offload is Offload.ALWAYS:
                residence.enable_offload()
            else:
                residence.offload_all()
            refuse_no_numbers(pipeline)
            if family is not None:
                checkpoint = Checkpoint.of(
                    spec, pipeline, self._embedding_bytes, residence, self._tiny(spec, dtype),
                    files=self._embedding_files,
                )  # fmt: skip
                if self._compiled:
                    checkpoint.compile()
            else:
                checkpoint = SingleRequestCheckpoint(spec, pipeline, capability, residence)
        except Exception as problem:
            if is_out_of_memory(problem):
                raise
            raise CheckpointUnusable(checkpoint=spec.name, reason=_reason(spec, problem)) from problem
        pipeline.set_progress_bar_config(disable=True)
        return checkpoint

    def _tiny(self, spec: CheckpointSpec, dtype: torch.dtype) -> Any:
        """Its small autoencoder for previews; where it cannot be opened, previews are coarser."""
        if spec.preview_decoder is None:
            return None
        try:
            return open_tiny(spec.preview_decoder, self._device, dtype)
        except (OSError, ValueError) as problem:
            log.warning("previews of %s are coarse: %s", spec.name, _first_line(problem))
            return None


def _refuse_damaged(spec: CheckpointSpec) -> None:
    """Raise CheckpointUnusable when the headers of its files tell that it cannot be loaded."""
    denoiser = None if spec.denoiser is None else Path(spec.denoiser)
    try:
        if not spec.repository:
            problems = inspect_checkpoint(Path(spec.source), spec.base_model, denoiser).problems
        elif denoiser is not None:
            problems = inspect_denoiser(denoiser, spec.base_model).problems
        else:
            problems = ()
    except OSError as problem:
        name = Path(problem.filename or spec.source).name
        problems = (f"{name} cannot be read ({problem.strerror}); correct its path or its owner",)
    if problems:
        raise CheckpointUnusable(checkpoint=spec.name, reason=problems[0])


def _reason(spec: CheckpointSpec, problem: Exception) -> str:
    """Why it could not be loaded, and what to do: what our own checks say does so, and diffusers' advice does not."""
    name = spec.source if spec.repository else Path(spec.source).name
    if isinstance(problem, Unsound | EdmCheckpoint):
        return f"{_first_line(problem)} ({name})"
    if spec.repository:
        return (
            f"{name} could not be opened ({_first_line(problem)}); see whether this repository of the Hugging Face hub "
            "exists, is open to you, and holds .safetensors files in diffusers' folders"
        )
    return f"{name} could not be opened ({_first_line(problem)}); get another copy of it, or correct its base_model"


def _first_line(problem: Exception) -> str:
    """The first line of a message, at most 300 characters: diffusers' can have tens of thousands."""
    if "meta tensor" in str(problem):  # diffusers says so of a single file in which weights are missing
        return "one of its networks lacks weights"
    return (str(problem).splitlines() or [type(problem).__name__])[0][:300].rstrip(" .")
