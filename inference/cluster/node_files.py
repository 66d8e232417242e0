"""The files that one actor takes from elsewhere: for its engine, and in pieces from the bot's machine."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from secrets import randbelow
from threading import Event, Lock, local

from platformdirs import user_cache_path

from inference.cluster.files import CacheFull, FileCache, FileGone, FileRef, FileRefused, NodeFileError, SharedStorage
from inference.cluster.protocol import SubmitJob, unpacked
from inference.cluster.worker_folder import Manifest, WorkerFolder
from inference.errors import (
    CheckpointUnusable,
    ClassifierUnusable,
    InferenceError,
    LoraFileChanged,
    SourceImageGone,
    WatermarkUnusable,
    WorkerFailed,
)
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.options import ModelSpec, WatermarkSpec, WorkerOptions
from inference.messages.request import GenerationRequest
from inference.workers.storage import StoredFile

log = logging.getLogger(__name__)

CACHE_VARIABLE = "CLUSTER_NODE_CACHE"  # names the folder of the node's cache, on a node that wants another one
JOBS_AT_ONCE = 64  # whose files come; more than a worker has
PIECE_SECONDS = 120.0  # without any piece from the bot's machine, after which it does not answer


class NotOnThisNode(Exception):
    """There is no room for a file here, as on another node there may be; otherwise the job fails with `failure`."""

    def __init__(self, failure: InferenceError) -> None:
        super().__init__(str(failure))
        self.failure = failure


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Where the cache is on a node that has this environment."""
    return Path(environment.get(CACHE_VARIABLE) or user_cache_path("easel") / "node")


AskForPiece = Callable[[int, str, int, int], None]  # number of the call, SHA-256, offset, size


@dataclass(frozen=True)
class NodeCacheSettings:
    """The cache of a node's files: how large, and which shared storage it is filled from."""

    cache_bytes: int
    shared: str = ""

    @property
    def folder(self) -> Path:
        """Where it is on this node."""
        return cache_folder(os.environ)


class PieceCalls:
    """Asks the bot's machine for pieces from any thread. Implements `inference.cluster.files.PieceSource`.

    `ask` is called in the event loop that it is made in; `answer` belongs there too.
    """

    def __init__(self, ask: AskForPiece, clock: Callable[[], float] = time.monotonic) -> None:
        self._ask, self._clock = ask, clock
        self._heard = 0.0  # when a piece came last
        self._loop = asyncio.get_running_loop()
        self._numbers = count(randbelow(2**50))  # no late piece of the actor before is taken for one of this
        self._waiting: dict[int, Future[bytes]] = {}
        self._lock = Lock()
        self._of_thread = local()

    @contextmanager
    def unless(self, dropped: Event) -> Generator[None]:
        """While inside, this thread asks for no more pieces once `dropped` is set."""
        self._of_thread.dropped = dropped
        try:
            yield
        finally:
            del self._of_thread.dropped

    def piece(self, sha256: str, offset: int, size: int) -> bytes:
        """The bytes of a file from `offset`. Blocks; raises OSError."""
        dropped: Event | None = getattr(self._of_thread, "dropped", None)
        if dropped is not None and dropped.is_set():
            raise OSError("the job was cancelled")
        answer = Future[bytes]()
        with self._lock:
            call = next(self._numbers)
            self._waiting[call] = answer
        try:
            self._loop.call_soon_threadsafe(self._ask, call, sha256, offset, size)
            return self._patiently(answer, self._clock())
        except RuntimeError:
            raise OSError("the worker is being closed") from None
        finally:
            with self._lock:
                self._waiting.pop(call, None)

    def _patiently(self, answer: Future[bytes], asked: float) -> bytes:
        """The piece; on a slow line it comes after those of other files. Raises OSError."""
        while True:
            try:
                return answer.result(PIECE_SECONDS)
            except TimeoutError:
                if self._clock() - max(asked, self._heard) >= PIECE_SECONDS:
                    raise OSError("it does not answer") from None

    def answer(self, call: int, found: bytes | OSError) -> None:
        """The piece of a call, or why there is none; a late answer is ignored."""
        self._heard = self._clock()
        with self._lock:
            waiting = self._waiting.pop(call, None)
        if waiting is None:
            return
        if isinstance(found, OSError):
            waiting.set_exception(found)
        else:
            waiting.set_result(found)


