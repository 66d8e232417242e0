"""Each person's draft in the studio, as JSON, with a revision that grows with every change."""

from __future__ import annotations

from dataclasses import dataclass

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.people import people
from bot.database.query import Query


@dataclass(frozen=True)
class StudioState:
    """A stored draft: its `state` (JSON), its revision, and whether there is an earlier draft to go back to."""

    state: str
    revision: int
    undoable: bool


_STATE = "state, revision, previous IS NOT NULL AS undoable"
FIND_STUDIO = Query(StudioState, f"SELECT {_STATE} FROM studio WHERE person_id = ?")  # noqa: S608 - constants only
_SAVE = """
    INSERT INTO studio (person_id, state, updated_at) VALUES (:person, :state, :now)
    ON CONFLICT (person_id) DO UPDATE SET state = excluded.state, updated_at = excluded.updated_at,
"""
SAVE_STUDIO = Query(StudioState, f"{_SAVE} revision = revision + 1 RETURNING {_STATE}")
FILL_STUDIO = Query(StudioState, f"{_SAVE} previous = state, revision = revision + 1 RETURNING {_STATE}")
# Restore the draft from before `fill_studio`, if there is one.
UNDO_STUDIO = Query(
    StudioState,
    f"""
    UPDATE studio SET state = previous, previous = NULL, updated_at = :now, revision = revision + 1
    WHERE person_id = :person AND previous IS NOT NULL RETURNING {_STATE}
    """,  # noqa: S608 - constants only
)


async def save_studio(db: Database, person_id: int, state: str) -> StudioState:
    """Store the draft."""
    return await _save(db, SAVE_STUDIO, person_id, state)


async def fill_studio(db: Database, person_id: int, state: str) -> StudioState:
    """Replace the draft; UNDO_STUDIO restores the old one."""
    return await _save(db, FILL_STUDIO, person_id, state)


async def _save(db: Database, query: Query[StudioState], person_id: int, state: str) -> StudioState:
    async with db.transaction():
        await people.remember_person(db, person_id)
        return await db.get(query, person=person_id, state=state, now=now_ms())
