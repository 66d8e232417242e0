"""The actor alone: frames in, frames out; the engine is a script."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from pydantic import BaseModel

from inference.cluster import actor, node_files, outbox
from inference.cluster.actor import EngineActor
from inference.cluster.files import FIRST_PIECE_BYTES, FileRef
from inference.cluster.node_files import CACHE_VARIABLE, NodeCacheSettings, PieceCalls
from inference.cluster.protocol import (
    TO_BOT,
    CancelJob,
    ConfigureWorker,
    DeathReported,
    EventReported,
    FileLeft,
    PieceFound,
    PieceMissing,
    PieceWanted,
    SubmitJob,
    ToBot,
    packed,
)
from inference.cluster.worker_folder import Manifest
from inference.lora.beside.declarations import FILE_NAME
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.commands import Generate
from inference.messages.events import EVENTS, Cancelled, Capacity, Failed, Progress, Ready, Started
from inference.messages.options import ClassifierSpec, TextJudgeSpec, WatermarkSpec, WorkerOptions
from inference.messages.spool import state_file
from tests.inference.cluster.machines import scripted
from tests.inference.requests import request

MAX_WAIT = 60.0
# An engine that knows the checkpoints of its options alone, and dies of others.
STRICT = """
import json, os, sys
for line in sys.stdin:
    command = json.loads(line)
    if command["type"] == "configure":
        known = {spec["name"] for spec in command["checkpoints"]}
        print(json.dumps({"type": "capacity", "places": 4, "loaded": []}), flush=True)
        print(json.dumps({"type": "ready", "device": "script", "pid": os.getpid()}), flush=True)
    elif command["type"] == "generate":
        if command["request"]["checkpoint"] not in known:
            os._exit(3)
        told = {"type": "started", "job_id": command["job_id"], "attempt": command["attempt"]}
        print(json.dumps(told), flush=True)
"""
# An engine that dies at its second job, and leaves the state of both, the first where reading it takes its time.
DYING = f"""
import json, os, pathlib, sys
for line in sys.stdin:
    command = json.loads(line)
    if command["type"] == "configure":
        spool = pathlib.Path(command["spool"])
        print(json.dumps({{"type": "ready", "device": "script", "pid": os.getpid()}}), flush=True)
    elif command["job_id"] == 2:
        os.mkfifo(spool / "{state_file(1)}")
        (spool / "{state_file(2)}").write_text("two")
        os._exit(3)
"""

# An engine that keeps each checkpoint loaded whose job has ended, which it does at once.
KEEPING = """
import json, os, sys
def say(**event): print(json.dumps(event), flush=True)
for line in sys.stdin:
    command = json.loads(line)
    if command["type"] == "configure":
        say(type="ready", device="script", pid=os.getpid())
    elif command["type"] == "generate":
        name = {"job_id": command["job_id"], "attempt": command["attempt"]}
        say(type="capacity", places=4, loaded=[command["request"]["checkpoint"]])
        say(type="failed", code="worker_failed", detail={"reason": "it only loads"}, **name)
