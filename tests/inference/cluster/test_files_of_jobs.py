"""The files of jobs on their way to a node: what cannot be had, and what is refused, is told by the job alone."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace
from typing import Any

import pytest

from inference.cluster import actor
from inference.cluster.node_files import NodeCacheSettings
from inference.lora.beside.declarations import FILE_NAME
from inference.messages.events import Cancelled, Capacity, Failed, Finished, Ready
from inference.messages.options import WorkerOptions
from inference.messages.request import LoraUse, SourceImage
from inference.workers import WorkerDied
from inference.workers.storage import StoredFile
from tests.inference.cluster.places import Place, heard, joined, painting
from tests.log import Log


async def test_a_job_whose_files_cannot_be_had_fails_and_says_which(place: Place) -> None:
    worker, _ = await joined(place)
    events = worker.events()
    await heard(events, Ready)
    good, file = place.file("bat.safetensors", "the bat")
    uses = (LoraUse(sha256=good, name="Bat"),)
    file.path.write_text("another")  # the same length
    assert await worker.submit(painting(1, loras=uses), {good: file})
    failed = await heard(events, Failed)
    assert (failed.code, failed.detail) == ("lora_file_changed", {"lora": "Bat"}), "by the name that the job has for it"
    image, start = place.file("start", "a picture")
    await asyncio.to_thread(start.path.write_text, "something")
    assert await worker.submit(painting(2, image=SourceImage(sha256=image, strength=1)), {image: start})
    assert (await heard(events, Failed)).code == "source_image_gone"
    (place.folder / "bot" / "checkpoint" / "model_index.json").write_text("[]")
    assert await worker.submit(painting(3), {})
    assert (await heard(events, Failed)).code == "checkpoint_unusable"
    (place.folder / "bot" / "checkpoint" / "model_index.json").write_text("{}")
    assert await worker.submit(painting(4), {})
    await heard(events, Finished)


@dataclass(frozen=True)
class Passing(StoredFile):
    """A file that is deleted while its job is on the way: once the bot has looked what lies beside it."""

    def beside(self) -> list[StoredFile]:
        found = super().beside()
        self.path.unlink()
        return found


async def test_a_lora_that_is_deleted_while_its_job_is_on_the_way_is_refused_as_by_a_local_worker(
    place: Place,
) -> None:
    worker, _ = await joined(place)
    events = worker.events()
    await heard(events, Ready)
    sha256, file = place.file("bat.safetensors", "the bat")
    uses = (LoraUse(sha256=sha256, name="Bat"),)
    seen = list[Any]()
    assert await worker.submit(painting(1, loras=uses), {sha256: Passing(file.folder, file.name)})
    failed = await heard(events, Failed, seen)
    assert (failed.code, failed.detail) == ("lora_file_changed", {"lora": "Bat"})
    place.file("bat.safetensors", "the bat")
    assert await worker.submit(painting(2, loras=uses), {sha256: file})
    await heard(events, Finished, seen)
    assert not [each for each in seen if isinstance(each, WorkerDied) or getattr(each, "places", 1) == 0]


async def test_a_checkpoint_is_painted_without_its_preview_decoder_where_that_was_deleted(
    place: Place, log: Log
) -> None:
    """So it is on the bot's machine: previews are coarse."""
    worker, _ = await joined(place)
    events = worker.events()
    await heard(events, Ready)
    _, decoder = place.file("decoder/config.json", "a decoder")
    (spec,) = worker._options.checkpoints
    with_decoder = spec.model_copy(update={"preview_decoder": str(decoder.path.parent)})
    await worker.configure(WorkerOptions(checkpoints=(with_decoder,)))
    await heard(events, Ready)
    decoder.path.unlink()
    assert await worker.submit(painting(), {})
    await heard(events, Finished)
    await log.heard("previews of vivid are coarse: config.json cannot be read from the bot's machine")


async def test_a_job_is_given_back_by_a_node_without_room_for_its_files(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actor, "REST_SECONDS", 0.2)
    place.rules = replace(place.rules, cache=NodeCacheSettings(1))
    worker, _ = await joined(place)
    events = worker.events()
    assert (await heard(events, Capacity)).places == 4
    for attempt in (1, 2):
        seen = list[Any]()
        assert await worker.submit(painting(1, attempt), {})
        await heard(events, Cancelled, seen)
        assert [each.places for each in seen if isinstance(each, Capacity)] == [0], "another worker gets the job"
        assert (await heard(events, Capacity)).places == 4
    assert await worker.submit(painting(1, 3), {})
    assert (await heard(events, Failed)).code == "checkpoint_unusable"


async def test_what_is_known_of_loras_is_written_as_soon_as_it_can_be(place: Place) -> None:
    """It is sent once, and a disk may be full at that time."""
    worker, _ = await joined(place)
    events = worker.events()
    await heard(events, Ready)
    place.file(FILE_NAME, "known")
    sha256, file = place.file("bat.safetensors", "the bat")
    uses = (LoraUse(sha256=sha256, name="Bat"),)
    (library,) = (place.folder / "node").glob("workers/*/library")
    (library / FILE_NAME).mkdir()
    assert await worker.submit(painting(1, loras=uses), {sha256: file})
    assert (await heard(events, Failed)).code == "worker_failed"
    (library / FILE_NAME).rmdir()
    assert await worker.submit(painting(2, loras=uses), {sha256: file})
    end = await heard(events, Finished)
    assert json.loads(place.spool.read(end.files[0]))["known"] == [FILE_NAME]


async def test_what_is_known_of_loras_arrives_with_a_job_that_cannot_be_painted(place: Place) -> None:
    worker, _ = await joined(place)
    events = worker.events()
    await heard(events, Ready)
    place.file(FILE_NAME, "known")
    sha256, file = place.file("bat.safetensors", "the bat")
    uses = (LoraUse(sha256=sha256, name="Bat"),)
    file.path.write_text("another")
    assert await worker.submit(painting(1, loras=uses), {sha256: file})
    await heard(events, Failed)
    file.path.write_text("the bat")
    assert await worker.submit(painting(2, loras=uses), {sha256: file})
    end = await heard(events, Finished)
    assert json.loads(place.spool.read(end.files[0]))["known"] == [FILE_NAME]
