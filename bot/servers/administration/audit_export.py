"""Entries of the audit log as a file: CSV for spreadsheets, JSON for programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from bot.database.audit import AuditEntry

COLUMNS = ("time", "who", "action", "person", "target", "changes")
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would calculate what begins so


class ExportFormat(StrEnum):
    """The format of an exported log."""

    CSV = "csv"
    JSON = "json"


@dataclass(frozen=True)
class AuditExport:
    """A file with so many `entries`, the newest first; not `complete` when it would have become too large."""

    name: str
    data: bytes
    entries: int
    complete: bool


async def export(entries: AsyncIterator[AuditEntry], kind: ExportFormat, *, max_bytes: int) -> AuditExport:
    """Write as many entries as fit into `max_bytes`. Raises what reading them raises."""
    write, head, between, end = (
        (_csv, _row(COLUMNS), b"", b"") if kind is ExportFormat.CSV else (_json, b"[", b",", b"]")
    )
    parts, size, complete = list[bytes](), len(head) + len(end), True
    async for entry in entries:
        part = (between if parts else b"") + write(entry)
        if size + len(part) > max_bytes:
            complete = False
            break
        parts.append(part)
        size += len(part)
    return AuditExport(f"audit-log.{kind.value}", b"".join((head, *parts, end)), len(parts), complete)


def _fields(entry: AuditEntry) -> dict[str, object]:
    """Discord's ids are text: programs that read JSON round numbers of that size."""
    return {
        "time": datetime.fromtimestamp(entry.created_at / 1000, UTC).isoformat(timespec="milliseconds"),
        "who": str(entry.actor_id),
        "action": entry.action,
        "person": "" if entry.person_id is None else str(entry.person_id),
        "target": entry.target,
        "changes": {field: {"before": before, "after": after} for field, (before, after) in entry.changes.items()},
    }


def _json(entry: AuditEntry) -> bytes:
    return b"\n" + json.dumps(_fields(entry), ensure_ascii=False).encode()


def _csv(entry: AuditEntry) -> bytes:
    fields = _fields(entry) | {"changes": json.dumps(_fields(entry)["changes"], ensure_ascii=False)}
    return _row(tuple(_harmless(str(fields[column])) for column in COLUMNS))


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULAS) else cell


def _row(cells: tuple[str, ...]) -> bytes:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue().encode()
