"""Text encoders by turns: where they do not fit beside the denoiser, one that comes encodes for all who wait."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress

from inference.engine.intake.intake import PreparedRequest
from inference.engine.intake.lora_set_cache import LoraSetCache
from inference.engine.layers.lora_set import AppliedLoras
from inference.engine.models.checkpoints import Checkpoint
from inference.errors import InferenceError
from inference.messages.request import GenerationRequest


def encode_waiting(
    checkpoint: Checkpoint,
    request: GenerationRequest,
    applied: Sequence[AppliedLoras],
    waiting: Iterable[tuple[GenerationRequest, PreparedRequest]],
    lora_sets: LoraSetCache,
) -> None:
    """Encode the texts of `request`, to which LoRAs are `applied`, and those of all `waiting`, if one has to move.

    Else each of them would bring the encoders again, and the denoiser would come back in between.
    """
    family, embeddings, residence = checkpoint.family, checkpoint.embeddings, checkpoint.residence
    if not residence.offloading:
        return
    wanted = list(family.encodings(request, request.slot_prompts, applied))
    if embeddings.has_all(wanted):
        return
    for other, prepared in waiting:
        if prepared.spec != checkpoint.spec:
            continue
        with suppress(InferenceError):  # which it is told when it joins
            own = prepared.applied_on(checkpoint) or lora_sets.apply(other, prepared.files, checkpoint)
            wanted += family.encodings(other, other.slot_prompts, own)
    embeddings.make_all(wanted, residence.device)
