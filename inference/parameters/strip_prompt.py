"""Pictures whose prompt stays its owner's: everything else about how they were painted goes along."""

from __future__ import annotations

from pydantic import ValidationError

from inference.messages import GenerationRequest
from inference.parameters.files import CHUNK, JSON_CHUNK, UnreadableTexts, texts_in, with_texts
from inference.parameters.reading import without_words


def strip_prompt(png: bytes) -> bytes:
    """The same picture without the person's words in its texts. Raises UnreadableTexts for what is no PNG."""
    try:
        texts = texts_in(png)
    except UnreadableTexts:
        return with_texts(png, {})
    kept: dict[str, str] = {}
    if texts.parameters is not None:
        kept[CHUNK] = without_words(texts.parameters)
    if texts.easel is not None and (request := _request(texts.easel)):
        without = request.model_copy(update={"prompt": "", "negative_prompt": ""})
        kept[JSON_CHUNK] = without.model_dump_json()
    return with_texts(png, kept)


def _request(text: str) -> GenerationRequest | None:
    try:
        return GenerationRequest.model_validate_json(text)
    except ValidationError:
        return None
