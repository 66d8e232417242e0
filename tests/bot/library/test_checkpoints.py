"""What the bot knows of its checkpoints before anything is loaded."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot.app.demo_settings import demo_settings
from bot.config import CheckpointSettings, ConfigError
from bot.database.database import Database, open_database
from bot.library.checkpoints import identify
from bot.library.installed_checkpoints import InstalledCheckpoints
from bot.requests.drafts import RequestDraft
from bot.requests.usual import resolved
from inference.demo import CHECKPOINTS
from inference.files.hashes import checkpoint_sha256, file_sha256, short_hash
from inference.lora.known.installed import installed_hashes
from inference.messages.checkpoints import CheckpointSpec, PredictionType
from tests.house import BASES, VIVID
from tests.lora_files import safetensors_bytes

EPSILON, V = PredictionType.EPSILON, PredictionType.V_PREDICTION
LARGE = {"weights": np.zeros(300_000)}  # large enough for the short hash


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    async with open_database(tmp_path / "easel.sqlite3") as db:
        yield db


def single_file(path: Path, *marks: str) -> Path:
    path.write_bytes(safetensors_bytes(LARGE | {mark: np.zeros(1) for mark in marks}))
    return path


async def identified(db: Database | None, **fields: Any) -> CheckpointSpec:
    base = BASES[VIVID] if "base_model" not in fields else fields.pop("base_model")
    (spec,) = await identify(db, [CheckpointSettings(name="One", base_model=base, **fields)])
    return spec


async def test_the_size_belongs_to_the_hash(db: Database, tmp_path: Path) -> None:
    path = single_file(tmp_path / "one.safetensors")
    for _ in ("hashed", "looked up"):
        assert (await identified(db, path=path)).size == path.stat().st_size


async def test_an_unchanged_file_is_not_hashed_again(db: Database, tmp_path: Path) -> None:
    path = single_file(tmp_path / "one.safetensors")
    assert (await identified(db, path=path)).sha256 == file_sha256(path)
    marked = "f" * 64  # were it hashed again, this would go
    await db.connection.execute("UPDATE checkpoint SET sha256 = ?", (marked,))
    await db.connection.commit()
    spec = await identified(db, path=path)
    assert (spec.sha256, spec.short_hash) == (marked, short_hash(path))


async def test_a_converted_folder_is_known_by_both_hashes() -> None:
    folder, source = CHECKPOINTS[0].path, "c" * 64
    spec = await identified(None, path=folder, source_sha256=source)
    assert set(installed_hashes([spec])) == {source, checkpoint_sha256(folder)}
    assert set(installed_hashes([await identified(None, path=folder)])) == {checkpoint_sha256(folder)}


async def test_what_it_predicts_is_known_before_it_is_loaded(tmp_path: Path) -> None:
    plain, marked = single_file(tmp_path / "eps.safetensors"), single_file(tmp_path / "v.safetensors", "v_pred")
    assert (await identified(None, path=plain)).predicts is EPSILON
    assert (await identified(None, path=marked)).predicts is V
    assert (await identified(None, path=marked, prediction_type=EPSILON)).predicts is EPSILON
    assert (await identified(None, path=CHECKPOINTS[0].path)).predicts is V
    assert (await identified(None, repository="a/b")).predicts is None
    rubbish = tmp_path / "rubbish.safetensors"
    rubbish.write_bytes(b"no checkpoint")
    assert (await identified(None, path=rubbish)).predicts is None


async def test_a_unet_that_takes_the_guidance_as_an_input_is_known_to_have_no_negative_prompt(tmp_path: Path) -> None:
    settings = demo_settings(tmp_path / "data")
    folders = {"Plain": CHECKPOINTS[0].path, "Quick": shutil.copytree(CHECKPOINTS[0].path, tmp_path / "quick")}
    config = folders["Quick"] / "unet" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"time_cond_proj_dim": 256}))
    values = {"base_model": BASES[VIVID], "negative_prompt": "dull", "guidance_scale": 8.0}
    declared = [CheckpointSettings(name=name, path=path, **values) for name, path in folders.items()]
    specs = await identify(None, declared)
    assert [spec.guidance_is_input for spec in specs] == [False, True]
    installed = InstalledCheckpoints(settings.model_copy(update={"checkpoints": tuple(declared)}), specs)
    for one, known in ((installed, ["dull", ""]), (installed.only(["Quick"]), [""])):
        usual = [resolved(RequestDraft(prompt="a fox"), each, None).negative_prompt for each in one]
        assert usual == known


async def test_an_edm_checkpoint_is_told_at_the_start(tmp_path: Path) -> None:
    path = single_file(tmp_path / "playground.safetensors", "edm_mean", "edm_std")
    with pytest.raises(ConfigError, match="One cannot be used: It is an EDM checkpoint"):
        await identified(None, path=path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a file that nobody ever writes")
def test_a_program_that_ends_waits_for_no_hash(tmp_path: Path) -> None:
    endless = tmp_path / "endless.safetensors"
    os.mkfifo(endless)
    program = f"""
import asyncio
from pathlib import Path
from bot.library.checkpoints import identify
from bot.config import CheckpointSettings
one = CheckpointSettings(name="One", base_model="sdxl/base", path=Path({str(endless)!r}))
async def main():
    async with asyncio.timeout(0.2):
        await identify(None, [one])
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=180, check=False)
    assert "TimeoutError" in done.stderr.splitlines()[-1], done.stderr
