"""The protocol of a model family: all that the running batch asks of an architecture.

Tensors are by *row* where the denoiser is called, and by picture elsewhere. A picture takes a *slot*, or several: one
for each of its regions (`GenerationRequest.slots`). A slot takes one row or several: with classifier-free guidance one
without the prompt and one with it. The rows of a run are counted slot after slot, picture after picture.

Runs with the same `key` share a batch. Its rows share a pass where their conditions have the same shapes: one pass for
each length of the text, for example, of which the rows of one slot may have several. Nothing is padded. The rows of one
pass are laid one behind another, so latents may have any shape that is the same for all runs of a batch.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import torch
from PIL import Image

from inference.capabilities import Capability
from inference.engine.devices.offloading import Residence
from inference.engine.layers.layer_hooks import LayerHooks
from inference.engine.layers.lora_set import AppliedLoras
from inference.engine.models.embedding_cache import EmbeddingCache, Encoding
from inference.messages.checkpoints import CheckpointSpec, PredictionType
from inference.messages.request import GenerationRequest


@dataclass(frozen=True, eq=False)
class Conditions:
    """The denoiser's inputs besides latents and timestep, by row. A pass has the same object in each step.

    `prompt_embeds` (rows, tokens, …) is the input of the prompt layers (`LayerHooks.mark_prompt_layers`); `others`
    (rows, …) are the family's own, by name. The rows of a pass have the same `shapes`.
    """

    prompt_embeds: torch.Tensor
    others: Mapping[str, torch.Tensor] = field(default_factory=dict[str, torch.Tensor])

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.prompt_embeds)

    @property
    def shapes(self) -> Hashable:
        """The shapes of a row."""
        others = sorted((name, tensor.shape[1:]) for name, tensor in self.others.items())
        return self.prompt_embeds.shape[1:], *others

    @classmethod
    def concatenated(cls, several: Sequence[Conditions]) -> Conditions:
        """The rows of all of `several`, in order."""
        others = {name: torch.cat([each.others[name] for each in several]) for name in several[0].others}
        return cls(torch.cat([each.prompt_embeds for each in several]), others)

    def split(self, rows: int) -> list[Conditions]:
        """Parts of so many rows each, in order."""
        parts = {name: tensor.split(rows) for name, tensor in self.others.items()}
        return [
            Conditions(prompt_embeds, {name: each[number] for name, each in parts.items()})
            for number, prompt_embeds in enumerate(self.prompt_embeds.split(rows))
        ]


@dataclass(frozen=True)
class RowGroup:
    """Rows of a run whose conditions have the same shapes, so that they share a pass.

    `places` are theirs among all rows of the run.
    """

    places: tuple[int, ...]
    conditions: Conditions


def grouped(rows: Sequence[Conditions]) -> list[RowGroup]:
    """The groups of all rows of a run, given the conditions of each."""
    places: dict[Hashable, list[int]] = {}
    for place, row in enumerate(rows):
        places.setdefault(row.shapes, []).append(place)
    return [RowGroup(tuple(own), Conditions.concatenated([rows[place] for place in own])) for own in places.values()]


def classifier_free(request: GenerationRequest, model_output: torch.Tensor) -> torch.Tensor:
    """What the request's guidance makes of the rows [unguided, guided] of each slot: (slots, …)."""
    unguided, guided = model_output[0::2], model_output[1::2]
    return unguided + request.guidance_scale * (guided - unguided)


