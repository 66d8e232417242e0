"""Everything is killed, cut and refused while people order; at the end each job must have exactly one answer.

One line of JSON: `jobs` ordered, `results` (messages with pictures), `apologies` (messages that say why not), `lost`
(jobs without either), `doubled` (jobs with more than one), `orphans` (rows and files that nothing belongs to any
more), `database_ok`. Orders that the bot could not take, because it was dead, are made again and are no jobs.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import re
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.town import Town, town
from bot.playground.control import ControlError, NotInTime, Person
from bot.playground.seen import Seen

CHANNELS = ("general", "art", "dm")
LORAS = {"vivid": ("Komori", "Stripes"), "pastel": ("Komori", "Dots", "Gloss")}
SHAPES = ("circle", "square", "star", "heart", "moon", "tree", "fish", "house")
COLOURS = ("red", "blue", "green", "yellow", "white")
ROUTES = (r"/webhooks/", r"/callback", r"/channels/\d+/messages", r"/messages")
FAULTS = (
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 429, "retry_after": 0.5},
    {"kind": "late", "status": 502},
    {"kind": "hang", "seconds": 5.0},
    {"kind": "cut"},
)
CLOSING = re.compile(r"^(again|delete):(\d+)")  # buttons of a message that tells of a job's end
STUCK_SECONDS = 300.0  # without any progress at the end, we give up


@dataclass
class Plan:
    """How much happens. The counts are of what is done to the bot; jobs are ordered until there are so many."""

    jobs: int
    people: int
    worker_kills: int
    bot_kills: int
    gateway_drops: int
    faults: int
    dice: random.Random
    acts: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.acts = (
            ["worker"] * self.worker_kills
            + ["bot"] * self.bot_kills
            + ["gateway"] * self.gateway_drops
            + ["fault"] * self.faults
        )
        self.dice.shuffle(self.acts)


async def run(plan: Plan, folder: Path) -> dict[str, object]:
    """Let it happen; what was found at the end."""
    began = time.monotonic()
    async with town(folder) as here:
        await here.start_bot()
        names = [f"Person{number}" for number in range(plan.people)]
        people = [await here.control.new_person(name) for name in names]
        ordering = [asyncio.create_task(_order(here, person, plan)) for person in people]
        await _havoc(here, plan)
        await asyncio.gather(*ordering)
        await here.control.clear_faults()
        await _settled(here)
        found = await _judge(here, names)
        found["seconds"] = round(time.monotonic() - began)
        return found


async def _order(here: Town, person: Person, plan: Plan) -> None:
    """One person orders, at their own pace, until there are enough jobs."""
    dice = random.Random(plan.dice.random())
    while _jobs(here) < plan.jobs:
        checkpoint = dice.choice(list(LORAS))
        wish: dict[str, object] = {
            "prompt": f"a {dice.choice(COLOURS)} {dice.choice(SHAPES)} on a {dice.choice(COLOURS)} background",
            "checkpoint": checkpoint,
        }
        if dice.random() < 0.5:
            wish["lora1"] = dice.choice(LORAS[checkpoint])
        with contextlib.suppress(ControlError, NotInTime):
            sent = await person.slash("imagine", in_=dice.choice(CHANNELS), **wish)
            await sent.answered(patience=20)
        await asyncio.sleep(dice.uniform(0.5, 4.0))


async def _havoc(here: Town, plan: Plan) -> None:
    """Do the plan's acts at random moments, spread over the time in which jobs are ordered and painted."""
    for number, act in enumerate(plan.acts):
        share = plan.jobs * (number + plan.dice.random()) / len(plan.acts)
        while _ended(here) < share * 0.9:
            await asyncio.sleep(0.2)
        await asyncio.sleep(plan.dice.uniform(0, 1.0))
        if act == "worker":
            await _kill_a_worker(here, plan.dice)
        elif act == "bot":
            await here.kill_bot()
            await asyncio.sleep(plan.dice.uniform(0, 2.0))
            await here.start_bot()
        elif act == "gateway":
            await here.control.drop_gateway(plan.dice.choice(["close", "reconnect", "invalidate"]))
        else:
            await here.control.fault(
                plan.dice.choice(ROUTES), **plan.dice.choice(FAULTS), count=plan.dice.randint(1, 3)
            )


