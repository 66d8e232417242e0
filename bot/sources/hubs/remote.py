"""What a hub says of a model: its versions, files and terms, as values. All text in them is untrusted."""

from __future__ import annotations

import logging
from typing import Annotated
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from inference.content_rating import ContentRating
from inference.lora.beside.categories import Category
from inference.messages.values import Sha256

log = logging.getLogger(__name__)

MAX_NAME = 100
MAX_DESCRIPTION = 1500

_Text = Annotated[str, Field(max_length=MAX_DESCRIPTION)]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class RemoteFile(_Value):
    """A file at a hub. `size` in bytes; `sha256` None: the hub does not tell it."""

    url: str
    name: Annotated[str, Field(min_length=1, max_length=200)]
    size: int | None = None
    sha256: Sha256 | None = None


class Terms(_Value):
    """How a LoRA may be used, as its page says; None: it does not."""

    licence: Annotated[str, Field(max_length=100)] | None = None
    credit: bool | None = None  # the maker wants to be named
    selling_pictures: bool | None = None
    merging: bool | None = None


class RemoteVersion(_Value):
    """A version of a LoRA or checkpoint at a hub.

    `base_model` is the hub's name for it, or the id of a repository. `trigger_words` are groups: each may be several
    words that go together, such as an outfit's. `rating` is this version's own, `highest_rating` the highest that
    anything on its page has. `ends` is when its early access ends, if the hub says so. `revision` pins a repository.
    `infected` and `unscanned` are results of the hub's virus scan of the file.
    """

    hub: Annotated[str, Field(max_length=40)]  # "Civitai" or "Hugging Face"
    page: Annotated[str, Field(max_length=500)]
    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME)]
    version: Annotated[str, Field(min_length=1, max_length=MAX_NAME)]
    kind: Annotated[str, Field(max_length=60)] = "LORA"
    model_id: int | None = None
    version_id: int | None = None
    revision: str | None = None
    creator: Annotated[str, Field(max_length=MAX_NAME)] | None = None
    base_model: Annotated[str, Field(max_length=200)] | None = None
    trigger_words: Annotated[tuple[Annotated[str, Field(max_length=500)], ...], Field(max_length=50)] = ()
    tags: Annotated[tuple[Annotated[str, Field(max_length=MAX_NAME)], ...], Field(max_length=50)] = ()
    description: _Text = ""
    rating: ContentRating | None = None
    highest_rating: ContentRating | None = None
    category: Category | None = None
    minor: bool = False
    real_person: bool = False
    terms: Terms = Terms()
    preview: str | None = None
    preview_rating: ContentRating | None = None
    early_access: bool = False
    ends: str | None = None
    infected: bool = False
    unscanned: bool = False
    file: RemoteFile | None = None
    archived: bool = False

    @property
    def strictest_rating(self) -> ContentRating | None:
        """The highest that it or anything on its page is rated, by which minors are judged; None: nobody has rated."""
        return max(filter(None, (self.rating, self.highest_rating)), default=None)

    @property
    def repository_path(self) -> str | None:
        """Where the file lies in its repository; None for one of no repository."""
        if self.revision is None or self.file is None:
            return None
        return unquote(self.file.url.partition(f"/resolve/{self.revision}/")[2]) or None


def stored_version(text: str) -> RemoteVersion | None:
    """Read a stored version; None, with a line in the log, for one that cannot be read."""
    try:
        return RemoteVersion.model_validate_json(text)
    except ValidationError as problem:
        log.warning("cannot read a stored response of a hub: %.200s: %s", text, problem)
        return None


class RemoteModel(_Value):
    """A model with its versions, the newest first."""

    name: str
    versions: tuple[RemoteVersion, ...]
