"""Pictures are made to fit the place they go to."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bot.pictures.attachments import DAMAGED, fit, fitted
from inference.parameters import marked
from tests.xmp import source_types


@pytest.fixture
def noisy(tmp_path: Path) -> Path:
    """A picture that no format makes small: 256x256 of noise, about 200 kB as PNG."""
    path = tmp_path / "job1-1-0.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)).save(path)
    path.write_bytes(marked(path.read_bytes()))
    return path


@pytest.fixture
def striped(tmp_path: Path) -> Path:
    """A picture that lossless WebP makes much smaller than PNG does."""
    path = tmp_path / "job2-1-0.png"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(np.tile(noise, (8, 8, 1))).save(path, compress_level=0)
    return path


def test_what_fits_goes_as_it_is_parameters_and_all(noisy: Path) -> None:
    attachment = fit(noisy, 10 * 2**20)
    assert (attachment.data, attachment.name, attachment.note) == (noisy.read_bytes(), noisy.name, "")


def test_lossless_webp_comes_before_anything_that_loses(striped: Path) -> None:
    attachment = fit(striped, striped.stat().st_size // 4)
    assert attachment.name == "job2-1-0.webp" and "WebP" in attachment.note
    with Image.open(striped) as before, Image.open(io.BytesIO(attachment.data)) as after:
        assert np.array_equal(np.asarray(before), np.asarray(after.convert("RGB")))


@pytest.mark.parametrize("limit", [120_000, 60_000, 8_000, 2_000])
def test_at_last_a_jpeg_that_fits_and_says_so(noisy: Path, limit: int) -> None:
    attachment = fit(noisy, limit)
    assert len(attachment.data) <= limit
    assert attachment.name == "job1-1-0.jpg" and "JPEG" in attachment.note
    with Image.open(io.BytesIO(attachment.data)) as picture:
        picture.load()


@pytest.mark.parametrize("words", [True, False])
@pytest.mark.parametrize("limit", [10, 10 * 2**20])
@pytest.mark.parametrize("damage", ["empty", "cut", "no picture"])
def test_damaged_pictures_are_known_as_such(noisy: Path, damage: str, limit: int, words: bool) -> None:
    whole = noisy.read_bytes()
    noisy.write_bytes({"empty": b"", "cut": whole[: len(whole) // 2], "no picture": b"no picture at all"}[damage])
    with contextlib.suppress(*DAMAGED):
        fit(noisy, limit, words=words)


@pytest.mark.parametrize("words", [True, False])
@pytest.mark.parametrize(("limit", "suffix"), [(10 * 2**20, ".png"), (60_000, ".jpg"), (2_000, ".jpg")])
def test_every_form_says_that_it_is_generated(noisy: Path, limit: int, suffix: str, words: bool) -> None:
    attachment = fit(noisy, limit, words=words)
    assert Path(attachment.name).suffix == suffix
    assert source_types(attachment.data) == ["trainedAlgorithmicMedia"]


def test_a_sheet_bears_no_mark_of_its_own(striped: Path) -> None:
    assert source_types(fitted("sheet-1.png", striped.read_bytes(), 20_000).data) == []