async def _kill_a_worker(here: Town, dice: random.Random) -> None:
    while not (workers := here.workers()):
        await asyncio.sleep(0.1)
    with contextlib.suppress(ProcessLookupError):
        dice.choice(workers).kill()


def _jobs(here: Town) -> int:
    return here.count("SELECT count(*) FROM job")


def _ended(here: Town) -> int:
    return here.count("SELECT count(*) FROM job WHERE state IN ('succeeded', 'failed', 'cancelled')")


def _open(here: Town) -> int:
    return here.count(
        "SELECT (SELECT count(*) FROM job WHERE state IN ('queued', 'running'))"
        " + (SELECT count(*) FROM delivery WHERE state = 'pending')"
    )


async def _settled(here: Town) -> None:
    """Wait until nothing is owed any more, or nothing moves."""
    left, since = _open(here), time.monotonic()
    while left and time.monotonic() - since < STUCK_SECONDS:
        await asyncio.sleep(0.5)
        now = _open(here)
        if now != left:
            left, since = now, time.monotonic()


async def _judge(here: Town, names: list[str]) -> dict[str, object]:
    told: Counter[int] = Counter()
    kinds: Counter[str] = Counter()
    for channel in ("general", "art"):
        for message in await here.control.messages(channel):
            _count(message, told, kinds)
    for name in names:
        for message in await here.control.messages("dm", name):
            _count(message, told, kinds)
    with here.reading() as connection:
        jobs = [row[0] for row in connection.execute("SELECT id FROM job")]
        paths = {row[0] for row in connection.execute("SELECT path FROM picture")}
        open_rows = _open(here)
        whole = connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        whole = whole and not connection.execute("PRAGMA foreign_key_check").fetchall()
    pictures = here.folder / "data" / "pictures"
    files = {str(file.relative_to(pictures)) for file in pictures.rglob("*.png")}
    files = {file for file in files if not file.startswith("samples")}
    return {
        "jobs": len(jobs),
        "results": kinds["result"],
        "apologies": kinds["apology"],
        "lost": sum(1 for job in jobs if not told[job]),
        "doubled": sum(1 for job in jobs if told[job] > 1),
        "orphans": open_rows + len(files ^ paths),
        "database_ok": whole,
        "lost_jobs": [job for job in jobs if not told[job]][:20],
        "doubled_jobs": [job for job in jobs if told[job] > 1][:20],
    }


def _count(message: Seen, told: Counter[int], kinds: Counter[str]) -> None:
    """Which job's end a message tells of, if it tells of one."""
    ids = [str(button.get("custom_id") or "") for button in message.buttons.values()]
    ended = {int(match[2]) for one in ids if (match := CLOSING.match(one))}
    for job in ended:
        told[job] += 1
        kinds["result" if message.attachments else "apology"] += 1


def main() -> None:
    """Read the command line and print the line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--worker-kills", type=int, default=20)
    parser.add_argument("--bot-kills", type=int, default=10)
    parser.add_argument("--gateway-drops", type=int, default=10)
    parser.add_argument("--faults", type=int, default=60)
    parser.add_argument("--keep", type=Path, help="run in this folder and leave it")
    options = vars(parser.parse_args())
    seed, keep = options.pop("seed"), options.pop("keep")
    plan = Plan(**options, dice=random.Random(seed))
    with tempfile.TemporaryDirectory() as temporary:
        folder = keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        found = asyncio.run(run(plan, folder))
    print(json.dumps({"seed": seed, **found}))
    sys.exit(0 if found["lost"] == found["doubled"] == found["orphans"] == 0 and found["database_ok"] else 1)


if __name__ == "__main__":
    main()
