"""Times the gallery of one server: 10,000 published pictures of 2,000 people with 200,000 likes.

Measures a page of the gallery (by any filter, in both orders, from the first page or from the middle), what the page of
a LoRA shows of the community, and a like with its commit, as the 99th percentile of the clock and of the process' own
time in milliseconds (median of the runs), and the load average.
"""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate
from pathlib import Path

from benchmarks._command import BenchmarkCommand, closing_line
from bot.community.discord_side import PublicationSide
from bot.community.like_counts import LikeCounts
from bot.community.pacing import EditPacer
from bot.database.clock import now_ms
from bot.database.database import Database, open_database
from bot.database.gallery.features import FIND_FEATURE, FeatureKind
from bot.database.gallery.likes import RECENT_MS
from bot.database.gallery.pages import BEGINNING, Anchor, GallerySort, PlaceFilter, gallery_page, page_before
from bot.database.gallery.publications import CHANNELS_WITH_PUBLICATIONS
from bot.database.gallery.terms import GalleryFilter, PublishedFacets
from bot.database.loras.catalogue import find_lora
from bot.database.search import indexed
from inference.base_models import BaseModelId
from inference.content_rating import ContentRating
from inference.lora.beside.categories import Category

MOST_MS = 30.0  # of each of the three
SERVER, CHANNEL = 10**18, 10**18 + 1
PEOPLE, LORAS, VOCABULARY = 2_000, 1_000, 3_000
FIRST_PERSON = 10
PAGE = 10  # pictures
BASES = tuple(BaseModelId(base) for base in ("sd1/sd15", "sdxl/base", "sdxl/illustrious", "sdxl/pony"))
LEVELS = (-1, -1, 0, 0, 1, 1, 2, 3)  # what prompts say; -1: nothing
PLACES = (
    PlaceFilter(ContentRating.TEEN, unseen=(CHANNEL + 1,)),
    PlaceFilter(ContentRating.EXPLICIT, checkpoints=("adult",)),
)
# The first are used most: the n-th as often as 1/n of the first.
POPULAR = list(accumulate(1 / number for number in range(1, LORAS + 1)))


def sha(lora: int) -> str:
    """The file of a LoRA."""
    return f"{lora:064x}"


def prompt(rng: random.Random) -> str:
    """Twelve words."""
    return " ".join(f"word{rng.randrange(VOCABULARY)}" for _ in range(12))


@dataclass(frozen=True)
class Published:
    """What is put into the rows of one publication."""

    id: int
    person: int
    base: BaseModelId
    loras: Sequence[int]
    level: int
    words: str

    @property
    def facets(self) -> str:
        """The words by which it is filtered."""
        categories = {list(Category)[lora % len(Category)] for lora in self.loras}
        return PublishedFacets(categories).terms(SERVER, self.person, self.base, map(sha, self.loras))


def publications(number: int, rng: random.Random) -> Iterator[Published]:
    """Pictures of a lively server."""
    for publication in range(1, number + 1):
        loras = sorted(set(rng.choices(range(1, LORAS + 1), cum_weights=POPULAR, k=rng.randint(1, 3))))
        person = FIRST_PERSON + min(int(rng.expovariate(1 / (PEOPLE / 8))), PEOPLE - 1)
        yield Published(publication, person, rng.choice(BASES), loras, rng.choice(LEVELS), prompt(rng))


