"""What a LoRA is for and for whom, from what its page says: category, content rating, words, plain text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import unescape
from html.parser import HTMLParser

from inference.content_rating import ContentRating
from inference.lora.sidecar import Category

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
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def content_rating(level: object) -> ContentRating | None:
    """The rating of Civitai's bits, the highest that is set; None without any."""
    bits = level if isinstance(level, int) and not isinstance(level, bool) else 0
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


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"p", "br", "li", "div", "h1", "h2", "h3", "tr"}:
            self.parts.append("\n")


def plain_text(html: object, most: int) -> str:
    """A page's description without its markup, cut to `most` characters."""
    if not isinstance(html, str):
        return ""
    reader = _Text()
    reader.feed(html[:100_000])
    reader.close()
    lines = (" ".join(line.split()) for line in unescape("".join(reader.parts)).splitlines())
    text = "\n".join(line for line in lines if line)
    text = "".join(c for c in text if c.isprintable() or c == "\n")
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
