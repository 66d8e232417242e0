"""Members ask staff to allow refused words, from the refusal to the picture; removal, forged presses and deletion."""

from __future__ import annotations

from playground import default_world, permissions
from playground.control import Person
from playground.visible_message import VisibleMessage
from tests.discord.conftest import PATIENCE, Scene, told
from tests.discord.test_erasures import reachable, until_complete
from tests.discord.test_privacy import delete_all, id_of
from tests.discord.test_removals import rows
from tests.discord.test_reports import choose_channel, letter
from tests.discord.test_server import chosen, filled, pressed

EXPLICIT, PHRASE = "an owl, a nude quartz lantern", "a nude quartz lantern"
LISTED = "a zorble bird on a branch"
MINORS = "a nude child"
RATED, FORBIDDEN = "prompt is rated explicit", "words are on this server's list"


async def asked_staff(scene: Scene, person: Person, prompt: str) -> VisibleMessage:
    """Order what is refused, and ask; the new message in the staff's channel."""
    before = {message.id for message in await scene.control.messages("staff-room", "Margaret")}
    refusal = await told(person, "imagine", prompt=prompt)
    assert refusal.ephemeral and list(refusal.buttons) == ["Ask staff"], refusal.text
    answer = await pressed(person, refusal, "Ask staff")
    assert answer.ephemeral and "Staff can now see your name, your prompt and the refused word" in answer.text, (
        answer.text
    )
    (question,) = [each for each in await scene.control.messages("staff-room", "Margaret") if each.id not in before]
    return question


async def allowed(scene: Scene, staff: Person, question: VisibleMessage, phrase: str | None = None) -> VisibleMessage:
    """Send the form, with what it proposes or with another phrase; the reply."""
    opener = await staff.press(question, "Allow this phrase")
    await opener.modal(PATIENCE)
    values = {} if phrase is None else {"phrase": phrase}
    return await (await staff.submit(opener, values)).reply(PATIENCE)


async def words_page(staff: Person) -> VisibleMessage:
    return await chosen(staff, await told(staff, "server"), "svsection", "words")


async def audited(staff: Person) -> str:
    return (await chosen(staff, await told(staff, "server"), "svsection", "audit")).text


async def test_staff_allow_a_phrase_in_their_server_alone(empty: Scene) -> None:
    scene, grace = empty, empty.grace
    async with scene.bot():
        refusal = await told(scene.ada, "imagine", prompt=EXPLICIT)
        assert RATED in refusal.text and not refusal.buttons, "there is no channel for questions yet"
        await choose_channel(scene, grace)
        assert not (await told(scene.ada, "imagine", in_="dm", prompt=EXPLICIT)).buttons
        assert not (await told(scene.ada, "imagine", prompt=MINORS)).buttons, "staff cannot allow that"
        bot = {"overwrite": default_world.APPLICATION_ID}
        await scene.control.set_channel("staff-room", **bot, deny=permissions.SEND_MESSAGES)
        failed = await pressed(scene.ada, await told(scene.ada, "imagine", prompt=EXPLICIT), "Ask staff")
        assert failed.ephemeral and "cannot post in the staff's channel" in failed.text
        await scene.control.set_channel(
            "staff-room", **bot, allow=permissions.VIEW_CHANNEL | permissions.SEND_MESSAGES, deny=0
        )
        question = await asked_staff(scene, scene.ada, EXPLICIT)
        for part in (f"<@{id_of(scene, scene.ada)}>", f"> {EXPLICIT}", "`nude`", f"`{PHRASE}`"):
            assert part in question.text
        again = await pressed(scene.ada, await told(scene.ada, "imagine", prompt=f"{EXPLICIT}!"), "Ask staff")
        assert "already asked the staff" in again.text
    async with scene.bot():  # after a restart
        for forger in (scene.control.person("Linus"), scene.ada):
            for button in question.buttons.values():
                refused = await scene.forged(forger, button["custom_id"])
                assert "do not let you use /server or its buttons here" in refused.text, refused.text
        for typed, why in (("quartz lantern", "must contain the refused word nude"), ("nude, quartz", "commas")):
            refused = await allowed(scene, grace, question, typed)
            assert refused.ephemeral and why in refused.text, refused.text
        decided = await allowed(scene, grace, question)
        assert decided.id == question.id and f"allowed the phrase `{PHRASE}`" in decided.text and not decided.buttons
        assert EXPLICIT not in decided.text
        assert f"`{PHRASE}`" in (await letter(scene, "Ada", "The staff of Workshop allowed the phrase")).text
        assert f"allowed phrase: — → {PHRASE}" in await audited(grace)

        await scene.painted(await scene.ada.slash("imagine", prompt=f"{EXPLICIT}, snow"))
        outside = await told(scene.ada, "imagine", prompt=f"{EXPLICIT}, a nude wizard")
        assert RATED in outside.text, "only words in the phrase are allowed"
        assert RATED in (await told(scene.ada, "imagine", in_="dm", prompt=EXPLICIT)).text
        harbour = await scene.control.new_server("Harbour", "Linus", "pier")
        await scene.control.add_bot("Harbour")
        elsewhere = await told(scene.control.person("Linus"), "imagine", in_="pier", prompt=EXPLICIT)
        assert harbour and RATED in elsewhere.text and not elsewhere.buttons
        for prompt in (f"{PHRASE}, a child", f"{EXPLICIT}, a nude child"):
            assert "anything sexual about minors" in (await told(scene.ada, "imagine", prompt=prompt)).text

        page = await pressed(grace, await words_page(grace), "Allowed phrases")
        assert f"`{PHRASE}`" in page.text
        page = await pressed(grace, page, "Remove phrase")
        for typed, why in (("\u3164\u3164", "needs at least two letters or digits"), ("a nude, lamp", "commas")):
            refused = await filled(grace, page, "Allow a phrase", phrase=typed)
            assert refused.ephemeral and why in refused.text, refused.text
        assert "No phrases yet" in page.text and f"allowed phrase: {PHRASE} → —" in await audited(grace)
        assert RATED in (await told(scene.ada, "imagine", prompt=EXPLICIT)).text
        page = await filled(grace, page, "Allow a phrase", phrase=f"{PHRASE}\u200b")
        assert f"`{PHRASE}`" in page.text
        await scene.painted(await scene.ada.slash("imagine", prompt=EXPLICIT))


