"""Kills processes, cuts connections and refuses requests while people order; each job must have exactly one answer.

`jobs` ordered, `results` (messages with the pictures that were asked for, in the place where they
belong), `apologies` (messages that say why not), `lost` (jobs without either), `doubled` (jobs with more than one),
`orphans` (rows, files and processes that nothing belongs to any more), `database_ok`. Everything is counted by what
people see; the database only tells which jobs there are. Orders that the bot could not take, because it was dead, are
made again and are no jobs.

With `--backend ray` the workers are on two nodes of a Ray cluster on this machine. What is killed as a worker then is
an engine, an actor, a raylet with all of its node, or the driver process.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
import tempfile
import time
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psutil

from benchmarks._chaos_verdict import Order, judge
from benchmarks._command import BenchmarkCommand, closing_line
from benchmarks._ray_nodes import RayMachine, RayNodes, ray_nodes
from benchmarks._town import Town, town
from playground.control import ControlError, NotInTime, Person

CHANNELS = ("general", "art", "dm")
# The last one is for another base model: some orders are refused.
LORAS = {"vivid": ("Komori", "Stripes"), "pastel": ("Komori", "Polka Dots", "Gloss")}
SHAPES = ("circle", "square", "star", "heart", "moon", "tree", "fish", "house")
COLOURS = ("red", "blue", "green", "yellow", "white")
ROUTES = (r"/webhooks/", r"/callback", r"/channels/\d+/messages", r"/messages", r"/users/")
FAULTS = (
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 429, "retry_after": 0.5},
    {"kind": "late", "status": 502},
    {"kind": "hang", "seconds": 5.0},
    {"kind": "cut"},
)
PRIVATE_EVERY = 4  # every so many people want to see their pictures alone
RAY_NODES = 2
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
    deletions: int
    dice: random.Random
    acts: list[str] = field(init=False)
    seeds: count[int] = field(default_factory=lambda: count(1_000))  # of pictures: each order has its own
    orders: list[Order] = field(default_factory=list[Order])

    def __post_init__(self) -> None:
        self.acts = (
            ["worker"] * self.worker_kills
            + ["bot"] * self.bot_kills
            + ["gateway"] * self.gateway_drops
            + ["fault"] * self.faults
            + ["deletion"] * self.deletions
        )
        self.dice.shuffle(self.acts)


async def run(plan: Plan, folder: Path, backend: str = "local") -> dict[str, object]:
    """Let it happen; what was found at the end."""
    if backend == "local":
        async with town(folder) as here:
            return await _run(plan, here, None)
    async with ray_nodes() as nodes:
        for _ in range(RAY_NODES):
            await nodes.add()
        async with town(folder, worker={"backend": backend}, cluster=nodes.section) as here:
            return await _run(plan, here, nodes)


async def _run(plan: Plan, here: Town, nodes: RayNodes | None) -> dict[str, object]:
    began = time.monotonic()
    await here.start_bot()
    names = [f"Person{number}" for number in range(plan.people)]
    people = [await here.control.new_person(name) for name in names]
    for person in people[::PRIVATE_EVERY]:
        await (await person.slash("settings", results="only I see them")).reply()
    ordering = [asyncio.create_task(_order(here, person, plan)) for person in people]
    await _havoc(here, plan, nodes)
    await asyncio.gather(*ordering)
    await here.control.clear_faults()
    await _settled(here)
    found = await judge(here, names, plan.orders)
    return {**found, "bot_starts": here.starts, "seconds": round(time.monotonic() - began)}


async def _order(here: Town, person: Person, plan: Plan) -> None:
    """One person orders, at their own pace, until there are enough jobs."""
    dice = random.Random(plan.dice.random())
    while _jobs(here) < plan.jobs:
        checkpoint = dice.choice(list(LORAS))
        options: dict[str, object] = {
            "prompt": f"a {dice.choice(COLOURS)} {dice.choice(SHAPES)} on a {dice.choice(COLOURS)} background",
            "checkpoint": checkpoint,
            "seed": next(plan.seeds),
            "count": dice.choice((1, 1, 1, 2)),
        }
        if dice.random() < 0.5:
            options["lora1"] = dice.choice(LORAS[checkpoint])
        with contextlib.suppress(ControlError, NotInTime):
            sent = await person.slash("imagine", in_=dice.choice(CHANNELS), **options)
            plan.orders.append(Order(options, sent.interaction_id))
            await sent.answered(seconds=20)
        await asyncio.sleep(dice.uniform(0.5, 4.0))


async def _havoc(here: Town, plan: Plan, nodes: RayNodes | None) -> None:
    """Do the plan's acts, spread over the time in which jobs are ordered and painted."""
    for number, act in enumerate(plan.acts):
        share = plan.jobs * (number + plan.dice.random()) / len(plan.acts)
        while _ended(here) < share * 0.9:
            await asyncio.sleep(0.2)
        if act in ("worker", "bot"):
            await _moment(here, plan.dice)
        else:
            await asyncio.sleep(plan.dice.uniform(0, 1.0))
        if act == "worker":
            await _kill_a_worker(here, plan.dice, nodes)
        elif act == "bot":
            await here.kill_bot()
            await asyncio.sleep(plan.dice.uniform(0, 2.0))
            await here.start_bot()
        elif act == "gateway":
            await here.control.drop_gateway(plan.dice.choice(["close", "reconnect", "invalidate"]))
        elif act == "deletion":
            await _delete_a_message(here, plan.dice)
        else:
            await here.control.fault(
                plan.dice.choice(ROUTES), **plan.dice.choice(FAULTS), count=plan.dice.randint(1, 3)
            )


