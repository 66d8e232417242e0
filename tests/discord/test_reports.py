"""Reports, from the message's menu to the answer to an appeal; in a staff's channel, in /server, after a restart."""

from __future__ import annotations

import asyncio
import re
import time

import pytest

from bot.database.reports.reminders import Reminder
from bot.servers.context import ActionContext
from bot.ui.delivery.report_messages import ReportMessages
from playground import default_world, permissions
from playground.control import Person, SentInteraction
from playground.visible_message import VisibleMessage
from tests.discord.conftest import PATIENCE, PROMPT, Scene, asked, confirmed, told
from tests.discord.test_content_ratings import rate
from tests.discord.test_removals import files_of, hidden, rows
from tests.discord.test_server import chosen, pressed

CRUEL, SEXUAL = "violent_or_cruel", "sexual_content_in_the_wrong_place"
MINOR = "sexual_and_looks_like_a_minor"


async def report_form(person: Person, picture: VisibleMessage) -> SentInteraction:
    """Open the form by the message's menu."""
    opener = await person.message_command("Report", picture)
    await opener.modal(PATIENCE)
    return opener


async def send(person: Person, form: SentInteraction, reason: str = CRUEL, note: str = "") -> VisibleMessage:
    """Send the form; the answer."""
    return await (await person.submit(form, {"reason": [reason], "note": note})).reply(PATIENCE)


async def report(person: Person, picture: VisibleMessage) -> VisibleMessage:
    """Report a picture by the message's menu; the answer."""
    return await send(person, await report_form(person, picture))


async def decide(person: Person, case: VisibleMessage, button: str, **values: object) -> VisibleMessage:
    """Decide by a form; the case afterwards."""
    opener = await person.press(case, button)
    await opener.modal(PATIENCE)
    return await (await person.submit(opener, dict(values))).reply(PATIENCE)


async def letter(scene: Scene, name: str, text: str) -> VisibleMessage:
    """Wait for a direct message with this text."""

    async def ask(since: int | None) -> dict[str, object]:
        return await scene.control.get("messages", channel="dm", as_=name, since=since, timeout=PATIENCE)

    def found(answer: dict[str, object]) -> VisibleMessage | None:
        seen = [VisibleMessage(each) for each in answer["messages"]]  # type: ignore[attr-defined]
        return next((one for one in seen if text in one.text), None)

    return await scene.control.wait(ask, found, PATIENCE)


async def choose_channel(scene: Scene, staff: Person) -> None:
    """Choose the staff's room, in which the bot may not write yet, and let it."""
    panel = await chosen(staff, await told(staff, "server"), "svsection", "reports")
    refused = await chosen(staff, panel, "svrpchannel", "general")
    assert refused.ephemeral and "Choose a channel that only staff can read" in refused.text
    panel = await chosen(staff, await told(staff, "server"), "svsection", "reports")
    assert "reports appear only in this panel" in panel.text, "it was not saved"
    panel = await chosen(staff, panel, "svrpchannel", "staff-room")
    assert "Easel cannot post in that channel" in panel.text
    allowed = permissions.VIEW_CHANNEL | permissions.SEND_MESSAGES
    await scene.control.set_channel("staff-room", overwrite=default_world.APPLICATION_ID, allow=allowed)


