"""Bookmarks: list, search, notes, export and import."""

from __future__ import annotations

import json
import re
from typing import Any

import aiohttp
import pytest

from playground.control import File, Person
from playground.visible_message import VisibleMessage
from tests.discord.conftest import Scene, menu
from tests.house import BASES, PASTEL, VIVID

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def bookmarks(scene: Scene, who: str, **options: object) -> VisibleMessage:
    reply = await (await scene.control.person(who).slash("bookmarks", **options)).reply()
    assert reply.ephemeral
    return reply


async def press(scene: Scene, who: Person, page: VisibleMessage, button: str, then: str) -> VisibleMessage:
    """Press a button and return the edited message."""
    await who.press(page, button)
    return await scene.control.wait_message(page.id, lambda seen: then in seen.text)


def chosen(seen: VisibleMessage, name: str) -> str:
    return next(each for each in seen.selects[menu(seen, name)]["options"] if each.get("default"))["label"]


async def shown_as(scene: Scene, who: Person, page: VisibleMessage, *, compact: bool, then: str) -> VisibleMessage:
    """The page as lines or as cards, after its form was sent."""
    form = await who.press(page, "Filter")
    await form.modal()
    await who.submit(form, {"compact": compact})
    return await scene.control.wait_message(page.id, lambda seen: then in seen.text)


async def test_bookmarks_are_added_found_filtered_and_removed(scene: Scene) -> None:
    await scene.control.new_person("Rosalind")  # nobody else has given her anything
    assert "No bookmarks yet" in (await bookmarks(scene, "Rosalind")).text
    await bookmarks(scene, "Rosalind", add="Bat", note="for the cave")
    both = await bookmarks(scene, "Rosalind", add="Wash")
    assert both.text.index("Wash") < both.text.index("Bat"), "newest first"
    oldest = await bookmarks(scene, "Rosalind", sort="oldest", base="any")
    assert oldest.text.index("Bat") < oldest.text.index("Wash")
    assert "Bat" in (await bookmarks(scene, "Rosalind", search="cave")).text
    assert "No bookmarks match" in (await bookmarks(scene, "Rosalind", search="nowhere")).text
    assert "Bat" not in (await bookmarks(scene, "Rosalind", base=BASES[PASTEL])).text
    assert "No bookmarks match" in (await bookmarks(scene, "Rosalind", category="pose")).text
    assert "no base model with that name" in (await bookmarks(scene, "Rosalind", base="nonsense")).text


async def test_adding_says_whether_the_bookmark_is_new(scene: Scene) -> None:
    await scene.control.new_person("Evelyn")
    hidden = await bookmarks(scene, "Evelyn", add="Bat", category="pose")
    assert "Bat is now in your /bookmarks" in hidden.text and "No bookmarks match pose" in hidden.text
    assert "Already bookmarked: Bat." in (await bookmarks(scene, "Evelyn", add="Bat")).text
    again = await bookmarks(scene, "Evelyn", add="Bat", note="for the cave")
    assert "Already bookmarked: Bat. Your note has been updated." in again.text and "for the cave" in again.text
    assert "choose the LoRA that the note is for" in (await bookmarks(scene, "Evelyn", note="for the sea")).text


async def test_bookmarks_that_fit_are_listed_and_others_are_counted(scene: Scene) -> None:
    barbara = await scene.control.new_person("Barbara")
    for name in ("Bat", "Wash"):
        await bookmarks(scene, "Barbara", add=name)
    page = await bookmarks(scene, "Barbara")
    assert "**Bat**" in page.text and "**Wash**" not in page.text
    assert "1 more bookmark is for another base model" in page.text
    form = await barbara.press(page, "Filter")
    base = (await form.modal())["components"][0]["component"]["options"][0]
    assert base["label"] == "Fits my model (Vivid)" and base["default"]
    await barbara.submit(form, {"base": "-"})
    page = await scene.control.wait_message(page.id, lambda seen: "**Wash**" in seen.text)
    assert f"Does not fit {VIVID}, but fits {PASTEL}" in page.text and "other base models" not in page.text
    await barbara.select(page, menu(page, "so"), "oldest")
    page = await scene.control.wait_message(page.id, lambda seen: chosen(seen, "so") == "Oldest first")
    assert page.text.index("**Bat**") < page.text.index("**Wash**")
    await barbara.select(page, menu(page, "ca"), "pose")
    page = await scene.control.wait_message(page.id, lambda seen: "No bookmarks match pose" in seen.text)
    await barbara.select(page, menu(page, "ca"), "-")
    page = await scene.control.wait_message(page.id, lambda seen: "**Bat**" in seen.text)
    form = await barbara.press(page, "Search")
    assert (await form.modal())["title"] == "Search your bookmarks"
    await barbara.submit(form, {"words": " wsah "})
    page = await scene.control.wait_message(page.id, lambda seen: "“wsah”" in seen.text)
    assert "**Wash**" in page.text and "**Bat**" not in page.text
    await press(scene, barbara, page, "Clear search", then="2 bookmarks")


