"""The presses that opened questions. A confirmed question edits the message of the press with the press's token."""

from __future__ import annotations

from typing import Any

import discord

Interaction = discord.Interaction[Any]  # of any client: this module ranks below `bot.ui.client`

MAX_OPEN = 1000  # questions; of an older one, the press is forgotten


class OpenQuestions:
    """Interactions by the id of their question's message, while their tokens are valid (fifteen minutes).

    A restart loses them. Then Easel can edit the original message only with its own permissions.
    """

    def __init__(self) -> None:
        self._presses: dict[int, Interaction] = {}  # oldest first

    def note(self, message_id: int, press: Interaction) -> None:
        """Remember the press that opened this question."""
        self._presses[message_id] = press
        for oldest in tuple(self._presses):
            if len(self._presses) <= MAX_OPEN and not self._presses[oldest].is_expired():
                break
            del self._presses[oldest]

    def take(self, message_id: int) -> Interaction | None:
        """Return the press that opened this question, once; None if its token is no longer valid."""
        press = self._presses.pop(message_id, None)
        return None if press is None or press.is_expired() else press
