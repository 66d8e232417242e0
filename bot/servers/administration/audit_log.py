"""The audit log: writes what staff and operators have changed, and shows it to those who may read it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from bot.database.database import Database
from bot.database.servers.audit import (
    FIND_AUDIT_ENTRY,
    AuditAction,
    AuditEntry,
    AuditFilter,
    AuditPage,
    Changes,
    add_entry,
    audit_page,
)
from bot.errors.missing import NothingThere
from bot.i18n import _
from bot.servers.access import Rights
from bot.servers.administration.audit_export import AuditExport, export
from bot.servers.context import ActionContext
from bot.servers.rights import Action

EXPORT_PAGE = 500  # entries


class AuditLog:
    """The log of each server, and that of EVERYWHERE. To read it is a right; whoever records has checked one."""

    def __init__(self, db: Database, rights: Rights) -> None:
        self._db = db
        self._rights = rights

    async def record(
        self,
        who: ActionContext,
        server_id: int,
        action: AuditAction,
        changes: Changes,
        target: str = "",
        person_id: int | None = None,
    ) -> None:
        """Write an entry, in the transaction of the change where there is one. `person_id` is whom it concerns."""
        await add_entry(self._db, server_id, who.person_id, action, changes, target=target, person_id=person_id)

    async def page(
        self,
        who: ActionContext,
        server_id: int,
        wanted: AuditFilter,
        *,
        limit: int,
        before: AuditEntry | None = None,
        after: AuditEntry | None = None,
    ) -> AuditPage:
        """A page of the log, the newest first: what is older than `before`, or just newer than `after`."""
        await self._rights.require(Action.READ_AUDIT, who, server_id)
        return await audit_page(self._db, server_id, wanted, limit=limit, before=before, after=after)

    async def entry(self, who: ActionContext, server_id: int, entry_id: int) -> AuditEntry:
        """One entry of the log, after which a page begins. Raises NothingThere when the server has none such."""
        await self._rights.require(Action.READ_AUDIT, who, server_id)
        entry = await self._db.one(FIND_AUDIT_ENTRY, id=entry_id, server=server_id)
        if entry is None:
            raise NothingThere(what=_("This page is outdated. Please open it again."))
        return entry

    async def export(self, who: ActionContext, server_id: int, wanted: AuditFilter, *, max_bytes: int) -> AuditExport:
        """The entries as a file of at most `max_bytes`, the newest first. The export itself is logged after it."""
        await self._rights.require(Action.READ_AUDIT, who, server_id)
        made = await export(self._entries(server_id, wanted), max_bytes=max_bytes)
        await self.record(who, server_id, AuditAction.EXPORT_AUDIT_LOG, {"entries": (None, made.entries)}, made.name)
        return made

    async def _entries(self, server_id: int, wanted: AuditFilter) -> AsyncIterator[AuditEntry]:
        page = AuditPage([], older=True)
        while page.older:
            before = page.entries[-1] if page.entries else None
            page = await audit_page(self._db, server_id, wanted, limit=EXPORT_PAGE, before=before)
            for entry in page.entries:
                yield entry


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[object, object]]:
    """What differs, by field: before and after; None for a field that is not there."""
    fields = dict.fromkeys((*before, *after))
    return {field: (before.get(field), after.get(field)) for field in fields if before.get(field) != after.get(field)}
