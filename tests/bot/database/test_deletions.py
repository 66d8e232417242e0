"""Deletions: what is still to go is kept, also when a takedown and its owner's deletion meet."""

from __future__ import annotations

import aiosqlite

from bot.database.deletions import begin_deletion, end_deletion, pending_deletions
from bot.database.jobs import create_job, start_job
from bot.database.pictures import NewPicture, pictures_of_job
from tests.bot.database.conftest import finish, request_for

CHANNEL, MESSAGE, PATH = 5, 6, "0/a.png"


async def painted(connection: aiosqlite.Connection) -> int:
    job = await create_job(connection, request_for(), person_id=1, channel_id=CHANNEL)
    await start_job(connection, job.id)
    new = [NewPicture(path=PATH, width=64, height=64, seed=7)]
    await finish(connection, job.id, 1, new, seconds=1, peak_memory=0)
    return job.id


async def test_an_owner_deletes_what_is_being_taken_down(connection: aiosqlite.Connection) -> None:
    job = await painted(connection)
    message_alone = await begin_deletion(connection, job, CHANNEL, MESSAGE, message_alone=True)
    assert message_alone.paths == () and len(await pictures_of_job(connection, job)) == 1
    whole = await begin_deletion(connection, job, CHANNEL, MESSAGE)
    assert whole.paths == (PATH,) and await pictures_of_job(connection, job) == ()
    await end_deletion(connection, message_alone)
    assert await pending_deletions(connection) == (whole,), "its files are still to go"
    await end_deletion(connection, whole)
    assert await pending_deletions(connection) == ()


async def test_a_takedown_of_what_is_being_deleted_keeps_its_files_to_go(connection: aiosqlite.Connection) -> None:
    job = await painted(connection)
    whole = await begin_deletion(connection, job, CHANNEL, MESSAGE)
    for message_alone in (True, False):
        assert await begin_deletion(connection, job, CHANNEL, MESSAGE, message_alone=message_alone) == whole
