"""Measures a cap at once, with pictures that nobody requested, before the first request comes."""

from __future__ import annotations

import math
from collections.abc import Callable

from inference.engine.batch.batch import Batch
from inference.engine.batch.caps import SAMPLES, Caps, MeasuredCap, PictureSize
from inference.engine.batch.run import Run
from inference.engine.devices.devices import is_out_of_memory
from inference.engine.layers.lora_set import AppliedLoras, LoraSet
from inference.engine.models.checkpoints import Checkpoint
from inference.messages.request import GenerationRequest
from inference.messages.samplers import Sampler
from inference.queue.request_cost import GUIDED


def calibrate(checkpoint: Checkpoint, caps: Caps, size: PictureSize, clock: Callable[[], float]) -> MeasuredCap:
    """Time passes of 1, 2, 4 … guided pictures until each gets no cheaper, or memory is short."""
    caps.reset(size)
    batch, plain = Batch(checkpoint), AppliedLoras(LoraSet.fold([], checkpoint.hooks))
    request = GenerationRequest(
        checkpoint=size.checkpoint, prompt="", width=size.width, height=size.height, steps=150, guidance_scale=5.0,
        sampler=Sampler.EULER, seed=0,
    )  # fmt: skip
    while (known := caps.measured_cap(size)) is None:
        try:
            while batch.pictures < caps.pictures(request):
                batch.join(Run(checkpoint, request, [plain], None))
            batch.step()  # the first pass of a new number is slower
            batch.settle()
            for _ in range(SAMPLES):
                began = clock()
                batch.step()
                batch.settle()
                caps.record(size, GUIDED * batch.pictures, clock() - began)
        except (RuntimeError, MemoryError) as problem:
            if not is_out_of_memory(problem) or batch.pictures == 1:
                raise
            for _ in range(SAMPLES):
                caps.record(size, GUIDED * batch.pictures, math.inf)
    return known
