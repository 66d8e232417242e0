"""An erasure leaves nothing of a person, of others everything, and its receipt is right, wherever it is interrupted."""

from __future__ import annotations

import asyncio
import copy
import hashlib
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from bot.background import DiscordUnreachable
from bot.config import Settings
from bot.config.sections.moderation import ModerationSettings
from bot.config.sections.storage import BackupSettings, StorageSettings
from bot.database.additions.additions import (
    FIND_ADDITION,
    REQUESTERS_OF,
    AdditionState,
    begin_addition,
    finish_addition,
    recent_requests,
    withdraw_request,
)
from bot.database.clock import DAY_MS, now_ms
from bot.database.database import Database, open_database
from bot.database.jobs.jobs import CANCEL_JOB, FIND_JOB, AnyJob, create_job
from bot.database.jobs.orders import forget_old_days, person_facts
from bot.database.people.blocks import (
    FIND_BLOCK,
    LIFT_BLOCK,
    LIST_BLOCKS,
    BlockKind,
    save_block,
)
from bot.database.pictures.inputs import IS_INPUT_OF_JOB, note_taken
from bot.database.pictures.pictures import PATHS_OF_PERSON
from bot.database.privacy.erasure_leftovers import LeftMessage
from bot.database.privacy.erasures import NEWEST_ERASURE, Erasure, ErasureState, request_erasure
from bot.database.reports.appeals import MARK_ANSWER_TOLD, AppealState, answer_appeal, save_appeal
from bot.database.reports.decisions import (
    MARK_DECISION_TOLD,
    DecisionAction,
    NewDecision,
    save_decision,
)
from bot.database.reports.reports import (
    FIND_REPORT,
    NewReport,
    ReportReason,
    ReportState,
    Subject,
    save_report,
)
from bot.database.servers.audit import AuditFilter, audit_page
from bot.database.servers.limits import LimitValues
from bot.database.storage.backup import back_up
from bot.database.storage.pseudonyms import key_file
from bot.library.configuration import Configuration
from bot.pictures.thumbnails import Thumbnails
from bot.privacy.erasing import Erasures
from bot.privacy.export import stored_counts
from bot.privacy.file_removal import FileRemoval
from bot.privacy.stored_data import TABLES, Fate
from inference.messages.request import SourceImage
from tests.bot.database.conftest import request_for
from tests.bot.privacy.people import (
    ADA,
    BOTH_GAVE,
    CHANNEL,
    DIRECT,
    GRACE,
    MARGARET,
    SERVER,
    given,
    live,
    rows_of,
    traces,
)
from tests.stepped import Stepped

OUT_OF_REACH = LeftMessage(CHANNEL, ADA + 2)


@dataclass
class Jobs:
    """Implements `RunningJobs` where no worker runs."""

    db: Database

    async def cancel(self, job_id: int) -> AnyJob | None:
        return await self.db.one(CANCEL_JOB, now=now_ms(), id=job_id)

    async def until_gone(self, job_id: int) -> None:
        pass


@dataclass
class Requests:
    """Implements `RunningAdditions` where nothing is fetched. Of each file some has come if it `counts`."""

    db: Database
    counts: bool = False

    async def cancel(self, addition_id: int, person_id: int) -> object:
        return await withdraw_request(self.db, addition_id, person_id, counts=self.counts)


def messages_of(person: int) -> set[LeftMessage]:
    shown = {LeftMessage(CHANNEL, person + number) for number in (0, 2, 3, 20)}  # the last one published
    direct = {LeftMessage(DIRECT, person + number) for number in (10, 11, 20, 21)}  # 20 and 21 about reports
    about_phrases = {LeftMessage(CHANNEL, person + number) for number in (40, 41)}  # asked, and decided
    return shown | direct | about_phrases | {LeftMessage(CHANNEL, person + 30)}


