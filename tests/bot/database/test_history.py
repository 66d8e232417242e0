"""A person's history: pages that neither repeat nor miss, by whatever the pictures were made of, and nobody else's."""

from __future__ import annotations

from itertools import chain

import pytest

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.jobs.history import NEWEST, HistoryPage, Wanted, history_page, newer_page, numbered_page
from bot.database.jobs.jobs import START_JOB, create_job, fail_job
from bot.database.jobs.terms import searchable
from bot.database.pictures.pictures import NewPicture
from bot.database.privacy.deletions import begin_deletion
from inference.messages.request import LoraUse
from tests.bot.database.conftest import finish, request_for

ADA, GRACE = 11, 12


async def add(db: Database, prompt: str, *loras: str, person: int = ADA, checkpoint: str = "demo") -> int:
    uses = [LoraUse(sha256=f"{number}" * 64, name=name) for number, name in enumerate(loras)]
    request = request_for(*uses, prompt=prompt).model_copy(update={"checkpoint": checkpoint})
    job = await create_job(db, request, person_id=person, channel_id=1)
    await db.one(START_JOB, now=now_ms(), id=job.id)
    new = [NewPicture(path=f"0/{job.id}.png", width=64, height=64, seed=7)]
    await finish(db, job.id, 1, new, seconds=1, peak_memory=0)
    return job.id


async def found(db: Database, **wanted: str) -> list[int]:
    return ids(await history_page(db, ADA, Wanted(**wanted), limit=50))


def ids(page: HistoryPage) -> list[int]:
    return [job.id for job in page.jobs]


@pytest.mark.parametrize("search", ["", "lighthouse"])
async def test_pages_there_and_back_show_each_job_once(db: Database, search: str) -> None:
    mine = [await add(db, "a lighthouse", person=ADA if n % 3 else GRACE) for n in range(20)]
    mine = [job_id for n, job_id in enumerate(mine) if n % 3][::-1]
    wanted, there, anchor = Wanted(search), [], NEWEST
    while True:
        page = await history_page(db, ADA, wanted, limit=4, anchor=anchor)
        assert page.newer is bool(there)
        there.append(ids(page))
        anchor = page.jobs[-1].id
        if not page.older:
            break
    assert list(chain.from_iterable(there)) == mine
    back = [there[-1]]
    while page.newer:
        page = await newer_page(db, ADA, wanted, limit=4, anchor=page.jobs[0].id)
        back.insert(0, ids(page))
    assert back == there
    jumps = [await numbered_page(db, ADA, wanted, limit=4, page=n) for n in (*range(len(there)), 999)]
    assert [ids(page) for page in jumps] == [*there, there[-1]]
    assert [(page.newer, page.older) for page in jumps[:-1]] == [(n > 0, n + 1 < len(there)) for n in range(len(there))]


async def test_what_pictures_were_made_of_finds_them(db: Database) -> None:
    owl = await add(db, "An Owl, reading", "Komori v2", checkpoint="vivid")
    fox = await add(db, "a fox", "Water colour", "Komori", checkpoint="vivid xl")
    await add(db, "an owl", person=GRACE)
    assert await found(db, search="ow") == [owl]
    assert await found(db, search="komori") == [fox, owl]
    assert await found(db, search="vivid reading") == [owl]
    assert await found(db, search="kom fox xl") == [fox]
    assert await found(db, checkpoint="vivid") == [owl]
    assert await found(db, lora="Water colour") == [fox]
    assert await found(db, lora="Komori v2", search="fox") == []
    assert await found(db) == [fox, owl]


@pytest.mark.parametrize(
    "search", ["p11", "owner", "…", '"', "a OR b", "owner : p12", "*", "(", "NEAR(", "^z", "\ud800"]
)
async def test_no_search_breaks_out(db: Database, search: str) -> None:
    await add(db, "a fox", person=GRACE)
    await add(db, "a fox")
    assert await found(db, search=search) == []
    assert await found(db, lora=search) == []


# The index has no copy of what it indexes: a word of Ada's that begins with nothing in particular finds all her jobs.
INDEXED = f"SELECT rowid FROM job_text WHERE job_text MATCH '\"{searchable(ADA, 'a')[:-1]}\"*' ORDER BY rowid"
CHECK_INDEX = "INSERT INTO job_text (job_text) VALUES ('integrity-check')"


async def test_the_index_has_neither_a_copy_of_the_words_nor_what_was_deleted(db: Database) -> None:
    gone = await add(db, "a zebrafinch under a kumquat")
    stays = await add(db, "a zebrafinch")
    assert [row["rowid"] for row in await db.fetch(INDEXED)] == [gone, stays]
    await begin_deletion(db, gone, None, None)
    await db.write(CHECK_INDEX)
    assert [row["rowid"] for row in await db.fetch(INDEXED)] == [stays]
    assert not await db.fetch("SELECT 1 FROM job_text_data WHERE instr(block, CAST('kumquat' AS BLOB))")
    await db.write("DELETE FROM picture WHERE job_id = ?", (stays,))
    await db.write(CHECK_INDEX)
    assert not await db.fetch("SELECT 1 FROM job_text_data WHERE instr(block, CAST('zebrafinch' AS BLOB))")
    names = await db.fetch("SELECT name FROM sqlite_schema WHERE name LIKE 'job_text_%'")
    assert "job_text_content" not in {row["name"] for row in names}


async def test_a_search_never_steps_over_what_it_would_not_show(db: Database) -> None:
    shown, gone, never = [await add(db, "a fox") for _ in range(2)], await add(db, "a fox"), []
    never.append((await create_job(db, request_for(prompt="a fox"), person_id=ADA, channel_id=1)).id)
    await db.one(START_JOB, now=now_ms(), id=never[0])
    await fail_job(db, never[0], 1, "worker_failed", {})
    await begin_deletion(db, gone, None, None)
    assert [row["rowid"] for row in await db.fetch(INDEXED)] == shown


async def test_what_was_deleted_or_never_painted_is_not_in_it(db: Database) -> None:
    gone = await add(db, "a fox")
    await begin_deletion(db, gone, None, None)
    await create_job(db, request_for(prompt="a fox"), person_id=ADA, channel_id=1)
    assert await found(db) == await found(db, search="fox") == []
