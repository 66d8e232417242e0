"""Pictures that people give: whatever the file, it is kept as a plain upright PNG, or refused in a sentence."""

from __future__ import annotations

import contextlib
import hashlib
import io
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from bot.errors.pictures import PictureRefused
from bot.pictures.inputs import KEPT_SIDE, MAX_BYTES, Inputs
from bot.pictures.inputs import given as taken
from inference.files.image_files import MAX_DECODED_BYTES, PIXEL_BYTES

RED, BLUE = (200, 30, 30), (30, 30, 200)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def halves(mode: str = "RGB") -> Image.Image:
    """Red above, blue below; 40 x 80."""
    pixels = np.zeros((80, 40, 3), np.uint8)
    pixels[:40], pixels[40:] = RED, BLUE
    return Image.fromarray(pixels).convert(mode)


def near(image: Image.Image, place: tuple[int, int], colour: tuple[int, int, int]) -> bool:
    pixel = image.getpixel(place)
    assert isinstance(pixel, tuple)
    return max(abs(a - b) for a, b in zip(pixel, colour, strict=True)) < 40


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "AVIF", "BMP"])
def test_pictures_of_every_kind_are_taken(kind: str) -> None:
    image = taken(saved(halves(), kind))
    assert (image.mode, image.size) == ("RGB", (40, 80))
    assert near(image, (20, 10), RED) and near(image, (20, 70), BLUE)


@pytest.mark.parametrize("mode", ["CMYK", "L", "P", "1", "LA", "RGBA", "I;16"])
def test_pictures_of_every_mode_are_flattened(mode: str) -> None:
    image = halves("L" if mode == "I;16" else mode)
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
    kept = taken(saved(image, "JPEG" if mode == "CMYK" else "PNG"))
    assert kept.mode == "RGB"
    if mode in {"L", "I;16"}:
        grey = halves("L").getpixel((20, 10))
        assert near(kept, (20, 10), (grey, grey, grey)), "16 bits are scaled, not cut off"


def test_what_is_transparent_becomes_white() -> None:
    clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    assert taken(saved(clear, "PNG")).getpixel((4, 4)) == (255, 255, 255)


def test_a_photograph_stands_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    kept = taken(saved(halves(), "JPEG", exif=exif))
    assert kept.size == (80, 40) and near(kept, (70, 20), RED)


def test_of_an_animation_the_first_frame_is_taken() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, BLUE)]
    for kind in ("GIF", "WEBP", "PNG"):
        data = saved(frames[0], kind, save_all=True, append_images=frames[1:])
        assert near(taken(data), (4, 4), RED)


def test_what_is_large_is_shrunk() -> None:
    assert taken(saved(Image.new("RGB", (4000, 1000)), "JPEG")).size == (KEPT_SIDE, KEPT_SIDE // 4)


BOMB = saved(Image.new("1", (12_000, 12_000)), "PNG")
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'


@pytest.mark.parametrize(
    "data",
    [b"", b"text", SVG, b"%PDF-1.7", BOMB, saved(halves(), "PNG")[:-30], saved(halves(), "TIFF"), b"\0" * 5000],
    ids=["nothing", "text", "svg", "pdf", "bomb", "cut", "tiff", "zeros"],
)
def test_everything_else_is_refused_in_a_sentence(data: bytes) -> None:
    with pytest.raises(PictureRefused, match="cannot be used"):
        taken(data)


def png_of_one_colour(side: int, depth: int, colour: int, bits: int) -> bytes:
    """A PNG whose rows are all zeros, made row by row; `bits` are those of a pixel."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)

    packer = zlib.compressobj(9)
    rows = b"".join([*(packer.compress(bytes(1 + side * bits // 8)) for _ in range(side)), packer.flush()])
    header = struct.pack(">IIBBBBB", side, side, depth, colour, 0, 0, 0)
    parts = [(b"IHDR", header), (b"PLTE", b"\1\2\3"), (b"IDAT", rows), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def test_a_sound_picture_with_too_many_pixels_is_not_called_broken() -> None:
    huge = png_of_one_colour(30_000, 1, 0, 1)
    assert len(huge) < MAX_BYTES
    with pytest.raises(PictureRefused, match=r"too many pixels \(the limit is 40 million") as told:
        taken(huge)
    assert "broken" not in str(told.value)
    assert 8000 * 5000 * PIXEL_BYTES <= MAX_DECODED_BYTES < 41_000_000 * PIXEL_BYTES


LARGE = 8000  # pixels of a side: 64 million
TOO_LARGE: dict[str, Callable[[], bytes]] = {
    "PNG of 16 bits": lambda: png_of_one_colour(LARGE, 16, 6, 64),
    "PNG with a palette": lambda: png_of_one_colour(LARGE, 8, 3, 8),
    "JPEG": lambda: saved(Image.new("RGB", (LARGE, LARGE)), "JPEG"),
    "progressive JPEG": lambda: saved(Image.new("RGB", (6000, 6000)), "JPEG", progressive=True),
    "WebP": lambda: saved(Image.new("RGB", (LARGE, LARGE)), "WEBP", method=0),
    "GIF": lambda: saved(Image.new("P", (LARGE, LARGE)), "GIF"),
    "BMP": lambda: saved(Image.new("1", (LARGE, LARGE)), "BMP"),
    "AVIF": lambda: saved(Image.new("RGB", (LARGE, LARGE)), "AVIF", speed=10),
}
TAKING = """
import resource, sys
from pathlib import Path
from bot.pictures.inputs import given
from bot.pictures.thumbnails import LIST, shrink
data = Path(sys.argv[1]).read_bytes()
given(Path(sys.argv[2]).read_bytes())  # whatever is needed for any picture
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for take in (given, lambda data: shrink(data, LIST)):
    try:
        take(data)
    except Exception as problem:
        print(type(problem).__name__)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="what a process took at most is asked by `resource`")