async def test_a_listed_word_is_allowed_or_the_question_dismissed(empty: Scene) -> None:
    scene, grace = empty, empty.grace
    async with scene.bot():
        await choose_channel(scene, grace)
        await filled(grace, await words_page(grace), "Add list", name="house", words="zorble", patterns="gro+mp")
        question = await asked_staff(scene, scene.ada, LISTED)
        gone = await pressed(grace, question, "Dismiss")
        assert gone.id == question.id and not gone.buttons
        assert "did not allow the phrase `a zorble bird on a branch`" in gone.text
        assert (
            "phrase that a member asked staff to allow, and that staff rejected: — → a zorble bird on a branch"
            in await audited(grace)
        )
        await letter(scene, "Ada", "decided not to allow the phrase")
        assert FORBIDDEN in (await told(scene.ada, "imagine", prompt=LISTED)).text

        question = await asked_staff(scene, scene.ada, LISTED)  # staff may think again
        await scene.control.set_person("Ada", closed_dms=True)
        assert "allowed the phrase `zorble bird`" in (await allowed(scene, grace, question, "zorble bird")).text
        _settings, notice = await (await scene.ada.slash("settings")).messages(2, PATIENCE)
        assert notice.ephemeral and "allowed the phrase `zorble bird`" in notice.text
        await scene.painted(await scene.ada.slash("imagine", prompt=LISTED))
        assert FORBIDDEN in (await told(scene.ada, "imagine", prompt="a zorble")).text
        question = await asked_staff(scene, scene.ada, "an owl, a groomp owl")
        await allowed(scene, grace, question)
        await scene.painted(await scene.ada.slash("imagine", prompt="a groomp owl"))

        await delete_question(scene, await asked_staff(scene, scene.ada, "a zorble on a hill"))
        question = await asked_staff(scene, scene.ada, "a zorble on a hill")  # the other message is gone
        earlier = await told(scene.ada, "imagine", prompt="a groooomp fish")
        await asked_staff(scene, scene.ada, "a grooomp fish")
        many = await pressed(scene.ada, earlier, "Ask staff")
        assert "You can ask the staff up to 5 times a day" in many.text, many.text
        refusal = await told(scene.ada, "imagine", prompt="a groooomp fish")
        assert FORBIDDEN in refusal.text and not refusal.buttons

        await delete_all(scene, scene.ada, await told(scene.ada, "privacy delete"))
        await until_complete(scene)
        assert await rows(scene, "SELECT count(*) FROM phrase_question") == [(0,)]
        assert await rows(scene, "SELECT phrase FROM allowed_phrase") == [("zorble bird",), ("a groomp owl",)]
        assert reachable(scene, scene.ada, "zorble on a hill") == []
        await scene.gone(question)


async def delete_question(scene: Scene, question: VisibleMessage) -> None:
    """Delete a message of the bot's, as staff may."""
    await scene.grace.delete(question)
    await scene.gone(question)
