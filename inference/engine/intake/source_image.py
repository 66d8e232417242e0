"""The source image of a request: opened by its hash, and fitted to the request's size."""

from __future__ import annotations

import hashlib
from pathlib import Path

from PIL import Image, ImageOps

from inference.bounds import MAX_SIDE
from inference.errors import SourceImageGone, SourceImageRefused
from inference.files.image_files import BROKEN, opened
from inference.messages.request import SourceImage

MAX_BYTES = 64 * 2**20  # more than RGB of MAX_SIDE x MAX_SIDE, so that every file of the bot can be read
MAX_PIXELS = MAX_SIDE * MAX_SIDE


def read_source(inputs: Path, source: SourceImage, size: tuple[int, int]) -> Image.Image:
    """The picture as RGB of `size` (width, height), scaled to cover it and cropped at the centre.

    Raises as `open_source`.
    """
    return ImageOps.fit(open_source(inputs, source), size, Image.Resampling.LANCZOS)


def open_source(inputs: Path, source: SourceImage) -> Image.Image:
    """The whole picture as RGB.

    The bytes that were hashed are the bytes that are decoded. Raises SourceImageGone or SourceImageRefused.
    """
    try:
        with (inputs / source.sha256).open("rb") as file:  # 64 hex digits: no path can leave the folder
            data = file.read(MAX_BYTES + 1)
    except OSError:
        raise SourceImageGone from None
    if len(data) > MAX_BYTES or hashlib.sha256(data).hexdigest() != source.sha256:
        raise SourceImageRefused(reason="the stored file differs from the one that you sent")
    return _decoded(data)


def _decoded(data: bytes) -> Image.Image:
    """Decode a PNG; the bot stores no other format."""
    try:
        with opened(data, ["PNG"]) as image:
            if image.width * image.height > MAX_PIXELS:
                raise SourceImageRefused(reason=f"it is larger than {MAX_SIDE} x {MAX_SIDE} pixels")
            return image.convert("RGB")
    except BROKEN:
        raise SourceImageRefused(reason="the file cannot be read") from None
