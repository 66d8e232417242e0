"""What a pass of a transformer keeps in memory at once is what admission counts with."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from inference.base_models import BaseModelId
from inference.engine.batch.admission import pass_bytes
from inference.engine.batch.batch import Batch
from tests.inference.engine.devices.test_half_precision import checkpoint_of
from tests.inference.engine.models.test_from_pictures import TRANSFORMERS, wish
from tests.inference.engine.transformers import TransformerWorld
from tests.inference.engine.worlds import arrived
from tools.picture_costs import FusedAttention, LiveBytes

SIDE, DTYPE = 96, torch.bfloat16
WORDS = " ".join(["a"] * 600)  # more than any text may have


@pytest.mark.parametrize("base", TRANSFORMERS)
def test_a_pass_and_a_decoding_take_what_is_counted(base: BaseModelId) -> None:
    """Of the longest texts; a small network has more beside its tokens than a large one."""
    engine = TransformerWorld(base, Path()).engine(dtype=DTYPE)
    made = wish(base, width=SIDE, height=SIDE, steps=2, guidance_scale=3.0, prompt=WORDS, negative_prompt=WORDS)
    engine.submit(made)
    arrived(engine)
    engine.step()
    (batch,), checkpoint = engine._batches.values(), checkpoint_of(engine)
    assert isinstance(batch, Batch)
    passed, decoded = LiveBytes(checkpoint.denoiser), LiveBytes(checkpoint.pipeline.vae)
    with FusedAttention(), passed:
        batch.step()
    with decoded:
        batch.decode(batch.runs)
    engine.close()
    counted, decode = checkpoint.family.pass_numbers(made) * DTYPE.itemsize, checkpoint.family.decode_bytes(SIDE * SIDE)
    assert 0.6 <= passed.peak / counted <= 1.1, passed.peak / counted
    assert 0.9 <= decoded.peak / decode <= 1.1, decoded.peak / decode
    assert pass_bytes(checkpoint, [made, made]) == 2 * counted + decode