@dataclass
class Discord:
    """Implements `DiscordSide`: messages that are there; of the `lost` ones the first answer does not arrive."""

    messages: set[LeftMessage] = field(default_factory=lambda: messages_of(ADA) | messages_of(GRACE))
    lost: set[LeftMessage] = field(default_factory=set[LeftMessage])
    asked: list[LeftMessage] = field(default_factory=list[LeftMessage])
    rewritten: list[int] = field(default_factory=list[int])
    closed_reports: set[int] = field(default_factory=set[int])  # whose messages to staff are out of reach
    reachable: bool = True

    async def until_answered(self, person_id: int) -> None:
        await asyncio.sleep(0)

    async def stop_delivering(self, person_id: int) -> None:
        await asyncio.sleep(0)

    async def direct_channel(self, person_id: int) -> int | None:
        await asyncio.sleep(0)
        return DIRECT

    async def own_messages(self, channel_id: int) -> list[LeftMessage]:
        await asyncio.sleep(0)
        mine = {LeftMessage(DIRECT, ADA + 10), LeftMessage(DIRECT, ADA + 11)}
        return sorted((one for one in self.messages & mine if one.channel_id == channel_id), key=repr)

    async def write_report(self, report_id: int) -> bool:
        await asyncio.sleep(0)
        if not self.reachable:
            raise DiscordUnreachable
        self.rewritten.append(report_id)
        await asyncio.sleep(0)
        return report_id not in self.closed_reports

    async def delete_message(self, message: LeftMessage) -> bool:
        await asyncio.sleep(0)
        if not self.reachable:
            raise DiscordUnreachable
        self.asked.append(message)
        if message == OUT_OF_REACH:
            return False
        self.messages.discard(message)
        await asyncio.sleep(0)
        if message in self.lost:
            self.lost.discard(message)
            raise DiscordUnreachable
        return True


def erasures(db: Database, settings: Settings, discord: Discord, *, counts: bool = False) -> Erasures:
    thumbnails = Thumbnails(settings.storage.thumbnails, settings.storage.pictures)
    configuration = Configuration(settings, [])
    files = FileRemoval(db, configuration, thumbnails)
    jobs, additions = Jobs(db), Requests(db, counts)
    return Erasures(db, configuration, jobs, additions, files, discord, pause=0, at_once=3)


async def erased(db: Database, settings: Settings, discord: Discord | None = None) -> Erasure:
    service = erasures(db, settings, discord or Discord())
    ended = await service.request(ADA)
    await service.carry_out_all()
    return ended.result()


def check_receipt(receipt: Erasure | None) -> None:
    assert receipt is not None and receipt.state is ErasureState.COMPLETE and receipt.person_id is None
    counted = (receipt.jobs, receipt.pictures, receipt.messages, receipt.unreachable, receipt.private_answers)
    assert counted == (4, 3, 10, 1, 1)


# --- what is left ---------------------------------------------------------------------------------------------------


async def test_no_byte_is_left_of_the_person(filled: Database, settings: Settings) -> None:
    folder = settings.storage.folder
    before = {name.partition("/")[0] for name, _ in traces(folder, ADA)}
    assert before >= {"pictures", "spool", "inputs", "easel.sqlite3-wal"}, "else the search finds nothing that is there"
    check_receipt(await erased(filled, settings))
    assert list(traces(folder, ADA)) == []
    assert await stored_counts(filled, ADA) == {"erasure": 1}


async def test_encoded_prompts_go_all_for_nobody_can_tell_whose_they_are(filled: Database, settings: Settings) -> None:
    folder = settings.storage.embeddings
    folder.mkdir()
    for name in ("one.safetensors", "another.safetensors"):
        (folder / name).write_bytes(b"numbers")
    await erased(filled, settings)
    assert list(folder.iterdir()) == []


async def test_what_was_written_to_the_file_long_ago_goes_too(filled: Database, settings: Settings) -> None:
    """The words of deleted rows also leave pages that were written to the database's file long before."""
    await filled.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert {name for name, _ in traces(settings.storage.folder, ADA)} >= {"easel.sqlite3"}
    await erased(filled, settings)
    assert list(traces(settings.storage.folder, ADA)) == []
    assert settings.storage.database.with_name("easel.sqlite3-wal").stat().st_size < 100_000


async def test_of_others_everything_stays(filled: Database, settings: Settings) -> None:
    folder, discord = settings.storage.folder, Discord()
    before, there = await stored_counts(filled, GRACE), sorted(set(traces(folder, GRACE)))
    await erased(filled, settings, discord)
    assert await stored_counts(filled, GRACE) == before
    now = {name for name, _ in traces(folder, GRACE)} | {"easel.sqlite3-wal", "easel.sqlite3"}
    assert {name for name, _ in there} <= now
    assert discord.messages == messages_of(GRACE) | {OUT_OF_REACH}
    assert (settings.storage.inputs / hashlib.sha256(BOTH_GAVE).hexdigest()).exists(), "it is Grace's too"
    for table in ("job_text", "bookmark_text", "publication_text"):
        await filled.write(f"INSERT INTO {table} ({table}) VALUES ('integrity-check')")