def fill(path: Path, pictures: int, likes: int, rng: random.Random) -> None:
    """Fill the tables through their triggers, as the program does."""
    now = now_ms()
    made = list(publications(pictures, rng))
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("PRAGMA synchronous = OFF")
        database.execute("PRAGMA foreign_keys = ON")
        many = database.executemany
        database.execute("INSERT INTO server (id, created_at) VALUES (?, 1)", (SERVER,))
        ids = range(FIRST_PERSON, FIRST_PERSON + PEOPLE)
        many("INSERT INTO person (id, created_at) VALUES (?, 1)", ((person,) for person in ids))
        many(
            "INSERT INTO lora (id, name, name_key, category, created_at) VALUES (?, ?, ?, ?, 1)",
            (
                (lora, f"LoRA {lora}", f"lora {lora}", list(Category)[lora % len(Category)])
                for lora in range(1, LORAS + 1)
            ),
        )
        many(
            "INSERT INTO lora_version (lora_id, sha256, name, path, found, evidence, created_at) "
            """VALUES (?, ?, '', ?, '{"path": "x", "stamp": {"size": 1, "mtime_ns": 1}}', 'SHAPES', 1)""",
            ((lora, sha(lora), f"{lora}.safetensors") for lora in range(1, LORAS + 1)),
        )
        many(
            "INSERT INTO block (server_id, kind, target_id, reason, created_by, created_at) "
            "VALUES (?, ?, ?, 'x', 2, 1)",
            ((SERVER, kind, 50 + number) for kind in ("person", "lora") for number in range(20)),
        )
        many(
            "INSERT INTO publication (id, server_id, job_id, position, person_id, art_channel_id, channel_id, "
            "message_id, shows_prompt, checkpoint, base_model, said_level, created_at) "
            "VALUES (?, ?, ?, 0, ?, ?, ?, ?, 1, 'demo', ?, nullif(?, -1), ?)",
            ((one.id, SERVER, one.id, one.person, CHANNEL, CHANNEL, one.id, one.base, one.level, now) for one in made),
        )
        many("INSERT INTO publication_lora VALUES (?, ?)", ((one.id, sha(lora)) for one in made for lora in one.loras))
        many(
            "INSERT INTO publication_text (rowid, facets, words) VALUES (?, ?, ?)",
            ((one.id, one.facets, indexed(one.words)) for one in made),
        )
        database.execute("UPDATE publication SET state = 'posted'")
        many(
            "INSERT INTO publication_like (publication_id, person_id, liked_at, recent) VALUES (?, ?, ?, ?)",
            liked(pictures, likes, now, rng),
        )


def liked(pictures: int, likes: int, now: int, rng: random.Random) -> Iterator[tuple[int, int, int, int]]:
    """Likes of the last four weeks, of which no two are the same."""
    pairs: set[tuple[int, int]] = set()
    while len(pairs) < likes:
        pairs.add((1 + rng.randrange(pictures), FIRST_PERSON + rng.randrange(PEOPLE)))
    for publication, person in sorted(pairs):
        age = rng.randrange(4 * RECENT_MS)
        yield publication, person, now - age, int(age < RECENT_MS)


class Visitors:
    """Prepares what people do at random. `rng` decides what."""

    def __init__(self, db: Database, likes: LikeCounts, pictures: int, seed: int) -> None:
        self._db = db
        self._likes = likes
        self._pictures = pictures
        self._rng = random.Random(seed)

    def gallery(self) -> Callable[[], Awaitable[object]]:
        """A page of the gallery, with what the person likes on it."""
        rng = self._rng
        here = GalleryFilter(SERVER)
        wanted = rng.choice(
            (
                here,
                replace(here, loras=(sha(self._lora()),)),
                replace(here, person_id=FIRST_PERSON + rng.randrange(PEOPLE)),
                replace(here, base_model=rng.choice(BASES)),
                replace(here, category=rng.choice(list(Category))),
                replace(here, words=(f"word{rng.randrange(VOCABULARY)}",)),
                replace(here, words=("w",)),
                replace(here, category=rng.choice(list(Category)), base_model=rng.choice(BASES), words=("word1",)),
            )
        )
        return partial(self._page, wanted, rng.choice(PLACES), rng.choice(list(GallerySort)), rng.random())

    async def _page(self, wanted: GalleryFilter, place: PlaceFilter, sort: GallerySort, where: float) -> None:
        middle = Anchor(int(self._pictures * where), 5)
        await self._db.all(CHANNELS_WITH_PUBLICATIONS, server=SERVER)
        if where < 0.5:
            await gallery_page(self._db, wanted, place, sort, limit=PAGE, after=BEGINNING)
        elif where < 0.75:
            await gallery_page(self._db, wanted, place, sort, limit=PAGE, after=middle)
        else:
            await page_before(self._db, wanted, place, sort, limit=PAGE, before=middle)

    def lora_page(self) -> Callable[[], Awaitable[object]]:
        """What the page of a LoRA shows of the community."""
        return partial(self._community_of, self._lora())

    async def _community_of(self, lora: int) -> None:
        entry = await find_lora(self._db, lora)
        assert entry is not None
        files = [version.sha256 for version in entry.versions if version.sha256]
        wanted = GalleryFilter(SERVER, loras=files)
        await self._db.all(CHANNELS_WITH_PUBLICATIONS, server=SERVER)
        for sort in GallerySort:
            await gallery_page(self._db, wanted, PLACES[0], sort, limit=4)
        await self._db.one(FIND_FEATURE, server=SERVER, kind=FeatureKind.LORA, target=lora)

    def like(self) -> Callable[[], Awaitable[object]]:
        """Somebody new likes a picture."""
        publication = 1 + self._rng.randrange(self._pictures)
        return partial(self._likes.like, publication, 10**9 + self._rng.randrange(10**9))

    def _lora(self) -> int:
        return self._rng.choices(range(1, LORAS + 1), cum_weights=POPULAR)[0]


