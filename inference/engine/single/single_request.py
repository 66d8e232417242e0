"""Architectures that do not share a pass: one request at a time, through diffusers' own pipeline for the checkpoint.

The pipeline runs on a separate thread that is resumed for one step at a time. To the engine it is a batch of a single
run: it reports its steps, can be cancelled between two steps, and fails by itself.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import diffusers
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from PIL import Image

from inference.capabilities import Capability
from inference.engine.devices.offloading import Residence
from inference.engine.lora.lora_files import LoraFile
from inference.engine.models.flow import shifted
from inference.engine.single.pipeline_loras import PipelineLoras
from inference.errors import InvalidRequest
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.request import GenerationRequest
from inference.notes import NO_FLOW_SHIFT


@dataclass
class SingleRequestCheckpoint:
    """A loaded checkpoint of an architecture that is painted one at a time."""

    spec: CheckpointSpec
    pipeline: Any
    capability: Capability
    residence: Residence | None = None
    loras: PipelineLoras = field(init=False)
    scheduler: Any = field(init=False)  # the checkpoint's own

    def __post_init__(self) -> None:
        """No LoRA is applied yet."""
        self.scheduler = self.pipeline.scheduler
        self.loras = PipelineLoras(self.pipeline, self.spec.name, self.spec.base_model.architecture, self.device)
        if self.residence is not None and self.residence.offloading:
            self._offload_by_diffusers(self.residence)

    @property
    def device(self) -> torch.device:
        """The device of its networks."""
        return self.pipeline.device if self.residence is None else self.residence.device

    def making_room(self, *, one_at_a_time: bool = False) -> Iterator[None]:
        """Have one network on the device at a time from now on, which is tried once."""
        if self.residence is not None and self.residence.enable_offload():
            self._offload_by_diffusers(self.residence)
            yield

    def _offload_by_diffusers(self, residence: Residence) -> None:
        """These pipelines call their networks themselves; diffusers' hooks move each network when it is called."""
        self.pipeline.enable_model_cpu_offload(device=residence.device)

    def notes(self, request: GenerationRequest) -> tuple[str, ...]:
        """Sentences for the person about options of the request that its scheduler ignores."""
        shifts = isinstance(self.scheduler, FlowMatchEulerDiscreteScheduler)
        return () if request.flow_shift is None or shifts else (NO_FLOW_SHIFT.format(checkpoint=self.spec.name),)

    def pipeline_for(self, source: Image.Image | None, flow_shift: float | None = None) -> Any:
        """The pipeline for a request from noise or from `source`, made of the loaded networks.

        Its schedule is the checkpoint's own, or shifted by `flow_shift`. Raises InvalidRequest.
        """
        self.pipeline.scheduler = _shifted(self.scheduler, flow_shift)
        if source is None:
            return self.pipeline
        if self.capability.from_picture is None:
            raise InvalidRequest(what="The picture to start from", problem=f"is of no use to {self.spec.name}")
        pipeline = getattr(diffusers, self.capability.from_picture)(**self.pipeline.components)
        pipeline.set_progress_bar_config(disable=True)
        return pipeline


def _shifted(scheduler: Any, flow_shift: float | None) -> Any:
    """The scheduler, or one of its kind whose schedule is shifted by a constant whatever the size of the picture."""
    if flow_shift is None or not isinstance(scheduler, FlowMatchEulerDiscreteScheduler):
        return scheduler
    return FlowMatchEulerDiscreteScheduler.from_config(shifted(scheduler.config, flow_shift))


class Stopped(Exception):
    """The run was cancelled: unwinds the pipeline's thread."""