async def test_the_table_says_what_becomes_of_each_row(filled: Database, settings: Settings) -> None:
    before, counts = await rows_of(filled), await stored_counts(filled, ADA)
    empty = {"erased_addition_request", "erasure", "erasure_file", "erasure_message", "erasure_report"}
    assert {table.name for table in TABLES if not table.derived} - empty == counts.keys(), "something of each is there"
    await erased(filled, settings)
    after = await rows_of(filled)
    for table in TABLES:
        if table.derived or table.name in empty:
            continue
        went = len(before[table.name]) - len(after[table.name])
        assert went == (counts[table.name] if table.fate is Fate.DELETED else 0), table.name


async def test_start_pictures_that_others_made_from_the_persons_pictures_go(
    filled: Database, settings: Settings
) -> None:
    """Even if somebody uses them; not what somebody else gave, or made from another user's picture."""
    inputs = settings.storage.inputs
    taken, of_grace = given(inputs, b"taken from Ada"), given(inputs, b"taken from Grace")
    await note_taken(filled, GRACE, taken, ADA)
    await note_taken(filled, MARGARET, of_grace, GRACE)
    image = SourceImage(sha256=taken, strength=0.5)
    request = request_for().model_copy(update={"image": image})
    waiting = await create_job(filled, request, person_id=GRACE, channel_id=1)
    assert await filled.get(IS_INPUT_OF_JOB, taken)
    receipt = await erased(filled, settings)
    assert receipt.start_pictures == 2, "and what Margaret had taken up"
    assert not (inputs / taken).exists() and (inputs / of_grace).exists()
    assert (await filled.one(FIND_JOB, waiting.id)) is not None, "the request itself is Grace's"
    assert await filled.fetch("SELECT 1 FROM given_input WHERE sha256 = ?", (taken,)) == []


async def test_blocks_limits_and_quotas_stay(filled: Database, settings: Settings) -> None:
    day = now_ms()
    before = await person_facts(filled, ADA, SERVER, day)
    assert before.here.pictures == 5
    await erased(filled, settings)
    after = await person_facts(filled, ADA, SERVER, day)
    assert after.block_here is not None and str(ADA) not in after.block_here.reason
    assert after.own_limits == LimitValues(pictures_per_day=2)
    assert after.here.pictures == 4, "the one that waited was cancelled, and does not count"
    await create_job(filled, request_for(), person_id=ADA, channel_id=1, server_id=SERVER)
    again = await erased(filled, settings)
    assert again.jobs == 1
    assert (await person_facts(filled, ADA, SERVER, day)).here.pictures == 4
    block = await filled.one(FIND_BLOCK, server=SERVER, kind=BlockKind.PERSON, id=ADA)
    assert block is not None and block.target_id < 0
    renewed = await save_block(filled, SERVER, BlockKind.PERSON, ADA, reason="again", ends_at=None, created_by=1)
    blocked = await filled.all(LIST_BLOCKS, server=SERVER, kind=BlockKind.PERSON, limit=9, offset=0)
    assert [each.target_id for each in blocked] == [ADA, GRACE] and renewed.reason == "again"
    ada = {"server": SERVER, "kind": BlockKind.PERSON, "id": ADA}
    assert await filled.one(LIFT_BLOCK, **ada) and not await filled.one(FIND_BLOCK, **ada)


async def test_the_quotas_of_additions_stay(filled: Database, settings: Settings) -> None:
    begin = partial(begin_addition, filled, source="{}", path="x.safetensors", server_id=SERVER)
    added = await begin(key="added", person_id=ADA)
    await finish_addition(filled, added.id, "c" * 64)
    alone, both = await begin(key="alone", person_id=ADA), await begin(key="both", person_id=ADA)
    await begin(key="both", person_id=GRACE)
    service = erasures(filled, settings, Discord(), counts=True)
    ended = await service.request(ADA)
    await service.carry_out_all()
    assert ended.result().state is ErasureState.COMPLETE
    recent = await recent_requests(filled, ADA, SERVER, now_ms())
    assert (len(recent.here), len(recent.everywhere), len(recent.of_server)) == (2, 2, 3)
    assert len((await recent_requests(filled, ADA, None, now_ms())).everywhere) == 2
    others = await recent_requests(filled, GRACE, SERVER, now_ms())
    assert (len(others.here), len(others.of_server)) == (1, 3)
    states = [each and each.state for each in [await filled.one(FIND_ADDITION, one.id) for one in (alone, both)]]
    assert states == [AdditionState.CANCELLED, AdditionState.WAITING]
    assert await filled.all(REQUESTERS_OF, both.id) == [GRACE]
    await forget_old_days(filled, now_ms() + 3 * DAY_MS)
    assert await filled.fetch("SELECT 1 FROM erased_addition_request") == []


