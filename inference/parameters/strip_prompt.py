"""Pictures whose prompt stays its owner's: everything else about how they were painted goes along."""

from __future__ import annotations

from inference.parameters.ai_mark import ai_mark, soft_binding_in, stored_request
from inference.parameters.files import CHUNK, JSON_CHUNK, XMP_CHUNK, UnreadableTexts, texts_in, with_texts
from inference.parameters.reading import without_prompts
from inference.parameters.recipe import without_words


def strip_prompt(png: bytes) -> bytes:
    """The same picture without the person's words in its texts. Raises UnreadableTexts for what is no PNG."""
    try:
        texts = texts_in(png)
    except UnreadableTexts:
        return with_texts(png, {XMP_CHUNK: ai_mark(None)})
    request = stored_request(texts.easel)
    kept = {XMP_CHUNK: ai_mark(request, soft_binding_in(png))}
    if texts.parameters is not None:
        kept[CHUNK] = without_prompts(texts.parameters)
    if request is not None:
        words = {"prompt": "", "negative_prompt": "", "regions": without_words(request.regions)}
        without = request.model_copy(update=words)
        kept[JSON_CHUNK] = without.model_dump_json()
    return with_texts(png, kept)
