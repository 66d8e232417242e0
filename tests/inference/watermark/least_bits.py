"""A watermark in the lowest bits of the first blue values: exact, and gone after any lossy change."""

from __future__ import annotations

import numpy as np
from PIL import Image

from inference.parameters import SoftBinding
from inference.watermark.marking import PAYLOAD_BITS, Payload

BEGIN = f"{0x5EED5EED:032b}"  # that a payload follows


class LeastBits:
    """Implements `inference.watermark.marking.Watermark`. With `fails`, it embeds nothing."""

    def __init__(self, *, fails: bool = False) -> None:
        self._fails = fails

    def embed(self, picture: Image.Image, payload: Payload) -> Image.Image:
        pixels = np.array(picture)
        blue = pixels[..., 2].reshape(-1)
        bits = np.array([int(bit) for bit in BEGIN + payload.bits], np.uint8)
        if not self._fails:
            blue[: len(bits)] = blue[: len(bits)] & 0xFE | bits
            pixels[..., 2] = blue.reshape(pixels.shape[:2])
        return Image.fromarray(pixels)

    def read(self, picture: Image.Image) -> Payload | None:
        blue = np.asarray(picture)[..., 2].reshape(-1)[: len(BEGIN) + PAYLOAD_BITS]
        bits = "".join(str(value & 1) for value in blue.tolist())
        return Payload.of_bits(bits.removeprefix(BEGIN)) if bits.startswith(BEGIN) else None

    def binding(self, payload: Payload) -> SoftBinding:
        return SoftBinding("test.least_bits", payload.bits)