async def test_the_log_names_nobody_and_is_not_changed_otherwise(filled: Database, settings: Settings) -> None:
    wanted = AuditFilter()
    before = await audit_page(filled, SERVER, wanted, limit=50)
    await erased(filled, settings)
    after = await audit_page(filled, SERVER, wanted, limit=50)
    assert [(e.id, e.action, e.created_at) for e in after.entries] == [
        (e.id, e.action, e.created_at) for e in before.entries
    ]
    (pseudonym,) = {e.actor_id for e in after.entries if e.actor_id < 0}
    assert f"person {pseudonym}" in {e.target for e in after.entries if e.person_id == pseudonym}
    for change in ("target = 'x'", "actor_id = 5", "person_id = NULL", "changes = '{}'", "created_at = 0"):
        with pytest.raises(Exception, match="not changed"):
            await filled.write(f"UPDATE audit SET {change} WHERE id = 2")


async def test_without_the_key_nobody_knows_the_hash(filled: Database, settings: Settings) -> None:
    await erased(filled, settings)
    database = settings.storage.database
    assert key_file(database).stat().st_mode & 0o077 == 0 and len(key_file(database).read_bytes()) == 32
    copied = back_up(database, settings.backup_folder, keep=1)
    assert key_file(database).read_bytes() not in copied.read_bytes()
    (row,) = await filled.fetch("SELECT pseudonym(?) AS hash", (ADA,))
    (other,) = await filled.fetch("SELECT pseudonym(?) AS hash", (GRACE,))
    known = row
    assert row["hash"] < 0 and other["hash"] < 0 and row["hash"] != other["hash"]
    key_file(database).unlink()
    async with open_database(database) as again:
        (row,) = await again.fetch("SELECT pseudonym(?) AS hash", (ADA,))
        assert row["hash"] not in {known["hash"], other["hash"]}, "a new key knows nobody"


async def test_copies_of_the_database_are_counted(filled: Database, settings: Settings) -> None:
    back_up(settings.storage.database, settings.backup_folder, keep=7)
    before = now_ms()
    receipt = await erased(filled, settings)
    week = 7 * 86_400_000
    assert receipt.copies == 1 and receipt.copies_until is not None
    assert before + week <= receipt.copies_until <= now_ms() + week
    lasting = settings.storage.database.with_name("easel.schema-3.sqlite3")
    lasting.write_bytes(b"")
    await create_job(filled, request_for(), person_id=ADA, channel_id=1)
    assert (await erased(filled, settings)).copies_until is None, "nobody can tell when the operator deletes it"


async def test_without_copies_there_is_nothing_to_wait_for(filled: Database, settings: Settings) -> None:
    never = settings.model_copy(update={"backup": BackupSettings(every_hours=0)})
    receipt = await erased(filled, never)
    assert (receipt.copies, receipt.copies_until) == (0, None)


async def test_what_discord_does_not_take_goes_later(filled: Database, settings: Settings) -> None:
    discord = Discord(reachable=False)
    service = erasures(filled, settings, discord)
    await service.request(ADA)
    await service.carry_out_all()
    waiting = await filled.one(NEWEST_ERASURE, ADA)
    assert waiting is not None and waiting.state is ErasureState.CLEARING, "the rows are gone all the same"
    discord.reachable = True
    await service.carry_out_all()
    check_receipt(await filled.one(NEWEST_ERASURE, ADA))


