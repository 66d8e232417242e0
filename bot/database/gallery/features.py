"""LoRAs and pictures that staff feature in their server, with who and when."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.gallery.pages import LORA_SHOWN, SHOWN
from bot.database.people import people
from bot.database.query import Query, SqlStatement


class FeatureKind(StrEnum):
    """What is featured."""

    LORA = "lora"
    PUBLICATION = "publication"


@dataclass(frozen=True)
class Feature:
    """A LoRA's entry or a publication that a person featured in a server at a unix ms."""

    server_id: int
    kind: FeatureKind
    target_id: int
    featured_by: int
    featured_at: int


FEATURE_LORA = SqlStatement("""
    INSERT INTO feature (server_id, kind, target_id, featured_by, featured_at)
    SELECT :server, 'lora', id, :person, :now FROM lora WHERE id = :target ON CONFLICT DO NOTHING
""")
FEATURE_PUBLICATION = SqlStatement("""
    INSERT INTO feature (server_id, kind, target_id, featured_by, featured_at)
    SELECT server_id, 'publication', id, :person, :now FROM publication
    WHERE id = :target AND server_id = :server AND state = 'posted' ON CONFLICT DO NOTHING
""")
REMOVE_FEATURE = SqlStatement("DELETE FROM feature WHERE server_id = :server AND kind = :kind AND target_id = :target")
FIND_FEATURE = Query(
    Feature, "SELECT * FROM feature WHERE server_id = :server AND kind = :kind AND target_id = :target"
)
# What a place shows and was featured since then, the last featured first. LoRAs have a usable file.
FEATURED_LORAS = Query(
    Feature,
    f"""
    SELECT feature.* FROM feature JOIN lora ON lora.id = target_id
    WHERE feature.server_id = :server AND feature.kind = 'lora' AND featured_at >= :since
    AND {LORA_SHOWN}
    ORDER BY featured_at DESC, target_id DESC LIMIT :limit
    """,  # noqa: S608 - constants only
)
FEATURED_PUBLICATIONS = Query(
    Feature,
    f"""
    SELECT feature.* FROM feature JOIN publication ON publication.id = target_id
    WHERE feature.server_id = :server AND feature.kind = 'publication' AND featured_at >= :since
    AND state = 'posted' AND {SHOWN}
    ORDER BY featured_at DESC, target_id DESC LIMIT :limit OFFSET :offset
    """,  # noqa: S608 - constants only
)


async def add_feature(db: Database, server_id: int, kind: FeatureKind, target_id: int, person_id: int) -> bool:
    """Feature something; False when it is featured already, or is not there."""
    statement = FEATURE_LORA if kind is FeatureKind.LORA else FEATURE_PUBLICATION
    async with db.transaction():
        await people.remember_server(db, server_id)
        return await db.run(statement, server=server_id, target=target_id, person=person_id, now=now_ms())
