"""How a picture was painted, as it stands in the picture itself: composed, taken out, read.

writing.py        a request as the text that A1111 and Civitai read; `inference.engine.process.job_runner` saves it
recipe.py         the same as a value, whoever painted it
reading.py        that text, as any program of the field writes it, back into a recipe
files.py          finds it in a file (PNG chunks, EXIF), and replaces it in a finished PNG
ai_mark.py        the mark that tells machines that a picture is generated
strip_prompt.py   a picture for others to see, without its owner's words
"""

from inference.parameters.ai_mark import (
    GENERATED,
    SoftBinding,
    ai_mark,
    bears_mark,
    marked,
    soft_binding_in,
    source_type_in,
)
from inference.parameters.files import CHUNK, JSON_CHUNK, XMP_CHUNK, Texts, UnreadableTexts, texts_in, with_texts
from inference.parameters.reading import read_infotext
from inference.parameters.recipe import Recipe, RecipeLora, recipe_of
from inference.parameters.strip_prompt import strip_prompt
from inference.parameters.writing import SAMPLER_LABELS, infotext

__all__ = [
    "CHUNK",
    "GENERATED",
    "JSON_CHUNK",
    "SAMPLER_LABELS",
    "XMP_CHUNK",
    "Recipe",
    "RecipeLora",
    "SoftBinding",
    "Texts",
    "UnreadableTexts",
    "ai_mark",
    "bears_mark",
    "infotext",
    "marked",
    "read_infotext",
    "recipe_of",
    "soft_binding_in",
    "source_type_in",
    "strip_prompt",
    "texts_in",
    "with_texts",
]
