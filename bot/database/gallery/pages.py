"""The gallery of a server: pages of posted pictures, the newest or the most liked first, by whatever they have.

What is deleted (its owner may still undo that), taken down, out of sight for a report, blocked, rated above what the
place shows or posted in a channel that is not for who looks is left out. Pages begin behind a picture and not after so
many rows, so that the last page costs what the first does.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import product

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.gallery.publications import Publication
from bot.database.gallery.terms import GalleryFilter
from bot.database.query import Query, SqlStatement
from bot.database.reports.reports import HELD_JOBS
from inference.content_rating import ContentRating

BLOCK_HOLDS = "(block.ends_at IS NULL OR block.ends_at > :now)"
# The rule on minors, for ratings that are newer than the publication.
_CHILD_BESIDE_RATING = f"""(
    names_child = 1 AND (
        unrated = 1 AND :unrated_as >= {ContentRating.MATURE.level}
        OR checkpoint IN (SELECT value FROM json_each(:adult))
        OR EXISTS (
            SELECT 1 FROM publication_lora CROSS JOIN lora_version ON lora_version.sha256 = publication_lora.sha256
            CROSS JOIN lora ON lora.id = lora_id CROSS JOIN rating_level ON rating_level.rating = lora.content_rating
            WHERE publication_id = publication.id AND rating_level.level >= {ContentRating.MATURE.level}
        )
        OR EXISTS (
            SELECT 1 FROM job_rating CROSS JOIN rating_level ON rating_level.rating = job_rating.rating
            WHERE job_rating.job_id = publication.job_id AND job_rating.server_id IN (0, publication.server_id)
            AND rating_level.level >= {ContentRating.MATURE.level}
        )
    )
)"""  # noqa: S608 - constants only
_ALLOWED = f"""
    level <= :most AND (unrated = 0 OR :unrated_as <= :most) AND NOT {_CHILD_BESIDE_RATING}
    AND (checkpoint IN (SELECT value FROM json_each(:checkpoints))) = :listed
    AND publication.art_channel_id NOT IN (SELECT value FROM json_each(:unseen))
    AND publication.job_id NOT IN (SELECT id FROM job WHERE delete_at IS NOT NULL)
    AND publication.job_id NOT IN ({HELD_JOBS})
    AND NOT EXISTS (
        SELECT 1 FROM takedown WHERE takedown.job_id = publication.job_id
        AND takedown.server_id IN (0, publication.server_id)
    )
