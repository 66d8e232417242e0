"""The family of Anima: Cosmos' transformer, whose text embeddings a conditioner makes of Qwen3's states.

It paints as diffusers' modular pipeline does, the only one that there is. All texts are filled up to one length; they
are the input of cross-attention alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from diffusers.modular_pipelines.anima.encoders import AnimaTextEncoderStep
from diffusers.utils.torch_utils import randn_tensor
from PIL import Image

from inference.engine.devices.devices import HOST
from inference.engine.devices.offloading import Residence
from inference.engine.devices.transfers import upload
from inference.engine.layers.layer_hooks import LayerHooks
from inference.engine.layers.lora_set import AppliedLoras
from inference.engine.models.decode import as_denoised, encoded
from inference.engine.models.embedding_cache import EmbeddingCache
from inference.engine.models.families.family import Conditions, RowGroup, grouped
from inference.engine.models.families.transformer import TransformerFamily
from inference.engine.models.fast_paths import use_direct_attention
from inference.engine.models.flow import FlowSchedule, begin, for_noising
from inference.engine.models.sizes import refuse_size
from inference.engine.models.soundness import other_model
from inference.engine.models.text_embeddings import TextEmbeddings
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.request import GenerationRequest


class AnimaFamily(TransformerFamily):
    """See `ModelFamily`. The rows of a guided slot are [negative prompt, prompt]."""

    def __init__(
        self, spec: CheckpointSpec, pipeline: Any, hooks: LayerHooks, residence: Residence, embeddings: EmbeddingCache
    ) -> None:
        super().__init__(spec, pipeline, residence)
        self._schedule = FlowSchedule(pipeline.scheduler.config)
        use_direct_attention(pipeline.transformer)
        attentions = [block.attn2 for block in pipeline.transformer.transformer_blocks]
        hooks.mark_prompt_layers([layer for attention in attentions for layer in (attention.to_k, attention.to_v)])
        self._embeddings = TextEmbeddings({"text_encoder": self._encode}, hooks, residence, embeddings)

    @staticmethod
    def refuse_other_kinds(pipeline: Any, label: str) -> None:
        """See `ModelFamily.refuse_other_kinds`."""
        network, conditioner = pipeline.transformer.config, pipeline.text_conditioner.config
        taken = (network.in_channels, network.text_embed_dim, conditioner.source_dim, network.use_crossattn_projection)
        encoder = pipeline.text_encoder.config.hidden_size
        if taken != (pipeline.vae.config.z_dim, conditioner.target_dim, encoder, False):
            raise other_model("transformer", label)

    def conditions(
        self, request: GenerationRequest, prompts: Sequence[str], applied: Sequence[AppliedLoras]
    ) -> list[RowGroup]:
        """See `ModelFamily.conditions`."""
        texts = self._texts(request, prompts, applied)
        return grouped([Conditions(self._embeddings.embed(text, one)["text_encoder"]) for text, one in texts])

    def _encode(self, text: str) -> torch.Tensor:
        """Of each tokenizer 512 tokens at most are read."""
        pipeline, device = self._pipeline, self._residence.device
        read: Any = AnimaTextEncoderStep.encode_prompt(
            pipeline, text, prepare_unconditional_embeds=False, device=device
        )
        self._residence.onload("text_conditioner")
        embeds = pipeline.text_conditioner(
            source_hidden_states=read["qwen_prompt_embeds"].to(pipeline.text_conditioner.dtype),
            target_input_ids=read["t5_input_ids"],
            target_attention_mask=read["t5_attention_mask"],
            source_attention_mask=read["qwen_attention_mask"],
        )
        return embeds.to(pipeline.transformer.dtype)

    @torch.no_grad()
    def starting_latents(
        self,
        request: GenerationRequest,
        scheduler: Any,
        source: Image.Image | None,
        generators: Sequence[torch.Generator],
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """See `ModelFamily.starting_latents`. Raises InvalidRequest for a size that patches do not fill."""
        scale, network = self._pipeline.vae_scale_factor, self._pipeline.transformer
        refuse_size(request, self._side, self._name)
        strength = None if request.image is None or source is None else request.image.strength
        times = begin(scheduler, request.steps, strength)
        shape = (request.count, network.config.in_channels, request.height // scale, request.width // scale)
        noise: torch.Tensor = randn_tensor(shape, generator=[*generators], device=HOST, dtype=torch.float32)
        latents = upload(noise, self._residence.device)
        if source is not None:
            vae = self._pipeline.vae
            self._residence.onload("vae")
            pixels = self._pipeline.image_processor.preprocess(source, request.height, request.width)
            clean = as_denoised(encoded(vae, pixels.to(self._residence.device, vae.dtype)), vae.config).float()
            latents = for_noising(scheduler).scale_noise(clean, times[:1], latents)
        return latents.to(torch.promote_types(network.dtype, torch.float32)), times

    def forward(self, latents: torch.Tensor, timesteps: torch.Tensor, conditions: Conditions) -> torch.Tensor:
        """See `ModelFamily.forward`. The network knows videos: a picture is one frame, and none of it is padding."""
        embeds = conditions.prompt_embeds
        given = latents.to(embeds.dtype).unsqueeze(2)
        return self._pipeline.transformer(
            given, timesteps.to(embeds.dtype) / 1000, embeds,
            padding_mask=given.new_zeros(1, 1, *latents.shape[-2:]), return_dict=False,
        )[0].squeeze(2)  # fmt: skip

    def decode(self, request: GenerationRequest, latents: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """See `ModelFamily.decode`. As in the pipeline, latents are rounded before they are rescaled."""
        return super().decode(request, [each.to(self._pipeline.vae.dtype) for each in latents])