@dataclass(frozen=True)
class NodeFiles:
    """The folders of the actor's engine, and what is brought into them. Methods block unless they say otherwise."""

    folder: WorkerFolder
    calls: PieceCalls
    # Of their own: what jobs leave that are painted meanwhile must not wait for files that come slowly.
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(JOBS_AT_ONCE, "files"))
    _owed: dict[str, bytes] = field(default_factory=dict[str, bytes])  # what is known of all LoRAs, until it is written
    _owing: Lock = field(default_factory=Lock)

    @classmethod
    async def open(cls, cache: NodeCacheSettings, ask: AskForPiece) -> NodeFiles:
        """New folders on this node. Raises OSError."""
        calls = PieceCalls(ask)
        shared = SharedStorage(cache.shared) if cache.shared else None

        def opened() -> WorkerFolder:
            return WorkerFolder(FileCache(cache.folder, cache.cache_bytes, shared=shared, pieces=calls))

        return cls(await asyncio.to_thread(opened), calls)

    def located(self, options: WorkerOptions, manifests: Mapping[str, Manifest]) -> WorkerOptions:
        """The options with the places that the files of checkpoints will have here.

        The files of classifier, text judge and watermark are brought at once. Raises ClassifierUnusable.
        """
        specs = tuple(self._located(spec, manifests) for spec in options.checkpoints)
        models = {
            "checkpoints": specs,
            "classifier": self._brought(options.classifier, manifests),
            "text_judge": self._brought(options.text_judge, manifests),
            "watermark": self._brought(options.watermark, manifests),
        }
        return options.model_copy(update=models)

    def _brought(self, spec: ModelSpec | None, manifests: Mapping[str, Manifest]) -> ModelSpec | None:
        if spec is None or spec.source not in manifests:
            return spec
        try:
            found = self.folder.add_checkpoint(manifests[spec.source])
        except (NodeFileError, OSError) as problem:
            unusable = WatermarkUnusable if isinstance(spec, WatermarkSpec) else ClassifierUnusable
            raise unusable(reason=str(problem)) from None
        return spec.model_copy(update={"source": str(found)})

    def _located(self, spec: CheckpointSpec, manifests: Mapping[str, Manifest]) -> CheckpointSpec:
        places = {"source": spec.source, "preview_decoder": spec.preview_decoder, "denoiser": spec.denoiser}
        found = {
            name: str(self.folder.checkpoint_place(manifests[source]))
            for name, source in places.items()
            if source is not None and source in manifests
        }
        return spec.model_copy(update=found)

    def keep_known(self, message: SubmitJob, data: bytes) -> None:
        """Keep what is known of LoRAs, which is sent once, for all jobs that begin from now on."""
        with suppress(ValueError), self._owing:  # of which `bring` tells
            self._owed.update(_known(message, data)[0])

    def begin(
        self,
        message: SubmitJob,
        data: bytes,
        request: GenerationRequest,
        manifests: Sequence[Manifest],
        decoder: Manifest | None,
        dropped: Event,
    ) -> asyncio.Future[dict[str, StoredFile]]:
        """`bring` in a thread, which asks for no more pieces once the job is dropped."""

        def bring() -> dict[str, StoredFile]:
            with self.calls.unless(dropped):
                return self.bring(message, data, request, manifests, decoder)

        return asyncio.get_running_loop().run_in_executor(self.threads, bring)

    def bring(
        self,
        message: SubmitJob,
        data: bytes,
        request: GenerationRequest,
        manifests: Sequence[Manifest],
        decoder: Manifest | None,
    ) -> dict[str, StoredFile]:
        """All that a job needs for its `request`; its LoRAs and its picture to start from, by SHA-256.

        `manifests` are those of its checkpoint, `decoder` that of its preview decoder, without which it is painted too.
        Raises the InferenceError that the job fails with, NotOnThisNode, OSError, or ValueError for a frame that
        contradicts itself.
        """
        beside = self._unpack(message, data)
        called = {use.sha256: use.name for use in request.loras}
        places: dict[str, StoredFile] = {}
        for file in message.loras:
            name = self._lora(file, beside.get(file.sha256, {}), called.get(file.sha256, file.name))
            places[file.sha256] = StoredFile(self.folder.library, name)
        for file in message.inputs:
            places[file.sha256] = StoredFile(self.folder.inputs, self._picture(file))
        self._checkpoint(request.checkpoint, manifests, decoder)
        return places

    def _unpack(self, message: SubmitJob, data: bytes) -> Mapping[str, Mapping[str, bytes]]:
        """Write what is known of all LoRAs and the job's state; the sidecars of its LoRAs by SHA-256."""
        offset, beside = 0, dict[str, dict[str, bytes]]()
        for sha256, parts in message.beside.items():
            beside[sha256], offset = unpacked(parts, data, offset)
        _, offset = _known(message, data)
        self._write_known()
        if message.state is not None:
            state, _ = unpacked([message.state], data, offset)
            for name, content in state.items():
                (self.folder.spool / Path(name).name).write_bytes(content)
        return beside

    def _write_known(self) -> None:
        with self._owing:
            while self._owed:
                name, data = self._owed.popitem()
                try:
                    self.folder.add_known({name: data})
                except OSError:
                    self._owed[name] = data
                    raise

    def _lora(self, file: FileRef, beside: Mapping[str, bytes], called: str) -> str:
        try:
            return self.folder.add_lora(file, beside)
        except (FileRefused, FileGone):
            raise LoraFileChanged(lora=called) from None
        except NodeFileError as problem:
            raise _failed(problem) from None

    def _picture(self, file: FileRef) -> str:
        try:
            return self.folder.add_input(file)
        except (FileRefused, FileGone):
            raise SourceImageGone from None
        except NodeFileError as problem:
            raise _failed(problem) from None

    def _checkpoint(self, name: str, manifests: Sequence[Manifest], decoder: Manifest | None) -> None:
        try:
            for manifest in manifests:
                self.folder.add_checkpoint(manifest)
        except NodeFileError as problem:
            raise _failed(problem, CheckpointUnusable(checkpoint=name, reason=str(problem))) from None
        if decoder is not None:
            try:
                self.folder.add_checkpoint(decoder)
            except NodeFileError as problem:
                log.warning("previews of %s are coarse: %s", name, problem)

    def release(
        self, kept: Collection[str], loras: Collection[str], inputs: Collection[str], jobs: Collection[int]
    ) -> None:
        """Remove the links to everything but these, by SHA-256; of checkpoints by that of the manifest. Quick.

        Of what jobs left, that of all but `jobs` is deleted.
        """
        self.folder.keep_jobs(jobs)
        for folder, names, remove in (
            (self.folder.checkpoints, kept, self.folder.remove_checkpoint),
            (self.folder.library, loras, self.folder.remove_lora),
        ):
            for path in [path for path in folder.iterdir() if len(path.name) == 64 and path.name not in names]:
                remove(path.name)
        self.folder.keep_inputs(inputs)

    def close(self) -> None:
        """Delete the folders."""
        self.threads.shutdown(wait=False, cancel_futures=True)
        self.folder.close()


def _failed(problem: NodeFileError, failure: InferenceError | None = None) -> NotOnThisNode | InferenceError:
    """What a job ends with whose file cannot be had: where there is no room for it, on this node alone."""
    failure = failure or WorkerFailed(reason=str(problem))
    return NotOnThisNode(failure) if isinstance(problem, CacheFull) else failure


def _known(message: SubmitJob, data: bytes) -> tuple[dict[str, bytes], int]:
    """What is known of all LoRAs, and where that ends. Raises ValueError."""
    return unpacked(message.known, data, sum(part.size for parts in message.beside.values() for part in parts))
