"""The messages whose menu was used, for the buttons of the panel that the menu opened."""

from __future__ import annotations

from dataclasses import dataclass

import discord

from bot.errors.missing import NothingThere
from bot.i18n import _
from inference.errors import RequestError

MAX_CHOSEN = 1000  # messages; the oldest is forgotten


@dataclass(frozen=True)
class ChosenMessage:
    """A message, the user who chose it, and the error to raise if its Easel picture is deleted."""

    person_id: int
    message: discord.Message
    if_gone: RequestError | None


class ChosenMessages:
    """Messages by the id of the interaction that chose them.

    They are kept in memory, because Discord sends the message only with the interaction of the menu.
    """

    def __init__(self) -> None:
        self.compared_for = set[int]()  # users whose picture Easel is comparing at the moment
        self._messages: dict[int, ChosenMessage] = {}  # the oldest first

    def note(self, interaction_id: int, chosen: ChosenMessage) -> None:
        """Remember the message that a person chose."""
        self._messages[interaction_id] = chosen
        if len(self._messages) > MAX_CHOSEN:
            del self._messages[next(iter(self._messages))]

    def find(self, interaction_id: int, person_id: int) -> ChosenMessage:
        """The message that this person chose. Raises NothingThere when it is forgotten."""
        chosen = self._messages.get(interaction_id)
        if chosen is None or chosen.person_id != person_id:
            raise NothingThere(
                what=_("Easel no longer knows which message this was. Please choose *Use this picture…* there again.")
            )
        return chosen
