"""The frame of a job: what lies beside its LoRAs is bounded, so that it can be sent whatever somebody puts there."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference.cluster.wire import MAX_DATA_BYTES
from inference.lora.known.registry import FILE_NAME
from inference.messages.commands import Generate
from inference.workers import job_frames
from inference.workers.job_frames import JobFrames
from inference.workers.storage import SpoolFolder, StoredFile
from tests.inference.requests import request, use
from tests.log import Log

HUGE = MAX_DATA_BYTES + 1


def sparse(path: Path, size: int) -> None:
    with path.open("wb") as file:
        file.truncate(size)


def test_what_is_too_large_beside_a_lora_is_left_out_and_the_log_tells(tmp_path: Path) -> None:
    lora, job = use("Bat"), Generate(job_id=1, attempt=1, request=request(loras=(use("Bat"),)))
    (tmp_path / "bat.safetensors").write_bytes(b"the bat")
    (tmp_path / "bat.toml").write_text('name = "Bat"', "utf-8")
    sparse(tmp_path / "bat.civitai.info", HUGE)
    sparse(tmp_path / FILE_NAME, HUGE)
    files, frames = {lora.sha256: StoredFile(tmp_path, "bat.safetensors")}, JobFrames()
    with Log.listening() as log:
        message, data = frames.of(1, 0, job, files, SpoolFolder(tmp_path))
    assert [part.name for part in message.beside[lora.sha256]] == ["bat.toml"] and message.known == ()
    assert data == b'name = "Bat"'
    told = [record.getMessage() for record in log.records if record.name == job_frames.__name__]
    assert len(told) == 2 and all("larger than" in each for each in told)
    assert {each.split()[2] for each in told} == {"bat.civitai.info", FILE_NAME}
    (tmp_path / FILE_NAME).write_bytes(b"{}")
    message, data = frames.of(1, 0, job, files, SpoolFolder(tmp_path))
    assert [part.name for part in message.known] == [FILE_NAME], "as soon as it is small enough"


def test_a_lora_goes_by_the_size_that_belongs_to_its_hash(tmp_path: Path) -> None:
    """A right copy in shared storage is taken, though the bot's own file was changed after it was hashed."""
    lora, job = use("Bat"), Generate(job_id=1, attempt=1, request=request(loras=(use("Bat"),)))
    (tmp_path / "bat.safetensors").write_bytes(b"another file")
    for size, sent in ((7, 7), (None, 12)):
        files = {lora.sha256: StoredFile(tmp_path, "bat.safetensors", size=size)}
        message, _ = JobFrames().of(1, 0, job, files, SpoolFolder(tmp_path))
        assert [file.size for file in message.loras] == [sent]


def test_what_is_sent_once_has_room_before_what_is_sent_with_each_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_frames, "MAX_DATA_BYTES", 20)
    lora, job = use("Bat"), Generate(job_id=1, attempt=1, request=request(loras=(use("Bat"),)))
    (tmp_path / "bat.safetensors").write_bytes(b"the bat")
    (tmp_path / "bat.toml").write_bytes(b"#" * 15)
    (tmp_path / FILE_NAME).write_bytes(b"#" * 15)
    message, _ = JobFrames().of(
        1, 0, job, {lora.sha256: StoredFile(tmp_path, "bat.safetensors")}, SpoolFolder(tmp_path)
    )
    assert [part.name for part in message.known] == [FILE_NAME] and message.beside == {lora.sha256: ()}
