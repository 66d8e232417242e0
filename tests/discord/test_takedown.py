"""A takedown for somebody who is shown in a picture: it goes from every place, and does not come back."""

from __future__ import annotations

import asyncio
import io

import pytest

from bot.config import Settings
from bot.database.database import read_database
from bot.database.privacy.takedown_cases import FIND_TAKEDOWN_CASE, CaseState, FoundCopy
from bot.database.privacy.takedown_commands import close_case, confirm_case, open_case
from bot.pictures.similarity.copies import find_copies
from bot.pictures.similarity.perceptual_hash import notice_hashes, read
from playground.control import File
from tests.discord.conftest import PATIENCE, PROMPT, Scene, told
from tests.discord.test_removals import files_of
from tests.discord.test_reports import letter
from tests.discord.test_server import chosen

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def found(settings: Settings, notice: bytes) -> list[FoundCopy]:
    async with read_database(settings.storage.database) as db:
        return await find_copies(db, settings, notice, lambda done, total: None)


async def test_it_goes_from_every_place_and_does_not_come_back(scene: Scene) -> None:
    database, order = scene.settings.storage.database, {"prompt": "a purple cat on a cyan background", "seed": 4711}
    mary = await scene.control.new_person("Mary Ann")
    here = await scene.painted(await scene.ada.slash("imagine", **order))
    there = await scene.painted(await mary.slash("imagine", in_="dm", **order))
    other = await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT))
    (file,) = files_of(scene, here)
    picture = read(file)
    upload = io.BytesIO()
    picture.resize((300, 300)).save(upload, "WEBP", quality=60)
    panel = await told(scene.grace, "studio", image=File("mine.webp", upload.getvalue()))
    assert "Starts from this picture" in panel.text

    notice = notice_hashes(picture)
    case_id = await asyncio.to_thread(
        open_case, database, notice, await found(scene.settings, notice), note="", received_at=1
    )
    status = await told(scene.control.person("Margaret"), "status")
    assert f"Takedown {case_id} is overdue by" in status.text and "must review the copies" in status.text
    assert "Takedown" not in (await told(scene.ada, "queue")).text
    letters = await scene.control.wait(
        lambda since: scene.control.get("messages", channel="dm", as_="Margaret", since=since, timeout=PATIENCE),
        lambda answer: answer if f"Takedown {case_id}" in str(answer) else None,
        PATIENCE,
    )
    assert "overdue" in str(letters)
    assert await asyncio.to_thread(confirm_case, database, case_id, excepted=())
    await scene.gone(here)
    await scene.gone(there)
    for name in ("Ada", "Mary Ann", "Grace"):  # Grace uploaded a copy
        notice = await letter(scene, name, "removed one of your pictures")
        assert "asked for its removal, and the operator checked the request" in notice.text
        assert "If you think that this is a mistake, write to the operator of this bot." in notice.text
    page = await (await scene.grace.slash("server")).reply(PATIENCE)
    log = await chosen(scene.grace, page, "svsection", "audit")
    assert "an operator of this bot · **remove picture**" in log.text
    assert (await scene.control.message(other.id)).attachments
    assert not file.exists()

    refused = await told(scene.ada, "imagine", prompt=PROMPT, image=File("copy.webp", upload.getvalue()))
    assert refused.ephemeral and "permanently removed" in refused.text
    again = await scene.ended(await (await scene.ada.slash("imagine", **order)).reply())
    assert not again.attachments and "permanently removed" in again.text
    history = await told(scene.ada, "history")
    assert "purple cat" not in history.text
    async with read_database(database) as db:
        case = await db.one(FIND_TAKEDOWN_CASE, case_id)
        assert case is not None and case.state is CaseState.COMPLETE and case.refused == 2
    await asyncio.to_thread(close_case, database, case_id)
    assert (await scene.painted(await scene.ada.slash("imagine", **order))).attachments