"""


SPECS: dict[str, Callable[[str], object]] = {
    "classifier": lambda source: ClassifierSpec(source=source, classes=("bat",)),
    "text_judge": lambda source: TextJudgeSpec(source=source, classes=("bat",)),
    "watermark": lambda source: WatermarkSpec(source=source),
}


class Driven:
    """An actor, and what it is told and tells."""

    def __init__(self) -> None:
        self.actor = EngineActor()
        self._number = self.acknowledged = 0

    async def tell(self, message: BaseModel, data: bytes = b"") -> None:
        self._number += 1
        await self.actor.handle(self._number, message.model_dump_json().encode(), data)

    async def submit(
        self,
        job_id: int,
        checkpoint: str = "vivid",
        prompt: str = "a bat",
        loras: tuple[FileRef, ...] = (),
        inputs: tuple[FileRef, ...] = (),
        known: bytes = b"",
    ) -> None:
        job = Generate(job_id=job_id, attempt=1, request=request(checkpoint=checkpoint, prompt=prompt))
        parts = packed({FILE_NAME: known}) if known else ()
        message = SubmitJob(worker=1, deaths=0, job=job.model_dump_json(), loras=loras, inputs=inputs, known=parts)
        await self.tell(message, known)

    async def told(self) -> AsyncIterator[tuple[ToBot, Any]]:
        while True:
            answer = await self.actor.poll(self.acknowledged, MAX_WAIT)
            for frame in answer.frames:
                self.acknowledged += 1
                message = TO_BOT.validate_json(frame.header)
                is_event = isinstance(message, EventReported)
                yield message, EVENTS.validate_json(frame.data) if is_event else frame.data

    async def until(self, wanted: Callable[[ToBot, Any], object]) -> list[tuple[ToBot, Any]]:
        seen = list[tuple[ToBot, Any]]()
        async for message, data in self.told():
            seen.append((message, data))
            if wanted(message, data):
                break
        return seen


Opened = Callable[[Sequence[str]], Coroutine[Any, Any, Driven]]


@pytest.fixture
async def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Opened]:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "node"))

    @asynccontextmanager
    async def running(command: Sequence[str]) -> AsyncIterator[Driven]:
        driven = Driven()
        await driven.actor.open(1, 0, NodeCacheSettings(10**8), command)
        yield driven
        await driven.actor.close()

    async with AsyncExitStack() as stack, asyncio.timeout(MAX_WAIT):

        async def open_(command: Sequence[str]) -> Driven:
            return await stack.enter_async_context(running(command))

        yield open_


def configuring(tmp_path: Path, name: str, **more: Any) -> tuple[ConfigureWorker, Manifest]:
    (file := tmp_path / f"{name}.safetensors").write_text(name)
    manifest = Manifest.of(file)
    spec = CheckpointSpec(name=name, source=manifest.sha256, base_model="sdxl/illustrious")
    options = WorkerOptions(checkpoints=(spec,), **more)
    return ConfigureWorker(worker=1, options=options, manifests={manifest.sha256: manifest}), manifest


@pytest.mark.parametrize("kind", SPECS)
async def test_a_job_that_follows_new_options_is_painted_by_these(tmp_path: Path, opened: Opened, kind: str) -> None:
    """Also where files have to come first, as those of a classifier."""
    driven = await opened((sys.executable, "-c", STRICT))
    await driven.tell(configuring(tmp_path, "vivid")[0])
    await driven.until(lambda _, event: isinstance(event, Ready))
    _, classifier = configuring(tmp_path, "classifier")
    message, other = configuring(tmp_path, "other", **{kind: SPECS[kind](classifier.sha256)})
    message = message.model_copy(update={"manifests": {**message.manifests, classifier.sha256: classifier}})
    await driven.tell(message)
    await driven.submit(1, "other")
    calls: dict[str, int] = {}
    while len(calls) < 2:
        (*_, (wanted, _)) = await driven.until(lambda told, _: isinstance(told, PieceWanted))
        assert isinstance(wanted, PieceWanted)
        calls[wanted.sha256] = wanted.call
    await driven.tell(PieceFound(worker=1, call=calls[other.files[0].sha256]), b"other")
    while not list((tmp_path / "node").glob("workers/*/checkpoints/*/other.safetensors")):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    await driven.tell(PieceFound(worker=1, call=calls[classifier.files[0].sha256]), b"classifier")
    seen = await driven.until(lambda told, event: isinstance(event, Started) or isinstance(told, DeathReported))
    assert isinstance(seen[-1][1], Started), "by the old options there is no such checkpoint"


@pytest.mark.parametrize("kind", SPECS)
async def test_the_files_of_models_that_check_stay_when_no_job_is_here(
    tmp_path: Path, opened: Opened, kind: str
) -> None:
    driven = await opened((sys.executable, "-c", KEEPING))
    _, model = configuring(tmp_path, "model")
    message, checkpoint = configuring(tmp_path, "vivid", **{kind: SPECS[kind](model.sha256)})
    await driven.tell(message.model_copy(update={"manifests": {**message.manifests, model.sha256: model}}))

    async def answer(manifest: Manifest, content: bytes) -> None:
        (*_, (wanted, _)) = await driven.until(lambda told, _: isinstance(told, PieceWanted))
        assert isinstance(wanted, PieceWanted) and wanted.sha256 == manifest.files[0].sha256
        await driven.tell(PieceFound(worker=1, call=wanted.call), content)

    await answer(model, b"model")
    await driven.until(lambda _, event: isinstance(event, Ready))
    await driven.submit(1)
    await answer(checkpoint, b"vivid")
    await driven.until(lambda _, event: isinstance(event, Failed))
    assert list((tmp_path / "node").glob(f"workers/*/checkpoints/{model.sha256}/model.safetensors"))


async def test_a_worker_whose_files_take_long_gives_signs_of_life(
    tmp_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actor, "SIGN_SECONDS", 0.01)
    driven = await opened((sys.executable, "-c", STRICT))
    await driven.tell(configuring(tmp_path, "vivid")[0])
    await driven.until(lambda _, event: isinstance(event, Ready))
    await driven.submit(1)
    (*_, (wanted, _)) = await driven.until(lambda told, _: isinstance(told, PieceWanted))
    assert isinstance(wanted, PieceWanted)
    for _ in range(2):
        await driven.until(lambda _, event: isinstance(event, Capacity) and event.places == 4)
    await driven.tell(PieceFound(worker=1, call=wanted.call), b"vivid")
    await driven.until(lambda _, event: isinstance(event, Started))


async def test_what_a_job_leaves_does_not_wait_for_the_files_of_another(tmp_path: Path, opened: Opened) -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))  # a node may have few threads
    driven = await opened(scripted(tmp_path))
    await driven.tell(configuring(tmp_path, "vivid")[0])
    await driven.until(lambda _, event: isinstance(event, Ready))
    await driven.submit(1, prompt="for ever")
    (*_, (wanted, _)) = await driven.until(lambda told, _: isinstance(told, PieceWanted))
    assert isinstance(wanted, PieceWanted)
    await driven.tell(PieceFound(worker=1, call=wanted.call), b"vivid")
    await driven.until(lambda _, event: isinstance(event, Progress))
    await driven.submit(2, loras=(FileRef(sha256="0" * 64, size=9, name="bat.safetensors"),))
    (*_, (wanted, _)) = await driven.until(lambda told, _: isinstance(told, PieceWanted))
    assert isinstance(wanted, PieceWanted)
    for _ in range(2):
        await driven.until(lambda told, _: isinstance(told, FileLeft))
    await driven.tell(PieceMissing(worker=1, call=wanted.call, reason="enough"))
    await driven.until(lambda _, event: isinstance(event, Failed))
    await driven.tell(CancelJob(worker=1, job_id=1))
    await driven.until(lambda _, event: isinstance(event, Cancelled))
    assert not [*(tmp_path / "node").glob("workers/*/spool/*.safetensors")], "its state goes with it"


async def test_a_job_whose_files_are_coming_is_cancelled_at_once(tmp_path: Path, opened: Opened) -> None:
    """However long they take: whoever has all data deleted waits for it. What came of the files is kept."""
    driven = await opened((sys.executable, "-c", STRICT))
    await driven.tell(configuring(tmp_path, "vivid")[0])
    await driven.until(lambda _, event: isinstance(event, Ready))
    data = bytes(FIRST_PIECE_BYTES + 1)
    (sha256, parts) = hashlib.sha256(data).hexdigest(), tmp_path / "node" / "parts"
    picture = FileRef(sha256="0" * 64, size=9, name="start")
    await driven.submit(1, loras=(FileRef(sha256=sha256, size=len(data), name="bat.safetensors"),), inputs=(picture,))
    (*_, (wanted, _)) = await driven.until(lambda told, _: isinstance(told, PieceWanted))
    assert isinstance(wanted, PieceWanted)
    await driven.tell(CancelJob(worker=1, job_id=1))
    await driven.until(lambda _, event: isinstance(event, Cancelled))
    await driven.tell(PieceFound(worker=1, call=wanted.call), data[:FIRST_PIECE_BYTES])
    await asyncio.to_thread(driven.actor._opened.threads.shutdown)
    assert [path.stat().st_size for path in parts.iterdir()] == [FIRST_PIECE_BYTES]
    assert not (await driven.actor.poll(driven.acknowledged, 0.01)).frames, "it asks for no more, and tells no more"


async def test_a_late_piece_of_the_actor_before_is_not_taken_for_another() -> None:
    asked = asyncio.Queue[int]()
    numbers = list[int]()
    async with asyncio.timeout(MAX_WAIT):
        for calls in (PieceCalls(lambda call, *_: asked.put_nowait(call)) for _ in range(2)):
            piece = asyncio.create_task(asyncio.to_thread(calls.piece, "0" * 64, 0, 9))
            numbers.append(await asked.get())
            for number, data in zip(numbers, (b"before", b"now"), strict=False):
                calls.answer(number, data)
            assert await piece == (b"before", b"now")[len(numbers) - 1]


async def test_a_piece_may_take_long_while_others_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a slow line it waits for those of other files; only where none comes, nobody answers."""
    monkeypatch.setattr(node_files, "PIECE_SECONDS", 0.01)
    asked, looked = asyncio.Queue[int](), Event()
    now = 1.0

    def clock() -> float:
        read = now  # before it is told that it was looked at: then it goes on
        looked.set()
        return read

    calls = PieceCalls(lambda call, *_: asked.put_nowait(call), clock)
    async with asyncio.timeout(MAX_WAIT):
        slow = asyncio.create_task(asyncio.to_thread(calls.piece, "0" * 64, 0, 9))
        first = await asked.get()
        calls.answer(0, b"of another file")
        looked.clear()
        await asyncio.to_thread(looked.wait)
        calls.answer(first, b"late")
        assert await slow == b"late"
        looked.clear()
        silent = asyncio.create_task(asyncio.to_thread(calls.piece, "0" * 64, 0, 9))
        await asyncio.to_thread(looked.wait)
        now = 2.0
        with pytest.raises(OSError, match="it does not answer"):
            await silent


