"""What the tests of workers on nodes share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from inference.cluster import worker_supervisor
from inference.cluster.compatibility import MEMORY_MONITOR_OFF
from inference.cluster.node_files import CACHE_VARIABLE
from inference.workers import local, ray
from tests.inference.cluster.places import MAX_WAIT, Place, opened_place
from tests.log import Log


@pytest.fixture
async def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    """A bot and a cluster with one node."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "node"))
    for name, value in MEMORY_MONITOR_OFF.items():  # there is no Ray on this node
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(worker_supervisor, "RETRY_SECONDS", 0.01)
    for patient in (worker_supervisor, local, ray):  # on a busy machine an engine may need long to leave its states
        monkeypatch.setattr(patient, "CLOSE_SECONDS", MAX_WAIT)
    async with opened_place(tmp_path) as place:
        yield place


@pytest.fixture
def log() -> Iterator[Log]:
    """The log."""
    with Log.listening() as heard:
        yield heard
