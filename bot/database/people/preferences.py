"""Each person's preferences, as JSON in their row."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from bot.database.database import Database
from bot.database.people import people
from bot.database.query import Query, SqlStatement

FIND_PREFERENCES = Query(str, "SELECT settings FROM person WHERE id = ?")
SAVE_PREFERENCES = SqlStatement("UPDATE person SET settings = :settings WHERE id = :id")


class Preferences(BaseModel):
    """A person's defaults; None: what everybody gets. `private` results are seen by them alone; with `shows_prompt`
    their prompts stand under the pictures that everybody sees, without a choice as the server has it.

    `size` is the name of a shape, for the sizes themselves differ between checkpoints. `compact_lists` shows lists of
    LoRAs as lines of text instead of cards. `update_messages` tells of newer versions of bookmarks in direct messages.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    checkpoint: str | None = None
    size: str | None = None
    private: bool = False
    shows_prompt: bool | None = None
    compact_lists: bool = False
    update_messages: bool = False


async def find_preferences(db: Database, person_id: int) -> Preferences:
    """The person's preferences."""
    settings = await db.one(FIND_PREFERENCES, person_id)
    return Preferences() if settings is None else Preferences.model_validate_json(settings)


async def save_preferences(db: Database, person_id: int, preferences: Preferences) -> None:
    """Store them."""
    async with db.transaction():
        await people.remember_person(db, person_id)
        await db.run(SAVE_PREFERENCES, settings=preferences.model_dump_json(), id=person_id)
