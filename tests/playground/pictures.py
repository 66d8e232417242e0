"""Small pictures for uploads."""

import io

from PIL import Image


def picture(kind: str = "PNG", size: tuple[int, int] = (8, 6), **how: object) -> bytes:
    """A plain picture in some format."""
    buffer = io.BytesIO()
    Image.new("RGB", size, (200, 120, 40)).save(buffer, kind, **how)
    return buffer.getvalue()
