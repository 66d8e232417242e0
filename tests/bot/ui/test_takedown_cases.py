"""A takedown from the notice to its end, and from wherever a crash or an outage interrupted it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from discord import ui
from PIL import Image

from benchmarks._varied_pictures import varied
from bot.background import DiscordRefuses, DiscordUnreachable
from bot.config import Settings
from bot.config.sections.privacy import PrivacySettings
from bot.database.clock import now_ms
from bot.database.database import Database, open_database
from bot.database.gallery.publications import NewPublication, begin_publication
from bot.database.jobs.deliveries import MARK_SENT, OPEN_DELIVERY
from bot.database.jobs.jobs import START_JOB, Job, create_job
from bot.database.pictures.inputs import note_given
from bot.database.pictures.pictures import PICTURES_OF_JOB, NewPicture
from bot.database.privacy.deletions import HIDE_JOB, UNDO_DELETION
from bot.database.privacy.takedown_cases import (
    ALL_CASES,
    COPIES_OF_CASE,
    DUE_MS,
    FIND_TAKEDOWN_CASE,
    KEPT_HASHES,
    UNFINISHED_CASES,
    CaseState,
    CopyKind,
    CopyState,
    FoundCopy,
    TakedownCase,
)
from bot.database.privacy.takedown_commands import close_case, confirm_case, open_case
from bot.database.privacy.takedown_notices import BY_OPERATORS, DUE_NOTICES, UNDELIVERED_NOTICES
from bot.database.servers.audit import AuditAction, AuditFilter, audit_page
from bot.errors.pictures import RemovedPicture
from bot.library.configuration import Configuration
from bot.pictures.input_gate import InputGate
from bot.pictures.inputs import Inputs
from bot.pictures.similarity.copies import find_copies
from bot.pictures.similarity.perceptual_hash import notice_hashes, picture_hash
from bot.pictures.similarity.removed_pictures import RemovedPictures
from bot.pictures.thumbnails import GALLERY, Thumbnails
from bot.privacy.file_removal import FileRemoval
from bot.ui.delivery.takedown_notices import TakedownNotices
from bot.ui.removals.pictures import Removals
from bot.ui.removals.takedown_cases import ALERTS_MS, TakedownCases
from bot.ui.views.servers.audit_words import entry_text
from tests.bot.database.conftest import finish, request_for
from tests.house import House

SHOWN, OTHER = 5, 11  # seeds of portraits: the one of the notice, and another
CHANNEL, SERVER, ELSEWHERE = 900000000000000002, 900000000000000001, 900000000000000009


def drawn(seed: int, size: int) -> Image.Image:
    """The picture of this seed, in this size."""
    picture = varied(seed, 300)
    return picture.resize((size, size * picture.height // picture.width))


class Killed(BaseException):
    """The program ends here."""


@dataclass
class Messages:
    """The part of a client that `Removals` uses. It ends the program before or after `kill_at` deleted messages."""

    there: set[int] = field(default_factory=set[int])
    reachable: bool = True
    mistaken: set[int] = field(default_factory=set[int])  # messages at which our own code fails
    kill_at: int | None = None

    def get_partial_messageable(self, _channel_id: int) -> Any:
        return self

    def get_partial_message(self, message_id: int) -> Any:
        return _Message(self, message_id)


class NoResults:
    """Implements `ResultMessages`; nobody deletes with an undo here."""

    async def hide(self, job: Job, until: int) -> bool:
        raise NotImplementedError

    async def show(self, job: Job) -> int | None:
        raise NotImplementedError


@dataclass
class _Message:
    messages: Messages
    id: int

    async def delete(self) -> None:
        await asyncio.sleep(0)
        if not self.messages.reachable:
            raise OSError("no network")
        if self.id in self.messages.mistaken:
            raise ValueError("nobody foresaw this")
        if self.messages.kill_at == 0:
            raise Killed
        if self.messages.kill_at is not None:
            self.messages.kill_at -= 1
        self.messages.there.discard(self.id)


@dataclass
class Letters:
    """Implements `DirectChannel`; it ends the program after the `kill_at`th message."""

    sent: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    closed: set[int] = field(default_factory=set[int])  # people who accept no direct messages
    reachable: bool = True
    kill_at: int | None = None

    async def send(self, person_id: int, view: ui.LayoutView, nonce: str) -> int:
        await asyncio.sleep(0)
        if not self.reachable:
            raise DiscordUnreachable("no network")
        if person_id in self.closed:
            raise DiscordRefuses("closed")
        texts = [item.content for item in view.walk_children() if isinstance(item, ui.TextDisplay)]
        self.sent.append((person_id, "".join(texts)))
        if self.kill_at is not None and len(self.sent) == self.kill_at:
            raise Killed
        return len(self.sent)

    async def find(self, person_id: int, ending: str, since: int) -> int | None:
        await asyncio.sleep(0)
        return next((1 for to, text in self.sent if to == person_id and text.endswith(ending)), None)


@dataclass
class Rig:
    settings: Settings
    db: Database
    messages: Messages
    letters: Letters = field(default_factory=Letters)
    alerts: list[int] = field(default_factory=list[int])

    @property
    def database(self) -> Path:
        return self.settings.storage.database

    @property
    def thumbnails(self) -> Thumbnails:
        return Thumbnails(self.settings.storage.thumbnails, self.settings.storage.pictures)

    def cases(self) -> TakedownCases:
        """As after a start of the program."""
        configuration = Configuration(self.settings, [])
        client: Any = self.messages
        files = FileRemoval(self.db, configuration, self.thumbnails)
        removals = Removals(client, self.db, configuration, files, NoResults())
        notices = TakedownNotices(self.db, configuration, self.letters)
        return TakedownCases(
            self.db,
            configuration,
            self.thumbnails,
            removals,
            notices.tell_all,
            lambda case: self.alerts.append(case.id),
        )

    async def paint(self, seed: int, message_id: int | None, *, size: int = 200, server_id: int | None = None) -> int:
        """A job whose picture was delivered as this message; None: not yet."""
        request = request_for()
        job = await create_job(self.db, request, person_id=1, channel_id=CHANNEL, server_id=server_id)
        await self.db.run(OPEN_DELIVERY, job=job.id, private=False, shows_prompt=False, ticket=None, now=now_ms())
        await self.db.one(START_JOB, now=now_ms(), id=job.id)
        path = self.settings.storage.pictures / f"{len(self.pictures()) + 1}.png"
        drawn(seed, size).save(path)
        await finish(self.db, job.id, 1, [NewPicture(path.name, size, size, 7)])
        assert await self.thumbnails.of(path, GALLERY)
        if message_id is not None:
            await self.db.run(MARK_SENT, message=message_id, job=job.id)
            self.messages.there.add(message_id)
        return job.id

    async def find(self, notice: bytes) -> list[FoundCopy]:
        return await find_copies(self.db, self.settings, notice, lambda done, total: None)

    async def open(self, **options: int) -> int:
        notice = notice_hashes(drawn(SHOWN, 400))
        received = options.get("received_at", now_ms())
        return open_case(self.database, notice, await self.find(notice), note="ticket 7", received_at=received)

    async def case(self, case_id: int) -> TakedownCase:
        case = await self.db.one(FIND_TAKEDOWN_CASE, case_id)
        assert case is not None
        return case

    async def states(self, case_id: int) -> list[CopyState]:
        return [copy.state for copy in await self.db.all(COPIES_OF_CASE, case_id)]

    def pictures(self) -> list[str]:
        return sorted(path.name for path in self.settings.storage.pictures.glob("*.png"))

    def thumbnail_count(self) -> int:
        return len(list(self.settings.storage.thumbnails.rglob("*.webp")))


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    settings = House(tmp_path / "house").settings
    for folder in (settings.storage.pictures, settings.storage.inputs):
        folder.mkdir(parents=True)
    async with open_database(settings.storage.database) as db:
        yield Rig(settings, db, Messages())


async def everywhere(rig: Rig) -> None:
    """The picture, twice delivered and once enlarged, given to start from, as a sample and as an author's preview."""
    for seed, message in ((SHOWN, 101), (OTHER, 102), (SHOWN, 103)):
        await rig.paint(seed, message, size=300 if message == 103 else 200)
    storage = rig.settings.storage
    for path in (
        storage.inputs / "of-somebody",
        storage.pictures / "samples" / "0" / "1-1.png",
        rig.settings.library.folder / "bat.preview.png",
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        drawn(SHOWN, 240).save(path, "PNG")


async def test_copies_are_found_in_every_place_and_nothing_is_removed_before_staff_confirm(rig: Rig) -> None:
    await everywhere(rig)
    case_id = await rig.open()
    copies = await rig.db.all(COPIES_OF_CASE, case_id)
    assert sorted((copy.kind, copy.path) for copy in copies) == [
        (CopyKind.INPUT, "of-somebody"),
        (CopyKind.PICTURE, "1.png"),
        (CopyKind.PICTURE, "3.png"),
        (CopyKind.PREVIEW, "bat.preview.png"),
        (CopyKind.SAMPLE, "samples/0/1-1.png"),
    ]
    await rig.cases().carry_out_all()
    assert rig.pictures() == ["1.png", "2.png", "3.png"] and rig.messages.there == {101, 102, 103}
    assert not await rig.db.all(KEPT_HASHES)


async def test_what_is_confirmed_goes_from_every_place_and_stays_away(rig: Rig) -> None:
    await everywhere(rig)
    case_id, thumbnails = await rig.open(), rig.thumbnail_count()
    assert confirm_case(rig.database, case_id, excepted=())
    await rig.cases().carry_out_all()
    assert rig.pictures() == ["2.png"] and rig.messages.there == {102}
    assert rig.thumbnail_count() == thumbnails - 2
    assert list(rig.settings.storage.inputs.iterdir()) == []
    assert not (rig.settings.library.folder / "bat.preview.png").exists()
    case = await rig.case(case_id)
    assert case.state is CaseState.COMPLETE and set(await rig.states(case_id)) == {CopyState.REMOVED}
    assert await rig.find(notice_hashes(drawn(SHOWN, 400))) == []
    removed = RemovedPictures(rig.db)
    with pytest.raises(RemovedPicture):
        await removed.check([picture_hash(drawn(OTHER, 99)), picture_hash(drawn(SHOWN, 99))])
    await removed.check([picture_hash(drawn(OTHER, 99)), b""])
    assert (await rig.case(case_id)).refused == 1


async def uploaded_and_painted(rig: Rig) -> int:
    """Person 1 generated a picture in a server, and published it in another; person 2 uploaded a copy. The case."""
    job_id = await rig.paint(SHOWN, 101, server_id=SERVER)
    await rig.paint(OTHER, 102, server_id=SERVER)
    begun = await begin_publication(rig.db, NewPublication(ELSEWHERE, job_id, 0, CHANNEL, True, None, None, []))
    assert begun is not None
    path = rig.settings.storage.inputs / "of-somebody"
    drawn(SHOWN, 240).save(path, "PNG")
    await note_given(rig.db, 2, path.name)
    return await rig.open()


async def test_authors_and_uploaders_learn_why_and_the_servers_logs_say_so(rig: Rig) -> None:
    rig.settings = rig.settings.model_copy(update={"privacy": PrivacySettings(contact="mail@example.org")})
    case_id = await uploaded_and_painted(rig)
    await rig.cases().carry_out_all()
    assert not rig.letters.sent, "nothing is confirmed"
    confirm_case(rig.database, case_id, excepted=())
    cases = rig.cases()
    await cases.carry_out_all()
    await cases.carry_out_all()
    assert [to for to, _ in rig.letters.sent] == [1, 2]
    for _, text in rig.letters.sent:
        assert "removed one of your pictures" in text and "A person shown in the picture asked for its removal" in text
        assert "If you think that this is a mistake, write to the operator: mail@example.org" in text
    for server_id in (SERVER, ELSEWHERE):
        (entry,) = (await audit_page(rig.db, server_id, AuditFilter(), limit=9)).entries
        assert (entry.action, entry.actor_id, entry.person_id) == (AuditAction.REMOVE_PICTURE, BY_OPERATORS, 1)
        assert "reason: — → request by a person shown in the picture" in entry_text(entry)
        assert "an operator of this bot" in entry_text(entry) and "<@0>" not in entry_text(entry)


async def test_whom_discord_lets_nobody_write_to_is_told_after_a_command(rig: Rig) -> None:
    case_id = await uploaded_and_painted(rig)
    rig.letters.closed.add(1)
    confirm_case(rig.database, case_id, excepted=())
    await rig.cases().carry_out_all()
    assert [to for to, _ in rig.letters.sent] == [2]
    assert [one.case_id for one in await rig.db.all(UNDELIVERED_NOTICES, 1)] == [case_id]
    assert await rig.db.all(UNDELIVERED_NOTICES, 2) == [] == await rig.db.all(DUE_NOTICES)


async def test_a_notice_waits_for_discord(rig: Rig) -> None:
    case_id = await uploaded_and_painted(rig)
    rig.letters.reachable = False
    confirm_case(rig.database, case_id, excepted=())
    await rig.cases().carry_out_all()
    rig.letters.reachable = True
    await rig.cases().carry_out_all()
    assert [to for to, _ in rig.letters.sent] == [1, 2]


async def test_a_notice_that_was_sent_before_a_kill_is_not_sent_again(rig: Rig) -> None:
    case_id = await uploaded_and_painted(rig)
    confirm_case(rig.database, case_id, excepted=())
    rig.letters.kill_at = 1
    with pytest.raises(Killed):
        await rig.cases().carry_out_all()
    rig.letters.kill_at = None
    await rig.cases().carry_out_all()
    assert [to for to, _ in rig.letters.sent] == [1, 2]
    assert await rig.db.all(DUE_NOTICES) == []


async def test_an_upload_that_was_removed_is_refused(rig: Rig) -> None:
    assert confirm_case(rig.database, await rig.open(), excepted=())
    inputs = Inputs(rig.settings.storage.inputs, InputGate(RemovedPictures(rig.db)))
    path = rig.settings.storage.folder / "upload.webp"
    drawn(SHOWN, 500).save(path, quality=50)
    with pytest.raises(RemovedPicture):
        await inputs.keep(path.read_bytes())
    assert list(rig.settings.storage.inputs.iterdir()) == []
    drawn(OTHER, 500).save(path, quality=50)
    assert inputs.has((await inputs.keep(path.read_bytes())).sha256)


async def test_what_staff_except_stays(rig: Rig) -> None:
    await everywhere(rig)
    case_id = await rig.open()
    by_path = {copy.path: copy.number for copy in await rig.db.all(COPIES_OF_CASE, case_id)}
    assert confirm_case(rig.database, case_id, excepted={by_path["3.png"]})
    assert not confirm_case(rig.database, case_id, excepted=()), "it was decided"
    await rig.cases().carry_out_all()
    assert rig.pictures() == ["2.png", "3.png"] and rig.messages.there == {102, 103}
    assert (await rig.case(case_id)).state is CaseState.COMPLETE


@pytest.mark.parametrize("kill_at", [0, 1])
async def test_after_a_kill_nothing_is_half_done(rig: Rig, kill_at: int) -> None:
    await everywhere(rig)
    case_id = await rig.open()
    confirm_case(rig.database, case_id, excepted=())
    rig.messages.kill_at = kill_at
    with pytest.raises(Killed):
        await rig.cases().carry_out_all()
    rows = await rig.db.fetch("SELECT path FROM picture ORDER BY path")
    assert {row["path"] for row in rows} <= set(rig.pictures()), "no row without its file"
    assert (await rig.case(case_id)).state is CaseState.CONFIRMED
    rig.messages.kill_at = None
    await rig.cases().carry_out_all()
    assert rig.pictures() == ["2.png"] and rig.messages.there == {102}
    assert (await rig.case(case_id)).state is CaseState.COMPLETE


async def test_it_is_not_complete_before_discord_was_reached(rig: Rig) -> None:
    await everywhere(rig)
    case_id = await rig.open()
    confirm_case(rig.database, case_id, excepted=())
    rig.messages.reachable = False
    await rig.cases().carry_out_all()
    assert rig.pictures() == ["2.png"], "files do not wait for Discord"
    assert (await rig.case(case_id)).state is CaseState.CONFIRMED
    rig.messages.reachable = True
    await rig.cases().carry_out_all()
    assert rig.messages.there == {102} and (await rig.case(case_id)).state is CaseState.COMPLETE


async def test_a_picture_that_is_being_delivered_goes_with_its_message(rig: Rig) -> None:
    job_id = await rig.paint(SHOWN, None)
    case_id = await rig.open()
    confirm_case(rig.database, case_id, excepted=())
    await rig.cases().carry_out_all()
    assert (await rig.case(case_id)).state is CaseState.CONFIRMED and await rig.db.all(PICTURES_OF_JOB, job_id)
    await rig.db.run(MARK_SENT, message=104, job=job_id)
    rig.messages.there.add(104)
    await rig.cases().carry_out_all()
    assert not rig.messages.there and (await rig.case(case_id)).state is CaseState.COMPLETE


async def test_what_its_owner_has_deleted_a_moment_ago_cannot_be_brought_back(rig: Rig) -> None:
    job_id = await rig.paint(SHOWN, 101)
    case_id = await rig.open()
    assert await rig.db.run(HIDE_JOB, delete_at=now_ms() + 60_000, id=job_id)
    confirm_case(rig.database, case_id, excepted=())
    await rig.cases().carry_out_all()
    assert await rig.db.one(UNDO_DELETION, id=job_id, now=now_ms()) is None
    assert not rig.messages.there and rig.pictures() == [] and (await rig.case(case_id)).state is CaseState.COMPLETE


async def test_a_file_that_cannot_be_removed_keeps_the_case_open(rig: Rig) -> None:
    """Such as an author's preview in a library that the bot may only read; here a folder is in the place of a file."""
    await everywhere(rig)
    case_id = await rig.open()
    confirm_case(rig.database, case_id, excepted=())
    path = rig.settings.storage.inputs / "of-somebody"
    path.unlink()
    path.mkdir()
    await rig.cases().carry_out_all()
    assert (await rig.case(case_id)).state is CaseState.CONFIRMED
    shutil.rmtree(path)
    await rig.cases().carry_out_all()
    assert (await rig.case(case_id)).state is CaseState.COMPLETE


async def test_one_that_fails_by_a_mistake_keeps_no_other(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    await everywhere(rig)
    first = await rig.open()
    other = notice_hashes(drawn(OTHER, 400))
    second = open_case(rig.database, other, await rig.find(other), note="", received_at=now_ms())
    for case_id in (first, second):
        assert confirm_case(rig.database, case_id, excepted=())
    rig.messages.mistaken = {101}
    assert not await rig.cases().carry_out_all()
    assert (await rig.case(second)).state is CaseState.COMPLETE and rig.messages.there == {101}
    assert sorted(await rig.states(first)) == [CopyState.CONFIRMED, *[CopyState.REMOVED] * 4]
    assert "nobody foresaw this" in caplog.text
    rig.messages.mistaken = set()
    assert await rig.cases().carry_out_all()
    assert (await rig.case(first)).state is CaseState.COMPLETE and rig.messages.there == set()


async def test_operators_are_told_once_for_each_hour_of_alert(rig: Rig) -> None:
    case_id = await rig.open()
    await rig.cases().carry_out_all()
    assert rig.alerts == [], "48 hours are left"
    for number, left in enumerate((*ALERTS_MS, -3_600_000), 1):
        await rig.db.write("UPDATE takedown_case SET received_at = ?", (now_ms() - DUE_MS + left - 1000,))
        await rig.cases().carry_out_all()
        await rig.cases().carry_out_all()
        assert rig.alerts == [case_id] * min(number, len(ALERTS_MS))


async def test_the_one_that_is_due_first_comes_first_and_a_closed_one_refuses_nothing(rig: Rig) -> None:
    late, early = await rig.open(), await rig.open(received_at=now_ms() - DUE_MS)
    assert [case.id for case in await rig.db.all(UNFINISHED_CASES)] == [early, late]
    confirm_case(rig.database, early, excepted=())
    assert not close_case(rig.database, early), "while it is carried out"
    await rig.cases().carry_out_all()
    assert [each.case_id for each in await rig.db.all(KEPT_HASHES)] == [early]
    assert close_case(rig.database, early) and close_case(rig.database, late) and not close_case(rig.database, late)
    assert not await rig.db.all(KEPT_HASHES) and not await rig.db.all(UNFINISHED_CASES)
    assert {case.state for case in await rig.db.all(ALL_CASES)} == {CaseState.CLOSED}
    await RemovedPictures(rig.db).check([picture_hash(drawn(SHOWN, 99))])


async def test_older_pictures_are_hashed_once(rig: Rig) -> None:
    await rig.paint(SHOWN, 101)
    await rig.paint(OTHER, 102)
    (rig.settings.storage.pictures / "2.png").write_bytes(b"damaged")
    removed = RemovedPictures(rig.db)
    await removed.hash_older(rig.settings.storage.pictures)
    rows = await rig.db.fetch("SELECT hash FROM picture_hash ORDER BY picture_id")
    assert [row["hash"] for row in rows] == [picture_hash(drawn(SHOWN, 200)), b""]
    assert [copy.path for copy in await rig.find(notice_hashes(drawn(SHOWN, 300)))] == ["1.png"]
