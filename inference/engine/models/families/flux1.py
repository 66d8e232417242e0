"""The family of Flux.1: a transformer over text and packed latents, whose guidance is an input of the network.

It paints as diffusers' pipelines do. dev, Krea and Kontext take guidance as an input, schnell has none; no second row
is needed, and so there is no negative prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import torch
from diffusers import FluxImg2ImgPipeline
from PIL import Image

from inference.engine.devices.devices import HOST
from inference.engine.devices.offloading import Residence
from inference.engine.devices.transfers import upload
from inference.engine.layers.layer_hooks import LayerHooks
from inference.engine.layers.lora_set import AppliedLoras
from inference.engine.models.embedding_cache import EmbeddingCache
from inference.engine.models.families.family import Conditions, RowGroup
from inference.engine.models.families.transformer import TransformerFamily
from inference.engine.models.fast_paths import KeptRotary
from inference.engine.models.flow import FlowSchedule, begin, for_noising
from inference.engine.models.soundness import Unsound, other_model
from inference.engine.models.text_embeddings import TextEmbeddings, pooled_by_clip, states_of
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.request import GenerationRequest

_PATCH = 2  # latents on each side of one token
_SCHNELL_TOKENS = 256  # of every text
_AXES = 3  # of a token's position; texts have zeros, pictures row and column in the last two


class Flux1Family(TransformerFamily):
    """See `ModelFamily`. Latents are packed: (pictures, tokens, 4 · channels).

    The conditions are named as the transformer's inputs: `pooled_projections` (rows, width), `img_ids` (rows, tokens,
    3), and `guidance` (rows,) where it takes one.
    """

    def __init__(
        self, spec: CheckpointSpec, pipeline: Any, hooks: LayerHooks, residence: Residence, embeddings: EmbeddingCache
    ) -> None:
        super().__init__(spec, pipeline, residence)
        self._takes_guidance = bool(pipeline.transformer.config.guidance_embeds)
        self._schedule = FlowSchedule(pipeline.scheduler.config)
        hooks.mark_prompt_layers([pipeline.transformer.context_embedder])
        self._rotary = KeptRotary.of(pipeline.transformer)
        self._rotaries: WeakKeyDictionary[Conditions, tuple[torch.Tensor, torch.Tensor]] = WeakKeyDictionary()
        encode = {"text_encoder": self._pooled, "text_encoder_2": self._states}
        self._embeddings = TextEmbeddings(encode, hooks, residence, embeddings)

    @staticmethod
    def refuse_other_kinds(pipeline: Any, label: str) -> None:
        """See `ModelFamily.refuse_other_kinds`."""
        config, packed = pipeline.transformer.config, _PATCH**2 * pipeline.vae.config.latent_channels
        if config.in_channels != packed:
            kind = "for inpainting or editing" if config.in_channels > packed else "another model's"
            taken = f"takes {config.in_channels} channels, and packed latents have {packed}"
            raise Unsound(f"its transformer {taken}: it is {kind}; take another one")
        if not (pipeline.text_encoder and pipeline.text_encoder_2):
            raise Unsound("one of its two text encoders is missing; get another copy of it")
        given = (pipeline.text_encoder_2.config.d_model, pipeline.text_encoder.config.hidden_size)
        if (config.joint_attention_dim, config.pooled_projection_dim) != given:
            raise other_model("transformer", label)

    @property
    def _text_tokens(self) -> int:
        """Padding is read like words, so other lengths than those of training would change pictures."""
        return super()._text_tokens if self._takes_guidance else _SCHNELL_TOKENS

    def conditions(
        self, request: GenerationRequest, prompts: Sequence[str], applied: Sequence[AppliedLoras]
    ) -> list[RowGroup]:
        """See `ModelFamily.conditions`."""
        rows = [self._embeddings.embed(prompt, one) for prompt, one in zip(prompts, applied, strict=True)]
        prompt_embeds = torch.cat([row["text_encoder_2"] for row in rows])
        device, dtype = prompt_embeds.device, prompt_embeds.dtype
        positions = upload(_positions(*self._grid(request)).to(dtype), device)
        others = {
            "pooled_projections": torch.cat([row["text_encoder"] for row in rows]),
            "img_ids": positions.expand(len(rows), -1, -1),
        }
        if self._takes_guidance:
            others["guidance"] = torch.full((len(rows),), request.guidance_scale, device=device)
        return [RowGroup(tuple(range(len(rows))), Conditions(prompt_embeds, others))]

    def _pooled(self, text: str) -> torch.Tensor:
        pipeline = self._pipeline
        return pooled_by_clip(pipeline.text_encoder, pipeline.tokenizer, text, self._residence.device)

    def _states(self, text: str) -> torch.Tensor:
        pipeline, device = self._pipeline, self._residence.device
        return states_of(pipeline.text_encoder_2, pipeline.tokenizer_2, text, self._text_tokens, device)

    def starting_latents(
        self,
        request: GenerationRequest,
        scheduler: Any,
        source: Image.Image | None,
        generators: Sequence[torch.Generator],
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """See `ModelFamily.starting_latents`."""
        if source is not None and request.image is not None:
            times = begin(scheduler, request.steps, request.image.strength)
            return self._latents_of(source, times, scheduler, generators), times
        times, transformer = begin(scheduler, request.steps, None), self._pipeline.transformer
        latents, _ = self._pipeline.prepare_latents(
            request.count, transformer.config.in_channels // _PATCH**2, request.height, request.width,
            transformer.dtype, HOST, [*generators],
        )  # fmt: skip
        return upload(latents, self._residence.device), times

    def _latents_of(
        self,
        source: Image.Image,
        times: torch.Tensor,
        scheduler: Any,
        generators: Sequence[torch.Generator],
    ) -> torch.Tensor:
        """Latents of a picture with the noise of the first of `times`; each picture draws by its generator alone."""
        pipeline: Any = FluxImg2ImgPipeline(**self._pipeline.components)
        pipeline.scheduler = for_noising(scheduler)
        self._residence.onload("vae")
        channels, device = pipeline.transformer.config.in_channels // _PATCH**2, self._residence.device
        pixels = pipeline.image_processor.preprocess(source)
        height, width = pixels.shape[-2:]
        each = [
            pipeline.prepare_latents(
                pixels, times[:1], 1, channels, height, width, pipeline.vae.dtype, device, generator
            )[0]
            for generator in generators
        ]  # fmt: skip
        return torch.cat(each).to(self._pipeline.transformer.dtype)

    def forward(self, latents: torch.Tensor, timesteps: torch.Tensor, conditions: Conditions) -> torch.Tensor:
        """See `ModelFamily.forward`."""
        embeds, others = conditions.prompt_embeds, conditions.others
        words = embeds.new_zeros(embeds.shape[1], _AXES)
        if conditions not in self._rotaries:
            self._rotaries[conditions] = self._rotary.computed(torch.cat([words, others["img_ids"][0]]))
        self._rotary.kept = self._rotaries[conditions]
        return self._pipeline.transformer(
            latents, encoder_hidden_states=embeds, timestep=timesteps.to(latents.dtype) / 1000,
            pooled_projections=others["pooled_projections"], guidance=others.get("guidance"), img_ids=words[:0],
            txt_ids=words[:0], return_dict=False,
        )[0]  # fmt: skip

    def _unpacked(self, request: GenerationRequest, latents: torch.Tensor) -> torch.Tensor:
        """Latents (pictures, channels, h, w) of packed ones."""
        down, across = self._grid(request)
        tokens = latents.unflatten(1, (down, across)).unflatten(3, (-1, _PATCH, _PATCH))
        return tokens.permute(0, 3, 1, 4, 2, 5).flatten(4).flatten(2, 3)


def _positions(down: int, across: int) -> torch.Tensor:
    """The positions (tokens, 3) of a picture's tokens, row after row."""
    rows, columns = torch.meshgrid(torch.arange(down), torch.arange(across), indexing="ij")
    return torch.stack([torch.zeros_like(rows), rows, columns], dim=-1).flatten(0, 1)