async def percentiles(prepare: Callable[[], Callable[[], Awaitable[object]]], calls: int) -> tuple[float, float]:
    """The 99th percentile in milliseconds: by the clock, and of this process' own work in all its threads."""
    times, own = list[float](), list[float]()
    for _ in range(calls):
        work = prepare()
        began, worked = time.perf_counter(), time.process_time()
        await work()
        times.append((time.perf_counter() - began) * 1000)
        own.append((time.process_time() - worked) * 1000)
    return statistics.quantiles(times, n=100)[98], statistics.quantiles(own, n=100)[98]


async def run(folder: Path, pictures: int, likes: int, calls: int, runs: int) -> dict[str, tuple[float, float]]:
    """Fill a database, then measure."""
    path = folder / "easel.sqlite3"
    async with open_database(path):
        pass
    fill(path, pictures, likes, random.Random(0))
    found: dict[str, list[tuple[float, float]]] = {}
    async with open_database(path) as db:
        counts = LikeCounts(db, _Nobody(), EditPacer(time.monotonic))
        for seed in range(runs):
            visitors = Visitors(db, counts, pictures, seed)
            for prepare in (visitors.gallery, visitors.lora_page, visitors.like):
                found.setdefault(prepare.__name__, []).append(await percentiles(prepare, calls))
    return {
        name: (
            round(statistics.median(at for at, _ in values), 2),
            round(statistics.median(own for _, own in values), 2),
        )
        for name, values in found.items()
    }


class _Nobody(PublicationSide):
    """Discord, which nobody asks for anything here."""


def main() -> int:
    """Measure in a temporary folder; the exit code."""
    parser = BenchmarkCommand(__doc__)
    parser.add_size("--pictures", 10_000, 300, "published pictures")
    parser.add_size("--likes", 200_000, 3_000, "likes")
    parser.add_size("--calls", 1_000, 100, "calls of each kind in a run")
    parser.add_size("--runs", 3, 3, "runs, of which the median counts")
    options = parser.read()
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(run(Path(folder), options.pictures, options.likes, options.calls, options.runs))
    figures: dict[str, object] = {f"{name}_p99_ms": at for name, (at, _) in found.items()}
    figures["p99_cpu_ms"] = {name: own for name, (_, own) in found.items()}
    slow = [f"{name} took {at} ms" for name, (at, _) in found.items() if at > MOST_MS]
    # Of a few calls the slowest is the percentile, which says more about the machine.
    failed = [] if options.quick else slow
    sizes = {"pictures": options.pictures, "likes": options.likes, "calls": options.calls}
    load = [round(value, 2) for value in os.getloadavg()]
    return closing_line("gallery", {**sizes, **figures, "load_average": load}, failed, quick=options.quick)


if __name__ == "__main__":
    sys.exit(main())
