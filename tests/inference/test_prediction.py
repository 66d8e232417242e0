"""What checkpoints and LoRAs predict, and by whose word."""

from __future__ import annotations

from typing import Any

import pytest

from inference.base_models import Architecture
from inference.checkpoints.files import CheckpointSays
from inference.messages.checkpoints import PredictionType
from inference.prediction import EdmCheckpoint, Prediction, checkpoint_prediction

SDXL = Architecture.SDXL
EPSILON, V = PredictionType.EPSILON, PredictionType.V_PREDICTION
MARKED, SAYS_V, SAYS_EPSILON = {"v_pred"}, {"modelspec.prediction_type": "v"}, {"modelspec.prediction_type": "epsilon"}


@pytest.mark.parametrize(
    ("setting", "names", "metadata", "scheduler", "expected"),
    [
        (None, set(), {}, {}, EPSILON),
        (None, set(), {}, {"prediction_type": "v_prediction"}, V),
        (None, set(), {}, {"prediction_type": "sample"}, EPSILON),
        (None, set(), SAYS_V, {"prediction_type": "epsilon"}, V),
        (None, set(), SAYS_EPSILON, {"prediction_type": "v_prediction"}, EPSILON),
        (None, MARKED, SAYS_EPSILON, {"prediction_type": "epsilon"}, V),
        (EPSILON, MARKED, SAYS_V, {"prediction_type": "v_prediction"}, EPSILON),
        (V, set(), SAYS_EPSILON, {"prediction_type": "epsilon"}, V),
    ],
)
def test_of_a_checkpoint_the_first_that_speaks_decides(
    setting: PredictionType | None, names: set[str], metadata: dict[str, str], scheduler: dict[str, Any], expected: Any
) -> None:
    said = CheckpointSays(frozenset(names), metadata)
    assert checkpoint_prediction(setting, SDXL, said, scheduler).type is expected


@pytest.mark.parametrize("scheduler", [{}, {"rescale_betas_zero_snr": True}])
@pytest.mark.parametrize("names", [set(), {"ztsnr"}])
def test_zero_snr_is_marked_or_configured_and_goes_with_v_only(names: set[str], scheduler: dict[str, Any]) -> None:
    expected = bool(names or scheduler)
    said = CheckpointSays(frozenset(names))
    assert checkpoint_prediction(V, SDXL, said, scheduler) == Prediction(V, expected)
    assert checkpoint_prediction(EPSILON, SDXL, said, scheduler) == Prediction(EPSILON, False)


@pytest.mark.parametrize(
    ("architecture", "spread", "metadata", "expected"),
    [
        (Architecture.SD2, 0.12, {}, V),
        (Architecture.SD2, 0.06, {}, EPSILON),
        (Architecture.SD2, None, {}, V),  # as the configuration says
        (Architecture.SD2, 0.06, SAYS_V, V),
        (Architecture.SD1, 0.12, {}, V),
        (Architecture.SD1, 0.06, {}, V),
    ],
)
def test_of_sd2_a_norm_tells_it_before_the_configuration(
    architecture: Architecture, spread: float | None, metadata: dict[str, str], expected: PredictionType
) -> None:
    said = CheckpointSays(metadata=metadata, norm_spread=spread)
    assert checkpoint_prediction(None, architecture, said, {"prediction_type": "v_prediction"}).type is expected


@pytest.mark.parametrize("names", [{"edm_mean", "edm_std", "x"}, {"edm_vpred.sigma_max", "v_pred"}, set()])
@pytest.mark.parametrize("setting", [None, EPSILON])
def test_an_edm_checkpoint_is_refused_whatever_the_setting(names: set[str], setting: PredictionType | None) -> None:
    scheduler = {} if names else {"_class_name": "EDMDPMSolverMultistepScheduler", "prediction_type": "epsilon"}
    with pytest.raises(EdmCheckpoint, match="EDM"):
        checkpoint_prediction(setting, SDXL, CheckpointSays(frozenset(names)), scheduler)
