"""Architectures that do not share a pass: one request at a time, through diffusers' own pipeline for the checkpoint.

The pipeline runs on a thread of its own that is let on for one step at a time, so that to the engine it is a batch of
one request like any other: it reports its steps, can be cancelled between two of them, and fails by itself.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import diffusers
import torch
from PIL import Image

from inference.capabilities import Capability
from inference.engine.devices.residence import Residence
from inference.engine.lora.lora_files import LoraFile
from inference.engine.single.pipeline_loras import SoloLoras
from inference.errors import InvalidRequest
from inference.messages import CheckpointSpec, GenerationRequest
from inference.remarks import NO_CLIP_SKIP, NO_NEGATIVE_PROMPT


@dataclass
class SoloCheckpoint:
    """A loaded checkpoint of an architecture that is painted one at a time."""

    spec: CheckpointSpec
    pipeline: Any
    capability: Capability
    residence: Residence | None = None
    loras: SoloLoras = field(init=False)

    def __post_init__(self) -> None:
        """It wears nothing yet."""
        self.loras = SoloLoras(self.pipeline, self.spec.name)
        if self.residence is not None and self.residence.in_turns:
            self._in_turns(self.residence)

    def take_turns(self) -> bool:
        """See `Residence.take_turns`."""
        made = self.residence is not None and self.residence.take_turns()
        if made and self.residence is not None:
            self._in_turns(self.residence)
        return made

    def _in_turns(self, residence: Residence) -> None:
        """These pipelines call their networks themselves; diffusers has a hook for each."""
        self.pipeline.enable_model_cpu_offload(device=residence.device)

    def notes(self, request: GenerationRequest) -> tuple[str, ...]:
        """What of the request it cannot follow, in sentences for the person."""
        notes: list[str] = []
        if request.negative_prompt and not self.capability.negative_prompt:
            notes.append(NO_NEGATIVE_PROMPT.format(checkpoint=self.spec.name))
        if request.clip_skip:
            notes.append(NO_CLIP_SKIP.format(checkpoint=self.spec.name))
        return tuple(notes)

    def starting_from(self, source: Image.Image | None) -> Any:
        """The pipeline for a request, made of the networks that are loaded. Raises InvalidRequest."""
        if source is None:
            return self.pipeline
        if self.capability.from_picture is None:
            raise InvalidRequest(what="The picture to start from", problem=f"is of no use to {self.spec.name}")
        pipeline = getattr(diffusers, self.capability.from_picture)(**self.pipeline.components)
        pipeline.set_progress_bar_config(disable=True)
        return pipeline


class Stopped(Exception):
    """Nobody wants the picture any more."""


class Solo:
    """One request, its own batch. Raises LoraFileRefused, ModuleMismatch or InvalidRequest when it cannot begin."""

    def __init__(
        self,
        checkpoint: SoloCheckpoint,
        request: GenerationRequest,
        files: Sequence[LoraFile],
        source: Image.Image | None,
    ) -> None:
        self.request = request
        self.latents: torch.Tensor | None = None
        self.pictures: torch.Tensor | None = None
        self._checkpoint = checkpoint
        self._source = source
        self._pipeline = checkpoint.starting_from(source)
        checkpoint.loras.wear(files)
        own = tuple(use.weight for use in request.loras)
        # With variants one after the other, each with its weights; else all pictures in one go.
        self._rounds = [(weights, [request.seed]) for weights in request.variants] or [(own, request.seeds)]
        self._stopped = False
        self.begin_again()

    def begin_again(self) -> None:
        """From the first step: nobody can take up what a pipeline left in the middle of its loop."""
        self.done = 0
        self._steps = self.request.steps  # of one round
        self._problem: BaseException | None = None
        self._may_go, self._waits = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._paint, name="solo", daemon=True)

    @property
    def runs(self) -> tuple[Solo, ...]:
        """Who is in this batch: it alone, until it left."""
        return () if self._stopped else (self,)

    @property
    def total(self) -> int:
        """Steps in all."""
        return self._steps * len(self._rounds)

    @property
    def ended(self) -> bool:
        """Whether the pictures are there."""
        return self.pictures is not None

    def step(self) -> dict[Any, Exception]:
        """Let it on to the end of its next step. Raises what went wrong in it."""
        if self._thread.ident is None:
            self._thread.start()
        else:
            self._may_go.release()
        self._waits.acquire()
        if self._problem is not None:
            raise self._problem
        return {}

    def leave(self, run: object) -> None:
        """End it, wherever it is."""
        self._stopped = True
        if self._thread.ident is not None:
            self._may_go.release()
            self._thread.join()

    def decode(self, runs: Sequence[object]) -> list[torch.Tensor]:
        """The pictures (count, 3, height, width) in 0..1; the pipeline has decoded them."""
        assert self.pictures is not None, "it has not ended"
        return [self.pictures]

    def preview(self) -> None:
        """The latents of these pipelines are packed in ways of their own."""

    def snapshot(self) -> None:
        """What a pipeline keeps between two steps nobody can take out of it."""

    def _paint(self) -> None:
        try:
            rounds = [self._round(weights, seeds) for weights, seeds in self._rounds]
            self.pictures = torch.cat(rounds).float()
        except Stopped:
            pass
        except BaseException as problem:  # noqa: BLE001 (it is raised where `step` waits)
            self._problem = problem
        self._waits.release()

    def _round(self, weights: Sequence[float], seeds: Sequence[int]) -> torch.Tensor:
        self._checkpoint.loras.weigh(weights)
        generators = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
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
            wanted["negative_prompt"] = request.negative_prompt or " "  # without any, some do not guide at all
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
        self._waits.release()
        self._may_go.acquire()
        if self._stopped:
            raise Stopped
        return {}
