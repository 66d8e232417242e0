"""The benchmark of the watermark tells one that survives from one that does not."""

from __future__ import annotations

from PIL import Image

from benchmarks.watermark import CHANGES, measure
from inference.watermark.marking import Payload
from tests.inference.watermark.least_bits import LeastBits


class Everywhere(LeastBits):
    """It sees one payload in every picture."""

    payload = Payload(0, 0)

    def embed(self, picture: Image.Image, payload: Payload) -> Image.Image:
        self.payload = payload
        return picture

    def read(self, picture: Image.Image) -> Payload:
        return self.payload


def test_a_mark_in_the_lowest_bits_survives_nothing() -> None:
    figures = measure(LeastBits(), marked=3, unmarked=3, seed=2)
    assert figures.read == {**dict.fromkeys(CHANGES, 0), "unchanged": 3}
    assert min(figures.psnr) > 70 and (figures.seeming, figures.ours) == (0, 0)
    assert [each for each in figures.failed if "read" in each] == [
        "0.0% read: webp", "0.0% read: jpeg", "0.0% read: half", "0.0% read: cropped",
    ]  # fmt: skip


def test_one_that_is_seen_everywhere_is_no_watermark() -> None:
    figures = measure(Everywhere(), marked=2, unmarked=3, seed=2)
    assert figures.failed == ["3 unmarked pictures seem to be marked"]
    assert figures.line["read"] == dict.fromkeys(CHANGES, 1.0)
