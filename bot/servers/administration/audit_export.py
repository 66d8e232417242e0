"""Entries of the audit log as a JSON file."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from bot.database.servers.audit import AuditEntry
from inference.files.json_values import MAX_ID


@dataclass(frozen=True)
class AuditExport:
    """A file with so many `entries`, the newest first; not `complete` when it would have become too large."""

    name: str
    data: bytes
    entries: int
    complete: bool


async def export(entries: AsyncIterator[AuditEntry], *, max_bytes: int) -> AuditExport:
    """Write as many entries as fit into `max_bytes`. Raises what reading them raises."""
    parts, size, complete = list[bytes](), len(b"[]"), True
    async for entry in entries:
        part = (b",\n" if parts else b"\n") + _json(entry)
        if size + len(part) > max_bytes:
            complete = False
            break
        parts.append(part)
        size += len(part)
    return AuditExport("audit-log.json", b"".join((b"[", *parts, b"]")), len(parts), complete)


def _with_ids_as_text(value: object) -> object:
    """The value, with each number that many programs would round as text. Such numbers are Discord's ids."""
    if isinstance(value, list):
        return [_with_ids_as_text(each) for each in cast("list[object]", value)]
    if isinstance(value, dict):
        return {key: _with_ids_as_text(each) for key, each in cast("dict[str, object]", value).items()}
    return str(value) if isinstance(value, int) and abs(value) > MAX_ID else value


def _json(entry: AuditEntry) -> bytes:
    fields = {
        "time": datetime.fromtimestamp(entry.created_at / 1000, UTC).isoformat(timespec="milliseconds"),
        "who": str(entry.actor_id),
        "action": entry.action,
        "person": "" if entry.person_id is None else str(entry.person_id),
        "target": entry.target,
        "changes": {
            field: {"before": _with_ids_as_text(before), "after": _with_ids_as_text(after)}
            for field, (before, after) in entry.changes.items()
        },
    }
    return json.dumps(fields, ensure_ascii=False).encode()
