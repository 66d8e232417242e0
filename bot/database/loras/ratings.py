"""Ratings: one to five stars, one per person and LoRA, changeable. Sums and the score are kept by triggers."""

from __future__ import annotations

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.people import people

STARS = range(1, 6)

RATE = """
    INSERT INTO rating (person_id, lora_id, stars, rated_at) SELECT :person, id, :stars, :now FROM lora
    WHERE id = :lora ON CONFLICT (person_id, lora_id) DO UPDATE SET stars = excluded.stars, rated_at = excluded.rated_at
    RETURNING stars
"""
UNRATE = "DELETE FROM rating WHERE person_id = ? AND lora_id = ? RETURNING stars"
MINE = "SELECT stars FROM rating WHERE person_id = ? AND lora_id = ?"


async def rate_lora(db: Database, person_id: int, lora_id: int, stars: int) -> bool:
    """Give an entry 1 to 5 `stars`, replacing the person's earlier rating. False when there is no such entry.

    Raises DatabaseError.
    """
    parameters = {"person": person_id, "lora": lora_id, "stars": stars, "now": now_ms()}
    async with db.transaction():
        await people.remember_person(db, person_id)
        return bool(await db.write(RATE, parameters))


async def unrate_lora(db: Database, person_id: int, lora_id: int) -> bool:
    """Remove the person's rating. False when there was none. Raises DatabaseError."""
    return bool(await db.write(UNRATE, (person_id, lora_id)))


async def rating_of(db: Database, person_id: int, lora_id: int) -> int | None:
    """The stars that the person gave, or None. Raises DatabaseError."""
    row = await db.fetch_one(MINE, (person_id, lora_id))
    return None if row is None else row["stars"]