class SingleRequestRun:
    """One request, a batch of its own.

    Raises LoraFileRefused, ModuleMismatch or InvalidRequest when it cannot start.
    """

    def __init__(
        self,
        checkpoint: SingleRequestCheckpoint,
        request: GenerationRequest,
        files: Sequence[LoraFile],
        source: Image.Image | None,
    ) -> None:
        self.request = request
        self.latents: torch.Tensor | None = None
        self.pictures: torch.Tensor | None = None
        self._checkpoint = checkpoint
        self._source = source
        self._pipeline = checkpoint.pipeline_for(source, request.flow_shift)
        checkpoint.loras.apply(files)
        own = tuple(use.weight for use in request.loras)
        # Variants run one after the other, each with its weights; else all pictures run in one call of the pipeline.
        self._rounds = [(weights, [request.seed]) for weights in request.variants] or [(own, request.seeds)]
        self._stopped = False
        self.prepare_retry()

    def prepare_retry(self) -> None:
        """Start from the first step: a pipeline cannot be resumed in the middle of its loop."""
        self.done = 0
        self._steps = self.request.steps  # of one round
        self._problem: BaseException | None = None
        self._resume, self._paused = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._paint, name="single request", daemon=True)

    @property
    def runs(self) -> tuple[SingleRequestRun, ...]:
        """The runs of this batch: this one, until it has left."""
        return () if self._stopped else (self,)

    @property
    def total(self) -> int:
        """Steps in all."""
        return self._steps * len(self._rounds)

    @property
    def ended(self) -> bool:
        """Whether the pictures are finished."""
        return self.pictures is not None

    def step(self) -> dict[Any, Exception]:
        """Resume the pipeline until the end of its next step. Raises the error that the pipeline raised."""
        if self._thread.ident is None:
            self._thread.start()
        else:
            self._resume.release()
        self._paused.acquire()
        if self._problem is not None:
            raise self._problem
        return {}

    def leave(self, run: object) -> None:
        """Stop the pipeline's thread."""
        self._stopped = True
        if self._thread.ident is not None:
            self._resume.release()
            self._thread.join()

    def decode(self, runs: Sequence[object]) -> list[torch.Tensor]:
        """The pictures (count, 3, height, width) in 0..1, which the pipeline has decoded."""
        assert self.pictures is not None, "it has not ended"
        return [self.pictures]

    def preview(self) -> None:
        """None: these pipelines pack their latents, each in its own way."""

    def snapshot(self) -> None:
        """None: the state of a pipeline between two steps is not accessible."""

    def _paint(self) -> None:
        try:
            rounds = [self._round(weights, seeds) for weights, seeds in self._rounds]
            self.pictures = torch.cat(rounds).float()
        except Stopped:
            pass
        except BaseException as problem:  # noqa: BLE001 (`step` raises it)
            self._problem = problem
        self._paused.release()

    def _round(self, weights: Sequence[float], seeds: Sequence[int]) -> torch.Tensor:
        self._checkpoint.loras.set_weights(weights)
        generators = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
        with self._checkpoint.loras.at_work():
            return self._pipeline(**self._arguments(), num_images_per_prompt=len(seeds), generator=generators).images

    def _arguments(self) -> dict[str, Any]:
        request, capability = self.request, self._checkpoint.capability
        wanted: dict[str, Any] = {
            "prompt": request.full_prompt,
            "width": request.width,
            "height": request.height,
            "num_inference_steps": request.steps,
            "output_type": "pt",
            "callback_on_step_end": self._after_step,
            capability.guidance: request.guidance_scale,
        }
        if capability.negative_prompt:
            wanted["negative_prompt"] = request.negative_prompt or " "  # without one, some pipelines skip guidance
        if self._source is not None and request.image is not None:
            wanted |= {"image": self._source, "strength": max(request.image.strength, 1 / request.steps)}
        known = inspect.signature(self._pipeline.__call__).parameters
        return {name: value for name, value in wanted.items() if name in known}

    def _after_step(self, pipeline: Any, step: int, time: Any, values: dict[str, Any]) -> dict[str, Any]:
        if self.done == 0:
            self._steps = int(getattr(pipeline, "num_timesteps", self._steps))
        if step == 0:
            self._checkpoint.loras.check()
        self.done += 1
        self.latents = values["latents"]
        self._paused.release()
        self._resume.acquire()
        if self._stopped:
            raise Stopped
        return {}
