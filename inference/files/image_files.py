"""Opens untrusted picture files. Checks memory use from the header before decoding."""

from __future__ import annotations

import io
import struct
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageOps, JpegImagePlugin, PngImagePlugin

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAX_PIXELS = 50_000_000  # of a file; cameras of phones make JPEGs of 50 megapixels, which are decoded at reduced size
MAX_DECODED_BYTES = 160_000_000  # 40 million pixels
MAX_READS = 200_000  # of a picture's file in memory; a hundred megabytes in common chunks take 75,000
PIXEL_BYTES = 4  # per decoded pixel; palette and grey pictures become RGB or RGBA
COEFFICIENT_BYTES = 6  # per pixel of a progressive JPEG while it decodes

PngImagePlugin.MAX_TEXT_MEMORY = 2 * 2**20  # of all texts of a file together, unpacked; 64 MB otherwise


class PictureTooLarge(ValueError):
    """The picture would take more memory than is given to it."""


class TooManyParts(OSError):
    """The file has so many parts that reading them would take a minute."""


class PictureBytes(io.BytesIO):
    """A picture's file in memory, for code that reads it part by part. Raises TooManyParts after MAX_READS reads."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._left = MAX_READS

    def read(self, size: int | None = -1, /) -> bytes:  # noqa: D102 (an override)
        self._count()
        return super().read(size)

    def readinto(self, buffer: WriteableBuffer, /) -> int:  # noqa: D102 (see above)
        self._count()
        return super().readinto(buffer)

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise TooManyParts


# What Pillow raises over broken files and over files that unpack to absurd sizes.
BROKEN = (
    OSError, EOFError, ValueError, SyntaxError, LookupError, RuntimeError, MemoryError, TypeError, struct.error,
    Image.DecompressionBombError,
)  # fmt: skip


@contextmanager
def opened(file: Path | bytes, formats: Sequence[str], *, side: int | None = None) -> Generator[Image.Image]:
    """The picture, of which nothing has been decoded yet. Raises one of BROKEN, such as PictureTooLarge.

    A JPEG is decoded at a fraction of its size that still has `side` pixels both ways.
    """
    with Image.open(PictureBytes(file) if isinstance(file, bytes) else file, formats=list(formats)) as image:
        held = image.width * image.height * COEFFICIENT_BYTES if image.info.get("progressive") else 0
        if image.width * image.height > MAX_PIXELS:
            raise PictureTooLarge(f"{image.width} x {image.height} pixels")
        if side is not None and isinstance(image, JpegImagePlugin.JpegImageFile):
            image.draft("RGB", (side, side))
        if held + image.width * image.height * PIXEL_BYTES > MAX_DECODED_BYTES:
            raise PictureTooLarge(f"{image.width} x {image.height} pixels")
        yield image


def reduced(image: Image.Image, side: int) -> Image.Image:
    """The picture upright, in 8 bits as RGB or RGBA, its longer side at most `side`. Raises one of BROKEN.

    It is made small first, so that whatever else is done to it takes little memory.
    """
    if image.mode.startswith(("I", "F")):  # 16 bits of grey, which Pillow would cut off instead of scaling
        image = image.convert("F")
    elif image.mode not in {"RGB", "RGBA"}:
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    elif image.mode == "RGB" and image.has_transparency_data:  # a PNG may name one colour that is clear
        image = image.convert("RGBA")
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    if image.mode == "F":
        image = image.point(lambda value: value / 256).convert("L").convert("RGB")
    return ImageOps.exif_transpose(image)


def on_white(image: Image.Image) -> Image.Image:
    """What `reduced` has made, as RGB: what is transparent becomes white."""
    if image.mode == "RGB":
        return image.copy()  # the file may be about to be closed
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
