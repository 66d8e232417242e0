"""The messages whose menu was used, for the buttons of the panel that the menu opened."""

from __future__ import annotations

import discord

from bot.errors.missing import NothingThere
from bot.i18n import _

MAX_CHOSEN = 1000  # messages; the oldest is forgotten


class ChosenMessages:
    """Messages by the id of the interaction that chose them. A restart loses them, because Discord gives them once."""

    def __init__(self) -> None:
        self.compared_for = set[int]()  # users for whom a picture is downloaded and compared
        self._messages: dict[int, tuple[int, discord.Message]] = {}  # with who chose it, the oldest first

    def note(self, interaction_id: int, person_id: int, message: discord.Message) -> None:
        """Remember the message that a person chose."""
        self._messages[interaction_id] = person_id, message
        if len(self._messages) > MAX_CHOSEN:
            del self._messages[next(iter(self._messages))]

    def find(self, interaction_id: int, person_id: int) -> discord.Message:
        """The message that this person chose. Raises NothingThere when it is forgotten."""
        owner, message = self._messages.get(interaction_id, (None, None))
        if message is None or owner != person_id:
            raise NothingThere(
                what=_("Easel no longer knows which message this was. Please choose *Use this picture…* there again.")
            )
        return message
