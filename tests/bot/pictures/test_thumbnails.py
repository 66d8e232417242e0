"""Small pictures of pictures that anybody may have put beside a LoRA."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from bot.pictures.thumbnails import GALLERY, LIST, MAX_SOURCE_BYTES, Box, Thumbnails
from inference.demo import LORAS
from tests.log import lines_of


def saved(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)  # type: ignore[arg-type]
    return path


def noise(width: int, height: int) -> Image.Image:
    return Image.frombytes("RGB", (width, height), os.urandom(width * height * 3))


def png_that_claims(width: int, height: int) -> bytes:
    """A file of a few bytes whose header promises a huge picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.fixture
def thumbnails(tmp_path: Path) -> Thumbnails:
    return Thumbnails(tmp_path / "thumbnails", tmp_path)


@pytest.mark.parametrize("box", [LIST, GALLERY])
@pytest.mark.parametrize(("size", "suffix"), [((3000, 1000), ".png"), ((600, 1900), ".jpg"), ((500, 500), ".webp")])
async def test_even_noise_fits(
    thumbnails: Thumbnails, tmp_path: Path, box: Box, size: tuple[int, int], suffix: str
) -> None:
    small = await thumbnails.of(saved(tmp_path / f"noise{suffix}", noise(*size)), box)
    assert small is not None and len(small.data) <= box.limit
    with Image.open(io.BytesIO(small.data)) as image:
        assert max(image.size) <= box.side
        assert abs(image.width / image.height - size[0] / size[1]) < 0.05 * size[0] / size[1], "the shape is kept"


async def test_what_is_small_already_keeps_every_pixel(thumbnails: Thumbnails) -> None:
    preview = LORAS / "komori-vivid.preview.png"
    small = await thumbnails.of(preview)
    assert small is not None
    with Image.open(io.BytesIO(small.data)) as shown, Image.open(preview) as original:
        assert shown.convert("RGB").tobytes() == original.convert("RGB").tobytes()


async def test_nothing_but_the_picture_goes_out(thumbnails: Thumbnails, tmp_path: Path) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", "my secret prompt")
    exif = Image.Exif()
    exif[0x010E] = "where I live"
    path = saved(tmp_path / "a.png", noise(300, 300), pnginfo=info, exif=exif)
    small = await thumbnails.of(path)
    assert small is not None and b"secret" not in small.data and b"where I live" not in small.data


async def test_a_photograph_stands_upright(thumbnails: Thumbnails, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    small = await thumbnails.of(saved(tmp_path / "a.jpg", noise(400, 200), exif=exif))
    assert small is not None
    with Image.open(io.BytesIO(small.data)) as image:
        assert image.height > image.width


async def test_transparency_stays(thumbnails: Thumbnails, tmp_path: Path) -> None:
    small = await thumbnails.of(saved(tmp_path / "a.png", Image.new("RGBA", (64, 64), (255, 0, 0, 0))))
    assert small is not None
    with Image.open(io.BytesIO(small.data)) as image:
        assert image.convert("RGBA").getpixel((5, 5))[3] == 0  # type: ignore[index]


async def test_it_is_made_once_and_named_by_what_it_shows(tmp_path: Path) -> None:
    folder = tmp_path / "thumbnails"
    picture = saved(tmp_path / "a.png", noise(300, 300))
    copy = tmp_path / "b.png"
    copy.write_bytes(picture.read_bytes())
    first = await Thumbnails(folder, tmp_path).of(picture)
    (kept,) = (path for path in folder.rglob("*") if path.is_file())
    kept.write_bytes(b"what was kept")
    again = await Thumbnails(folder, tmp_path).of(copy)
    assert first is not None and again is not None
    assert (again.name, again.data) == (first.name, b"what was kept")
    other = await Thumbnails(folder, tmp_path).of(saved(picture, noise(310, 300)))
    assert other is not None and other.name != first.name


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a picture",
        png_that_claims(60_000, 60_000),
        png_that_claims(64, 64),
        b"GIF89a" + b"\0" * 50,
        (LORAS / "komori-vivid.preview.png").read_bytes()[:2000],
    ],
    ids=["empty", "text", "bomb", "lying", "another format", "cut short"],
)
async def test_what_cannot_be_shown_is_left_out_and_not_tried_again(
    thumbnails: Thumbnails, tmp_path: Path, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(data)
    assert await thumbnails.of(path) is None
    assert len(lines_of(Thumbnails.__module__, caplog)) == 1
    assert await thumbnails.of(path) is None
    assert len(lines_of(Thumbnails.__module__, caplog)) == 1


async def test_what_is_too_large_or_not_there_is_left_out(thumbnails: Thumbnails, tmp_path: Path) -> None:
    huge = tmp_path / "huge.png"
    with huge.open("wb") as file:
        file.truncate(MAX_SOURCE_BYTES + 1)
    assert await thumbnails.of(huge) is None
    assert await thumbnails.of(tmp_path / "nowhere.png") is None
