"""A watermark is read by the settings, and its installation is that of the database."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from bot.config.sections.watermark import WatermarkSettings
from bot.database.database import open_database
from bot.pictures.watermarks import read_watermark, watermark_installation
from inference.errors import WatermarkUnusable

PICTURE = Image.new("RGB", (512, 512))


async def test_the_installation_is_the_beginning_of_the_databases_id(tmp_path: Path) -> None:
    async with open_database(tmp_path / "easel.sqlite3") as db:
        row = await db.fetch_one("SELECT value FROM memo WHERE key = 'installation'", ())
        assert row is not None and f"{await watermark_installation(db):06x}" == row["value"][:6]


def test_without_settings_nothing_is_read_and_without_weights_it_says_so(tmp_path: Path) -> None:
    assert read_watermark(WatermarkSettings(), PICTURE) is None
    with pytest.raises(WatermarkUnusable, match="there is no"):
        read_watermark(WatermarkSettings(path=tmp_path), PICTURE)
