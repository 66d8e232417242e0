"""The section of config.toml about photographed faces in pictures that people give."""

from __future__ import annotations

from bot.config.section import Section
from inference.content_rating import ContentRating


class FaceSettings(Section):
    """Photographed faces in start pictures. Easel detects them if the extra faces is installed."""

    most: ContentRating = ContentRating.GENERAL
    """Highest rating of pictures generated from a photographed face, whatever the prompt says."""
