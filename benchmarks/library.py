"""Times queries on a large database: 100,000 LoRAs, 1,000,000 bookmarks, 10,000 people (with --quick a twentieth).

Measures for autocomplete, filters, search, pages of bookmarks, the studio and the market the 99th
percentile over mixed random calls in milliseconds (median of three runs), how often a name or trigger word with one
random typo is found on the first page, and the load average; beside the clock's time the process' own, for busy
machines. Heavy collectors (5,000 bookmarks) make every fifth call.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks._command import BenchmarkCommand, closing_line
from benchmarks._crowd import BASES, HEAVY, LARGE, SMALL, STYLE_WORDS, Crowd, Size, fill, typo
from bot.database.bookmarks.bookmarks import list_bookmarks
from bot.database.database import Database, open_database
from bot.database.loras.autocomplete import lora_choices
from bot.database.loras.catalogue import Sort, browse_loras, find_lora, often_used_with, similar_names
from bot.database.loras.tags import POPULAR_TAGS
from bot.database.people.studio import save_studio
from inference.base_models import BaseModelId
from inference.lora.beside.categories import Category

TYPOS = 600
LEAST_FOUND = 0.9  # of names and trigger words with a typo, on the first page
PAGE, MENU_SIZE, SUGGESTIONS = 5, 20, 25  # entries


class Visitor:
    """Asks for something at random. `rng` decides what."""

    def __init__(self, db: Database, crowd: Crowd, seed: int) -> None:
        self._db, self._crowd, self._rng = db, crowd, random.Random(seed)

    @property
    def looks(self) -> tuple[Callable[[], Awaitable[None]], ...]:
        """Everything that is asked for."""
        return self.autocomplete, self.filters, self.search, self.bookmarks, self.studio, self.market

    @property
    def _person(self) -> int:
        return self._rng.randint(1, HEAVY if self._rng.random() < 0.2 else self._crowd.size.people)

    def _typed(self) -> str:
        """The beginning of a name, a whole one, a trigger word or a common word; one in four with a typo."""
        rng = self._rng
        text = rng.choice([*self._crowd.known[rng.randrange(len(self._crowd.known))], rng.choice(STYLE_WORDS)])
        cut = text[: rng.randint(1, len(text))] if rng.random() < 0.5 else text
        return typo(rng, cut) if rng.random() < 0.25 else cut

    def _filters(self) -> dict[str, object]:
        rng = self._rng
        bases = [BaseModelId(base) for base in rng.sample(BASES, rng.randint(1, 2))]
        filters: dict[str, object] = {}
        if rng.random() < 0.6:
            filters["base_models"] = bases
        if rng.random() < 0.5:
            filters["category"] = rng.choice(list(Category))
        return filters

    async def autocomplete(self) -> None:
        """One keystroke in a field with suggestions."""
        typed = "" if self._rng.random() < 0.1 else self._typed()
        fitting = [BaseModelId(self._rng.choice(BASES))]
        await lora_choices(self._db, self._person, typed, fitting=fitting, limit=SUGGESTIONS)

    async def filters(self) -> None:
        """A page of the market narrowed down."""
        filters = self._filters()
        if self._rng.random() < 0.3:
            filters |= {"category": Category.OTHER, "tag": self._rng.choice(("lighting", "camera", "film grain"))}
        offset = PAGE * self._rng.choice((0, 0, 0, 1, 2, 30, 300))
        await browse_loras(self._db, limit=PAGE, offset=offset, sort=self._rng.choice(list(Sort)), **filters)  # type: ignore[arg-type]

    async def search(self) -> None:
        """A search in the market, narrowed down or not."""
        filters = self._filters() if self._rng.random() < 0.5 else {}
        offset = PAGE * self._rng.choice((0, 0, 0, 1, 5))
        sort = self._rng.choice(list(Sort))
        await browse_loras(self._db, limit=PAGE, offset=offset, search=self._typed(), sort=sort, **filters)  # type: ignore[arg-type]

    async def bookmarks(self) -> None:
        """A page of somebody's bookmarks, as it is opened, narrowed down, or searched."""
        filters = self._filters() if self._rng.random() < 0.7 else {}
        search = self._rng.choice(("", "", self._typed(), self._crowd.note(self._rng).split()[0]))
        await list_bookmarks(
            self._db,
            self._person,
            limit=PAGE,
            offset=PAGE * self._rng.choice((0, 0, 1, 10, 200)),
            search=search,
            sort=self._rng.choice((Sort.NEWEST, Sort.OLDEST, Sort.MOST_USED, Sort.NAME)),
            **filters,  # type: ignore[arg-type]
        )

    async def studio(self) -> None:
        """The studio as it opens, with three LoRAs in it and the menu of what fits: bookmarks, or the top rated."""
        person = self._person
        state = json.dumps({"loras": [self._rng.randint(1, self._crowd.size.loras) for _ in range(3)]})
        await save_studio(self._db, person, state)
        for lora_id in json.loads(state)["loras"]:
            await find_lora(self._db, lora_id)
        fitting = [BaseModelId(base) for base in self._rng.sample(BASES, 2)]
        search = self._typed() if self._rng.random() < 0.2 else ""
        query = {"limit": MENU_SIZE, "base_models": fitting, "search": search}
        found = await list_bookmarks(self._db, person, **query)  # type: ignore[arg-type]
        if not found.total and not search:
            await browse_loras(self._db, **query, sort=Sort.TOP_RATED)  # type: ignore[arg-type]

    async def market(self) -> None:
        """The market as it opens, a LoRA's page, the tags of a category, or a name that is not there."""
        lora_id = self._rng.randint(1, self._crowd.size.loras)
        match self._rng.randrange(5):
            case 0 | 1:
                sort = self._rng.choice((Sort.TRENDING, Sort.TOP_RATED, Sort.NEWEST, Sort.MOST_USED))
                await browse_loras(self._db, limit=PAGE, sort=sort)
            case 2:
                await find_lora(self._db, lora_id)
                await often_used_with(self._db, lora_id)
            case 3:
                await self._db.all(POPULAR_TAGS, category=Category.OTHER, limit=25)
            case _:
                await similar_names(self._db, typo(self._rng, self._typed()))


