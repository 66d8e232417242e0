"""Drafts that buttons go on with: each is its person's alone, and is forgotten after a while."""

from __future__ import annotations

import re
from typing import ClassVar, Self, TypeVar

import discord
from discord import ui
from pydantic import BaseModel, ValidationError

from bot.database.database import Database
from bot.database.people.drafts import FIND_DRAFT
from bot.errors.missing import NothingThere
from bot.i18n import _
from bot.ui.views.persistent_items import NO_CUSTOM_ID, PersistentButton, outdated_error

Draft = TypeVar("Draft", bound=BaseModel)


class DraftButton(PersistentButton, template=NO_CUSTOM_ID):
    """A button about one draft, with the custom_id `NAME:DRAFT`."""

    name: ClassVar[str] = ""
    label: ClassVar[str] = ""  # marked by `later`, translated when the button is made
    style: ClassVar[discord.ButtonStyle] = discord.ButtonStyle.secondary

    def __init__(self, draft_id: int) -> None:
        self.draft_id = draft_id
        super().__init__(ui.Button(label=_(self.label), style=self.style, custom_id=f"{self.name}:{draft_id}"))

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls(int(match["draft"]))


async def kept_draft(db: Database, person_id: int, draft_id: int, kind: type[Draft], *, gone: str = "") -> Draft:
    """The person's draft with this id. Raises NothingThere, DatabaseError, or what an outdated button raises.

    `gone` says what to do where it is forgotten, unless that is to use /imagine again.
    """
    text = await db.one(FIND_DRAFT, id=draft_id, person=person_id)
    if text is None:
        raise NothingThere(what=gone or _("This request has expired. Please use /imagine again."))
    try:
        return kind.model_validate_json(text)
    except ValidationError:  # of a forged button: it is a draft of another kind
        raise outdated_error() from None
