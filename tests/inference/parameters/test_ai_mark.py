"""Every generated picture says so, by the word that IPTC has for it; what else it says stays."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from inference.messages.request import SourceImage
from inference.parameters import CHUNK, JSON_CHUNK, XMP_CHUNK, ai_mark, infotext, marked, strip_prompt, texts_in
from tests.inference.parameters.test_files import picture, png
from tests.inference.parameters.test_strip_prompt import png as painted
from tests.inference.requests import request
from tests.xmp import source_types

GENERATED, COMPOSITE = "trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"
UPLOADED = SourceImage(sha256="a" * 64, strength=0.5)
OURS = SourceImage(sha256="a" * 64, strength=0.5, painted=True)


@pytest.mark.parametrize(("image", "expected"), [(None, GENERATED), (UPLOADED, COMPOSITE), (OURS, GENERATED)])
def test_a_picture_of_a_person_makes_it_a_composite(image: SourceImage | None, expected: str) -> None:
    made = request(image=image)
    for data in (marked(painted(made)), strip_prompt(painted(made)), strip_prompt(marked(painted(made)))):
        assert source_types(data) == [expected]


def test_pixels_and_other_texts_stay_to_the_letter() -> None:
    made = request(prompt="zebra", seed=9)
    before = painted(made)
    after = marked(before)
    assert (texts_in(after).parameters, texts_in(after).easel) == (texts_in(before).parameters, texts_in(before).easel)
    with Image.open(io.BytesIO(after)) as image:
        assert image.text == {  # type: ignore[attr-defined]
            CHUNK: infotext(made, "c" * 64, {}),
            JSON_CHUNK: made.model_dump_json(),
            XMP_CHUNK: ai_mark(made),
        }
    with Image.open(io.BytesIO(marked(png()))) as image:
        assert np.array_equal(np.asarray(image), np.asarray(picture()))
    assert marked(after) == after


@pytest.mark.parametrize("data", [b"", b"x", png()[:200], b"\xff\xd8\xff"])
def test_what_is_no_whole_png_stays(data: bytes) -> None:
    assert marked(data) == data
