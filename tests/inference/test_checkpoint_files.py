"""What a checkpoint's files say of it before it is loaded."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference.base_models import Architecture
from inference.checkpoints.files import TELLING_NORM, CheckpointSays, read_checkpoint
from inference.demo import CHECKPOINTS
from inference.messages.checkpoints import PredictionType
from inference.prediction import Prediction, checkpoint_prediction

EPSILON, V = PredictionType.EPSILON, PredictionType.V_PREDICTION
POSITIONS = {"cond_stage_model.transformer.text_model.embeddings.position_ids": ("I64", [77], bytes(77 * 8))}


def single_file(path: Path, tensors: dict[str, tuple[str, list[int], bytes]], metadata: dict[str, str]) -> Path:
    """A safetensors file, written by hand: any type of number."""
    header: dict[str, Any] = {"__metadata__": metadata} if metadata else {}
    body = b""
    for name, (dtype, shape, raw) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(body), len(body) + len(raw)]}
        body += raw
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)
    return path


def norm(spread: float, dtype: str) -> bytes:
    """Numbers of this standard deviation."""
    numbers = np.tile([-spread, spread], 160)
    if dtype == "BF16":
        return (numbers.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
    return numbers.astype({"F16": "<f2", "F32": "<f4"}[dtype]).tobytes()


@pytest.mark.parametrize(
    ("marks", "metadata", "expected"),
    [
        ((), {}, Prediction(EPSILON)),
        (("v_pred",), {}, Prediction(V)),
        (("v_pred", "ztsnr"), {}, Prediction(V, zero_snr=True)),
        (("ztsnr",), {"modelspec.prediction_type": "v"}, Prediction(V, zero_snr=True)),
        ((), {"modelspec.prediction_type": "v"}, Prediction(V)),
    ],
)
def test_marks_and_metadata_of_a_single_file_are_read(
    tmp_path: Path, marks: tuple[str, ...], metadata: dict[str, str], expected: Prediction
) -> None:
    empty = {mark: ("F32", [0], b"") for mark in marks}
    said = read_checkpoint(single_file(tmp_path / "one.safetensors", POSITIONS | empty, metadata))
    assert checkpoint_prediction(None, Architecture.SDXL, said, {"prediction_type": "epsilon"}) == expected


@pytest.mark.parametrize("dtype", ["F16", "F32", "BF16"])
@pytest.mark.parametrize(("spread", "expected"), [(0.12, V), (0.06, EPSILON)])
def test_the_telling_norm_of_sd2_is_read_in_every_precision(
    tmp_path: Path, dtype: str, spread: float, expected: PredictionType
) -> None:
    tensors = POSITIONS | {TELLING_NORM: (dtype, [320], norm(spread, dtype))}
    said = read_checkpoint(single_file(tmp_path / "sd2.safetensors", tensors, {}))
    assert said.norm_spread == pytest.approx(spread, rel=1e-2)
    assert checkpoint_prediction(None, Architecture.SD2, said, {"prediction_type": "v_prediction"}).type is expected


@pytest.mark.parametrize("raw", [np.full(320, np.nan, "<f4").tobytes(), b"", b"abc"])
def test_a_norm_that_is_none_tells_nothing(tmp_path: Path, raw: bytes) -> None:
    tensors = {TELLING_NORM: ("F32", [len(raw) // 4], raw)}
    assert read_checkpoint(single_file(tmp_path / "a.safetensors", tensors, {})).norm_spread is None


def test_of_a_folder_its_scheduler_says_it(tmp_path: Path) -> None:
    assert read_checkpoint(tmp_path) == CheckpointSays()
    said = read_checkpoint(CHECKPOINTS[0].path)
    assert checkpoint_prediction(None, Architecture.DEMO, said, said.scheduler) == Prediction(V)


@pytest.mark.parametrize(("width", "is_input"), [(256, True), (None, False)])
def test_of_a_folder_its_unet_says_whether_the_guidance_is_an_input(
    tmp_path: Path, width: int | None, is_input: bool
) -> None:
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "config.json").write_text(json.dumps({"time_cond_proj_dim": width}))
    assert read_checkpoint(tmp_path).guidance_is_input is is_input


@pytest.mark.parametrize(
    "content", [b"", b"x", b"\xff" * 30, struct.pack("<Q", 2) + b"[]", struct.pack("<Q", 9) + b'{"a": 1}'[:-1]]
)
def test_rubbish_is_told_as_one_kind_of_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"\S"):
        read_checkpoint(path)
