"""Prepares requests for the batch: reads, judges, matches and folds their LoRAs.

All of it runs on separate threads while the batch keeps stepping: a LoRA on a slow disk delays its own request alone.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import Future, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from threading import Semaphore
from weakref import ref

from PIL import Image

from inference.capabilities import capability_of
from inference.engine.batch.failures import clear_frames
from inference.engine.batch.handle import Handle
from inference.engine.devices.devices import is_for_several_threads, threads
from inference.engine.devices.host_weights import host_has_room
from inference.engine.intake.checkpoint_store import CheckpointStore
from inference.engine.intake.lora_cache import LoraCache
from inference.engine.intake.lora_set_cache import LoraSetCache
from inference.engine.intake.source_image import read_source
from inference.engine.layers.lora_set import AppliedLoras
from inference.engine.lora.lora_files import LoraFile
from inference.engine.models.checkpoints import Checkpoint
from inference.errors import CheckpointNotFound, RegionsNotOffered
from inference.lora.verdict import layers_of
from inference.matching import KnownLora, Matcher
from inference.messages.checkpoints import CheckpointSpec

READERS = 4  # requests that are prepared at a time, so that none waits behind another one's slow disk


@dataclass(frozen=True)
class PreparedRequest:
    """A request whose files have all been read and accepted.

    `applied` holds the LoRAs of its pictures, folded for the checkpoint of the number `loading`, where that was
    possible. The references are weak: folded sets of waiting requests belong to the LoRA set cache and count towards
    its limit, however many requests wait. `large` holds those that are larger than that, where the host has room.
    """

    spec: CheckpointSpec
    files: tuple[LoraFile, ...]
    source: Image.Image | None
    applied: Sequence[ref[AppliedLoras]] = ()
    loading: int = 0
    large: Sequence[AppliedLoras] = ()

    @cached_property
    def lora_bytes(self) -> int:
        """Bytes of its LoRAs as they are in their files."""
        return sum(tensor.nbytes for file in self.files for tensor in file.tensors.values())

    def applied_on(self, checkpoint: Checkpoint) -> Sequence[AppliedLoras]:
        """The LoRAs of its pictures on `checkpoint`; empty where they are not, or no longer, folded for it."""
        kept = [one for each in self.applied if (one := each()) is not None]
        return kept if self.loading == checkpoint.number and len(kept) == len(self.applied) else ()


class Intake:
    """Prepares requests for the engine. The futures raise the errors of `inference.errors`."""

    def __init__(
        self, store: CheckpointStore, lora_cache: LoraCache, lora_sets: LoraSetCache, matcher: Matcher, inputs: Path
    ) -> None:
        self._store = store
        self._lora_cache = lora_cache
        self._lora_sets = lora_sets
        self._matcher = matcher
        self._inputs = inputs
        self._threads = threads(READERS, "intake")
        self._checkpoint_users = Semaphore(READERS)  # one permit for each thread that uses the loaded checkpoint
        self._new: list[Future[PreparedRequest]] = []

    def begin(self, handle: Handle) -> Future[PreparedRequest]:
        """Start to prepare the request of `handle`."""
        preparation = self._threads.submit(self._read, handle)
        self._new.append(preparation)
        return preparation

    def wait_for_new(self, seconds: float) -> None:
        """Wait at most so long for requests that were submitted since the last call; most take a millisecond or two.

        So requests that come together join together: which of them share the first pass is not left to chance.
        """
        wait(self._new, seconds)
        self._new.clear()

    def _read(self, handle: Handle) -> PreparedRequest:
        """Read and match the LoRAs of a request: on the bytes that are loaded, whatever the request claims."""
        request = handle.request
        spec = self._store.spec(request.checkpoint)
        if spec is None:
            raise CheckpointNotFound(
                name=request.checkpoint, installed=[known.name for known in self._matcher.checkpoints]
            )
        capability = capability_of(spec.base_model)
        if request.regions and not (capability and capability.regions):
            raise RegionsNotOffered(checkpoint=spec.name)
        files = tuple(self._lora_cache.file(use, handle.files.get(use.sha256)) for use in request.loras)
        self.match(files, spec)
        size = (request.width, request.height)
        source = read_source(self._inputs, request.image, size) if request.image else None
        with self._checkpoint_users:
            try:
                return self._with_loras(PreparedRequest(spec, files, source), handle)
            except BaseException as problem:
                clear_frames(problem)  # the error is kept until the engine reads it, and its frames hold the checkpoint
                raise

    @contextmanager
    def paused(self) -> Generator[None]:
        """No thread uses the loaded checkpoint while this is entered; waits for those that do."""
        with ExitStack() as every_permit:
            for _ in range(READERS):
                every_permit.enter_context(self._checkpoint_users)
            yield

    def _with_loras(self, prepared: PreparedRequest, handle: Handle) -> PreparedRequest:
        """The request with its LoRAs folded, where its checkpoint is loaded.

        Raises LoraFileRefused or ModuleMismatch.
        """
        checkpoint = self._store.current
        if not (isinstance(checkpoint, Checkpoint) and checkpoint.spec == prepared.spec):
            return prepared
        applied = self._applied(handle, prepared.files, checkpoint)
        large = [one for one in applied if self._lora_sets.exceeded_by(one) and host_has_room()]
        return replace(prepared, applied=[*map(ref, applied)], loading=checkpoint.number, large=large)

    def _applied(self, handle: Handle, files: Sequence[LoraFile], checkpoint: Checkpoint) -> Sequence[AppliedLoras]:
        """The folded LoRAs of its pictures.

        Empty where memory is short, networks are offloaded or one thread alone may compute: LoRAs are applied when the
        request joins then.
        """
        for file in files:
            self._lora_cache.changes(file, checkpoint)
        if checkpoint.residence.offloading or not is_for_several_threads(checkpoint.residence.device):
            return ()
        try:
            return self._lora_sets.apply(handle.request, files, checkpoint)
        except (RuntimeError, MemoryError):
            return ()

    def match(self, files: Sequence[LoraFile], spec: CheckpointSpec) -> tuple[str, ...]:
        """Notes about `files` on the checkpoint `spec`. Raises the error of the first one that does not fit it."""
        known = [_known(file) for file in files]
        for refusal in self._matcher.misfits(known, spec):
            raise refusal
        return tuple(note for lora in known if (note := self._matcher.note(lora, spec)))

    def close(self) -> None:
        """Let the threads end after the requests that they are preparing now."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _known(file: LoraFile) -> KnownLora:
    layers = layers_of(file.header.tensors).named(file.metadata) if file.header else None
    use, found = file.use, file.evidence
    return KnownLora(
        use.name, found.base_model, found.source.value, found.prediction.type, layers, use.region, found.allowed_on
    )
