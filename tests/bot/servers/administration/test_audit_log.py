"""The audit log: who reads it, and what its export holds."""

from __future__ import annotations

import csv
import io
import json

import pytest

from bot.database.audit import AuditAction, AuditFilter
from bot.servers.administration.audit_export import ExportFormat
from bot.servers.administration.audit_log import differences
from tests.bot.database.conftest import add_lora
from tests.bot.servers.administration.staff import MEGABYTE, STAFF, STRANGER
from tests.bot.servers.world import (
    ELSEWHERE,
    MANAGER,
    SERVER,
    ServerWorld,
)


async def test_staff_read_their_own_servers_log_alone(world: ServerWorld) -> None:
    administration = world.services.administration
    await administration.audit.record(STAFF, SERVER, AuditAction.PAUSE_QUEUE, {"paused": (False, True)})
    page = await administration.audit.page(STAFF, SERVER, AuditFilter(), limit=5)
    assert [entry.action for entry in page.entries] == ["pause_queue"]
    assert (await administration.audit.page(STRANGER, ELSEWHERE, AuditFilter(), limit=5)).entries == ()


async def test_the_log_is_exported_whole_and_harmless(world: ServerWorld) -> None:
    administration = world.services.administration
    for number in range(3):
        reason = f'=HYPERLINK("x"), {number}\n荒らし'
        await administration.blocks.block_person(STAFF, SERVER, 2**62 + number, reason=reason)
    await add_lora(world.connection, "=cmd")
    await administration.blocks.block_lora(STAFF, SERVER, 1, reason="x")
    made = await administration.audit.export(STAFF, SERVER, AuditFilter(), ExportFormat.CSV, max_bytes=MEGABYTE)
    rows = list(csv.DictReader(io.StringIO(made.data.decode())))
    assert (len(rows), made.entries, made.complete) == (4, 4, True)
    assert rows[0]["target"].startswith("'=cmd") and rows[1]["person"] == str(2**62 + 2)
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())
    assert "荒らし" in json.loads(rows[1]["changes"])["reason"]["after"]

    made = await administration.audit.export(STAFF, SERVER, AuditFilter(), ExportFormat.JSON, max_bytes=MEGABYTE)
    entries = json.loads(made.data)
    assert [entry["action"] for entry in entries] == ["export_audit_log", "block_lora", *["block_person"] * 3]
    assert entries[2]["person"] == str(2**62 + 2) and entries[0]["who"] == str(MANAGER)


@pytest.mark.parametrize("kind", ExportFormat)
async def test_an_export_that_would_be_too_large_has_the_newest_entries(world: ServerWorld, kind: ExportFormat) -> None:
    administration = world.services.administration
    for number in range(30):
        await administration.audit.record(STAFF, SERVER, AuditAction.CANCEL_JOB, {}, target=f"job {number}")
    made = await administration.audit.export(STAFF, SERVER, AuditFilter(), kind, max_bytes=1500)
    assert len(made.data) <= 1500 and 3 < made.entries < 30 and not made.complete
    assert b"job 29" in made.data and b"job 0" not in made.data
    if kind is ExportFormat.JSON:
        assert len(json.loads(made.data)) == made.entries


def test_differences_name_what_changed() -> None:
    assert differences({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4}) == {"b": (2, 3), "c": (None, 4)}
