"""The limit of progress edits per channel."""

from __future__ import annotations

from bot.ui.delivery.job_follower import CHANNEL_SECONDS, ChannelEditLimit


def test_one_edit_per_second_and_channel_and_old_channels_are_dropped() -> None:
    edit_limit = ChannelEditLimit()
    assert edit_limit.take(1, 100.0) and not edit_limit.take(1, 100.0 + CHANNEL_SECONDS / 2)
    assert edit_limit.take(1, 100.0 + CHANNEL_SECONDS)
    for number in range(1000):
        assert edit_limit.take(number, 200.0 + number * CHANNEL_SECONDS)
        assert len(edit_limit) == 1
