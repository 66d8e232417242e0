"""The audit log: who reads it, and what its export holds."""

from __future__ import annotations

import json

from bot.database.servers.audit import AuditAction, AuditFilter, Changes
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
    assert (await administration.audit.page(STRANGER, ELSEWHERE, AuditFilter(), limit=5)).entries == []


async def test_the_log_is_exported_whole(world: ServerWorld) -> None:
    administration = world.services.administration
    for number in range(3):
        reason = f'"x", {number}\n荒らし'
        await administration.blocks.block_person(STAFF, SERVER, 2**62 + number, reason=reason)
    await add_lora(world.db, "fox")
    await administration.blocks.block_lora(STAFF, SERVER, 1, reason="x")
    made = await administration.audit.export(STAFF, SERVER, AuditFilter(), max_bytes=MEGABYTE)
    entries = json.loads(made.data)
    assert (len(entries), made.entries, made.complete) == (4, 4, True)
    assert entries[0]["target"].startswith("fox") and entries[1]["person"] == str(2**62 + 2)
    assert "荒らし" in entries[1]["changes"]["reason"]["after"]

    made = await administration.audit.export(STAFF, SERVER, AuditFilter(), max_bytes=MEGABYTE)
    entries = json.loads(made.data)
    assert [entry["action"] for entry in entries] == ["export_audit_log", "block_lora", *["block_person"] * 3]
    assert entries[0]["who"] == str(MANAGER)


async def test_ids_in_the_export_are_text_that_no_program_rounds(world: ServerWorld) -> None:
    administration, channel = world.services.administration, 1174109840998400115
    changes: Changes = {
        "reports_channel": (None, channel),
        "staff_roles": ([], [channel]),
        "art_channels": ([], [{"channel_id": channel, "parent_id": None}]),
        "cooldown_seconds": (None, 1.5),
    }
    await administration.audit.record(STAFF, SERVER, AuditAction.CHANGE_SETTINGS, changes)
    made = await administration.audit.export(STAFF, SERVER, AuditFilter(), max_bytes=MEGABYTE)
    (entry,) = json.loads(made.data)
    assert {field: change["after"] for field, change in entry["changes"].items()} == {
        "reports_channel": str(channel),
        "staff_roles": [str(channel)],
        "art_channels": [{"channel_id": str(channel), "parent_id": None}],
        "cooldown_seconds": 1.5,
    }


async def test_an_export_that_would_be_too_large_has_the_newest_entries(world: ServerWorld) -> None:
    administration = world.services.administration
    for number in range(30):
        await administration.audit.record(STAFF, SERVER, AuditAction.CANCEL_JOB, {}, target=f"job {number}")
    made = await administration.audit.export(STAFF, SERVER, AuditFilter(), max_bytes=1500)
    assert len(made.data) <= 1500 and 3 < made.entries < 30 and not made.complete
    assert b"job 29" in made.data and b"job 0" not in made.data
    assert len(json.loads(made.data)) == made.entries


def test_differences_name_what_changed() -> None:
    assert differences({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4}) == {"b": (2, 3), "c": (None, 4)}
