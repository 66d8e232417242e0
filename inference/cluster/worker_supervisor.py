"""One worker on a node: its actor started, listened to, and started again when it dies, as long as its node lives."""

from __future__ import annotations

import asyncio
import logging
import statistics
import time
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel

from inference.cluster.compatibility import NodeHello, NodeIdentity, refusals
from inference.cluster.node_files import NodeCacheSettings
from inference.cluster.node_labels import device_memory
from inference.cluster.nodes import Actor, ActorLost, ActorSilent, Cluster, ClusterNode
from inference.cluster.outbox import Frames
from inference.cluster.protocol import (
    DEATHS,
    TO_BOT,
    DeathReported,
    EventReported,
    SubmitJob,
    ToDriver,
    WorkerGone,
    WorkerRefused,
    WorkerRenewed,
    WorkerStarting,
    WorkerUp,
)
from inference.cluster.views import WorkerReport
from inference.cluster.wire import Frame
from inference.errors import InferenceError
from inference.messages.commands import COMMANDS, JobCommand
from inference.messages.events import EVENTS, Cancelled, Capacity, Event, Failed, Finished
from inference.workers import WorkerDied
from inference.workers.local import pause_after

log = logging.getLogger(__name__)

OPEN_SECONDS = 600.0  # that an actor may take to start: Ray starts a process for it, and a device must be free
CALL_SECONDS = 60.0
POLL_SECONDS = 5.0  # that a call waits for something to tell
CLOSE_SECONDS = 8.0
RETRY_SECONDS = 0.5  # before an actor that could not be reached is called again
REFUSED_SECONDS = 60.0  # until a node that did not fit is looked at again
PINGS = 5
MEASURE_SECONDS = 60.0  # between two measurements of how far away an actor is
MOVED = 2.0  # times, by which that has to differ to be told
_Result = TypeVar("_Result")


class Bot(Protocol):
    """The other end of the socket."""

    async def tell(self, message: BaseModel, data: bytes = b"") -> None:
        """Send a message."""
        ...

    async def forward(self, frame: Frame) -> None:
        """Send a frame as it is."""
        ...


@dataclass(frozen=True)
class WorkerRules:
    """What holds for every worker. A node that differs from `identity` is refused; `engine` runs another engine."""

    cache: NodeCacheSettings
    unreachable_seconds: float
    identity: NodeIdentity
    engine: Sequence[str] | None = None


