"""Suggestions while a person types the name of a LoRA: bookmarks first, and in each group what fits first."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from pydantic import Json

from bot.database.database import Database
from bot.database.loras.catalogue import BOOKMARK_FITS, LORA_FITS
from bot.database.loras.search import (
    BOOKMARK_SHOWN,
    FEW,
    KEPT_FOR_TYPOS,
    Facets,
    Shown,
    Sort,
    first_ranked,
    read_typed,
    shown_parameter,
    what_is_hidden,
)
from bot.database.query import Query
from bot.database.search import search_words
from inference.base_models import BaseModelId
from inference.lora.beside.categories import Category

_USABLE = "EXISTS (SELECT 1 FROM lora_version WHERE lora_version.lora_id = bookmark.lora_id AND usable = 1)"
# (whether it fits): the newest first.
BOOKMARKED = {
    fits: Query(
        int,
        f"""
        SELECT lora_id FROM bookmark
        WHERE person_id = :person AND {_USABLE} AND {"" if fits else "NOT"} {BOOKMARK_FITS} AND {BOOKMARK_SHOWN}
        ORDER BY created_at DESC, bookmark.id DESC LIMIT :limit
        """,  # noqa: S608 - constants only
    )
    for fits in (True, False)
}
# The plus keeps SQLite from asking the full text index once for each bookmark.
BOOKMARKED_MATCHING = Query(
    int,
    f"""
    SELECT lora_text.rowid FROM lora_text
    CROSS JOIN bookmark ON bookmark.person_id = :person AND bookmark.lora_id = lora_text.rowid
    WHERE lora_text MATCH :match AND +lora_text.rowid IN (SELECT lora_id FROM bookmark WHERE person_id = :person)
    ORDER BY {BOOKMARK_FITS} DESC, bookmark.uses DESC, bookmark.id DESC LIMIT :limit
    """,  # noqa: S608 - constants only
)


@dataclass(frozen=True)
class LoraChoice:
    """One suggestion. `base_models` are those of its usable versions, without the unknown ones."""

    id: int
    name: str
    category: Category
    base_models: Json[tuple[BaseModelId, ...]]
    fits: bool
    bookmarked: bool


CHOSEN = Query(
    LoraChoice,
    f"""
    SELECT lora.id, lora.name, lora.category, (
        SELECT json_group_array(base_model) FROM (
            SELECT DISTINCT base_model FROM lora_version
            WHERE lora_id = lora.id AND usable = 1 AND base_model IS NOT NULL ORDER BY base_model
        )
    ) AS base_models, {LORA_FITS.format(id="lora.id")} AS fits,
    EXISTS (SELECT 1 FROM bookmark WHERE person_id = :person AND lora_id = lora.id) AS bookmarked
    FROM json_each(:ids) AS wanted CROSS JOIN lora ON lora.id = wanted.value ORDER BY wanted.key
    """,  # noqa: S608 - constants only
)


@dataclass(frozen=True)
class _Asked:
    """The person, the base models that fit the chosen checkpoint, and how many suggestions are wanted."""

    db: Database
    person_id: int
    fitting: Collection[BaseModelId]
    shown: Shown
    limit: int

    @property
    def parameters(self) -> dict[str, object]:
        return {
            "person": self.person_id,
            "base_models": [*self.fitting],
            "shown": shown_parameter(self.shown),
            "limit": self.limit,
        }


async def lora_choices(
    db: Database,
    person_id: int,
    typed: str,
    *,
    fitting: Collection[BaseModelId] = (),
    shown: Shown = None,
    limit: int = 25,
) -> Sequence[LoraChoice]:
    """The suggestions: bookmarks before the rest, and in each those of `fitting` base models first.

    What is one typo away from `typed` comes behind what begins with it. `shown` are the content ratings that are
    suggested, left out: all.
    """
    asked = _Asked(db, person_id, fitting, await what_is_hidden(db, shown), limit)
    words = search_words(typed)
    if words == []:
        return ()
    ids = await _untyped(asked) if words is None else await _typed(asked, words)
    return await db.all(CHOSEN, **asked.parameters, ids=ids[:limit])


async def _untyped(asked: _Asked) -> list[int]:
    """The newest bookmarks, then the best rated entries, which help beginners."""
    ids: list[int] = []
    for fits in (True, False):
        if len(ids) < asked.limit:
            ids += await asked.db.all(BOOKMARKED[fits], **asked.parameters)
    return await _and_others(asked, ids, "", Sort.TOP_RATED)


async def _typed(asked: _Asked, words: list[str]) -> list[int]:
    """Entries that begin with the words, then in reserved places names one typo away, then any similar ones."""
    typed = await read_typed(asked.db, words)
    begun = await _matching(asked, typed.begun)
    kept_only = replace(asked, limit=KEPT_FOR_TYPOS)
    named = await _matching(kept_only, typed.exact)
    full = len(begun) == asked.limit
    mistyped = await _matching(kept_only if full else asked, typed.mistyped) if typed.mistyped else []
    kept = dict.fromkeys([*named, *mistyped[:KEPT_FOR_TYPOS]])
    ids = [*begun[: asked.limit - len(kept)], *kept, *begun, *mistyped]
    if len(begun) < FEW:
        ids += await _matching(asked, typed.loose)
    return list(dict.fromkeys(ids))


async def _matching(asked: _Asked, match: str) -> list[int]:
    bookmarked = f"{Facets(shown=asked.shown).query()} AND {match}"
    ids = await asked.db.all(BOOKMARKED_MATCHING, **asked.parameters, match=bookmarked)
    return await _and_others(asked, ids, match, Sort.MOST_USED)


async def _and_others(asked: _Asked, ids: list[int], match: str, sort: Sort) -> list[int]:
    """Fill up with entries that are no bookmarks, fitting ones first. `ids` are all matching bookmarks, or enough."""
    everything = Facets(shown=asked.shown).query()
    fitting = Facets(base_models=asked.fitting, shown=asked.shown).query()
    rests = [fitting, f"{everything} NOT {fitting}"] if fitting else [everything]
    for rest in rests:
        if len(ids) >= asked.limit:
            break
        narrowed = f"({rest}) AND {match}" if match else str(rest)
        others = await first_ranked(asked.db, narrowed, sort, limit=asked.limit + len(ids))
        ids = list(dict.fromkeys([*ids, *others]))[: asked.limit]
    return ids
