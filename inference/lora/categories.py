"""What LoRAs are for."""

from __future__ import annotations

from enum import StrEnum


class Category(StrEnum):
    """What a LoRA is for."""

    CHARACTER = "character"
    STYLE = "style"
    POSE = "pose"
    DETAIL = "detail"
    OTHER = "other"
