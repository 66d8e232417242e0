"""The purposes of LoRAs."""

from __future__ import annotations

from enum import StrEnum


class Category(StrEnum):
    """The purpose of a LoRA."""

    CHARACTER = "character"
    STYLE = "style"
    POSE = "pose"
    DETAIL = "detail"
    OTHER = "other"