async def test_a_reported_picture_is_held_until_it_is_decided(filled: Database, settings: Settings) -> None:
    discord, first = Discord(), (await filled.all(PATHS_OF_PERSON, ADA))[0].path
    (row,) = await filled.fetch("SELECT job_id FROM picture WHERE path = ?", (first,))
    report = await save_report(
        filled,
        NewReport(
            Subject.PICTURES,
            row["job_id"],
            server_id=SERVER,
            owner_id=ADA,
            shared=False,
            person_id=GRACE,
            reason=ReportReason.OTHER,
            note="",
        ),
    )
    service = erasures(filled, settings, discord)
    await service.request(ADA)
    await service.carry_out_all()
    erasure = await filled.one(NEWEST_ERASURE, ADA)
    assert erasure is not None and erasure.state is ErasureState.CLEARING
    held = await service.held(erasure)
    assert held is not None and (held.number, held.reported_at) == (1, report.created_at)
    left = {name for name, _trace in traces(settings.storage.folder, ADA)}
    assert left == {f"pictures/{first}"}, "all the rest is gone, rows and messages too"
    changed = await filled.one(FIND_REPORT, report.id)
    assert changed is not None and changed.owner_id is not None and changed.owner_id < 0
    await save_decision(filled, report.id, NewDecision(DecisionAction.DISMISS, decided_by=1), [])
    await service.carry_out_all()
    check_receipt(await filled.one(NEWEST_ERASURE, ADA))
    assert list(traces(settings.storage.folder, ADA)) == []


async def test_a_report_that_nobody_decides_holds_for_some_days(filled: Database, settings: Settings) -> None:
    first = (await filled.all(PATHS_OF_PERSON, ADA))[0].path
    (row,) = await filled.fetch("SELECT job_id FROM picture WHERE path = ?", (first,))
    await save_report(
        filled,
        NewReport(
            Subject.PICTURES,
            row["job_id"],
            server_id=SERVER,
            owner_id=ADA,
            shared=False,
            person_id=GRACE,
            reason=ReportReason.OTHER,
            note="",
        ),
    )
    long_ago = now_ms() - 8 * 86_400_000
    await filled.write("UPDATE report SET created_at = ?", (long_ago,))
    for days, state in ((9, ErasureState.CLEARING), (7, ErasureState.COMPLETE)):
        held = settings.model_copy(update={"moderation": ModerationSettings(held_days=days)})
        service = erasures(filled, held, Discord())
        await service.request(ADA) if days == 9 else None
        await service.carry_out_all()
        erasure = await filled.one(NEWEST_ERASURE, ADA)
        assert erasure is not None and erasure.state is state


async def test_a_report_waits_for_no_appeal_that_is_gone(filled: Database, settings: Settings) -> None:
    report = await save_report(
        filled,
        NewReport(
            Subject.PICTURES,
            99,
            server_id=SERVER,
            owner_id=ADA,
            shared=False,
            person_id=GRACE,
            reason=ReportReason.OTHER,
            note="",
        ),
    )
    decision = await save_decision(filled, report.id, NewDecision(DecisionAction.HIDE, decided_by=1), [])
    assert decision is not None and await save_appeal(filled, decision, ADA, "It is ketchup.") is not None
    check_receipt(await erased(filled, settings))
    after = await filled.one(FIND_REPORT, report.id)
    assert after is not None and after.state is ReportState.DECIDED


async def test_every_notice_about_a_decision_goes(filled: Database, settings: Settings) -> None:
    new = NewReport(
        Subject.PICTURES, 99, SERVER, ADA, shared=False, person_id=GRACE, reason=ReportReason.OTHER, note=""
    )
    report = await save_report(filled, new)
    decision = await save_decision(filled, report.id, NewDecision(DecisionAction.HIDE, decided_by=1), [])
    assert decision is not None and await save_appeal(filled, decision, ADA, "It is ketchup.") is not None
    await filled.run(MARK_DECISION_TOLD, now=now_ms(), notice=701, decision=decision.id)
    await answer_appeal(filled, decision, AppealState.REVERSED, [], answered_by=1)
    await filled.run(MARK_ANSWER_TOLD, now=now_ms(), notice=702, decision=decision.id)
    discord = Discord()
    await erased(filled, settings, discord)
    assert {LeftMessage(DIRECT, number) for number in (701, 702)} <= {*discord.asked}


