"""Caches keep what was used before, up to the limits of the settings."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
import torch

from bot.app.from_settings import worker_options
from inference.engine.devices.cache import LOOKUPS, ByteCache
from inference.engine.intake.lora_cache import LoraCache
from inference.engine.intake.lora_set_cache import LoraSetCache
from inference.engine.layers.lora_set import AppliedLoras
from inference.engine.lora.lora_files import LoraFile
from inference.engine.models.checkpoints import Checkpoint
from inference.engine.process.job_runner import JobRunner
from inference.files.hashes import file_sha256
from inference.messages.commands import Configure
from inference.messages.request import LoraUse
from tests.house import VIVID, House
from tests.inference.engine.painting import paint
from tests.inference.engine.worlds import World, world_of_plain_loras
from tests.inference.requests import request

THREADS = 4
CACHES = ("embedding", "lora_file", "lora_layers", "lora_set")


SETTINGS = {
    "lora_cache_megabytes": {"lora_file", "lora_layers"},
    "embedding_cache_megabytes": {"embedding"},
    "lora_set_megabytes": {"lora_set"},
}


@pytest.mark.parametrize("nothing", [None, *SETTINGS])
def test_the_limits_of_the_settings_hold(shared_house: House, nothing: str | None) -> None:
    torch.set_num_threads(1)
    settings, configure = shared_house.settings, shared_house.configure
    limits = {name: 0 if name == nothing else 64 for name in SETTINGS} | {"devices": ("cpu",)}
    settings = settings.model_copy(update={"worker": settings.worker.model_copy(update=limits)})
    (told,) = worker_options(settings, configure.checkpoints)
    runner = JobRunner(Configure.of(told, shared_house.folders), torch.device("cpu"))
    use = LoraUse(sha256=file_sha256(shared_house.bat), name="Bat")
    asked, files = request(checkpoint=VIVID, loras=(use,), steps=1), {use.sha256: shared_house.bat.name}
    paint(runner, asked, files)
    paint(runner, asked, files)
    end = paint(runner, asked, files).end
    runner.close()
    kept = set(CACHES) - (SETTINGS[nothing] if nothing else set())
    assert {name for name in CACHES if not end.lookups[name].misses} == kept


def test_a_value_larger_than_a_cache_evicts_nothing() -> None:
    cache: ByteCache[str, bytes] = ByteCache(10, len)
    cache.put("small", b"12345")
    cache.put("large", b"12345678901")
    assert cache.find("small") == b"12345" and cache.find("large") is None and cache.nbytes == 5


@dataclass
class SlowDisk:
    """A disk on which each read waits until all threads want the file."""

    world: World
    come: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    reads: Counter[str] = field(default_factory=Counter[str])

    def read(self, use: LoraUse, relative: str | None, kept: LoraFile | None = None) -> LoraFile:
        self.reads[use.sha256] += kept is None
        for _ in range(THREADS):
            assert self.come.acquire(timeout=60)
        self.come.release(THREADS)
        return kept or self.world.read(use, relative)


def test_a_lora_that_several_threads_need_is_read_and_folded_once() -> None:
    world = world_of_plain_loras(1)
    disk, checkpoint, use = SlowDisk(world), world.engine()._store.current, world.loras[0].file.use
    assert isinstance(checkpoint, Checkpoint)
    lora_cache = LoraCache(disk, 2**30, 2**30)
    lora_sets = LoraSetCache(lora_cache)

    def want(_: int) -> AppliedLoras:
        disk.come.release()
        return lora_sets.apply_at([lora_cache.file(use, "it")], [0.8], checkpoint)

    LOOKUPS.take()
    with ThreadPoolExecutor(THREADS) as threads:
        applied = list(threads.map(want, range(THREADS)))
    assert disk.reads == {use.sha256: 1} and len({id(one) for one in applied}) == 1
    counted = LOOKUPS.take()
    assert [counted[name] for name in ("lora_file", "lora_layers", "lora_set")] == [(THREADS - 1, 1)] * 3
