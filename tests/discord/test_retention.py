"""A year of pictures, of which most expire: the folder keeps its limit, and no page or button breaks over them."""

from __future__ import annotations

import shutil
from pathlib import Path

from bot.app.assembly import Easel
from bot.config.sections.retention import RetentionSettings
from bot.database.clock import DAY_MS
from bot.database.jobs.terms import INDEX_JOB
from bot.privacy.retention import Kind
from playground.visible_message import VisibleMessage
from tests.discord.conftest import PATIENCE, Scene, told
from tests.discord.test_removals import files_of, paint

DAYS, KEPT = 365, 20  # a picture a day, and how many the limit of the folder allows
JOB = """
    INSERT INTO job (person_id, channel_id, request, checkpoint, state, attempt, created_at, started_at, finished_at)
    SELECT person_id, channel_id, request, checkpoint, 'succeeded', 1, created_at - :age, started_at - :age,
        finished_at - :age FROM job WHERE id = :like RETURNING id, person_id
"""
PICTURE = """
    INSERT INTO picture (job_id, position, path, width, height, seed, created_at)
    SELECT :job, 0, :path, width, height, seed, created_at - :age FROM picture WHERE job_id = :like RETURNING id
"""
LORAS = """
    INSERT INTO picture_lora (picture_id, position, sha256, name, weight)
    SELECT :picture, position, sha256, name, weight FROM picture_lora
    WHERE picture_id = (SELECT id FROM picture WHERE job_id = :like)
"""


async def paint_for_a_year(easel: Easel, like: int, file: Path) -> None:
    """A picture on each day of the last year, as if they had been painted then."""
    folder = easel.configuration.settings.storage.pictures
    for day in range(1, DAYS + 1):
        name = f"old-{day}.png"
        shutil.copy(file, folder / name)
        async with easel.db.transaction():
            values = {"like": like, "age": day * DAY_MS, "path": name}
            (job,) = await easel.db.write(JOB, {"like": like, "age": values["age"]})
            (picture,) = await easel.db.write(PICTURE, {**values, "job": job["id"]})
            await easel.db.write(LORAS, {"like": like, "picture": picture["id"]})
            await easel.db.run(INDEX_JOB, job["id"])


async def press_all(scene: Scene, page: VisibleMessage) -> None:
    """Press each button of a message that neither paints nor deletes: each says something, and nothing went wrong."""
    for label in page.buttons:
        if label in {"Open", "Details", "Edit", "Next", "Gallery"}:
            answer = await (await scene.ada.press(page, label)).reply(PATIENCE)
            assert answer.text and "went wrong" not in answer.text, (label, answer.text)


def keep(easel: Easel, **kept: float) -> None:
    """Set how long pictures are kept."""
    settings = easel.configuration.settings.model_copy(
        update={"retention": RetentionSettings.model_validate({"jobs_days": 1, "keep": (), **kept})}
    )
    easel.configuration.replace(settings, easel.configuration.checkpoints.specs)


async def open_all(scene: Scene, *older: VisibleMessage) -> None:
    """Open each page that shows pictures or LoRAs, and press what is on it and on older messages."""
    pages = [await told(scene.ada, command) for command in ("history", "bookmarks", "lora browse", "gallery")]
    pages += [await told(scene.ada, "lora info", name="Bat"), await told(scene.ada, "history", search="circle")]
    for page in (*pages, *older):
        assert "went wrong" not in page.text, page.text
        await press_all(scene, page)


async def test_no_page_breaks_over_expired_pictures(empty: Scene) -> None:
    async with empty.opened() as (easel, _bot):
        picture = await paint(empty, lora1="Bat")
        (file,) = files_of(empty, picture)
        await told(empty.ada, "bookmarks", add="Bat")
        ((painted,),) = await easel.db.fetch("SELECT id FROM job")
        await paint_for_a_year(easel, painted, file)
        page = await told(empty.ada, "history")
        opened = await (await empty.ada.press(page, "Open")).reply(PATIENCE)
        limit = KEPT * file.stat().st_size
        keep(easel, pictures_gigabytes=limit / 1e9)
        gone = {expired.kind: expired.count for expired in await easel.retention.sweep()}
        folder = easel.configuration.settings.storage.pictures
        assert gone[Kind.PICTURES] == DAYS + 1 - KEPT == gone[Kind.JOBS]
        assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) <= limit
        assert len(await easel.db.fetch("SELECT 1 FROM job")) == KEPT
        await open_all(empty)
        await easel.db.write("UPDATE job SET created_at = 1 WHERE id = ?", (painted,))
        keep(easel, pictures_days=1)
        await easel.retention.sweep()
        assert await easel.db.fetch("SELECT 1 FROM job") == []
        await open_all(empty, page, opened, picture)
        assert (await empty.control.message(picture.id)).attachments, "what was posted stays"
