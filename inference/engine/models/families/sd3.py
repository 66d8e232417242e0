"""The family of Stable Diffusion 3 and 3.5: a transformer, guided by a second row without the prompt."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import diffusers
import torch
from PIL import Image
from torch.nn.functional import pad

from inference.engine.devices.devices import HOST
from inference.engine.devices.offloading import Residence
from inference.engine.devices.transfers import upload
from inference.engine.layers.layer_hooks import LayerHooks
from inference.engine.layers.lora_set import AppliedLoras
from inference.engine.models.embedding_cache import EmbeddingCache, Encoded
from inference.engine.models.families.family import Conditions, RowGroup
from inference.engine.models.families.transformer import TransformerFamily
from inference.engine.models.fast_paths import use_direct_attention
from inference.engine.models.flow import FlowSchedule, begin, for_noising
from inference.engine.models.sizes import refuse_size
from inference.engine.models.soundness import other_model
from inference.engine.models.text_embeddings import TextEmbeddings
from inference.errors import InvalidRequest
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.request import GenerationRequest

CLIP_TOKENS = 77  # of every prompt, padded; those of T5 stand behind them
_CLIPS, _T5 = ("text_encoder", "text_encoder_2"), "text_encoder_3"


class SD3Family(TransformerFamily):
    """See `ModelFamily`. The two rows of a guided slot are [unguided, guided]; all texts have the same length."""

    def __init__(
        self, spec: CheckpointSpec, pipeline: Any, hooks: LayerHooks, residence: Residence, embeddings: EmbeddingCache
    ) -> None:
        super().__init__(spec, pipeline, residence)
        self._schedule = FlowSchedule(pipeline.scheduler.config, ramp=None, max_shift=1.16)
        hooks.mark_prompt_layers([pipeline.transformer.context_embedder])
        use_direct_attention(pipeline.transformer)
        encode: dict[str, Callable[[str], Encoded]] = {
            name: partial(self._clip, number) for number, name in enumerate(_CLIPS)
        }
        if pipeline.text_encoder_3 is not None:
            encode[_T5] = self._t5
        self._embeddings = TextEmbeddings(encode, hooks, residence, embeddings)

    @staticmethod
    def refuse_other_kinds(pipeline: Any, label: str) -> None:
        """See `ModelFamily.refuse_other_kinds`."""
        config = pipeline.transformer.config
        pooled = sum(getattr(pipeline, name).config.projection_dim for name in _CLIPS)
        latents = pipeline.vae.config.latent_channels
        if (config.in_channels, config.pooled_projection_dim) != (latents, pooled):
            raise other_model("transformer", label)

    def conditions(
        self, request: GenerationRequest, prompts: Sequence[str], applied: Sequence[AppliedLoras]
    ) -> list[RowGroup]:
        """See `ModelFamily.conditions`: one group."""
        rows = [self._embeddings.embed_all(text, one) for text, one in self._texts(request, prompts, applied)]
        pooled = torch.cat([torch.cat([row[name]["pooled"] for name in _CLIPS], dim=-1) for row in rows])
        prompt_embeds = torch.cat([self._prompt_embeds(row) for row in rows])
        return [RowGroup(tuple(range(len(rows))), Conditions(prompt_embeds, {"pooled_projections": pooled}))]

    def _clip(self, number: int, text: str) -> Encoded:
        device = self._residence.device
        found = self._pipeline._get_clip_prompt_embeds(text, device=device, clip_model_index=number)  # noqa: SLF001 (one encoder alone)
        return dict(zip(("states", "pooled"), found, strict=True))

    def _t5(self, text: str) -> Encoded:
        length, device = self._text_tokens - CLIP_TOKENS, self._residence.device
        return {"states": self._pipeline._get_t5_prompt_embeds(text, max_sequence_length=length, device=device)}  # noqa: SLF001 (likewise)

    def _prompt_embeds(self, row: Mapping[str, Encoded]) -> torch.Tensor:
        """As diffusers: the states of both CLIPs side by side, widened with zeros, and those of T5 behind them."""
        clips = torch.cat([row[name]["states"] for name in _CLIPS], dim=-1)
        width = int(self._pipeline.transformer.config.joint_attention_dim)
        t5 = row[_T5]["states"] if _T5 in row else clips.new_zeros(1, self._text_tokens - CLIP_TOKENS, width)
        return torch.cat([pad(clips, (0, width - clips.shape[-1])), t5], dim=-2)

    @property
    def _side(self) -> int:
        return int(self._pipeline.vae_scale_factor) * int(self._pipeline.transformer.config.patch_size)

    def starting_latents(
        self,
        request: GenerationRequest,
        scheduler: Any,
        source: Image.Image | None,
        generators: Sequence[torch.Generator],
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """See `ModelFamily.starting_latents`. Raises InvalidRequest for a size."""
        self._refuse_size(request)
        pipeline, device, dtype = self._pipeline, self._residence.device, self._pipeline.transformer.dtype
        strength = None if source is None or request.image is None else request.image.strength
        times = begin(scheduler, request.steps, strength)
        if strength is None:
            channels = pipeline.transformer.config.in_channels
            latents = pipeline.prepare_latents(
                request.count, channels, request.height, request.width, dtype, HOST, list(generators)
            )
            return upload(latents, device), times
        from_picture = self._img2img_pipeline()
        from_picture.scheduler = for_noising(scheduler)
        pixels = from_picture.image_processor.preprocess(source).repeat(request.count, 1, 1, 1)
        self._residence.onload("vae")
        first = times[:1].repeat(request.count)
        encoded = from_picture.vae.dtype
        latents = from_picture.prepare_latents(pixels, first, request.count, 1, encoded, device, list(generators))
        return latents.to(dtype), times

    def _refuse_size(self, request: GenerationRequest) -> None:
        refuse_size(request, self._side, self._name)
        most = self._side * int(self._pipeline.transformer.config.pos_embed_max_size)
        if max(request.height, request.width) > most:
            problem = f"is more than {self._name} has places for: {most} pixels on a side"
            raise InvalidRequest(what=f"A size of {request.width} by {request.height}", problem=problem)

    def _img2img_pipeline(self) -> Any:
        """The image-to-image pipeline, made of the loaded networks."""
        assert self.capability.from_picture is not None, "all of this family begin with pictures"
        pipeline = getattr(diffusers, self.capability.from_picture)(**self._pipeline.components)
        pipeline.set_progress_bar_config(disable=True)
        return pipeline

    def forward(self, latents: torch.Tensor, timesteps: torch.Tensor, conditions: Conditions) -> torch.Tensor:
        """See `ModelFamily.forward`."""
        return self._pipeline.transformer(
            hidden_states=latents, timestep=timesteps, encoder_hidden_states=conditions.prompt_embeds,
            pooled_projections=conditions.others["pooled_projections"], return_dict=False,
        )[0]  # fmt: skip
