"""Queries of lists with pages, and their short form on buttons, by which pages survive restarts.

There are three lists: the market is the whole library, the bookmarks are what a person saved of it, the gallery is what
the people of a server published.
"""

from __future__ import annotations

import re
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from bot.config import CheckpointSettings
from bot.database.bookmarks.bookmarks import COUNT_BOOKMARKS
from bot.database.database import Database
from bot.database.loras.catalogue import Lora, browse_loras
from bot.database.loras.search import Sort
from bot.database.people.drafts import FIND_DRAFT, save_draft
from bot.database.people.preferences import find_preferences
from bot.errors.missing import NothingThere
from bot.i18n import _, later
from bot.library.installed_checkpoints import InstalledCheckpoints
from bot.requests.builder import default_checkpoint, usual_checkpoint
from inference.base_models import BaseModelId
from inference.lora.beside.categories import Category

MOST_TRIED = 25  # of the best rated LoRAs, until one fits in every respect
MAX_SEARCH = 100  # characters
MAX_KEY = 60  # UTF-16 units of a query on a button: its custom_id holds 100, a name and three numbers stand there too

_SORTS = {
    Sort.TRENDING: "t",
    Sort.NEWEST: "n",
    Sort.TOP_RATED: "r",
    Sort.MOST_USED: "u",
    Sort.NAME: "a",
    Sort.OLDEST: "o",
}
_ORDERS = {
    Sort.TRENDING: later("Trending"),
    Sort.NEWEST: later("Newest first"),
    Sort.TOP_RATED: later("Top rated first"),
    Sort.MOST_USED: later("Most used first"),
    Sort.NAME: later("By name"),
    Sort.OLDEST: later("Oldest first"),
}
_FEATURED = "f"  # in place of a sort
_CATEGORIES = {None: "-", **{category: category.value[0] for category in Category}}
_KEPT = re.compile(r"~(\d{1,18})")
# A compact list's key begins with a capital. Behind the @ stand a LoRA and a person.
_KEY = re.compile(
    r"(?P<sort>[a-zA-Z])(?P<category>[a-z-]):(?P<base>[a-z0-9/._-]{0,64})"
    r"(?:@(?P<lora>\d{0,18})~(?P<person>\d{0,20}))?:(?P<length>\d{1,2})\.(?P<rest>.*)",
    re.DOTALL,
)


class BrowseQuery(BaseModel):
    """Which LoRAs or pictures to show, in which order, and how. None: any.

    `base_model` is of a checkpoint that LoRAs fit, or that painted a picture. `lora` and `person` are of pictures.
    What staff feature is in the order in which they featured it, whatever the `sort`. A `compact` list has lines of
    text instead of cards, and so more entries on a page.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sort: Sort = Sort.TRENDING
    category: Category | None = None
    tag: str = ""
    base_model: BaseModelId | None = None
    search: str = ""
    compact: bool = False
    featured: bool = False
    lora: int | None = None
    person: int | None = None

    def but(self, **changes: object) -> Self:
        """The same query with changes."""
        return self.model_copy(update=changes)

    @property
    def key(self) -> str:
        """The query in the short form that buttons carry."""
        sort = _FEATURED if self.featured else _SORTS[self.sort]
        head = f"{sort.upper() if self.compact else sort}{_CATEGORIES[self.category]}:{self.base_model or ''}"
        if self.lora is not None or self.person is not None:
            head += f"@{'' if self.lora is None else self.lora}~{'' if self.person is None else self.person}"
        return f"{head}:{len(self.tag)}.{self.tag}{self.search}"


async def query_key(db: Database, person_id: int, query: BrowseQuery) -> str:
    """The query in the short form that custom_ids carry: its key, or `~ID` of the draft that holds a longer one.

    Raises DatabaseError.
    """
    key = query.key
    if len(key.encode("utf-16-le")) // 2 > MAX_KEY:
        key = f"~{await save_draft(db, person_id, query.model_dump_json())}"
    return key


async def query_at(db: Database, person_id: int, key: str) -> BrowseQuery:
    """The query with this key. Raises NothingThere for one that is too old, and DatabaseError."""
    if kept := _KEPT.fullmatch(key):
        text = await db.one(FIND_DRAFT, id=int(kept[1]), person=person_id)
        query = None if text is None else _from_json(text)
    else:
        query = _from_key(key)
    if query is None:
        raise NothingThere(what=_("This page is outdated. Please open it again."))
    return query


async def first_in_market(db: Database, checkpoints: InstalledCheckpoints, person_id: int) -> BrowseQuery:
    """LoRAs that fit the person's checkpoint, trending first; for a person without bookmarks, the best rated first.

    Raises DatabaseError.
    """
    beginner = not await db.get(COUNT_BOOKMARKS, person_id)
    return await _that_fits(db, checkpoints, person_id, Sort.TOP_RATED if beginner else Sort.TRENDING)


async def first_of_bookmarks(db: Database, checkpoints: InstalledCheckpoints, person_id: int) -> BrowseQuery:
    """LoRAs that fit the person's checkpoint, the newest first. Raises DatabaseError."""
    return await _that_fits(db, checkpoints, person_id, Sort.NEWEST)


async def first_to_try(
    db: Database, checkpoints: InstalledCheckpoints, person_id: int
) -> tuple[Lora, CheckpointSettings] | None:
    """The best rated LoRA that fits the person's checkpoint, else another one, and the checkpoint; None without one.

    Raises DatabaseError.
    """
    usual = await usual_checkpoint(db, checkpoints, person_id)
    for checkpoint in sorted(checkpoints, key=lambda each: each is not usual):
        bases = checkpoints.lora_bases_for(checkpoint.base_model)
        for lora in (await browse_loras(db, limit=MOST_TRIED, base_models=bases, sort=Sort.TOP_RATED)).loras:
            if checkpoint.name in checkpoints.names_for(lora):
                return lora, checkpoint
    return None


async def _that_fits(db: Database, checkpoints: InstalledCheckpoints, person_id: int, sort: Sort) -> BrowseQuery:
    preferences = await find_preferences(db, person_id)
    checkpoint = default_checkpoint(checkpoints, preferences)
    base_model = checkpoint.base_model if checkpoint else None
    return BrowseQuery(sort=sort, base_model=base_model, compact=preferences.compact_lists)


def _from_key(key: str) -> BrowseQuery | None:
    match = _KEY.fullmatch(key)
    letter = match["sort"].lower() if match else ""
    featured = letter == _FEATURED
    sort = Sort.NEWEST if featured else next((sort for sort, its in _SORTS.items() if its == letter), None)
    if match is None or sort is None:
        return None
    length = int(match["length"])
    category = next((each for each, letter in _CATEGORIES.items() if letter == match["category"]), None)
    return BrowseQuery(
        sort=sort,
        category=category,
        tag=match["rest"][:length],
        base_model=base_model_in(match["base"]),
        search=match["rest"][length:],
        compact=match["sort"].isupper(),
        featured=featured,
        lora=int(match["lora"]) if match["lora"] else None,
        person=int(match["person"]) if match["person"] else None,
    )


def _from_json(text: str) -> BrowseQuery | None:
    try:
        return BrowseQuery.model_validate_json(text)
    except ValidationError:  # another kind of draft
        return None


def in_order(sort: Sort) -> str:
    """An order in words, for menus and titles."""
    return _(_ORDERS[sort])


def base_model_in(text: str) -> BaseModelId | None:
    """The base model that `text` names, or None."""
    try:
        return BaseModelId(text.strip().lower())
    except ValueError:
        return None
