"""The payload of a watermark, and the interface of the models that embed it.

The payload has 61 bits, the room that TrustMark's schema BCH_5 has. Bit 0 comes first:

    bits 0 to 23    the installation: the first 24 bits of the random id of its database
    bits 24 to 60   the number of the job; 0 for pictures that Easel generates for itself, such as samples

It names no user. Anyone can read it with TrustMark, and anyone can embed the same payload in another picture.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Protocol

from PIL import Image

from inference.errors import WatermarkUnusable
from inference.parameters import SoftBinding

log = logging.getLogger(__name__)

MIN_SIDE = 256  # pixels of the shorter side; smaller pictures get no watermark
INSTALLATION_BITS, JOB_BITS = 24, 37
PAYLOAD_BITS = INSTALLATION_BITS + JOB_BITS
_TEST_SIDE = 1024  # pixels of a test picture
_TEST_PICTURES = 3


@dataclass(frozen=True)
class Payload:
    """The content of a watermark, with the layout above."""

    installation: int
    job: int

    @property
    def bits(self) -> str:
        """The payload as 61 zeros and ones."""
        return f"{self.installation:0{INSTALLATION_BITS}b}{self.job:0{JOB_BITS}b}"

    @classmethod
    def of_bits(cls, bits: str) -> Payload:
        """The payload of 61 zeros and ones."""
        return cls(int(bits[:INSTALLATION_BITS], 2), int(bits[INSTALLATION_BITS:], 2))

    @classmethod
    def of_job(cls, installation: int, job_id: int) -> Payload:
        """The payload of a job's pictures. Ids of background jobs do not fit, and become 0."""
        return cls(installation, job_id if job_id < 2**JOB_BITS else 0)


def installation_number(database_id: str) -> int:
    """The number of an installation in payloads, from the hexadecimal id of its database."""
    return int(database_id[: INSTALLATION_BITS // 4], 16)


class Watermark(Protocol):
    """A model that embeds payloads into RGB pictures and reads them."""

    def embed(self, picture: Image.Image, payload: Payload) -> Image.Image:
        """The picture with the payload in its pixels."""
        ...

    def read(self, picture: Image.Image) -> Payload | None:
        """The payload of a picture; None without one.

        A few pictures without a watermark seem to have one, with random bits: compare the installation.
        """
        ...

    def binding(self, payload: Payload) -> SoftBinding:
        """The payload as C2PA names it."""
        ...


def mark(watermark: Watermark, picture: Image.Image, payload: Payload) -> tuple[Image.Image, SoftBinding | None]:
    """Mark a picture. If it is too small, or the payload cannot be read back, return it unchanged and no binding."""
    if min(picture.size) < MIN_SIDE:
        return picture, None
    marked = watermark.embed(picture, payload)
    if watermark.read(marked) != payload:
        log.warning("a picture gets no watermark, since it could not be read back")
        return picture, None
    return marked, watermark.binding(payload)


def try_out(watermark: Watermark) -> float:
    """Mark test pictures, and return the seconds for a megapixel. Raise WatermarkUnusable if none can be read."""
    payload, seconds, readable = Payload(0xEA5E1, 1), 0.0, False
    for picture in _test_pictures():
        began = time.perf_counter()
        readable |= mark(watermark, picture, payload)[1] is not None
        seconds = time.perf_counter() - began  # of the last one: the first one includes preparations
    if not readable:
        raise WatermarkUnusable(reason="the payload of a test picture could not be read")
    return seconds * 1e6 / _TEST_SIDE**2


def _test_pictures() -> Iterator[Image.Image]:
    """Coloured clouds, from coarse to fine."""
    for seed in range(_TEST_PICTURES):
        chance, clouds = Random(seed), Image.new("RGB", (_TEST_SIDE, _TEST_SIDE))  # noqa: S311 (a drawing)
        for side in (4, 16, 64, 256):
            noise = Image.frombytes("RGB", (side, side), chance.randbytes(side * side * 3))
            clouds = Image.blend(clouds, noise.resize(clouds.size, Image.Resampling.BICUBIC), 0.4)
        yield clouds