def configuring_both(tmp_path: Path) -> ConfigureWorker:
    both = [configuring(tmp_path, name)[0] for name in ("vivid", "pastel")]
    specs = tuple(spec for each in both for spec in each.options.checkpoints)
    manifests = both[0].manifests | both[1].manifests
    return ConfigureWorker(worker=1, options=WorkerOptions(checkpoints=specs), manifests=manifests)


async def test_a_checkpoint_that_is_loaded_and_has_no_job_makes_room_for_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "node"))
    driven = Driven()
    async with asyncio.timeout(MAX_WAIT):
        await driven.actor.open(1, 0, NodeCacheSettings(len("pastel")), (sys.executable, "-c", KEEPING))
        await driven.tell(configuring_both(tmp_path))
        await driven.until(lambda _, event: isinstance(event, Ready))
        for job_id, name in enumerate(("vivid", "pastel", "vivid"), 1):
            await driven.submit(job_id, name)
            (*_, (wanted, _)) = await driven.until(lambda told, _: isinstance(told, PieceWanted))
            assert isinstance(wanted, PieceWanted)
            await driven.tell(PieceFound(worker=1, call=wanted.call), name.encode())
            (*_, (_, failed)) = await driven.until(lambda _, event: isinstance(event, Failed | Cancelled))
            assert isinstance(failed, Failed) and failed.detail == {"reason": "it only loads"}
        await driven.actor.close()


