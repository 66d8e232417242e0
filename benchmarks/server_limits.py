"""Times what the rules of servers add to an order: 10,000 people with limits of their own, 100,000 audit entries.

Everybody has ordered before, half of them today; the server has limits of roles, blocked LoRAs and chosen channels and
categories, and every second request has three LoRAs. Measures `check_request`, `still_allowed` (roles from memory), a
page of the audit log narrowed down, and a query that reads nothing, as the 99th percentile of the process' own time and
of the clock in milliseconds (median of the runs), and the load average.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from benchmarks._command import BenchmarkCommand, closing_line
from bot.config import Settings
from bot.config.sections.discord_settings import DiscordSettings
from bot.config.sections.limits import LimitSettings
from bot.database.clock import DAY_MS, now_ms
from bot.database.database import Database, open_database
from bot.database.jobs.jobs import FIND_JOB, Job
from bot.database.servers.audit import FOREVER, AuditAction, AuditFilter
from bot.database.servers.limits import LimitHolder, LimitName
from bot.servers.command_permissions import CommandPermissions
from bot.servers.context import ActionContext, MemberFacts
from bot.servers.services import ServerServices, server_services
from inference.base_models import BaseModelId
from inference.messages.checkpoints import PredictionType
from inference.messages.request import GenerationRequest, LoraUse
from inference.messages.samplers import Sampler

MOST_CPU_MS = 2.0  # that `check_request` may add
SERVER, CHANNEL = 10**18, 10**18 + 1
OPERATING = ActionContext(person_id=1, server_id=SERVER, checked_by_discord=True)
Results = dict[str, list[tuple[float, float]]]  # by what was done: of each run the clock's time and the own work, in ms
LORAS = 2000
JOINED_AT = 1_000_000
FIRST_PERSON = 10
ROLES = range(10**18 + 100, 10**18 + 130)


class Discord:
    """Answers at once: the time that Discord takes is not measured."""

    async def member(self, server_id: int, person_id: int) -> MemberFacts | None:
        """Everybody has the same roles."""
        return MemberFacts(frozenset(ROLES[:10]), 0, JOINED_AT)

    async def command_permissions(self, server_id: int) -> CommandPermissions:
        """Nothing is closed."""
        return CommandPermissions()

    def age_restricted(self, where: ActionContext) -> bool | None:
        """Every channel is open to all."""
        return False

    async def declare(
        self, sha256: str, base_model: BaseModelId, *, who: str, reason: str, prediction: PredictionType | None
    ) -> None:
        """Nothing is declared here."""


def request_of(rng: random.Random) -> GenerationRequest:
    """A request of usual size, every second one with three LoRAs."""
    loras = rng.sample(range(1, LORAS), 3) if rng.random() < 0.5 else []
    return GenerationRequest(
        checkpoint="demo",
        prompt=f"a lighthouse, {rng.random()}",
        loras=tuple(LoraUse(sha256=f"{lora:064x}", name=f"LoRA {lora}", weight=0.8) for lora in loras),
        width=1024,
        height=1024,
        steps=28,
        guidance_scale=5,
        sampler=Sampler.EULER,
        seed=rng.randrange(2**32),
    )


def fill(path: Path, people: int, entries: int, rng: random.Random) -> None:
    """Fill the tables: LoRAs, people with limits and jobs, and audit entries."""
    now = now_ms()
    with closing(sqlite3.connect(path)) as database, database:
        database.create_function("searchable", 2, lambda _person, text: text)
        many = database.executemany
        categories = ("character", "style", "pose")
        many(
            "INSERT INTO lora (id, name, name_key, category, created_at) VALUES (?, ?, ?, ?, 1)",
            ((lora, f"LoRA {lora}", f"lora {lora}", categories[lora % 3]) for lora in range(1, LORAS)),
        )
        many(
            "INSERT INTO lora_version (lora_id, sha256, name, path, found, evidence, created_at) "
            "VALUES (?, ?, '', ?, '{}', 'shapes', 1)",
            ((lora, f"{lora:064x}", f"{lora}.safetensors") for lora in range(1, LORAS)),
        )
        ids = range(FIRST_PERSON, FIRST_PERSON + people)
        many("INSERT INTO person (id, created_at) VALUES (?, 1)", ((person,) for person in ids))
        database.execute("INSERT INTO server (id, created_at) VALUES (?, 1)", (SERVER,))
        many(
            "INSERT INTO server_limit VALUES (?, 'person', ?, '', ?)",
            ((SERVER, person, json.dumps({"pictures_per_day": 50, "waiting_per_person": 6})) for person in ids),
        )
        many(
            "INSERT INTO block (server_id, kind, target_id, reason, created_by, created_at) "
            "VALUES (?, ?, ?, 'x', 2, 1)",
            ((SERVER, kind, 10**9 + number) for kind in ("person", "lora") for number in range(1000)),
        )
        text = request_of(rng).model_dump_json()
        for number in range(people * 10):  # ten orders of each, half of them today
            created = now - rng.randrange(1000) - (DAY_MS * rng.randint(1, 300) if number % 2 else 0)
            person = FIRST_PERSON + number % people
            state = rng.choice(("queued", "queued", "failed"))
            failed = state == "failed"
            (job_id,) = database.execute(
                "INSERT INTO job (person_id, server_id, channel_id, request, checkpoint, state, failure_code, "
                "failure_detail, created_at, finished_at) VALUES (?, ?, ?, ?, 'demo', ?, ?, ?, ?, ?) RETURNING id",
                (
                    *(person, rng.choice((SERVER, SERVER, None)), CHANNEL, text, state),
                    *(("worker_failed", "{}", created, created) if failed else (None, None, created, None)),
                ),
            ).fetchone()
            database.execute("INSERT INTO job_order VALUES (?, 1, 29360128, NULL)", (job_id,))
        actions = [action.value for action in AuditAction]
        many(
            "INSERT INTO audit (server_id, actor_id, action, person_id, target, changes, created_at) "
            "VALUES (?, ?, ?, ?, 'x', ?, ?)",
            (
                (
                    SERVER,
                    rng.randint(2, 12),
                    rng.choice(actions),
                    rng.choice(ids),
                    '{"reason": [null, "x"]}',
                    1 + number,
                )
                for number in range(entries)
            ),
        )


async def set_up(services: ServerServices) -> None:
    """The rules of the server, as its staff would set them."""
    administration = services.administration
    await administration.settings.change(
        OPERATING, SERVER, channels=(CHANNEL,), categories=("character", "style", "pose"), paint_roles=tuple(ROLES)
    )
    for role in ROLES:
        values = {LimitName.WAITING_PER_PERSON: 8, LimitName.PICTURES_PER_DAY: 30, LimitName.WEIGHT: 1.5}
        await administration.limits.change(OPERATING, SERVER, LimitHolder.ROLE, values, holder_id=role, name="role")
    await administration.limits.change(OPERATING, SERVER, LimitHolder.SERVER, {LimitName.PICTURES_PER_DAY: 10**8})


async def percentiles(prepare: Callable[[], Callable[[], Awaitable[object]]], calls: int) -> tuple[float, float]:
    """The 99th percentile in milliseconds: by the clock, and of this process' own work in all its threads."""
    times, work = list[float](), list[float]()
    for _ in range(calls):
        look = prepare()
        began, worked = time.perf_counter(), time.process_time()
        await look()
        times.append((time.perf_counter() - began) * 1000)
        work.append((time.process_time() - worked) * 1000)
    return statistics.quantiles(times, n=100)[98], statistics.quantiles(work, n=100)[98]


