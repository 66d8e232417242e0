"""A copy of the database that is put back: who deleted everything stays away, and what staff deleted too."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from bot.cli.main import main
from bot.database.storage.backup import back_up
from tests.discord.conftest import PATIENCE, Scene, told
from tests.discord.test_privacy import delete_all, id_of, left
from tests.discord.test_removals import files_of
from tests.discord.test_reports import choose_channel
from tests.discord.test_verdicts import ORDER, decided, ended

WORD = "zebrafinch"


@pytest.mark.parametrize("how", ["by restore", "by hand"])
async def test_nothing_removed_comes_back(
    empty: Scene, how: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The copy of the pictures' folder is put back as well."""
    scene, storage = empty, empty.settings.storage
    pictures = tmp_path / "pictures of yesterday"
    async with scene.bot():
        await choose_channel(scene, scene.grace)
        mary = await scene.control.new_person("Marigold")
        hers = await scene.painted(await mary.slash("imagine", prompt=f"a {WORD}"))
        deleted = await scene.painted(await scene.ada.slash("imagine", **ORDER))
        kept = await scene.painted(await scene.ada.slash("imagine", prompt="a red star"))
        files, (kept_file,) = [*files_of(scene, hers), *files_of(scene, deleted)], files_of(scene, kept)
        copy = await asyncio.to_thread(back_up, storage.database, tmp_path / "copies", keep=1)
        await asyncio.to_thread(shutil.copytree, storage.pictures, pictures)
        await delete_all(scene, mary, await told(mary, "privacy delete"))
        await decided(scene, deleted, 4711, "Delete everywhere")
        await scene.gone(deleted)
    assert not any(file.exists() for file in files)
    await asyncio.to_thread(shutil.copytree, pictures, storage.pictures, dirs_exist_ok=True)
    if how == "by restore":
        restored = await asyncio.to_thread(main, ["restore", "--config", str(scene.house.config), str(copy)])
        told_operator = capsys.readouterr().out
        assert restored == 0 and "deletions of all data: 1, verdicts on pictures: 1" in told_operator
    else:
        for beside in ("-wal", "-shm"):
            storage.database.with_name(storage.database.name + beside).unlink(missing_ok=True)
        await asyncio.to_thread(shutil.copyfile, copy, storage.database)
    async with scene.bot():
        history = await told(scene.ada, "history")
        assert "red star" in history.text and ORDER["prompt"] not in str(history.text)
        async with asyncio.timeout(PATIENCE):
            while any(file.exists() for file in files):
                await told(scene.grace, "queue")
        again = await ended(scene, scene.ada, **ORDER)
        assert "looks like a picture that staff deleted" in again.text
    assert left(scene, id_of(scene, mary), WORD) == [] and kept_file.exists()
