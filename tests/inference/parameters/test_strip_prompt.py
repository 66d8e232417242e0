"""What a person wrote does not leave with the picture when they keep it to themselves; everything else does."""

from __future__ import annotations

import io

from hypothesis import given
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from inference.messages.request import GenerationRequest
from inference.parameters import CHUNK, JSON_CHUNK, infotext, read_infotext, strip_prompt, texts_in
from tests.inference.parameters.test_reading import TEXT
from tests.inference.requests import request, use


def png(made: GenerationRequest, **more: str) -> bytes:
    info = PngInfo()
    info.add_itxt(CHUNK, infotext(made, "c" * 64, {lora.sha256: "0123456789ab" for lora in made.loras}))
    info.add_itxt(JSON_CHUNK, made.model_dump_json())
    for key, text in more.items():
        info.add_text(key, text)
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def test_the_words_go_and_the_rest_stays() -> None:
    made = request(prompt="zebra quilt", negative_prompt="xylophone", loras=(use(weight=0.5),), seed=9)
    data = strip_prompt(png(made, Comment="zebra again"))
    assert not any(word in data for word in (b"zebra", b"xylophone"))
    texts = texts_in(data)
    recipe = read_infotext(texts.parameters or "")
    assert (recipe.prompt, recipe.negative_prompt, recipe.seed) == ("", "", 9)
    assert [(lora.name, lora.weight, lora.hash) for lora in recipe.loras] == [("Komori", 0.5, "0123456789ab")]
    kept = GenerationRequest.model_validate_json(texts.easel or "")
    assert kept == made.model_copy(update={"prompt": "", "negative_prompt": ""})


def test_the_words_of_regions_go_too() -> None:
    words = [{"name": "left", "prompt": "zebra quilt"}, {"name": "right", "prompt": "xylophone"}]
    made = request(prompt="", regions=words, loras=(use().model_copy(update={"region": "left"}),))
    data = strip_prompt(png(GenerationRequest.model_validate(made.model_dump())))
    assert not any(word in data for word in (b"zebra", b"xylophone"))
    kept = GenerationRequest.model_validate_json(texts_in(data).easel or "")
    assert [(region.name, region.prompt) for region in kept.regions] == [("left", ""), ("right", "")]
    assert kept.loras[0].region == "left"


@given(TEXT, TEXT)
def test_no_prompt_gets_out(prompt: str, negative: str) -> None:
    made = request(prompt=prompt, negative_prompt=negative)
    texts = texts_in(strip_prompt(png(made)))
    plain = texts_in(strip_prompt(png(request(prompt="", negative_prompt=""))))
    assert texts == plain