class ModelFamily(Protocol):
    """Architectures whose denoiser is called in the same way; an instance serves one loaded checkpoint.

    `hooks` numbers the layers that LoRAs change; a text is encoded, and the prompt projected, under its additions.
    """

    DENOISER: ClassVar[str]  # the denoiser's name among the components of the pipeline
    WIDE_RANGE: ClassVar[bool]  # whether its numbers may exceed float16; bfloat16 is used where the device has it

    def __init__(
        self, spec: CheckpointSpec, pipeline: Any, hooks: LayerHooks, residence: Residence, embeddings: EmbeddingCache
    ) -> None:
        """Serve the checkpoint `spec`, opened as `pipeline`; what text encoders make is kept in `embeddings`.

        Raises OSError or ValueError for a checkpoint that it cannot serve.
        """
        ...

    @staticmethod
    def refuse_other_kinds(pipeline: Any, label: str) -> None:
        """Raise ValueError when the networks of `pipeline` are of another model than the base called `label`."""
        ...

    @property
    def capability(self) -> Capability:
        """What the checkpoint can be asked for, as it is loaded."""
        ...

    @property
    def predicts(self) -> PredictionType | None:
        """What the denoiser predicts, which LoRAs are matched with; None where there is no choice."""
        ...

    def notes(self, request: GenerationRequest) -> tuple[str, ...]:
        """Sentences for the person about options of the request that are ignored, beside those of `left_out`."""
        ...

    def rows(self, request: GenerationRequest) -> int:
        """Rows of each slot: 2 with classifier-free guidance, else 1."""
        ...

    def pass_numbers(self, request: GenerationRequest) -> int:
        """How many numbers are alive at once in a pass of all rows of the request; 0 where nobody has counted."""
        ...

    def decode_bytes(self, pixels: int) -> int:
        """How many bytes are alive at once while a picture of so many pixels is decoded; 0 where nobody has counted."""
        ...

    def conditions(
        self, request: GenerationRequest, prompts: Sequence[str], applied: Sequence[AppliedLoras]
    ) -> Sequence[RowGroup]:
        """The conditions of all rows; each slot has its prompt and its LoRAs `applied`, picture after picture.

        Each row is in one group.
        """
        ...

    def encodings(
        self, request: GenerationRequest, prompts: Sequence[str], applied: Sequence[AppliedLoras]
    ) -> Sequence[Encoding]:
        """What `conditions` of the same will ask `embeddings` for, so that it can be made beforehand."""
        ...

    def key(self, request: GenerationRequest, conditions: Sequence[Conditions]) -> Hashable:
        """What runs that share a batch have in common: at least all that the shape of latents depends on.

        `conditions` are those of the run's groups. Runs of a batch may have groups of other shapes, in passes of their
        own.
        """
        ...

    def scheduler(self, request: GenerationRequest) -> Any:
        """A new scheduler of diffusers for one request, with its timesteps set.

        They are on the CPU: the loop reads them, and nothing should have to be read back from a device.
        """
        ...

    def starting_latents(
        self,
        request: GenerationRequest,
        scheduler: Any,
        source: Image.Image | None,
        generators: Sequence[torch.Generator],
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Latents (pictures, …) and the timesteps to denoise them at: from noise, or from the picture `source`.

        The scheduler is made ready for the first of them. All steps keep the dtype of these latents.
        """
        ...

    def forward(self, latents: torch.Tensor, timesteps: torch.Tensor, conditions: Conditions) -> torch.Tensor:
        """One pass of the denoiser: its output (rows, …), shaped as `latents`. `timesteps` (rows,) are schedulers'."""
        ...

    def guided(self, request: GenerationRequest, model_output: torch.Tensor) -> torch.Tensor:
        """The output (slots, …) that the scheduler takes, of the denoiser's (rows, …): of all rows, in their order."""
        ...

    def pred_original_sample(
        self,
        request: GenerationRequest,
        scheduler: Any,
        model_output: torch.Tensor,
        timestep: float,
        sample: torch.Tensor,
    ) -> torch.Tensor:
        """The denoised latents (pictures, channels, h, w) that a step predicts, for previews.

        `sample` is what the denoiser was given, `model_output` what `guided` made of its answer.
        """
        ...

    def decode(self, request: GenerationRequest, latents: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Pictures (pictures, 3, height, width) in 0..1 of each of `latents`, which share the key of `request`.

        NaN where the decoder's output is not finite.
        """
        ...
