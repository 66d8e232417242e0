"""The protocol of a model family: all that the running batch asks of an architecture.

Tensors are by *row* where the denoiser is called, and by picture elsewhere. A picture takes a *slot*, or several: one
for each of its regions (`GenerationRequest.slots`). A slot takes one row or several: with classifier-free guidance one
without the prompt and one with it. The rows of one pass are laid one behind another, so latents may have any shape that
is the same for all of them.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import torch
from PIL import Image

from inference.engine.devices.offloading import Residence
from inference.engine.layers.layer_hooks import LayerHooks
from inference.engine.layers.lora_set import AppliedLoras
from inference.messages import CheckpointSpec, GenerationRequest, PredictionType


@dataclass(frozen=True)
class Conditions:
    """The denoiser's inputs besides latents and timestep, by row.

    `prompt_embeds` (rows, tokens, …) is the input of the prompt layers (`LayerHooks.mark_prompt_layers`); `others`
    (rows, …) are the family's own, by name.
    """

    prompt_embeds: torch.Tensor
    others: Mapping[str, torch.Tensor] = field(default_factory=dict[str, torch.Tensor])

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.prompt_embeds)

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


class ModelFamily(Protocol):
    """Architectures whose denoiser is called in the same way; an instance serves one loaded checkpoint.

    `hooks` numbers the layers that LoRAs change; a text is encoded, and the prompt projected, under its additions.
    """

    DENOISER: ClassVar[str]  # the denoiser's name among the components of the pipeline
    WIDE_RANGE: ClassVar[bool]  # whether its numbers may exceed float16; bfloat16 is used where the device has it

    def __init__(
        self, spec: CheckpointSpec, pipeline: Any, hooks: LayerHooks, residence: Residence, embedding_bytes: int
    ) -> None:
        """Serve the checkpoint `spec`, opened as `pipeline`; up to `embedding_bytes` of embeddings are cached.

        Raises OSError or ValueError for a checkpoint that it cannot serve.
        """
        ...

    @staticmethod
    def refuse_other_kinds(pipeline: Any, label: str) -> None:
        """Raise ValueError when the networks of `pipeline` are of another model than the base called `label`."""
        ...

    @property
    def predicts(self) -> PredictionType | None:
        """What the denoiser predicts, which LoRAs are matched with; None where there is no choice."""
        ...

    def notes(self, request: GenerationRequest) -> tuple[str, ...]:
        """Sentences for the person about options of the request that are ignored."""
        ...

    def rows(self, request: GenerationRequest) -> int:
        """Rows of each slot: 2 with classifier-free guidance, else 1."""
        ...

    def prompt_length(self, request: GenerationRequest, prompt: str) -> int:
        """The length of the conditions of a slot with this prompt: slots of different length share no pass."""
        ...

    def conditions(
        self, request: GenerationRequest, prompts: Sequence[str], applied: Sequence[AppliedLoras]
    ) -> Conditions:
        """The conditions of all rows, slot after slot; each has a prompt, all of one length, and LoRAs `applied`."""
        ...

    def key(self, request: GenerationRequest, conditions: Conditions) -> Hashable:
        """What requests that share a pass have in common: at least all that shapes depend on."""
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
        """The output (slots, …) that the scheduler takes, of the denoiser's (rows, …)."""
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

    def forget_prompts(self) -> None:
        """Drop the embeddings that are cached on the device."""
        ...

    def decode(self, request: GenerationRequest, latents: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Pictures (pictures, 3, height, width) in 0..1 of each of `latents`, which share the key of `request`.

        NaN where the decoder's output is not finite.
        """
        ...
