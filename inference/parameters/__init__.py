"""How a picture was painted, as it stands in the picture itself: written, taken out, read.

writing.py   a request as the text that A1111 and Civitai read
recipe.py    the same as a value, whoever painted it
reading.py   that text, as any program of the field writes it, back into a recipe
files.py     where in a file it stands: PNG chunks, EXIF
wordless.py  a picture for others to see, without its owner's words
"""

from inference.parameters.files import CHUNK, JSON_CHUNK, Texts, UnreadableTexts, texts_in, with_texts
from inference.parameters.reading import read_infotext
from inference.parameters.recipe import Recipe, RecipeLora, recipe_of
from inference.parameters.wordless import wordless
from inference.parameters.writing import SAMPLER_LABELS, infotext

__all__ = [
    "CHUNK",
    "JSON_CHUNK",
    "SAMPLER_LABELS",
    "Recipe",
    "RecipeLora",
    "Texts",
    "UnreadableTexts",
    "infotext",
    "read_infotext",
    "recipe_of",
    "texts_in",
    "with_texts",
    "wordless",
]
