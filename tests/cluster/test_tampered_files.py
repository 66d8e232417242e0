"""Checkpoints and LoRAs that somebody has changed, on a node or where nodes take them from, paint nothing."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from benchmarks._ray_nodes import RayMachine, RayNodes
from bot.app.assembly import Easel, open_easel
from bot.app.demo_settings import copy_demo
from bot.config import settings_from
from bot.database.jobs.jobs import JobState
from bot.jobs.active_jobs import JobUpdate
from bot.requests.builder import LoraDraft, RequestDraft
from inference.errors import CheckpointUnusable, InferenceError, LoraFileChanged
from inference.files.hashes import file_sha256
from inference.messages.request import GenerationRequest
from tests.bot.jobs.test_service import PATIENCE, end, order
from tests.house import PASTEL, VIVID
from tests.inference.requests import request

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Place:
    """A bot with its own copy of the demo, a node, and shared storage that is empty."""

    folder: Path
    shared: Path
    easel: Easel
    machine: RayMachine

    @property
    def library(self) -> Path:
        return self.folder / "loras"

    def network(self, checkpoint: str) -> Path:
        """The file with most of a checkpoint's weights, on the bot's machine."""
        return self.folder / "checkpoints" / checkpoint / "unet" / "diffusion_pytorch_model.safetensors"

    def kept(self, file: Path) -> Path:
        """Where the node keeps this file of the bot's."""
        return self.machine.folder / "files" / file_sha256(file)

    async def asked(self, checkpoint: str, lora: str) -> GenerationRequest:
        draft = RequestDraft(prompt="a star", checkpoint=checkpoint, loras=(LoraDraft(name=lora),), steps=2, seed=3)
        return await self.easel.requests.build(draft)

    async def ordered(self, made: GenerationRequest) -> JobUpdate:
        return await end(self.easel, await order(self.easel, made))

    async def painted(self, made: GenerationRequest) -> bytes:
        done = await self.ordered(made)
        assert done.job.state is JobState.SUCCEEDED, done.job.failure
        return (self.easel.configuration.settings.storage.pictures / done.pictures[0].path).read_bytes()

    async def refused(self, made: GenerationRequest) -> InferenceError:
        """Why the job failed; the worker has not died of it, and paints the next one."""
        done = await self.ordered(made)
        assert done.job.state is JobState.FAILED and done.job.failure is not None and done.job.attempt == 1
        assert [each.back for each in self.easel.jobs.workers] == [None]
        await self.painted(request(checkpoint=VIVID))
        return done.job.failure


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(nodes: RayNodes, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    folder = tmp_path_factory.mktemp("bot")
    (shared := folder / "shared").mkdir()
    values = {
        "checkpoints": copy_demo(folder),
        "library": {"folder": folder / "loras", "samples": 0},
        "storage": {"folder": folder / "data"},
        "worker": {"threads": 1},
    }
    machine = await nodes.add()
    settings = nodes.settings(settings_from(values, folder), shared=str(shared), unreachable_seconds=PATIENCE)
    async with open_easel(settings) as easel:
        yield Place(folder, shared, easel, machine)


def tamper(file: Path) -> None:
    """Change bytes in the middle; size and name stay."""
    file.chmod(0o600)
    with file.open("r+b") as opened:
        opened.seek(file.stat().st_size // 2)
        opened.write(os.urandom(1000))


@contextmanager
def tampered(file: Path, shared: Path) -> Generator[None]:
    """While inside, the bot's own file and its copy in shared storage have other bytes."""
    right = file.read_bytes()
    other = shared / file_sha256(file)
    other.write_bytes(right)
    tamper(other)
    tamper(file)
    try:
        yield
    finally:
        other.unlink()
        file.write_bytes(right)


async def test_what_was_changed_on_a_node_is_taken_anew_and_paints_the_same(place: Place) -> None:
    made = await place.asked(VIVID, "Komori")
    before = await place.painted(made)
    (lora,) = (path for path in place.library.glob("*.safetensors") if file_sha256(path) == made.loras[0].sha256)
    files = [place.network(VIVID), lora]
    for kept in map(place.kept, files):
        tamper(kept)
    (engine,) = place.machine.engines
    engine.kill()  # the next one reads all files
    assert await place.painted(made) == before
    assert [file_sha256(place.kept(file)) == file_sha256(file) for file in files] == [True, True]


async def test_a_lora_that_is_another_one_everywhere_is_refused_by_its_name(place: Place) -> None:
    made = await place.asked(VIVID, "Stripes")
    (lora,) = (path for path in place.library.glob("*.safetensors") if file_sha256(path) == made.loras[0].sha256)
    with tampered(lora, place.shared):
        failure = await place.refused(made)
    assert isinstance(failure, LoraFileChanged) and failure.lora == "Stripes"
    await place.easel.keeper.scan()
    await place.painted(made)


async def test_a_checkpoint_that_is_another_one_everywhere_is_refused_with_the_name_of_its_file(place: Place) -> None:
    made = request(checkpoint=PASTEL)
    network = place.network(PASTEL)
    with tampered(network, place.shared):
        failure = await place.refused(made)
    assert isinstance(failure, CheckpointUnusable) and failure.checkpoint == PASTEL
    assert failure.reason.startswith(f"unet/{network.name} of the bot's machine is refused: its SHA-256 is ")
    await place.painted(made)