async def percentiles(look: Callable[[], Awaitable[None]], calls: int) -> tuple[float, float]:
    """The 99th percentile of `calls` calls, in milliseconds: by the clock, and of this process' own work."""
    times: list[float] = []
    work: list[float] = []
    for _ in range(calls):
        began, worked = time.perf_counter(), time.process_time()
        await look()
        times.append((time.perf_counter() - began) * 1000)
        work.append((time.process_time() - worked) * 1000)
    return statistics.quantiles(times, n=100)[98], statistics.quantiles(work, n=100)[98]


async def found_with_a_typo(db: Database, crowd: Crowd) -> dict[str, float]:
    """The share of names and trigger words that are found on the first page although one character is wrong."""
    rng = random.Random(99)
    browsed = suggested = 0
    for _ in range(TYPOS):
        lora_id = rng.randint(1, crowd.size.loras)
        typed = typo(rng, rng.choice(crowd.known[lora_id - 1]))
        page = await browse_loras(db, limit=PAGE, search=typed, sort=rng.choice(list(Sort)))
        wanted = set(crowd.called(lora_id))
        browsed += any(wanted & set(crowd.called(lora.id)) for lora in page.loras)
        choices = await lora_choices(db, HEAVY, typed, limit=SUGGESTIONS)
        suggested += any(wanted & set(crowd.called(choice.id)) for choice in choices)
    return {"browsed": round(browsed / TYPOS, 3), "suggested": round(suggested / TYPOS, 3)}


async def measure(folder: Path, size: Size, calls: int, runs: int) -> dict[str, Any]:
    """Fill a database, then look at it."""
    path = folder / "easel.sqlite3"
    began = time.perf_counter()
    async with open_database(path):
        pass
    crowd = fill(path, size)
    filled = time.perf_counter() - began
    async with open_database(path) as db:
        results: dict[str, list[tuple[float, float]]] = {}
        for run in range(runs):
            visitor = Visitor(db, crowd, seed=run)
            for look in visitor.looks:
                results.setdefault(look.__name__, []).append(await percentiles(look, calls))
        typos = await found_with_a_typo(db, crowd)
    return {
        "p99_ms": {name: round(statistics.median(time for time, _ in times), 1) for name, times in results.items()},
        "p99_cpu_ms": {name: round(statistics.median(work for _, work in times), 1) for name, times in results.items()},
        "found_with_one_typo": typos,
        "fill_seconds": round(filled, 1),
        "megabytes": round(path.stat().st_size / 2**20),
    }


def main() -> int:
    """Measure in a temporary folder, or in the one that is named, where the database then stays; the exit code."""
    parser = BenchmarkCommand(__doc__)
    parser.add_size("--calls", 600, 100, "calls of each kind in a run")
    parser.add_size("--runs", 3, 1, "runs, of which the median counts")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="where the database is made and stays")
    options = parser.read()
    size = SMALL if options.quick else LARGE
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        figures = asyncio.run(measure(folder, size, options.calls, options.runs))
    found = figures["found_with_one_typo"].items()
    failed = [f"of names with a typo only {share:.1%} were {how}" for how, share in found if share < LEAST_FOUND]
    load = [round(value, 2) for value in os.getloadavg()]
    return closing_line("library", asdict(size) | figures | {"load_average": load}, failed, quick=options.quick)


if __name__ == "__main__":
    sys.exit(main())