@pytest.mark.parametrize("kind", TOO_LARGE)
def test_what_would_take_much_memory_is_refused_before_it_is_decoded(tmp_path: Path, kind: str) -> None:
    (large := tmp_path / "large").write_bytes(TOO_LARGE[kind]())
    (small := tmp_path / "small").write_bytes(saved(halves(), "PNG"))
    done = subprocess.run([sys.executable, "-c", TAKING, large, small], capture_output=True, text=True, check=False)
    *refusals, megabytes = done.stdout.split() or [done.stderr]
    assert len(refusals) == 2 and refusals[0] == "PictureRefused"
    assert int(megabytes) < 50


def test_a_photograph_of_a_telephone_is_taken() -> None:
    assert taken(saved(Image.new("RGB", (8160, 6120)), "JPEG", quality=1)).size == (KEPT_SIDE, KEPT_SIDE * 3 // 4)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def test_too_much_is_not_even_looked_at(tmp_path: Path) -> None:
    with pytest.raises(PictureRefused, match="20 MB"):
        await Inputs(tmp_path).keep(b"\0" * (MAX_BYTES + 1))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.sampled_from(["PNG", "JPEG", "WEBP", "GIF", "AVIF", "BMP"]), st.integers(0, 400), st.binary(min_size=1))
def test_damaged_files_are_taken_or_refused(kind: str, where: int, junk: bytes) -> None:
    whole = saved(halves(), kind)
    data = whole[:where] + junk + whole[where + len(junk) :]
    with contextlib.suppress(PictureRefused):
        assert taken(data).mode == "RGB"


async def test_what_is_kept_is_named_by_its_own_bytes(tmp_path: Path) -> None:
    inputs = Inputs(tmp_path)
    kept = await inputs.keep(saved(halves(), "JPEG"))
    (name,) = names(tmp_path)
    assert name == kept.sha256 == hashlib.sha256(await inputs.read(kept)).hexdigest()
    assert (kept.width, kept.height) == (40, 80) and inputs.has(kept.sha256)
    assert await inputs.keep(saved(halves(), "JPEG")) == kept
    assert names(tmp_path) == {kept.sha256}


async def test_a_picture_of_ours_is_enlarged_smoothly(tmp_path: Path) -> None:
    own = tmp_path / "own.png"
    own.write_bytes(saved(halves(), "PNG"))
    (folder := tmp_path / "inputs").mkdir()
    kept = await Inputs(folder).keep_picture(own, times=2)
    assert kept is not None and (kept.width, kept.height) == (80, 160)
    assert await Inputs(folder).keep_picture(tmp_path / "gone.png") is None