async def _moment(here: Town, dice: random.Random) -> None:
    """Any moment; or one just after the bot asked Discord for something, or wrote something down."""
    kind = dice.choice(("any", "request", "row"))
    if kind == "any":
        await asyncio.sleep(dice.uniform(0, 1.0))
    elif kind == "request":
        last = max((one["number"] for one in await here.control.exchanges()), default=0)
        with contextlib.suppress(NotInTime):
            await here.control.wait_exchange(lambda one: one["number"] > last, seconds=3.0)
        await asyncio.sleep(dice.uniform(0, 0.03))
    else:
        await here.written(patience=3.0)
        await asyncio.sleep(dice.uniform(0, 0.01))


async def _kill_a_worker(here: Town, dice: random.Random, nodes: RayNodes | None) -> None:
    """Kill a process that paints, or in a cluster one that stands behind it."""
    machine = dice.choice(nodes.machines) if nodes else None
    kind = dice.choice(("engine", "actor", "raylet", "driver")) if machine else "worker"
    while not (found := _victims(here, machine, kind)):
        await asyncio.sleep(0.1)
    with contextlib.suppress(psutil.NoSuchProcess):
        dice.choice(found).kill()
    if nodes and machine and kind == "raylet":
        await nodes.remove(machine)
        await nodes.add()


def _victims(here: Town, machine: RayMachine | None, kind: str) -> list[psutil.Process]:
    if machine is None or kind == "driver":
        return here.workers()
    return {"engine": machine.engines, "actor": machine.actors, "raylet": machine.raylets}[kind]


async def _delete_a_message(here: Town, dice: random.Random) -> None:
    """A moderator deletes a message that tells of a job which is not done yet."""
    waiting = [seen for seen in await here.control.messages("art", "Margaret") if "Cancel" in seen.buttons]
    if waiting:
        with contextlib.suppress(ControlError):
            await here.control.person("Margaret").delete(dice.choice(waiting))


def _jobs(here: Town) -> int:
    return here.count("SELECT count(*) FROM job")


def _ended(here: Town) -> int:
    return here.count("SELECT count(*) FROM job WHERE state IN ('succeeded', 'failed', 'cancelled')")


async def _settled(here: Town) -> None:
    """Wait until nothing is owed any more, or nothing moves."""
    left, since = here.owed(), time.monotonic()
    while left and time.monotonic() - since < STUCK_SECONDS:
        await asyncio.sleep(0.5)
        now = here.owed()
        if now != left:
            left, since = now, time.monotonic()
    await asyncio.sleep(1.0)  # what is tidied up after the last delivery


def main() -> int:
    """Read the command line, let it happen, print the closing line; the exit code."""
    parser = BenchmarkCommand(__doc__)
    parser.add_size("--jobs", 200, 12, "jobs that are ordered")
    parser.add_size("--people", 20, 4, "people who order")
    parser.add_size("--worker-kills", 20, 2, "deaths of the worker")
    parser.add_size("--bot-kills", 10, 1, "deaths of the bot")
    parser.add_size("--gateway-drops", 10, 1, "cuts of the connection")
    parser.add_size("--faults", 60, 4, "refusals of requests")
    parser.add_size("--deletions", 6, 1, "deleted messages")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--backend", choices=("local", "ray"), default="local")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="run in this folder and leave it")
    options = vars(parser.read())
    seed, keep, quick, backend = (options.pop(name) for name in ("seed", "keep", "quick", "backend"))
    plan = Plan(**options, dice=random.Random(seed))
    with tempfile.TemporaryDirectory() as temporary:
        folder = keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        found = asyncio.run(run(plan, folder, backend))
    failed = [f"{found[what]} {what}" for what in ("lost", "doubled", "orphans") if found[what]]
    failed += [] if found["database_ok"] else ["the database is damaged"]
    failed += [str(each) for each in found["wrong"]]
    return closing_line("chaos", {"seed": seed, "backend": backend, **found}, failed, quick=quick)


if __name__ == "__main__":
    sys.exit(main())
