"""A bot's pool, a driver process in this one, and a cluster without Ray, whose engine is a script."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from inference.cluster.compatibility import NodeIdentity
from inference.cluster.driver import Driver
from inference.cluster.node_files import NodeCacheSettings
from inference.cluster.nodes import ClusterNode
from inference.cluster.protocol import ClusterSettingsSent
from inference.cluster.socket_address import SocketAddress
from inference.cluster.wire import Connection, accept_handshake, listen
from inference.cluster.worker_supervisor import WorkerRules
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.commands import Generate
from inference.messages.options import WorkerOptions
from inference.workers import WorkerJoined
from inference.workers.driver_process import DriverOptions, DriverProcess
from inference.workers.ray import RayPool, RayWorker
from inference.workers.storage import SpoolFolder, StoredFile
from tests.inference.cluster.machines import InProcessCluster, scripted
from tests.inference.requests import request

MAX_WAIT = 120.0
SETTINGS = ClusterSettingsSent(address="home", unreachable_seconds=MAX_WAIT, cache_bytes=10**6)
Kind = TypeVar("Kind")


@dataclass
class Place:
    """The bot's folders, the cluster, and the pool between the two."""

    folder: Path
    cluster: InProcessCluster
    rules: WorkerRules
    pool: RayPool
    spool: SpoolFolder
    serving: list[Driver]

    def file(self, name: str, text: str) -> tuple[str, StoredFile]:
        path = self.folder / "bot" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return hashlib.sha256(text.encode()).hexdigest(), StoredFile(self.folder / "bot", name)


@asynccontextmanager
async def opened_place(tmp_path: Path) -> AsyncIterator[Place]:
    """A bot and a cluster with one node, whose cache is the folder `node`."""
    (checkpoint := tmp_path / "bot" / "checkpoint").mkdir(parents=True)
    (checkpoint / "model_index.json").write_text("{}")
    (spool := tmp_path / "spool").mkdir()
    spec = CheckpointSpec(name="vivid", source=str(checkpoint), base_model="sdxl/illustrious")
    cluster = InProcessCluster(ClusterNode("a", "first", 1, {"easel-memory-gb": "24"}))
    rules = WorkerRules(NodeCacheSettings(10**6), MAX_WAIT, NodeIdentity.own(), scripted(tmp_path))
    address = SocketAddress(f"unix:{tmp_path / 's'}")
    driver = DriverProcess(DriverOptions(address, None, SETTINGS, {}, "secret"))
    pool = RayPool(WorkerOptions(checkpoints=(spec,)), SpoolFolder(spool), driver)
    here = Place(tmp_path, cluster, rules, pool, SpoolFolder(spool), [])

    async def serve(connection: Connection) -> None:
        await accept_handshake(connection, "secret", NodeIdentity.own().easel)
        assert (first := await connection.receive()) and ClusterSettingsSent.model_validate_json(
            first.header
        ) == SETTINGS
        here.serving.append(Driver(connection, here.cluster, here.rules))
        await here.serving[-1].run()
        await connection.close()

    server = await listen(address, serve)
    async with asyncio.timeout(MAX_WAIT):
        await pool.start()
        yield here
        await pool.close()
        server.close()
        await server.wait_closed()
        await cluster.close()


async def joined(place: Place) -> tuple[RayWorker, WorkerJoined]:
    change = await anext(place.pool.changes())
    assert isinstance(change, WorkerJoined) and isinstance(change.worker, RayWorker)
    return change.worker, change


async def heard(events: AsyncIterator[Any], kind: type[Kind], seen: list[Any] | None = None) -> Kind:
    async with asyncio.timeout(MAX_WAIT):
        async for event in events:
            if seen is not None:
                seen.append(event)
            if isinstance(event, kind):
                return event
    raise AssertionError("the worker has left")


def painting(job_id: int = 1, attempt: int = 1, **changes: object) -> Generate:
    return Generate(job_id=job_id, attempt=attempt, request=request(checkpoint="vivid", **changes))
