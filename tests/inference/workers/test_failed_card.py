"""A card that fails for good, in a real worker process with a pretend one: it ends, and the next one goes on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from inference.messages.commands import Generate
from inference.messages.events import Capacity, Finished, Progress, Ready
from inference.workers import WorkerDied
from inference.workers.local import LocalWorker
from tests.house import VIVID, House
from tests.inference.requests import request
from tests.inference.workers.test_local import heard
from tools.pretend_card import guard

pytestmark = pytest.mark.skipif(guard.compiler() is None, reason="there is no C++ compiler")


async def test_a_sticky_error_ends_the_process_and_the_next_goes_on(house: House, tmp_path: Path) -> None:
    spool = Path(house.folders.spool)
    module = ("-m", "tools.pretend_card.worker", str(spool), str(tmp_path / "failed"))
    options = house.options.model_copy(update={"device": "cuda", "state_steps": 1})
    worker = LocalWorker(options, house.folders, (sys.executable, *module))
    wanted = request(checkpoint=VIVID, steps=8, width=32, height=32, seed=5)
    await worker.start()
    events = worker.events()
    try:
        assert isinstance(await heard(events, Ready), Ready)
        await heard(events, Capacity)
        assert await worker.submit(Generate(job_id=1, attempt=1, request=wanted), {})
        death = await heard(events, WorkerDied)
        assert isinstance(death, WorkerDied)
        assert (death.exit_code, death.was_ready) == (1, True)
        assert "the device failed" in death.stderr_tail and "illegal memory access" in death.stderr_tail
        await heard(events, Ready)
        for number in (1, 2):  # the second from its first step
            assert await worker.submit(Generate(job_id=number, attempt=2, request=wanted), {})
            first = await heard(events, Progress)
            assert isinstance(first, Progress) and (first.job_id, first.step > 0) == (number, number == 1)
            done = await heard(events, Finished)
            assert isinstance(done, Finished) and done.peak_memory > 2**20
            with Image.open(spool / done.files[0]) as picture:
                picture.save(tmp_path / f"{number}.png")
    finally:
        await worker.close()
    with Image.open(tmp_path / "1.png") as resumed, Image.open(tmp_path / "2.png") as whole:
        assert ImageChops.difference(resumed, whole).getbbox() is None
