"""A cluster without Ray: actors in this process, each with an engine that a script plays."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inference.cluster.actor import EngineActor
from inference.cluster.nodes import Actor, ActorLost, ActorSilent, ClusterLost, ClusterNode
from inference.cluster.views import NodeReport

# An engine that needs no torch. It takes a step of each job whenever it is idle for a moment, leaves a state before
# every step and a picture of the job's seed and its LoRAs' bytes at the end, and dies at the steps that it is given.
SCRIPT = """
import json, os, pathlib, select, sys
STEPS, dies_at, marker = 6, int(sys.argv[1]), pathlib.Path(sys.argv[2])
def say(**event): print(json.dumps(event), flush=True)
def state_of(job): return spool / f"job{job['job_id']}.state.safetensors"
def write(path, text):  # as the engine does: nobody reads half of it, and every state is another file
    path.with_suffix(".part").write_text(text)
    path.with_suffix(".part").replace(path)
jobs, buffer, closed = {}, b"", False
while True:
    ready, _, _ = select.select([0], [], [], 0.02 if jobs else None)
    if ready:
        read = os.read(0, 65536)
        if not read:
            break
        buffer += read
        *lines, buffer = buffer.split(b"\\n")
        for line in lines:
            command = json.loads(line)
            if command["type"] == "configure":
                spool, library, inputs = (pathlib.Path(command[name]) for name in ("spool", "library", "inputs"))
                sources = {spec["name"]: spec["source"] for spec in command["checkpoints"]}
                say(type="ready", device="script", pid=os.getpid())
                say(type="capacity", places=4, loaded=[])
            elif command["type"] == "generate":
                file = state_of(command)
                command["done"] = int(file.read_text()) if file.exists() else 0
                jobs[command["job_id"]] = command
                say(type="started", job_id=command["job_id"], attempt=command["attempt"])
            elif command["type"] == "cancel":
                if job := jobs.pop(command["job_id"], None):
                    say(type="cancelled", job_id=job["job_id"], attempt=job["attempt"])
            elif command["type"] == "shutdown":
                closed = True
    if closed:
        break
    for job in list(jobs.values()):
        name = {"job_id": job["job_id"], "attempt": job["attempt"]}
        write(state_of(job), str(job["done"]))
        if job["done"] == dies_at and not marker.exists():
            marker.touch()
            print("the card is on fire", file=sys.stderr, flush=True)
            os._exit(3)
        job["done"] += 1
        if job["done"] < STEPS or job["request"]["prompt"] == "for ever":
            preview = f"job{job['job_id']}-{job['attempt']}-preview.png"
            write(spool / preview, "preview")
            step = min(job["done"], STEPS)
            say(type="progress", step=step, steps=STEPS, preview=preview, **name)
            continue
        uses = [use["sha256"] for use in job["request"]["loras"]]
        loras = [library / job["files"][sha256] for sha256 in uses]
        image = job["request"]["image"]
        picture = f"job{job['job_id']}-{job['attempt']}-0.png"
        source = pathlib.Path(sources[job["request"]["checkpoint"]])
        painted = {
            "seed": job["request"]["seed"],
            "loras": [file.read_text() for file in loras],
            "beside": sorted(each.name for file in loras for each in file.parent.iterdir() if each.suffix == ".toml"),
            "known": sorted(each.name for each in library.iterdir() if each.is_file()),
            "image": image and (inputs / job["files"][image["sha256"]]).read_text(),
            "checkpoint": sorted(each.name for each in source.iterdir()) if source.is_dir() else source.read_text(),
        }
        write(spool / picture, json.dumps(painted))
        del jobs[job["job_id"]]
        state_of(job).unlink(missing_ok=True)  # before the end is heard: a next attempt may put its own there
        say(type="finished", files=[picture], seconds=1, peak_memory=0, **name)
for job in jobs.values():
    write(state_of(job), str(job["done"]))
"""


def scripted(folder: Path, dies_at: int = -1) -> tuple[str, ...]:
    """The command of the engine; it dies once, at this step of a job."""
    return sys.executable, "-c", SCRIPT, str(dies_at), str(folder / "died")


class InProcessActor:
    """An actor in this process. Implements `inference.cluster.nodes.Actor`."""

    def __init__(self, far: float = 0.0) -> None:
        self.actor = EngineActor()
        self.far = far  # seconds that a call travels
        self.dead: str | None = None
        self.cut = False
        self.called: set[str] = set()
        self.unanswered: list[bool] = []  # calls of `handle` without an answer, and whether each arrives all the same
        self._died = asyncio.Event()

    async def call(self, method: str, *arguments: object, seconds: float) -> Any:
        self.called.add(method)
        if self.dead is not None:
            raise ActorLost(self.dead)
        if self.cut:
            raise ActorSilent("no answer")
        if method == "handle" and self.unanswered:
            if self.unanswered.pop(0):
                await self._answer(method, arguments)
            raise ActorSilent("no answer")
        answering = asyncio.ensure_future(self._answer(method, arguments))
        dying = asyncio.ensure_future(self._died.wait())
        try:
            done, _ = await asyncio.wait({answering, dying}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if self.dead is not None:
                raise ActorLost(self.dead)
            if answering not in done or self.cut:
                raise ActorSilent("no answer")
            return answering.result()
        finally:
            answering.cancel()
            dying.cancel()

    async def _answer(self, method: str, arguments: tuple[object, ...]) -> Any:
        await asyncio.sleep(self.far)
        found = getattr(self.actor, method)(*arguments)
        return await found if inspect.isawaitable(found) else found

    def kill(self) -> None:
        if self.dead is None:
            self.end("killed")

    def end(self, why: str) -> None:
        """The process of the actor is gone, and its engine with it."""
        self.dead = why
        self._died.set()
        worker = self.actor._worker
        if worker is not None and worker._process is not None and worker._process.returncode is None:
            worker._process.kill()

    async def close(self) -> None:
        """Wait until nothing of it runs, and delete its folders, as the next actor would."""
        if self.actor._worker is not None:
            await self.actor._worker.close()
        if self.actor._files is not None:
            await asyncio.to_thread(self.actor._files.close)


class InProcessCluster:
    """Implements `inference.cluster.nodes.Cluster`."""

    def __init__(self, *nodes: ClusterNode) -> None:
        self.here = {node.node_id: node for node in nodes}
        self.actors: list[tuple[ClusterNode, InProcessActor]] = []
        self.lost = False
        self.far = 0.0
        self.broken: str | None = None  # why actors do not start
        self.reports: asyncio.Queue[NodeReport] = asyncio.Queue()

    async def report(self, report: NodeReport) -> None:
        self.reports.put_nowait(report)

    @property
    def version(self) -> str:
        return "2"

    def leave(self) -> None:
        pass

    async def nodes(self) -> Sequence[ClusterNode]:
        if self.lost:
            raise ClusterLost("the head is dead")
        return list(self.here.values())

    def start(self, node: ClusterNode) -> Actor:
        actor = InProcessActor(self.far)
        self.actors.append((node, actor))
        if self.broken:
            actor.end(self.broken)
        return actor

    def on(self, node_id: str) -> InProcessActor:
        """The newest actor of a node."""
        return [actor for node, actor in self.actors if node.node_id == node_id][-1]

    async def close(self) -> None:
        """Wait until nothing of it runs."""
        for _, actor in self.actors:
            actor.kill()
            await actor.close()
