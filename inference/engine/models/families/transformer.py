"""What families of diffusion transformers share: flow matching, and guidance by a row of the negative prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch

from inference.engine.devices.offloading import Residence
from inference.engine.layers.lora_set import AppliedLoras
from inference.engine.models.decode import decode
from inference.engine.models.embedding_cache import Encoding
from inference.engine.models.families.family import classifier_free
from inference.engine.models.flow import notes_of
from inference.engine.models.pred_original_sample import pred_original_sample
from inference.engine.models.text_embeddings import TextEmbeddings
from inference.messages.checkpoints import CheckpointSpec, PredictionType
from inference.messages.request import GenerationRequest


class TransformerFamily:
    """The base of such families; see `ModelFamily`. The rows of a guided slot are [negative prompt, prompt].

    `NO_NEGATIVE` is the text that guides away where no negative prompt is given.
    """

    DENOISER: ClassVar[str] = "transformer"
    WIDE_RANGE: ClassVar[bool] = True
    NO_NEGATIVE: ClassVar[str] = ""

    _embeddings: TextEmbeddings  # made by each family, which knows its encoders

    def __init__(self, spec: CheckpointSpec, pipeline: Any, residence: Residence) -> None:
        self._name = spec.name
        self._pipeline = pipeline
        self._residence = residence

    @property
    def predicts(self) -> PredictionType | None:
        """See `ModelFamily.predicts`."""
        return None

    def notes(self, request: GenerationRequest) -> tuple[str, ...]:
        """See `ModelFamily.notes`."""
        return notes_of(request, self._name)

    def rows(self, request: GenerationRequest) -> int:
        """See `ModelFamily.rows`."""
        return 2 if request.guidance_scale > 1 else 1

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