async def test_a_bookmark_has_a_note_and_is_removed_and_restored(scene: Scene) -> None:
    linus = scene.control.person("Linus")
    await bookmarks(scene, "Linus", add="Bat", note="for the cave")
    page = await bookmarks(scene, "Linus", search="bat", base=BASES[VIVID])
    card = await press(scene, linus, page, "Open", then="## Bat")
    assert "> for the cave" in card.text and "Bookmarked on <t:" in card.text
    form = await linus.press(card, "Note")
    (field,) = [part["component"] for part in (await form.modal())["components"]]
    assert field["value"] == "for the cave"
    await linus.submit(form, {"note": "hangs in the *attic*"})
    card = await scene.control.wait_message(page.id, lambda seen: "attic" in seen.text)
    page = await press(scene, linus, card, "Back", then="## Your bookmarks")
    assert r"> hangs in the \*attic\*" in page.text and "“bat”" in page.text, "back to the same page"
    card = await press(scene, linus, page, "Open", then="## Bat")
    page = await press(scene, linus, card, "Remove", then="Removed **Bat**")
    assert "No bookmarks match “bat”" in page.text
    page = await press(scene, linus, page, "Undo", then="attic")
    assert "**Bat**" in page.text and "Undo" not in page.buttons


async def test_a_list_shows_many_opens_one_and_removes_several(scene: Scene) -> None:
    person = await scene.control.new_person("Hedy")
    market = await (await person.slash("lora browse", base="any", sort="name")).reply()
    market = await shown_as(scene, person, market, compact=True, then="1. **Bat**")
    every = [option["value"] for option in market.selects[menu(market, "mkm")]["options"]]
    assert len(every) > 2 and "page" not in market.text and "· bookmarked" not in market.text
    await bookmarks(scene, "Hedy", add="Bat", note="for the *cave*")
    market = await (await person.slash("lora browse", base="any", sort="name")).reply()
    assert re.search(r"1\. \*\*Bat\*\*.* · bookmarked$", market.text, re.MULTILINE)
    assert market.text.count("· bookmarked") == 1
    await person.select(market, menu(market, "mkm"), *every)
    await scene.control.wait_message(
        market.id, lambda seen: f"Added {len(every) - 1} LoRAs to your /bookmarks" in seen.text
    )
    await person.select(market, menu(market, "mkm"), *every)
    again = await scene.control.wait_message(
        market.id, lambda seen: "All chosen LoRAs are already in your /bookmarks" in seen.text
    )
    assert "Added 0" not in again.text
    page = await bookmarks(scene, "Hedy", base="any", sort="name")
    assert "1. **Bat**" in page.text and f"{len(every)}. **" in page.text, "the choice is kept"
    assert re.search(r"1\. \*\*Bat\*\*.* · for the \\\*cave\\\*$", page.text, re.MULTILINE)
    await person.select(page, menu(page, "bml"), every[0])
    card = await scene.control.wait_message(page.id, lambda seen: "## Bat" in seen.text)
    page = await press(scene, person, card, "Back", then="1. **Bat**")
    await person.select(page, menu(page, "bmm"), every[0], every[1])
    page = await scene.control.wait_message(page.id, lambda seen: "Removed 2 bookmarks" in seen.text)
    assert "**Bat**" not in page.text
    page = await press(scene, person, page, "Undo", then="1. **Bat**")
    page = await shown_as(scene, person, page, compact=False, then="-# Trigger words: bat")
    assert "1. **Bat**" not in page.text and "Use now" in page.buttons


