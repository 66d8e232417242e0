"""One request while it is painted: its own sampler, noise, guidance and step, whoever else is in the batch."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from diffusers import StableDiffusionXLImg2ImgPipeline
from PIL import Image

from inference.engine.batch.pred_original_sample import clean_latents
from inference.engine.batch.samplers import scheduler_for
from inference.engine.batch.snapshots import Snapshot
from inference.engine.layers.layer_hooks import Said
from inference.engine.layers.lora_set import LoraSet, Worn
from inference.engine.models.checkpoints import Checkpoint
from inference.engine.models.decode import widen
from inference.engine.models.embeddings import Embedding
from inference.messages import GenerationRequest
from inference.prediction import Prediction


@dataclass(frozen=True)
class Dressed:
    """What one picture wears: its folded LoRAs, and which of them reach the text encoders."""

    loras: LoraSet
    text: Worn = ()


@dataclass(frozen=True)
class Conditions:
    """What the denoiser is told beside the latents, by row; the last three only where the checkpoint knows them."""

    words: torch.Tensor  # (rows, tokens, width)
    pooled: torch.Tensor | None = None  # (rows, width)
    time_ids: torch.Tensor | None = None  # (rows, 6): sizes, in pixels
    guidance: torch.Tensor | None = None  # (rows, width): guidance as an input of distilled networks


class Run:
    """`rows` rows of the batch for each of the request's pictures: [unguided, guided], or one without guidance.

    The state between two steps is `latents` (pictures, channels, height, width), the sampler's, the generators', and
    `done`, the steps that are behind it of `total`. Second-order samplers need two forward passes for most steps.
    """

    def __init__(
        self, checkpoint: Checkpoint, request: GenerationRequest, dressed: Sequence[Dressed], source: Image.Image | None
    ) -> None:
        self.request = request
        self.dressed = tuple(dressed)
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
        self.latents, self.timesteps = self._beginning(checkpoint, source)
        self._options = _step_options(self.scheduler, self.generators)
        self.done = 0
        self.said: Said | None = None  # what layers make of the words, by whoever lets it take part
        self._seen: tuple[torch.Tensor, torch.Tensor, float] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """What must be the same for all in one forward pass: height and width of latents, and tokens of texts."""
        return *self.latents.shape[2:], self.conditions.words.shape[1]

    @property
    def seats(self) -> int:
        """How many rows of the batch it takes."""
        return self.rows * len(self.dressed)

    @property
    def total(self) -> int:
        """Forward passes in all."""
        return len(self.timesteps)

    @property
    def ended(self) -> bool:
        """Whether all steps are done."""
        return self.done >= self.total

    def given(self) -> tuple[torch.Tensor, torch.Tensor]:
        """What the denoiser gets: scaled latents (rows, channels, height, width) and the time of each row (rows,)."""
        time = self.timesteps[self.done]
        self._scaled = self.scheduler.scale_model_input(self.latents, time)
        given = self._scaled if self.rows == 1 else self._scaled.repeat_interleave(self.rows, 0)
        return given, time.expand(len(given))

    def advance(self, said: torch.Tensor) -> None:
        """One step with what the denoiser said (rows, channels, height, width)."""
        if self.rows == 2:
            without, following = said[0::2], said[1::2]
            said = without + self.request.guidance_scale * (following - without)
        time = self.timesteps[self.done]
        self._seen = (said, self._scaled, float(time))
        stepped = self.scheduler.step(said, time, self.latents, **self._options, return_dict=False)[0]
        self.latents = stepped.to(self._dtype)
        self.done += 1

    def snapshot(self) -> Snapshot:
        """The state between two steps, as it is now; steps that follow leave it alone."""
        self._unused_sampler = self._unused_sampler or self._new_sampler()
        return Snapshot.of(self, self._unused_sampler)

    def preview(self) -> torch.Tensor | None:
        """The clean latents (pictures, channels, height, width) that the last step implies; None before the first."""
        if self._seen is None:
            return None
        said, sample, time = self._seen
        return clean_latents(self.scheduler, said, time, sample)

    def _conditions(self, checkpoint: Checkpoint, by_input: bool) -> Conditions:
        rows: list[Embedding] = []
        embeddings, prompt, negative = checkpoint.embeddings, self.request.full_prompt, self.request.negative_prompt
        chunks = embeddings.chunks([prompt, negative] if self.rows == 2 else [prompt])
        for one in self.dressed:
            positive = embeddings.embed(prompt, one.text, one.loras, chunks, self.request.clip_skip)
            if self.rows == 2:
                rows.append(embeddings.negative(negative, positive, one.text, one.loras, chunks))
            rows.append(positive)
        words = torch.cat([row.words for row in rows])
        pooled = [row.pooled for row in rows if row.pooled is not None]
        guidance = None
        if by_input:
            scales = torch.full((len(rows),), self.request.guidance_scale - 1)
            width = self._pipeline.unet.config.time_cond_proj_dim
            guidance = self._pipeline.get_guidance_scale_embedding(scales, embedding_dim=width).to(words)
        if not pooled:
            return Conditions(words, guidance=guidance)
        size = (self.request.height, self.request.width)
        width = int(pooled[0].shape[-1])
        ids = self._pipeline._get_add_time_ids(size, (0, 0), size, words.dtype, width)  # noqa: SLF001 (its only door)
        return Conditions(words, torch.cat(pooled), ids.to(words.device).repeat(len(rows), 1), guidance)

    def _beginning(self, checkpoint: Checkpoint, source: Image.Image | None) -> tuple[torch.Tensor, torch.Tensor]:
        """Latents and times to start from: pure noise, or a picture with as much noise as its strength says."""
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
        pipeline = checkpoint.from_a_picture()
        pipeline.scheduler = self.scheduler
        # diffusers does the share `strength` of the steps, rounded down; with none at all it would give up.
        steps = max(1, int(request.steps * request.image.strength))
        times, _ = pipeline.get_timesteps(request.steps, min(1.0, (steps + 0.5) / request.steps), "cpu")
        pixels = pipeline.image_processor.preprocess(source)
        checkpoint.residence.bring("vae")
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