async def test_a_reported_picture_is_gone_and_its_owner_appeals_and_is_answered(empty: Scene) -> None:
    scene, control = empty, empty.control
    grace, linus = scene.grace, control.person("Linus")
    async with scene.bot():
        await choose_channel(scene, grace)
        mary = await control.new_person("Mary")
        picture = await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT, seed=901))
        copy = await pressed(scene.ada, await told(scene.ada, "history"), "Open")
        own = await (await scene.ada.message_command("Report", picture)).reply(PATIENCE)
        assert "your own" in own.text
        opened = [await report_form(person, picture) for person in (linus, linus, mary)]
        thanks = await send(linus, opened[0], note="blood")
        hidden = await control.wait_message(picture.id, lambda seen: "was reported" in seen.text, PATIENCE)
        assert not hidden.attachments and not hidden.buttons and PROMPT not in hidden.text
        late = await (await mary.message_command("Report", hidden)).reply(PATIENCE)
        assert "no picture that you could report" in late.text, "it is a message of Easel's all the same"
        for button in ("Again", "Vary", "Edit", "Details"):
            assert "reported this picture" in (await pressed(scene.ada, copy, button)).text, button
        listed = await told(scene.ada, "history")
        assert "reported this picture" in listed.text and not listed.attachments and "Delete" in listed.buttons
        assert thanks.ephemeral and "staff of this server" in thanks.text and "blood" not in thanks.text
        assert (await send(linus, opened[1])).text == thanks.text, "the same report twice is one"
        await send(mary, opened[2], SEXUAL)
        case = await control.wait_in_channel("staff-room", lambda seen: "2 users" in seen.text, PATIENCE)
        assert "blood" in case.text and "seed 901" in case.text and len(case.attachments) == 1
        assert all(f"<@{each}>" not in case.text for each in (default_world.LINUS, "Mary"))
        await control.set_person("Mary", locale="ja")
        waiting = await told(mary, "imagine", prompt=PROMPT, seed=902)
        second = await control.wait_message(waiting.id, lambda seen: "編集" in seen.buttons, PATIENCE)
        second_copy = await pressed(mary, await told(mary, "history"), "開く")
        files = files_of(scene, second)
        await report(linus, second)
        await control.wait_in_channel("staff-room", lambda seen: "seed 902" in seen.text, PATIENCE)
    async with scene.bot():  # everything works after a restart
        decided = await decide(grace, case, "Hide and warn author", note="No blood here, please.")
        assert decided.id == case.id and "Hidden, author warned" in decided.text
        assert not decided.attachments and list(decided.buttons) == ["Reverse decision"]
        assert "generated on" in decided.text and f"<#{default_world.GENERAL}>" in decided.text
        down = await control.wait_message(picture.id, lambda seen: "picture was removed" in seen.text, PATIENCE)
        assert not down.attachments and not down.buttons
        notice = await letter(scene, "Ada", "and warned you")
        assert PROMPT in notice.text and f"<#{default_world.GENERAL}>" in notice.text
        assert "Workshop" in notice.text and "No blood here" in notice.text and "violent or cruel" in notice.text
        assert all(f"<@{each}>" not in notice.text for each in (default_world.GRACE, default_world.LINUS))
        for button in ("Again", "Vary", "Upscale", "Edit"):
            assert "removed this picture" in (await pressed(scene.ada, copy, button)).text, button
        opener = await scene.ada.press(notice, "Appeal")
        await opener.modal(PATIENCE)
        passed_on = await (await scene.ada.submit(opener, {"text": "It is *ketchup*."})).reply(PATIENCE)
        assert "You will get a message with the outcome" in passed_on.text
        again = await pressed(scene.ada, notice, "Appeal")
        assert "already" in again.text
        appealed = await control.wait_message(case.id, lambda seen: "ketchup" in seen.text, PATIENCE)
        assert set(appealed.buttons) == {"Uphold decision", "Reverse decision", "Show picture only to me"}
        assert (await pressed(grace, appealed, "Show picture only to me")).attachments
        answered = await pressed(grace, appealed, "Reverse decision")
        assert "Decision reversed" in answered.text and not answered.buttons
        back = await control.wait_message(picture.id, lambda seen: "Again" in seen.buttons, PATIENCE)
        assert back.buttons == picture.buttons
        answer = await letter(scene, "Ada", "reviewed the decision and reversed it")
        assert "Appeal" not in answer.buttons
        assert "## Studio" in (await pressed(scene.ada, copy, "Edit")).text
        other = await control.wait_in_channel("staff-room", lambda seen: "seed 902" in seen.text, PATIENCE)
        gone = await decide(grace, other, "Delete everywhere")
        assert (
            "Deleted everywhere" in gone.text
            and "generated on" in gone.text
            and "seed 902" not in gone.text
            and not gone.attachments
        )
        await scene.gone(second)
        assert not any(file.exists() for file in files)
        notice = await letter(scene, "Mary", "完全に削除")
        assert "Appeal" not in notice.buttons and len(notice.buttons) == 1
        dead = await pressed(mary, second_copy, "編集")
        assert "もう残っていません" in dead.text
        panel = await chosen(grace, await told(grace, "server"), "svsection", "audit")
        assert panel.text.count("decide on report") == 2 and "answer appeal" in panel.text
        assert re.search(r"Report \d+", panel.text)


