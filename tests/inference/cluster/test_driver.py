"""The driver process and its actors, without Ray: bot's pool, socket, and an engine that is a script."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from dataclasses import replace
from itertools import count
from threading import Event
from typing import Any

import pytest

from inference.cluster import compatibility, driver, outbox, wire, worker_supervisor
from inference.cluster.actor import EngineActor
from inference.cluster.compatibility import NodeIdentity
from inference.cluster.driver import serve_until_asked
from inference.cluster.nodes import ClusterNode
from inference.cluster.protocol import TO_BOT, CloseWorkers, Heartbeat
from inference.cluster.socket_address import SocketAddress
from inference.cluster.wire import Connection, begin_handshake
from inference.lora.beside.declarations import FILE_NAME
from inference.messages.commands import Generate
from inference.messages.events import Cancelled, Capacity, Finished, Progress, Ready, Started
from inference.messages.options import WorkerOptions
from inference.messages.request import LoraUse, SourceImage
from inference.messages.spool import state_file
from inference.workers import PoolUnavailable, Unserved, WorkerDied, WorkerJoined, WorkerLeft, ray
from inference.workers.awaited_workers import NO_NODE_FITS, NOBODY_PAINTS
from inference.workers.driver_process import DriverOptions, DriverProcess
from inference.workers.ray import RayPool, RayWorker
from inference.workers.storage import SpoolFolder
from tests.inference.cluster.machines import scripted
from tests.inference.cluster.places import MAX_WAIT, SETTINGS, Place, heard, joined, painting
from tests.inference.requests import request
from tests.log import Log

STARTING = "the worker of first is still being started"


async def test_a_worker_on_a_node_paints_with_files_that_only_the_bot_has(place: Place) -> None:
    worker, change = await joined(place)
    assert (change.place.node, change.place.device, change.place.memory) == ("first", "gpu 0", 24 * 2**30)
    assert change.place.distance is not None and change.place.distance < 1
    assert worker.serves == place.pool.serves == {"vivid"}
    assert not await worker.submit(Generate(job_id=1, attempt=1, request=request(checkpoint="vivid")), {})
    events = worker.events()
    await heard(events, Ready)
    lora, bat = place.file("deep/bat.safetensors", "the bat")
    image, source = place.file("start", "a picture")
    for name in ("deep/bat.toml", FILE_NAME):
        place.file(name, "")
    files = {lora: bat, image: source}
    asked = request(
        checkpoint="vivid",
        seed=7,
        loras=(LoraUse(sha256=lora, name="Bat"),),
        image=SourceImage(sha256=image, strength=1),
    )
    for attempt in (1, 2):
        job = Generate(job_id=5, attempt=attempt, request=asked)
        assert await worker.submit(job, files)
        assert worker.offered(lora) == bat.path, "while its job is not over"
        seen = list[Any]()
        end = await heard(events, Finished, seen)
        assert worker.offered(lora) is None, "or the bot would keep all names, and nodes might ask for any"
        steps = [each.step for each in seen if isinstance(each, Progress)]
        assert steps == ([1, 2, 3, 4, 5] if attempt == 1 else [5]), "the second goes on from the state that the bot has"
        assert all(place.spool.read(each.preview) == b"preview" for each in seen if isinstance(each, Progress))
        assert json.loads(place.spool.read(end.files[0])) == {
            "seed": 7, "loras": ["the bat"], "beside": ["bat.toml"], "known": [FILE_NAME],
            "image": "a picture", "checkpoint": ["model_index.json"],
        }  # fmt: skip
        place.spool.put(state_file(5), b"4")


async def test_an_engine_that_dies_is_reported_and_the_job_goes_on_from_its_last_state(place: Place) -> None:
    place.rules = replace(place.rules, engine=scripted(place.folder, dies_at=3))
    worker, _ = await joined(place)
    events = worker.events()
    await heard(events, Ready)
    job = Generate(job_id=1, attempt=1, request=request(checkpoint="vivid"))
    assert await worker.submit(job, {})
    death = await heard(events, WorkerDied)
    assert (death.exit_code, death.failures, death.was_ready) == (3, 1, True)
    assert death.reason == "the card is on fire"
    assert place.spool.read(state_file(1)) == b"3", "also the state after which nothing was reported"
    assert not await worker.submit(job, {})
    await heard(events, Ready)
    assert await worker.submit(job.model_copy(update={"attempt": 2}), {})
    seen = list[Any]()
    await heard(events, Finished, seen)
    assert [each.step for each in seen if isinstance(each, Progress)] == [4, 5]


async def test_an_actor_that_dies_is_started_again_and_a_node_that_goes_takes_its_worker_along(place: Place) -> None:
    worker, _ = await joined(place)
    events = worker.events()
    for failures in (1, 2):
        await heard(events, Ready)
        assert await worker.submit(painting(1, failures, prompt="for ever"), {})
        await heard(events, Progress)
        place.cluster.on("a").end("killed by a signal")
        death = await heard(events, WorkerDied)
        assert (death.failures, death.was_ready, death.reason) == (failures, True, "killed by a signal")
        assert death.pause == 0.25 * failures
    place.cluster.here.clear()
    place.cluster.here["b"] = ClusterNode("b", "second", 2)
    place.cluster.on("a").end("its node died")
    changes = [await anext(place.pool.changes()) for _ in range(3)]
    assert [change.worker for change in changes if isinstance(change, WorkerLeft)] == [worker]
    assert all([isinstance(each, WorkerDied | Ready | Capacity) async for each in events])
    assert not await worker.submit(painting(), {})
    places = {(each.place.node, each.place.device) for each in changes if isinstance(each, WorkerJoined)}
    assert places == {("second", "gpu 0"), ("second", "gpu 1")}


async def test_a_worker_that_is_drained_or_closed_leaves_the_states_of_its_jobs(place: Place) -> None:
    worker, _ = await joined(place)
    events = worker.events()
    await heard(events, Ready)
    assert await worker.submit(painting(1, prompt="for ever"), {})
    await heard(events, Progress)
    place.cluster.here["b"] = ClusterNode("b", "second", 1)
    other, _ = await joined(place)
    others = other.events()
    await heard(others, Ready)
    assert await other.submit(painting(2, prompt="for ever"), {})
    await heard(others, Progress)
    del place.cluster.here["a"]
    left = await anext(place.pool.changes())
    assert isinstance(left, WorkerLeft) and left.reason == "its node is gone, or is being drained"
    last = [each.step async for each in events if isinstance(each, Progress)]
    assert int(place.spool.read(state_file(1))) >= max(last, default=1), "its very last step"
    await place.pool.close()
    last = [each.step async for each in others if isinstance(each, Progress)]
    assert int(place.spool.read(state_file(2))) >= max(last, default=1)
    assert [each async for each in place.pool.changes()] == [], "those that were closed have not left"
    assert all(actor.dead for _, actor in place.cluster.actors)


async def test_a_worker_that_leaves_says_everything_however_many_answers_it_takes(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, _ = await joined(place)
    events = worker.events()
    await heard(events, Ready)
    for job_id in (1, 2, 3):
        assert await worker.submit(painting(job_id, prompt="for ever"), {})
    await heard(events, Progress)
    monkeypatch.setattr(outbox, "MAX_FRAMES", 1)
    place.cluster.here.clear()
    assert isinstance(await anext(place.pool.changes()), WorkerLeft)
    assert not place.cluster.on("a").actor._outbox._frames, "among them the states that were left last"


async def test_what_a_node_does_is_left_in_the_cluster(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "NODES_SECONDS", 0.01)
    worker, _ = await joined(place)
    events = worker.events()
    await heard(events, Ready)
    for job_id in (1, 2):
        assert await worker.submit(painting(job_id, prompt="for ever"), {})
    for jobs in (2, 0):
        while (report := await place.cluster.reports.get()).workers[0].jobs != jobs:
            assert report.node_id == "a" and not report.refused
        told = report.workers[0]
        assert (told.device, told.memory, told.state) == ("gpu 0", 24 * 2**30, "ready")
        await worker.cancel(1)
        await worker.cancel(2)
    await place.pool.close()
    while (await place.cluster.reports.get()).workers:
        pass


async def test_a_node_that_cannot_be_reached_is_left_and_joins_again_as_another_worker(place: Place) -> None:
    worker, _ = await joined(place)
    events = worker.events()
    await heard(events, Ready)
    assert await worker.submit(painting(prompt="for ever"), {})
    await heard(events, Progress)
    cut = place.cluster.on("a")
    cut.cut = True
    (supervisor,) = place.serving[0]._workers.values()
    supervisor._rules = replace(place.rules, unreachable_seconds=0.1)  # not before: a busy machine is not lost
    left = await anext(place.pool.changes())
    assert isinstance(left, WorkerLeft) and "cannot be reached" in left.reason
    again, _ = await joined(place)
    assert again is not worker and cut.dead == "killed"
    await heard(again.events(), Ready)


async def test_for_how_long_nothing_was_heard_of_a_node_is_left_in_the_cluster(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when its worker has left, as long as Ray takes the node for alive and the next one does not start."""
    monkeypatch.setattr(driver, "NODES_SECONDS", 0.01)
    monkeypatch.setattr(driver, "SILENT_SECONDS", 0.3)
    worker, _ = await joined(place)
    events = worker.events()
    await heard(events, Ready)
    assert await worker.submit(painting(prompt="for ever"), {})
    await heard(events, Progress)
    actor = place.cluster.on("a")
    for cut in (True, False, True):
        actor.cut = cut
        while bool((await place.cluster.reports.get()).silent) is not cut:
            pass
    place.cluster.far = 1000
    (supervisor,) = place.serving[0]._workers.values()
    supervisor._rules = replace(place.rules, unreachable_seconds=0.1)
    assert isinstance(await anext(place.pool.changes()), WorkerLeft)
    while (report := await place.cluster.reports.get()).workers[0].state != "starting":
        pass
    assert report.silent
    place.cluster.here["b"] = ClusterNode("b", "second", 1)
    while (report := await place.cluster.reports.get()).node_id != "b":
        pass
    assert not report.silent, "nothing is known of it"