class WorkerSupervisor:
    """The worker for device `index` of a node. `run` ends when its node is gone."""

    def __init__(
        self, cluster: Cluster, node: ClusterNode, index: int, number: int, bot: Bot, rules: WorkerRules
    ) -> None:
        self.number = number
        self._cluster, self._node, self._index, self._bot, self._rules = cluster, node, index, bot, rules
        self._actor: Actor | None = None
        self._inbox: asyncio.Queue[tuple[ToDriver, Frame]] = asyncio.Queue()
        self._deaths = 0  # that the bot was told of
        self._failures = 0  # of actors in a row
        self._known_to_bot = False
        self._distance = 0.0  # seconds to the actor and back, as the bot knows it
        self._gone = asyncio.Event()
        self._why = ""
        self._jobs = set[int]()
        self._loaded: tuple[str, ...] = ()
        self.refused: tuple[str, ...] = ()  # why its node does not fit
        self.heard: float | None = None  # when its node answered last; None where its actor is known to be dead

    @property
    def report(self) -> WorkerReport:
        """How it stands."""
        state = "ready" if self._actor else "starting"
        return WorkerReport(
            device=f"gpu {self._index}",
            memory=device_memory(self._node.labels),
            state="leaving" if self._gone.is_set() else state,
            jobs=len(self._jobs),
            checkpoints=self._loaded,
        )

    def leave(self, reason: str) -> None:
        """The node is gone, or will be soon."""
        self._why = self._why or reason
        self._gone.set()

    def deliver(self, message: ToDriver, frame: Frame) -> None:
        """Pass a frame of the bot's on, in order, as soon as the actor takes it; `message` is what its header says."""
        self._inbox.put_nowait((message, frame))

    async def _deliver(self) -> None:
        number = 0
        while True:
            message, frame = await self._inbox.get()
            actor, number = self._actor, number + 1
            if actor is None:
                continue  # it has died, which the bot hears, and submits its jobs again
            if isinstance(message, SubmitJob) and isinstance(job := COMMANDS.validate_json(message.job), JobCommand):
                self._jobs.add(job.job_id)
            try:
                while not await self._handed_over(actor, number, frame) and self._actor is actor:
                    await self._wait(RETRY_SECONDS)
            except ActorLost as problem:
                log.info("worker %s did not receive a message: %s", self.number, problem)
            except Exception:
                log.exception("worker %s cannot carry out a command", self.number)
                actor.kill()

    async def _handed_over(self, actor: Actor, number: int, frame: Frame) -> bool:
        """Whether the actor has the frame; where it does not answer it may have, and does nothing the second time."""
        try:
            await actor.call("handle", number, frame.header, frame.data, seconds=CALL_SECONDS)
        except ActorSilent as problem:
            log.info("worker %s did not answer a message: %s", self.number, problem)
            return False
        return True

    async def run(self) -> None:
        """Keep an actor until the node is gone, or `leave` is called."""
        delivering = asyncio.create_task(self._deliver())
        try:
            await self._bot.tell(
                WorkerStarting(worker=self.number, node=self._node.name, labels=dict(self._node.labels))
            )
            while not self._gone.is_set():
                await self._wait(await self._live())
        finally:
            delivering.cancel()
            await self._bot.tell(WorkerGone(worker=self.number, reason=self._why))

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._gone.wait()

    async def _live(self) -> float:
        """The life of one actor; for how many seconds to wait before the next."""
        actor, was_ready = self._cluster.start(self._node), False
        try:
            if await self._unless_gone(self._compare(actor)) is None:
                return 0.0
            if self.refused:
                await self._refuse()
                return REFUSED_SECONDS
            await actor.call(
                "open", self.number, self._deaths, self._rules.cache, self._rules.engine, seconds=CALL_SECONDS
            )
            self._actor = actor
            await self._announce(actor)
            was_ready = True
            await self._listen(actor)
        except (ActorLost, ActorSilent, InferenceError) as problem:
            return await self._died(str(problem), was_ready=was_ready)
        except Exception as problem:
            log.exception("worker %s failed", self.number)
            return await self._died(str(problem) or type(problem).__name__, was_ready=was_ready)
        finally:
            self._actor, self._loaded = None, ()
            self._jobs.clear()
            actor.kill()
        return 0.0

    async def _compare(self, actor: Actor) -> bool:
        """See whether its node fits, before anything else is asked of it: another Easel may know nothing else."""
        await actor.call("ping", seconds=OPEN_SECONDS)
        asked = time.time()
        told: str = await actor.call("hello", seconds=CALL_SECONDS)
        hello = NodeHello.model_validate_json(told)
        offset = hello.clock_offset(asked, time.time())
        self.refused = refusals(self._rules.identity, hello.identity, offset, memory_monitor=hello.memory_monitor)
        return True

    async def _refuse(self) -> None:
        reason = "; ".join(self.refused)[:1000]
        if self._known_to_bot:  # it fitted before: its Easel was changed while it ran
            self._known_to_bot, self._deaths = False, 0
            await self._bot.tell(WorkerGone(worker=self.number, reason=reason))
        labels = dict(self._node.labels)
        await self._bot.tell(WorkerRefused(worker=self.number, node=self._node.name, labels=labels, reason=reason))

    async def _announce(self, actor: Actor) -> None:
        """Tell the bot, which then sends the options."""
        if self._known_to_bot:
            await self._bot.tell(WorkerRenewed(worker=self.number))
        else:
            await self._tell_place(await _distance(actor))
            self._known_to_bot = True

    async def _measure(self, actor: Actor) -> None:
        """Tell the bot when the worker is farther away than it was, or nearer."""
        with suppress(ActorSilent):  # of which the next poll hears
            now = await _distance(actor)
            if not self._distance / MOVED < now < self._distance * MOVED:
                await self._tell_place(now)

    async def _tell_place(self, distance: float) -> None:
        self._distance = distance
        await self._bot.tell(
            WorkerUp(
                worker=self.number,
                node=self._node.name,
                device=f"gpu {self._index}",
                labels=dict(self._node.labels),
                memory=device_memory(self._node.labels),
                distance=distance,
            )
        )

    async def _listen(self, actor: Actor) -> None:
        """Pass on what the actor tells, until the worker leaves. Raises ActorLost, or what has broken the actor."""
        acknowledged, measured = 0, time.monotonic()
        self.heard = measured
        while True:
            limit = self._rules.unreachable_seconds
            asked = actor.call("poll", acknowledged, min(POLL_SECONDS, limit / 4), seconds=limit)
            try:
                answer = await self._unless_gone(asked)
            except ActorSilent as problem:
                if time.monotonic() - self.heard >= limit:
                    self.leave(f"it cannot be reached: {problem}")
                    return
                await self._wait(RETRY_SECONDS)
                continue
            if answer is None:
                await self._close(actor, acknowledged)
                return
            self.heard = time.monotonic()
            acknowledged = await self._pass_on(answer)
            if self.heard - measured > MEASURE_SECONDS:
                await self._measure(actor)
                measured = self.heard

    async def _close(self, actor: Actor, acknowledged: int) -> None:
        """Shut the engine down, and pass on where it leaves its jobs; a node that is gone cannot say it."""
        try:
            await actor.call("close", seconds=CLOSE_SECONDS)
            while (answer := await actor.call("poll", acknowledged, 0, seconds=CLOSE_SECONDS)).frames:
                acknowledged = await self._pass_on(answer)
        except (ActorLost, ActorSilent) as problem:
            log.info("worker %s did not close: %s", self.number, problem)

    async def _pass_on(self, answer: Frames) -> int:
        for frame in answer.frames:
            message = TO_BOT.validate_json(frame.header)
            if isinstance(message, DeathReported):
                self._deaths += 1
                self._jobs.clear()
            elif isinstance(message, EventReported):
                self._hear(EVENTS.validate_json(frame.data))
            await self._bot.forward(frame)
        return answer.last

    def _hear(self, event: Event) -> None:
        if isinstance(event, Capacity):
            self._loaded = event.loaded
        elif isinstance(event, Finished | Failed | Cancelled):
            self._jobs.discard(event.job_id)
        if isinstance(event, Finished):
            self._failures = 0

    async def _died(self, reason: str, *, was_ready: bool) -> float:
        """The actor has died; the pause before the next one. The bot is told: of a worker that it never knew, why."""
        self._failures += 1
        self.heard = None
        if not was_ready:
            self.refused = (f"its worker does not start: {reason}",)
        pause = pause_after(self._failures)
        log.warning("worker %s on %s died (%s in a row): %s", self.number, self._node.name, self._failures, reason)
        if self._known_to_bot:
            self._deaths += 1
            death = WorkerDied(None, self._failures, was_ready, reason, pause)
            await self._bot.tell(DeathReported(worker=self.number), DEATHS.dump_json(death))
        else:
            await self._refuse()
        return pause

    async def _unless_gone(self, work: Coroutine[Any, Any, _Result]) -> _Result | None:
        """The result, or None when the worker has to leave before it is there."""
        working, leaving = asyncio.create_task(work), asyncio.create_task(self._gone.wait())
        try:
            await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
            return await working if working.done() else None
        finally:
            working.cancel()
            leaving.cancel()


async def _distance(actor: Actor) -> float:
    """Seconds that a call takes. Raises ActorSilent, ActorLost."""
    took = list[float]()
    for _ in range(PINGS):
        began = time.perf_counter()
        await actor.call("ping", seconds=CALL_SECONDS)
        took.append(time.perf_counter() - began)
    return statistics.median(took)