"""  # noqa: S608 - constants only
_BLOCK = f"block.server_id IN (0, publication.server_id) AND {BLOCK_HOLDS}"
SHOWN = f"""(
    {_ALLOWED}
    AND NOT EXISTS (SELECT 1 FROM block WHERE kind = 'person' AND target_id = publication.person_id AND {_BLOCK})
    AND NOT EXISTS (
        SELECT 1 FROM publication_lora CROSS JOIN lora_version ON lora_version.sha256 = publication_lora.sha256
        CROSS JOIN block ON kind = 'lora' AND target_id = lora_version.lora_id
        WHERE publication_id = publication.id AND {_BLOCK}
    )
)"""  # noqa: S608 - constants only
# The same of server `:server`. All that its blocks concern is found once for a statement, which costs less for the
# thousands of pictures of a channel; SHOWN looks for blocks of each picture, which costs less for those of a page.
_BLOCK_HERE = f"block.server_id IN (0, :server) AND {BLOCK_HOLDS}"
SHOWN_AMONG_MANY = f"""(
    {_ALLOWED}
    AND coalesce(publication.person_id, 0) NOT IN (SELECT target_id FROM block WHERE kind = 'person' AND {_BLOCK_HERE})
    AND publication.id NOT IN (
        SELECT publication_id FROM block CROSS JOIN lora_version ON lora_version.lora_id = target_id
        CROSS JOIN publication_lora ON publication_lora.sha256 = lora_version.sha256
        WHERE kind = 'lora' AND {_BLOCK_HERE}
    )
)"""  # noqa: S608 - constants only

# Of table lora: what a place names of a server's LoRAs.
LORA_SHOWN = f"""(
    EXISTS (SELECT 1 FROM lora_version WHERE lora_version.lora_id = lora.id AND usable = 1)
    AND coalesce((SELECT level FROM rating_level WHERE rating = lora.content_rating), :unrated_as) <= :most
    AND NOT EXISTS (
        SELECT 1 FROM block WHERE block.kind = 'lora' AND block.target_id = lora.id
        AND block.server_id IN (0, :server) AND {BLOCK_HOLDS}
    )
)"""  # noqa: S608 - constants only


class GallerySort(StrEnum):
    """The order of a gallery."""

    NEWEST = "newest"
    MOST_LIKED = "most_liked"  # in the last days, and then the newest


_HERE = "FROM publication WHERE server_id = :server"
_FOUND = """FROM publication_text CROSS JOIN publication ON publication.id = publication_text.rowid
    WHERE publication_text MATCH :match"""
# The most liked are walked in their order, for what a filter finds may be half of them, and sorting is slow. The plus
# keeps SQLite from looking up all that is found instead.
_AMONG_FOUND = """FROM publication WHERE server_id = :server
    AND +publication.id IN (SELECT rowid FROM publication_text WHERE publication_text MATCH :match)"""
_LIKED_BEYOND = "recent_likes > 0 AND (recent_likes, publication.id) {} (:likes, :id)"
_MOST_LIKED = "recent_likes {0}, publication.id {0}"
# (sort, found by a filter): the rows, behind what a page begins, and the order.
_LISTS = {
    (GallerySort.NEWEST, False): (_HERE, "publication.id {} :id", "publication.id {}"),
    (GallerySort.NEWEST, True): (_FOUND, "publication_text.rowid {} :id", "publication_text.rowid {}"),
    (GallerySort.MOST_LIKED, False): (_HERE, _LIKED_BEYOND, _MOST_LIKED),
    (GallerySort.MOST_LIKED, True): (_AMONG_FOUND, _LIKED_BEYOND, _MOST_LIKED),
}


def _page(sort: GallerySort, found: bool, back: bool) -> Query[Publication]:
    rows, beyond, order = _LISTS[sort, found]
    return Query(
        Publication,
        f"""
        SELECT publication.* {rows} AND state = 'posted' AND {beyond.format(">" if back else "<")}
        AND {SHOWN} ORDER BY {order.format("" if back else "DESC")} LIMIT :limit OFFSET :offset
        """,
    )


# (sort, found by a filter, towards the beginning): one statement each.
PAGE_OF_PUBLICATIONS = {key: _page(*key) for key in product(GallerySort, (False, True), (False, True))}
# Publications that are posted and shown in a place.
FIND_SHOWN = Query(
    Publication,
    f"SELECT publication.* FROM publication WHERE id = :id AND state = 'posted' AND {SHOWN}",  # noqa: S608
)
FIND_ALL_SHOWN = Query(
    Publication,
    f"""
    SELECT publication.* FROM publication
    WHERE id IN (SELECT value FROM json_each(:ids)) AND state = 'posted' AND {SHOWN}
    """,  # noqa: S608 - constants only
)
# What is not shown in its own art channel is hidden there, and what is shown again is posted again.
HIDE_UNSHOWN = SqlStatement(f"""
    UPDATE publication SET state = 'pending', hidden = 1
    WHERE art_channel_id = :channel AND state <> 'removing' AND hidden = 0 AND NOT {SHOWN_AMONG_MANY}
""")  # noqa: S608
BRING_BACK = SqlStatement(f"""
    UPDATE publication SET hidden = 0
    WHERE art_channel_id = :channel AND hidden = 1 AND state = 'pending' AND {SHOWN_AMONG_MANY}
""")  # noqa: S608
# Ids of the LoRAs with which a server publishes and likes most lately, where a picture of theirs is shown.
TRENDING_LORAS = Query(
    int,
    f"""
    SELECT lora.id, max(lora_in_server.trend) AS trend FROM lora_in_server
    JOIN lora_version ON lora_version.sha256 = lora_in_server.sha256 JOIN lora ON lora.id = lora_version.lora_id
    WHERE lora_in_server.server_id = :server AND publications > 0 AND {LORA_SHOWN} AND EXISTS (
        SELECT 1 FROM publication_lora JOIN publication ON publication.id = publication_lora.publication_id
        WHERE publication_lora.sha256 = lora_in_server.sha256
        AND publication.server_id = :server AND state = 'posted' AND {SHOWN}
    )
    GROUP BY lora.id ORDER BY max(lora_in_server.trend) DESC, lora.id DESC LIMIT :limit
    """,  # noqa: S608 - constants only
)
END = 2**63 - 1  # above every id and every number of likes


@dataclass(frozen=True)
class PlaceFilter:
    """What a place shows: pictures up to `most`; a LoRA without a rating counts as `unrated_as`.

    `checkpoints` are those whose pictures are shown or, unless `listed`, those whose pictures are not. What was
    published in the `unseen` channels is not shown. Pictures of the `adult` checkpoints are not shown if their words
    name a child.
    """

    most: ContentRating
    unrated_as: ContentRating = ContentRating.GENERAL
    checkpoints: Collection[str] = ()
    listed: bool = False
    unseen: Collection[int] = ()
    adult: Collection[str] = ()

    @property
    def parameters(self) -> dict[str, object]:
        """The values for `SHOWN`."""
        return {
            "most": self.most.level,
            "unrated_as": self.unrated_as.level,
            "checkpoints": list(self.checkpoints),
            "listed": self.listed,
            "unseen": list(self.unseen),
            "adult": list(self.adult),
            "now": now_ms(),
        }


@dataclass(frozen=True)
class Anchor:
    """Behind what a page begins: a publication's id, and when the most liked are first, its recent likes."""

    id: int = END
    likes: int = END


