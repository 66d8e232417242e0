"""Checkpoints by the SHA-256 of their files, for workers that do not share the bot's disk."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from inference.cluster.files import FileRef
from inference.cluster.worker_folder import Manifest, manifest_paths
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.options import ModelSpec, WorkerOptions

log = logging.getLogger(__name__)


class Manifests:
    """The manifests of checkpoints, preview decoders and other models; files are hashed once in a process.

    Those whose SHA-256 the settings do not tell are hashed again when they have changed.
    """

    def __init__(self) -> None:
        self.paths: dict[str, Path] = {}  # of every file in a manifest, by SHA-256
        self._known: dict[tuple[str, str], Manifest] = {}
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
                source = self._put(found, Path(source), spec.folder_sha256 or spec.sha256, spec.size) or spec.name
            if decoder is not None and Path(decoder).exists():
                decoder = self._put(found, Path(decoder))
            denoiser = spec.denoiser and (self._put(found, Path(spec.denoiser)) or spec.name)
            files = {"source": source, "preview_decoder": decoder, "denoiser": denoiser}
            specs.append(spec.model_copy(update=files))
        classifier = options.classifier
        if classifier is not None and not (classifier.repository or classifier.package):
            classifier = self._model(found, classifier)
        models = {
            "checkpoints": tuple(specs),
            "classifier": classifier,
            "text_judge": self._model(found, options.text_judge),
            "watermark": self._model(found, options.watermark),
        }
        return options.model_copy(update=models), found

    def _model(self, found: dict[str, Manifest], spec: ModelSpec | None) -> ModelSpec | None:
        """A model in a folder, with the SHA-256 of its manifest as its source."""
        return spec and spec.model_copy(update={"source": self._put(found, Path(spec.source)) or spec.source})

    def _put(
        self, found: dict[str, Manifest], source: Path, sha256: str | None = None, size: int | None = None
    ) -> str | None:
        """The SHA-256 of the manifest of `source`, which is put into `found`; None when it cannot be read."""
        try:
            key = str(source), sha256 or _stamp(source)
            manifest = self._known[key] if key in self._known else self._read(source, sha256, size)
        except (OSError, ValueError) as problem:
            log.error("no worker on another machine gets %s: %s", source, problem)
            return None
        self._known[key] = found[manifest.sha256] = manifest
        base = source if manifest.folder else source.parent
        self.paths |= {file.sha256: base / file.name for file in manifest.files}
        return manifest.sha256

    @staticmethod
    def _read(source: Path, sha256: str | None, size: int | None) -> Manifest:
        """A single file's SHA-256 and size are known already; a folder's SHA-256 is that of the list of its files."""
        if sha256 is None or size is None or not source.is_file():
            return Manifest.of(source)
        return Manifest(folder=False, files=(FileRef(sha256=sha256, size=size, name=source.name),))


def _stamp(source: Path) -> str:
    """Equal while no file is changed, added or removed. Raises OSError."""
    return str([(path.name, (status := path.stat()).st_size, status.st_mtime_ns) for path in manifest_paths(source)])
