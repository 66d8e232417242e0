"""Questions before something is deleted: private, with buttons that name the consequence."""

from __future__ import annotations

import pytest

from playground import default_world
from playground.component_shapes import walk
from tests.discord.conftest import PATIENCE, Scene, asked, confirmed, remove, told
from tests.discord.test_removals import files_of, hidden, paint, rows

pytestmark = pytest.mark.asyncio(loop_scope="session")


def number_of(custom_id: object) -> str:
    return str(custom_id).partition(":")[2]


async def test_a_question_is_private_and_names_the_consequence(scene: Scene) -> None:
    picture = await paint(scene)
    own = await asked(scene.ada, picture)
    everything = await asked(scene.ada, await told(scene.ada, "privacy delete"), "Delete my data …")
    for question, heading, *buttons in (
        (own, "Delete this picture?", "Delete picture", "Keep picture"),
        (everything, "Delete everything permanently?", "Delete all my data", "Keep my data"),
    ):
        assert question.text.startswith(f"### {heading}\n") and list(question.buttons) == buttons
    assert own.visible_to == default_world.ADA
    assert {own.id, everything.id}.isdisjoint(one.id for one in await scene.control.person("Margaret").messages())


async def test_keep_it_leaves_everything(scene: Scene) -> None:
    picture = await paint(scene)
    before, number = await scene.control.message(picture.id), number_of(picture.buttons["Delete"]["custom_id"])
    question = await asked(scene.ada, picture)
    await scene.ada.press(question, "Keep picture")
    await scene.gone(question)
    assert before is not None and await scene.control.message(picture.id) == before
    assert all(file.exists() for file in files_of(scene, picture))
    assert await rows(scene, f"SELECT delete_at FROM job WHERE id = {number}") == [(None,)]


async def test_the_message_of_the_picture_changes_where_the_bot_is_no_member(scene: Scene) -> None:
    """Only the token of the press reaches it. The question goes."""
    kai = scene.control.person("Kai")
    await scene.control.set_person("Kai", installed_app=True)
    picture = await paint(scene, kai, in_="tea-table")
    question = await asked(kai, picture)
    await confirmed(kai, question)
    await hidden(scene, picture)
    await scene.gone(question)


async def test_a_private_picture_out_of_reach_is_deleted_all_the_same(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too many questions were asked since, or too much time has passed: the question itself offers *Undo*."""
    monkeypatch.setattr("bot.ui.interactions.open_questions.MAX_OPEN", 1)
    irene = await scene.control.new_person("Irene")
    await (await irene.slash("settings", results="only I see them")).reply(PATIENCE)
    forgotten, expired = await paint(scene, irene), await paint(scene, irene)
    first = await asked(irene, forgotten)
    second = await asked(irene, expired)
    await confirmed(irene, first)
    await hidden(scene, first)
    await scene.control.advance_clock(16 * 60)
    await confirmed(irene, second)
    undo = await hidden(scene, second)
    for picture in (forgotten, expired):
        number = number_of(picture.buttons["Delete"]["custom_id"])
        assert await rows(scene, f"SELECT 1 FROM job WHERE id = {number} AND delete_at IS NOT NULL") == [(1,)]
    await irene.press(undo, "Undo")
    await scene.control.wait_message(second.id, lambda seen: "You restored the picture" in seen.text, PATIENCE)


@pytest.mark.asyncio(loop_scope="function")
async def test_what_cannot_be_undone_says_so_on_its_button(empty: Scene) -> None:
    retention = empty.house.settings.retention.model_copy(update={"undo_minutes": 0})
    empty.changes = {"retention": retention}
    async with empty.bot():
        picture = await paint(empty)
        files, question = files_of(empty, picture), await asked(empty.ada, picture)
        assert "cannot be undone" in question.text and "Delete permanently" in question.buttons
        await confirmed(empty.ada, question)
        await empty.gone(picture)
        await empty.gone(question)
        assert not any(file.exists() for file in files)


async def test_a_stranger_confirms_nothing(scene: Scene) -> None:
    picture = await paint(scene)
    number = number_of(picture.buttons["Delete"]["custom_id"])
    refused = await scene.forged(scene.control.person("Linus"), f"deletenow:{number}")
    assert "Only the picture's author, staff, or members with *Manage Messages* here can delete it" in refused.text
    after = await scene.control.message(picture.id)
    assert after is not None and after.attachments and "Delete" in after.buttons
    assert await rows(scene, f"SELECT delete_at FROM job WHERE id = {number}") == [(None,)]


async def test_undo_is_offered_where_the_message_is_gone_when_its_owner_confirms(scene: Scene) -> None:
    picture = await paint(scene)
    question = await asked(scene.ada, picture)
    margaret = scene.control.person("Margaret")
    await remove(margaret, picture)
    await scene.gone(picture)
    await confirmed(scene.ada, question)
    await hidden(scene, question)


async def test_a_second_question_about_a_deleted_picture_closes_without_an_error(scene: Scene) -> None:
    picture = await paint(scene)
    first, second = await asked(scene.ada, picture), await asked(scene.ada, picture)
    await confirmed(scene.ada, first)
    await hidden(scene, picture)
    await confirmed(scene.ada, second)
    await scene.gone(second)
    await hidden(scene, picture)


async def test_a_removal_that_staff_confirm_twice_is_logged_once(scene: Scene) -> None:
    margaret = scene.control.person("Margaret")
    picture = await paint(scene)
    number = number_of(picture.buttons["Delete"]["custom_id"])
    forms = [await margaret.press(picture, "Delete") for _time in range(2)]
    for form, reason in zip(forms, ("Not here.", "Not there."), strict=True):
        await form.modal(PATIENCE)
        await (await margaret.submit(form, {"reason": reason})).answered(PATIENCE)
        await scene.gone(picture)
    logged = f"SELECT changes FROM audit WHERE action = 'remove_picture' AND target = 'job {number}'"
    assert await rows(scene, logged) == [('{"reason": [null, "Not here."]}',)]


async def test_a_question_to_staff_from_before_an_update_asks_why(scene: Scene) -> None:
    margaret, picture = scene.control.person("Margaret"), await paint(scene)
    page = await told(margaret, "guide")
    parts = walk(scene.playground.world.messages[page.id].components)
    custom_id = f"deletenow:{number_of(picture.buttons['Delete']['custom_id'])}"
    next(part for part in parts if part.get("label") == "Next")["custom_id"] = custom_id
    await remove(margaret, page, custom_id)
    await scene.gone(picture)
    await scene.gone(page)


async def test_a_forged_press_to_keep_deletes_no_message_of_others(scene: Scene) -> None:
    linus, picture = scene.control.person("Linus"), await paint(scene)
    parts = walk(scene.playground.world.messages[picture.id].components)
    next(part for part in parts if part.get("label") == "Delete")["custom_id"] = "keepit"
    refused = await (await linus.press(picture, "keepit")).reply()
    assert refused.ephemeral and "outdated" in refused.text
    assert await scene.control.message(picture.id) is not None