async def test_what_the_bot_says_arrives_once_where_the_connection_breaks(place: Place) -> None:
    worker, _ = await joined(place)
    events = worker.events()
    await heard(events, Ready)
    place.cluster.on("a").unanswered = [False, True, True]
    assert await worker.submit(painting(1, prompt="for ever"), {})
    await heard(events, Progress)
    place.cluster.on("a").unanswered = [False, True]
    await worker.cancel(1)
    await heard(events, Cancelled)
    assert await worker.submit(painting(2), {})
    seen = list[Any]()
    await heard(events, Finished, seen)
    assert [each.job_id for each in seen if isinstance(each, Started)] == [2]


async def test_a_driver_process_that_ends_takes_all_workers_along_until_the_next_one(place: Place, log: Log) -> None:
    worker, _ = await joined(place)
    await heard(worker.events(), Ready)
    await place.serving[0]._connection.close()
    left = await anext(place.pool.changes())
    assert isinstance(left, WorkerLeft) and left.worker is worker
    assert left.reason == "the cluster cannot be reached: it has closed the connection"
    assert await anext(place.pool.changes()) == PoolUnavailable(1, "it has closed the connection")
    again, _ = await joined(place)
    await heard(again.events(), Ready)
    await log.heard("no driver process of the cluster: it has closed the connection")


