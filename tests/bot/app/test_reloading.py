"""Other settings for a running program with a real worker: new ones hold at once, bad ones change nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
import pytest_asyncio

from bot.app.assembly import Easel, open_easel
from bot.app.demo_settings import demo_checkpoint
from bot.config import ConfigError, load_settings
from bot.config.changes import NEEDS_RESTART
from bot.config.example import config_text
from bot.database.jobs.jobs import JobState
from bot.requests.builder import LoraDraft, RequestDraft
from inference.base_models import BaseModelId
from inference.demo import CHECKPOINTS
from inference.errors import BaseModelMismatch, CheckpointNotFound, CheckpointRemoved, TooManyLoras
from inference.files.hashes import file_sha256
from inference.lora.beside.declarations import allow_on
from tests.bot.jobs.test_service import LONG, PATIENCE, end, held_up, order, pid_of_worker, until_ended, until_painting
from tests.house import BASES, PASTEL, VIVID, House
from tests.inference.requests import request

pytestmark = pytest.mark.asyncio(loop_scope="module")

ON_PASTEL = request(checkpoint=PASTEL)


def declare(house: House, *names: str, **sections: dict[str, Any]) -> None:
    """Write a config.toml with these checkpoints."""
    checkpoints = [demo_checkpoint(checkpoint, checkpoint.path) for checkpoint in CHECKPOINTS]
    chosen = [checkpoint for checkpoint in checkpoints if checkpoint["name"] in names]
    usual = {"worker": {"threads": 1}, "library": {"samples": 0, "look_seconds": 86_400}}  # reloads look at it
    (house.folder / "config.toml").write_text(config_text(chosen, **(usual | sections)), "utf-8")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def easel(shared_house: House) -> AsyncIterator[Easel]:
    declare(shared_house, VIVID)
    read = partial(load_settings, shared_house.folder / "config.toml")
    async with open_easel(read(), read_settings=read) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def house(easel: Easel, shared_house: House) -> AsyncIterator[House]:
    """Both checkpoints are declared before each test, and after it."""
    yield shared_house
    declare(shared_house, VIVID, PASTEL)
    await easel.reloader.reload()


async def test_a_checkpoint_that_was_added_paints_without_a_restart(easel: Easel, house: House) -> None:
    with pytest.raises(CheckpointNotFound):
        await order(easel, ON_PASTEL)
    before = pid_of_worker(easel)
    declare(house, VIVID, PASTEL)
    assert (await easel.reloader.reload()).changes.added == (PASTEL,)
    assert (await end(easel, await order(easel, ON_PASTEL))).job.state is JobState.SUCCEEDED
    assert (await end(easel, await order(easel, request(checkpoint=VIVID)))).job.state is JobState.SUCCEEDED
    assert pid_of_worker(easel) == before
    assert (await easel.requests.build(RequestDraft(prompt="x", checkpoint=PASTEL))).checkpoint == PASTEL


async def test_what_is_painted_ends_and_what_waits_for_a_checkpoint_that_is_gone_is_told(
    easel: Easel, house: House
) -> None:
    painting = await order(easel, LONG)
    async with easel.jobs.following(painting.id) as updates:
        await until_painting(updates, 1)
        with held_up(easel):
            waiting = await order(easel, ON_PASTEL)
            declare(house, VIVID)
            assert (await easel.reloader.reload()).changes.removed == (PASTEL,)
            told = await end(easel, waiting)
        assert told.job.state is JobState.FAILED and isinstance(told.job.failure, CheckpointRemoved)
        assert "Sorry" in str(told.job.failure) and VIVID in str(told.job.failure)
        done = await until_ended(updates)
    assert (done.job.state, done.job.attempt) == (JobState.SUCCEEDED, 1)


async def test_a_picture_on_the_checkpoint_that_is_taken_away_is_finished(easel: Easel, house: House) -> None:
    painting = await order(easel, LONG)
    async with easel.jobs.following(painting.id) as updates:
        await until_painting(updates, 1)
        with held_up(easel):
            declare(house, PASTEL)
            await easel.reloader.reload()
            next_one = await order(easel, ON_PASTEL)  # waits until the worker has heard
        assert (await until_ended(updates)).job.state is JobState.SUCCEEDED
    assert (await end(easel, next_one)).job.state is JobState.SUCCEEDED


async def test_a_model_or_certificate_that_cannot_be_used_changes_nothing(easel: Easel, house: House) -> None:
    before = easel.configuration.settings
    declare(house, VIVID, PASTEL, classifier={"path": house.folder, "thresholds": {"NSFW": {"mature": 0.5}}})
    with pytest.raises(
        ConfigError, match=r"The model of \[classifier\] or \[text_judge\] cannot be used: .*config.json"
    ):
        await easel.reloader.reload()
    declare(house, VIVID, PASTEL, c2pa={"certificate": house.folder / "gone.pem", "key": house.folder / "gone.pem"})
    with pytest.raises(ConfigError, match=r"\[c2pa\] .*(gone.pem cannot be read|not installed)"):
        await easel.reloader.reload()
    declare(house, VIVID, PASTEL, text_judge={"path": house.folder, "minors": {"minors": 0.5}})
    with pytest.raises(
        ConfigError, match=r"The model of \[classifier\] or \[text_judge\] cannot be used: .*config.json"
    ):
        await easel.reloader.reload()
    declare(house, VIVID, PASTEL, watermark={"path": house.folder})
    with pytest.raises(ConfigError, match=r"The model of \[watermark\] cannot be used: there is no .*decoder_P.ckpt"):
        await easel.reloader.reload()
    assert easel.configuration.settings == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[limits\n", "config.toml is not valid TOML"),
        ("[limits]\nmax_loras = 99\n", r"config.toml: limits.max_loras: .*16"),
        ("[limits]\nmax_lora = 3\n", "limits.max_lora is not a setting"),
        ("", "No checkpoint is declared"),
        (
            '[[checkpoints]]\nname = "gone"\npath = "nowhere"\nbase_model = "sdxl/pony"\n',
            "gone cannot be read at .*nowhere",
        ),
        (
            """
            worker.devices = ["auto", "cuda:7"]
            checkpoints = [{name = "far", repository = "a/b", base_model = "sdxl/pony", devices = ["cuda:7"]}]
            """,
            "far is for cuda:7, where no worker runs yet",
        ),
    ],
)
async def test_settings_that_cannot_be_used_change_nothing(easel: Easel, house: House, text: str, said: str) -> None:
    before = easel.configuration.settings, easel.configuration.checkpoints
    (house.folder / "config.toml").write_text(text)
    with pytest.raises(ConfigError, match=said):
        await easel.reloader.reload()
    assert (easel.configuration.settings, easel.configuration.checkpoints) == before
    assert (await end(easel, await order(easel, request()))).job.state is JobState.SUCCEEDED


async def test_what_needs_a_restart_is_named_and_stays(easel: Easel, house: House) -> None:
    folder = easel.configuration.settings.storage.folder
    declare(
        house, VIVID, PASTEL, storage={"folder": "elsewhere"}, worker={"devices": ["cpu"], "threads": 1},
        limits={"max_loras": 1}, discord={"operators": [7]},
    )  # fmt: skip
    changes = (await easel.reloader.reload()).changes
    assert changes.restart == ("storage.folder", "worker.devices")
    assert set(changes.settings) == {"limits.max_loras", "discord.operators"}
    settings = easel.configuration.settings
    assert settings.storage.folder == folder and settings.worker.devices == ("auto",)
    assert settings.discord.operators == (7,)
    two = (LoraDraft(name="Bat"), LoraDraft(name="Wash"))
    with pytest.raises(TooManyLoras):
        await easel.requests.build(RequestDraft(prompt="x", loras=two))


async def test_a_file_that_the_operator_allows_on_a_relative_paints_there_after_a_reload(
    easel: Easel, house: House
) -> None:
    declare(house, VIVID, PASTEL)
    await easel.reloader.reload()
    draft = RequestDraft(prompt="x", checkpoint=PASTEL, loras=(LoraDraft(name="Bat"),))
    with pytest.raises(BaseModelMismatch):
        await easel.requests.build(draft)
    allow_on(house.library, file_sha256(house.bat), BaseModelId(BASES[PASTEL]), who="me", reason="x")
    await easel.reloader.reload()
    allowed = await easel.requests.build(draft)
    assert (await end(easel, await order(easel, allowed))).job.state is JobState.SUCCEEDED
    (house.library / "declarations.jsonl").unlink()
    await easel.reloader.reload()
    with pytest.raises(BaseModelMismatch):
        await easel.requests.build(draft)


async def test_the_library_is_looked_at_again(easel: Easel, house: House) -> None:
    house.add_lora("Late", BASES[VIVID], seed=9)
    assert (await easel.reloader.reload()).library_problem is None
    assert easel.keeper.latest is not None and easel.keeper.latest.report.new == ("late.safetensors",)
    (house.library / "declarations.jsonl").write_text("{")
    assert "declarations.jsonl" in str((await easel.reloader.reload()).library_problem)
    (house.library / "declarations.jsonl").unlink()


async def test_a_request_by_signal_is_carried_out_and_written_down(
    easel: Easel, house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bot.app.reloading")
    asked = asyncio.Event()
    reloading = asyncio.create_task(easel.reloader.reload_on(asked))
    (house.folder / "config.toml").write_text("[limits\n")
    asked.set()
    async with asyncio.timeout(PATIENCE):
        while "kept the old settings" not in caplog.text:  # noqa: ASYNC110 (the log is where it is told)
            await asyncio.sleep(0.01)
        declare(house, VIVID, PASTEL, limits={"waiting_per_person": 3})
        asked.set()
        while "limits.waiting_per_person" not in caplog.text:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert easel.configuration.settings.limits.waiting_per_person == 3
    reloading.cancel()


async def test_settings_that_need_a_restart_exist(easel: Easel) -> None:
    settings = easel.configuration.settings
    for name in NEEDS_RESTART:
        section, _, key = name.partition(".")
        getattr(getattr(settings, section), key)
