"""Content ratings: for whom a picture is, in five ordered levels. What nobody has rated has None."""

from __future__ import annotations

from enum import StrEnum


class ContentRating(StrEnum):
    """For whom it is. Ratings are compared by their order here, not by their letters.

    General is for everybody; teen has what is mild, such as swimwear and fights; mature is suggestive or violent;
    explicit is sexual or cruel, for adults alone; what is blocked is shown nowhere.
    """

    GENERAL = "general"
    TEEN = "teen"
    MATURE = "mature"
    EXPLICIT = "explicit"
    BLOCKED = "blocked"

    @property
    def level(self) -> int:
        """Its place in the order, from 0."""
        return list(ContentRating).index(self)

    def __lt__(self, other: str, /) -> bool:
        return self.level < ContentRating(other).level

    def __le__(self, other: str, /) -> bool:
        return self.level <= ContentRating(other).level

    def __gt__(self, other: str, /) -> bool:
        return self.level > ContentRating(other).level

    def __ge__(self, other: str, /) -> bool:
        return self.level >= ContentRating(other).level
