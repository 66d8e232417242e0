"""Checkpoints by the SHA-256 of their files, for workers that do not share the bot's disk."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from inference.cluster.files import FileRef
from inference.cluster.worker_folder import Manifest
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.options import WorkerOptions

log = logging.getLogger(__name__)


class Manifests:
    """The manifests of all checkpoints, preview decoders and classifiers; files are hashed once in a process."""

    def __init__(self) -> None:
        self.paths: dict[str, Path] = {}  # of every file in a manifest, by SHA-256
        self._known: dict[tuple[str, str | None], Manifest] = {}
        self._lock = asyncio.Lock()

    async def of(self, options: WorkerOptions) -> tuple[WorkerOptions, dict[str, Manifest]]:
        """The options with the SHA-256 of a manifest for each path, and these manifests.

        A checkpoint whose files cannot be read keeps its name as its source, where a worker finds nothing.
        """
        async with self._lock:  # several workers join at the same time, and the files are large
            return await asyncio.to_thread(self._of, options)

    def _of(self, options: WorkerOptions) -> tuple[WorkerOptions, dict[str, Manifest]]:
        found: dict[str, Manifest] = {}
        specs: list[CheckpointSpec] = []
        for spec in options.checkpoints:
            source, decoder = spec.source, spec.preview_decoder
            if not spec.repository:
                source = self._put(found, Path(source), spec.folder_sha256 or spec.sha256) or spec.name
            if decoder is not None and Path(decoder).exists():
                decoder = self._put(found, Path(decoder), None)
            denoiser = spec.denoiser and (self._put(found, Path(spec.denoiser), None) or spec.name)
            files = {"source": source, "preview_decoder": decoder, "denoiser": denoiser}
            specs.append(spec.model_copy(update=files))
        classifier = options.classifier
        if classifier is not None and not classifier.repository:
            source = self._put(found, Path(classifier.source), None) or classifier.source
            classifier = classifier.model_copy(update={"source": source})
        return options.model_copy(update={"checkpoints": tuple(specs), "classifier": classifier}), found

    def _put(self, found: dict[str, Manifest], source: Path, sha256: str | None) -> str | None:
        """The SHA-256 of the manifest of `source`, which is put into `found`; None when it cannot be read."""
        key = str(source), sha256
        try:
            manifest = self._known[key] if key in self._known else self._read(source, sha256)
        except (OSError, ValueError) as problem:
            log.error("no worker elsewhere gets %s: %s", source, problem)
            return None
        self._known[key] = found[manifest.sha256] = manifest
        base = source if manifest.folder else source.parent
        self.paths |= {file.sha256: base / file.name for file in manifest.files}
        return manifest.sha256

    @staticmethod
    def _read(source: Path, sha256: str | None) -> Manifest:
        """A single file's SHA-256 is known already; a folder's is that of the list of its files."""
        if sha256 is None or source.is_dir():
            return Manifest.of(source)
        file = FileRef(sha256=sha256, size=source.stat().st_size, name=source.name)
        return Manifest(folder=False, files=(file,))