async def test_files_that_are_asked_for_again_bring_back_nothing_that_was_known_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that makes room for its checkpoint may have come long before the newest one."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "node"))
    driven, bat = Driven(), FileRef(sha256=hashlib.sha256(b"bat").hexdigest(), size=3, name="bat.safetensors")

    async def answered(data: bytes) -> None:
        (*_, (wanted, _)) = await driven.until(lambda told, _: isinstance(told, PieceWanted))
        assert isinstance(wanted, PieceWanted) and wanted.sha256 == hashlib.sha256(data).hexdigest()
        await driven.tell(PieceFound(worker=1, call=wanted.call), data)

    async def failed() -> None:
        (*_, (_, event)) = await driven.until(lambda _, event: isinstance(event, Failed | Cancelled))
        assert isinstance(event, Failed) and event.detail == {"reason": "it only loads"}

    async with asyncio.timeout(MAX_WAIT):
        await driven.actor.open(1, 0, NodeCacheSettings(len("pastelbat")), (sys.executable, "-c", KEEPING))
        await driven.tell(configuring_both(tmp_path))
        await driven.until(lambda _, event: isinstance(event, Ready))
        await driven.submit(1, "vivid")
        await answered(b"vivid")
        await failed()
        await driven.submit(2, "pastel", loras=(bat,), known=b"old")
        (*_, (wanted, _)) = await driven.until(lambda told, _: isinstance(told, PieceWanted))
        assert isinstance(wanted, PieceWanted)
        await driven.submit(3, "vivid", known=b"new")
        await failed()
        await driven.tell(PieceFound(worker=1, call=wanted.call), b"bat")
        await answered(b"pastel")
        await failed()
        (known,) = (tmp_path / "node").glob(f"workers/*/library/{FILE_NAME}")
        assert known.read_bytes() == b"new"
        await driven.actor.close()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="nodes run Linux")
