"""Load test: hundreds of people at once, a worker that paints on the same cores, a million bookmarks in the database.

Measures how long Discord waited for the first answer to an interaction (`ack_p99_s`, the median of the
runs, each a storm of 300 in ten seconds: orders, suggestions, pages, buttons), how late the bot's heartbeats came at
the most, by how much the times that people were told missed (`eta_median_error`, of the orders in the storms), and the
load average. All times are taken by the playground, which is a process of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks._command import BenchmarkCommand, closing_line
from benchmarks._crowd import HEAVY, LARGE, SMALL, STYLE_WORDS, Size, fill
from benchmarks._town import Town, town
from bot.database.bookmarks.bookmarks import owner_word
from bot.database.database import open_database
from playground.control import Control, Person
from playground.visible_message import VisibleMessage
from playground.wire import Json

HEARTBEAT_SECONDS = 1.0  # instead of 41, so that there are enough of them to speak of
BUSY = 12  # jobs that are ordered before each storm, so that the worker paints all the while
PATIENCE = 120.0
ANSWERED = re.compile(r"^/interactions/(\d+)/[^/]+/callback$")
TOLD = re.compile(r"ready in about (\d+) (second|minute|hour)")
SECONDS = {"second": 1, "minute": 60, "hour": 3600}

Act = Callable[[Person, random.Random], Awaitable[str]]


@dataclass
class Storm:
    """What people do, and what they have open to press on."""

    here: Town
    people: list[Person]
    pages: list[tuple[Person, VisibleMessage]] = field(default_factory=list[tuple[Person, VisibleMessage]])
    pictures: list[VisibleMessage] = field(default_factory=list[VisibleMessage])
    sent: dict[str, str] = field(default_factory=dict[str, str])  # what kind each interaction was, by its id
    looked_at: int = 0  # exchanges up to this number: asking for all of them again holds up the playground

    async def imagine(self, person: Person, dice: random.Random) -> str:
        """Order a picture."""
        options = {"prompt": f"a {dice.choice(('red', 'blue', 'green'))} circle", "checkpoint": "vivid"}
        steps = dice.choice((8, 12, 20))
        return (
            await person.slash("imagine", in_=dice.choice(("general", "art", "dm")), steps=steps, **options)
        ).interaction_id

    async def suggestion(self, person: Person, dice: random.Random) -> str:
        """One keystroke in the field for a LoRA."""
        word = dice.choice(STYLE_WORDS)
        typed = word[: dice.randint(0, len(word))]
        body: Json = {"as": person.name, "channel": "general", "name": "imagine", "focused": "lora1"}
        return (await person.control.post("autocomplete", {**body, "options": {"lora1": typed}}))["interaction"]

    async def page(self, person: Person, dice: random.Random) -> str:
        """Open a page: bookmarks, the market, a search in either, the queue, the history, the studio."""
        name, options = dice.choice(
            (
                ("bookmarks", {}),
                ("bookmarks", {"search": dice.choice(STYLE_WORDS)}),
                ("lora browse", {}),
                ("lora browse", {"search": dice.choice(STYLE_WORDS)}),
                ("queue", {}),
                ("history", {}),
                ("studio", {}),
            )
        )
        return (await person.slash(name, **options)).interaction_id

    async def button(self, person: Person, dice: random.Random) -> str:
        """Turn a page that is open, or look at what a picture was made of."""
        if self.pages and dice.random() < 0.7:
            owner, seen = self.pages.pop(dice.randrange(len(self.pages)))
            return (await owner.press(seen, "More")).interaction_id
        return (await person.press(dice.choice(self.pictures), "Details")).interaction_id

    async def blow(self, interactions: int, seconds: float, dice: random.Random) -> None:
        """All of them, at random moments within `seconds`."""
        acts = {"imagine": self.imagine, "suggestion": self.suggestion, "page": self.page, "button": self.button}
        kinds = [list(acts)[number % len(acts)] for number in range(interactions)]
        dice.shuffle(kinds)
        moments = sorted(dice.uniform(0, seconds) for _ in kinds)
        people = dice.sample(self.people, len(kinds)) if len(kinds) <= len(self.people) else self.people
        began = time.monotonic()

        async def one(number: int) -> None:
            await asyncio.sleep(max(0.0, moments[number] - (time.monotonic() - began)))
            kind = kinds[number]
            person = people[number % len(people)]
            self.sent[await acts[kind](person, random.Random(dice.random()))] = kind

        await asyncio.gather(*(one(number) for number in range(len(kinds))))

    async def prepare(self, pages: int, dice: random.Random) -> None:
        """Pages to turn and jobs that are painted meanwhile; the queue is empty before."""
        for person in dice.sample(self.people, pages):
            name = dice.choice(("bookmarks", "lora browse"))
            self.pages.append((person, await (await person.slash(name)).reply(PATIENCE)))
        self.pages = [(person, seen) for person, seen in self.pages if "More" in seen.buttons]
        for person in dice.sample(self.people, BUSY):
            await (await person.slash("imagine", prompt="a tree", checkpoint="vivid", count=2, steps=28)).reply(
                PATIENCE
            )


async def measure(
    folder: Path, filled: Path | None, size: Size, interactions: int, seconds: float, runs: int
) -> dict[str, Any]:
    """Fill a database, start everything, let the storms blow."""
    dice = random.Random(1)
    began = time.perf_counter()
    await _crowded(folder / "data" / "easel.sqlite3", filled, size)
    filling = time.perf_counter() - began
    quiet: dict[str, object] = {"samples": 0, "look_seconds": 86_400}
    async with town(folder, heartbeat_seconds=HEARTBEAT_SECONDS, library=quiet) as here:
        await here.start_bot()
        people = [await here.control.new_person(f"Person{number}") for number in range(interactions)]
        await asyncio.to_thread(_settle, here.database, await _ids(here.control, people))
        storm = Storm(here, people)
        picture = await (await people[0].slash("imagine", prompt="a star", checkpoint="vivid")).reply(PATIENCE)
        await here.control.wait_message(
            picture.id, lambda seen: bool(seen.attachments) and "Details" in seen.buttons, 300
        )
        storm.pictures.append(picture)
        found = [await _one_run(storm, interactions, seconds, dice) for _ in range(runs)]
        beats, late = await here.control.heartbeats()
    return {**_summed(found), "heartbeats": beats, "heartbeat_late_s": round(late, 3), "fill_seconds": round(filling)}


@dataclass
class Run:
    """What one storm was like: seconds until the first answer by kind, those without one, misses of what was told."""

    waits: dict[str, list[float]]
    unanswered: Counter[str]
    listless: int  # suggestions that were not LoRAs but what was typed, or nothing
    misses: list[float]
    waiting: int
    load: float


async def _one_run(storm: Storm, interactions: int, seconds: float, dice: random.Random) -> Run:
    control = storm.here.control
    await storm.prepare(interactions // 4, dice)
    storm.sent.clear()
    before = storm.looked_at = (await control.exchanges(storm.looked_at))[-1]["number"]
    await storm.blow(interactions, seconds, dice)
    waiting, load = storm.here.owed(), os.getloadavg()[0]
    await asyncio.sleep(5.0)  # what is not answered by then never will be
    exchanges = await control.exchanges(before)
    while storm.here.owed():
        await asyncio.sleep(1.0)
        exchanges += await control.exchanges(exchanges[-1]["number"])
    storm.looked_at = exchanges[-1]["number"]
    answered = {match[1]: one["at"] for one in exchanges if (match := ANSWERED.match(one["path"]))}
    waits: dict[str, list[float]] = defaultdict(list)
    unanswered = Counter[str]()
    for interaction, kind in storm.sent.items():
        state = (await control.get(f"interactions/{interaction}"))["interaction"]
        if interaction in answered and not state["failed"]:
            waits[kind].append(answered[interaction] - state["created_at"])
        else:
            unanswered[kind] += 1
    return Run(waits, unanswered, _listless(exchanges), _misses(exchanges), waiting, load)


def _listless(exchanges: list[Json]) -> int:
    suggestions = [one["request"]["data"]["choices"] for one in exchanges if (one["request"] or {}).get("type") == 8]
    return sum(not any(choice["value"].startswith("#") for choice in choices) for choices in suggestions)


def _misses(exchanges: list[Json]) -> list[float]:
    """By what share of the true time each told time was wrong; times that were told as "a while" are left out."""
    told: dict[str, tuple[float, float]] = {}
    misses: list[float] = []
    for one in exchanges:
        text = json.dumps(one["request"])
        if (job := re.search(r'"cancel:(\d+)"', text)) and (eta := TOLD.search(text)):
            told.setdefault(job[1], (one["at"], int(eta[1]) * SECONDS[eta[2]]))
        for job in {found[1] for name in one["files"] if (found := re.match(r"job(\d+)-", name))}:
            if job in told and one["status"] < 300:
                at, seconds = told.pop(job)
                misses.append(abs(seconds - (one["at"] - at)) / (one["at"] - at))
    return misses


def _summed(found: list[Run]) -> dict[str, Any]:
    def p99(waits: list[float]) -> float:
        return statistics.quantiles(waits, n=100)[98]

    everything = [[wait for waits in run.waits.values() for wait in waits] for run in found]
    kinds = {kind: [wait for run in found for wait in run.waits[kind]] for kind in found[0].waits}
    misses = [miss for run in found for miss in run.misses]
    return {
        "ack_p99_s": round(statistics.median(map(p99, everything)), 3),
        "ack_p99_of_each_run_s": [round(p99(waits), 3) for waits in everything],
        "ack_p99_by_kind_s": {kind: round(p99(waits), 3) for kind, waits in kinds.items()},
        "ack_median_s": round(statistics.median(wait for waits in everything for wait in waits), 3),
        "ack_worst_s": round(max(map(max, everything)), 3),
        "unanswered": dict(sum((run.unanswered for run in found), Counter[str]())),
        "suggestions_without_a_list": sum(run.listless for run in found),
        "eta_median_error": round(statistics.median(misses), 3),
        "eta_median_error_of_each_run": [round(statistics.median(run.misses), 3) for run in found],
        "eta_told": len(misses),
        "waiting_after_the_storm": [run.waiting for run in found],
        "load_average": [round(run.load, 1) for run in found],
    }


async def _crowded(path: Path, filled: Path | None, size: Size) -> None:
    """A database full of LoRAs whose files lie elsewhere, so that the bot's scan of its library leaves them alone."""
    source = filled or path
    await asyncio.to_thread(path.parent.mkdir)
    if not await asyncio.to_thread(source.exists):
        async with open_database(source):
            pass
        await asyncio.to_thread(fill, source, size)
    if filled is not None:
        await asyncio.to_thread(shutil.copyfile, filled, path)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE lora_version SET missing = 1")


