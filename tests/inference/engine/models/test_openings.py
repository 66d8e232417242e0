"""Memory never holds two checkpoints: of the one before nothing is left when the next one is opened."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import torch
from PIL import Image

from inference.base_models import BaseModelId, CompatibilityTable
from inference.demo import CHECKPOINTS
from inference.engine.batch.handle import Handle, State
from inference.engine.engine import MERGED_PASSES, Engine
from inference.engine.lora.lora_files import LoraFile, LoraReader
from inference.engine.models.checkpoints import Checkpoint
from inference.engine.options import Options
from inference.engine.single.single_request import SingleRequestCheckpoint
from inference.errors import CheckpointTooLarge
from inference.files.hashes import file_sha256
from inference.lora.known.installed import installed_hashes
from inference.matching import Matcher
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.events import Finished
from inference.messages.request import LoraUse, SourceImage
from inference.messages.samplers import Sampler
from tests.house import PASTEL, VIVID, House
from tests.inference.engine.batch.test_out_of_memory import MORE_THAN_THERE_IS
from tests.inference.engine.lone import CHROMA, pipeline_of
from tests.inference.engine.openings import WatchedStore
from tests.inference.engine.worlds import CPU, arrived
from tests.inference.requests import request
from tests.inference.workers.processes import WorkerProcess

LONE = "lone"


@pytest.fixture(scope="module")
def lone(tmp_path_factory: pytest.TempPathFactory) -> CheckpointSpec:
    """A checkpoint that is painted one at a time."""
    folder = tmp_path_factory.mktemp(LONE)
    pipeline_of(CHROMA).save_pretrained(folder)
    return CheckpointSpec(name=LONE, source=str(folder), base_model=BaseModelId(str(CHROMA)))


class Slow(dict[str, torch.Tensor]):
    """The tensors of a LoRA, which can be looked at only once another checkpoint is opened, or it never was."""

    def __init__(self, tensors: dict[str, torch.Tensor], opened: Event) -> None:
        super().__init__(tensors)
        self.looked_at, self.left, self.opened = Event(), Event(), opened

    def __iter__(self) -> Iterator[str]:
        self.looked_at.set()
        assert self.left.wait(60), "the engine never leaves the checkpoint that is loaded"
        self.opened.wait(1)
        return super().__iter__()


class Reader(LoraReader):
    """Reads a library, and says of each LoRA that its tensors are others, if it is told so."""

    instead: dict[str, torch.Tensor] | None = None

    def read(self, use: LoraUse, relative: str | None, kept: LoraFile | None = None) -> LoraFile:
        file = super().read(use, relative, kept)
        return file if self.instead is None else replace(file, tensors=self.instead)


class Studio:
    """An engine with three checkpoints, whose openings are watched."""

    def __init__(
        self, house: House, lone: CheckpointSpec, store: type[WatchedStore] = WatchedStore, **options: Any
    ) -> None:
        torch.set_num_threads(1)
        self.house = house
        checkpoints = (*house.configure.checkpoints, lone)
        self.store = store(checkpoints, CPU)
        self.reader = Reader(house.library, installed_hashes(checkpoints), 2**20)
        matcher = Matcher(checkpoints, CompatibilityTable())
        self.engine = Engine(self.store, self.reader, matcher, Options(inputs=house.data / "inputs", **options))
        self.bat = LoraUse(sha256=file_sha256(house.bat), name="Bat", weight=0.8)

    def submit(self, **changes: Any) -> Handle:
        made = request(**({"checkpoint": VIVID, "steps": 3, "sampler": Sampler.EULER} | changes))
        handle = self.engine.submit(made, {self.bat.sha256: self.house.bat.name})
        arrived(self.engine)
        return handle


@pytest.fixture(autouse=True)
def nothing_logged() -> Iterator[None]:
    """pytest keeps what was logged, with the frames of errors."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def studio(house: House, lone: CheckpointSpec) -> Iterator[Studio]:
    made = Studio(house, lone)
    yield made
    made.engine.close()


def painted(studio: Studio) -> None:
    handle = studio.submit(loras=(studio.bat,), count=2)
    studio.engine.step()
    assert handle.preview() is not None and handle.snapshot() is not None
    studio.engine.finish()
    assert handle.state is State.DONE


def begun_from_a_picture(studio: Studio) -> None:
    path = studio.house.data / "inputs" / "source.png"
    Image.new("RGB", (64, 64), "teal").save(path)
    sha256 = file_sha256(path)
    path.rename(path.with_name(sha256))
    handle = studio.submit(image=SourceImage(sha256=sha256, strength=0.9))
    studio.engine.finish()
    assert handle.state is State.DONE, handle.error


def cancelled(studio: Studio) -> None:
    handle = studio.submit(loras=(studio.bat,))
    studio.engine.step()
    handle.cancel()
    studio.engine.finish()
    assert handle.state is State.CANCELLED


def broken_in_the_middle_of_a_pass(studio: Studio) -> None:
    handle = studio.submit(loras=(studio.bat,))
    studio.engine.step()
    (run,) = studio.engine._running
    vars(run)["timesteps"] = None
    studio.engine.finish()
    assert handle.state is State.FAILED


def refused_by_the_text_encoder(studio: Studio) -> None:
    handle = studio.submit(clip_skip=12)
    studio.engine.finish()
    assert handle.state is State.FAILED


def painted_with_a_merged_set(studio: Studio) -> None:
    handles = [studio.submit(loras=(studio.bat,), steps=MERGED_PASSES) for _ in range(2)]
    studio.engine.step()
    assert studio.engine._lora_sets._merged_weights is not None
    studio.engine.finish()
    assert [handle.state for handle in handles] == [State.DONE] * 2


