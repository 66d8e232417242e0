"""Whether a request has memory beside those that run: its LoRAs in slots, a pass of all, and a decoding.

A request that has none waits for memory; one that needs less may go before it, but only so many.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from inference.engine.batch.batch import Batch
from inference.engine.batch.denoising_run import DenoisingBatch
from inference.engine.layers.host_buffers import STAGING_BYTES
from inference.engine.layers.lora_set import LoraSet
from inference.engine.models.checkpoints import Checkpoint
from inference.engine.models.decode import MAX_PIXELS
from inference.messages.request import GenerationRequest

MAX_OVERTAKEN = 8  # requests that join before one that waits for memory


def has_memory(
    room: int, checkpoint: Checkpoint, batches: Iterable[DenoisingBatch], request: GenerationRequest,
    sets: Sequence[LoraSet], unfolded: int,
) -> bool:  # fmt: skip
    """Whether `request` fits into `room` bytes beside those of `batches`, of which none is in a pass now.

    `sets` are those of its slots; where they are not folded yet, their files have `unfolded` bytes.
    """
    shared = [each for each in batches if isinstance(each, Batch)]
    beside = next((each for each in shared if each.is_of_size(request)), None)
    size = sum(sum(one.slot_bytes) for one in {one.number: one for one in sets}.values()) or unfolded
    grown = size if beside is None or not sets else beside.growth(sets)
    there = [run.request for run in beside.runs] if beside else []
    return grown + min(size, STAGING_BYTES) + pass_bytes(checkpoint, [*there, request]) <= room


def pass_bytes(checkpoint: Checkpoint, requests: Sequence[GenerationRequest]) -> int:
    """Bytes of a pass of all of `requests` while pictures of others like them are decoded; 0 where nobody counted."""
    family, number = checkpoint.family, checkpoint.denoiser.dtype.itemsize
    largest = max(one.width * one.height for one in requests)
    together = min(MAX_PIXELS, sum(one.count * one.width * one.height for one in requests))
    return sum(map(family.pass_numbers, requests)) * number + family.decode_bytes(max(largest, together))
