"""A file or a page that is older than the base model it claims."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from inference.base_models import BaseModelId
from inference.files.hashes import file_sha256
from inference.lora.beside.metadata import evidence_in, trained_on_day
from inference.lora.beside.sidecar import Sidecar, read_sidecar
from inference.lora.known.first_releases import _ARCHITECTURES, _LINEAGES
from tests.inference.lora.test_other_models_named import verdict
from tests.lies import ILLUSTRIOUS_HASH
from tests.lora_files import write_lora

ILLUSTRIOUS, NOOBAI, PONY = BaseModelId("sdxl/illustrious"), BaseModelId("sdxl/noobai"), BaseModelId("sdxl/pony")


def trained(day: str) -> dict[str, str]:
    begin = datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()
    return {
        "ss_training_started_at": str(begin), "ss_training_finished_at": str(begin + 2500),
        "modelspec.date": f"{day}T09:12:44",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("base", "day", "stands"),
    [
        (ILLUSTRIOUS, "2023-10-11", False), (ILLUSTRIOUS, "2024-06-01", False), (ILLUSTRIOUS, "2024-08-01", True),
        (PONY, "2023-08-15", False), (PONY, "2023-12-01", True), (NOOBAI, "2024-02-01", False),
        (NOOBAI, "2026-01-01", True), (PONY, "1970-01-01", True), (PONY, "2021-05-05", True),
        (PONY, "2099-01-01", True),
    ],
)  # fmt: skip
def test_a_training_before_the_base_model_existed_stands_against_a_page(
    base: BaseModelId, day: str, stands: bool
) -> None:
    told = verdict("sdxl", trained(day), Sidecar(base_model=base))
    assert (told.base_model == base) == stands
    for key in trained(day):
        told = verdict("sdxl", {key: trained(day)[key]}, Sidecar(base_model=base))
        assert (told.base_model == base) == stands, key


def test_the_last_day_counts() -> None:
    metadata = trained("2023-01-01") | {"modelspec.date": "2025-03-01"}
    assert trained_on_day(evidence_in(metadata)) == date(2025, 3, 1)
    assert verdict("sdxl", metadata, Sidecar(base_model=ILLUSTRIOUS)).base_model == ILLUSTRIOUS


@pytest.mark.parametrize("text", ["", "yesterday", "nan", "inf", "-1e300", "9" * 5000, "2023-99-99", "0x5"])
def test_what_is_no_date_says_nothing(text: str) -> None:
    assert trained_on_day(dict.fromkeys(trained("2023-01-01"), text)) is None


def test_a_recorded_name_falls_only_by_a_much_older_record_and_a_hash_by_none() -> None:
    name = {"ss_sd_model_name": "illustriousXL_v01.safetensors"}
    assert verdict("sdxl", name | trained("2023-08-15")).base_model is None
    assert verdict("sdxl", name | trained("2024-05-01")).base_model == ILLUSTRIOUS
    by_hash = {"ss_new_sd_model_hash": ILLUSTRIOUS_HASH}
    assert verdict("sdxl", by_hash | trained("2023-08-15")).base_model == ILLUSTRIOUS


@pytest.mark.parametrize("suffix", [".civitai.info", ".metadata.json"])
@pytest.mark.parametrize(
    ("created", "published", "stands"),
    [
        ("2023-11-05T10:11:12.000Z", "2023-11-05T10:20:00.000Z", False), ("2023-11-05T10:11:12.000Z", None, False),
        ("2023-11-05T10:11:12.000Z", "2025-01-05T10:20:00.000Z", True), (None, 7, True), ("soon", "", True),
    ],
)  # fmt: skip
def test_a_version_that_was_published_before_its_base_model_is_no_evidence(
    tmp_path: Path, suffix: str, created: object, published: object, stands: bool
) -> None:
    lora = write_lora(tmp_path / "komori.safetensors")
    sha256 = file_sha256(lora)
    version = {"createdAt": created, "publishedAt": published, "id": 1}
    page = {"sha256": sha256, "base_model": "NoobAI", "civitai": version}
    if suffix == ".civitai.info":
        page = {**version, "baseModel": "NoobAI", "files": [{"hashes": {"SHA256": sha256}}]}
    lora.with_suffix(suffix).write_text(json.dumps(page))
    told = read_sidecar(lora).model_copy(update={"sha256": None})
    assert (verdict("sdxl", {}, told).base_model == NOOBAI) == stands


def test_a_lineage_is_younger_than_its_architecture() -> None:
    assert all(day > _ARCHITECTURES[base.architecture] for base, day in _LINEAGES.items())
