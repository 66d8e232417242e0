"""A publication in the full text index of the gallery: one word for each property by which the gallery is filtered.

Each word of a facet begins with a letter that nobody can type. What may hold any character is written as hex digits.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from bot.database.search import FACET, all_of, any_of, begins, quoted
from inference.lora.beside.categories import Category


@dataclass(frozen=True)
class PublishedFacets:
    """What only the library knows of a picture: the categories of its LoRAs."""

    categories: Collection[Category] = ()

    def terms(self, server_id: int, person_id: int | None, base_model: str | None, loras: Iterable[str]) -> str:
        """The facets of a publication as they are indexed."""
        words = [_server(server_id), *map(_lora, loras), *map(_category, self.categories)]
        words += [] if person_id is None else [_person(person_id)]
        words += [] if base_model is None else [_base(base_model)]
        return " ".join(words)


@dataclass(frozen=True)
class GalleryFilter:
    """What pictures of a server's gallery must have; None means anything, `words` as `search.search_words` gives them.

    `loras` are the SHA-256 of the files of one entry, of which a picture has any.
    """

    server_id: int
    loras: Collection[str] | None = None
    person_id: int | None = None
    base_model: str | None = None
    category: Category | None = None
    words: Collection[str] | None = None

    @property
    def narrows(self) -> bool:
        """Whether anything but the server is asked for."""
        return (self.loras, self.person_id, self.base_model, self.category, self.words) != (None,) * 5

    def query(self) -> str | None:
        """The FTS5 query; None when nothing can match."""
        if (self.words is not None and not self.words) or (self.loras is not None and not self.loras):
            return None
        facets = [quoted(_server(self.server_id))]
        facets += [] if self.loras is None else [any_of(quoted(_lora(sha256)) for sha256 in self.loras)]
        facets += [] if self.person_id is None else [quoted(_person(self.person_id))]
        facets += [] if self.base_model is None else [quoted(_base(self.base_model))]
        facets += [] if self.category is None else [quoted(_category(self.category))]
        asked = [f"facets : {all_of(facets)}"]
        asked += [f"words : {all_of(map(begins, self.words))}"] if self.words else []
        return all_of(asked)


def _server(server_id: int) -> str:
    return f"{FACET}s{server_id:x}"


def _person(person_id: int) -> str:
    return f"{FACET}p{person_id:x}"


def _lora(sha256: str) -> str:
    return f"{FACET}l{sha256}"


def _base(base_model: str) -> str:
    return f"{FACET}b{base_model.encode().hex()}"


def _category(category: Category) -> str:
    return f"{FACET}c{category}"
