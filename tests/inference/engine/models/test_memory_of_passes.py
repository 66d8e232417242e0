"""What a pass of a transformer keeps in memory at once is what admission counts with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from inference.base_models import Architecture, BaseModelId
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
    """Of the longest texts and of short ones; a small network has more beside its tokens than a large one."""
    engine = TransformerWorld(base, Path()).engine(dtype=DTYPE)
    checkpoint, counts = checkpoint_of(engine), list[int]()
    for words in (WORDS, "a star"):
        made = wish(base, width=SIDE, height=SIDE, steps=2, guidance_scale=3.0, prompt=words, negative_prompt=words)
        engine.submit(made)
        arrived(engine)
        engine.step()
        (batch,) = engine._batches.values()
        assert isinstance(batch, Batch)
        passed, decoded = LiveBytes(checkpoint.denoiser), LiveBytes(checkpoint.pipeline.vae)
        with FusedAttention(), passed:
            batch.step()
        with decoded:
            batch.decode(batch.runs)
        engine.finish()
        counted = checkpoint.family.pass_numbers(made) * DTYPE.itemsize
        decode = checkpoint.family.decode_bytes(SIDE * SIDE)
        assert 0.6 <= passed.peak / counted <= 1.15, (words[:9], passed.peak / counted)
        assert 0.9 <= decoded.peak / decode <= 1.1, decoded.peak / decode
        assert pass_bytes(checkpoint, [made, made]) == 2 * (counted + decode)
        counts.append(counted)
    engine.close()
    long, short = counts
    as_long_as_it_is = base.architecture in {Architecture.QWEN_IMAGE, Architecture.Z_IMAGE}
    assert short < 0.7 * long if as_long_as_it_is else short == long


@pytest.mark.parametrize("base", ["qwen-image/base", "z-image/base"])
@pytest.mark.parametrize("text", ["", "a star", "\u0958\U0001d160 " * 20, "\u96ea" * 40, "x" * 600])
def test_no_text_has_more_tokens_than_are_counted(base: str, text: str) -> None:
    """Also where the normal form of its letters is longer than they are."""
    engine = TransformerWorld(BaseModelId(base), Path()).engine(dtype=DTYPE)
    family: Any = checkpoint_of(engine).family
    tokens = family._encode(text).shape[1]
    engine.close()
    assert tokens <= family._most_tokens(text) <= family._text_tokens == 512
