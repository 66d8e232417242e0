"""Settings of the watermark, and what a worker gets of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.app.from_settings import worker_options
from bot.config.sections.watermark import WatermarkSettings
from bot.config.settings import settings_from
from inference.messages.options import WatermarkModel, WatermarkSpec


def test_every_worker_gets_it_with_the_installation(tmp_path: Path) -> None:
    values = {
        "worker": {"devices": ["cpu", "cuda:0"]},
        "watermark": {"path": "marks", "model": "trustmark-q", "strength": 0.8, "device": "worker"},
    }
    settings = settings_from(values, tmp_path)
    spec = WatermarkSpec(
        source=str(tmp_path / "marks"), model=WatermarkModel.TRUSTMARK_Q, strength=0.8, installation=9, on_device=True
    )
    assert [options.watermark for options in worker_options(settings, (), 9)] == [spec, spec]


def test_it_is_off_without_a_path() -> None:
    assert WatermarkSettings().spec(9) is None and not WatermarkSettings().enabled


@pytest.mark.parametrize("wrong", [{"strength": 0}, {"strength": 3}, {"sha256": "abc"}, {"model": "trustmark"}])
def test_what_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        WatermarkSettings.model_validate({"path": "marks", **wrong})
