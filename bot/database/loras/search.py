"""Searches the catalogue: filters by the full text index alone, then sorts.

What was typed is found in four ranks: names and trigger words that are exactly it; their words that begin with it;
names and trigger words one typo away; and, when little was found, word by word one typo away or in a description.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.database.database import Database
from bot.database.dictionary import near_words
from bot.database.loras.index import USABLE, base_facet, category_facet, content_facet, tag_facet
from bot.database.loras.server_order import ORDERED, page_in_server
from bot.database.query import Query
from bot.database.search import DESCRIBED, all_of, any_of, begins, quoted, search_words, whole
from inference.base_models import BaseModelId
from inference.content_rating import ContentRating
from inference.lora.beside.categories import Category

FEW = 25  # entries; when fewer match by beginnings, looser matches are added
KEPT_FOR_TYPOS = 2  # places of the first page that are reserved for entries one typo away
SORTED_HITS = 5000  # entries; more are not sorted: the index of the order is scanned until the page is full

_LOOSE = 3  # the last of the four ranks
NAMES = "{name trigger_words}"


class Sort(StrEnum):
    """The order of a list."""

    NEWEST = "newest"
    OLDEST = "oldest"
    NAME = "name"
    MOST_USED = "most_used"
    TRENDING = "trending"
    TOP_RATED = "top_rated"


_ORDERS = {
    Sort.NEWEST: "lora.id DESC",
    Sort.OLDEST: "lora.id",
    Sort.NAME: "lora.name_key",
    Sort.MOST_USED: "lora.uses DESC, lora.id DESC",
    Sort.TRENDING: "lora.trend DESC, lora.id DESC",
    Sort.TOP_RATED: "lora.score DESC, lora.id DESC",
}
_PAGE = "LIMIT :limit OFFSET :offset"

# Condition on a bookmark: its LoRA has one of the ratings `:shown`, as `shown_parameter` writes them.
BOOKMARK_SHOWN = """(
    :shown IS NULL OR coalesce((SELECT content_rating FROM lora WHERE id = bookmark.lora_id), '')
    IN (SELECT value FROM json_each(:shown))
)"""

ANY_RATED = Query(
    bool,
    "SELECT EXISTS (SELECT 1 FROM json_each(?) AS wanted CROSS JOIN lora ON lora.content_rating = wanted.value)",
)
COUNT_MATCHES = Query(int, "SELECT count(*) FROM lora_text WHERE lora_text MATCH ?")
COUNT_SORTABLE = Query(int, "SELECT count(*) FROM (SELECT 1 FROM lora_text WHERE lora_text MATCH :match LIMIT :limit)")
ALL = {
    sort: Query(
        int,
        f"""
        SELECT id FROM lora WHERE EXISTS (SELECT 1 FROM lora_version WHERE lora_id = lora.id AND usable = 1)
        ORDER BY {order} {_PAGE}
        """,  # noqa: S608 - constants only
    )
    for sort, order in _ORDERS.items()
}
SORTED = {
    sort: Query(
        int,
        f"""
        SELECT lora.id FROM lora_text CROSS JOIN lora ON lora.id = lora_text.rowid
        WHERE lora_text MATCH :match ORDER BY {order} {_PAGE}
        """,  # noqa: S608 - constants only
    )
    for sort, order in _ORDERS.items()
}
# The plus keeps SQLite from looking up every hit and sorting them all.
WALKED = {
    sort: Query(
        int,
        f"""
        SELECT id FROM lora WHERE +id IN (SELECT rowid FROM lora_text WHERE lora_text MATCH :match)
        ORDER BY {order} {_PAGE}
        """,  # noqa: S608 - constants only
    )
    for sort, order in _ORDERS.items()
}
# Takes one entry of each name in turn: many entries of one name would hide the others.
TAKING_TURNS = {
    sort: Query(
        int,
        f"""
        WITH found AS MATERIALIZED (SELECT rowid AS id FROM lora_text WHERE lora_text MATCH :match)
        SELECT id FROM (
            SELECT lora.id, wanted.key AS name, row_number() OVER (PARTITION BY wanted.key ORDER BY {order}) AS turn
            FROM json_each(:names) AS wanted CROSS JOIN lora_text ON lora_text MATCH wanted.value
            CROSS JOIN lora ON lora.id = lora_text.rowid WHERE +lora_text.rowid IN (SELECT id FROM found)
        ) GROUP BY id ORDER BY min(turn), min(name) {_PAGE}
        """,  # noqa: S608 - constants only
    )
    for sort, order in _ORDERS.items()
}


# The content ratings that are shown, None among them for entries without one; None alone: all.
Shown = Collection[ContentRating | None] | None


@dataclass(frozen=True)
class Facets:
    """What entries must have; None means anything. Only entries with a usable version are found."""

    category: Category | None = None
    tag: str | None = None
    base_models: Collection[BaseModelId] | None = None
    shown: Shown = None

    def query(self) -> str | None:
        """The FTS5 query; None when nothing can match."""
        if (self.base_models is not None and not self.base_models) or (self.shown is not None and not self.shown):
            return None
        wanted = [quoted(USABLE)]
        wanted += [quoted(category_facet(self.category))] if self.category else []
        wanted += [quoted(tag_facet(self.tag))] if self.tag else []
        wanted += [any_of(quoted(base_facet(base)) for base in self.base_models)] if self.base_models else []
        if self.shown is None:
            return f"facets : {all_of(wanted)}"
        if None not in self.shown:
            return f"facets : {all_of([*wanted, any_of(map(_rated, filter(None, self.shown)))])}"
        hidden = any_of(_rated(rating) for rating in ContentRating if rating not in self.shown)
        return f"facets : ({all_of(wanted)} NOT {hidden})"


def _rated(rating: ContentRating) -> str:
    return quoted(content_facet(rating))


@dataclass(frozen=True)
class TypedWord:
    """One word that was typed, and the words of the dictionary one typo away from it."""

    word: str
    near: tuple[str, ...]

    @property
    def begun(self) -> str:
        """Entries with a name or trigger word that has a word beginning with it."""
        return f"{NAMES} : {begins(self.word)}"

    @property
    def loose(self) -> str:
        """The same, or one typo away."""
        return any_of([self.begun, f"{NAMES} : {any_of(map(quoted, self.near))}"]) if self.near else self.begun

    @property
    def anywhere(self) -> str:
        """The same, or in the description."""
        return any_of([self.loose, f"description : {begins(DESCRIBED + self.word)}"])


@dataclass(frozen=True)
class Typed:
    """What was typed, as FTS5 queries: word by word, and as a whole with the names that are one typo away."""

    words: tuple[TypedWord, ...]
    together: str
    near: tuple[str, ...]

    @property
    def exact(self) -> str:
        """Entries with a name or trigger word that is exactly it."""
        return f"whole : {quoted(whole(self.together))}"

    @property
    def whole_begun(self) -> str:
        """Entries with a name or trigger word that begins with it, whatever stands between its words."""
        return f"whole : {begins(whole(self.together))}"

    @property
    def begun(self) -> str:
        """Entries in whose names and trigger words each of its words begins one."""
        return any_of([all_of(word.begun for word in self.words), self.whole_begun])

    @property
    def mistyped(self) -> str | None:
        """Entries with a name or trigger word one typo away from it."""
        return f"whole : {any_of(quoted(whole(words)) for words in self.near)}" if self.near else None

    @property
    def meant(self) -> list[str]:
        """The same, one query for each name that may have been meant, the most alike first."""
        return [f"whole : {quoted(whole(words))}" for words in self.near]

    @property
    def loose(self) -> str:
        """Entries in whose names and trigger words each of its words begins one, or is one typo away from one."""
        return all_of(word.loose for word in self.words)

    @property
    def anywhere(self) -> str:
        """The same, or in the description."""
        return all_of(word.anywhere for word in self.words)


@dataclass(frozen=True)
class FoundPage:
    """Ids of a page of entries, and how many were found on all pages."""

    ids: Sequence[int]
    total: int


@dataclass(frozen=True)
class _Hits:
    """One rank: the query of its entries, and how many match. With `meant`, entries alternate between these names."""

    match: str
    count: int
    meant: Sequence[str] = ()


def shown_parameter(shown: Shown) -> str | None:
    """The ratings as a JSON parameter of statements, "" for None among them; None when all are shown."""
    return None if shown is None else json.dumps([rating or "" for rating in shown])


async def what_is_hidden(db: Database, shown: Shown) -> Shown:
    """The same, or None where the library has nothing that it hides: then lists need not look."""
    if shown is None or None not in shown:
        return shown
    hidden = [rating for rating in ContentRating if rating not in shown]
    return shown if await db.get(ANY_RATED, hidden) else None


async def read_typed(db: Database, words: Sequence[str]) -> Typed:
    """Make queries of `words`, at least one, in the form of `search.words_of`."""
    together = "".join(words)
    typed = [TypedWord(word, tuple(await near_words(db, word))) for word in words]
    near = typed[0].near if len(typed) == 1 else tuple(await near_words(db, together))
    return Typed(tuple(typed), together, near)


async def find_loras(
    db: Database,
    facets: Facets,
    search: str,
    sort: Sort,
    *,
    limit: int,
    offset: int = 0,
    server_id: int | None = None,
) -> FoundPage:
    """A page of the entries that have all `facets` and what was typed as `search`.

    With `server_id`, what trends and what is top rated there counts its publications and likes.
    """
    words, wanted = search_words(search), facets.query()
    if words == [] or wanted is None:
        return FoundPage((), 0)
    if words is None:
        return await _listed(db, facets, wanted, sort, limit, offset, server_id)
    ranks = await _ranks(db, wanted, await read_typed(db, words))
    ids: list[int] = []
    place = 0
    for hits, start, length in _pieces(ranks, limit):
        begin, end = max(offset, place), min(offset + limit, place + length)
        if begin < end:
            within = start + begin - place
            ids += await _page_of(db, hits, sort, server_id, limit=end - begin, offset=within)
        place += length
    return FoundPage(ids, sum(hits.count for hits in ranks))


async def _page_of(
    db: Database, hits: _Hits, sort: Sort, server_id: int | None, *, limit: int, offset: int
) -> list[int]:
    if len(hits.meant) < 2 or hits.count > SORTED_HITS:
        return await ranked(db, hits.match, hits.count, sort, limit=limit, offset=offset, server_id=server_id)
    return await db.all(TAKING_TURNS[sort], match=hits.match, names=hits.meant, limit=limit, offset=offset)


async def _listed(
    db: Database,
    facets: Facets,
    wanted: str,
    sort: Sort,
    limit: int,
    offset: int,
    server_id: int | None,
) -> FoundPage:
    total = await db.get(COUNT_MATCHES, wanted)
    if facets == Facets() and server_id is not None and sort in ORDERED:
        ids = await page_in_server(db, server_id, sort, None, many=True, limit=limit, offset=offset)
    elif facets == Facets():
        ids = await db.all(ALL[sort], limit=limit, offset=offset)
    else:
        ids = await ranked(db, wanted, total, sort, limit=limit, offset=offset, server_id=server_id)
    return FoundPage(ids, total)


async def first_ranked(db: Database, match: str, sort: Sort, *, limit: int) -> list[int]:
    """Ids of the first entries that an FTS5 query finds, in order, without counting them."""
    count = await db.get(COUNT_SORTABLE, match=match, limit=SORTED_HITS + 1)
    return await ranked(db, match, count, sort, limit=limit)


async def ranked(
    db: Database,
    match: str,
    count: int,
    sort: Sort,
    *,
    limit: int,
    offset: int = 0,
    server_id: int | None = None,
) -> list[int]:
    """Ids of a page of the `count` entries that an FTS5 query finds, in order."""
    if offset >= count:
        return []
    if server_id is not None and sort in ORDERED:
        return await page_in_server(db, server_id, sort, match, many=count > SORTED_HITS, limit=limit, offset=offset)
    query = WALKED[sort] if count > SORTED_HITS else SORTED[sort]
    return await db.all(query, match=match, limit=limit, offset=offset)


async def _ranks(db: Database, wanted: str, typed: Typed) -> list[_Hits]:
    """The four ranks, each without the entries of earlier ones."""
    found: list[_Hits] = []
    before: list[str] = []
    for rank in (typed.exact, typed.begun, typed.mistyped, typed.anywhere):
        if rank is None or (len(found) == _LOOSE and found[0].count + found[1].count >= FEW):
            found.append(_Hits("", 0))
            continue
        match = f"({wanted} AND {rank})" + (f" NOT {any_of(before)}" if before else "")
        found.append(_Hits(match, await db.get(COUNT_MATCHES, match), typed.meant if rank == typed.mistyped else ()))
        before.append(rank)
    return found


def _pieces(ranks: Sequence[_Hits], limit: int) -> list[tuple[_Hits, int, int]]:
    """In which order the ranks come, as (rank, first entry of it, how many).

    Mere beginnings may fill many pages, so the last places of the first page are kept for typos.
    """
    exact, begun, mistyped, loose = ranks
    first = min(begun.count, max(0, limit - exact.count - min(mistyped.count, KEPT_FOR_TYPOS)))
    return [
        (exact, 0, exact.count),
        (begun, 0, first),
        (mistyped, 0, mistyped.count),
        (begun, first, begun.count - first),
        (loose, 0, loose.count),
    ]
