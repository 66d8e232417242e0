"""Forged custom_ids get an error reply, with any number or key in them."""

from __future__ import annotations

import logging

import pytest

from playground import component_shapes, default_world
from playground.visible_message import VisibleMessage
from tests.discord.conftest import Scene

pytestmark = pytest.mark.asyncio(loop_scope="session")

TOO_MUCH = str(2**63)
FORGED = [
    f"deletenow:{TOO_MUCH}", f"deletenow:{'9' * 18}", f"svwordgone:words:0:{TOO_MUCH}.1", "svwordgone:words:0:1.x",
    f"again:{TOO_MUCH}", f"cancel:{TOO_MUCH}", f"mark:{TOO_MUCH}:1:", f"decl:{TOO_MUCH}", f"stdraft:{TOO_MUCH}",
    f"crate:{TOO_MUCH}", f"undelete:{TOO_MUCH}", f"undelete:{'9' * 18}",
    f"swap:1:0:{TOO_MUCH}", f"pg:hi:>{TOO_MUCH}:::", f"skuse:{TOO_MUCH}", f"pg:mk:0:~{TOO_MUCH}", "pg:mk:0:~x",
    "pg:nothing:0:", "fi:sk:0:", f"skdelete:1:sk:{TOO_MUCH}:",
    "go:mk:x:A-::0.", f"bmu:{'9' * 18}:99:bm:0:A-::0.", "bmu:1:0:bm:0:A-::0.", "set:private:2", "queue:cancel-all:1",
    f"queue:cancel-own:{TOO_MUCH}:0", f"queue:cancel-any:{'9' * 18}:0", "queue:cancel-own:1:ga:0:n-::0.",
    "queue:cancel-any:1:x", f"queue:pause:1:{TOO_MUCH}", f"queue:pause:1:{9 * 10**18}", "guide:go:nowhere",
    "guide:open:nowhere:", "guide:open:market:x", "pg:hi:0:nothing", f"pg:hi:0:{TOO_MUCH}::",
    f"pg:allqueue:{TOO_MUCH}:", f"go:sk:{TOO_MUCH}:",
    f"stout:1:{'9' * 30}", "stnudge:1:1", f"stnudge:1:{TOO_MUCH}:x", "nobody:1", "again:٣", f"again:{'9' * 18}",
    f"pg:home:0:{TOO_MUCH}.", "pg:nowhere:0:1.", f"svunblock:blocks:0:1.person:{TOO_MUCH}", f"svsetup:{TOO_MUCH}",
    f"pg:limits:0:1.role.{'9' * 19}", f"pg:audit:>{'9' * 18}:1..", f"svblockthis:{TOO_MUCH}:1",
    f"propose:{'9' * 18}", "svwordagain:words:0:1.x",
    f"askphrase:{TOO_MUCH}", f"askphrase:{'9' * 18}", f"phallow:{TOO_MUCH}:1", f"phallow:1:{'9' * 18}",
    f"phdismiss:{TOO_MUCH}:1", f"phdismiss:1:{'9' * 18}", f"svphraserm:phrases:0:1.:{'9' * 18}",
    f"svphraserm:phrases:0:1.:{TOO_MUCH}", f"svphraseadd:phrases:0:{TOO_MUCH}.",
    f"pg:phrases:{'9' * 6}:1.",
    f"rphide:{TOO_MUCH}:1", f"rplook:1:{'9' * 18}",
    f"rptakeback:1:{'9' * 18}", f"rptakeback:1:{TOO_MUCH}",
    f"rpuphold:1:{'9' * 18}", f"appeal:{'9' * 18}", f"appeal:{TOO_MUCH}",
    f"rppublished:{TOO_MUCH}", f"rppublished:{'9' * 18}", f"feature:1:publication:{TOO_MUCH}",
    f"feature:1:lora:{'9' * 18}", f"feature:0:publication:{'9' * 18}", f"gallery:{TOO_MUCH}:", f"gallery::{TOO_MUCH}",
    f"gallery:{'9' * 18}:{'9' * 20}", f"pg:ga:>{TOO_MUCH}.1:n-::0.", "pg:ga:<1.1:~x", "every:ga:0:~x",
    f"every:ga:0:~{TOO_MUCH}", "every:hi:0:::",
    f"gallery::{'9' * 20}", f"pg:ga:>{'9' * 18}.{'9' * 10}:n-::0.", f"every:ga:{'9' * 18}:n-::0.",
    *(f"{name}:{number}" for name in
      ("publish", "like", "unlike", "usesame", "unpublish", "unpublishnow", "keeppub", "remixpub")
      for number in (TOO_MUCH, "9" * 18, "-1")),
    *(f"{name}:{choice}" for name in ("pubpicture", "pubprompt", "pubconfirm")
      for choice in (f"{'9' * 18}:0:1:1", f"1:0:{TOO_MUCH}:1", f"{TOO_MUCH}:0:1:1", "1:10:1:1", "1:0:1:2", "1:0:0:0")),
    f"svartout:1:art:0::{'9' * 18}", f"svartout:1:art:0::{TOO_MUCH}", f"svartout:{TOO_MUCH}:art:0::1",
    f"report:lora:{TOO_MUCH}", f"svcase:reports:0:1.:{'9' * 18}", "svrpshare:reports:0:1.:2",
    f"pg:reports:0:1.{'é' * 40}", "pg:home:0:-5.", "pg:places:0:1", "svjson:mk:0:1.", "svrpshare:mk:0:1.:1",
    f"addis:{TOO_MUCH}:style", "addis:1:nothing",
    f"addstop:{TOO_MUCH}", f"addstop:{'9' * 18}", f"addcat:{TOO_MUCH}", f"addcat:{'9' * 18}", "addlink:c::",
    f"addlink:{'9' * 18}:0", f"addlink:{TOO_MUCH}:0", "addlink:1:99", f"addpaint:{'9' * 18}", f"addpaint:{TOO_MUCH}",
    f"addpick:{'9' * 18}", f"addpick:{TOO_MUCH}", "addpick:", "addpick:x",
    f"newer:{'e' * 64}", "newer:xyz", "newerlist", "set:updates:2",
    "privacy-export:999999999", f"privacy-export:{TOO_MUCH}",
]  # fmt: skip


