"""`takedown`: what an operator does when somebody who is shown in a picture asks that it goes."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from benchmarks._varied_pictures import varied
from bot.cli import DONE, REFUSED, UNUSABLE
from bot.database.clock import now_ms
from bot.database.database import open_database
from bot.database.jobs.jobs import START_JOB, create_job
from bot.database.pictures.pictures import NewPicture
from bot.database.privacy.takedown_cases import COPIES_OF_CASE, CopyState
from tests.bot.cli.commands import Here
from tests.bot.database.conftest import finish, request_for
from tests.house import House


@pytest.fixture
def house(tmp_path: Path) -> House:
    """With two pictures: one of what the notice shows, and another."""
    house = House(tmp_path / "house")
    house.settings.storage.pictures.mkdir(parents=True)

    for seed in (5, 11):
        asyncio.run(paint(house, seed))
    return house


async def paint(house: House, seed: int) -> None:
    async with open_database(house.settings.storage.database, clock=lambda: 0.0) as db:
        job = await create_job(db, request_for(), person_id=77, channel_id=1)
        await db.one(START_JOB, now=now_ms(), id=job.id)
        path = house.settings.storage.pictures / f"{job.id}.png"
        varied(seed, 200).save(path)
        await finish(db, job.id, 1, [NewPicture(path.name, 200, 200, 7)])


async def states(house: House) -> list[tuple[str, CopyState]]:
    async with open_database(house.settings.storage.database) as db:
        return [(copy.path, copy.state) for copy in await db.all(COPIES_OF_CASE, 1)]


def test_a_notice_from_its_arrival_to_the_order(here: Here, house: House, tmp_path: Path) -> None:
    config, notice, sheet = house.config, tmp_path / "notice.jpg", tmp_path / "sheet.png"
    varied(5, 200).resize((400, 400)).save(notice, quality=60)
    find = ("takedown", "find", notice, "--sheet", sheet, "--note", "ticket 7", "--config", config)
    said = here(*find, "--received", "2026-01-05T09:30")
    assert said.code == DONE and "OVERDUE" in said.out and "No picture is removed yet" in said.out
    assert "77" in said.out and "1.png" in said.out and "2.png" not in said.out
    with Image.open(sheet) as drawn:
        assert drawn.width > drawn.height > 200
    said = here("takedown", "list", "--config", config)
    assert "takedown 1 · open · OVERDUE" in said.out and "due 2026-01-07 09:30" in said.out and "ticket 7" in said.out
    assert "OVERDUE" in here("status", "--config", config).out
    told = json.loads(here("status", "--json", "--config", config).out)["takedowns"]
    assert [(one["id"], one["due_at"] - one["received_at"]) for one in told] == [(1, 48 * 3_600_000)]

    asyncio.run(paint(house, 5))
    confirm = ("takedown", "confirm", "1", "--sheet", sheet, "--config", config)
    said = here(*confirm)
    assert said.code == REFUSED and "1 more copies were found" in said.out and "3.png" in said.out
    assert here(*confirm, "--except", "9").code == REFUSED
    said = here(*confirm, "--except", "2")
    assert said.code == REFUSED and "would refuse 2" in said.out and "2 is not a copy as you say" in said.out
    assert here(*confirm, "--except", "2", "--anyway").code == DONE
    assert asyncio.run(states(house)) == [("1.png", CopyState.CONFIRMED), ("3.png", CopyState.EXCEPTED)]
    assert (house.settings.storage.pictures / "1.png").exists(), "the bot removes it"
    said = here(*confirm)
    assert said.code == REFUSED and "already confirmed" in said.out
    assert here("takedown", "close", "1", "--config", config).code == REFUSED


def test_a_job_may_be_named_in_the_place_of_a_file(here: Here, house: House, tmp_path: Path) -> None:
    find = ("takedown", "find", "--sheet", tmp_path / "sheet.png", "--config", house.config)
    said = here(*find, "--job", "2")
    assert said.code == DONE and "due in" in said.out and "2.png" in said.out and "1.png" not in said.out
    assert here("takedown", "close", "1", "--config", house.config).code == DONE
    assert "No takedown is open" in here("takedown", "list", "--config", house.config).out
    assert "takedown 1 · closed" in here("takedown", "list", "--all", "--config", house.config).out
    for wrong in (("--job", "8"), (), (tmp_path / "none.png",)):
        assert here(*find, *wrong).sentence
    assert here("takedown", "close", "5", "--config", house.config).code == UNUSABLE


def test_a_plain_picture_opens_no_case(here: Here, house: House, tmp_path: Path) -> None:
    Image.new("RGB", (80, 80), "red").save(tmp_path / "plain.png")
    said = here("takedown", "find", tmp_path / "plain.png", "--config", house.config)
    assert said.code == REFUSED and "Too little" in said.out
    assert "No takedown is open" in here("takedown", "list", "--config", house.config).out


def test_what_has_little_detail_is_refused_unless_told_otherwise(here: Here, house: House, tmp_path: Path) -> None:
    """Its hash would refuse others that are as plain, which nobody has complained about."""
    plain = Image.new("RGB", (200, 200), "white")
    ImageDraw.Draw(plain).ellipse((90, 90, 110, 110), fill="black")
    plain.save(tmp_path / "plain.png")
    assert here("takedown", "find", tmp_path / "plain.png", "--config", house.config).code == DONE
    confirm = ("takedown", "confirm", "1", "--config", house.config)
    said = here(*confirm)
    assert said.code == REFUSED and "would refuse 0" in said.out and "other plain" in said.out
    assert here(*confirm, "--anyway").code == DONE
