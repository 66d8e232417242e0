"""Each person's draft in the studio, as JSON, with a revision that grows with every change."""

from __future__ import annotations

from dataclasses import dataclass

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.people import people

FIND = "SELECT state, revision, previous IS NOT NULL AS undoable FROM studio WHERE person_id = ?"
SAVE = """
    INSERT INTO studio (person_id, state, updated_at) VALUES (:person, :state, :now)
    ON CONFLICT (person_id) DO UPDATE SET state = excluded.state, updated_at = excluded.updated_at,
        revision = revision + 1
    RETURNING state, revision, previous IS NOT NULL AS undoable
"""
FILL = """
    INSERT INTO studio (person_id, state, updated_at) VALUES (:person, :state, :now)
    ON CONFLICT (person_id) DO UPDATE SET previous = state, state = excluded.state, updated_at = excluded.updated_at,
        revision = revision + 1
    RETURNING state, revision, previous IS NOT NULL AS undoable
"""
GO_BACK = """
    UPDATE studio SET state = previous, previous = NULL, updated_at = ?, revision = revision + 1
    WHERE person_id = ? AND previous IS NOT NULL
    RETURNING state, revision, previous IS NOT NULL AS undoable
"""


@dataclass(frozen=True)
class StudioState:
    """A stored draft: its `state` (JSON), its revision, and whether there is an earlier draft to go back to."""

    state: str
    revision: int
    undoable: bool


async def find_studio(db: Database, person_id: int) -> StudioState | None:
    """The person's draft, None when there never was one. Raises DatabaseError."""
    row = await db.fetch_one(FIND, (person_id,))
    return None if row is None else _draft(dict(row))


async def save_studio(db: Database, person_id: int, state: str) -> StudioState:
    """Store the draft. Raises DatabaseError."""
    return await _write(db, SAVE, person_id, state)


async def fill_studio(db: Database, person_id: int, state: str) -> StudioState:
    """Replace the draft; `go_back` restores the old one. Raises DatabaseError."""
    return await _write(db, FILL, person_id, state)


async def go_back(db: Database, person_id: int) -> StudioState | None:
    """Restore the draft from before `fill_studio`; None when there is none. Raises DatabaseError."""
    rows = await db.write(GO_BACK, (now_ms(), person_id))
    return _draft(dict(rows[0])) if rows else None


async def _write(db: Database, sql: str, person_id: int, state: str) -> StudioState:
    async with db.transaction():
        await people.remember_person(db, person_id)
        (row,) = await db.write(sql, {"person": person_id, "state": state, "now": now_ms()})
    return _draft(dict(row))


def _draft(row: dict[str, object]) -> StudioState:
    return StudioState(str(row["state"]), int(str(row["revision"])), undoable=bool(row["undoable"]))
