"""What checkpoints and LoRAs predict, by whose word, and what a difference means."""

from __future__ import annotations

from typing import Any

import pytest

from inference.errors import PredictionMismatch, RequestError
from inference.messages import PredictionType
from inference.prediction import Prediction, checkpoint_prediction, lora_prediction, note_on_prediction

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
    assert checkpoint_prediction(setting, names, metadata, scheduler).type is expected


@pytest.mark.parametrize("scheduler", [{}, {"rescale_betas_zero_snr": True}])
@pytest.mark.parametrize("names", [set(), {"ztsnr"}])
def test_zero_snr_is_marked_or_configured_and_goes_with_v_only(names: set[str], scheduler: dict[str, Any]) -> None:
    expected = bool(names or scheduler)
    assert checkpoint_prediction(V, names, {}, scheduler) == Prediction(V, expected)
    assert checkpoint_prediction(EPSILON, names, {}, scheduler) == Prediction(EPSILON, False)


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({}, None),
        ({"ss_v_parameterization": "None", "modelspec.prediction_type": "sample"}, None),
        (SAYS_EPSILON, EPSILON),
        (SAYS_V, V),
        ({"modelspec.prediction_type": " V "}, V),
        ({"ss_v_parameterization": "True"}, V),
        ({"ss_v_parameterization": "False"}, EPSILON),
        ({"ss_v_parameterization": "True", **SAYS_EPSILON}, V),
        ({"ss_zero_terminal_snr": "True", "ss_v_parameterization": "False"}, V),
    ],
)
def test_of_a_lora_its_metadata_say_it(metadata: dict[str, str], expected: PredictionType | None) -> None:
    assert lora_prediction(metadata) is expected


def note(trained: PredictionType | None, checkpoint: PredictionType, *, allow: bool = False) -> str | None:
    return note_on_prediction("Bat", trained, "Vivid", checkpoint, allow_v_on_epsilon=allow)


def test_a_v_lora_on_an_epsilon_checkpoint_is_refused_unless_allowed() -> None:
    with pytest.raises(PredictionMismatch) as refusal:
        note(V, EPSILON)
    assert isinstance(refusal.value, RequestError)
    for word in ("Bat", "Vivid", "v-prediction", "allow_v_on_epsilon"):
        assert word in str(refusal.value)
    allowed = note(V, EPSILON, allow=True)
    assert allowed and "Bat" in allowed


def test_an_epsilon_lora_on_a_v_checkpoint_is_told() -> None:
    told = note(EPSILON, V)
    assert told is not None
    for word in ("Bat", "epsilon", "Vivid", "v-prediction"):
        assert word in told


@pytest.mark.parametrize("kind", PredictionType)
def test_of_equal_or_unknown_kinds_nothing_is_said(kind: PredictionType) -> None:
    assert note(kind, kind) is None
    assert note(None, kind) is None
