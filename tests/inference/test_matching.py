"""The refusal names both sides and what fits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inference.base_models import BaseModelId, CompatibilityTable
from inference.errors import (
    ArchitectureMismatch,
    BaseModelMismatch,
    BaseModelUnknown,
    LayersUnknown,
    PredictionMismatch,
    PredictionUnknown,
    RequestError,
)
from inference.lora.tensors.fit import Grade
from inference.lora.verdict import Layers
from inference.matching import KnownLora, Matcher
from inference.messages.checkpoints import CheckpointSpec, PredictionType, UnknownPrediction
from inference.notes import UNKNOWN_PREDICTION
from inference.regions import RegionName

BASES = {"vivid": "demo/vivid", "pastel": "demo/pastel", "Pony": "sdxl/pony", "Illu": "sdxl/illustrious"}
SPECS = {
    name: CheckpointSpec(name=name, source="somewhere", base_model=BaseModelId(base)) for name, base in BASES.items()
}


def matcher(*allowed: tuple[str, str]) -> Matcher:
    table = CompatibilityTable.of((BaseModelId(lora), BaseModelId(checkpoint)) for lora, checkpoint in allowed)
    return Matcher(tuple(SPECS.values()), table)


def lora(base: str | None, prediction: PredictionType | None = None) -> KnownLora:
    return KnownLora("Komori", BaseModelId(base) if base else None, "told by its sidecar", prediction)


@pytest.mark.parametrize(("name", "base"), BASES.items())
def test_a_lora_goes_on_its_own_base_model(name: str, base: str) -> None:
    assert matcher().misfit(lora(base), SPECS[name]) is None
    assert matcher().fitting_checkpoints(lora(base)) == [name]


def test_a_mismatch_names_both_sides_the_evidence_and_what_fits() -> None:
    refusal = matcher().misfit(lora("sdxl/illustrious"), SPECS["Pony"])
    assert isinstance(refusal, BaseModelMismatch)
    for word in ("Komori", "Illustrious", "told by its sidecar", "Pony", "The LoRA fits Illu."):
        assert word in str(refusal)


@pytest.mark.parametrize("base", ["sdxl/illustrious", None])
def test_a_misfit_names_the_region_that_the_lora_was_chosen_for(base: str | None) -> None:
    refusal = matcher().misfit(replace(lora(base), region=RegionName.LEFT), SPECS["Pony"])
    assert refusal is not None and "one area of the picture: left." in str(refusal)
    assert RequestError.from_failed(refusal.code, refusal.detail).detail == refusal.detail
    assert "area of the picture" not in str(matcher().misfit(lora(base), SPECS["Pony"]))


def test_an_unknown_lora_is_refused_with_the_way_to_declare_it() -> None:
    refusal = matcher().misfit(lora(None), SPECS["Pony"])
    assert isinstance(refusal, BaseModelUnknown)
    assert "library declare" in str(refusal)


def test_of_an_unknown_lora_for_another_architecture_that_is_told_for_no_declaration_would_help() -> None:
    def of(base: str) -> KnownLora:
        return replace(lora(None), layers=Layers(base=base, grade=Grade.FIT))

    refusal = matcher().misfit(of("flux1"), SPECS["Pony"])
    assert isinstance(refusal, ArchitectureMismatch)
    assert "Komori is made for Flux.1" in str(refusal)
    assert "declare" not in str(refusal)
    assert isinstance(matcher().misfit(of("hidream"), SPECS["Pony"]), ArchitectureMismatch)
    assert isinstance(matcher().misfit(of("sdxl"), SPECS["Pony"]), BaseModelUnknown)


def test_a_lora_that_may_be_for_the_checkpoints_architecture_is_not_said_to_be_for_another() -> None:
    flux = CheckpointSpec(name="Flux", source="/flux", base_model=BaseModelId("flux1/dev"))
    layers = Layers(base="flux2-klein-4b", grade=Grade.FIT, rivals=("flux1",))
    assert isinstance(matcher().misfit(replace(lora(None), layers=layers), flux), BaseModelUnknown)
    assert isinstance(matcher().misfit(replace(lora(None), layers=layers), SPECS["Pony"]), ArchitectureMismatch)


@pytest.mark.parametrize("layers", [Layers(), Layers(base="sdxl", grade=Grade.MARKER)])
def test_a_lora_of_layers_that_no_model_has_is_not_said_to_need_a_declaration(layers: Layers) -> None:
    refusal = matcher().misfit(replace(lora(None), layers=layers), SPECS["Pony"])
    assert isinstance(refusal, LayersUnknown)
    assert "declare" not in str(refusal)


def test_between_models_that_fit_alike_a_declaration_decides() -> None:
    tied = Layers(grade=Grade.FIT, candidates=("sdxl", "sd2"))
    assert isinstance(matcher().misfit(replace(lora(None), layers=tied), SPECS["Pony"]), BaseModelUnknown)


def test_an_allowed_pair_fits_in_its_direction_and_is_offered() -> None:
    allowing = matcher(("sdxl/illustrious", "sdxl/pony"))
    assert allowing.misfit(lora("sdxl/illustrious"), SPECS["Pony"]) is None
    assert allowing.misfit(lora("sdxl/pony"), SPECS["Illu"]) is not None
    assert allowing.fitting_checkpoints(lora("sdxl/illustrious")) == ["Pony", "Illu"]


def test_every_misfit_of_a_request_is_told() -> None:
    loras = [lora("sdxl/pony"), lora("demo/vivid"), lora(None)]
    assert [type(refusal) for refusal in matcher().misfits(loras, SPECS["Pony"])] == [
        BaseModelMismatch,
        BaseModelUnknown,
    ]


# --- prediction ----------------------------------------------------------------------------------------------------

EPSILON, V = PredictionType.EPSILON, PredictionType.V_PREDICTION
NOOB = BaseModelId("sdxl/noobai")
NOOBS = {
    kind: CheckpointSpec(name=name, source="somewhere", base_model=NOOB, predicts=kind)
    for kind, name in ((EPSILON, "Noob"), (V, "Noob V"), (None, "Noob on the hub"))
}


def noobs(*, allow: bool = False) -> Matcher:
    return Matcher(tuple(NOOBS.values()), allow_v_on_epsilon=allow)


def test_a_v_lora_on_an_epsilon_checkpoint_is_refused_unless_allowed() -> None:
    refusal = noobs().misfit(lora(NOOB, V), NOOBS[EPSILON])
    assert isinstance(refusal, PredictionMismatch) and isinstance(refusal, RequestError)
    for word in ("Komori", "Noob", "v-prediction", "allow_v_on_epsilon", "The LoRA fits Noob V and Noob on the hub."):
        assert word in str(refusal)
    assert noobs(allow=True).misfit(lora(NOOB, V), NOOBS[EPSILON]) is None
    allowed = noobs(allow=True).note(lora(NOOB, V), NOOBS[EPSILON])
    assert allowed and "Komori" in allowed


def test_of_another_base_model_that_is_told_first() -> None:
    assert isinstance(noobs().misfit(lora("sdxl/pony", V), NOOBS[EPSILON]), BaseModelMismatch)


def test_an_epsilon_lora_on_a_v_checkpoint_fits_and_is_told() -> None:
    assert noobs().misfit(lora(NOOB, EPSILON), NOOBS[V]) is None
    told = noobs().note(lora(NOOB, EPSILON), NOOBS[V])
    assert told is not None
    for word in ("Komori", "epsilon", "Noob V", "v-prediction"):
        assert word in told


@pytest.mark.parametrize(("trained", "kind"), [(V, V), (EPSILON, EPSILON), (V, None), (None, None)])
def test_of_equal_kinds_and_of_a_checkpoint_that_tells_nothing_nothing_is_said(
    trained: PredictionType | None, kind: PredictionType | None
) -> None:
    assert noobs().fits(lora(NOOB, trained), NOOBS[kind])
    assert noobs().note(lora(NOOB, trained), NOOBS[kind]) is None


@pytest.mark.parametrize("kind", [V, EPSILON])
def test_of_a_lora_that_may_be_of_either_kind_that_is_told(kind: PredictionType) -> None:
    assert noobs().fits(lora(NOOB), NOOBS[kind])
    note = noobs().note(lora(NOOB), NOOBS[kind])
    assert note == UNKNOWN_PREDICTION.format(lora="Komori", checkpoint=NOOBS[kind].name)


def test_where_the_operator_refuses_what_is_unknown_it_counts_as_v() -> None:
    refusing = Matcher(tuple(NOOBS.values()), unknown_prediction=UnknownPrediction.REFUSE)
    refusal = refusing.misfit(lora(NOOB), NOOBS[EPSILON])
    assert isinstance(refusal, PredictionUnknown)
    for word in ("Komori", "Noob", "--prediction", "The LoRA fits Noob V and Noob on the hub."):
        assert word in str(refusal)
    assert refusing.fits(lora(NOOB), NOOBS[V]) and refusing.fits(lora(NOOB, EPSILON), NOOBS[EPSILON])
    allowing = replace(refusing, allow_v_on_epsilon=True)
    assert allowing.fits(lora(NOOB), NOOBS[EPSILON]) and allowing.note(lora(NOOB), NOOBS[EPSILON])


def test_a_lineage_of_one_kind_is_not_asked_about() -> None:
    pony = SPECS["Pony"].model_copy(update={"predicts": EPSILON})
    refusing = Matcher((pony,), unknown_prediction=UnknownPrediction.REFUSE)
    assert refusing.fits(lora("sdxl/pony"), pony) and refusing.note(lora("sdxl/pony"), pony) is None


# --- one file on a relative ------------------------------------------------------------------------------------------


def test_a_file_that_the_operator_allows_there_goes_on_that_relative_alone() -> None:
    dmd2 = replace(lora("sdxl/base"), allowed_on=(BaseModelId("sdxl/pony"),))
    assert matcher().misfit(dmd2, SPECS["Pony"]) is None
    assert matcher().fitting_checkpoints(dmd2) == ["Pony"]
    assert isinstance(matcher().misfit(dmd2, SPECS["Illu"]), BaseModelMismatch)
    assert isinstance(matcher().misfit(lora("sdxl/base"), SPECS["Pony"]), BaseModelMismatch)


def test_no_allowance_helps_a_lora_of_unknown_base_model_or_of_another_architecture() -> None:
    allowed_on = (BaseModelId("sdxl/pony"), BaseModelId("demo/vivid"))
    assert isinstance(matcher().misfit(replace(lora(None), allowed_on=allowed_on), SPECS["Pony"]), BaseModelUnknown)
    other = replace(lora("sd1/base"), allowed_on=allowed_on)
    assert {type(matcher().misfit(other, SPECS[name])) for name in ("Pony", "vivid")} == {BaseModelMismatch}


def test_an_allowed_file_that_learnt_v_still_goes_on_no_epsilon_checkpoint() -> None:
    dmd2 = replace(lora("sdxl/base", V), allowed_on=(NOOB,))
    assert isinstance(noobs().misfit(dmd2, NOOBS[EPSILON]), PredictionMismatch)
    assert noobs().fits(dmd2, NOOBS[V])
