"""Checkpoints as they are loaded."""

from __future__ import annotations

from pathlib import Path

import torch

from inference.base_models import BaseModelId
from inference.demo import CHECKPOINTS
from inference.engine.checkpoints import CheckpointStore
from inference.messages import CheckpointSpec, PredictionType
from inference.prediction import Prediction

V = PredictionType.V_PREDICTION


def spec(source: Path) -> CheckpointSpec:
    return CheckpointSpec(name="one", source=str(source), base_model=BaseModelId("demo/vivid"))


def test_of_the_demo_the_schedulers_configuration_says_it() -> None:
    store = CheckpointStore((spec(CHECKPOINTS[0].path),), torch.device("cpu"))
    assert store.get(spec(CHECKPOINTS[0].path)).prediction == Prediction(V)