async def _ids(control: Control, people: list[Person]) -> list[int]:
    everybody = {one["name"]: int(one["id"]) for one in (await control.get("world", as_="Ada"))["people"]}
    return [everybody[person.name] for person in people]


def _settle(path: Path, people: list[int]) -> None:
    """The LoRAs are there after all, and the first bookmarks are those of the people who are about to come."""
    with closing(sqlite3.connect(path, timeout=60)) as database, database:
        database.execute("UPDATE lora_version SET missing = 0 WHERE path = id || '.safetensors'")
        for old, new in enumerate(people, HEAVY // 2):  # half of those with thousands are among them
            database.execute("INSERT OR IGNORE INTO person (id, created_at) VALUES (?, 1)", (new,))
            mine = "SELECT id FROM bookmark WHERE person_id = ?"
            database.execute(f"UPDATE bookmark_text SET owner = ? WHERE rowid IN ({mine})", (owner_word(new), old))
            database.execute("UPDATE bookmark SET person_id = ? WHERE person_id = ?", (new, old))


def main() -> int:
    """Measure in a temporary folder; the exit code. Whoever is not answered makes it fail."""
    parser = BenchmarkCommand(__doc__)
    parser.add_size("--interactions", 300, 40, "interactions in a storm")
    parser.add_size("--seconds", 10.0, 10.0, "that a storm lasts")
    parser.add_size("--runs", 3, 1, "storms")
    parser.add_argument("--database", type=Path, help="a filled database to copy; it is made when it is not there")
    options = parser.read()
    size = SMALL if options.quick else LARGE
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(
            measure(Path(folder), options.database, size, options.interactions, options.seconds, options.runs)
        )
    failed = [f"{count} of kind {kind} were not answered" for kind, count in figures["unanswered"].items()]
    asked = {"interactions": options.interactions, "seconds": options.seconds, "runs": options.runs}
    figures = asked | {"bookmarks": size.bookmarks, "loras": size.loras} | figures
    return closing_line("storm", figures, failed, quick=options.quick)


if __name__ == "__main__":
    sys.exit(main())
