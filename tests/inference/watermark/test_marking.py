"""Pictures are marked by the worker process, and their XMP packet names only a watermark that they have."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inference.errors import WatermarkUnusable
from inference.messages.events import Finished, Ready
from inference.messages.options import WatermarkSpec
from inference.messages.request import GenerationRequest
from inference.parameters import soft_binding_in, strip_prompt
from inference.watermark.marking import INSTALLATION_BITS, JOB_BITS, Payload, installation_number, mark, try_out
from tests.house import VIVID, House
from tests.inference.requests import request
from tests.inference.watermark.least_bits import LeastBits
from tests.inference.workers.processes import WorkerProcess, started

INSTALLATION = 0xABCDEF
SPEC = WatermarkSpec(source="nowhere", installation=INSTALLATION)
PAYLOAD = Payload(INSTALLATION, 7)


def asked(side: int, count: int = 1) -> GenerationRequest:
    return request(checkpoint=VIVID, width=side, height=side, count=count, steps=1)


@pytest.fixture(scope="module")
def worker(shared_house: House) -> Iterator[WorkerProcess]:
    configure = shared_house.configure.model_copy(update={"watermark": SPEC})
    process = started(configure, ["-m", "tests.inference.watermark.marking_worker"])
    ready = process.next(Ready)
    assert ready.watermark_seconds is not None, "it was tried"
    yield process
    process.kill()


def painted(worker: WorkerProcess, house: House, side: int, count: int = 1) -> tuple[int, list[Path]]:
    job = worker.begin(asked(side, count))
    end = worker.next(Finished)
    assert end.job_id == job.job_id
    return job.job_id, [house.data / "spool" / name for name in end.files]


def test_each_picture_of_a_job_has_its_payload_and_names_it(worker: WorkerProcess, shared_house: House) -> None:
    for _ in range(2):
        job_id, files = painted(worker, shared_house, 256, 2)
        assert len(files) == 2
        for file in files:
            payload = LeastBits().read(Image.open(file))
            assert payload == Payload(INSTALLATION, job_id)
            for data in (file.read_bytes(), strip_prompt(file.read_bytes())):
                assert soft_binding_in(data) == LeastBits().binding(payload)


def test_a_small_picture_gets_none_and_names_none(worker: WorkerProcess, shared_house: House) -> None:
    (file,) = painted(worker, shared_house, 248)[1]
    assert LeastBits().read(Image.open(file)) is None and soft_binding_in(file.read_bytes()) is None


def test_the_mark_changes_nothing_else(worker: WorkerProcess, shared_house: House) -> None:
    plain = started(shared_house.configure)
    try:
        assert plain.next(Ready).watermark_seconds is None
        (without,), (marked,) = painted(plain, shared_house, 256)[1], painted(worker, shared_house, 256)[1]
    finally:
        plain.kill()
    before, after = np.asarray(Image.open(without), int), np.asarray(Image.open(marked), int)
    assert 0 < np.abs(before - after).max() <= 1
    assert soft_binding_in(without.read_bytes()) is None


def test_what_cannot_be_read_back_is_not_named(caplog: pytest.LogCaptureFixture) -> None:
    picture = Image.effect_noise((256, 256), 40).convert("RGB")
    with caplog.at_level(logging.WARNING):
        assert mark(LeastBits(fails=True), picture, PAYLOAD) == (picture, None)
    assert "could not be read back" in caplog.text
    with pytest.raises(WatermarkUnusable, match="test picture could not be read"):
        try_out(LeastBits(fails=True))


@pytest.mark.parametrize(
    ("payload", "bits"),
    [
        (Payload(0, 0), "0" * 61),
        (Payload(1, 1), "0" * 23 + "1" + "0" * 36 + "1"),
        (Payload(2**INSTALLATION_BITS - 1, 2**JOB_BITS - 1), "1" * 61),
    ],
)
def test_the_layout_of_a_payload_stays(payload: Payload, bits: str) -> None:
    """Pictures that were delivered have it."""
    assert payload.bits == bits and Payload.of_bits(bits) == payload


def test_a_background_job_has_the_number_zero() -> None:
    assert Payload.of_job(5, 2**62).job == 0 and Payload.of_job(5, 2**JOB_BITS - 1).job == 2**JOB_BITS - 1
    assert installation_number("ab12cd" + "0" * 26) == 0xAB12CD
