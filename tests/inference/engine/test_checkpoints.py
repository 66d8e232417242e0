"""What a single file of a checkpoint says of itself beside its weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from inference.base_models import BaseModelId
from inference.demo import CHECKPOINTS
from inference.engine.checkpoints import CheckpointStore, said_by_file
from inference.messages import CheckpointSpec, PredictionType
from inference.prediction import Prediction, checkpoint_prediction

V = PredictionType.V_PREDICTION


def spec(source: Path) -> CheckpointSpec:
    return CheckpointSpec(name="one", source=str(source), base_model=BaseModelId("demo/vivid"))


@pytest.mark.parametrize(
    ("marks", "metadata", "expected"),
    [
        ((), {}, Prediction(PredictionType.EPSILON)),
        (("v_pred",), {}, Prediction(V)),
        (("v_pred", "ztsnr"), {}, Prediction(V, zero_snr=True)),
        (("ztsnr",), {"modelspec.prediction_type": "v"}, Prediction(V, zero_snr=True)),
        ((), {"modelspec.prediction_type": "v"}, Prediction(V)),
    ],
)
def test_marks_and_metadata_of_a_single_file_are_read(
    tmp_path: Path, marks: tuple[str, ...], metadata: dict[str, str], expected: Prediction
) -> None:
    path = tmp_path / "one.safetensors"
    tensors = {"position_ids": torch.arange(3), **{mark: torch.tensor([]) for mark in marks}}
    save_file(tensors, path, metadata=metadata or None)
    assert checkpoint_prediction(None, *said_by_file(spec(path)), {"prediction_type": "epsilon"}) == expected


def test_of_a_folder_and_of_a_repository_there_is_nothing_to_read(tmp_path: Path) -> None:
    assert said_by_file(spec(tmp_path)) == (frozenset(), {})
    assert said_by_file(spec(tmp_path).model_copy(update={"repository": True, "source": "a/b"})) == (frozenset(), {})


def test_of_the_demo_the_schedulers_configuration_says_it() -> None:
    store = CheckpointStore((spec(CHECKPOINTS[0].path),), torch.device("cpu"))
    assert store.get(spec(CHECKPOINTS[0].path)).prediction == Prediction(V)