@pytest.mark.asyncio(loop_scope="session")
async def test_a_lora_is_reported_to_operators_who_find_it_in_server(scene: Scene) -> None:
    margaret = scene.control.person("Margaret")
    page = await told(scene.grace, "lora info", name="Bat")
    opener = await scene.grace.press(page, "Report")
    await opener.modal(PATIENCE)
    sent = await scene.grace.submit(opener, {"reason": ["violates_someone's_rights"], "note": "It is mine."})
    assert "The operators of this bot" in (await sent.reply(PATIENCE)).text
    panel = await chosen(margaret, await told(margaret, "server", in_="dm"), "svsection", "reports")
    assert "The LoRA Bat" in panel.text
    case = await pressed(margaret, panel, "Review")
    twin = await pressed(margaret, panel, "Review")
    assert "It is mine." in case.text and "Delete everywhere" not in case.buttons
    await rate(scene, "Bat", "teen")
    opener = await margaret.press(case, "Raise rating")
    offered = str(await opener.modal(PATIENCE))
    assert "'mature'" in offered and "'teen'" not in offered, "only what is higher"
    decided = await (await margaret.submit(opener, {"rating": ["mature"]})).reply(PATIENCE)
    assert "Content rating raised: mature" in decided.text and list(decided.buttons) == ["Reverse decision"]
    late = await pressed(margaret, twin, "Dismiss")
    assert "Someone has already made a decision on this report or proposal" in late.text
    async with asyncio.timeout(PATIENCE):  # it is carried out after it was written down
        while (
            "too high for this channel"
            not in (page := await told(margaret, "lora info", in_="staff-room", name="Bat")).text
        ):
            pass
    opener = await margaret.press(page, "Content rating")
    await opener.modal(PATIENCE)
    put_back = await (await margaret.submit(opener, {"rating": ["-"]})).reply(PATIENCE)
    assert "no content rating" in put_back.text, "other tests use the LoRA"


@pytest.mark.asyncio(loop_scope="session")
async def test_what_a_server_shares_is_seen_by_operators(scene: Scene) -> None:
    margaret, grace = scene.control.person("Margaret"), scene.grace
    panel = await chosen(grace, await told(grace, "server"), "svsection", "reports")
    assert "only this server's staff" in panel.text and "reports appear only in this panel" in panel.text
    panel = await pressed(grace, panel, "Share new reports with operators")
    assert "this server's staff and the bot's operators" in panel.text
    picture = await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT, seed=903))
    await report(scene.control.person("Linus"), picture)
    panel = await chosen(margaret, await told(margaret, "server", in_="dm"), "svsection", "reports")
    assert "Workshop" in panel.text and f"<@{default_world.ADA}>" in panel.text
    panel = await chosen(grace, await told(grace, "server"), "svsection", "reports")
    panel = await pressed(grace, panel, "Stop sharing new reports with operators")
    case = await pressed(grace, panel, "Review")
    assert "seed 903" in case.text
    dismissed = await pressed(grace, case, "Dismiss")
    assert "Dismissed" in dismissed.text and not dismissed.buttons
    back = await scene.control.wait_message(picture.id, lambda seen: "Again" in seen.buttons, PATIENCE)
    assert back.buttons == picture.buttons
    message = await grace.say("hello")
    refused = await (await grace.message_command("Report", message)).reply(PATIENCE)
    assert "This message is not from Easel" in refused.text


