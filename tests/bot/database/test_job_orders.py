"""What people have ordered on a day: in whatever order jobs end, the sums are those of the jobs that count."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.database.clock import DAY_MS, now_ms
from bot.database.database import Database, open_database
from bot.database.jobs import jobs
from bot.database.jobs.orders import Usage, cost_of, person_facts
from bot.database.pictures.pictures import NewPicture
from inference.messages.request import Region
from inference.regions import RegionName

from .conftest import erase, finish, request_for

PEOPLE, SERVERS = (1, 2), (0, 100, 200)
ENDS = ("succeed", "fail", "fail_queued", "cancel", "start", "requeue", "orphans")
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("order"), st.sampled_from(PEOPLE), st.sampled_from(SERVERS), st.integers(1, 4)),
        st.tuples(st.sampled_from(ENDS), st.integers(0, 7), st.just(0), st.just(0)),
    ),
    max_size=25,
)


async def happen(db: Database, what: str, job: jobs.Job) -> None:
    failure = ("worker_failed", {"reason": "x"})
    row = await db.one(jobs.FIND_JOB, job.id)
    assert row is not None
    match what:
        case "succeed":
            pictures = [NewPicture(f"{job.id}-{i}.png", 64, 64, i) for i in range(job.request.count)]
            await jobs.finish_job(db, job.id, row.attempt, pictures, seconds=1, peak_memory=1)
        case "fail":
            await jobs.fail_job(db, job.id, row.attempt, *failure)
        case "fail_queued":
            await jobs.fail_job(db, job.id, None, *failure)
        case "cancel":
            await db.one(jobs.CANCEL_JOB, now=now_ms(), id=job.id)
        case "start":
            await db.one(jobs.START_JOB, now=now_ms(), id=job.id)
        case "requeue":
            await db.one(jobs.REQUEUE_JOB, died=False, job=job.id, attempt=row.attempt)
        case _:
            await jobs.requeue_orphans(db)


async def play(events: list[tuple[str, int, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with open_database(Path(folder, "easel.sqlite3")) as db:
            await db.connection.execute("PRAGMA synchronous = OFF")
            made: list[jobs.Job] = []
            for what, number, server, count in events:
                if what == "order":
                    request = request_for().model_copy(update={"count": count})
                    made.append(
                        await jobs.create_job(db, request, person_id=number, channel_id=1, server_id=server or None)
                    )
                elif made:
                    await happen(db, what, made[number % len(made)])
            await compare(db, made)


async def compare(db: Database, made: list[jobs.Job]) -> None:
    """The sums against a recount of the rows."""
    counted: Counter[tuple[int, int]] = Counter()
    for job in made:
        row = await db.one(jobs.FIND_JOB, job.id)
        assert row is not None
        if row.state not in {jobs.JobState.FAILED, jobs.JobState.CANCELLED}:
            for person in (row.person_id, 0):
                counted[person, row.server_id or 0] += row.request.count
    for person in PEOPLE:
        for server in SERVERS:
            facts = await person_facts(db, person, server, now_ms())
            everywhere = sum(counted[person, each] for each in SERVERS)
            assert facts.here == usage(counted[person, server])
            assert facts.everywhere == usage(everywhere)
            assert facts.of_server == usage(counted[0, server])


def usage(pictures: int) -> Usage:
    return Usage(pictures, pictures * 64 * 64 * 4)


@given(EVENTS)
@settings(max_examples=60)
def test_sums_are_those_of_the_jobs_that_count(events: list[tuple[str, int, int, int]]) -> None:
    asyncio.run(play(events))


def test_a_picture_with_two_regions_is_one_picture_and_takes_twice_the_steps() -> None:
    regions = (Region(name=RegionName.LEFT, prompt="an owl"), Region(name=RegionName.RIGHT, prompt="a heart"))
    plain = cost_of(request_for())
    assert cost_of(request_for().model_copy(update={"regions": regions})) == Usage(
        plain.pictures, 2 * plain.pixel_steps
    )


async def test_a_job_counts_on_the_day_of_its_order(db: Database) -> None:
    job = await jobs.create_job(db, request_for(), person_id=1, channel_id=1)
    assert (await person_facts(db, 1, 0, now_ms() + DAY_MS)).here == Usage()
    yesterday = job.created_at - DAY_MS
    await db.write("UPDATE job SET created_at = ?", (yesterday,))
    await db.write("UPDATE daily_usage SET day = day - 1")
    today = await jobs.create_job(db, request_for(), person_id=1, channel_id=1)
    await db.one(jobs.CANCEL_JOB, now=now_ms(), id=job.id)
    assert (await person_facts(db, 1, 0, today.created_at)).here == usage(1)
    assert (await person_facts(db, 1, 0, yesterday)).here == Usage()


async def test_deleting_what_is_known_of_a_person_gives_no_quota_back(db: Database) -> None:
    made = await jobs.create_job(db, request_for(), person_id=1, channel_id=1, server_id=100)
    await db.one(jobs.START_JOB, now=now_ms(), id=made.id)
    await finish(db, made.id, 1, [])
    await erase(db, 1)
    facts = await person_facts(db, 1, 100, now_ms())
    assert (facts.here, facts.of_server) == (usage(1), usage(1))


async def test_the_newest_orders_come_first_and_failed_ones_are_left_out(db: Database) -> None:
    made = [
        await jobs.create_job(db, request_for(prompt=prompt), person_id=1, channel_id=1, server_id=server)
        for prompt, server in (("a", 100), ("b", 100), ("c", None))
    ]
    await jobs.fail_job(db, made[1].id, None, "worker_failed", {"reason": "x"})
    facts = await person_facts(db, 1, 100, now_ms())
    assert (facts.last_here, facts.last_everywhere) == (made[0].created_at, made[2].created_at)
    but = await person_facts(db, 1, 100, now_ms(), but=made[0].id)
    assert (but.last_here, but.last_everywhere) == (None, made[2].created_at)


async def test_jobs_of_an_earlier_easel_count_nothing(db: Database) -> None:
    """Their rows came without an order, so ending one takes nothing away."""
    old = await jobs.create_job(db, request_for(), person_id=1, channel_id=1)
    await db.write("DELETE FROM job_order")
    await db.write("DELETE FROM daily_usage")
    await jobs.create_job(db, request_for(), person_id=1, channel_id=1)
    await db.one(jobs.CANCEL_JOB, now=now_ms(), id=old.id)
    facts = await person_facts(db, 1, 0, now_ms())
    assert facts.here == usage(1)
    rows = await db.fetch("SELECT count(*) FROM job_order")
    assert rows[0][0] == 1
