"""Stacks: saved, shared, imported, and used on a checkpoint that not all LoRAs fit."""

from __future__ import annotations

import pytest

from bot.workspace.stacks import MISSES
from playground import default_world, permissions
from playground.control import Person
from tests.discord.conftest import PROMPT, Scene, told
from tests.discord.test_content_ratings import rate
from tests.discord.test_server import chosen, filled
from tests.discord.test_studio import fresh, press, say
from tests.house import PASTEL, VIVID

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def stacked(scene: Scene, person: Person, name: str, *loras: str) -> None:
    """The person has a stack of this name."""
    await (await person.slash("stack delete", name=name)).reply()
    await fresh(scene, person)
    for lora in loras:
        await (await person.slash("studio", add=lora)).reply()
    assert f"Saved the stack **{name}**" in (await (await person.slash("stack save", name=name)).reply()).text


async def test_imagine_with_a_stack(scene: Scene) -> None:
    await stacked(scene, scene.ada, "Evening", "Bat")
    choices = await scene.ada.autocomplete("imagine", "stack", "even")
    assert [choice["value"] for choice in choices] == ["Evening"] and "Bat at 0.8" in choices[0]["name"]
    assert await scene.grace.autocomplete("imagine", "stack", "even") == []
    picture = await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT, stack="evening", checkpoint=VIVID))
    assert "Bat at 0.8" in picture.text


async def test_the_same_name_twice_is_refused(scene: Scene) -> None:
    await stacked(scene, scene.ada, "Evening", "Bat")
    assert "already" in (await (await scene.ada.slash("stack save", name="EVENING")).reply()).text


async def test_a_stack_with_misfits_is_refused_with_alternatives(scene: Scene) -> None:
    await stacked(scene, scene.ada, "Mixed", "Bat", "Wash")
    refusal = await (await scene.ada.slash("imagine", prompt=PROMPT, stack="Mixed", checkpoint=PASTEL)).reply()
    assert refusal.ephemeral and "Bat is made for Vivid" in refusal.text and "is based on Pastel" in refusal.text
    panel = await press(scene.ada, refusal, "Open in studio")
    assert "~~Bat~~" in panel.text and "**Wash**" in panel.text and PROMPT in panel.text
    await stacked(scene, scene.ada, "Vivid ones", "Bat")
    refusal = await (await scene.ada.slash("imagine", prompt=PROMPT, stack="Vivid ones", checkpoint=PASTEL)).reply()
    picture = await scene.painted(await scene.ada.press(refusal, f"Generate with {VIVID}"))
    assert "Bat at 0.8" in picture.text


async def test_another_person_imports_a_stack_by_code(scene: Scene) -> None:
    await stacked(scene, scene.ada, "Evening", "Bat")
    shared = await (await scene.ada.slash("stack share", name="Evening")).reply()
    assert shared.ephemeral
    code = shared.text.split("`")[1]
    copy = await (await scene.grace.slash("stack import", code=code.lower().replace("-", " "), in_="dm")).reply()
    assert "Copied **Evening**" in copy.text
    await (await scene.ada.slash("stack delete", name="Evening")).reply()
    panel = await press(scene.grace, copy, "Use stack")
    assert "**Bat**" in panel.text
    assert "No stack has this code" in (await (await scene.grace.slash("stack import", code=code)).reply()).text
    await (await scene.grace.slash("stack delete", name="Evening")).reply()


async def test_a_share_code_is_posted_where_it_is_pressed(scene: Scene) -> None:
    await stacked(scene, scene.ada, "Evening", "Bat")
    shared = await (await scene.ada.slash("stack share", name="Evening")).reply()
    posted = await press(scene.ada, shared, "Post stack in this channel")
    assert not posted.ephemeral and posted.pinged == [] and posted.json["channel_id"] == shared.json["channel_id"]
    assert all(
        told in posted.text for told in (f"<@{default_world.ADA}>", "**Evening**", "Bat at 0.8", "/stack import")
    )
    linus = scene.control.person("Linus")
    copy = await press(linus, posted, "Get a copy")
    assert copy.ephemeral and "Copied **Evening**" in copy.text
    await (await linus.slash("stack delete", name="Evening")).reply()


@pytest.mark.parametrize(("denied", "told"), [("Ada", "You cannot send"), ("Easel", "Easel cannot send")])
async def test_a_share_code_is_not_posted_where_somebody_may_not_write(scene: Scene, denied: str, told: str) -> None:
    await stacked(scene, scene.ada, "Evening", "Bat")
    shared = await (await scene.ada.slash("stack share", name="Evening", in_="art")).reply()
    await scene.control.set_channel("art", overwrite=denied, deny=permissions.SEND_MESSAGES)
    try:
        refused = await press(scene.ada, shared, "Post stack in this channel")
    finally:
        await scene.control.set_channel("art", overwrite=denied)
    assert refused.ephemeral and told in refused.text


