"""The family of Z-Image: a transformer over picture and text in one stream, guided by a row of the negative prompt.

It paints as diffusers' pipeline does. Latents are in single precision whatever the network's numbers are. Guidance is
`prompt + scale * (prompt - negative)`, so that 0 is none and 1 guides already, and the network's answer is negated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from diffusers import ZImageImg2ImgPipeline
from diffusers.pipelines.z_image.pipeline_z_image import get_default_z_image_sigmas
from PIL import Image
from torch.nn.functional import pad

from inference.engine.devices.devices import HOST
from inference.engine.devices.offloading import Residence
from inference.engine.devices.transfers import upload
from inference.engine.layers.layer_hooks import LayerHooks
from inference.engine.layers.lora_set import AppliedLoras
from inference.engine.models.decode import as_denoised, encoded
from inference.engine.models.embedding_cache import EmbeddingCache
from inference.engine.models.families.family import Conditions, RowGroup, grouped
from inference.engine.models.families.transformer import TransformerFamily, bytes_of
from inference.engine.models.fast_paths import use_direct_attention
from inference.engine.models.fast_z_image import FastZImage, filled_up
from inference.engine.models.flow import FlowSchedule, begin, for_noising
from inference.engine.models.sizes import refuse_size
from inference.engine.models.soundness import other_model
from inference.engine.models.text_embeddings import TextEmbeddings
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.request import GenerationRequest

_PATCH = "2-1"  # the patches that the pipeline asks for: two latents high and wide


class ZImageFamily(TransformerFamily):
    """See `ModelFamily`. The rows of a guided slot are [prompt, negative prompt].

    The conditions hold, beside the embeddings (rows, tokens, width), how many tokens each text has (rows,). Texts share
    a pass where the network would fill them up to the same length: then nothing is masked.
    """

    def __init__(
        self, spec: CheckpointSpec, pipeline: Any, hooks: LayerHooks, residence: Residence, embeddings: EmbeddingCache
    ) -> None:
        super().__init__(spec, pipeline, residence)
        self._hooks = hooks
        FastZImage.use(pipeline.transformer)
        use_direct_attention(pipeline.transformer)
        self._schedule = FlowSchedule(pipeline.scheduler.config, get_default_z_image_sigmas)
        template = pipeline.tokenizer.apply_chat_template(
            [{"role": "user", "content": ""}], tokenize=False, add_generation_prompt=True, enable_thinking=True
        )
        self._template_tokens = len(pipeline.tokenizer(template).input_ids)
        self._embeddings = TextEmbeddings({"text_encoder": self._encode}, hooks, residence, embeddings)

    @staticmethod
    def refuse_other_kinds(pipeline: Any, label: str) -> None:
        """See `ModelFamily.refuse_other_kinds`."""
        network, vae, encoder = pipeline.transformer, pipeline.vae, pipeline.text_encoder
        given = (vae.config.latent_channels, encoder.config.hidden_size, None)
        taken = (network.config.in_channels, network.config.cap_feat_dim, network.config.siglip_feat_dim)
        if taken != given or _PATCH not in network.all_x_embedder:
            raise other_model("transformer", label)

    @property
    def _width(self) -> int:
        return self._pipeline.transformer.config.dim

    def conditions(
        self, request: GenerationRequest, prompts: Sequence[str], applied: Sequence[AppliedLoras]
    ) -> list[RowGroup]:
        """See `ModelFamily.conditions`."""
        texts = self._texts(request, prompts, applied)
        return grouped([self._row(self._embeddings.embed(text, one)["text_encoder"]) for text, one in texts])

    def _texts_of_slot(self, request: GenerationRequest, prompt: str) -> list[str]:
        return [prompt, request.negative_prompt][: self.rows(request)]

    def _most_tokens(self, text: str) -> int:
        return min(self._text_tokens, filled_up(self._template_tokens + bytes_of(text)))

    def _encode(self, text: str) -> torch.Tensor:
        """The text in the pipeline's chat template, of which it reads 512 tokens at most."""
        (embeds,), _ = self._pipeline.encode_prompt(
            text, device=self._residence.device, do_classifier_free_guidance=False
        )
        return embeds[None]

    def _row(self, embeds: torch.Tensor) -> Conditions:
        tokens = embeds.shape[1]
        return Conditions(pad(embeds, (0, 0, 0, filled_up(tokens) - tokens)), {"tokens": torch.tensor([tokens])})

    def starting_latents(
        self,
        request: GenerationRequest,
        scheduler: Any,
        source: Image.Image | None,
        generators: Sequence[torch.Generator],
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """See `ModelFamily.starting_latents`. Raises InvalidRequest for a size that patches do not fill."""
        refuse_size(request, self._side, self._name)
        strength = None if request.image is None or source is None else request.image.strength
        times = begin(scheduler, request.steps, strength)
        if source is not None:
            return self._latents_of(source, times, scheduler, request, generators), times
        channels = self._pipeline.transformer.config.in_channels
        latents = self._pipeline.prepare_latents(
            request.count, channels, request.height, request.width, torch.float32, HOST, [*generators]
        )
        return upload(latents, self._residence.device), times

    @torch.no_grad()
    def _latents_of(
        self,
        source: Image.Image,
        times: torch.Tensor,
        scheduler: Any,
        request: GenerationRequest,
        generators: Sequence[torch.Generator],
    ) -> torch.Tensor:
        """Latents of a picture with the noise of the first of `times`; each picture draws by its generator alone."""
        pipeline: Any = ZImageImg2ImgPipeline(**self._pipeline.components)
        pipeline.scheduler = for_noising(scheduler)
        pixels, vae = pipeline.image_processor.preprocess(source), pipeline.vae
        self._residence.onload("vae")
        pixels = pixels.to(self._residence.device, vae.dtype)
        clean = as_denoised(torch.cat([encoded(vae, pixels, generator) for generator in generators]), vae.config)
        channels, dtype = pipeline.transformer.config.in_channels, pipeline.text_encoder.dtype
        noised = [
            pipeline.prepare_latents(
                each, times[:1], 1, channels, request.height, request.width, dtype, self._residence.device, generator
            )
            for each, generator in zip(clean.split(1), generators, strict=True)
        ]
        return torch.cat(noised).to(torch.promote_types(dtype, torch.float32))

    def forward(self, latents: torch.Tensor, timesteps: torch.Tensor, conditions: Conditions) -> torch.Tensor:
        """See `ModelFamily.forward`. The texts may have any lengths."""
        network, embeds = self._pipeline.transformer, conditions.prompt_embeds
        tokens: list[int] = conditions.others["tokens"].tolist()
        texts = [text[:length] for text, length in zip(embeds, tokens, strict=True)]
        pictures = [*latents.to(embeds.dtype).unsqueeze(2)]
        patches = latents.shape[-2] * latents.shape[-1] // 4
        in_line = {
            network.all_x_embedder[_PATCH]: [filled_up(patches)] * len(latents),
            network.cap_embedder[-1]: [filled_up(length) for length in tokens],
        }
        with self._hooks.row_lengths(in_line):
            found = network(pictures, (1000 - timesteps) / 1000, texts, return_dict=False)[0]
        return torch.stack(found).squeeze(2)

    def guided(self, request: GenerationRequest, model_output: torch.Tensor) -> torch.Tensor:
        """See `ModelFamily.guided`."""
        found = model_output.float()
        if self.rows(request) == 2:
            prompt, negative = found[0::2], found[1::2]
            found = prompt + request.guidance_scale * (prompt - negative)
        return -found

    def decode(self, request: GenerationRequest, latents: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """See `ModelFamily.decode`. As in the pipeline, latents are rounded before they are rescaled."""
        return super().decode(request, [each.to(self._pipeline.vae.dtype) for each in latents])
