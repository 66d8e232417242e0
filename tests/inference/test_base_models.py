"""Ids of base models, and which goes with which."""

from __future__ import annotations

import itertools

import pytest
from pydantic import TypeAdapter, ValidationError

from inference.base_models import BaseModelId, Compatibility, CompatibilityTable, known_base_models

ILLUSTRIOUS, NOOB, PONY = (BaseModelId(f"sdxl/{lineage}") for lineage in ("illustrious", "noobai", "pony"))
SD15 = BaseModelId("sd1/base")


def test_an_id_has_an_architecture_a_lineage_and_a_label() -> None:
    assert (ILLUSTRIOUS.architecture, ILLUSTRIOUS.lineage, ILLUSTRIOUS.label) == ("sdxl", "illustrious", "Illustrious")
    assert SD15.label == "Stable Diffusion 1.5"


def test_every_known_id_reads_back_and_has_a_label_of_its_own() -> None:
    ids = known_base_models()
    assert [BaseModelId(str(base)) for base in ids] == ids
    assert len({base.label for base in ids}) == len(ids)


@pytest.mark.parametrize(
    ("text", "named"),
    [("sdlx/pony", "sdxl"), ("sdxl/illustrius", "sdxl/illustrious"), ("sdxl", "sdxl/base"), ("sd1/", "sd1/base")],
)
def test_a_misspelt_id_is_answered_with_what_there_is(text: str, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        BaseModelId(text)


@pytest.mark.parametrize("text", ["", "/", "sd1/ My Merge", "sd1/a/b", "sdxl/pony ", "sd1/\n", "SDXL/pony"])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"known are|behind a slash"):
        BaseModelId(text)


def test_private_lineages_are_possible_where_there_is_no_table_of_families() -> None:
    assert BaseModelId("sd1/my-merge_2.0").label == "Stable Diffusion 1.5 · my-merge_2.0"


def test_an_id_crosses_json_as_a_plain_string() -> None:
    adapter = TypeAdapter(BaseModelId)
    assert adapter.dump_json(PONY) == b'"sdxl/pony"'
    assert adapter.validate_json(b'"sdxl/pony"') == PONY
    with pytest.raises(ValidationError):
        adapter.validate_json(b'"sdxl/nobody"')


def test_without_a_word_of_the_operator_only_equal_base_models_go_together() -> None:
    table = CompatibilityTable()
    for lora, checkpoint in itertools.product(known_base_models(), repeat=2):
        assert table.compare(lora, checkpoint).fits == (lora == checkpoint)


def test_an_allowed_pair_goes_one_way_only() -> None:
    table = CompatibilityTable.of([(ILLUSTRIOUS, NOOB)])
    assert table.compare(ILLUSTRIOUS, NOOB) is Compatibility.ALLOWED
    assert table.compare(NOOB, ILLUSTRIOUS) is Compatibility.OTHER_LINEAGE
    assert table.compare(ILLUSTRIOUS, SD15) is Compatibility.OTHER_ARCHITECTURE


def test_no_setting_makes_foreign_shapes_fit() -> None:
    with pytest.raises(ValueError, match="never be allowed"):
        CompatibilityTable.of([(SD15, PONY)])


@pytest.mark.parametrize(("lora", "checkpoint"), [(None, PONY), (PONY, None), (None, None)])
def test_the_unknown_fits_nothing(lora: BaseModelId | None, checkpoint: BaseModelId | None) -> None:
    assert CompatibilityTable.of([(ILLUSTRIOUS, NOOB)]).compare(lora, checkpoint) is Compatibility.UNKNOWN
    assert not Compatibility.UNKNOWN.fits
