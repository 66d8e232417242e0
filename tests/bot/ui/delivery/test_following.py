"""How often messages are edited, and what is remembered of it."""

from __future__ import annotations

from bot.ui.delivery.following import CHANNEL_SECONDS, Channels


def test_one_edit_a_second_in_each_channel_and_no_channel_is_remembered_for_longer() -> None:
    channels = Channels()
    assert channels.take(1, 100.0) and not channels.take(1, 100.0 + CHANNEL_SECONDS / 2)
    assert channels.take(1, 100.0 + CHANNEL_SECONDS)
    for number in range(1000):
        assert channels.take(number, 200.0 + number * CHANNEL_SECONDS)
        assert len(channels) == 1
