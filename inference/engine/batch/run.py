"""One request in the running batch: its own sampler, noise, guidance and step, independent of the other requests."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from diffusers import StableDiffusionXLImg2ImgPipeline
from PIL import Image

from inference.engine.batch.pred_original_sample import pred_original_sample
from inference.engine.batch.samplers import scheduler_for
from inference.engine.batch.snapshots import Snapshot
from inference.engine.layers.layer_hooks import PromptProjections
from inference.engine.layers.lora_set import LoraSet, LoraWeights
from inference.engine.models.checkpoints import Checkpoint
from inference.engine.models.decode import widen
from inference.engine.models.embeddings import Embedding
from inference.messages import GenerationRequest
from inference.prediction import Prediction


@dataclass(frozen=True)
class AppliedLoras:
    """The LoRAs applied to one picture, folded; `text` names those that change the text encoders."""

    loras: LoraSet
    text: LoraWeights = ()


@dataclass(frozen=True)
class Conditions:
    """The conditions of the denoiser, by row; the last three are set only where the checkpoint takes them."""

    prompt_embeds: torch.Tensor  # (rows, tokens, width)
    pooled: torch.Tensor | None = None  # (rows, width)
    time_ids: torch.Tensor | None = None  # (rows, 6): sizes, in pixels
    guidance: torch.Tensor | None = None  # (rows, width): guidance as an input of distilled networks


class Run:
    """`rows` rows of the batch for each of the request's pictures: [unguided, guided], or one without guidance.

    The state between two steps is `latents` (pictures, channels, height, width), the state of the sampler and of the
    generators, and `done`, the number of passes of `total` that have been run. Second-order samplers need two forward
    passes for most steps.
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
        self._pipeline = checkpoint.pipeline
        self._dtype = checkpoint.pipeline.unet.dtype
        by_input = self._pipeline.unet.config.time_cond_proj_dim is not None
        self.rows = 2 if request.guidance_scale > 1 and not by_input else 1
        self.conditions = self._conditions(checkpoint, by_input)
        # On the CPU whatever the device, so that a seed means the same noise everywhere.
        self.generators = [torch.Generator("cpu").manual_seed(seed) for seed in request.seeds]
        self._new_sampler = partial(_new_sampler, request, checkpoint.scheduler_config, checkpoint.prediction)
        self._unused_sampler: Any = None
        self.scheduler = self._new_sampler()
        self.latents, self.timesteps = self._starting_latents(checkpoint, source)
        self._options = _step_options(self.scheduler, self.generators)
        self.done = 0
        self.projections: PromptProjections | None = None  # made by the batch that it joins
        self._last_output: tuple[torch.Tensor, torch.Tensor, float] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """What all runs of a forward pass have in common: height and width of latents, tokens of prompts."""
        return *self.latents.shape[2:], self.conditions.prompt_embeds.shape[1]

    @property
    def batch_rows(self) -> int:
        """How many rows of the batch it takes: those of all its pictures."""
        return self.rows * len(self.applied)

    @property
    def total(self) -> int:
        """Forward passes in all."""
        return len(self.timesteps)

    @property
    def ended(self) -> bool:
        """Whether all steps are done."""
        return self.done >= self.total

    def model_input(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The denoiser's input: scaled latents (rows, channels, height, width) and the timestep of each row (rows,)."""
        time = self.timesteps[self.done]
        self._sample = self.scheduler.scale_model_input(self.latents, time)
        rows = self._sample if self.rows == 1 else self._sample.repeat_interleave(self.rows, 0)
        return rows, time.expand(len(rows))

    def advance(self, model_output: torch.Tensor) -> None:
        """One step of the sampler with the denoiser's output (rows, channels, height, width)."""
        if self.rows == 2:
            uncond, cond = model_output[0::2], model_output[1::2]
            model_output = uncond + self.request.guidance_scale * (cond - uncond)
        time = self.timesteps[self.done]
        self._last_output = (model_output, self._sample, float(time))
        stepped = self.scheduler.step(model_output, time, self.latents, **self._options, return_dict=False)[0]
        self.latents = stepped.to(self._dtype)
        self.done += 1

    def snapshot(self) -> Snapshot:
        """A copy of the state between two steps."""
        self._unused_sampler = self._unused_sampler or self._new_sampler()
        return Snapshot.of(self, self._unused_sampler)

    def preview(self) -> torch.Tensor | None:
        """The latents (pictures, channels, height, width) that the last step predicts; None before the first."""
        if self._last_output is None:
            return None
        model_output, sample, time = self._last_output
        return pred_original_sample(self.scheduler, model_output, time, sample)

    def _conditions(self, checkpoint: Checkpoint, by_input: bool) -> Conditions:
        rows: list[Embedding] = []
        embeddings, prompt, negative = checkpoint.embeddings, self.request.full_prompt, self.request.negative_prompt
        chunks = embeddings.chunks([prompt, negative] if self.rows == 2 else [prompt])
        for one in self.applied:
            positive = embeddings.embed(prompt, one.text, one.loras, chunks, self.request.clip_skip)
            if self.rows == 2:
                rows.append(embeddings.negative(negative, positive, one.text, one.loras, chunks))
            rows.append(positive)
        prompt_embeds = torch.cat([row.prompt_embeds for row in rows])
        pooled = [row.pooled for row in rows if row.pooled is not None]
        guidance = None
        if by_input:
            scales = torch.full((len(rows),), self.request.guidance_scale - 1)
            width = self._pipeline.unet.config.time_cond_proj_dim
            guidance = self._pipeline.get_guidance_scale_embedding(scales, embedding_dim=width).to(prompt_embeds)
        if not pooled:
            return Conditions(prompt_embeds, guidance=guidance)
        size = (self.request.height, self.request.width)
        width = int(pooled[0].shape[-1])
        ids = self._pipeline._get_add_time_ids(size, (0, 0), size, prompt_embeds.dtype, width)  # noqa: SLF001 (its only door)
        return Conditions(prompt_embeds, torch.cat(pooled), ids.to(prompt_embeds.device).repeat(len(rows), 1), guidance)

    def _starting_latents(
        self, checkpoint: Checkpoint, source: Image.Image | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Latents and timesteps to start from: pure noise, or a picture with noise according to its strength."""
        request, device = self.request, checkpoint.residence.device
        if source is None or request.image is None:
            self._pipeline.scheduler = self.scheduler
            # diffusers does so for SDXL alone; it matters where several times are rounded to the same number
            if checkpoint.is_xl and hasattr(self.scheduler, "set_begin_index"):
                self.scheduler.set_begin_index(0)
            channels = self._pipeline.unet.config.in_channels
            latents = self._pipeline.prepare_latents(
                request.count, channels, request.height, request.width, self._dtype, device, self.generators
            )
            return latents, self.scheduler.timesteps
        pipeline = checkpoint.img2img_pipeline()
        pipeline.scheduler = self.scheduler
        # diffusers does the share `strength` of the steps, rounded down; with none at all it would give up.
        steps = max(1, int(request.steps * request.image.strength))
        times, _ = pipeline.get_timesteps(request.steps, min(1.0, (steps + 0.5) / request.steps), "cpu")
        pixels = pipeline.image_processor.preprocess(source)
        checkpoint.residence.onload("vae")
        latents = self._noised(pipeline, pixels, times[:1].repeat(request.count), device)
        if pipeline.vae.dtype == torch.float16 and not bool(latents.isfinite().all()):
            widen(pipeline.vae)
            for generator, seed in zip(self.generators, request.seeds, strict=True):
                generator.manual_seed(seed)
            latents = self._noised(pipeline, pixels, times[:1].repeat(request.count), device)
        return latents, times

    def _noised(self, pipeline: Any, pixels: torch.Tensor, times: torch.Tensor, device: torch.device) -> torch.Tensor:
        """Latents of `pixels` (1, 3, height, width) with the noise of `times` (pictures,)."""
        sees_to_it = isinstance(pipeline, StableDiffusionXLImg2ImgPipeline)  # that the VAE gets its own precision
        dtype = self._dtype if sees_to_it else pipeline.vae.dtype
        latents = pipeline.prepare_latents(pixels, times, 1, len(times), dtype, device, self.generators)
        return latents.to(self._dtype)


def _new_sampler(request: GenerationRequest, config: Any, prediction: Prediction) -> Any:
    scheduler = scheduler_for(request.sampler, config, prediction, request.steps)
    scheduler.set_timesteps(request.steps, device="cpu")  # numbers for Python: no reading back from a device
    return scheduler


def _step_options(scheduler: Any, generators: list[torch.Generator]) -> dict[str, Any]:
    known = inspect.signature(scheduler.step).parameters
    return {"generator": generators} if "generator" in known else {}
