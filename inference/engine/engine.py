"""The engine: takes requests at any time and denoises them in shared batches, one step of a batch after another.

    engine = Engine.of(Configure(checkpoints=..., library=..., spool=...), torch.device("cpu"), torch.float64)
    handle = engine.submit(request, files)  # files: {SHA-256: path in the library} of the request's LoRAs
    while engine.step():
        ...  # handle.done, handle.preview(), handle.cancel()
    handle.pictures

Waiting requests are admitted in the order of `inference.queue.request_cost` while there are free places. Another
checkpoint is loaded once no request runs on the current one. An error in one request ends that request alone. For
networks and LoRAs that are in memory, make an `Engine` of a `CheckpointStore` that holds a `Checkpoint`, and any
`LoraSource`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image

from inference.base_models import CompatibilityTable
from inference.engine.batch.admission import MAX_OVERTAKEN, has_memory
from inference.engine.batch.batch import Batch
from inference.engine.batch.calibration import calibrate
from inference.engine.batch.caps import CapFile, Caps, MeasuredCap, PictureSize, Pressure
from inference.engine.batch.decoder import Decoder, Pictures
from inference.engine.batch.denoising_run import DenoisingBatch, DenoisingRun
from inference.engine.batch.failures import as_inference_error, retry_each, start_run
from inference.engine.batch.handle import Handle, State
from inference.engine.batch.run import Run
from inference.engine.batch.snapshots import Snapshot
from inference.engine.devices.devices import Room, clock_of, is_out_of_memory, own_memory, room_on
from inference.engine.intake.checkpoint_store import CheckpointStore
from inference.engine.intake.intake import Intake, PreparedRequest
from inference.engine.intake.lora_cache import LoraCache, LoraSource
from inference.engine.intake.lora_set_cache import LoraSetCache
from inference.engine.intake.waiting_texts import encode_waiting
from inference.engine.layers.lora_set import AppliedLoras
from inference.engine.lora.lora_files import LoraReader
from inference.engine.models.checkpoints import Checkpoint
from inference.engine.models.embedding_files import EmbeddingFiles
from inference.engine.options import Options
from inference.engine.single.single_request import SingleRequestCheckpoint, SingleRequestRun
from inference.lora.known.installed import installed_hashes, installed_predictions
from inference.matching import Matcher
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.commands import Configure
from inference.messages.events import MAX_CACHED_LORAS, lora_key
from inference.messages.request import GenerationRequest
from inference.notes import left_out
from inference.queue.request_cost import pass_work, slots

log = logging.getLogger(__name__)

MERGED_PASSES = 30  # a LoRA set is merged when waiting requests need it for at least so many passes
MAX_IDLE_WAIT = 0.05  # seconds that `step` waits for preparations when there is nothing else to do
MAX_ADMIT_WAIT = 0.25  # seconds that `step` waits for new requests to be prepared; at most half a pass


@dataclass
class _Running:
    """A request in a batch."""

    handle: Handle
    run: DenoisingRun
    batch: DenoisingBatch


class Engine:
    """Runs many requests at once. Call all methods from one thread; see `Handle` for what other threads may do."""

    def __init__(
        self, store: CheckpointStore, loras: LoraSource, matcher: Matcher, options: Options | None = None,
        room: Room = room_on,
    ) -> None:  # fmt: skip
        self._options = options or Options()
        self._store, self._room = store, room
        self._lora_cache = LoraCache(loras, self._options.lora_bytes, self._options.dense_bytes)
        self._lora_sets = LoraSetCache(self._lora_cache, self._options.set_bytes)
        self._intake = Intake(store, self._lora_cache, self._lora_sets, matcher, self._options.inputs)
        self._waiting: dict[Handle, Future[PreparedRequest]] = {}
        self._running: dict[DenoisingRun, _Running] = {}
        self._batches: dict[object, DenoisingBatch] = {}
        self._decoder = Decoder(store.device)
        self._clock = clock_of(store.device)
        records = CapFile(self._options.caps, lambda size: f"{size.width}x{size.height} {store.about(size.checkpoint)}")
        self._caps = Caps(self._options.places, records)
        self._turn = 0
        self._worked = self._pass = 0.0  # pixels denoised so far; seconds of the last pass
        self._last: GenerationRequest | None = None

    @classmethod
    def of(cls, config: Configure, device: torch.device, dtype: torch.dtype | None = None) -> Engine:
        """The engine that a configuration asks for; `dtype` is half precision on accelerators unless given."""
        table = CompatibilityTable.of(config.allowed_pairs)
        reader = LoraReader(
            Path(config.library), installed_hashes(config.checkpoints), config.max_lora_bytes, config.trust_tags,
            installed_predictions(config.checkpoints),
        )  # fmt: skip
        store = CheckpointStore(
            config.checkpoints, device, dtype, config.embedding_cache_bytes, config.offload, compiled=config.compiled,
            embedding_files=EmbeddingFiles.of(config),
        )  # fmt: skip
        matcher = Matcher(config.checkpoints, table, config.allow_v_on_epsilon, config.unknown_prediction)
        return cls(store, reader, matcher, Options.of(config))

    @property
    def loaded(self) -> tuple[str, ...]:
        """The name of the current checkpoint, if there is one; what waits on the host is not counted."""
        return self._store.loaded

    @property
    def loras(self) -> tuple[str, ...]:
        """The keys of the LoRA files that were used last and are cached, in alphabetical order."""
        return tuple(sorted({lora_key(sha256) for sha256 in self._lora_cache.newest(MAX_CACHED_LORAS)}))

    @property
    def busy(self) -> bool:
        """Whether any request waits, runs or is being decoded."""
        return bool(self._waiting or self._running or self._decoder.work)

    @property
    def places(self) -> int:
        """How many pictures run at once: those that are there, and as many more like the last request as fit."""
        if isinstance(self._store.current, SingleRequestCheckpoint):
            return 1
        self._caps.pressure = self._pressure()
        return self._caps.places([*self._running_requests, *(handle.request for handle in self._waiting)], self._last)

    def submit(
        self, request: GenerationRequest, files: Mapping[str, str] | None = None, resume: Snapshot | None = None
    ) -> Handle:
        """Queue a request; `files` are the paths of its LoRAs by SHA-256, relative to the library.

        It resumes from `resume`, a snapshot of the same request, where that can be used.
        """
        handle = Handle(request, files or {}, resume)
        handle.work_before, self._last = self._worked, request
        self._waiting[handle] = self._intake.begin(handle)
        return handle

    def step(self) -> bool:
        """Admit waiting requests, then run one step of one batch. Returns whether anything is left to do."""
        self._drop_cancelled()
        self._intake.wait_for_new(min(MAX_ADMIT_WAIT, self._pass / 2) if self._running else MAX_ADMIT_WAIT)
        self._admit()
        if self._batches:
            batches = list(self._batches.items())
            self._turn = (self._turn + 1) % len(batches)
            self._advance(*batches[self._turn])
        else:
            wait([*self._waiting.values(), *self._decoder.work], MAX_IDLE_WAIT, "FIRST_COMPLETED")
            self._collect()
        return self.busy

    def preview(self, latents: torch.Tensor, size: tuple[int, int]) -> Image.Image:
        """A preview of `size` (width, height) in pixels from one picture's latents (channels, h, w)."""
        checkpoint = self._store.current
        assert isinstance(checkpoint, Checkpoint), "latents come from a checkpoint that is loaded"
        return checkpoint.preview.picture(latents, size)

    def calibrate(self, size: PictureSize) -> MeasuredCap | None:
        """Measure a cap now, while no request runs; None for checkpoints that run one request at a time.

        Raises CheckpointUnusable, or torch's error when memory is short for a single picture.
        """
        spec = self._store.spec(size.checkpoint)
        checkpoint = spec and self._store.get(spec)
        return calibrate(checkpoint, self._caps, size, self._clock) if isinstance(checkpoint, Checkpoint) else None

    def measured_cap(self, size: PictureSize) -> MeasuredCap | None:
        """The measured cap of a size; None as long as it is not final."""
        return self._caps.measured_cap(size)

    def spec(self, checkpoint: str) -> CheckpointSpec | None:
        """The declaration of a checkpoint; None when there is none of this name."""
        return self._store.spec(checkpoint)

    def finish(self) -> None:
        """Step until every request has ended."""
        while self.step():
            pass

    def release_memory(self) -> None:
        """Give unused memory back to the system; called when there has been no request for a while."""
        self._store.release()

    def close(self) -> None:
        """Cancel every request, wait for the decoder, and free all memory."""
        for handle in [*self._waiting, *(running.handle for running in self._running.values())]:
            handle.cancel()
        self._drop_cancelled()
        self._collect(wait=True)
        self._leave_checkpoint()
        self._decoder.close()
        self._intake.close()

    # --- admission ---------------------------------------------------------------------------------------------------

    def _admit(self) -> None:
        admissible = self._prepared()
        self._caps.pressure = self._pressure()
        waiting: list[Handle] = []
        for handle, prepared in admissible:
            if not self._fits(handle, prepared):
                break
            if not self._has_memory(handle, prepared):
                if handle.overtaken >= MAX_OVERTAKEN:
                    break  # it is next
                waiting.append(handle)
                continue
            for other in waiting:
                other.overtaken += 1
            problem = self._try_join(handle, prepared)
            if problem is not None and is_out_of_memory(problem):
                problem = self._join_with_less(handle, prepared, problem)
            if problem is not None:
                self._fail(handle, problem)

    def _prepared(self) -> list[tuple[Handle, PreparedRequest]]:
        """Prepared requests in the order of admission, all of the checkpoint of the first one submitted."""
        found: list[tuple[Handle, PreparedRequest]] = []
        for handle, preparation in list(self._waiting.items()):
            if not preparation.done():
                continue  # a LoRA on a slow disk delays its own request alone
            if problem := preparation.exception():
                self._fail(handle, problem)
                continue
            prepared = preparation.result()
            handle.lora_bytes = prepared.lora_bytes
            if found and found[0][1].spec != prepared.spec:
                break
            found.append((handle, prepared))
        return sorted(found, key=lambda one: one[0].precedence)

    def _fits(self, handle: Handle, prepared: PreparedRequest) -> bool:
        if not self._running:
            return True
        checkpoint = self._store.current
        same = isinstance(checkpoint, Checkpoint) and checkpoint.spec == prepared.spec  # others run one request alone
        return same and self._caps.have_room([*self._running_requests, handle.request])

    def _has_memory(self, handle: Handle, prepared: PreparedRequest) -> bool:
        """Whether it has memory beside those that run; alone it is tried in any case."""
        if not self._running:
            return True
        if handle.alone or any(running.handle.alone for running in self._running.values()):
            return False
        checkpoint, room = self._store.current, self._room(self._store.device)
        if room is None or not isinstance(checkpoint, Checkpoint):
            return True
        sets = [one.loras for one in prepared.applied_on(checkpoint)]
        return has_memory(room, checkpoint, self._batches.values(), handle.request, sets, prepared.lora_bytes)

    @property
    def _running_requests(self) -> list[GenerationRequest]:
        return [running.handle.request for running in self._running.values()]

    def _pressure(self) -> Pressure:
        """What LoRAs take of the memory: those of all requests that are here, each set once."""
        handles = [*self._waiting, *(running.handle for running in self._running.values())]
        sets = {(handle.request.loras, handle.request.variants): handle.lora_bytes for handle in handles}
        loras = sum(size * max(1, len(variants)) for (_, variants), size in sets.items())
        return Pressure(loras, own_memory(self._store.device))

    def _try_join(self, handle: Handle, prepared: PreparedRequest) -> Exception | None:
        """Join a batch; returns the error where that fails. Its frames would hold the memory that a retry needs."""
        try:
            self._join(handle, prepared)
        except Exception as problem:  # noqa: BLE001 (the engine's loop: one request must not fail others)
            return problem.with_traceback(None) if is_out_of_memory(problem) else problem
        return None

    def _join_with_less(self, handle: Handle, prepared: PreparedRequest, problem: Exception) -> Exception | None:
        """Free memory and try again, or let it wait until it is the only one. Returns what it fails with."""
        for _ in self._freeing(one_at_a_time=True):
            other = self._try_join(handle, prepared)
            if other is None or not is_out_of_memory(other):
                return other
        if not self._running:
            return problem
        handle.set_aside(None)
        return None

    def _freeing(self, *, one_at_a_time: bool = False) -> Iterator[bool]:
        """Free memory after an allocation failed, what costs least first. Each time, a retry has a chance.

        `one_at_a_time` as in `Residence.making_room`.
        """
        if self._decoder.work:
            self._collect(wait=True)
            yield True
        if self._lora_sets.make_room(self._store.device):
            self._store.release()
            yield True
        for _ in self._store.making_room(one_at_a_time=one_at_a_time):
            self._caps.forget_limits()
            yield True

    @torch.no_grad()
    def _join(self, handle: Handle, prepared: PreparedRequest) -> None:
        handle.start()
        checkpoint = self._checkpoint(prepared)
        handle.autov3 = {file.use.sha256: file.autov3 for file in prepared.files}
        handle.notes = left_out(handle.request, checkpoint.capability)
        if isinstance(checkpoint, SingleRequestCheckpoint):
            handle.notes += (*self._intake.match(prepared.files, prepared.spec), *checkpoint.notes(handle.request))
            single = SingleRequestRun(checkpoint, handle.request, prepared.files, prepared.source)
            self._batches[handle] = single
            self._begin(handle, single, single)
            return
        loaded = prepared.spec.model_copy(update={"predicts": checkpoint.family.predicts})
        handle.notes += (*self._intake.match(prepared.files, loaded), *checkpoint.family.notes(handle.request))
        applied = prepared.applied_on(checkpoint) or self._lora_sets.apply(handle.request, prepared.files, checkpoint)
        merge = self._worth_merging(handle, applied[0], checkpoint)
        if merge:
            applied = [self._lora_sets.with_merged_weights(one, checkpoint) for one in applied]
        encode_waiting(checkpoint, handle.request, applied, self._others(handle), self._lora_sets)
        run = handle.context.run(start_run, handle, lambda: Run(checkpoint, handle.request, applied, prepared.source))
        key: object = run.key
        if merge or handle.request.exact or any(one.loras.dense for one in applied):
            key = handle  # a batch of its own
        batch = self._batches.setdefault(key, Batch(checkpoint))
        assert isinstance(batch, Batch), "single-request runs have keys of their own"
        batch.join(run)
        if (fitting := self._caps.fitting(handle.request)) is not None and fitting < slots(handle.request):
            batch.limit_pass(fitting)
        self._begin(handle, run, batch)

    def _others(self, handle: Handle) -> Iterator[tuple[GenerationRequest, PreparedRequest]]:
        """The requests that wait beside that of `handle`, once they are prepared."""
        for other, preparation in self._waiting.items():
            if other is not handle and preparation.done() and preparation.exception() is None:
                yield other.request, preparation.result()

    def _begin(self, handle: Handle, run: DenoisingRun, batch: DenoisingBatch) -> None:
        self._running[run] = _Running(handle, run, batch)
        del self._waiting[handle]
        handle.total = run.total
        handle.read_preview, handle.take_snapshot = run.preview, run.snapshot
        handle.join(run.done)

    def _checkpoint(self, prepared: PreparedRequest) -> Checkpoint | SingleRequestCheckpoint:
        other = self._store.current is not None and self._store.current.spec != prepared.spec
        if other or prepared.source is not None:  # the VAE encodes it
            self._collect(wait=True)
        if other:
            self._leave_checkpoint(prepared.spec)
        return self._store.get(prepared.spec)

    def _leave_checkpoint(self, other: CheckpointSpec | None = None) -> None:
        """Free the device for `other`, or drop all checkpoints: nothing else may hold one. No request is running."""
        self._decoder.rest()
        with self._intake.paused():
            self._lora_sets.clear()
            self._lora_cache.forget_changes()
            if other is None:
                self._store.drop()
            else:
                self._store.leave(other)

    def _worth_merging(self, handle: Handle, applied: AppliedLoras, checkpoint: Checkpoint) -> bool:
        """Whether to merge its LoRAs: pictures of its size are painted one by one, and other requests use the set too.

        A request that shares its set with no other is never merged: it comes out bit-identical, also when the worker
        dies in between.
        """
        request = handle.request
        one_by_one = self._caps.pictures(request, optimistic=True) <= request.count
        if not one_by_one or checkpoint.residence.offloading or not applied.loras.denoiser or checkpoint.hooks.packed:
            return False
        if request.exact or request.variants or request.regions:
            return False
        if self._lora_sets.is_merged(applied):
            return True
        alike = [other for other in self._waiting if not other.request.exact and other.request.loras == request.loras]
        return len(alike) > 1 and sum(other.passes_left for other in alike) >= MERGED_PASSES

    # --- stepping ----------------------------------------------------------------------------------------------------

    def _advance(self, key: object, batch: DenoisingBatch) -> None:
        began = self._clock()
        failed = self._stepped(batch)
        self._pass = self._clock() - began
        if failed is None:
            self._split(batch)
            return
        self._worked += sum(pass_work(run.request) for run in batch.runs)
        if isinstance(batch, Batch) and batch.unchanged and not failed:
            self._caps.record(PictureSize.of(batch.runs[0].request), batch.rows, self._pass)
        if any(is_out_of_memory(problem) for problem in failed.values()) and next(self._freeing(), False):
            failed = {run: problem for run, problem in failed.items() if not is_out_of_memory(problem)}
            batch.prepare_retry()
        for run, problem in failed.items():
            if is_out_of_memory(problem) and len(self._running) > 1:
                self._set_aside(run)
            else:
                self._fail(self._leave(run), problem)
        for run in batch.runs:
            handle = self._running[run].handle
            handle.done, handle.total = run.done, run.total
        self._decode([run for run in batch.runs if run.ended])
        if not batch.runs:
            del self._batches[key]

    def _stepped(self, batch: DenoisingBatch) -> Mapping[DenoisingRun, Exception] | None:
        """One step; returns the runs that failed, with their errors. None when memory is short for one pass of all."""
        try:
            return self._step_of(batch)
        except Exception as problem:  # noqa: BLE001 (the engine's loop: see above)
            short = is_out_of_memory(problem)
            if not short or not self._decoder.work:
                # return None first, so that no frame holds the tensors of the failed pass
                return None if short and isinstance(batch, Batch) and batch.can_split else retry_each(batch, problem)
        self._collect(wait=True)  # the decoder takes memory too
        return self._stepped(batch)

    def _step_of(self, batch: DenoisingBatch) -> Mapping[DenoisingRun, Exception]:
        """One step; while the cap of its size is measured, the pass that it begins ends in it."""
        failed = batch.step()
        if isinstance(batch, Batch) and self._caps.measures(PictureSize.of(batch.runs[0].request)):
            failed = {**batch.settle(), **failed}
        return failed

    def _split(self, batch: DenoisingBatch) -> None:
        """Split a batch in halves, and lower the cap of its size to the rows that are left in one pass."""
        assert isinstance(batch, Batch), "a single-request run cannot be split"
        size = PictureSize.of(batch.runs[0].request)
        if len(batch.runs) == 1:
            rows = batch.limit_pass()
        else:
            other = Batch(batch.checkpoint)
            for run in batch.runs[(len(batch.runs) + 1) // 2 :]:
                batch.leave(run)
                other.join(run)
                self._running[run].batch = other
            batch.prepare_retry()
            self._batches[object()] = other
            rows = max(batch.rows, other.rows)
        rows = self._caps.lower(size, rows)
        self._lora_sets.make_room(self._store.device)
        log.warning("not enough memory: at most %d rows per batch of %s from now on", rows, size)
        self._store.release()

    def _decode(self, runs: Sequence[DenoisingRun]) -> None:
        if runs:
            self._collect(wait=True)
            batch = self._running[runs[0]].batch
            self._decoder.begin(batch, runs, [self._leave(run) for run in runs])
        self._collect()

    def _collect(self, *, wait: bool = False) -> None:
        """Give the decoded pictures to their handles, once they are there; with `wait`, wait for them."""
        group = self._decoder.take(wait=wait)
        if group is None:
            return
        pictures = group.future.result()
        if _lack_memory(pictures):
            for _ in self._freeing():
                pictures = group.decode()
                if not _lack_memory(pictures):
                    break
        for handle, run, picture in zip(group.handles, group.runs, pictures, strict=True):
            if isinstance(picture, Exception):
                self._fail(handle, picture)
            elif handle.cancel_requested:
                handle.state = State.CANCELLED
            else:
                handle.latents, handle.pictures, handle.state = run.latents, picture, State.DONE

    # --- leaving -----------------------------------------------------------------------------------------------------

    def _leave(self, run: DenoisingRun) -> Handle:
        running = self._running.pop(run)
        running.batch.leave(run)
        running.handle.read_preview = running.handle.take_snapshot = lambda: None
        return running.handle

    def _set_aside(self, run: DenoisingRun) -> None:
        """Let a run that has no memory beside others wait until it is the only one."""
        snapshot = run.snapshot()
        handle = self._leave(run)
        handle.set_aside(snapshot)
        self._waiting[handle] = self._intake.begin(handle)
        log.warning("not enough memory for %s beside others: waiting", PictureSize.of(handle.request))

    def _drop_cancelled(self) -> None:
        for handle in [handle for handle in self._waiting if handle.cancel_requested]:
            self._waiting.pop(handle).cancel()
            handle.state = State.CANCELLED
        for running in [running for running in self._running.values() if running.handle.cancel_requested]:
            self._leave(running.run).state = State.CANCELLED
        self._batches = {key: batch for key, batch in self._batches.items() if batch.runs}

    def _fail(self, handle: Handle, problem: BaseException) -> None:
        self._waiting.pop(handle, None)
        handle.error = handle.context.run(as_inference_error, handle.request, problem)
        handle.state = State.FAILED


def _lack_memory(pictures: Pictures) -> bool:
    return any(isinstance(one, Exception) and is_out_of_memory(one) for one in pictures)