class Asking:
    """Prepares calls at random. `rng` decides what."""

    def __init__(
        self,
        db: Database,
        services: ServerServices,
        jobs: Sequence[Job],
        *,
        people: int,
        entries: int,
        seed: int,
    ) -> None:
        self._db, self._services, self._jobs = db, services, jobs
        self._people, self._entries = people, entries
        self._rng = random.Random(seed)

    def check_request(self) -> Callable[[], Awaitable[object]]:
        """Somebody orders through a button, so that Discord's own settings are looked at too."""
        who = ActionContext(
            person_id=FIRST_PERSON + self._rng.randrange(self._people),
            server_id=SERVER,
            channel_id=CHANNEL,
            role_ids=frozenset(ROLES[:10]),
            joined_at=JOINED_AT,
        )
        return partial(self._services.checks.check_request, who, request_of(self._rng))

    def still_allowed(self) -> Callable[[], Awaitable[object]]:
        """A job is about to be painted or delivered."""
        return partial(self._services.checks.still_allowed, self._rng.choice(self._jobs))

    def audit_page(self) -> Callable[[], Awaitable[object]]:
        """Staff look at the log, narrowed down to a person, an action or a time, or to several."""
        rng = self._rng
        wanted = AuditFilter(
            person_id=rng.choice((None, rng.randint(2, 12), FIRST_PERSON + rng.randrange(self._people))),
            action=rng.choice((None, *AuditAction)),
            until=rng.choice((FOREVER, rng.randint(1, self._entries))),
        )
        return partial(self._services.administration.audit.page, OPERATING, SERVER, wanted, limit=10)

    def bare_query(self) -> Callable[[], Awaitable[object]]:
        """A query that reads nothing: what waiting for a thread costs on this machine, now."""
        return partial(self._db.fetch, "SELECT 1")


