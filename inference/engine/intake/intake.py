"""What happens to a request before it may join the batch: files read, judged, matched and folded.

All of it runs beside the batch, on threads of its own, so that a LoRA that comes from a slow disk stops nobody.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import Future, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Semaphore
from weakref import ref

from PIL import Image

from inference.engine.batch.failures import clear_frames
from inference.engine.batch.handle import Handle
from inference.engine.batch.run import Dressed
from inference.engine.devices.devices import is_for_several_threads, threads
from inference.engine.intake.lora_cache import Shelf
from inference.engine.intake.lora_set_cache import Wardrobe
from inference.engine.intake.source_image import read_source
from inference.engine.lora.lora_files import LoraFile
from inference.engine.models.checkpoints import Checkpoint, CheckpointStore
from inference.errors import CheckpointNotFound
from inference.lora.verdict import layers_of
from inference.matching import KnownLora, Matcher
from inference.messages import CheckpointSpec

READERS = 4  # requests that are read for at a time: who needs no cold LoRA does not wait behind one that is coming


@dataclass(frozen=True)
class Ready:
    """A request of which everything was read and nothing refused.

    `dressed` is what its pictures wear on the checkpoint of the number `loading`, if that could be said. It is held
    weakly: what those who wait have in memory is the wardrobe's, and within its limit, however many they are.
    """

    spec: CheckpointSpec
    files: tuple[LoraFile, ...]
    source: Image.Image | None
    dressed: Sequence[ref[Dressed]] = ()
    loading: int = 0

    def worn(self, checkpoint: Checkpoint) -> Sequence[Dressed]:
        """What its pictures wear on `checkpoint`; nothing where nobody said, or the wardrobe has let go of it."""
        kept = [one for each in self.dressed if (one := each()) is not None]
        return kept if self.loading == checkpoint.number and len(kept) == len(self.dressed) else ()


class Intake:
    """Reads for the engine. Raises whatever `inference.errors` has for requests, through the futures."""

    def __init__(
        self, store: CheckpointStore, shelf: Shelf, wardrobe: Wardrobe, matcher: Matcher, inputs: Path
    ) -> None:
        self._store = store
        self._shelf = shelf
        self._wardrobe = wardrobe
        self._matcher = matcher
        self._inputs = inputs
        self._threads = threads(READERS, "intake")
        self._holding = Semaphore(READERS)  # one for each thread that has the checkpoint in hand
        self._new: list[Future[Ready]] = []

    def begin(self, handle: Handle) -> Future[Ready]:
        """Start reading for `handle`."""
        reading = self._threads.submit(self._read, handle)
        self._new.append(reading)
        return reading

    def greet(self, seconds: float) -> None:
        """Wait so long, and once, for those who have just come: most of them need a millisecond or two.

        Who comes together joins together then, and no chance decides who shares the first pass.
        """
        wait(self._new, seconds)
        self._new.clear()

    def _read(self, handle: Handle) -> Ready:
        """A LoRA is matched here on the bytes that are loaded, whatever the request claims."""
        request = handle.request
        spec = self._store.spec(request.checkpoint)
        if spec is None:
            raise CheckpointNotFound(
                name=request.checkpoint, installed=[known.name for known in self._matcher.checkpoints]
            )
        files = tuple(self._shelf.file(use, handle.files.get(use.sha256)) for use in request.loras)
        self.match(files, spec)
        size = (request.width, request.height)
        source = read_source(self._inputs, request.image, size) if request.image else None
        with self._holding:
            try:
                return self._dressed(Ready(spec, files, source), handle)
            except BaseException as problem:
                clear_frames(problem)  # the error is kept until the engine looks, and they hold the checkpoint
                raise

    @contextmanager
    def hands_off(self) -> Generator[None]:
        """While inside, no thread has the checkpoint that is loaded in hand; waits for those that have."""
        with ExitStack() as all_of_them:
            for _ in range(READERS):
                all_of_them.enter_context(self._holding)
            yield

    def _dressed(self, ready: Ready, handle: Handle) -> Ready:
        """The same, with what it wears where its checkpoint is loaded. Raises LoraFileRefused or ModuleMismatch."""
        checkpoint = self._store.current
        if not (isinstance(checkpoint, Checkpoint) and checkpoint.spec == ready.spec):
            return ready
        return replace(ready, dressed=self._sets(handle, ready.files, checkpoint), loading=checkpoint.number)

    def _sets(self, handle: Handle, files: Sequence[LoraFile], checkpoint: Checkpoint) -> Sequence[ref[Dressed]]:
        """Nothing where memory is short, networks move about or only one thread may: it is dressed when it joins."""
        for file in files:
            self._shelf.changes(file, checkpoint)
        if checkpoint.residence.in_turns or not is_for_several_threads(checkpoint.residence.device):
            return ()
        try:
            return [*map(ref, self._wardrobe.dress(handle.request, files, checkpoint))]
        except (RuntimeError, MemoryError):
            return ()

    def match(self, files: Sequence[LoraFile], spec: CheckpointSpec) -> tuple[str, ...]:
        """What to tell of `files` on the checkpoint `spec`. Raises the refusal of one that does not go there."""
        known = [_known(file) for file in files]
        for refusal in self._matcher.misfits(known, spec):
            raise refusal
        return tuple(note for lora in known if (note := self._matcher.note(lora, spec)))

    def close(self) -> None:
        """Let the threads end after what they are reading now."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _known(file: LoraFile) -> KnownLora:
    layers = layers_of(file.header.tensors) if file.header else None
    return KnownLora(file.use.name, file.evidence.base_model, file.evidence.source.value, file.prediction, layers)
