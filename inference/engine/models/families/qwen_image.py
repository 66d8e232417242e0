"""The family of Qwen-Image: a transformer with packed latents, guided by a row of the negative prompt.

It paints as diffusers' pipeline does, each text as long as it is. Guidance keeps the norm that the answer to the prompt
has at each token.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from diffusers import QwenImageImg2ImgPipeline
from PIL import Image

from inference.engine.devices.devices import HOST
from inference.engine.devices.offloading import Residence
from inference.engine.devices.transfers import upload
from inference.engine.layers.layer_hooks import LayerHooks
from inference.engine.layers.lora_set import AppliedLoras
from inference.engine.models.embedding_cache import EmbeddingCache
from inference.engine.models.families.family import Conditions, RowGroup, grouped
from inference.engine.models.families.transformer import TransformerFamily, bytes_of
from inference.engine.models.fast_paths import QwenRotary, use_direct_attention
from inference.engine.models.flow import FlowSchedule, begin, for_noising
from inference.engine.models.soundness import other_model
from inference.engine.models.text_embeddings import TextEmbeddings
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.request import GenerationRequest

_ENCODER = "text_encoder"


class QwenImageFamily(TransformerFamily):
    """See `ModelFamily`. The two rows of a guided slot are [unguided, guided]; their texts may differ in length.

    The conditions hold, beside the embeddings, the tokens of the picture down and across (rows, 2), on the host.
    """

    NO_NEGATIVE: ClassVar[str] = " "  # its makers' advice

    def __init__(
        self, spec: CheckpointSpec, pipeline: Any, hooks: LayerHooks, residence: Residence, embeddings: EmbeddingCache
    ) -> None:
        super().__init__(spec, pipeline, residence)
        self._schedule = FlowSchedule(pipeline.scheduler.config, passes_to_solvers=True)
        use_direct_attention(pipeline.transformer)
        QwenRotary.of(pipeline.transformer)
        template = pipeline.tokenizer(pipeline.prompt_template_encode.format("")).input_ids
        self._template_tokens = len(template) - pipeline.prompt_template_encode_start_idx
        self._embeddings = TextEmbeddings({_ENCODER: self._encode}, hooks, residence, embeddings)

    @staticmethod
    def refuse_other_kinds(pipeline: Any, label: str) -> None:
        """See `ModelFamily.refuse_other_kinds`."""
        config, latents = pipeline.transformer.config, pipeline.vae.config.z_dim
        others = config.guidance_embeds or config.use_additional_t_cond or config.use_layer3d_rope
        if others or config.in_channels != 4 * latents:
            raise other_model("transformer", label)

    def conditions(
        self, request: GenerationRequest, prompts: Sequence[str], applied: Sequence[AppliedLoras]
    ) -> list[RowGroup]:
        """See `ModelFamily.conditions`."""
        others = {"grid": torch.tensor([self._grid(request)])}
        each = [self._embeddings.embed(text, one) for text, one in self._texts(request, prompts, applied)]
        return grouped([Conditions(embeds[_ENCODER], others) for embeds in each])

    def _most_tokens(self, text: str) -> int:
        return min(self._text_tokens, self._template_tokens + bytes_of(text))

    def _encode(self, text: str) -> torch.Tensor:
        """The embedding (1, tokens, width) of a text in the pipeline's template."""
        device = self._residence.device
        return self._pipeline.encode_prompt(text, device=device, max_sequence_length=self._text_tokens)[0]

    def starting_latents(
        self,
        request: GenerationRequest,
        scheduler: Any,
        source: Image.Image | None,
        generators: Sequence[torch.Generator],
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """See `ModelFamily.starting_latents`: (pictures, tokens, 4 x channels)."""
        pipeline, dtype, size = self._pipeline, self._pipeline.transformer.dtype, (request.height, request.width)
        channels = pipeline.transformer.config.in_channels // 4
        strength = None if source is None or request.image is None else request.image.strength
        times = begin(scheduler, request.steps, strength)
        if strength is None:
            latents = pipeline.prepare_latents(request.count, channels, *size, dtype, HOST, [*generators])
            return upload(latents, self._residence.device), times
        from_picture: Any = QwenImageImg2ImgPipeline(**pipeline.components)
        from_picture.scheduler = for_noising(scheduler)
        pixels = from_picture.image_processor.preprocess(source).repeat(request.count, 1, 1, 1)
        self._residence.onload("vae")
        with torch.no_grad():
            latents = from_picture.prepare_latents(
                pixels, times[:1].repeat(request.count), request.count, channels, *size, from_picture.vae.dtype,
                self._residence.device, [*generators],
            )  # fmt: skip
        return latents.to(dtype), times

    def forward(self, latents: torch.Tensor, timesteps: torch.Tensor, conditions: Conditions) -> torch.Tensor:
        """See `ModelFamily.forward`."""
        down, across = conditions.others["grid"][0].tolist()
        return self._pipeline.transformer(
            hidden_states=latents, timestep=timesteps.to(latents.dtype) / 1000,
            encoder_hidden_states=conditions.prompt_embeds, img_shapes=[[(1, down, across)]] * len(latents),
            attention_kwargs={}, return_dict=False,
        )[0]  # fmt: skip

    def guided(self, request: GenerationRequest, model_output: torch.Tensor) -> torch.Tensor:
        """See `ModelFamily.guided`."""
        guided = super().guided(request, model_output)
        if self.rows(request) == 1:
            return guided
        cond = model_output[1::2]
        return guided * (torch.norm(cond, dim=-1, keepdim=True) / torch.norm(guided, dim=-1, keepdim=True))

    def _unpacked(self, request: GenerationRequest, latents: torch.Tensor) -> torch.Tensor:
        """Latents (pictures, channels, h, w) of packed ones."""
        scale = self._pipeline.vae_scale_factor
        return self._pipeline._unpack_latents(latents, request.height, request.width, scale).squeeze(2)  # noqa: SLF001 (its only door)