async def test_a_job_may_come_while_the_states_of_a_dead_engine_are_read(tmp_path: Path, opened: Opened) -> None:
    driven = await opened((sys.executable, "-c", DYING))
    await driven.tell(configuring(tmp_path, "vivid")[0])
    await driven.until(lambda _, event: isinstance(event, Ready))
    for job_id in (1, 2):
        await driven.submit(job_id)
    found = await driven.until(lambda told, _: isinstance(told, PieceWanted))
    wanted = found[-1][0]
    assert isinstance(wanted, PieceWanted)
    await driven.tell(PieceFound(worker=1, call=wanted.call), b"vivid")
    (spool,) = (tmp_path / "node").glob("workers/*/spool")
    while not (first := spool / state_file(1)).exists():  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    with await asyncio.to_thread(first.open, "wb") as writing:  # until somebody reads
        first.unlink()
        await driven.submit(3)
        writing.write(b"one")
    seen = await driven.until(lambda told, _: isinstance(told, DeathReported))
    assert [data for told, data in seen if isinstance(told, FileLeft)] == [b"one", b"two"]


async def test_an_engine_that_dies_leaves_nothing_of_its_jobs_on_the_node(tmp_path: Path, opened: Opened) -> None:
    """They go on elsewhere, or nowhere: whoever has all data deleted is told that all is gone."""
    driven = await opened(scripted(tmp_path, dies_at=2))
    await driven.tell(configuring(tmp_path, "vivid")[0])
    await driven.until(lambda _, event: isinstance(event, Ready))
    data = b"a picture"
    picture = FileRef(sha256=hashlib.sha256(data).hexdigest(), size=len(data), name="start")
    await driven.submit(1, inputs=(picture,))
    for content in (data, b"vivid"):
        (*_, (wanted, _)) = await driven.until(lambda told, _: isinstance(told, PieceWanted))
        assert isinstance(wanted, PieceWanted)
        await driven.tell(PieceFound(worker=1, call=wanted.call), content)
    await driven.until(lambda _, event: isinstance(event, Progress))
    assert [*(tmp_path / "node").glob(f"workers/*/inputs/{picture.sha256}")]
    seen = await driven.until(lambda told, _: isinstance(told, DeathReported))
    assert [told.name for told, _ in seen if isinstance(told, FileLeft)][-1:] == [state_file(1)], "the bot has it"
    (folder,) = (tmp_path / "node" / "workers").glob("*/")
    left = [*(folder / "spool").iterdir(), *(folder / "inputs").iterdir()]
    assert not [*left, *(folder / "pictures").rglob(picture.sha256)]


async def test_while_nobody_listens_files_stay_on_the_disk(
    tmp_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bot may stand still while its jobs are painted: newer states take the place of those that it has not got."""
    monkeypatch.setattr(outbox, "MAX_BYTES", 1)
    driven = await opened(scripted(tmp_path))
    await driven.tell(configuring(tmp_path, "vivid")[0])
    await driven.until(lambda _, event: isinstance(event, Ready))
    await driven.submit(1, prompt="for ever")
    (*_, (wanted, _)) = await driven.until(lambda told, _: isinstance(told, PieceWanted))
    assert isinstance(wanted, PieceWanted)
    await driven.tell(PieceFound(worker=1, call=wanted.call), b"vivid")
    await driven.until(lambda _, event: isinstance(event, Progress))
    (spool,) = (tmp_path / "node").glob("workers/*/spool")
    while int((spool / state_file(1)).read_text() or 0) < 30:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    held = [TO_BOT.validate_json(frame.header) for frame in driven.actor._outbox._frames]
    assert sum(isinstance(message, FileLeft) for message in held) <= 4, held  # of the last event, and of the next
    await driven.tell(CancelJob(worker=1, job_id=1))
    seen = await driven.until(lambda _, event: isinstance(event, Cancelled))
    assert sum(isinstance(event, Progress) for _, event in seen) >= 29, "nothing is lost of what is small"
