"""Restarts and kills of bot and worker: each job ends in exactly one message."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import IO

import psutil

from bot.database.clock import now_ms
from bot.database.database import open_database
from bot.database.privacy.deletions import PENDING_DELETIONS, begin_deletion
from playground import default_world
from tests.discord.conftest import PATIENCE, PROMPT, Scene, asked, confirmed, remove
from tests.discord.test_removals import files_of, hidden, rows
from tests.house import PASTEL

EDITS = r"webhooks/.*/messages/@original"
LONG = {"prompt": PROMPT, "steps": 150, "count": 2}


@asynccontextmanager
async def bot_process(
    scene: Scene,
    config: Path | None = None,
    stderr: int | IO[bytes] | None = None,
    module: str = "bot",
    **settings: str,
) -> AsyncGenerator[asyncio.subprocess.Process]:
    """`python -m bot run` as an operator starts it; killed in the end if it still lives. Settings: SECTION__KEY."""
    config = config or scene.house.config
    environment = os.environ | {
        "EASEL_DISCORD__TOKEN": scene.playground.token,
        "EASEL_DISCORD__API_URL": scene.playground.api_url,
        "EASEL_DISCORD__OPERATORS": f"[{default_world.MARGARET}]",
        "OMP_NUM_THREADS": "1",
        **{f"EASEL_{key}": value for key, value in settings.items()},
    }
    command = (sys.executable, "-m", module, "run", "--config", str(config))
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, cwd=Path(__file__).parents[2], stderr=stderr
    )
    try:
        await scene.control.wait_online(seconds=PATIENCE)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await scene.control.wait_online(online=False)


async def test_buttons_work_after_a_restart(empty: Scene) -> None:
    async with empty.bot():
        picture = await empty.painted(await empty.ada.slash("imagine", prompt=PROMPT, lora1="Bat"))
        refusal = await (await empty.ada.slash("imagine", prompt=PROMPT, lora1="Wash")).reply()
        page = await (await empty.ada.slash("bookmarks", add="Bat", note="for the cave")).reply()
        await empty.ada.press(page, "Open")
        page = await empty.control.wait_message(page.id, lambda seen: "Remove" in seen.buttons)
        studio = await (await empty.ada.slash("studio")).reply()
        form = await empty.ada.press(studio, "Edit prompt")
        await form.modal()
    async with empty.bot():
        told = await (await empty.ada.submit(form, {"prompt": "a very *long* prompt"})).reply()
        assert told.ephemeral and "open the form again" in told.text and "a very \\*long\\* prompt" in told.text
        await empty.painted(await empty.ada.press(picture, "Again"))
        await empty.painted(await empty.ada.press(refusal, "Generate with pastel"))
        await empty.ada.press(page, "Remove")
        page = await empty.control.wait_message(page.id, lambda seen: "No bookmarks yet" in seen.text)
    async with empty.bot():
        await empty.ada.press(page, "Undo")
        page = await empty.control.wait_message(page.id, lambda seen: "for the cave" in seen.text)
        assert "**Bat**" in page.text


async def test_a_job_ordered_during_the_start_is_delivered_once(empty: Scene) -> None:
    async with empty.bot():  # ordered at once: the bot still waits for the last of its servers
        message = await empty.painted(await empty.ada.slash("imagine", prompt=PROMPT))
        await empty.painted(await empty.ada.slash("imagine", prompt=PROMPT))
        edits = [e for e in await empty.control.exchanges() if e["method"] == "PATCH" and "job" in str(e["files"])]
        assert len({e["path"] for e in edits}) == len(edits) == 2, "one upload a picture"
        assert (await empty.control.message(message.id)).attachments == message.attachments


async def test_commands_are_registered_once(empty: Scene) -> None:
    async with empty.bot():
        pass
    async with empty.bot():
        pass
    written = [e for e in await empty.control.exchanges() if e["method"] == "PUT" and e["path"].endswith("/commands")]
    assert len(written) == 1


async def test_a_killed_bot_delivers_once_after_its_restart(empty: Scene) -> None:
    async with bot_process(empty) as process:
        message = await (await empty.ada.slash("imagine", **LONG)).reply()
        waiting = await (await empty.ada.slash("imagine", prompt=PROMPT)).reply()
        await (await empty.grace.slash("settings", results="only I see them")).reply()
        private = await (await empty.grace.slash("imagine", prompt=PROMPT)).reply()
        await empty.until_painting(message)
        process.kill()
        await process.wait()
        await empty.control.wait_online(online=False)
    async with bot_process(empty):
        for owed in (message, waiting, private):
            assert (await empty.ended(owed)).attachments
    assert private.visible_to and len(await empty.pictures()) == 3
    assert not await empty.control.messages("dm", "Grace")


async def test_sighup_loads_a_new_checkpoint(empty: Scene) -> None:
    config = empty.house.config
    both = config.read_text("utf-8")
    config.write_text(both[: both.rindex("[[checkpoints]]")], "utf-8")
    async with bot_process(empty, config, asyncio.subprocess.PIPE) as process:
        refused = await (await empty.ada.slash("imagine", prompt=PROMPT, checkpoint=PASTEL)).reply()
        assert f"no model called “{PASTEL}”" in refused.text
        config.write_text(both, "utf-8")
        process.send_signal(signal.SIGHUP)
        assert process.stderr
        async with asyncio.timeout(PATIENCE):
            while b"reloaded the settings" not in await process.stderr.readline():
                pass
        await empty.painted(await empty.ada.slash("imagine", prompt=PROMPT, checkpoint=PASTEL))


async def test_a_killed_worker_is_restarted_and_delivers_one_picture(empty: Scene) -> None:
    async with bot_process(empty) as process:
        message = await (await empty.ada.slash("imagine", **LONG)).reply()
        await empty.until_painting(message)
        (worker,) = psutil.Process(process.pid).children()
        worker.kill()
        assert len((await empty.ended(message)).attachments) == 2
        margaret = empty.control.person("Margaret")  # an operator is told of a worker that dies again and again
        async with asyncio.timeout(PATIENCE):
            while not any("5 times" in seen.content for seen in await margaret.messages("dm")):
                for child in psutil.Process(process.pid).children():
                    with suppress(psutil.NoSuchProcess):  # the bot was quicker
                        child.kill()
    assert len(await empty.pictures()) == 1


async def test_a_question_survives_a_restart(empty: Scene) -> None:
    async with empty.bot():
        picture = await empty.painted(await empty.ada.slash("imagine", prompt=PROMPT))
        files = files_of(empty, picture)
        question = await asked(empty.ada, picture)
    assert all(file.exists() for file in files) and await empty.control.message(picture.id) is not None
    async with empty.bot():
        await confirmed(empty.ada, question)
        await hidden(empty, picture)
        await hidden(empty, question)
    assert all(file.exists() for file in files)
    async with empty.bot():
        await empty.ada.press(await hidden(empty, picture), "Undo")
        await empty.control.wait_message(picture.id, lambda seen: "Delete" in seen.buttons, PATIENCE)


async def test_what_was_deleted_goes_when_its_time_ends_while_the_bot_is_away(empty: Scene) -> None:
    async with empty.bot():
        picture = await empty.painted(await empty.ada.slash("imagine", prompt=PROMPT))
        files = files_of(empty, picture)
        await confirmed(empty.ada, await asked(empty.ada, picture))
        await hidden(empty, picture)
    await rows(empty, "UPDATE job SET delete_at = 1")
    async with empty.bot():
        await empty.gone(picture)
    assert not any(file.exists() for file in files) and await rows(empty, "SELECT * FROM job") == []


async def test_a_picture_that_could_not_be_hidden_is_hidden_at_the_next_start(empty: Scene) -> None:
    async with empty.bot():
        picture = await empty.painted(await empty.ada.slash("imagine", prompt=PROMPT))
    await rows(empty, f"UPDATE job SET delete_at = {now_ms() + 3_600_000}")
    async with empty.bot():
        await hidden(empty, picture)


async def test_a_deletion_that_a_crash_interrupts_is_completed_at_the_next_start(empty: Scene) -> None:
    """The program may be killed at any step after the transaction; this is what it leaves at the first."""
    async with empty.bot():
        picture = await empty.painted(await empty.ada.slash("imagine", prompt=PROMPT))
        files = files_of(empty, picture)
    async with open_database(empty.settings.storage.database) as db:
        ((job_id,),) = await db.connection.execute_fetchall("SELECT id FROM job")
        await begin_deletion(db, job_id, int(picture.json["channel_id"]), int(picture.id))
    assert all(file.exists() for file in files)
    async with empty.bot():
        await empty.gone(picture)
        assert not any(file.exists() for file in files)
    async with open_database(empty.settings.storage.database) as db:
        assert await db.all(PENDING_DELETIONS) == []


async def test_a_takedown_that_an_outage_interrupts_is_completed_at_the_next_start(empty: Scene) -> None:
    async with empty.bot():
        picture = await empty.painted(await empty.ada.slash("imagine", prompt=PROMPT))
        files, margaret = files_of(empty, picture), empty.control.person("Margaret")
        await empty.control.fault("/messages/", method="DELETE", status=503, count=99)
        await (await remove(margaret, picture)).reply()  # that something did not work
        await empty.control.clear_faults()
    assert await empty.control.message(picture.id) is not None
    async with empty.bot():
        await empty.gone(picture)
    assert all(file.exists() for file in files)
    async with open_database(empty.settings.storage.database) as db:
        assert await db.all(PENDING_DELETIONS) == []