def painted_one_at_a_time(studio: Studio) -> None:
    handle = studio.submit(checkpoint=LONE, width=32, height=32)
    studio.engine.finish()
    assert handle.state is State.DONE, handle.error


def compiled(studio: Studio) -> None:
    handle = studio.submit(steps=1)
    studio.engine.finish()
    checkpoint = studio.store.current
    assert checkpoint is not None
    checkpoint.compile(backend="eager")  # type: ignore[union-attr]
    painted(studio)
    assert handle.state is State.DONE


USES: list[Callable[[Studio], None]] = [
    painted,
    begun_from_a_picture,
    cancelled,
    broken_in_the_middle_of_a_pass,
    refused_by_the_text_encoder,
    painted_one_at_a_time,
    compiled,
]


@pytest.mark.parametrize("use", USES, ids=lambda use: use.__name__)
def test_of_a_checkpoint_nothing_is_in_memory_when_the_next_one_is_opened(
    studio: Studio, use: Callable[[Studio], None]
) -> None:
    use(studio)
    other = studio.submit(checkpoint=PASTEL)
    studio.engine.finish()
    assert other.state is State.DONE, other.error
    assert [alive for _, alive in studio.store.openings] == [[], []]


def test_nor_when_a_set_of_loras_was_merged_into_its_weights(house: House, lone: CheckpointSpec) -> None:
    studio = Studio(house, lone, places=1)
    painted_with_a_merged_set(studio)
    other = studio.submit(checkpoint=PASTEL)
    studio.engine.finish()
    assert other.state is State.DONE, other.error
    assert [alive for _, alive in studio.store.openings] == [[], []]
    studio.engine.close()


def test_what_was_read_for_the_checkpoint_before_is_forgotten_with_it(studio: Studio) -> None:
    painted(studio)
    assert len(studio.engine._lora_cache._changes) == 1
    studio.submit(checkpoint=PASTEL)
    studio.engine.finish()
    assert not len(studio.engine._lora_cache._changes)


def test_a_thread_that_folds_loras_for_the_checkpoint_before_is_waited_for(house: House, lone: CheckpointSpec) -> None:
    studio = Studio(house, lone)
    studio.submit()
    studio.engine.finish()
    slow = Slow(studio.reader.read(studio.bat, house.bat.name).tensors, studio.store.opening)
    studio.reader.instead = slow
    rest = studio.engine._decoder.rest
    vars(studio.engine._decoder)["rest"] = lambda: (slow.left.set(), rest())  # the first thing when it leaves one
    cold = studio.engine.submit(request(checkpoint=VIVID, loras=(studio.bat,)), {studio.bat.sha256: house.bat.name})
    assert slow.looked_at.wait(60)
    other = studio.engine.submit(request(checkpoint=PASTEL))
    studio.engine.finish()
    assert (cold.state, other.state) == (State.DONE, State.DONE)
    assert [alive for _, alive in studio.store.openings] == [[], [], []]
    studio.engine.close()


def test_the_error_of_a_lora_that_nobody_has_told_yet_holds_nothing(studio: Studio) -> None:
    studio.submit()
    studio.engine.finish()
    studio.reader.instead = {f"lora_unet_nowhere.lora_{end}.weight": torch.ones(2, 2) for end in ("down", "up")}
    handles = [
        studio.submit(checkpoint=PASTEL),
        studio.submit(),  # which is not looked beyond
        studio.submit(loras=(studio.bat,)),
    ]
    studio.engine.finish()
    assert [handle.state for handle in handles] == [State.DONE, State.DONE, State.FAILED]
    assert [alive for _, alive in studio.store.openings] == [[], [], []]


class StarvedStore(WatchedStore):
    """For a checkpoint there is never enough memory."""

    def _load(self, spec: CheckpointSpec, *, offloading: bool) -> Checkpoint | SingleRequestCheckpoint:
        torch.empty(MORE_THAN_THERE_IS, dtype=torch.uint8)
        return super()._load(spec, offloading=offloading)


def test_a_checkpoint_that_memory_is_too_short_for_is_told_with_what_it_needs_and_what_there_is(
    house: House, lone: CheckpointSpec
) -> None:
    studio = Studio(house, lone, StarvedStore)
    handle = studio.submit()
    studio.engine.finish()
    assert isinstance(handle.error, CheckpointTooLarge)
    needed = sum(file.stat().st_size for file in CHECKPOINTS[0].path.rglob("*.safetensors"))
    assert handle.error.needed == f"{needed / 1e9:.1f} GB" and handle.error.free.endswith("GB")
    assert VIVID in str(handle.error) and "size" not in str(handle.error)
    studio.engine.close()


WORKER = """
import sys
from inference.engine import __main__ as engine
from inference.engine import engine as engines
from tests.inference.engine.openings import WatchedStore

class ToldStore(WatchedStore):
    def found(self, opened, alive):
        print(opened, len(alive), file=open(sys.argv[1], "a"))

engines.CheckpointStore = ToldStore
engine.main()
"""


def test_the_worker_process_lets_go_of_a_checkpoint_before_it_opens_another(house: House, tmp_path: Path) -> None:
    told = tmp_path / "openings"
    worker = WorkerProcess(["-c", WORKER, str(told)])
    worker.send(house.configure)
    bat = LoraUse(sha256=file_sha256(house.bat), name="Bat")
    for name in (VIVID, PASTEL, VIVID):
        options = {"loras": (bat,)} if name == VIVID else {}
        end = worker.paint(request(checkpoint=name, steps=4, **options), {bat.sha256: house.bat.name})
        assert isinstance(end, Finished)
    assert worker.leave() == 0
    assert told.read_text().splitlines() == [f"{VIVID} 0", f"{PASTEL} 0", f"{VIVID} 0"]
