"""Lists of LoRAs in the order of a server: its publications and likes count beside everybody's uses and stars.

What a server has published with is few beside the library. Those entries are read and sorted, and then merged into the
order of all others, which an index has.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

from bot.database.database import Database
from bot.database.query import Query
from bot.database.trends import sum_of

STARS_OF_LIKE = 5  # a publication or a like counts like a rating with so many stars

TRENDING, TOP_RATED = "trending", "top_rated"
ORDERED = (TRENDING, TOP_RATED)  # the sorts in which a server counts
_COLUMN = {TRENDING: "trend", TOP_RATED: "score"}
# (whether a full text query narrows the list down)
HERE = {
    found: Query(
        sqlite3.Row,
        f"""
        SELECT lora.id, lora.trend, lora.stars, lora.ratings, here.trend AS trend_here, here.votes FROM (
            SELECT lora_id, max(trend) AS trend, sum(publications + likes) AS votes FROM (
                SELECT DISTINCT lora_version.lora_id, lora_in_server.* FROM lora_in_server
                JOIN lora_version ON lora_version.sha256 = lora_in_server.sha256
                WHERE server_id = :server AND publications > 0
            ) GROUP BY lora_id
        ) AS here CROSS JOIN lora ON lora.id = here.lora_id WHERE {
            "+lora.id IN (SELECT rowid FROM lora_text WHERE lora_text MATCH :match)"
            if found
            else "EXISTS (SELECT 1 FROM lora_version WHERE lora_id = lora.id AND usable = 1)"
        }
        """,  # noqa: S608 - constants only
    )
    for found in (False, True)
}
_OTHERS = "lora.id NOT IN (SELECT value FROM json_each(:ids))"
_PAGE = "ORDER BY {0} DESC, lora.id DESC LIMIT :limit OFFSET :offset"
ALL = {
    sort: Query(
        sqlite3.Row,
        f"""
        SELECT id, {column} AS value FROM lora
        WHERE EXISTS (SELECT 1 FROM lora_version WHERE lora_id = lora.id AND usable = 1) AND {_OTHERS}
        {_PAGE.format(column)}
        """,  # noqa: S608 - constants only
    )
    for sort, column in _COLUMN.items()
}
SORTED = {
    sort: Query(
        sqlite3.Row,
        f"""
        SELECT lora.id, {column} AS value FROM lora_text CROSS JOIN lora ON lora.id = lora_text.rowid
        WHERE lora_text MATCH :match AND {_OTHERS} {_PAGE.format(column)}
        """,  # noqa: S608 - constants only
    )
    for sort, column in _COLUMN.items()
}
# The plus keeps SQLite from looking up every hit and sorting them all.
WALKED = {
    sort: Query(
        sqlite3.Row,
        f"""
        SELECT id, {column} AS value FROM lora
        WHERE +id IN (SELECT rowid FROM lora_text WHERE lora_text MATCH :match) AND {_OTHERS} {_PAGE.format(column)}
        """,  # noqa: S608 - constants only
    )
    for sort, column in _COLUMN.items()
}


async def page_in_server(
    db: Database,
    server_id: int,
    sort: str,
    match: str | None,
    *,
    many: bool,
    limit: int,
    offset: int,
) -> list[int]:
    """Ids of a page of the entries that the FTS5 query `match` finds, or of all; `sort` is one of `ORDERED`.

    `many` says that they are too many to be sorted.
    """
    rows = await db.all(HERE[match is not None], server=server_id, match=match)
    here = sorted(((_value_here(row, sort), row["id"]) for row in rows), reverse=True)
    # At most so many of the server's entries stand before the page, so the others on it are among these.
    first = max(0, offset - len(here))
    query = (ALL if match is None else WALKED if many else SORTED)[sort]
    rows = await db.all(query, match=match, ids=[lora for _, lora in here], limit=limit + len(here), offset=first)
    others = [(row["value"], row["id"]) for row in rows]
    before = _before(here, others) if first else 0
    merged = sorted([*here[before:], *others], reverse=True)
    start = offset - first - before
    return [lora for _, lora in merged[start : start + limit]]


def _before(here: Collection[tuple[float, int]], others: Collection[tuple[float, int]]) -> int:
    """How many of the server's entries stand before all of the `others` that were read."""
    top = max(others, default=None)
    return len(here) if top is None else sum(one > top for one in here)


def _value_here(row: sqlite3.Row, sort: str) -> float:
    if sort == TRENDING:
        return sum_of(row["trend"], row["trend_here"])
    votes: int = row["votes"]
    return (row["stars"] + 15.0 + STARS_OF_LIKE * votes) / (row["ratings"] + 5.0 + votes)  # as the column `score`
