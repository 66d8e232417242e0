"""Checkpoints as they are loaded."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from inference.base_models import BaseModelId
from inference.demo import CHECKPOINTS
from inference.engine.checkpoints import CheckpointStore
from inference.messages import CheckpointSpec, PredictionType
from inference.prediction import Prediction
from tests.inference.engine.test_painter import small_sd1

V = PredictionType.V_PREDICTION


def spec(source: Path) -> CheckpointSpec:
    return CheckpointSpec(name="one", source=str(source), base_model=BaseModelId("demo/vivid"))


def test_of_the_demo_the_schedulers_configuration_says_it() -> None:
    store = CheckpointStore((spec(CHECKPOINTS[0].path),), torch.device("cpu"))
    assert store.get(spec(CHECKPOINTS[0].path)).prediction == Prediction(V)


def test_a_safety_checker_that_nobody_asks_takes_no_memory(tmp_path: Path) -> None:
    """Folders of Stable Diffusion 1.5 name one of 1.2 GB; this one is not even there, so that loading it would fail."""
    small_sd1().save_pretrained(tmp_path)
    index = tmp_path / "model_index.json"
    parts = json.loads(index.read_bytes())
    parts |= {"safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"], "requires_safety_checker": True}
    index.write_text(json.dumps(parts))
    one = CheckpointSpec(name="one", source=str(tmp_path), base_model=BaseModelId("sd1/base"))
    checkpoint = CheckpointStore((one,), torch.device("cpu")).get(one)
    assert checkpoint.pipeline.safety_checker is None
