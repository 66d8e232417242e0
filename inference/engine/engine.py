"""The engine: takes requests at any time, and paints them together, one denoising step of everybody after another.

    engine = Engine.of(Configure(checkpoints=..., library=..., spool=...), torch.device("cpu"), torch.float64)
    handle = engine.submit(request, files)  # files: {SHA-256: path in the library} of the request's LoRAs
    while engine.step():
        ...  # handle.done, handle.preview(), handle.cancel()
    handle.pictures

Who waits is admitted in the order of `inference.work`, up to the places there are; another checkpoint is loaded when
everybody on the current one has left. What goes wrong with one request ends that one alone. Who has networks or LoRAs
in memory makes an `Engine` of a `CheckpointStore` that holds a `Checkpoint`, and of any `LoraSource`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image

from inference.base_models import CompatibilityTable
from inference.engine.batch.batch import Batch
from inference.engine.batch.calibration import calibrate
from inference.engine.batch.caps import Caps, Measured, Records, Size
from inference.engine.batch.decoder import Decoder
from inference.engine.batch.denoising_run import Painted, Sharing
from inference.engine.batch.failures import begun, each_alone, explained
from inference.engine.batch.handle import Handle, State
from inference.engine.batch.run import Dressed, Run
from inference.engine.batch.snapshots import Snapshot
from inference.engine.devices.devices import clock_of, is_out_of_memory
from inference.engine.intake.intake import Intake, Ready
from inference.engine.intake.lora_cache import LoraSource, Shelf
from inference.engine.intake.lora_set_cache import Wardrobe
from inference.engine.lora.lora_files import LoraReader
from inference.engine.models.checkpoints import Checkpoint, CheckpointStore
from inference.engine.options import Options
from inference.engine.single.single_request import Solo, SoloCheckpoint
from inference.lora.installed import installed_hashes
from inference.matching import Matcher
from inference.messages import CheckpointSpec, Configure, GenerationRequest
from inference.work import pass_work

log = logging.getLogger(__name__)

MERGED_PASSES = 30  # a set of LoRAs that several wear one by one is merged for at least so many
PATIENCE = 0.05  # seconds that `step` waits for a disk when there is nothing else to do
GREETING = 0.25  # seconds that newcomers may take to be read at most, and no more than half a pass of those painted


@dataclass
class _Place:
    """A request that is being painted."""

    handle: Handle
    run: Painted
    batch: Sharing


class Engine:
    """Paints for many people at once. All methods belong to one thread; see `Handle` for what others may do."""

    def __init__(
        self, store: CheckpointStore, loras: LoraSource, matcher: Matcher, options: Options | None = None
    ) -> None:
        self._options = options or Options()
        self._store = store
        self._shelf = Shelf(loras, self._options.lora_bytes, self._options.dense_bytes)
        self._wardrobe = Wardrobe(self._shelf, self._options.set_bytes)
        self._intake = Intake(store, self._shelf, self._wardrobe, matcher, self._options.inputs)
        self._waiting: dict[Handle, Future[Ready]] = {}
        self._places: dict[Painted, _Place] = {}
        self._batches: dict[object, Sharing] = {}
        self._decoder = Decoder(store.device)
        self._clock = clock_of(store.device)
        records = Records(self._options.caps, lambda size: f"{size.width}x{size.height} {store.about(size.checkpoint)}")
        self._caps = Caps(self._options.places, records)
        self._turn = 0
        self._worked = self._pass = 0.0  # in pixels; seconds of the last pass
        self._last: GenerationRequest | None = None

    @classmethod
    def of(cls, config: Configure, device: torch.device, dtype: torch.dtype | None = None) -> Engine:
        """The engine that a configuration asks for; `dtype` is half precision on accelerators unless given."""
        table = CompatibilityTable.of(config.allowed_pairs)
        reader = LoraReader(
            Path(config.library), installed_hashes(config.checkpoints), config.max_lora_bytes, config.trust_tags
        )
        store = CheckpointStore(
            config.checkpoints,
            device,
            dtype,
            config.embedding_cache_bytes,
            config.offload,
            compiled=config.compiled,
        )
        return cls(store, reader, Matcher(config.checkpoints, table, config.allow_v_on_epsilon), Options.of(config))

    @property
    def loaded(self) -> tuple[str, ...]:
        """Names of the checkpoints in memory."""
        return self._store.loaded

    @property
    def busy(self) -> bool:
        """Whether anybody waits or is painted."""
        return bool(self._waiting or self._places or self._decoder.work)

    @property
    def places(self) -> int:
        """How many pictures are painted at once: of those that are there, and of the kind that came last."""
        if isinstance(self._store.current, SoloCheckpoint):
            return 1
        return self._caps.places([*self._painted, *(handle.request for handle in self._waiting)], self._last)

    def submit(
        self, request: GenerationRequest, files: Mapping[str, str] | None = None, resume: Snapshot | None = None
    ) -> Handle:
        """Take in a request; `files` says where each LoRA lies, by SHA-256, relative to the library.

        It goes on from `resume`, a state of the same request, where that can be used.
        """
        handle = Handle(request, files or {}, resume)
        handle.came, self._last = self._worked, request
        self._waiting[handle] = self._intake.begin(handle)
        return handle

    def step(self) -> bool:
        """Let those who may join, then one denoising step of one batch. Returns whether anything is left to do."""
        self._let_go()
        self._intake.greet(min(GREETING, self._pass / 2) if self._places else GREETING)
        self._admit()
        if self._batches:
            batches = list(self._batches.items())
            self._turn = (self._turn + 1) % len(batches)
            self._advance(*batches[self._turn])
        else:
            wait([*self._waiting.values(), *self._decoder.work], PATIENCE, "FIRST_COMPLETED")
            self._collect()
        return self.busy

    def sketch(self, clean: torch.Tensor, size: tuple[int, int]) -> Image.Image:
        """A small picture, of `size` in pixels, of one picture's clean latents (channels, h, w)."""
        checkpoint = self._store.current
        assert isinstance(checkpoint, Checkpoint), "latents come from a checkpoint that is loaded"
        return checkpoint.preview.picture(clean, size)

    def calibrate(self, size: Size) -> Measured | None:
        """Measure a cap now, while nobody is painted; None where pictures are painted one at a time anyway.

        Raises CheckpointUnusable; running out of memory with a single picture passes through.
        """
        spec = self._store.spec(size.checkpoint)
        checkpoint = spec and self._store.get(spec)
        return calibrate(checkpoint, self._caps, size, self._clock) if isinstance(checkpoint, Checkpoint) else None

    def settled(self, size: Size) -> Measured | None:
        """The cap of a size that was declared, once it is known."""
        return self._caps.settled(size)

    def spec(self, checkpoint: str) -> CheckpointSpec | None:
        """A checkpoint as it was declared; None when none of this name was."""
        return self._store.spec(checkpoint)

    def finish(self) -> None:
        """Paint until nobody is left."""
        while self.step():
            pass

    def rest(self) -> None:
        """Nobody has ordered anything for a while: give back the memory that nothing uses."""
        self._store.release()

    def close(self) -> None:
        """Give up whatever is left, and let go of all memory."""
        for handle in [*self._waiting, *(place.handle for place in self._places.values())]:
            handle.cancel()
        self._let_go()
        self._collect(wait=True)
        self._drop_checkpoint()
        self._decoder.close()
        self._intake.close()

    # --- joining -----------------------------------------------------------------------------------------------------

    def _admit(self) -> None:
        for handle, ready in self._ready():
            if not self._fits(handle, ready):
                break
            problem = self._joined(handle, ready)
            if problem is not None and is_out_of_memory(problem) and self._roomier():
                problem = self._joined(handle, ready)
            if problem is not None:
                self._fail(handle, problem)

    def _ready(self) -> list[tuple[Handle, Ready]]:
        """Those who may join as far as it is up to them, in order: of one checkpoint, that of whoever came first."""
        found: list[tuple[Handle, Ready]] = []
        for handle, reading in list(self._waiting.items()):
            if not reading.done():
                continue  # a cold LoRA keeps nobody waiting but its own request
            if problem := reading.exception():
                self._fail(handle, problem)
                continue
            ready = reading.result()
            if found and found[0][1].spec != ready.spec:
                break
            found.append((handle, ready))
        return sorted(found, key=lambda one: one[0].precedence)

    def _fits(self, handle: Handle, ready: Ready) -> bool:
        if not self._places:
            return True
        checkpoint = self._store.current
        same = isinstance(checkpoint, Checkpoint) and checkpoint.spec == ready.spec  # else it is one at a time
        return same and self._caps.have_room([*self._painted, handle.request])

    @property
    def _painted(self) -> list[GenerationRequest]:
        return [place.handle.request for place in self._places.values()]

    def _joined(self, handle: Handle, ready: Ready) -> Exception | None:
        """None, or why it cannot; its frames would keep the memory that another attempt needs."""
        try:
            self._join(handle, ready)
        except Exception as problem:  # noqa: BLE001 (the engine's loop: one bad request must not take others along)
            return problem.with_traceback(None) if is_out_of_memory(problem) else problem
        return None

    def _roomier(self) -> bool:
        """Memory is short for a single request: whether it is less so now."""
        decoding = bool(self._decoder.work)
        self._collect(wait=True)
        if not self._store.offload():
            return decoding
        self._caps.forget_limits()
        self._wardrobe.clear()
        return True

    @torch.no_grad()
    def _join(self, handle: Handle, ready: Ready) -> None:
        handle.begin()
        checkpoint = self._checkpoint(ready)
        handle.autov3 = {file.use.sha256: file.autov3 for file in ready.files}
        if isinstance(checkpoint, SoloCheckpoint):
            handle.notes = (*self._intake.match(ready.files, ready.spec), *checkpoint.notes(handle.request))
            solo = Solo(checkpoint, handle.request, ready.files, ready.source)
            self._batches[handle] = solo
            self._begin(handle, solo, solo)
            return
        loaded = ready.spec.model_copy(update={"predicts": checkpoint.prediction.type})
        handle.notes = self._intake.match(ready.files, loaded)
        dressed = ready.worn(checkpoint) or self._wardrobe.dress(handle.request, ready.files, checkpoint)
        hot = self._is_hot(handle, dressed[0], checkpoint)
        if hot:
            dressed = [self._wardrobe.merged(one, checkpoint) for one in dressed]
        run = handle.context.run(begun, handle, lambda: Run(checkpoint, handle.request, dressed, ready.source))
        key: object = run.shape
        if hot or handle.request.exact or any(one.loras.dense for one in dressed):
            key = handle  # alone
        batch = self._batches.setdefault(key, Batch(checkpoint))
        assert isinstance(batch, Batch), "whatever paints alone has a key of its own"
        batch.join(run)
        if (fitting := self._caps.fitting(handle.request)) is not None and fitting < handle.request.count:
            batch.narrow(fitting)
        self._begin(handle, run, batch)

    def _begin(self, handle: Handle, run: Painted, batch: Sharing) -> None:
        self._places[run] = _Place(handle, run, batch)
        del self._waiting[handle]
        handle.state, handle.total, handle.look, handle.capture = State.RUNNING, run.total, run.preview, run.snapshot
        handle.done = handle.taken_up = run.done
        handle.joins()

    def _checkpoint(self, ready: Ready) -> Checkpoint | SoloCheckpoint:
        other = self._store.current is not None and self._store.current.spec != ready.spec
        if other or ready.source is not None:  # which the VAE encodes
            self._collect(wait=True)
        if other:
            self._drop_checkpoint()
        return self._store.get(ready.spec)

    def _drop_checkpoint(self) -> None:
        """Free its memory now: nothing may hold it when the next one is opened. Nobody is painted any more."""
        self._decoder.rest()
        with self._intake.hands_off():
            self._wardrobe.clear()
            self._shelf.forget_changes()
            self._store.drop()

    def _is_hot(self, handle: Handle, dressed: Dressed, checkpoint: Checkpoint) -> bool:
        """Whether its LoRAs are worth merging: pictures of its size are painted one by one, and others wear them too.

        Who comes alone is never merged, and so comes out the same to the bit, also if the worker dies in between.
        """
        request = handle.request
        alone = self._caps.pictures(request, hoped=True) <= request.count and not checkpoint.residence.in_turns
        if not alone or request.exact or request.variants or not dressed.loras.denoiser:
            return False
        if self._wardrobe.is_merged(dressed):
            return True
        alike = [other for other in self._waiting if not other.request.exact and other.request.loras == request.loras]
        return len(alike) > 1 and sum(other.passes_left for other in alike) >= MERGED_PASSES

    # --- painting ----------------------------------------------------------------------------------------------------

    def _advance(self, key: object, batch: Sharing) -> None:
        began = self._clock()
        failed = self._stepped(batch)
        self._pass = self._clock() - began
        if failed is None:
            self._halve(batch)
            return
        self._worked += sum(pass_work(run.request) for run in batch.runs)
        if isinstance(batch, Batch) and batch.steady and not failed:
            self._caps.hear(Size.of(batch.runs[0].request), batch.rows, self._pass)
        if any(is_out_of_memory(problem) for problem in failed.values()) and self._roomier():
            failed = {run: problem for run, problem in failed.items() if not is_out_of_memory(problem)}
            batch.begin_again()
        for run, problem in failed.items():
            self._fail(self._leave(run), problem)
        for run in batch.runs:
            handle = self._places[run].handle
            handle.done, handle.total = run.done, run.total
        self._decode([run for run in batch.runs if run.ended])
        if not batch.runs:
            del self._batches[key]

    def _stepped(self, batch: Sharing) -> Mapping[Painted, Exception] | None:
        """One step: who cannot go on, and why. None when there is not enough memory for all of them in one pass."""
        try:
            return batch.step()
        except Exception as problem:  # noqa: BLE001 (the engine's loop: see above)
            short = is_out_of_memory(problem)
            if not short or not self._decoder.work:
                # None, so that nothing is held any more of what the pass had made so far
                return None if short and isinstance(batch, Batch) and batch.divisible else each_alone(batch, problem)
        self._collect(wait=True)  # what is decoded meanwhile takes memory too
        return self._stepped(batch)

    def _halve(self, batch: Sharing) -> None:
        """Half of them go on in a pass of their own, and from now on as many of this size share one at most."""
        assert isinstance(batch, Batch), "whoever paints alone is not short of memory because of others"
        size = Size.of(batch.runs[0].request)
        if len(batch.runs) == 1:
            rows = batch.narrow()
        else:
            other = Batch(batch.checkpoint)
            for run in batch.runs[(len(batch.runs) + 1) // 2 :]:
                batch.leave(run)
                other.join(run)
                self._places[run].batch = other
            batch.begin_again()
            self._batches[object()] = other
            rows = max(batch.rows, other.rows)
        rows = self._caps.lower(size, rows)
        self._wardrobe.clear()
        log.warning("not enough memory: from now on %d rows of %s share a pass", rows, size)
        self._store.release()

    def _decode(self, runs: Sequence[Painted]) -> None:
        if runs:
            self._collect(wait=True)
            batch = self._places[runs[0]].batch
            self._decoder.begin(batch, runs, [self._leave(run) for run in runs])
        self._collect()

    def _collect(self, *, wait: bool = False) -> None:
        """Hand out the pictures of those who left before, as far as they are there."""
        group = self._decoder.take(wait=wait)
        if group is None:
            return
        pictures = group.future.result()
        if any(isinstance(one, Exception) and is_out_of_memory(one) for one in pictures) and self._roomier():
            pictures = group.decode()
        for handle, run, picture in zip(group.handles, group.runs, pictures, strict=True):
            if isinstance(picture, Exception):
                self._fail(handle, picture)
            elif handle.unwanted:
                handle.state = State.CANCELLED
            else:
                handle.latents, handle.pictures, handle.state = run.latents, picture, State.DONE

    # --- leaving -----------------------------------------------------------------------------------------------------

    def _leave(self, run: Painted) -> Handle:
        place = self._places.pop(run)
        place.batch.leave(run)
        place.handle.look = place.handle.capture = lambda: None
        return place.handle

    def _let_go(self) -> None:
        for handle in [handle for handle in self._waiting if handle.unwanted]:
            self._waiting.pop(handle).cancel()
            handle.state = State.CANCELLED
        for place in [place for place in self._places.values() if place.handle.unwanted]:
            self._leave(place.run).state = State.CANCELLED
        self._batches = {key: batch for key, batch in self._batches.items() if batch.runs}

    def _fail(self, handle: Handle, problem: BaseException) -> None:
        self._waiting.pop(handle, None)
        handle.error = handle.context.run(explained, handle.request, problem)
        handle.state = State.FAILED