@pytest.mark.asyncio(loop_scope="session")
async def test_what_its_owner_deletes_is_held_for_those_who_decide(scene: Scene) -> None:
    grace, number = scene.grace, 904
    picture = await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT, seed=number))
    files, copy = files_of(scene, picture), await pressed(scene.ada, await told(scene.ada, "history"), "Open")
    await report(scene.control.person("Linus"), picture)
    await scene.control.wait_message(picture.id, lambda seen: "was reported" in seen.text, PATIENCE)
    question = await asked(scene.ada, copy)
    await confirmed(scene.ada, question)
    await scene.control.wait_message(
        question.id, lambda seen: "keeps it for the reviewers of the report" in seen.text, PATIENCE
    )
    await hidden(scene, picture)
    await rows(scene, "UPDATE job SET delete_at = 1 WHERE delete_at IS NOT NULL")
    case = await pressed(grace, await chosen(grace, await told(grace, "server"), "svsection", "reports"), "Review")
    assert f"seed {number}" in case.text and case.attachments and all(file.exists() for file in files)
    await pressed(grace, case, "Dismiss")
    await scene.gone(picture)
    assert not any(file.exists() for file in files)


@pytest.mark.asyncio(loop_scope="session")
async def test_what_looks_like_a_minor_is_shown_to_who_asks_alone_and_that_is_logged(scene: Scene) -> None:
    grace, linus, number = scene.grace, scene.control.person("Linus"), 905
    picture = await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT, seed=number))
    await send(linus, await report_form(linus, picture), MINOR)
    case = await pressed(grace, await chosen(grace, await told(grace, "server"), "svsection", "reports"), "Review")
    assert f"seed {number}" in case.text and not case.attachments
    shown = await pressed(grace, case, "Show picture only to me")
    assert shown.ephemeral and len(shown.attachments) == 1 and shown.id != case.id
    log = await chosen(grace, await told(grace, "server"), "svsection", "audit")
    assert log.text.count("view reported picture") == 1 and f"<@{default_world.ADA}>" in log.text
    await pressed(grace, case, "Dismiss")
    await scene.control.wait_message(picture.id, lambda seen: "Again" in seen.buttons, PATIENCE)


@pytest.mark.asyncio(loop_scope="session")
async def test_what_is_still_being_painted_is_not_reported(scene: Scene) -> None:
    """A decision could be carried out before there is a picture, and the picture would come all the same."""
    waiting = await scene.begun(seed=977)
    opener = await scene.grace.message_command("Report", waiting)
    answer = await opener.answered(PATIENCE)
    await scene.ada.press(waiting, "Cancel")
    await scene.ended(waiting)
    assert "modal" not in answer or not answer["modal"], "no form is opened"
    refused = await opener.reply(PATIENCE)
    assert refused.ephemeral and "This picture is not finished yet" in refused.text


async def test_nothing_is_posted_in_a_channel_that_was_opened_to_everybody(empty: Scene) -> None:
    control, grace, linus = empty.control, empty.grace, empty.control.person("Linus")
    async with empty.bot():
        await choose_channel(empty, grace)
        everybody = default_world.WORKSHOP
        await control.set_channel("staff-room", overwrite=everybody, allow=permissions.VIEW_CHANNEL)
        first, second = [
            await empty.painted(await empty.ada.slash("imagine", prompt=PROMPT, seed=seed)) for seed in (911, 912)
        ]
        await report(linus, first)
        await control.wait_message(first.id, lambda seen: "was reported" in seen.text, PATIENCE)
        panel = await chosen(grace, await told(grace, "server"), "svsection", "reports")
        assert "Easel posts no reports there" in panel.text
        await pressed(grace, await pressed(grace, panel, "Review"), "Dismiss")
        await control.set_channel("staff-room", overwrite=everybody, deny=permissions.VIEW_CHANNEL)
        await report(linus, second)
        case = await control.wait_in_channel("staff-room", lambda seen: "seed 912" in seen.text, PATIENCE)
        seen = await control.get("messages", channel="staff-room", as_="Grace")
        assert [each["id"] for each in seen["messages"] if each["components"]] == [case.id]