async def test_a_page_of_a_list_is_jumped_to(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.ui.views.browse.COMPACT_PAGE", 1)  # in place of 25 LoRAs
    person = await scene.control.new_person("Joan")
    page = await (await person.slash("lora browse", base="any", sort="name")).reply()
    page = await shown_as(scene, person, page, compact=True, then="1. **Bat**")
    pages = re.search(r"Page 1 of (\d)", " ".join(page.buttons))
    assert pages
    for typed, there in (("2", "2"), (" 99 ", pages[1]), ("1", "1")):
        jump = next(button for button in page.buttons if button.startswith("Page "))
        form = await person.press(page, jump)
        assert (await form.modal())["title"] == "Go to page"
        await person.submit(form, {"page": typed})
        page = await scene.control.wait_message(
            page.id, lambda seen, there=there: f"Page {there} of {pages[1]}" in seen.buttons
        )
        assert f"\n{there}. **" in page.text
    for typed in ("0", "two", "²"):
        form = await person.press(page, f"Page 1 of {pages[1]}")
        await form.modal()
        assert "page number" in (await (await person.submit(form, {"page": typed})).reply()).text


async def test_a_bookmark_is_used_from_its_page(scene: Scene) -> None:
    page = await bookmarks(scene, "Ada", add="Bat", search="bat")
    opener = await scene.ada.press(page, "Use now")
    assert "Bat" in (await opener.modal())["title"]
    message = await scene.painted(await scene.ada.submit(opener, {"prompt": "a bat"}))
    assert "Bat" in message.text


async def test_a_bookmark_is_added_to_the_studio(scene: Scene) -> None:
    card = await press(scene, scene.ada, await bookmarks(scene, "Ada", add="Bat", search="bat"), "Open", then="## Bat")
    panel = await (await scene.ada.press(card, "Add to studio")).reply()
    assert "## Studio" in panel.text and "**Bat**" in panel.text


async def test_ephemeral_replies_are_seen_by_nobody_else(scene: Scene) -> None:
    page = await bookmarks(scene, "Ada")
    assert page.id not in {message.id for message in await scene.grace.messages()}
    assert page.id in {message.id for message in await scene.ada.messages()}


async def exported(scene: Scene, who: str) -> dict[str, Any]:
    page = await bookmarks(scene, who, base="any")
    reply = await (await scene.control.person(who).press(page, "Export / import")).reply()
    (file,) = reply.attachments
    assert reply.ephemeral and file["filename"] == "bookmarks.json"
    async with aiohttp.ClientSession() as session, session.get(file["url"]) as response:
        return json.loads(await response.read())


async def brought_in(scene: Scene, who: Person, data: bytes) -> str:
    """The reply to an import of this file."""
    page = await (await who.slash("bookmarks")).reply()
    if "Import" not in page.buttons:
        page = await (await who.press(page, "Export / import")).reply()
    form = await who.press(page, "Import")
    modal = await form.modal()
    assert modal["title"] == "Import bookmarks" and "*" not in json.dumps(modal), "forms show marks as they are"
    reply = await (await who.submit(form, {"file": [File("mine.json", data)]})).reply()
    assert reply.ephemeral
    return reply.text


async def test_bookmarks_are_exported_and_imported_by_another_person(scene: Scene) -> None:
    karen, ken = await scene.control.new_person("Karen"), await scene.control.new_person("Ken")
    await bookmarks(scene, "Karen", add="Bat", note="夜 and ‏خفاش‎")
    await bookmarks(scene, "Karen", add="mystery")
    file = await exported(scene, "Karen")
    assert [entry["name"] for entry in file["bookmarks"]] == ["mystery", "Bat"]
    (version,) = file["bookmarks"][1]["versions"]
    assert version["autov2"].lower() == version["sha256"][:10] and version["base_model"] == BASES[VIVID]

    file["bookmarks"] += [file["bookmarks"][0], {"name": "Nowhere", "versions": [{"autov2": "0123456789"}]}, 7]
    told = await brought_in(scene, ken, json.dumps(file).encode())
    assert "Bookmarked 2 LoRAs. 1 LoRA was already bookmarked. 1 entry in the file is not valid." in told
    assert "1 LoRA is not in this bot's library:\n- Nowhere · `0123456789`" in told
    assert (await exported(scene, "Ken"))["bookmarks"] == (await exported(scene, "Karen"))["bookmarks"]
    assert "2 LoRAs were already bookmarked" in await brought_in(
        scene, karen, json.dumps(await exported(scene, "Ken")).encode()
    )


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x89PNG\r\n", "the file is not a bookmark file"),
        (b"[" * 100_000, "the file is not a bookmark file"),
        (b'{"hello": 1}', "the file contains no Easel bookmarks"),
        (b" " * (4 * 2**20 + 1), "the file is larger than 4 MB"),
    ],
    ids=["picture", "deep", "other", "large"],
)
async def test_a_file_of_another_kind_is_refused(scene: Scene, data: bytes, reason: str) -> None:
    told = await brought_in(scene, scene.ada, data)
    assert f"cannot be imported: {reason}. Use a file from" in told


async def test_an_operator_declares_a_base_model_and_nobody_else_can(scene: Scene) -> None:
    assert "Declare base model" not in (await (await scene.ada.slash("lora info", name="riddle")).reply()).buttons
    margaret = scene.control.person("Margaret")
    page = await (await margaret.slash("lora info", name="riddle")).reply()
    opener = await margaret.press(page, "Declare base model")
    modal = await opener.modal()
    base = next(part["component"] for part in modal["components"] if part["component"]["custom_id"] == "base")
    assert [option["value"] for option in base["options"]][:2] == [BASES[VIVID], BASES[PASTEL]]
    version = next(part["component"] for part in modal["components"] if part["component"]["custom_id"] == "version")
    values = {"version": [version["options"][0]["value"]], "base": [BASES[VIVID]], "reason": "I trained it myself"}
    reply = await (await margaret.submit(opener, values)).reply()
    assert "is now Vivid" in reply.text and reply.ephemeral
    message = await scene.painted(await scene.ada.slash("imagine", prompt="a bat", lora1="riddle"))
    assert "riddle" in message.text
