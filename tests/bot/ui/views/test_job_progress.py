"""What the message of a queued job says."""

from __future__ import annotations

import json

import pytest

from bot.i18n import speaking
from bot.ui.views.jobs.progress import waiting_view
from inference.queue.simulation import Forecast
from tests.bot.jobs.test_hanging_workers import JOB


def text(**about: bool) -> str:
    return json.dumps(waiting_view(JOB, Forecast(2), **about).to_components(), ensure_ascii=False)


@pytest.mark.parametrize(
    ("language", "words"),
    [("en-US", "no GPU is online right now"), ("ja", "いま使える GPU がありません")],
)
async def test_who_waits_for_a_worker_reads_that_none_is_there(language: str, words: str) -> None:
    with speaking(language):
        assert words in text(stranded=True) and words not in text()


async def test_a_pause_is_told_before_that_no_worker_is_there() -> None:
    assert "the queue is paused" in text(stranded=True, paused=True)
