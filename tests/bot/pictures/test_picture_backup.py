"""Pictures are copied beside the database: only what is new, never half, and not what owners have deleted."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from bot.config.sections.storage import StorageSettings
from bot.database.clock import now_ms
from bot.database.database import Database, open_database
from bot.database.errors import FolderNotWritable
from bot.database.jobs.jobs import START_JOB, create_job
from bot.database.pictures.inputs import note_given
from bot.database.pictures.pictures import NewPicture
from bot.database.storage.backup import back_up
from bot.pictures.picture_backup import PictureCopies, back_up_pictures
from tests.bot.database.conftest import finish, request_for

GIVEN = "a" * 64


@pytest.fixture
def storage(tmp_path: Path) -> StorageSettings:
    return StorageSettings(folder=tmp_path / "data")


async def paint(db: Database, storage: StorageSettings) -> Path:
    """The file of a new picture."""
    job = await create_job(db, request_for(), person_id=1, channel_id=1)
    await db.one(START_JOB, now=now_ms(), id=job.id)
    new = NewPicture(path=f"{job.id // 1000}/job{job.id}-1-0.png", width=64, height=64, seed=7)
    await finish(db, job.id, 1, [new], seconds=1, peak_memory=0)
    file = storage.pictures / new.path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(os.urandom(1000))
    return file


def run(storage: StorageSettings, folder: Path) -> PictureCopies:
    told: list[tuple[int, int]] = []
    copy = back_up(storage.database, storage.folder / "backups", keep=3)
    result = back_up_pictures(storage, copy, folder, lambda done, total: told.append((done, total)))
    assert not told or told[-1][0] == told[-1][1]
    assert all((folder / each.name).is_dir() for each in (storage.pictures, storage.inputs)), "the way back copies both"
    return result


async def test_only_what_is_new_is_copied_and_what_owners_deleted_goes(
    storage: StorageSettings, tmp_path: Path
) -> None:
    folder = tmp_path / "copies"
    async with open_database(storage.database) as db:
        first, second = await paint(db, storage), await paint(db, storage)
        (storage.inputs / GIVEN).parent.mkdir(parents=True)
        (storage.inputs / GIVEN).write_bytes(b"given")
        await note_given(db, 1, GIVEN)
        (storage.pictures / "notes.txt").write_text("of the operator")
        assert run(storage, folder) == PictureCopies(linked=3)
        assert (folder / "inputs" / GIVEN).read_bytes() == b"given"
        copied = folder / "pictures" / first.relative_to(storage.pictures)
        assert copied.samefile(first) and not (folder / "pictures" / "notes.txt").exists()
        third = await paint(db, storage)
        assert run(storage, folder) == PictureCopies(linked=1, kept=3)
        await db.write("DELETE FROM picture WHERE path = ?", (str(second.relative_to(storage.pictures)),))
        second.unlink()
        third.unlink()  # lost, not deleted: the copy stays
        assert run(storage, folder) == PictureCopies(kept=3, deleted=1)
        storage.pictures.rename(storage.folder / "pictures.old")
        shutil.copytree(folder / "pictures", storage.pictures)
        assert first.exists() and third.exists() and not second.exists()


async def test_an_interrupted_run_is_resumed(storage: StorageSettings, tmp_path: Path) -> None:
    folder = tmp_path / "copies"
    async with open_database(storage.database) as db:
        files = [await paint(db, storage) for _ in range(3)]
        copy = back_up(storage.database, tmp_path, keep=1)

        def interrupt(done: int, _total: int) -> None:
            if done == 2:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            back_up_pictures(storage, copy, folder, interrupt)
        half = folder / "pictures" / files[2].relative_to(storage.pictures)
        half.with_name(f"{half.name}.part").write_bytes(b"half")
        assert run(storage, folder) == PictureCopies(linked=1, kept=2)
        assert half.read_bytes() == files[2].read_bytes() and not list(folder.rglob("*.part"))


async def test_a_folder_with_other_files_is_refused(storage: StorageSettings, tmp_path: Path) -> None:
    (tmp_path / "home" / "pictures").mkdir(parents=True)
    (tmp_path / "home" / "pictures" / "holiday.jpg").write_bytes(b"mine")
    async with open_database(storage.database) as db:
        await paint(db, storage)
        for folder in (tmp_path / "home", storage.folder, storage.pictures):
            with pytest.raises(FolderNotWritable):
                run(storage, folder)
    assert (tmp_path / "home" / "pictures" / "holiday.jpg").read_bytes() == b"mine"