@pytest.mark.parametrize("forged", FORGED)
async def test_a_forged_custom_id_gets_an_error_reply(
    scene: Scene, forged: str, caplog: pytest.LogCaptureFixture
) -> None:
    linus = scene.control.person("Linus")
    page = await (await linus.slash("guide")).reply()
    message = scene.playground.world.messages[page.id]
    button = next(part for part in component_shapes.walk(message.components) if part.get("label") == "Next")
    button["custom_id"] = forged
    answer = await (await linus.press(page, forged)).reply()
    assert answer.ephemeral and "went wrong" not in answer.text and answer.text.strip()
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize("chapter", ["nowhere", "lora"])
async def test_a_forged_question_gets_an_error_reply(
    scene: Scene, chapter: str, caplog: pytest.LogCaptureFixture
) -> None:
    linus = scene.control.person("Linus")
    page = await (await linus.slash("guide", chapter="goal")).reply()
    message = scene.playground.world.messages[page.id]
    menu = next(part for part in component_shapes.walk(message.components) if part.get("custom_id") == "guide:ask:goal")
    menu["custom_id"] = f"guide:ask:{chapter}"
    answer = await (await linus.select(page, menu["custom_id"], menu["options"][0]["value"])).reply()
    assert answer.ephemeral and "outdated" in answer.text
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


LIST = "0:A-::0."  # the first page by name
MENUS = [
    f"so:mk:{LIST}",
    f"ca:mk:{LIST}",
    f"mkl:mk:{LIST}",
    f"mkm:mk:{LIST}",
    f"bml:bm:{LIST}",
    f"bmm:bm:{LIST}",
    "set:size",
    "guide:menu",
    "with:1",
    "stothers:1",
    "pubchannel:1:0:1:1",
    "opengallery:list",
]


@pytest.mark.parametrize("menu", MENUS)
async def test_a_menu_without_a_choice_gets_an_error_reply(
    scene: Scene, menu: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await chosen(scene, menu, 0)
    assert answer.ephemeral and "outdated" in answer.text
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize("menu", [f"mkm:mk:{LIST}", f"bmm:bm:{LIST}", "with:1", "stothers:1"])
@pytest.mark.parametrize("value", ["x", "-1", "²", TOO_MUCH])
async def test_a_menu_of_loras_refuses_what_is_none(scene: Scene, menu: str, value: str) -> None:
    assert "outdated" in (await chosen(scene, menu, 1, value)).text


@pytest.mark.parametrize("value", ["v1", "f0123456789abcdef", "x", ""])
async def test_a_choice_of_nobody_adds_nothing(scene: Scene, value: str) -> None:
    answer = await chosen(scene, f"addpick:{'9' * 18}", 1, value, who="Grace")
    assert answer.ephemeral and ("expired" in answer.text or "You cannot add LoRAs in Discord" in answer.text)


@pytest.mark.parametrize("channel", [default_world.TEA_TABLE, default_world.STAFF_ROLE, "9" * 18])
async def test_art_channels_are_channels_of_the_server_and_staff_choose_them(scene: Scene, channel: str) -> None:
    menu = f"svartadd:art:0:{default_world.WORKSHOP}."
    assert "do not let you use /server or its buttons here" in (await chosen(scene, menu, 1, channel)).text
    assert "outdated" in (await chosen(scene, menu, 1, channel, who="Margaret")).text


async def chosen(scene: Scene, custom_id: str, least: int, *values: str, who: str = "Linus") -> VisibleMessage:
    """The reply to a choice of `values` in a forged menu, which asks for `least` of them."""
    person = scene.control.person(who)
    page = await (await person.slash("settings")).reply()
    message = scene.playground.world.messages[page.id]
    menu = next(part for part in component_shapes.walk(message.components) if part.get("custom_id") == "set:size")
    options = [{"label": value, "value": value} for value in values or ("x",)]
    menu.update(custom_id=custom_id, min_values=least, max_values=1, options=options)
    return await (await person.select(page, custom_id, *values)).reply()


async def test_a_jump_from_the_last_thinkable_page_opens_its_form(scene: Scene) -> None:
    linus = scene.control.person("Linus")
    page = await (await linus.slash("guide")).reply()
    message = scene.playground.world.messages[page.id]
    button = next(part for part in component_shapes.walk(message.components) if part.get("label") == "Next")
    button["custom_id"] = f"go:mk:999999:{LIST.partition(':')[2]}"
    form = await linus.press(page, button["custom_id"])
    assert (await form.modal())["title"] == "Go to page"
    await linus.submit(form)
    await scene.control.wait_message(page.id, lambda seen: "## Market" in seen.text)