async def test_a_name_that_the_server_refuses_is_not_posted_in_it(scene: Scene) -> None:
    await stacked(scene, scene.ada, "Zorbles", "Bat")  # the list comes later; it could be saved elsewhere, too
    shared = await (await scene.ada.slash("stack share", name="Zorbles")).reply()
    panel = await chosen(scene.grace, await told(scene.grace, "server"), "svsection", "words")
    words = await filled(scene.grace, panel, "Add list", name="house rules", words="zorbles")
    refused = await press(scene.ada, shared, "Post stack in this channel")
    await press(scene.grace, await press(scene.grace, words, "Delete"), "Delete list")
    assert refused.ephemeral and "house rules" in refused.text and "Zorbles" not in refused.text
    await (await scene.ada.slash("stack delete", name="Zorbles")).reply()


async def test_a_stack_does_not_name_what_the_place_does_not_show(scene: Scene) -> None:
    await stacked(scene, scene.ada, "Evening", "Bat")
    shared = await (await scene.ada.slash("stack share", name="Evening")).reply()
    for rating in ("explicit", "-"):  # as its files say
        await rate(scene, "Bat", rating)
        hidden = rating == "explicit"
        listed = await told(scene.ada, "stack list")
        posted = await press(scene.ada, shared, "Post stack in this channel")
        copy = await press(scene.grace, posted, "Get a copy")
        adults = await told(scene.grace, "stack list", in_="after-dark")
        for seen in (listed, posted, copy):
            assert ("Bat" not in seen.text) is hidden and ("LoRA #" in seen.text) is hidden, seen.text
        assert "Bat at 0.8" in adults.text
        await (await scene.grace.slash("stack delete", name="Evening")).reply()
    await (await scene.ada.slash("stack delete", name="Evening")).reply()


async def test_a_revoked_share_code_is_invalid(scene: Scene) -> None:
    await stacked(scene, scene.ada, "Evening", "Bat")
    shared = await (await scene.ada.slash("stack share", name="Evening")).reply()
    posted = await press(scene.ada, shared, "Post stack in this channel")
    assert "no longer shared" in (await press(scene.ada, shared, "Stop sharing")).text
    reply = await (await scene.grace.slash("stack import", code=shared.text.split("`")[1])).reply()
    assert "No stack has this code" in reply.text
    assert "its code stops working" in (await press(scene.grace, posted, "Get a copy")).text


async def test_guessing_share_codes_is_rate_limited(scene: Scene) -> None:
    margaret = scene.control.person("Margaret")
    for _ in range(MISSES):
        assert "No stack has this code" in (await (await margaret.slash("stack import", code="2222-2222")).reply()).text
    assert "too many wrong stack codes" in (await (await margaret.slash("stack import", code="2222-2222")).reply()).text


async def test_the_list_has_buttons_for_every_action(scene: Scene) -> None:
    await stacked(scene, scene.ada, "Evening", "Bat")
    listed = await (await scene.ada.slash("stack list")).reply()
    assert "**Evening**" in listed.text and "Bat at 0.8" in listed.text
    renamed = await (await scene.ada.slash("stack rename", name="Evening", to="Morning")).reply()
    assert "Morning" in renamed.text
    stack = next(button for label, button in listed.buttons.items() if label == "Delete")
    asked = await (await scene.ada.press(listed, stack["custom_id"])).reply()
    gone = await press(scene.ada, asked, "Delete stack")
    assert gone.text.count("**Evening**") + gone.text.count("**Morning**") < 2


async def test_the_loras_of_a_studio_are_saved_from_its_panel(scene: Scene) -> None:
    await (await scene.ada.slash("stack delete", name="From the panel")).reply()
    panel = await say(scene.ada, await fresh(scene, scene.ada, add="Bat"), PROMPT)
    opener = await scene.ada.press(panel, "Save as stack")
    await opener.modal()
    saved = await (await scene.ada.submit(opener, {"name": "From the panel"})).reply()
    assert saved.ephemeral and "Saved the stack **From the panel**" in saved.text
    used = await (await scene.ada.slash("stack use", name="from the panel")).reply()
    assert "**Bat**" in used.text and PROMPT in used.text


async def test_names_are_escaped(scene: Scene) -> None:
    await fresh(scene, scene.ada, add="Bat")
    await (await scene.ada.slash("stack save", name="my_evening *v2*")).reply()
    panel = await (await scene.ada.slash("stack use", name="my_evening *v2*")).reply()
    assert r"my\_evening \*v2\* is now in your studio" in panel.text


async def test_a_page_of_the_list_is_jumped_to(scene: Scene) -> None:
    person = await scene.control.new_person("Edith")
    await fresh(scene, person, add="Bat")
    for number in range(11):
        await (await person.slash("stack save", name=f"Stack {number:02}")).reply()
    page = await (await person.slash("stack list")).reply()
    for typed, there, first in (("3", 3, "Stack 10"), ("1", 1, "Stack 00"), ("99", 3, "Stack 10")):
        form = await person.press(page, next(button for button in page.buttons if button.startswith("Page ")))
        await form.modal()
        await person.submit(form, {"page": typed})
        page = await scene.control.wait_message(page.id, lambda seen, there=there: f"Page {there} of 3" in seen.buttons)
        assert f"**{first}**" in page.text
