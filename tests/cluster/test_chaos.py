"""The chaos run of the local backend on a cluster: engines, actors, raylets, driver process and bot are killed."""

from __future__ import annotations

import random
from pathlib import Path

from benchmarks.chaos import Plan, run


async def test_nobody_loses_a_picture_or_gets_one_twice(tmp_path: Path) -> None:
    plan = Plan(
        jobs=12, people=4, worker_kills=4, bot_kills=1, gateway_drops=1, faults=4, deletions=1, dice=random.Random(1)
    )
    found = await run(plan, tmp_path, "ray")
    assert {what: found[what] for what in ("lost", "doubled", "orphans", "wrong")} == {
        "lost": 0, "doubled": 0, "orphans": 0, "wrong": [],
    }, found  # fmt: skip
    assert found["database_ok"] and found["results"]