BEGINNING, ENDING = Anchor(), Anchor(0, 0)


@dataclass(frozen=True)
class GalleryPage:
    """Publications in order, and whether there are more on either side."""

    publications: Sequence[Publication]
    before: bool
    after: bool

    @property
    def next(self) -> Anchor:
        """Where the page after this one begins."""
        return anchor_of(self.publications[-1])

    @property
    def previous(self) -> Anchor:
        """Before what the page before this one ends."""
        return anchor_of(self.publications[0])


def anchor_of(publication: Publication) -> Anchor:
    """The place of a publication in a list."""
    return Anchor(publication.id, publication.recent_likes)


async def gallery_page(
    db: Database,
    wanted: GalleryFilter,
    place: PlaceFilter,
    sort: GallerySort = GallerySort.NEWEST,
    *,
    limit: int,
    after: Anchor = BEGINNING,
) -> GalleryPage:
    """The page that begins after `after`."""
    found = await _beyond(db, wanted, place, sort, back=False, anchor=after, limit=limit + 1)
    return GalleryPage(found[:limit], before=after != BEGINNING, after=len(found) > limit)


async def numbered_gallery_page(
    db: Database,
    wanted: GalleryFilter,
    place: PlaceFilter,
    sort: GallerySort = GallerySort.NEWEST,
    *,
    limit: int,
    number: int,
) -> GalleryPage:
    """The page with a number, from 0; the last one for one beyond it. It reads what stands before it."""
    offset = number * limit
    found = await _beyond(db, wanted, place, sort, back=False, anchor=BEGINNING, limit=limit + 1, offset=offset)
    if not found and number:
        last = await page_before(db, wanted, place, sort, limit=limit, before=ENDING)
        return replace(last, after=False)
    return GalleryPage(found[:limit], before=number > 0, after=len(found) > limit)


async def page_before(
    db: Database,
    wanted: GalleryFilter,
    place: PlaceFilter,
    sort: GallerySort = GallerySort.NEWEST,
    *,
    limit: int,
    before: Anchor,
) -> GalleryPage:
    """The page that ends before `before`; the first page when there are too few for one."""
    found = await _beyond(db, wanted, place, sort, back=True, anchor=before, limit=limit + 1)
    if len(found) <= limit:
        return await gallery_page(db, wanted, place, sort, limit=limit)
    return GalleryPage(found[limit - 1 :: -1], before=True, after=True)


async def match_channel(
    db: Database, server_id: int, channel_id: int, place: PlaceFilter, *, brings_back: bool
) -> None:
    """Hide what a server's art channel does not show by now.

    If it `brings_back`, let what it shows be posted again.
    """
    values = {"server": server_id, "channel": channel_id, **place.parameters}
    await db.run(HIDE_UNSHOWN, **values)
    if brings_back:
        await db.run(BRING_BACK, **values)


async def _beyond(
    db: Database,
    wanted: GalleryFilter,
    place: PlaceFilter,
    sort: GallerySort,
    *,
    back: bool,
    anchor: Anchor,
    limit: int,
    offset: int = 0,
) -> list[Publication]:
    match = wanted.query()
    if match is None:
        return []
    query = PAGE_OF_PUBLICATIONS[sort, wanted.narrows, back]
    return await db.all(
        query,
        server=wanted.server_id,
        match=match,
        id=anchor.id,
        likes=anchor.likes,
        limit=limit,
        offset=offset,
        **place.parameters,
    )
