"""What families of diffusion transformers share: flow matching, and guidance by a row of the negative prompt."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, ClassVar
from unicodedata import normalize

import torch

from inference.capabilities import capability_of
from inference.engine.devices.offloading import Residence
from inference.engine.layers.lora_set import AppliedLoras
from inference.engine.models.decode import decode, decode_bytes
from inference.engine.models.embedding_cache import Encoding
from inference.engine.models.families.family import Conditions, classifier_free
from inference.engine.models.flow import FlowSchedule
from inference.engine.models.pred_original_sample import pred_original_sample
from inference.engine.models.text_embeddings import TextEmbeddings
from inference.messages.checkpoints import CheckpointSpec, PredictionType
from inference.messages.request import GenerationRequest
from inference.picture_costs import TRANSFORMER_COSTS


def bytes_of(text: str) -> int:
    """Tokens of a text, at most, for tokenizers whose tokens are bytes or several of them."""
    return len(normalize("NFC", text).encode(errors="replace"))


class TransformerFamily:
    """The base of such families; see `ModelFamily`. The rows of a guided slot are [negative prompt, prompt].

    `NO_NEGATIVE` is the text that guides away where no negative prompt is given.
    """

    DENOISER: ClassVar[str] = "transformer"
    WIDE_RANGE: ClassVar[bool] = True
    NO_NEGATIVE: ClassVar[str] = ""

    _embeddings: TextEmbeddings  # made by each family, which knows its encoders
    _schedule: FlowSchedule

    def __init__(self, spec: CheckpointSpec, pipeline: Any, residence: Residence) -> None:
        capability = capability_of(spec.base_model)
        assert capability is not None, "a base model with a family is in the table"
        self.capability = capability
        self._cost = TRANSFORMER_COSTS[spec.base_model.architecture]
        self._name = spec.name
        self._pipeline = pipeline
        self._residence = residence

    @property
    def predicts(self) -> PredictionType | None:
        """See `ModelFamily.predicts`."""
        return None

    def notes(self, request: GenerationRequest) -> tuple[str, ...]:
        """See `ModelFamily.notes`."""
        return ()

    def rows(self, request: GenerationRequest) -> int:
        """See `ModelFamily.rows`."""
        return self.capability.rows(request.guidance_scale)

    @property
    def _side(self) -> int:
        """Pixels on a side of what the transformer takes as one token: two latents."""
        return 2 * int(self._pipeline.vae_scale_factor)

    def _grid(self, request: GenerationRequest) -> tuple[int, int]:
        """Tokens of the picture, down and across; what is left at an edge is cut off."""
        return request.height // self._side, request.width // self._side

    @property
    def _width(self) -> int:
        """Numbers of a token inside of the network."""
        config = self._pipeline.transformer.config
        return config.num_attention_heads * config.attention_head_dim

    def key(self, request: GenerationRequest, conditions: Sequence[Conditions]) -> Hashable:
        """The grid of tokens: transformers take the positions of one row for all."""
        return self._grid(request)

    def scheduler(self, request: GenerationRequest) -> Any:
        """See `ModelFamily.scheduler`."""
        down, across = self._grid(request)
        return self._schedule.scheduler(request, down * across)

    def pass_numbers(self, request: GenerationRequest) -> int:
        """See `ModelFamily.pass_numbers`."""
        down, across = self._grid(request)
        texts = [text for prompt in request.slot_prompts for text in self._texts_of_slot(request, prompt)]
        tokens = sum(down * across + self._most_tokens(text) for text in texts)
        return self._cost.pass_numbers(tokens, self._width)

    @property
    def _text_tokens(self) -> int:
        """Tokens of a text, at most."""
        return self._cost.text_tokens

    def _most_tokens(self, text: str) -> int:
        """Tokens of this text, at most: those of all where texts are filled up to one length."""
        return self._text_tokens

    def decode_bytes(self, pixels: int) -> int:
        """See `ModelFamily.decode_bytes`."""
        return decode_bytes(self._pipeline.vae, pixels)

    def encodings(
        self, request: GenerationRequest, prompts: Sequence[str], applied: Sequence[AppliedLoras]
    ) -> list[Encoding]:
        """See `ModelFamily.encodings`."""
        return self._embeddings.encodings(self._texts(request, prompts, applied))

    def _texts(
        self, request: GenerationRequest, prompts: Sequence[str], applied: Sequence[AppliedLoras]
    ) -> list[tuple[str, AppliedLoras]]:
        """The text of each row, with its LoRAs."""
        slots = zip(prompts, applied, strict=True)
        return [(text, one) for prompt, one in slots for text in self._texts_of_slot(request, prompt)]

    def _texts_of_slot(self, request: GenerationRequest, prompt: str) -> list[str]:
        """The texts of the rows of a slot with this prompt."""
        return [request.negative_prompt or self.NO_NEGATIVE, prompt][-self.rows(request) :]

    def guided(self, request: GenerationRequest, model_output: torch.Tensor) -> torch.Tensor:
        """See `ModelFamily.guided`."""
        return model_output if self.rows(request) == 1 else classifier_free(request, model_output)

    def pred_original_sample(
        self,
        request: GenerationRequest,
        scheduler: Any,
        model_output: torch.Tensor,
        timestep: float,
        sample: torch.Tensor,
    ) -> torch.Tensor:
        """See `ModelFamily.pred_original_sample`."""
        return self._unpacked(request, pred_original_sample(scheduler, model_output, timestep, sample))

    def decode(self, request: GenerationRequest, latents: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """See `ModelFamily.decode`."""
        self._residence.onload("vae")
        unpacked = [self._unpacked(request, each) for each in latents]
        return decode(self._pipeline, unpacked, may_tile=not request.exact)

    def _unpacked(self, request: GenerationRequest, latents: torch.Tensor) -> torch.Tensor:
        """Latents (pictures, channels, h, w) of those that the denoiser takes."""
        return latents
