"""The section of config.toml about photographed faces in pictures that people give."""

from __future__ import annotations

from bot.config.section import Section
from inference.content_rating import ContentRating


class FaceSettings(Section):
    """Photographed faces in pictures that people give to start from. Easel finds them if easel[faces] is installed."""

    most: ContentRating = ContentRating.GENERAL
    """The highest rating of what people may paint from a photographed face, whatever the words say."""
