"""Drafts of the studio: one per person, with a revision for every change and one way back."""

from __future__ import annotations

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.people.preferences import Preferences, find_preferences, save_preferences
from bot.database.people.studio import FIND_STUDIO, UNDO_STUDIO, fill_studio, save_studio

from .conftest import erase

ADA, GRACE = 1, 2


async def test_each_change_is_a_revision(db: Database) -> None:
    assert await db.one(FIND_STUDIO, ADA) is None
    first = await save_studio(db, ADA, '{"a": 1}')
    second = await save_studio(db, ADA, '{"a": 2}')
    assert second.revision > first.revision and not second.undoable
    assert await db.one(FIND_STUDIO, ADA) == second
    assert await db.one(FIND_STUDIO, GRACE) is None


async def test_what_was_there_before_filling_comes_back_once(db: Database) -> None:
    await save_studio(db, ADA, '{"mine": 1}')
    filled = await fill_studio(db, ADA, '{"a picture": 1}')
    changed = await save_studio(db, ADA, '{"a picture": 2}')
    assert filled.undoable and changed.undoable
    back = await db.one(UNDO_STUDIO, now=now_ms(), person=ADA)
    assert back is not None and back.state == '{"mine": 1}' and not back.undoable and back.revision > changed.revision
    assert await db.one(UNDO_STUDIO, now=now_ms(), person=ADA) is None


async def test_drafts_go_with_their_person(db: Database) -> None:
    await save_studio(db, ADA, "{}")
    await erase(db, ADA)
    assert await db.one(FIND_STUDIO, ADA) is None


async def test_preferences_are_kept_and_taken_back(db: Database) -> None:
    assert await find_preferences(db, ADA) == Preferences()
    chosen = Preferences(checkpoint="vivid", size="portrait", private=True)
    await save_preferences(db, ADA, chosen)
    assert await find_preferences(db, ADA) == chosen
    await save_preferences(db, ADA, Preferences())
    assert await find_preferences(db, ADA) == Preferences()
