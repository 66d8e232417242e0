"""Texts in picture files: found wherever the field writes them, replaced without touching a pixel, never a trap."""

from __future__ import annotations

import contextlib
import io
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from inference.parameters import CHUNK, JSON_CHUNK, Texts, UnreadableTexts, texts_in, with_texts
from inference.parameters.files import MAX_TEXT

WORDS = "a füchsin 🦊\nSteps: 3, Seed: 1, Size: 8x8"


def picture() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (16, 16, 3), np.uint8))


def saved(kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture().save(buffer, kind, **options)
    return buffer.getvalue()


def png(text: str = WORDS, **options: object) -> bytes:
    info = PngInfo()
    info.add_text(CHUNK, text, **options)
    return saved("PNG", pnginfo=info)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("text", [WORDS, "plain", "caf\xe9"])
def test_png_texts_of_every_kind_are_found(text: str, packed: bool) -> None:
    assert texts_in(png(text, zip=packed)) == Texts(text)


def test_utf8_where_the_standard_says_latin1() -> None:
    data = png("xxxx").replace(b"xxxx", "né".encode() + b"e")
    assert texts_in(data).parameters == "née"


@pytest.mark.parametrize("order", ["utf-16-be", "utf-16-le"])
@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_exif_comments_are_found(kind: str, order: str) -> None:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = b"UNICODE\0" + WORDS.encode(order)
    assert texts_in(saved(kind, exif=exif)) == Texts(WORDS)


@pytest.mark.parametrize("data", [b"", b"x", saved("PNG"), saved("JPEG"), saved("GIF"), b"\x89PNG\r\n\x1a\n"])
def test_pictures_without_texts_have_none(data: bytes) -> None:
    assert texts_in(data) == Texts()


def test_other_texts_are_put_in_their_place_and_pixels_stay() -> None:
    info = PngInfo()
    info.add_itxt(CHUNK, "secret words")
    info.add_text(JSON_CHUNK, "secret too", zip=True)
    info.add_text("Comment", "secret as well")
    before = saved("PNG", pnginfo=info)
    after = with_texts(before, {CHUNK: WORDS, JSON_CHUNK: "{}"})
    with Image.open(io.BytesIO(after)) as image:
        assert image.text == {CHUNK: WORDS, JSON_CHUNK: "{}"}  # type: ignore[attr-defined]
        assert np.array_equal(np.asarray(image), np.asarray(picture()))
    assert texts_in(after) == Texts(WORDS, "{}")
    assert b"secret" not in after


def chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)


def with_chunk(kind: bytes, body: bytes) -> bytes:
    return png()[:33] + chunk(kind, body)


BOMB = zlib.compress(b"x" * 200_000_000, 9)


@pytest.mark.parametrize(
    "data",
    [
        with_chunk(b"zTXt", b"parameters\0\0" + BOMB),
        with_chunk(b"iTXt", b"parameters\0\1\0\0\0" + BOMB),
        with_chunk(b"tEXt", b"parameters\0" + b"x" * (MAX_TEXT + 1)),
        with_chunk(b"zTXt", b"parameters\0\0no zlib"),
        png()[:60],
        png()[:33] + b"\xff\xff\xff\xffzTXt",
        png()[:8] + chunk(b"aaaa", b"") * 20_000,
    ],
    ids=["bomb", "bomb in iTXt", "long", "no zlib", "cut", "lying length", "many chunks"],
)
def test_traps_are_refused(data: bytes) -> None:
    with pytest.raises(UnreadableTexts):
        texts_in(data)


def test_only_the_first_text_of_a_name_is_unpacked() -> None:
    bombs = chunk(b"zTXt", b"parameters\0\0" + BOMB) * 100
    first = chunk(b"zTXt", b"parameters\0\0" + zlib.compress(b"words"))
    assert texts_in(saved("PNG")[:33] + first + bombs) == Texts("words")


@given(st.integers(0, 2000), st.binary(min_size=1, max_size=8))
def test_damaged_files_are_refused_or_read(where: int, junk: bytes) -> None:
    for whole in (png(zip=True), saved("JPEG"), saved("WEBP")):
        data = whole[:where] + junk + whole[where + len(junk) :]
        with contextlib.suppress(UnreadableTexts):
            texts_in(data)
