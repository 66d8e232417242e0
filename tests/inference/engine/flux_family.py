"""Flux as a second model family for tests: a transformer with packed latents, flow matching and guidance as an input.

The product paints Flux one request at a time. Here it shows that the batch needs nothing of a UNet.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from diffusers.pipelines.flux.pipeline_flux import calculate_shift
from PIL import Image

from inference.capabilities import capability_of
from inference.engine.devices.offloading import Residence
from inference.engine.engine import Engine
from inference.engine.intake.checkpoint_store import CheckpointStore
from inference.engine.layers.layer_hooks import SMALL_LAYER_RANK, LayerHooks
from inference.engine.layers.lora_set import AppliedLoras
from inference.engine.models.checkpoints import Checkpoint
from inference.engine.models.decode import decode
from inference.engine.models.embedding_cache import EmbeddingCache, Encoding
from inference.engine.models.families.family import Conditions, RowGroup, grouped
from inference.engine.options import Options
from inference.matching import Matcher
from inference.messages.checkpoints import CheckpointSpec, PredictionType
from inference.messages.request import GenerationRequest, LoraUse
from tests.inference.engine.lone import FLUX, SingleRequestWorld, merged, pipeline_of
from tests.inference.engine.worlds import CPU

TOKENS = 12  # of every prompt; the real one pads to 512
TRUE_CFG = 3.0  # with a negative prompt: a second row, which the distilled network does without otherwise
SHIFTED = FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, base_shift=0.5, max_shift=1.15, shift=3.0)


class FluxFamily:
    """See `ModelFamily`. The rows of a picture with a negative prompt are [negative, positive]."""

    DENOISER: ClassVar[str] = "transformer"
    WIDE_RANGE: ClassVar[bool] = True
    TOKENS: ClassVar[Callable[[str], int]] = staticmethod(lambda text: TOKENS)

    def __init__(
        self, spec: CheckpointSpec, pipeline: Any, hooks: LayerHooks, residence: Residence, embeddings: EmbeddingCache
    ) -> None:
        capability = capability_of(spec.base_model)
        assert capability is not None
        self.capability = capability
        self._name = spec.name
        self._pipeline = pipeline
        self._hooks = hooks
        self._residence = residence
        hooks.mark_prompt_layers([pipeline.transformer.context_embedder])

    @staticmethod
    def refuse_other_kinds(pipeline: Any, label: str) -> None:
        if pipeline.transformer.config.in_channels != 4 * pipeline.vae.config.latent_channels:
            raise ValueError(f"its transformer is not that of {label}")

    @property
    def predicts(self) -> PredictionType | None:
        return None

    def notes(self, request: GenerationRequest) -> tuple[str, ...]:
        return ()

    def rows(self, request: GenerationRequest) -> int:
        return 2 if request.negative_prompt else 1

    @torch.no_grad()
    def conditions(
        self, request: GenerationRequest, prompts: Sequence[str], applied: Sequence[AppliedLoras]
    ) -> list[RowGroup]:
        rows: list[Conditions] = []
        for prompt, one in zip(prompts, applied, strict=True):
            with self._hooks.applying(one.loras.additions):
                texts = [request.negative_prompt, prompt][-self.rows(request) :]
                rows += [self._row(request, text) for text in texts]
        return grouped(rows)

    def _row(self, request: GenerationRequest, text: str) -> Conditions:
        tokens = self.TOKENS(text)
        embeds, pooled, _ = self._pipeline.encode_prompt(text, max_sequence_length=tokens)
        device, dtype = embeds.device, embeds.dtype
        ids = self._pipeline._prepare_latent_image_ids(1, *self._grid(request), device, dtype)
        return Conditions(
            embeds,
            {
                "pooled_projections": pooled,
                "img_ids": ids[None],
                "txt_ids": torch.zeros(1, tokens, 3, device=device, dtype=dtype),
                "guidance": torch.full((1,), request.guidance_scale, device=device),
            },
        )

    def _grid(self, request: GenerationRequest) -> tuple[int, int]:
        """Tokens of the picture, down and across: each is two latents high and wide."""
        side = 2 * self._pipeline.vae_scale_factor
        return request.height // side, request.width // side

    def key(self, request: GenerationRequest, conditions: Sequence[Conditions]) -> Hashable:
        """The size: the transformer takes the places of one row for all, and 16 x 64 has as many tokens as 32 x 32."""
        return request.height, request.width

    def scheduler(self, request: GenerationRequest) -> Any:
        config = self._pipeline.scheduler.config
        scheduler = FlowMatchEulerDiscreteScheduler.from_config(config)
        down, across = self._grid(request)
        mu = calculate_shift(down * across, 256, 4096, config.base_shift, config.max_shift)
        scheduler.set_timesteps(sigmas=np.linspace(1.0, 1 / request.steps, request.steps), mu=mu, device="cpu")
        scheduler.set_begin_index(0)
        return scheduler

    def starting_latents(
        self,
        request: GenerationRequest,
        scheduler: Any,
        source: Image.Image | None,
        generators: Sequence[torch.Generator],
    ) -> tuple[torch.Tensor, torch.Tensor]:
        channels, dtype = self._pipeline.transformer.config.in_channels // 4, self._pipeline.transformer.dtype
        latents, _ = self._pipeline.prepare_latents(
            request.count, channels, request.height, request.width, dtype, self._residence.device, generators
        )
        return latents, scheduler.timesteps

    def forward(self, latents: torch.Tensor, timesteps: torch.Tensor, conditions: Conditions) -> torch.Tensor:
        others = conditions.others
        return self._pipeline.transformer(
            latents, encoder_hidden_states=conditions.prompt_embeds, timestep=timesteps.to(latents.dtype) / 1000,
            pooled_projections=others["pooled_projections"], guidance=others["guidance"],
            img_ids=others["img_ids"][0], txt_ids=others["txt_ids"][0], return_dict=False,
        )[0]  # fmt: skip

    def guided(self, request: GenerationRequest, model_output: torch.Tensor) -> torch.Tensor:
        if self.rows(request) == 1:
            return model_output
        negative, positive = model_output[0::2], model_output[1::2]
        return negative + TRUE_CFG * (positive - negative)

    def pred_original_sample(
        self,
        request: GenerationRequest,
        scheduler: Any,
        model_output: torch.Tensor,
        timestep: float,
        sample: torch.Tensor,
    ) -> torch.Tensor:
        return self.unpacked(request, sample - timestep / 1000 * model_output)

    def unpacked(self, request: GenerationRequest, latents: torch.Tensor) -> torch.Tensor:
        """Latents (pictures, channels, h, w) of packed ones (pictures, tokens, 4 x channels)."""
        factor = self._pipeline.vae_scale_factor
        return self._pipeline._unpack_latents(latents, request.height, request.width, factor)

    def encodings(
        self, request: GenerationRequest, prompts: Sequence[str], applied: Sequence[AppliedLoras]
    ) -> Sequence[Encoding]:
        return ()

    def decode(self, request: GenerationRequest, latents: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        self._residence.onload("vae")
        return decode(self._pipeline, [self.unpacked(request, each) for each in latents])


def words(text: str) -> int:
    """The tokens of a text, of a model that pads none."""
    return 4 + len(text.split())


class RaggedFamily(FluxFamily):
    """As a model whose texts have other lengths, also those of one request."""

    TOKENS: ClassVar[Callable[[str], int]] = staticmethod(words)


@dataclass
class FluxWorld(SingleRequestWorld):
    """A tiny Flux in the shared batch, in double precision."""

    base: Any = FLUX
    kind: type[FluxFamily] = FluxFamily

    def engine(self, *, small: int = SMALL_LAYER_RANK, places: int | None = 8) -> Engine:
        """A fresh engine; with `small` 0 all layers get additions, as those of real checkpoints do."""
        store, pipeline = CheckpointStore((self.spec,), CPU), copy.deepcopy(pipeline_of(FLUX)).to(torch.float64)
        pipeline.scheduler = SHIFTED
        checkpoint = Checkpoint.of(self.spec, pipeline, kind=self.kind)
        checkpoint.hooks.small = small
        store.hold(checkpoint)
        return Engine(store, self, Matcher((self.spec,)), Options(places=places))

    def reference(
        self, made: GenerationRequest, uses: Sequence[LoraUse] | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Packed latents and pictures of diffusers' own pipeline alone, with the LoRAs in its weights."""
        applied = [(self.files[use.sha256].tensors, use.weight) for use in (made.loras if uses is None else uses)]
        pipeline, seen = merged(FLUX, *applied, dtype=torch.float64), list[torch.Tensor]()
        pipeline.scheduler = FlowMatchEulerDiscreteScheduler.from_config(SHIFTED.config)

        def look(_: Any, step: int, time: Any, values: dict[str, torch.Tensor]) -> dict[str, Any]:
            seen.append(values["latents"])
            return {}

        encode = pipeline.encode_prompt

        def encoded(prompt: str, num_images_per_prompt: int, **_: Any) -> Any:
            return encode(
                prompt, max_sequence_length=self.kind.TOKENS(prompt), num_images_per_prompt=num_images_per_prompt
            )

        vars(pipeline)["encode_prompt"] = encoded
        pictures = pipeline(
            made.full_prompt, negative_prompt=made.negative_prompt or None, true_cfg_scale=TRUE_CFG, width=made.width,
            height=made.height, num_inference_steps=made.steps, guidance_scale=made.guidance_scale,
            num_images_per_prompt=made.count, output_type="pt", callback_on_step_end=look,
            generator=[torch.Generator("cpu").manual_seed(seed) for seed in made.seeds],
        ).images  # fmt: skip
        return seen[-1], pictures
