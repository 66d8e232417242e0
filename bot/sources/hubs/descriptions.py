"""What a LoRA is for and for whom, from what its page says: category, content rating, words, plain text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import unescape

from inference.content_rating import ContentRating
from inference.lora.beside.categories import Category

MAX_HTML = 20_000  # characters of a description that are looked at

# Civitai's bits, the highest first: Blocked, XXX and X, R, PG-13, PG.
_LEVELS = (
    (32, ContentRating.BLOCKED),
    (16, ContentRating.EXPLICIT),
    (8, ContentRating.EXPLICIT),
    (4, ContentRating.MATURE),
    (2, ContentRating.TEEN),
    (1, ContentRating.GENERAL),
)

# Words of tags and names, the category that they tell. The first that is found counts: "pose" before "character",
# since poses are tagged with whom they are shown.
_WORDS: tuple[tuple[Category, frozenset[str]], ...] = (
    (Category.POSE, frozenset({"pose", "poses", "action", "position", "gesture"})),
    (
        Category.DETAIL,
        frozenset(
            {"detail", "detailer", "slider", "tool", "enhancer", "lighting", "eyes", "hands", "quality", "tweaker"}
        ),
    ),
    (Category.STYLE, frozenset({"style", "styles", "artstyle", "aesthetic", "artist"})),
    (
        Category.CHARACTER,
        frozenset({"character", "characters", "celebrity", "person", "oc", "vtuber", "girl", "boy", "waifu"}),
    ),
    (
        Category.OTHER,
        frozenset({"concept", "clothing", "background", "backgrounds", "buildings", "vehicle", "objects", "animal"}),
    ),
)

_SEPARATORS = re.compile(r"[^a-z0-9]+")
_BREAK = re.compile(r"<(?:p|br|li|div|h1|h2|h3|tr)\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[a-zA-Z/!?][^<>]*>")
_CUT_TAG = re.compile(r"<[a-zA-Z/!?][^<>]*\Z")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def content_rating(level: object) -> ContentRating | None:
    """The rating of Civitai's bits, the highest that is set; None without any."""
    text = str(level).strip().removesuffix(".0") if isinstance(level, str | int | float) else ""
    bits = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0
    return next((rating for bit, rating in _LEVELS if bits & bit), None)


def guess_category(tags: Iterable[str], name: str) -> Category | None:
    """What a LoRA is for: its tags first, then its name; None when neither tells."""
    for words in (_words_of(tags), _words_of([name])):
        for category, telling in _WORDS:
            if words & telling:
                return category
    return None


def _words_of(texts: Iterable[str]) -> set[str]:
    return {word for text in texts for word in _SEPARATORS.split(_CAMEL.sub(" ", text).lower()) if word}


def plain_text(html: object, most: int) -> str:
    """A page's description without its markup, cut to `most` characters.

    It is not parsed as HTML: a tag ends at the next bracket, so that the time is linear in the length of any text.
    """
    if not isinstance(html, str):
        return ""
    shown, *comments = html[:MAX_HTML].split("<!--")
    shown += "".join(comment.partition("-->")[2] for comment in comments)
    marked = _CUT_TAG.sub("", _TAG.sub("", _BREAK.sub("\n", shown)))
    lines = (" ".join(line.split()) for line in unescape(marked).splitlines())
    text = "\n".join(line for line in lines if line)
    text = "".join(c for c in text if c.isprintable() or c == "\n")
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
