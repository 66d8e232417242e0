"""What staff change: only they, only what makes sense, at once, and with an entry in the audit log."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Awaitable, Callable

import pytest

from bot.database.audit import AuditAction, AuditEntry, AuditFilter
from bot.database.base_model_proposals import ProposalState
from bot.database.blocks import BlockKind
from bot.database.clock import now_ms
from bot.database.connection import fetch, write
from bot.database.loras import Lora
from bot.database.server_limits import LimitHolder, LimitName, LimitValues
from bot.database.server_settings import MAX_CHOSEN, ServerSettings, find_server_settings
from bot.errors.blocks import CannotBeBlocked, EndInThePast
from bot.errors.decisions import DecidedAlready, ProposedAlready, ReasonNeeded
from bot.errors.limits import LimitAboveCeiling, LimitNotForServer, LimitOutOfRange
from bot.errors.missing import NothingThere
from bot.errors.rights import NotOperator, NotStaff
from bot.errors.server_settings import DefaultNotAllowed, LanguageUnknown, NewcomerTimeOutOfRange, TooManyChosen
from bot.servers.administration import differences, range_of
from bot.servers.audit_export import ExportFormat
from bot.servers.context import ActionContext
from inference.errors import CheckpointNotFound, RequestError
from inference.queue import EVERYWHERE
from tests.bot.database.conftest import PONY, add_lora
from tests.bot.servers.world import (
    ELSEWHERE,
    MANAGER,
    OPERATOR,
    OTHER,
    PAINTER,
    PERSON,
    SERVER,
    ServerWorld,
    acting,
)
from tests.house import PASTEL, VIVID

STAFF, OPERATING, STRANGER = acting(MANAGER), acting(OPERATOR), acting(MANAGER, server_id=ELSEWHERE)
STEPS = {LimitName.MAX_STEPS: 20}
MEGABYTE = 2**20


async def log(world: ServerWorld, server_id: int = SERVER, **wanted: object) -> tuple[AuditEntry, ...]:
    chosen = AuditFilter(**wanted)  # type: ignore[arg-type]
    return (await world.services.administration.audit(OPERATING, server_id, chosen, limit=50)).entries


def told(entries: tuple[AuditEntry, ...]) -> list[tuple[int, str, dict[str, tuple[object, object]]]]:
    return [(entry.actor_id, entry.action, entry.changes) for entry in reversed(entries)]


# --- who may --------------------------------------------------------------------------------------------------------

Doing = Callable[[ServerWorld, ActionContext], Awaitable[object]]
DOINGS: dict[str, Doing] = {
    "setup": lambda w, who: w.services.administration.setup(who, SERVER),
    "change_settings": lambda w, who: w.services.administration.change_settings(who, SERVER, language="ja"),
    "set_limits": lambda w, who: w.services.administration.set_limits(who, SERVER, LimitHolder.EVERYBODY, STEPS),
    "limits_of_people": lambda w, who: w.services.administration.limits_of_people(who, SERVER, limit=5),
    "block_person": lambda w, who: w.services.administration.block_person(who, SERVER, OTHER, reason="x"),
    "block_lora": lambda w, who: w.services.administration.block_lora(who, SERVER, 1, reason="x"),
    "unblock": lambda w, who: w.services.administration.unblock(who, SERVER, BlockKind.PERSON, 99),
    "blocks": lambda w, who: w.services.administration.blocks(who, SERVER, BlockKind.LORA, limit=5),
    "propose": lambda w, who: w.services.administration.propose_base_model(who, SERVER, "a" * 64, PONY, reason="x"),
    "decide": lambda w, who: w.services.administration.decide_base_model(who, 1, confirmed=True),
    "proposals": lambda w, who: w.services.administration.proposals(who, limit=5),
    "audit": lambda w, who: w.services.administration.audit(who, SERVER, AuditFilter(), limit=5),
    "export": lambda w, who: w.services.administration.export_audit(
        who, SERVER, AuditFilter(), ExportFormat.CSV, max_bytes=MEGABYTE
    ),
}
FOR_OPERATORS = {"decide", "proposals"}


async def is_open(world: ServerWorld, doing: Doing, who: ActionContext) -> bool:
    try:
        await doing(world, who)
    except (NotStaff, NotOperator):
        return False
    except RequestError:
        return True  # there is no such LoRA, block or proposal
    return True


@pytest.mark.parametrize("name", DOINGS)
async def test_each_door_is_for_staff_of_this_server_and_operators(world: ServerWorld, name: str) -> None:
    doing = DOINGS[name]
    for who in (acting(), acting(server_id=None), STRANGER, acting(role_ids={PAINTER})):
        assert not await is_open(world, doing, who)
    assert not await log(world), "who was refused has changed nothing"
    assert await is_open(world, doing, STAFF) == (name not in FOR_OPERATORS)
    assert await is_open(world, doing, acting(OPERATOR, server_id=None))


async def test_a_role_may_be_made_staff(world: ServerWorld) -> None:
    administration = world.services.administration
    await administration.change_settings(STAFF, SERVER, staff_roles=(PAINTER,))
    await administration.change_settings(acting(role_ids={PAINTER}), SERVER, language="ja")
    with pytest.raises(NotStaff):
        await administration.change_settings(acting(), SERVER, language="en")


async def test_staff_change_nothing_everywhere(world: ServerWorld) -> None:
    for who in (STAFF, acting(MANAGER, server_id=None)):
        with pytest.raises(NotStaff):
            await world.services.administration.block_person(who, EVERYWHERE, PERSON, reason="x")
    await world.services.administration.block_person(OPERATING, EVERYWHERE, PERSON, reason="x")


# --- settings -------------------------------------------------------------------------------------------------------


async def test_changes_hold_at_once_and_are_logged_with_before_and_after(world: ServerWorld) -> None:
    administration = world.services.administration
    assert (await world.services.servers.of(SERVER)).settings == ServerSettings()
    await administration.change_settings(STAFF, SERVER, channels=(9, 7, 9), language="ja")
    changed = await administration.change_settings(OPERATING, SERVER, channels=(7,), paint_roles=(PAINTER,))
    assert changed == ServerSettings(channels=(7,), paint_roles=(PAINTER,), language="ja")
    assert (await world.services.servers.of(SERVER)).settings == changed
    assert (await world.services.servers.of(ELSEWHERE)).settings == ServerSettings()
    assert told(await log(world)) == [
        (MANAGER, "change_settings", {"channels": ([], [7, 9]), "language": (None, "ja")}),
        (OPERATOR, "change_settings", {"channels": ([7, 9], [7]), "paint_roles": (None, [PAINTER])}),
    ]
    world.restart()
    assert (await world.services.servers.of(SERVER)).settings == changed


async def test_what_changes_nothing_is_not_logged(world: ServerWorld) -> None:
    await world.services.administration.change_settings(STAFF, SERVER, language=None, channels=())
    await world.services.administration.set_limits(STAFF, SERVER, LimitHolder.EVERYBODY, {LimitName.MAX_STEPS: None})
    assert not await log(world)


async def test_two_of_staff_who_change_different_things_at_once_lose_nothing(world: ServerWorld) -> None:
    administration = world.services.administration
    changes = [{"language": "ja"}, {"channels": (7,)}, {"newcomer_hours": 5}, {"shows_prompt": True}]
    await asyncio.gather(*(administration.change_settings(STAFF, SERVER, **change) for change in changes))
    expected = ServerSettings(language="ja", channels=(7,), newcomer_hours=5, shows_prompt=True)
    assert (await world.services.servers.of(SERVER)).settings == expected


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"checkpoints": ("nothing",)}, CheckpointNotFound),
        ({"default_checkpoint": "nothing"}, CheckpointNotFound),
        ({"checkpoints": (VIVID,), "default_checkpoint": PASTEL}, DefaultNotAllowed),
        ({"language": "tlh"}, LanguageUnknown),
        ({"channels": tuple(range(1, MAX_CHOSEN + 2))}, TooManyChosen),
        ({"newcomer_hours": 10**6}, NewcomerTimeOutOfRange),
        ({"newcomer_hours": -1}, NewcomerTimeOutOfRange),
    ],
)
async def test_what_makes_no_sense_is_told_and_changes_nothing(
    world: ServerWorld, changes: dict[str, object], kind: type[RequestError]
) -> None:
    with pytest.raises(kind):
        await world.services.administration.change_settings(STAFF, SERVER, **changes)
    assert (await world.services.servers.of(SERVER)).settings == ServerSettings()
    assert not await log(world)


async def test_a_checkpoint_that_was_taken_away_does_not_hold_up_other_changes(world: ServerWorld) -> None:
    administration = world.services.administration
    await administration.change_settings(STAFF, SERVER, checkpoints=(VIVID, PASTEL), default_checkpoint=VIVID)
    left = tuple(checkpoint for checkpoint in world.settings.checkpoints if checkpoint.name != VIVID)
    world.settings = world.settings.model_copy(update={"checkpoints": left})
    await administration.change_settings(STAFF, SERVER, language="ja")


async def test_settings_of_another_easel_stay_and_what_cannot_be_read_is_the_usual(world: ServerWorld) -> None:
    await world.services.administration.change_settings(STAFF, SERVER, language="ja", channels=(7,))
    sql = "UPDATE server_settings SET settings = json_set(settings, '$.art', 5, '$.channels', 'all')"
    await write(world.connection, sql)
    assert await find_server_settings(world.connection, SERVER) == ServerSettings(language="ja")
    world.restart()
    await world.services.administration.change_settings(STAFF, SERVER, language="en")
    (row,) = await fetch(world.connection, "SELECT settings ->> '$.art' AS art FROM server_settings")
    assert row["art"] == 5


# --- limits ---------------------------------------------------------------------------------------------------------


async def test_limits_are_set_one_by_one_and_taken_away(world: ServerWorld) -> None:
    administration = world.services.administration
    of = (STAFF, SERVER, LimitHolder.ROLE)
    named = {"holder_id": PAINTER, "name": "Painters"}
    await administration.set_limits(*of, {LimitName.MAX_STEPS: 20, LimitName.WEIGHT: 2}, **named)  # type: ignore[arg-type]
    await administration.set_limits(*of, {LimitName.MAX_STEPS: 30}, **named)  # type: ignore[arg-type]
    (held,) = (await world.services.servers.of(SERVER)).limits
    assert (held.name, held.values) == ("Painters", LimitValues(max_steps=30, weight=2))
    both = {LimitName.MAX_STEPS: None, LimitName.WEIGHT: None}
    await administration.set_limits(*of, both, **named)  # type: ignore[arg-type]
    assert (await world.services.servers.of(SERVER)).limits == ()
    assert [changes for _, _, changes in told(await log(world))] == [
        {"max_steps": (None, 20), "weight": (None, 2.0)},
        {"max_steps": (20, 30)},
        {"max_steps": (30, None), "weight": (2.0, None)},
    ]
    assert {entry.target for entry in await log(world)} == {f"role Painters {PAINTER}"}


async def test_the_role_that_everybody_has_is_everybody(world: ServerWorld) -> None:
    administration = world.services.administration
    await administration.set_limits(STAFF, SERVER, LimitHolder.ROLE, STEPS, holder_id=SERVER, name="@everyone")
    (held,) = (await world.services.servers.of(SERVER)).limits
    assert (held.holder, held.holder_id, held.name) == (LimitHolder.EVERYBODY, 0, "")


async def test_limits_of_people_are_found_under_their_names(world: ServerWorld) -> None:
    administration = world.services.administration
    for person in (OTHER, PERSON):
        await administration.set_limits(STAFF, SERVER, LimitHolder.PERSON, STEPS, holder_id=person)
    page = await administration.limits_of_people(STAFF, SERVER, limit=5)
    assert [held.holder_id for held in page] == [PERSON, OTHER]
    assert [entry.person_id for entry in await log(world, person_id=PERSON)] == [PERSON]


@pytest.mark.parametrize(
    ("holder", "values", "kind"),
    [
        (LimitHolder.EVERYBODY, {LimitName.MAX_STEPS: 0}, LimitOutOfRange),
        (LimitHolder.EVERYBODY, {LimitName.PICTURES_PER_DAY: -1}, LimitOutOfRange),
        (LimitHolder.EVERYBODY, {LimitName.MAX_STEPS: 2.5}, LimitOutOfRange),
        (LimitHolder.EVERYBODY, {LimitName.MAX_MEGAPIXELS: float("nan")}, LimitOutOfRange),
        (LimitHolder.EVERYBODY, {LimitName.MAX_LORAS: 6}, LimitAboveCeiling),
        (LimitHolder.ROLE, {LimitName.WEIGHT: 5}, LimitAboveCeiling),
        (LimitHolder.PERSON, {LimitName.COOLDOWN_SECONDS: 5}, LimitAboveCeiling),
        (LimitHolder.SERVER, {LimitName.PICTURES_PER_DAY: 1001}, LimitAboveCeiling),
        (LimitHolder.SERVER, {LimitName.MAX_STEPS: 20}, LimitNotForServer),
    ],
)
async def test_a_limit_that_cannot_be_is_told(
    world: ServerWorld, holder: LimitHolder, values: dict[LimitName, float], kind: type[RequestError]
) -> None:
    world.operator_limits(cooldown_seconds=10, server_pictures_per_day=1000)
    with pytest.raises(kind):
        await world.services.administration.set_limits(STAFF, SERVER, holder, values, holder_id=5)
    assert (await world.services.servers.of(SERVER)).limits == () and not await log(world)


async def test_a_whole_servers_day(world: ServerWorld) -> None:
    day = {LimitName.PICTURES_PER_DAY: 50.0}
    await world.services.administration.set_limits(STAFF, SERVER, LimitHolder.SERVER, day)
    (quota,) = (await world.services.checks.limits_of(acting())).quotas
    assert (quota.limit, quota.source.holder) == (50, LimitHolder.SERVER)


def test_every_limit_has_a_range() -> None:
    assert all(lowest < highest for lowest, highest in map(range_of, LimitName))


# --- blocks ---------------------------------------------------------------------------------------------------------


async def test_a_block_is_replaced_and_lifted_with_what_it_was(world: ServerWorld) -> None:
    administration, end = world.services.administration, now_ms() + 86_400_000
    await administration.block_person(STAFF, SERVER, PERSON, reason=" spam \n again ", ends_at=end)
    await administration.block_person(STAFF, SERVER, PERSON, reason="abuse")
    (block,) = await administration.blocks(STAFF, SERVER, BlockKind.PERSON, limit=5)
    assert (block.target_id, block.reason, block.ends_at, block.created_by) == (PERSON, "abuse", None, MANAGER)
    await administration.unblock(OPERATING, SERVER, BlockKind.PERSON, PERSON)
    with pytest.raises(NothingThere):
        await administration.unblock(STAFF, SERVER, BlockKind.PERSON, PERSON)
    first, second, third = told(await log(world, person_id=PERSON))
    assert first[2]["reason"] == (None, "spam again") and str(first[2]["end"][1]).endswith("UTC")
    assert second[2]["reason"] == ("spam again", "abuse") and second[2]["end"][1] == "never"
    assert third == (OPERATOR, "unblock_person", {"reason": ("abuse", None), "end": ("never", None)})


@pytest.mark.parametrize(
    ("person", "reason", "end", "kind"),
    [
        (MANAGER, "x", None, CannotBeBlocked),
        (OPERATOR, "x", None, CannotBeBlocked),
        (PERSON, " \n", None, ReasonNeeded),
        (PERSON, "x" * 501, None, ReasonNeeded),
        (PERSON, "x", 1, EndInThePast),
    ],
)
async def test_a_block_that_cannot_be_is_told(
    world: ServerWorld, person: int, reason: str, end: int | None, kind: type[RequestError]
) -> None:
    with pytest.raises(kind):
        await world.services.administration.block_person(STAFF, SERVER, person, reason=reason, ends_at=end)
    assert not await log(world)


async def test_a_lora_is_blocked_by_its_entry(world: ServerWorld) -> None:
    lora = await add_lora(world.connection, "Komori")
    with pytest.raises(NothingThere):
        await world.services.administration.block_lora(STAFF, SERVER, lora.id + 1, reason="x")
    await world.services.administration.block_lora(STAFF, SERVER, lora.id, reason="x")
    assert set((await world.services.servers.of(SERVER)).lora_blocks) == {lora.id}
    ((entry),) = await log(world, action=AuditAction.BLOCK_LORA)
    assert entry.target == f"Komori #{lora.id}" and entry.person_id is None


# --- base models ----------------------------------------------------------------------------------------------------


def sha256_of(lora: Lora) -> str:
    sha256 = lora.versions[0].sha256
    assert sha256 is not None
    return sha256


async def test_staff_propose_and_an_operator_confirms(world: ServerWorld) -> None:
    administration, lora = world.services.administration, await add_lora(world.connection, "Komori")
    proposal = await administration.propose_base_model(STAFF, SERVER, sha256_of(lora), PONY, reason="its author said")
    with pytest.raises(ProposedAlready):
        await administration.propose_base_model(STAFF, SERVER, sha256_of(lora), PONY, reason="again")
    assert await administration.proposals(OPERATING, limit=5) == (proposal,)
    assert not world.declarations.told

    decided = await administration.decide_base_model(OPERATING, proposal.id, confirmed=True)
    assert (decided.state, decided.decided_by) == (ProposalState.CONFIRMED, OPERATOR)
    ((sha256, base, who, reason),) = world.declarations.told
    assert (sha256, base, reason) == (sha256_of(lora), str(PONY), "its author said")
    assert str(OPERATOR) in who and str(MANAGER) in who
    with pytest.raises(DecidedAlready):
        await administration.decide_base_model(OPERATING, proposal.id, confirmed=False)
    assert [action for _, action, _ in told(await log(world))] == ["propose_base_model", "confirm_base_model"]


async def test_what_was_rejected_may_be_proposed_again(world: ServerWorld) -> None:
    administration, lora = world.services.administration, await add_lora(world.connection, "Komori")
    proposal = await administration.propose_base_model(STAFF, SERVER, sha256_of(lora), PONY, reason="a guess")
    await administration.decide_base_model(OPERATING, proposal.id, confirmed=False)
    assert not world.declarations.told
    await administration.propose_base_model(STAFF, SERVER, sha256_of(lora), PONY, reason="its author said")
    with pytest.raises(NothingThere):
        await administration.propose_base_model(STAFF, SERVER, "f" * 64, PONY, reason="x")


async def test_a_declaration_that_cannot_be_written_leaves_the_proposal_open(world: ServerWorld) -> None:
    administration, lora = world.services.administration, await add_lora(world.connection, "Komori")
    proposal = await administration.propose_base_model(STAFF, SERVER, sha256_of(lora), PONY, reason="x")
    world.declarations.fails = True
    with pytest.raises(OSError, match="full"):
        await administration.decide_base_model(OPERATING, proposal.id, confirmed=True)
    assert await administration.proposals(OPERATING, limit=5) == (proposal,)


async def test_two_operators_decide_once(world: ServerWorld) -> None:
    administration, lora = world.services.administration, await add_lora(world.connection, "Komori")
    proposal = await administration.propose_base_model(STAFF, SERVER, sha256_of(lora), PONY, reason="x")
    ends = await asyncio.gather(
        *(administration.decide_base_model(OPERATING, proposal.id, confirmed=confirmed) for confirmed in (False, True)),
        return_exceptions=True,
    )
    (decided,) = [end for end in ends if not isinstance(end, DecidedAlready)]
    assert not isinstance(decided, BaseException)
    assert bool(world.declarations.told) == (decided.state is ProposalState.CONFIRMED)


# --- the log --------------------------------------------------------------------------------------------------------


async def test_staff_read_their_own_servers_log_alone(world: ServerWorld) -> None:
    administration = world.services.administration
    await administration.note(STAFF, SERVER, AuditAction.PAUSE_QUEUE, {"paused": (False, True)})
    page = await administration.audit(STAFF, SERVER, AuditFilter(), limit=5)
    assert [entry.action for entry in page.entries] == ["pause_queue"]
    assert (await administration.audit(STRANGER, ELSEWHERE, AuditFilter(), limit=5)).entries == ()


async def test_the_log_is_exported_whole_and_harmless(world: ServerWorld) -> None:
    administration = world.services.administration
    for number in range(3):
        reason = f'=HYPERLINK("x"), {number}\n荒らし'
        await administration.block_person(STAFF, SERVER, 2**62 + number, reason=reason)
    await add_lora(world.connection, "=cmd")
    await administration.block_lora(STAFF, SERVER, 1, reason="x")
    made = await administration.export_audit(STAFF, SERVER, AuditFilter(), ExportFormat.CSV, max_bytes=MEGABYTE)
    rows = list(csv.DictReader(io.StringIO(made.data.decode())))
    assert (len(rows), made.entries, made.complete) == (4, 4, True)
    assert rows[0]["target"].startswith("'=cmd") and rows[1]["person"] == str(2**62 + 2)
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())
    assert "荒らし" in json.loads(rows[1]["changes"])["reason"]["after"]

    made = await administration.export_audit(STAFF, SERVER, AuditFilter(), ExportFormat.JSON, max_bytes=MEGABYTE)
    entries = json.loads(made.data)
    assert [entry["action"] for entry in entries] == ["export_audit_log", "block_lora", *["block_person"] * 3]
    assert entries[2]["person"] == str(2**62 + 2) and entries[0]["who"] == str(MANAGER)


@pytest.mark.parametrize("kind", ExportFormat)
async def test_an_export_that_would_be_too_large_has_the_newest_entries(world: ServerWorld, kind: ExportFormat) -> None:
    administration = world.services.administration
    for number in range(30):
        await administration.note(STAFF, SERVER, AuditAction.CANCEL_JOB, {}, target=f"job {number}")
    made = await administration.export_audit(STAFF, SERVER, AuditFilter(), kind, max_bytes=1500)
    assert len(made.data) <= 1500 and 3 < made.entries < 30 and not made.complete
    assert b"job 29" in made.data and b"job 0" not in made.data
    if kind is ExportFormat.JSON:
        assert len(json.loads(made.data)) == made.entries


def test_differences_name_what_changed() -> None:
    assert differences({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4}) == {"b": (2, 3), "c": (None, 4)}