async def test_a_case_in_an_archived_thread_is_brought_up_to_date(empty: Scene) -> None:
    scene, control = empty, empty.control
    async with scene.opened() as (easel, _bot):
        await control.set_channel("art", overwrite="@everyone", deny=permissions.VIEW_CHANNEL)
        await control.set_channel("art", overwrite="Easel", allow=permissions.VIEW_CHANNEL)
        who = ActionContext(
            person_id=int(default_world.GRACE), server_id=int(default_world.WORKSHOP), permissions=1 << 5,
            checked_by_discord=True,
        )  # fmt: skip
        change = easel.servers.administration.settings.change
        await change(who, int(default_world.WORKSHOP), reports_channel=int(default_world.THREAD))
        picture = await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT, seed=907))
        await report(control.person("Linus"), picture)
        case = await control.wait_in_channel("Sketches", lambda seen: "seed 907" in seen.text, PATIENCE)
        await control.set_channel("Sketches", archived=True)
        panel = await chosen(scene.grace, await told(scene.grace, "server"), "svsection", "reports")
        await pressed(scene.grace, await pressed(scene.grace, panel, "Review"), "Dismiss")
        decided = await control.wait_message(case.id, lambda seen: "Dismissed" in seen.text, PATIENCE)
        assert not decided.attachments and not decided.buttons


async def test_a_report_is_reminded_of_across_restarts_each_time_once(empty: Scene) -> None:
    scene, days = empty, 0.0

    def clock() -> float:
        return time.time() + days * 86400

    async def reminded(channel: str, who: str | None = None) -> list[int]:
        texts = [seen.text for seen in await scene.control.messages(channel, who)]
        return sorted(int(found[1]) for text in texts if (found := re.search(r"R\d+-(\d+)$", text)))

    async with scene.opened(wall_clock=clock) as (_, bot):
        await choose_channel(scene, scene.grace)
        picture = await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT))
        await send(scene.control.person("Linus"), await report_form(scene.control.person("Linus"), picture), MINOR)
        await scene.control.wait_message(picture.id, lambda seen: "was reported" in seen.text, PATIENCE)
        await bot.reminders.send_all()
    for days in (0.9, 1.1, 1.9, 3.1, 3.2, 6.9, 7.1, 8.0, 30.0):
        async with scene.opened(wall_clock=clock) as (_, bot):
            await bot.reminders.send_all()
            due = [each for each in (1, 3, 7) if each <= days]
            assert await reminded("staff-room", "Margaret") == due, days
            assert await reminded("dm", "Margaret") == [each for each in due if each == 7], days
    hidden = await scene.control.message(picture.id)
    assert hidden is not None and "was reported" in hidden.text and not hidden.attachments, "it never runs out"


async def test_every_operator_is_reminded_of_one_report(empty: Scene) -> None:
    people = {"Margaret": default_world.MARGARET, "Linus": default_world.LINUS}
    async with empty.opened() as (easel, bot):
        messages = ReportMessages(bot, easel.db, bot.removals, bot.thumbnails, bot.reporting)
        for each in (*people.values(), *people.values()):  # the second round is a retry
            await messages.remind(Reminder(7, int(default_world.WORKSHOP), 7, operator_id=int(each)))
        for name in people:
            seen = await empty.control.messages("dm", name)
            assert len([one for one in seen if one.text.endswith("R7-7")]) == 1, name
