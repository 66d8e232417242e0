"""Features LoRAs and pictures of a server, for its staff; each change leaves an audit entry."""

from __future__ import annotations

from bot.database.database import Database
from bot.database.gallery.features import REMOVE_FEATURE, FeatureKind, add_feature
from bot.database.servers.audit import AuditAction, add_entry
from bot.servers.access import Rights
from bot.servers.context import ActionContext
from bot.servers.rights import Action


class Featuring:
    """What is featured in a server. Every method raises NotStaff or another refusal, and DatabaseError."""

    def __init__(self, db: Database, rights: Rights) -> None:
        self._db = db
        self._rights = rights

    async def feature(self, who: ActionContext, server_id: int, kind: FeatureKind, target_id: int, name: str) -> bool:
        """Feature something called `name`; False when it is featured already, or is not there."""
        await self._rights.require(Action.FEATURE, who, server_id)
        async with self._db.transaction():
            if not await add_feature(self._db, server_id, kind, target_id, who.person_id):
                return False
            await add_entry(self._db, server_id, who.person_id, AuditAction.FEATURE, {}, target=_target(kind, name))
        return True

    async def unfeature(self, who: ActionContext, server_id: int, kind: FeatureKind, target_id: int, name: str) -> bool:
        """Feature it no longer; False when it was not."""
        await self._rights.require(Action.FEATURE, who, server_id)
        async with self._db.transaction():
            if not await self._db.run(REMOVE_FEATURE, server=server_id, kind=kind, target=target_id):
                return False
            await add_entry(self._db, server_id, who.person_id, AuditAction.UNFEATURE, {}, target=_target(kind, name))
        return True


def _target(kind: FeatureKind, name: str) -> str:
    return f"{kind} {name}"