async def test_messages_to_staff_that_name_the_person_are_written_anew_and_counted_when_out_of_reach(
    filled: Database, settings: Settings
) -> None:
    """Of who painted, reported, appealed or decided; one of them, whose channel is closed, is counted once."""
    named = [row["id"] for row in await filled.fetch("SELECT id FROM report ORDER BY id")][:2]  # the others: Grace's
    discord = Discord(closed_reports={named[0]})
    receipt = await erased(filled, settings, discord)
    assert discord.rewritten == named and (receipt.messages, receipt.unreachable) == (10, 2)
    assert await filled.fetch("SELECT 1 FROM erasure_report") == []


async def test_an_order_that_comes_twice_is_one(filled: Database, settings: Settings) -> None:
    service = erasures(filled, settings, Discord())
    first, second = await service.request(ADA), await service.request(ADA)
    assert first is second
    request_erasure(settings.storage.database, ADA, by_operator=True)
    await service.carry_out_all()
    assert len(await filled.fetch("SELECT id FROM erasure")) == 1


async def test_a_second_order_keeps_the_receipt(filled: Database, settings: Settings) -> None:
    """Both while messages are still being deleted, and after the end."""
    discord = Discord(reachable=False)
    service = erasures(filled, settings, discord)
    first = await service.request(ADA)
    await service.carry_out_all()
    assert await service.request(ADA) is first
    discord.reachable = True
    await service.carry_out_all()
    check_receipt(first.result())
    again = await service.request(ADA)
    check_receipt(await again)
    await service.carry_out_all()
    check_receipt(await filled.one(NEWEST_ERASURE, ADA))
    assert len(await filled.fetch("SELECT id FROM erasure")) == 1


async def test_an_order_after_new_data_is_a_new_one(filled: Database, settings: Settings) -> None:
    check_receipt(await erased(filled, settings))
    await create_job(filled, request_for(), person_id=ADA, channel_id=1, server_id=SERVER)
    assert (await erased(filled, settings)).jobs == 1


# --- interruptions --------------------------------------------------------------------------------------------------


@dataclass
class World:
    """What survives a kill: the folder, and Discord."""

    folder: Path
    discord: Discord

    @property
    def settings(self) -> Settings:
        return Settings(storage=StorageSettings(folder=self.folder))

    def copy(self, to: Path) -> World:
        shutil.copytree(self.folder, to)
        return World(to, copy.deepcopy(self.discord))

    def key(self) -> str:
        """Worlds with the same key have the same future."""
        held = hashlib.sha256(
            repr((sorted(map(str, self.discord.messages)), sorted(map(str, self.discord.lost)))).encode()
        )
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and not path.name.endswith("-shm"):
                held.update(path.relative_to(self.folder).as_posix().encode() + path.read_bytes())
        return held.hexdigest()


@asynccontextmanager
async def service_of(world: World) -> AsyncIterator[tuple[Erasures, Database]]:
    async with open_database(world.settings.storage.database) as db:
        await db.connection.execute("PRAGMA synchronous = OFF")
        yield erasures(db, world.settings, world.discord), db


async def test_it_ends_once_wherever_it_is_killed(tmp_path: Path) -> None:
    world = World(tmp_path / "world", Discord(lost={LeftMessage(CHANNEL, ADA)}))
    async with open_database(world.settings.storage.database) as db:
        for person in (ADA, GRACE):
            await live(db, world.settings, person)
    killed: dict[str, World] = {}

    def look() -> None:
        if (key := world.key()) not in killed:
            killed[key] = world.copy(tmp_path / str(len(killed)))

    async def first_run(service: Erasures) -> None:
        await service.request(ADA)
        await service.carry_out_all()
        await service.carry_out_all()

    async with service_of(world) as (service, _):
        await Stepped(first_run(service), look)
    assert len(killed) > 15, "else there is nothing to interrupt"
    for left in (world, *killed.values()):
        async with service_of(left) as (service, db):
            ordered = await db.one(NEWEST_ERASURE, ADA)
            for _ in range(2):  # the answer about one message does not arrive at first
                await service.carry_out_all()
            if ordered is None:
                continue  # it was killed before anything was ordered
            check_receipt(await db.one(NEWEST_ERASURE, ADA))
            assert len(await db.fetch("SELECT id FROM erasure")) == 1
            await service.carry_out_all()
            check_receipt(await db.one(NEWEST_ERASURE, ADA))
            assert list(traces(left.folder, ADA)) == []
            assert left.discord.messages == messages_of(GRACE) | {OUT_OF_REACH}
