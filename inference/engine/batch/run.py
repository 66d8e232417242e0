"""One request in the running batch: its own sampler, noise, guidance and step, independent of the other requests."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Hashable, Sequence
from functools import partial
from typing import Any

import torch
from PIL import Image

from inference.engine.batch.passes import parts_of
from inference.engine.batch.regions import blended, masks_of
from inference.engine.batch.snapshots import Snapshot
from inference.engine.devices.transfers import upload
from inference.engine.layers.lora_set import AppliedLoras
from inference.engine.models.checkpoints import Checkpoint
from inference.engine.models.decode import begun_finite
from inference.messages.request import GenerationRequest


class Run:
    """The request's slots in the batch, each of `rows` rows, as its model family says; `applied` has their LoRAs.

    A picture is one slot, or one for each of its regions. `parts` are the rows by the shapes of their conditions.

    The state between two steps is `latents` (pictures, …), the state of the scheduler and of the generators, and
    `done`, the number of passes of `total` that have been run. Second-order samplers need two forward passes for most
    steps.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        request: GenerationRequest,
        applied: Sequence[AppliedLoras],
        source: Image.Image | None,
    ) -> None:
        self.request = request
        self.applied = tuple(applied)
        family = self._family = checkpoint.family
        self.rows = family.rows(request)
        # On the CPU whatever the device, so that a seed means the same noise everywhere.
        self.generators = [torch.Generator("cpu").manual_seed(seed) for seed in request.seeds]
        self._unused_scheduler: Any = None
        self.scheduler = family.scheduler(request)
        begin = partial(family.starting_latents, request, self.scheduler, source, self.generators)
        vae = checkpoint.pipeline.vae
        begun = begin() if source is None else begun_finite(vae, begin, self.generators, request.seeds)
        self.latents, self.timesteps = begun
        self.masks = masks_of(request, self.latents) if request.regions else None
        conditions = family.conditions(request, request.slot_prompts, self.applied)
        self.parts = parts_of(conditions, self.applied, self.rows)
        # There at once: a copy at each step would let the host wait for the device. Samplers read theirs on the host.
        self._times = upload(self.timesteps, self.latents.device)
        self._options = _step_options(self.scheduler, self.generators)
        self.done = 0
        self._last_output: tuple[torch.Tensor, torch.Tensor, float] | None = None

    @property
    def key(self) -> Hashable:
        """What all runs of a batch have in common."""
        return self._family.key(self.request, [part.conditions for part in self.parts])

    @property
    def batch_rows(self) -> int:
        """How many rows of the batch it takes: those of all its slots."""
        return self.rows * len(self.applied)

    @property
    def passes_of_a_slot(self) -> int:
        """In how many passes the rows of one slot are, at most."""
        rows = self.rows
        seen = Counter(slot for part in self.parts for slot in {place // rows for place in part.places})
        return max(seen.values())

    @property
    def total(self) -> int:
        """Forward passes in all."""
        return len(self.timesteps)

    @property
    def ended(self) -> bool:
        """Whether all steps are done."""
        return self.done >= self.total

    def model_input(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The denoiser's input: latents (rows, …), scaled, and the timestep of each row (rows,)."""
        time = self.timesteps[self.done]
        self._sample = _scaled(self.scheduler, self.latents, time)
        rows = _repeated(self._sample, self.batch_rows // len(self._sample))
        return rows, self._times[self.done].expand(len(rows))

    def advance(self, model_output: torch.Tensor) -> None:
        """One step of the sampler with the denoiser's output (rows, …)."""
        model_output = blended(self.masks, self._family.guided(self.request, model_output))
        time = self.timesteps[self.done]
        self._last_output = (model_output, self._sample, float(time))
        stepped = self.scheduler.step(model_output, time, self.latents, **self._options, return_dict=False)[0]
        self.latents = stepped.to(self.latents.dtype)
        self.done += 1

    def snapshot(self) -> Snapshot:
        """A copy of the state between two steps."""
        self._unused_scheduler = self._unused_scheduler or self._family.scheduler(self.request)
        return Snapshot.of(self, self._unused_scheduler)

    def preview(self) -> torch.Tensor | None:
        """The latents (pictures, channels, h, w) that the last step predicts; None before the first."""
        if self._last_output is None:
            return None
        model_output, sample, time = self._last_output
        return self._family.pred_original_sample(self.request, self.scheduler, model_output, time, sample)


def _scaled(scheduler: Any, latents: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
    """Latents as the denoiser takes them; diffusers' schedulers for flow matching have nothing to scale."""
    scale = getattr(scheduler, "scale_model_input", None)
    return latents if scale is None else scale(latents, time)


def _repeated(latents: torch.Tensor, times: int) -> torch.Tensor:
    """Each of `latents` so many times in a row."""
    return latents if times == 1 else latents.repeat_interleave(times, 0)


def _step_options(scheduler: Any, generators: list[torch.Generator]) -> dict[str, Any]:
    known = inspect.signature(scheduler.step).parameters
    return {"generator": generators} if "generator" in known else {}
