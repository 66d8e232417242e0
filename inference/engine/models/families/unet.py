"""The family of Stable Diffusion 1.5, 2 and SDXL: a UNet whose guidance takes a second row, without the prompt."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import diffusers
import torch
from diffusers import StableDiffusionXLImg2ImgPipeline, StableDiffusionXLPipeline
from PIL import Image

from inference.capabilities import capability_of
from inference.checkpoints.files import CheckpointSays, read_checkpoint
from inference.engine.devices.devices import HOST
from inference.engine.devices.offloading import Residence
from inference.engine.devices.transfers import upload
from inference.engine.layers.layer_hooks import LayerHooks
from inference.engine.layers.lora_set import AppliedLoras
from inference.engine.models.decode import decode
from inference.engine.models.embedding_cache import EmbeddingCache, Encoding
from inference.engine.models.embeddings import Embedding, Embeddings
from inference.engine.models.families.family import Conditions, RowGroup, classifier_free
from inference.engine.models.fast_paths import use_fast_paths
from inference.engine.models.pred_original_sample import pred_original_sample
from inference.engine.models.samplers import scheduler_for
from inference.engine.models.soundness import refuse_other_kinds
from inference.messages.checkpoints import CheckpointSpec, PredictionType
from inference.messages.request import GenerationRequest
from inference.messages.samplers import UNET_SPACINGS, Spacing
from inference.notes import NO_SPACING
from inference.picture_costs import COSTS
from inference.prediction import checkpoint_prediction
from inference.queue.request_cost import slots, steps_left


class UNetFamily:
    """See `ModelFamily`. The two rows of a guided slot are [unguided, guided].

    The conditions are named as the UNet's inputs: of SDXL `text_embeds` (rows, width) and `time_ids` (rows, 6: sizes
    in pixels), of distilled networks, which take the guidance as an input, `timestep_cond` (rows, width).
    """

    DENOISER: ClassVar[str] = "unet"
    WIDE_RANGE: ClassVar[bool] = False

    def __init__(
        self, spec: CheckpointSpec, pipeline: Any, hooks: LayerHooks, residence: Residence, embeddings: EmbeddingCache
    ) -> None:
        self._pipeline = pipeline
        self._residence = residence
        self._is_xl = isinstance(pipeline, StableDiffusionXLPipeline)
        self._name = spec.name
        self._cost = COSTS.get(spec.base_model.architecture)
        self._scheduler_config = pipeline.scheduler.config
        said = CheckpointSays() if spec.repository else read_checkpoint(Path(spec.source))
        self.prediction = checkpoint_prediction(
            spec.prediction_type, spec.base_model.architecture, said, self._scheduler_config
        )
        self._guidance_width = pipeline.unet.config.time_cond_proj_dim  # None: guidance is no input of the network
        capability = capability_of(spec.base_model)
        assert capability is not None, "a base model with a family is in the table"
        self.capability = capability if self._guidance_width is None else capability.guided_by_input
        hooks.mark_prompt_layers(use_fast_paths(pipeline.unet))
        self.embeddings = Embeddings(pipeline, hooks, residence, embeddings)

    @staticmethod
    def refuse_other_kinds(pipeline: Any, label: str) -> None:
        """See `ModelFamily.refuse_other_kinds`."""
        refuse_other_kinds(pipeline, label)

    @property
    def predicts(self) -> PredictionType | None:
        """See `ModelFamily.predicts`."""
        return self.prediction.type

    def notes(self, request: GenerationRequest) -> tuple[str, ...]:
        """See `ModelFamily.notes`."""
        if self.prediction.zero_snr and request.spacing in {Spacing.LEADING, Spacing.LINSPACE}:
            return (NO_SPACING.format(checkpoint=self._name, spacing=request.spacing),)
        return ()

    def rows(self, request: GenerationRequest) -> int:
        """See `ModelFamily.rows`."""
        return self.capability.rows(request.guidance_scale)

    def pass_numbers(self, request: GenerationRequest) -> int:
        """See `ModelFamily.pass_numbers`: they are counted with guidance, without which there are fewer."""
        return 0 if self._cost is None else slots(request) * request.width * request.height * self._cost.pass_numbers

    def decode_bytes(self, pixels: int) -> int:
        """See `ModelFamily.decode_bytes`."""
        if self._cost is None:
            return 0
        dtype = torch.float32 if self._cost.single_precision_vae else self._pipeline.unet.dtype
        return pixels * self._cost.decode_numbers * dtype.itemsize

    def conditions(
        self, request: GenerationRequest, prompts: Sequence[str], applied: Sequence[AppliedLoras]
    ) -> list[RowGroup]:
        """See `ModelFamily.conditions`: the shortest prompts first, in chunks of the text encoder's length.

        Both rows of a slot have the length of the longer text.
        """
        rows, groups = self.rows(request), list[RowGroup]()
        chunks = {prompt: self._chunks(request, prompt) for prompt in prompts}
        for length in sorted(set(chunks.values())):
            slots = [slot for slot, prompt in enumerate(prompts) if chunks[prompt] == length]
            own = [(prompts[slot], applied[slot]) for slot in slots]
            places = tuple(rows * slot + row for slot in slots for row in range(rows))
            groups.append(RowGroup(places, self._conditions(request, own, length)))
        return groups

    def encodings(
        self, request: GenerationRequest, prompts: Sequence[str], applied: Sequence[AppliedLoras]
    ) -> list[Encoding]:
        """See `ModelFamily.encodings`."""
        found: list[Encoding] = []
        for prompt, one in zip(prompts, applied, strict=True):
            chunks = self._chunks(request, prompt)
            found += self.embeddings.encodings(prompt, one.text, one.loras, chunks, request.clip_skip)
            if self.rows(request) == 2 and not self.embeddings.is_zero(request.negative_prompt):
                found += self.embeddings.encodings(request.negative_prompt, one.text, one.loras, chunks)
        return found

    def _chunks(self, request: GenerationRequest, prompt: str) -> int:
        return self.embeddings.chunks([prompt, request.negative_prompt] if self.rows(request) == 2 else [prompt])

    def _conditions(
        self, request: GenerationRequest, slots: Sequence[tuple[str, AppliedLoras]], chunks: int
    ) -> Conditions:
        """Those of slots with these prompts and LoRAs, all of so many chunks."""
        rows, guided = list[Embedding](), self.rows(request) == 2
        embeddings, negative = self.embeddings, request.negative_prompt
        for prompt, one in slots:
            positive = embeddings.embed(prompt, one.text, one.loras, chunks, request.clip_skip)
            if guided:
                rows.append(embeddings.negative(negative, positive, one.text, one.loras, chunks))
            rows.append(positive)
        prompt_embeds, others = torch.cat([row.prompt_embeds for row in rows]), dict[str, torch.Tensor]()
        if self._guidance_width is not None:
            scales = torch.full((len(rows),), request.guidance_scale - 1)
            embedded = self._pipeline.get_guidance_scale_embedding(scales, embedding_dim=self._guidance_width)
            others["timestep_cond"] = upload(embedded.to(prompt_embeds.dtype), prompt_embeds.device)
        if pooled := [row.pooled for row in rows if row.pooled is not None]:
            size, width = (request.height, request.width), int(pooled[0].shape[-1])
            ids = self._pipeline._get_add_time_ids(size, (0, 0), size, prompt_embeds.dtype, width)  # noqa: SLF001 (its only door)
            time_ids = upload(ids.repeat(len(rows), 1), prompt_embeds.device)
            others |= {"text_embeds": torch.cat(pooled), "time_ids": time_ids}
        return Conditions(prompt_embeds, others)

    def key(self, request: GenerationRequest, conditions: Sequence[Conditions]) -> Hashable:
        """Size and tokens of the prompts: cross-attention has no mask, and padding would change pictures."""
        return request.height, request.width, *(each.prompt_embeds.shape[1] for each in conditions)

    def scheduler(self, request: GenerationRequest) -> Any:
        """See `ModelFamily.scheduler`."""
        spacing = request.spacing if request.spacing in UNET_SPACINGS[request.sampler] else None
        scheduler = scheduler_for(request.sampler, self._scheduler_config, self.prediction, request.steps, spacing)
        scheduler.set_timesteps(request.steps, device="cpu")
        return scheduler

    def starting_latents(
        self,
        request: GenerationRequest,
        scheduler: Any,
        source: Image.Image | None,
        generators: Sequence[torch.Generator],
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """See `ModelFamily.starting_latents`."""
        if source is not None and request.image is not None:
            return self._latents_of(source, request, request.image.strength, scheduler, generators)
        pipeline = self._pipeline
        pipeline.scheduler = scheduler
        # diffusers does so for SDXL alone; it matters where several times are rounded to the same number
        if self._is_xl and hasattr(scheduler, "set_begin_index"):
            scheduler.set_begin_index(0)
        channels, dtype = pipeline.unet.config.in_channels, pipeline.unet.dtype
        latents = pipeline.prepare_latents(
            request.count, channels, request.height, request.width, dtype, HOST, generators
        )
        return upload(latents, self._residence.device), scheduler.timesteps

    def _latents_of(
        self,
        source: Image.Image,
        request: GenerationRequest,
        strength: float,
        scheduler: Any,
        generators: Sequence[torch.Generator],
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Latents of a picture with noise according to `strength`, and the timesteps that are left."""
        pipeline = self._img2img_pipeline()
        pipeline.scheduler = scheduler
        steps = steps_left(request.steps, strength, flow=False)  # with none at all diffusers would give up
        times, _ = pipeline.get_timesteps(request.steps, min(1.0, (steps + 0.5) / request.steps), "cpu")
        pixels, first = pipeline.image_processor.preprocess(source), times[:1].repeat(request.count)
        self._residence.onload("vae")
        return self._noised(pipeline, pixels, first, generators), times

    def _img2img_pipeline(self) -> Any:
        """The image-to-image pipeline, made of the loaded networks."""
        options: dict[str, Any] = {"requires_safety_checker": False}
        if self._is_xl:
            zeros = self._pipeline.config.force_zeros_for_empty_prompt
            options = {"add_watermarker": False, "force_zeros_for_empty_prompt": zeros}
        assert self.capability.from_picture is not None, "all of this family begin with pictures"
        pipeline = getattr(diffusers, self.capability.from_picture)(**self._pipeline.components, **options)
        pipeline.set_progress_bar_config(disable=True)
        return pipeline

    def _noised(
        self, pipeline: Any, pixels: torch.Tensor, times: torch.Tensor, generators: Sequence[torch.Generator]
    ) -> torch.Tensor:
        """Latents of `pixels` (1, 3, height, width) with the noise of `times` (pictures,)."""
        sees_to_it = isinstance(pipeline, StableDiffusionXLImg2ImgPipeline)  # that the VAE gets its own precision
        own, device = self._pipeline.unet.dtype, self._residence.device
        dtype = own if sees_to_it else pipeline.vae.dtype
        return pipeline.prepare_latents(pixels, times, 1, len(times), dtype, device, generators).to(own)

    def forward(self, latents: torch.Tensor, timesteps: torch.Tensor, conditions: Conditions) -> torch.Tensor:
        """See `ModelFamily.forward`."""
        others = conditions.others
        options: dict[str, Any] = {"timestep_cond": others.get("timestep_cond")}
        if "text_embeds" in others:
            options["added_cond_kwargs"] = {"text_embeds": others["text_embeds"], "time_ids": others["time_ids"]}
        return self._pipeline.unet(
            latents, timesteps, encoder_hidden_states=conditions.prompt_embeds, return_dict=False, **options
        )[0]

    def guided(self, request: GenerationRequest, model_output: torch.Tensor) -> torch.Tensor:
        """See `ModelFamily.guided`."""
        if self.rows(request) == 1:
            return model_output
        return classifier_free(request, model_output)

    def pred_original_sample(
        self,
        request: GenerationRequest,
        scheduler: Any,
        model_output: torch.Tensor,
        timestep: float,
        sample: torch.Tensor,
    ) -> torch.Tensor:
        """See `ModelFamily.pred_original_sample`."""
        return pred_original_sample(scheduler, model_output, timestep, sample)

    def decode(self, request: GenerationRequest, latents: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """See `ModelFamily.decode`."""
        self._residence.onload("vae")
        return decode(self._pipeline, latents, may_tile=not request.exact)
