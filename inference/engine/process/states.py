"""Snapshots of unfinished jobs in the spool, from which a restarted worker resumes: found, saved and deleted."""

from __future__ import annotations

import hashlib
import json
import logging
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import diffusers

from inference.engine.batch.snapshots import Snapshot
from inference.messages.checkpoints import CheckpointSpec
from inference.messages.request import GenerationRequest
from inference.messages.spool import state_file
from inference.processes import logs

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class States:
    """One file per job in `folder`. A state that cannot be read or written is never an error."""

    folder: Path

    def find(self, job_id: int, about: str) -> Snapshot | None:
        """The state that the job was left in; None when there is none, or one of another request."""
        return Snapshot.read(self._path(job_id), about)

    def save(self, job_id: int, about: str, snapshot: Snapshot) -> None:
        """Replace the state by `snapshot`, atomically."""
        try:
            self.folder.mkdir(exist_ok=True)  # somebody may have deleted it; where it lay is gone with a dead worker
            snapshot.write(self._path(job_id), about)
        except OSError as problem:
            with logs.about(job_id):
                log.warning("cannot save its state: %s", problem)

    def delete(self, job_id: int) -> None:
        """Delete the state of a job that has ended."""
        with suppress(OSError):
            self._path(job_id).unlink(missing_ok=True)

    def _path(self, job_id: int) -> Path:
        return self.folder / state_file(job_id)


def state_digest(request: GenerationRequest, spec: CheckpointSpec | None) -> str:
    """A digest of all that a state depends on: the request with its LoRAs' hashes, the checkpoint, diffusers.

    A sampler's attributes may differ between versions of diffusers. Where the checkpoint's files lie does not matter
    when their SHA-256 is known, since the next attempt may be on another machine. A denoiser in a file of its own goes
    by its name and size.
    """
    checkpoint = None
    if spec is not None:
        places = {"source", "size"} if spec.sha256 else set[str]()
        told: set[str] = {"predicts", "guidance_is_input"}  # what its files say, which does not change
        unimportant: set[str] = {"name", "preview_decoder", "node_labels", "denoiser", *told, *places}
        checkpoint = spec.model_dump(mode="json", exclude=unimportant) | {"denoiser": _file(spec.denoiser)}
    parts = [request.model_dump(mode="json"), checkpoint, diffusers.__version__]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _file(place: str | None) -> list[str | int] | None:
    """The name and the size of a file; of one that is gone the name alone."""
    if place is None:
        return None
    path = Path(place)
    try:
        return [path.name, path.stat().st_size]
    except OSError:
        return [path.name]
