"""The receipt of a deletion says what is gone, what is out of reach, and what nobody can count."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.database.privacy.erasures import Erasure, ErasureState
from bot.i18n import speaking
from bot.ui.views.people.privacy import receipt_text

COMPLETE = Erasure(
    id=1, person_id=None, pseudonym=1, state=ErasureState.COMPLETE, by_operator=False, jobs=4, pictures=7, messages=9,
    unreachable=0, private_answers=0, copies=0, copies_until=None, created_at=1, finished_at=2000, direct_channel=None,
    start_pictures=0,
)  # fmt: skip
NOT_COUNTED = "Easel does not record or count private replies that are not about a request"


def test_what_is_not_counted_is_said_whatever_was_deleted() -> None:
    told = receipt_text(COMPLETE)
    assert "Requests: 4 · Pictures: 7 · Messages: 9" in told and NOT_COUNTED in told
    assert "still visible to you" not in told and "no longer has permission" not in told
    with speaking("ja"):
        assert "集計もしていません" in receipt_text(COMPLETE)


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (1, "1 private reply about a request is still visible to you. Only you can dismiss it."),
        (3, "3 private replies about requests are still visible to you. Only you can dismiss them."),
    ],
)
def test_what_is_out_of_reach_is_counted(count: int, expected: str) -> None:
    told = receipt_text(replace(COMPLETE, private_answers=count, unreachable=2, copies=1))
    assert expected in told and NOT_COUNTED in told
    assert "Easel no longer has permission to delete 2 messages." in told
    assert "1 backup of the database was made before the deletion." in told and "deletes backups manually" in told


def test_one_under_way_counts_nothing_yet() -> None:
    assert NOT_COUNTED not in receipt_text(replace(COMPLETE, finished_at=None, state=ErasureState.CLEARING))


def test_start_pictures_of_others_are_told() -> None:
    told = receipt_text(replace(COMPLETE, start_pictures=2))
    assert "Easel also deleted 2 start pictures that other users had made from your pictures." in told
    assert "start picture" not in receipt_text(COMPLETE)
