"""The refusal names both sides and what fits."""

from __future__ import annotations

import pytest

from inference.base_models import BaseModelId, CompatibilityTable
from inference.errors import BaseModelMismatch, BaseModelUnknown
from inference.matching import KnownLora, Matcher
from inference.messages import CheckpointSpec

BASES = {"vivid": "demo/vivid", "pastel": "demo/pastel", "Pony": "sdxl/pony", "Illu": "sdxl/illustrious"}
SPECS = {
    name: CheckpointSpec(name=name, source="somewhere", base_model=BaseModelId(base)) for name, base in BASES.items()
}


def matcher(*allowed: tuple[str, str]) -> Matcher:
    table = CompatibilityTable.of((BaseModelId(lora), BaseModelId(checkpoint)) for lora, checkpoint in allowed)
    return Matcher(tuple(SPECS.values()), table)


def lora(base: str | None) -> KnownLora:
    return KnownLora("Komori", BaseModelId(base) if base else None, "told by its sidecar")


@pytest.mark.parametrize(("name", "base"), BASES.items())
def test_a_lora_goes_on_its_own_base_model(name: str, base: str) -> None:
    assert matcher().misfit(lora(base), SPECS[name]) is None
    assert matcher().fitting_checkpoints(BaseModelId(base)) == [name]


def test_a_mismatch_names_both_sides_the_evidence_and_what_fits() -> None:
    refusal = matcher().misfit(lora("sdxl/illustrious"), SPECS["Pony"])
    assert isinstance(refusal, BaseModelMismatch)
    for word in ("Komori", "Illustrious", "told by its sidecar", "Pony", "It fits Illu."):
        assert word in str(refusal)


def test_an_unknown_lora_is_refused_with_the_way_to_declare_it() -> None:
    refusal = matcher().misfit(lora(None), SPECS["Pony"])
    assert isinstance(refusal, BaseModelUnknown)
    assert "library declare" in str(refusal)


def test_an_allowed_pair_fits_in_its_direction_and_is_offered() -> None:
    allowing = matcher(("sdxl/illustrious", "sdxl/pony"))
    assert allowing.misfit(lora("sdxl/illustrious"), SPECS["Pony"]) is None
    assert allowing.misfit(lora("sdxl/pony"), SPECS["Illu"]) is not None
    assert allowing.fitting_checkpoints(BaseModelId("sdxl/illustrious")) == ["Pony", "Illu"]


def test_every_misfit_of_a_request_is_told() -> None:
    loras = [lora("sdxl/pony"), lora("demo/vivid"), lora(None)]
    assert [type(refusal) for refusal in matcher().misfits(loras, SPECS["Pony"])] == [
        BaseModelMismatch,
        BaseModelUnknown,
    ]
