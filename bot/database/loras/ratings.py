"""Ratings: one to five stars, one per person and LoRA, changeable. Sums and the score are kept by triggers."""

from __future__ import annotations

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.people import people
from bot.database.query import Query, SqlStatement

STARS = range(1, 6)

RATE_LORA = SqlStatement("""
    INSERT INTO rating (person_id, lora_id, stars, rated_at) SELECT :person, id, :stars, :now FROM lora
    WHERE id = :lora ON CONFLICT (person_id, lora_id) DO UPDATE SET stars = excluded.stars, rated_at = excluded.rated_at
""")
UNRATE_LORA = SqlStatement("DELETE FROM rating WHERE person_id = :person AND lora_id = :lora")
RATING_OF = Query(int, "SELECT stars FROM rating WHERE person_id = :person AND lora_id = :lora")


async def rate_lora(db: Database, person_id: int, lora_id: int, stars: int) -> bool:
    """Give an entry 1 to 5 `stars`, replacing the person's earlier rating. False when there is no such entry."""
    async with db.transaction():
        await people.remember_person(db, person_id)
        return await db.run(RATE_LORA, person=person_id, stars=stars, now=now_ms(), lora=lora_id)
