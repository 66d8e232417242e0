"""Drafts that buttons go on with: each is its person's alone, and is forgotten after a while."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from bot.database.database import Database
from bot.database.people.drafts import FIND_DRAFT
from bot.errors.missing import NothingThere
from bot.i18n import _
from bot.ui.views.custom_ids import Id
from bot.ui.views.persistent_items import PersistentButton, outdated_error

Draft = TypeVar("Draft", bound=BaseModel)


class DraftButton(PersistentButton):
    """A button about one draft."""

    draft_id: Id


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
