"""Copies have near hashes and other pictures have not. `benchmarks/takedown.py` measures the same on thousands."""

from __future__ import annotations

import io
import random
from functools import cache
from pathlib import Path

import pytest
from PIL import Image

from benchmarks._copied_pictures import TRANSFORMS
from benchmarks._varied_pictures import varied
from bot.pictures.similarity.perceptual_hash import (
    FOUND_BELOW,
    NOTHING_ALIKE,
    REFUSED_BELOW,
    distances,
    hash_file,
    is_too_plain,
    notice_hashes,
    picture_hash,
    read,
    upload_hashes,
)

PICTURES = range(6)
DETAILED, OTHER, FAINT = 3_000_000, 3_000_001, 30_000_024


def file_of(picture: Image.Image, kind: str, quality: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, quality=quality)
    return buffer.getvalue()


def encoded(picture: Image.Image, kind: str, quality: int) -> Image.Image:
    return Image.open(io.BytesIO(file_of(picture, kind, quality))).convert("RGB")


def cropped(picture: Image.Image, left: int, top: int, right: int, bottom: int) -> Image.Image:
    """Without these percents of its sides."""
    width, height = picture.size
    box = (width * left, height * top, width * (100 - right), height * (100 - bottom))
    return picture.crop(tuple(round(edge / 100) for edge in box))


def distance(notice: Image.Image, other: Image.Image) -> float:
    (found,) = distances(notice_hashes(notice), [picture_hash(other)])
    return found


@pytest.mark.parametrize("seed", PICTURES)
def test_a_copy_is_near_whatever_was_done_to_it(seed: int) -> None:
    picture = varied(seed, 320)
    double = picture.resize((picture.width * 2, picture.height * 2), Image.Resampling.LANCZOS)
    small = picture.resize((picture.width // 3, picture.height // 3))
    copies = [encoded(picture, "JPEG", 40), encoded(picture, "WEBP", 40), encoded(double, "JPEG", 60), small]
    copies += [cropped(picture, *sides) for sides in ((5, 0, 0, 0), (0, 5, 0, 5), (5, 5, 5, 5), (0, 0, 3, 3))]
    assert max(distances(notice_hashes(picture), list(map(picture_hash, copies)))) < REFUSED_BELOW


@pytest.mark.parametrize("seed", PICTURES)
def test_the_picture_of_a_notice_may_itself_be_a_crop(seed: int) -> None:
    picture = varied(seed, 320)
    for sides in ((5, 0, 0, 0), (5, 5, 5, 5)):
        assert distance(encoded(cropped(picture, *sides), "JPEG", 70), picture) < FOUND_BELOW, sides


def test_other_pictures_are_far_off() -> None:
    pictures = [varied(seed, 160) for seed in range(30)]
    hashes = [picture_hash(picture) for picture in pictures]
    for number, picture in enumerate(pictures[:6]):
        near = distances(notice_hashes(picture), hashes)
        assert [other for other, found in enumerate(near) if found < FOUND_BELOW] == [number]


def test_one_notice_may_name_several_pictures() -> None:
    first, second, other = (picture_hash(varied(seed, 160)) for seed in (1, 2, 3))
    notice = notice_hashes(varied(1, 160)) + notice_hashes(varied(2, 160))
    assert [found < REFUSED_BELOW for found in distances(notice, [first, other, second, b""])] == [
        True,
        False,
        True,
        False,
    ]
    assert distances(notice, []) == [] and distances(b"", [first]) == [NOTHING_ALIKE]


def test_a_plain_picture_is_a_copy_of_nothing() -> None:
    plain, grey = Image.new("RGB", (64, 64), "red"), Image.new("RGB", (64, 64), "grey")
    assert is_too_plain(notice_hashes(plain)) and not is_too_plain(notice_hashes(varied(1, 64)))
    assert distance(plain, plain) == distance(plain, grey) == NOTHING_ALIKE


def test_a_file_is_hashed_as_it_is_shown(tmp_path: Path) -> None:
    """Upright, on white; what cannot be read has no hash."""
    picture = varied(7, 200)
    turned, clear, broken = tmp_path / "turned.jpg", tmp_path / "clear.png", tmp_path / "broken.png"
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    picture.rotate(90, expand=True).save(turned, exif=exif)
    stamp = Image.new("RGBA", picture.size, (0, 0, 0, 0))
    stamp.paste(picture.crop((0, 0, 90, 90)), (0, 0))
    stamp.save(clear)
    on_white = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), stamp).convert("RGB")
    broken.write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    assert distances(notice_hashes(picture), [hash_file(turned)])[0] < REFUSED_BELOW
    assert distances(notice_hashes(on_white), [hash_file(clear)])[0] < 0.05
    assert hash_file(broken) == hash_file(tmp_path / "none.png") == b""


@cache
def notice_of(seed: int) -> bytes:
    return notice_hashes(varied(seed, 320))


def upload(kind: str, seed: int) -> bytes:
    """The hashes of a file with a changed copy."""
    chance, others = random.Random(5), [varied(number, 160) for number in (41, 42)]
    return upload_hashes(read(file_of(TRANSFORMS[kind](chance, varied(seed, 320), others), "JPEG", 85)))


@pytest.mark.parametrize("kind", TRANSFORMS)
def test_what_people_do_to_copies_is_refused(kind: str) -> None:
    hashes = upload(kind, DETAILED)
    (near,), (far,) = (distances(notice_of(seed), [hashes]) for seed in (DETAILED, OTHER))
    assert near < REFUSED_BELOW and far > FOUND_BELOW


@pytest.mark.parametrize("kind", ["framed", "captioned", "in a sheet"])
def test_a_faint_picture_is_known_in_bright_surroundings(kind: str) -> None:
    """A line of the frame, of the caption or of the gap outweighs all that is in it."""
    (near,) = distances(notice_of(FAINT), [upload(kind, FAINT)])
    assert near < REFUSED_BELOW


def test_an_upload_is_compared_with_verdicts_by_its_parts_and_sections() -> None:
    """A verdict has one hash: of the picture that was in a frame, or that was larger."""
    verdict, other = picture_hash(varied(DETAILED, 320)), picture_hash(varied(OTHER, 320))
    cut = encoded(cropped(varied(DETAILED, 320), 5, 0, 5, 0), "JPEG", 85)
    for looks in (upload("framed", DETAILED), upload_hashes(cut) + notice_hashes(cut)):
        (near,), (far,) = distances(verdict, [looks]), distances(other, [looks])
        assert near < REFUSED_BELOW and far > FOUND_BELOW
