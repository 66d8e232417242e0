"""A job as it is sent to a worker that does not share the bot's disk."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from itertools import chain

from pydantic import ValidationError

from inference.cluster.files import FileRef
from inference.cluster.protocol import DataPart, SubmitJob, packed
from inference.cluster.wire import MAX_DATA_BYTES
from inference.lora.beside.foreign_sidecars import MAX_BYTES
from inference.lora.knowledge import FILES
from inference.messages.commands import Generate, JobCommand
from inference.messages.spool import state_file
from inference.workers.storage import Spool, StoredFile

log = logging.getLogger(__name__)


class JobFrames:
    """Makes the frames of one worker until it dies; what is known of all LoRAs is sent again when it has changed."""

    def __init__(self) -> None:
        self._sent: dict[str, tuple[int, int, int]] = {}  # by name: inode, size and time

    def of(
        self, worker: int, deaths: int, job: JobCommand, files: Mapping[str, StoredFile], spool: Spool
    ) -> tuple[SubmitJob, bytes]:
        """The header and the data. It reads small files; one that is gone or too large is left out."""
        loras = {use.sha256 for use in job.request.loras} if isinstance(job, Generate) else set[str]()
        refs = {sha256: ref for sha256, file in files.items() if (ref := _ref(sha256, file)) is not None}
        beside = {sha256: dict[str, bytes]() for sha256 in loras & refs.keys()}
        known, room = dict[str, bytes](), MAX_DATA_BYTES
        small = [(sha256, file) for sha256 in beside for file in files[sha256].beside()]
        for sha256, file in sorted(small, key=lambda each: each[1].name not in FILES):  # first what is sent once
            with suppress(OSError):
                of_all = file.name in FILES
                if of_all and not self._has_changed(file):
                    continue
                found = _bounded(file, room if of_all else min(room, MAX_BYTES))
                if found is None:
                    continue
                room -= len(found)
                if of_all:
                    known[file.name] = found
                else:
                    beside[sha256][file.name.rpartition("/")[2]] = found
        name, states = state_file(job.job_id), dict[str, bytes]()
        with suppress(OSError):  # a first attempt has none
            states[name] = spool.read(name)
        data = b"".join(chain(*(each.values() for each in beside.values()), known.values()))
        state: DataPart | None = None
        if states and len(data) + len(states[name]) <= MAX_DATA_BYTES:
            (state,) = packed(states)
            data += states[name]
        message = SubmitJob(
            worker=worker,
            deaths=deaths,
            job=job.model_dump_json(),
            loras=tuple(ref for sha256, ref in refs.items() if sha256 in loras),
            inputs=tuple(ref for sha256, ref in refs.items() if sha256 not in loras),
            beside={sha256: packed(each) for sha256, each in beside.items()},
            known=packed(known),
            state=state,
        )
        return message, data

    def _has_changed(self, file: StoredFile) -> bool:
        status = file.path.stat()
        stamp = status.st_ino, status.st_size, status.st_mtime_ns
        changed, self._sent[file.name] = self._sent.get(file.name) != stamp, stamp
        return changed


def _bounded(file: StoredFile, most: int) -> bytes | None:
    """The bytes of a file; None where there are more than `most`, which the log tells. Raises OSError."""
    with file.path.open("rb") as opened:
        found = opened.read(most + 1)
    if len(found) <= most:
        return found
    log.warning("not sending %s to other machines: it is larger than %d bytes", file.name, most)
    return None


def _ref(sha256: str, file: StoredFile) -> FileRef | None:
    """The file by its name, or by its SHA-256 where a node would not take the name; None when it is gone."""
    try:
        found = file.path.stat().st_size
    except OSError:
        return None
    size = found if file.size is None else file.size
    try:
        return FileRef(sha256=sha256, size=size, name=file.name)
    except ValidationError:
        return FileRef(sha256=sha256, size=size, name=f"{sha256}{file.path.suffix}")