async def measure(db: Database, people: int, entries: int, calls: int, runs: int) -> Results:
    """All of them, in each of the runs."""
    limits = LimitSettings(pictures_per_day=1000, megapixel_steps_per_day=10**6, max_steps=50)
    settings = Settings(discord=DiscordSettings(operators=(OPERATING.person_id,)), limits=limits)
    discord = Discord()
    services = server_services(db, lambda: settings, declarer=discord)
    services.connect(discord)
    await set_up(services)
    found = [await db.one(FIND_JOB, job_id) for job_id in range(1, people * 10, 97)]
    jobs = [job for job in found if job is not None]
    results: Results = {}
    for seed in range(runs):
        asking = Asking(db, services, jobs, people=people, entries=entries, seed=seed)
        for prepare in (asking.check_request, asking.still_allowed, asking.audit_page, asking.bare_query):
            results.setdefault(prepare.__name__, []).append(await percentiles(prepare, calls))
    return results


async def run(folder: Path, people: int, entries: int, calls: int, runs: int) -> dict[str, dict[str, float]]:
    """Fill a database, then measure."""
    path = folder / "easel.sqlite3"
    async with open_database(path):
        pass
    fill(path, people, entries, random.Random(0))
    async with open_database(path) as db:
        results = await measure(db, people, entries, calls, runs)
    return {
        "p99_cpu_ms": {name: round(statistics.median(work for _, work in found), 2) for name, found in results.items()},
        "p99_ms": {name: round(statistics.median(at for at, _ in found), 2) for name, found in results.items()},
    }


def main() -> int:
    """Measure in a temporary folder; the exit code."""
    parser = BenchmarkCommand(__doc__)
    parser.add_size("--people", 10_000, 200, "people with limits of their own")
    parser.add_size("--entries", 100_000, 2_000, "entries of the audit log")
    parser.add_size("--calls", 2_000, 200, "calls of each kind in a run")
    parser.add_size("--runs", 3, 3, "runs, of which the median counts")
    options = parser.read()
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(run(Path(folder), options.people, options.entries, options.calls, options.runs))
    added = figures["p99_cpu_ms"]["check_request"]
    # Of a few calls the slowest is the percentile, which says more about the machine.
    failed = [f"a check took {added} ms"] if added >= MOST_CPU_MS and not options.quick else []
    sizes = {"people": options.people, "entries": options.entries, "calls": options.calls}
    load = [round(value, 2) for value in os.getloadavg()]
    return closing_line("server_limits", {**sizes, **figures, "load_average": load}, failed, quick=options.quick)


if __name__ == "__main__":
    sys.exit(main())
