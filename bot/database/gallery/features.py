"""LoRAs and pictures that staff feature in their server, with who and when."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from enum import StrEnum

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.gallery.pages import LORA_SHOWN, SHOWN, PlaceFilter
from bot.database.people import people

ADD_LORA = """
    INSERT INTO feature (server_id, kind, target_id, featured_by, featured_at)
    SELECT :server, 'lora', id, :person, :now FROM lora WHERE id = :target ON CONFLICT DO NOTHING RETURNING 1
"""
ADD_PUBLICATION = """
    INSERT INTO feature (server_id, kind, target_id, featured_by, featured_at)
    SELECT server_id, 'publication', id, :person, :now FROM publication
    WHERE id = :target AND server_id = :server AND state = 'posted' ON CONFLICT DO NOTHING RETURNING 1
"""
REMOVE = "DELETE FROM feature WHERE server_id = ? AND kind = ? AND target_id = ? RETURNING 1"
FIND = "SELECT * FROM feature WHERE server_id = ? AND kind = ? AND target_id = ?"
LORAS = f"""
    SELECT feature.* FROM feature JOIN lora ON lora.id = target_id
    WHERE feature.server_id = :server AND feature.kind = 'lora' AND featured_at >= :since
    AND {LORA_SHOWN}
    ORDER BY featured_at DESC, target_id DESC LIMIT :limit OFFSET :offset
"""  # noqa: S608 - constants only
PUBLICATIONS = f"""
    SELECT feature.* FROM feature JOIN publication ON publication.id = target_id
    WHERE feature.server_id = :server AND feature.kind = 'publication' AND featured_at >= :since
    AND state = 'posted' AND {SHOWN}
    ORDER BY featured_at DESC, target_id DESC LIMIT :limit OFFSET :offset
"""  # noqa: S608 - constants only


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


async def add_feature(db: Database, server_id: int, kind: FeatureKind, target_id: int, person_id: int) -> bool:
    """Feature something; False when it is featured already, or is not there. Raises DatabaseError."""
    sql = ADD_LORA if kind is FeatureKind.LORA else ADD_PUBLICATION
    values = {"server": server_id, "target": target_id, "person": person_id, "now": now_ms()}
    async with db.transaction():
        await people.remember_server(db, server_id)
        return bool(await db.write(sql, values))


async def remove_feature(db: Database, server_id: int, kind: FeatureKind, target_id: int) -> bool:
    """Feature it no longer; False when it was not. Raises DatabaseError."""
    return bool(await db.write(REMOVE, (server_id, kind, target_id)))


async def find_feature(db: Database, server_id: int, kind: FeatureKind, target_id: int) -> Feature | None:
    """Who featured it and when; None when nobody did. Raises DatabaseError."""
    rows = await db.fetch(FIND, (server_id, kind, target_id))
    return _feature(rows[0]) if rows else None


async def featured_loras(
    db: Database, server_id: int, place: PlaceFilter, *, limit: int, offset: int = 0, since: int = 0
) -> tuple[Feature, ...]:
    """The LoRAs that a place shows and that were featured `since` (unix ms), the last featured first.

    They have a usable file. Raises DatabaseError.
    """
    return await _features(db, LORAS, server_id, place, limit, offset, since)


async def featured_publications(
    db: Database, server_id: int, place: PlaceFilter, *, limit: int, offset: int = 0, since: int = 0
) -> tuple[Feature, ...]:
    """The same of pictures. Raises DatabaseError."""
    return await _features(db, PUBLICATIONS, server_id, place, limit, offset, since)


async def _features(
    db: Database,
    sql: str,
    server_id: int,
    place: PlaceFilter,
    limit: int,
    offset: int,
    since: int,
) -> tuple[Feature, ...]:
    page = {"server": server_id, "limit": limit, "offset": offset, "since": since}
    return tuple(map(_feature, await db.fetch(sql, page | place.parameters)))


def _feature(row: sqlite3.Row) -> Feature:
    kind = FeatureKind(row["kind"])
    return Feature(row["server_id"], kind, row["target_id"], row["featured_by"], row["featured_at"])