async def test_a_driver_process_that_hangs_is_left(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "HEARTBEAT_SECONDS", 1000)
    worker, _ = await joined(place)
    events = worker.events()
    await heard(events, Ready)
    monkeypatch.setattr(ray, "SILENT_SECONDS", 1)  # from the next frame on
    await worker.submit(painting(), {})
    left = await anext(place.pool.changes())
    assert isinstance(left, WorkerLeft) and left.reason.endswith("it has said nothing for 1 seconds")
    assert await anext(place.pool.changes()) == PoolUnavailable(1, "it has said nothing for 1 seconds")
    monkeypatch.setattr(driver, "HEARTBEAT_SECONDS", 0.01)
    monkeypatch.setattr(ray, "SILENT_SECONDS", MAX_WAIT)
    await joined(place)


async def test_a_bot_that_stood_still_does_not_take_its_driver_process_for_one_that_hangs(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for where, name, seconds in (
        (driver, "HEARTBEAT_SECONDS", 0.02), (ray, "LOOK_SECONDS", 0.1), (ray, "SILENT_SECONDS", 0.5),
    ):  # fmt: skip
        monkeypatch.setattr(where, name, seconds)
    worker, _ = await joined(place)
    events = worker.events()
    await heard(events, Ready)
    time.sleep(1)  # noqa: ASYNC251 (as SIGSTOP does, or a virtual machine that is paused)
    assert await worker.submit(painting(), {})
    await heard(events, Finished)


async def test_a_slow_disk_of_the_bot_is_no_silence_of_its_driver_process(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, go_on = Event(), Event()

    class Slow(SpoolFolder):
        def put(self, name: str, data: bytes) -> None:
            writing.set()
            assert go_on.wait(MAX_WAIT)
            super().put(name, data)

    monkeypatch.setattr(ray, "LOOK_SECONDS", 0.01)
    place.pool.spool = Slow(place.spool.folder)
    worker, _ = await joined(place)
    events = worker.events()
    await heard(events, Ready)
    assert await worker.submit(painting(), {})
    await asyncio.to_thread(writing.wait, MAX_WAIT)
    with monkeypatch.context() as patch:
        patch.setattr(ray, "SILENT_SECONDS", 0.01)
        for _ in range(5):
            await asyncio.sleep(0.01)
    go_on.set()
    await heard(events, Finished)


async def test_the_bot_ends_beside_a_driver_process_that_reads_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    await joined(place)
    monkeypatch.setattr(ray, "CLOSE_SECONDS", 0.1)
    monkeypatch.setattr(wire, "HANDSHAKE_SECONDS", 0.1)
    place.serving[0]._connection._writer.transport.pause_reading()  # pyright: ignore (that of a socket reads too)
    sending = asyncio.create_task(place.pool.send(CloseWorkers(), bytes(20_000_000)))
    await asyncio.sleep(0)
    await place.pool.close()
    await sending


async def test_a_driver_process_that_has_nothing_to_do_sends_heartbeats(place: Place) -> None:
    await place.pool.close()
    connection = await Connection.open(SocketAddress(f"unix:{place.folder / 's'}"))
    await begin_handshake(connection, "secret", NodeIdentity.own().easel)
    await connection.send(SETTINGS)
    async for frame in connection.frames():
        if isinstance(TO_BOT.validate_json(frame.header), Heartbeat):
            break
    await connection.close()


async def test_a_cluster_in_which_nobody_paints_is_told_again_and_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "HEARTBEAT_SECONDS", 0.01)
    monkeypatch.setattr(ray, "ALONE_SECONDS", 0.01)
    place.cluster.here.clear()
    place.rules = replace(place.rules, identity=NodeIdentity.own().model_copy(update={"torch": "1.0"}))
    async for change in place.pool.changes():
        if isinstance(change, PoolUnavailable) and change.failures == 2:
            assert change.reason == NOBODY_PAINTS
            break
    place.cluster.here["a"] = ClusterNode("a", "first", 1, {})
    async for change in place.pool.changes():
        if isinstance(change, PoolUnavailable) and change.reason not in {NOBODY_PAINTS, STARTING}:
            assert change.reason.startswith("the node first gets no work: it has torch")
            break
    await place.serving[0]._connection.close()
    async for change in place.pool.changes():
        if isinstance(change, PoolUnavailable) and change.reason == "it has closed the connection":
            assert change.failures == 1, "that the cluster had no worker says nothing of the driver process"
            break


async def test_the_bot_knows_which_workers_are_being_started_and_why_others_are_not(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, _ = await joined(place)
    (spec,) = worker._options.checkpoints
    large = spec.model_copy(update={"name": "large", "node_labels": (("gpu", "24gb"),)})
    place.pool.configure([WorkerOptions(checkpoints=(spec, large))])
    nowhere = Unserved(NO_NODE_FITS.format(checkpoint="large"))
    assert place.pool.unserved("large") == nowhere
    go_on = asyncio.Event()

    async def ping(_actor: EngineActor) -> None:
        await go_on.wait()
        raise OSError("no module")

    with monkeypatch.context() as patch:
        patch.setattr(EngineActor, "ping", ping)
        place.cluster.here["b"] = ClusterNode("b", "second", 1, {"gpu": "24gb"})
        while not place.pool.unserved("large").starting:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert place.pool.unserved("large").reason == "the worker of second is still being started"
        go_on.set()
        while place.pool.unserved("large").starting:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        told = "the node second gets no work: its worker does not start: no module"
        assert place.pool.unserved("large") == Unserved(told)
    other, _ = await joined(place)
    assert other.serves == {"vivid", "large"}
    del place.cluster.here["b"]
    assert isinstance(await anext(place.pool.changes()), WorkerLeft) and place.pool.unserved("large") == nowhere


async def test_no_worker_is_being_started_without_a_driver_process(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else `easel paint` would wait for it where no driver process can be reached any more."""
    monkeypatch.setattr(ray, "pause_after", lambda _failures: 1000)
    place.cluster.far = 1000
    while not place.pool.unserved("vivid").starting:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    await place.serving[0]._connection.close()
    assert isinstance(await anext(place.pool.changes()), PoolUnavailable)
    assert not place.pool.unserved("vivid").starting


async def test_a_worker_whose_first_life_ends_before_the_bot_knows_it_joins_in_the_next(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    await joined(place)
    pings = count(1)

    async def ping(_actor: EngineActor) -> None:
        if next(pings) == 2:  # the first that measures how far away it is
            raise OSError("the connection broke")

    monkeypatch.setattr(EngineActor, "ping", ping)
    place.cluster.here["b"] = ClusterNode("b", "second", 1)
    other, change = await joined(place)
    assert change.place.node == "second"
    await heard(other.events(), Ready)


async def test_a_node_that_does_not_fit_is_refused_with_the_reason(place: Place, log: Log) -> None:
    place.rules = replace(place.rules, identity=NodeIdentity.own().model_copy(update={"torch": "1.0"}))
    await log.heard("node first gets no work: it has torch")
    while not (report := await place.cluster.reports.get()).refused:
        assert report.workers[0].state == "starting"
    assert report.refused[0].startswith("it has torch")
    first = place.cluster.on("a")
    assert first.dead == "killed" and first.called == {"ping", "hello"}, "another Easel may know no other call"


async def test_a_node_whose_easel_is_changed_leaves_until_it_fits_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_supervisor, "REFUSED_SECONDS", 0.01)
    worker, _ = await joined(place)
    await heard(worker.events(), Ready)
    ours = compatibility._source_hash
    monkeypatch.setattr(compatibility, "_source_hash", lambda: "changed")
    place.cluster.on("a").end("killed by a signal")
    left = await anext(place.pool.changes())
    assert isinstance(left, WorkerLeft) and left.worker is worker and left.reason.startswith("it has Easel ")
    monkeypatch.setattr(compatibility, "_source_hash", ours)
    again, _ = await joined(place)
    events = again.events()
    await heard(events, Ready)
    assert again is not worker and await again.submit(painting(), {})
    await heard(events, Finished)


async def test_a_node_whose_workers_do_not_start_is_told_with_the_reason(place: Place) -> None:
    place.cluster.broken = "No module named 'inference'"
    place.cluster.here["b"] = ClusterNode("b", "second", 1)
    told = "its worker does not start: No module named 'inference'"
    while (report := await place.cluster.reports.get()).node_id != "b" or told not in report.refused:
        pass
    place.cluster.broken = None
    while (report := await place.cluster.reports.get()).node_id != "b" or report.refused:
        pass


async def test_a_node_that_says_nonsense_does_not_keep_the_others_from_being_seen(place: Place) -> None:
    worker, _ = await joined(place)
    place.cluster.broken = "it does not start"
    place.cluster.here["b"] = ClusterNode("b", "many", 70, {"easel-memory-gb": "-5"})
    while (report := await place.cluster.reports.get()).node_id != "b":
        pass
    assert len(report.workers) == 64 and {each.memory for each in report.workers} == {None}
    del place.cluster.here["a"]
    left = await anext(place.pool.changes())
    assert isinstance(left, WorkerLeft) and left.worker is worker


async def test_a_worker_that_is_farther_away_than_it_was_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_supervisor, "MEASURE_SECONDS", 0.0)
    worker, change = await joined(place)
    assert change.place.distance is not None and change.place.distance < 0.2
    far = place.cluster.on("a").far = max(0.3, 3 * change.place.distance)
    while (moved := (await joined(place))[1]).place.distance < far:  # type: ignore[operator]
        pass
    assert moved.worker is worker and moved.place.node == "first"


async def test_a_job_is_cancelled_before_and_after_its_files_are_there(place: Place) -> None:
    worker, _ = await joined(place)
    events = worker.events()
    await heard(events, Ready)
    lora, file = place.file("bat.safetensors", "the bat")
    for number in (1, 2):
        job = painting(number, loras=(LoraUse(sha256=lora, name="Bat"),), prompt="for ever")
        assert await worker.submit(job, {lora: file})
        if number == 2:
            await heard(events, Progress)
        await worker.cancel(number)
        assert (await heard(events, Cancelled)).job_id == number


async def test_a_worker_that_hangs_is_killed_and_gets_the_newest_options(place: Place) -> None:
    worker, _ = await joined(place)
    events = worker.events()
    await heard(events, Ready)
    (spec,) = worker._options.checkpoints
    changed = place.pool.configure([WorkerOptions(checkpoints=(spec.model_copy(update={"name": "other"}),))])
    assert {*changed} == {worker} and place.pool.serves == {"other"}
    await worker.configure(changed[worker])
    await heard(events, Ready)
    await worker.restart()
    death = await heard(events, WorkerDied)
    assert death.exit_code == -9 and death.shortage is None
    await heard(events, Ready)
    job = painting().model_copy(update={"request": request(checkpoint="other")})
    assert await worker.submit(job, {}) and worker.serves == {"other"}
    await heard(events, Finished)


async def test_a_job_that_was_sent_before_its_death_was_known_is_not_painted(place: Place) -> None:
    worker, _ = await joined(place)
    events = worker.events()
    await heard(events, Ready)
    worker._deaths = 1  # another number than the worker's own
    assert await worker.submit(painting(1), {})
    worker._deaths = 0
    assert await worker.submit(painting(2), {})
    assert (await heard(events, Finished)).job_id == 2


@pytest.mark.parametrize("by_bot", [False, True])
async def test_a_service_that_is_asked_to_end_hands_its_jobs_on_first(place: Place, by_bot: bool) -> None:
    """Also when it is asked again meanwhile: the bot hears where they are, and nothing stays on the node."""
    address = SocketAddress(f"unix:{place.folder / 'service'}")
    service = asyncio.create_task(serve_until_asked(address, "", with_parent=False, join=lambda _: place.cluster))
    told = SETTINGS.model_copy(update={"engine": scripted(place.folder)})
    pool = RayPool(place.pool._options, place.spool, DriverProcess(DriverOptions(address, None, told, {})))
    place.cluster.here = {"b": ClusterNode("b", "second", 1)}
    closing: asyncio.Task[None] | None = None
    try:
        await pool.start()
        worker = await of_node(pool, "second")
        events = worker.events()
        await heard(events, Ready)
        assert await worker.submit(painting(5, prompt="for ever"), {})
        reported = (await heard(events, Progress)).step
        actor = place.cluster.on("b")
        actor.far = 0.1  # so that it has not ended when it is asked again
        if by_bot:
            closing = asyncio.create_task(pool.close())
        for again in range(3):
            if again or not by_bot:
                signal.raise_signal(signal.SIGTERM)
            while "close" not in actor.called:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        async for event in events:
            reported = event.step if isinstance(event, Progress) else reported
        assert await service == 0
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().remove_signal_handler(number)
        await (closing or pool.close())
    assert int(place.spool.read(state_file(5))) >= reported
    assert actor.actor._files and not actor.actor._files.folder.path.exists()


async def of_node(pool: RayPool, node: str) -> RayWorker:
    """The worker of this node, once it has joined."""
    async for change in pool.changes():
        if isinstance(change, WorkerJoined) and change.place.node == node:
            assert isinstance(change.worker, RayWorker)
            return change.worker
    raise AssertionError
