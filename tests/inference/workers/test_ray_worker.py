"""What a worker of a cluster is sent about all LoRAs, whenever it dies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from inference.cluster.protocol import ClusterSettingsSent
from inference.lora.beside.declarations import FILE_NAME
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.commands import Generate
from inference.messages.events import Ready
from inference.messages.options import WorkerOptions
from inference.workers import WorkerDied
from inference.workers.driver_process import DriverOptions, DriverProcess
from inference.workers.ray import RayPool, RayWorker
from inference.workers.storage import SpoolFolder, StoredFile
from tests.inference.requests import request, use


@dataclass(frozen=True)
class Looked(StoredFile):
    """A file at which something happens when somebody looks beside it."""

    happens: Callable[[], object]

    def beside(self) -> list[StoredFile]:
        self.happens()
        return super().beside()


async def test_a_worker_that_dies_while_its_job_is_made_ready_is_told_all_again(tmp_path: Path) -> None:
    (tmp_path / "bat.safetensors").write_bytes(b"the bat")
    (tmp_path / FILE_NAME).write_text("known")
    lora, job = use("Bat"), Generate(job_id=1, attempt=1, request=request(loras=(use("Bat"),)))
    settings = ClusterSettingsSent(address="home", unreachable_seconds=30, cache_bytes=1)
    driver = DriverProcess(DriverOptions(None, ("true",), settings, {}))
    spec = CheckpointSpec(name="vivid", source="here", base_model="sdxl/illustrious")
    options = WorkerOptions(checkpoints=(spec,))
    pool = RayPool(options, SpoolFolder(tmp_path), driver)
    worker = RayWorker(1, {}, options, pool)
    loop = asyncio.get_running_loop()

    async def die() -> None:
        worker.die(WorkerDied(None, 1, was_ready=True, stderr_tail=""))

    def wait_for_death() -> None:
        asyncio.run_coroutine_threadsafe(die(), loop).result()

    worker.report(Ready(device="script", pid=1))
    assert not await worker.submit(job, {lora.sha256: Looked(tmp_path, "bat.safetensors", wait_for_death)})
    files = {lora.sha256: StoredFile(tmp_path, "bat.safetensors")}
    message, _ = worker._frames.of(1, 1, job, files, pool.spool)
    assert [part.name for part in message.known] == [FILE_NAME]
