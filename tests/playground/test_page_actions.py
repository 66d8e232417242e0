"""The page in a real browser, used with the keyboard and on a phone: the message box, the menu of people."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from playground import Playground, default_world, interactions

from .conftest import TIMEOUT_SECONDS, Rest
from .test_browser import CHROMIUM_FLAGS

playwright = pytest.importorskip("playwright.async_api", reason="Playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
    pytest.mark.asyncio(loop_scope="module"),
]

SUBCOMMAND, STRING, INTEGER, BOOLEAN, USER, ATTACHMENT = 1, 3, 4, 5, 6, 11


DESKTOP = {"width": 1040, "height": 800}


def option(kind: int, name: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "name": name, "description": f"The {name}", **more}


CODE = option(STRING, "code", required=True)
COMMANDS = [
    {
        "name": "imagine",
        "description": "Paint",
        "options": [
            option(STRING, "prompt", required=True),
            option(STRING, "lora1", autocomplete=True),
            option(STRING, "size", choices=[{"name": "Square", "value": "1:1"}, {"name": "Wide", "value": "3:2"}]),
            option(INTEGER, "steps", min_value=1, max_value=150),
            option(ATTACHMENT, "image"),
            option(BOOLEAN, "private"),
            option(USER, "artist"),
        ],
    },
    {
        "name": "stack",
        "description": "Stacks",
        "options": [option(SUBCOMMAND, "import", options=[CODE]), option(SUBCOMMAND, "list")],
    },
    {"name": "history", "description": "Pictures", "options": [option(STRING, "lora")]},
    {"name": "queue", "description": "Waiting"},
    {"name": "reload", "description": "For staff", "default_member_permissions": str(1 << 5)},
]


@dataclass
class Composer:
    """The page as Ada, and what it has sent."""

    page: Any
    playground: Playground
    rest: Rest

    @property
    def input(self) -> Any:
        return self.page.get_by_test_id("message-input")

    @property
    def rows(self) -> Any:
        return self.page.get_by_test_id("command")

    def field(self, name: str) -> Any:
        return self.page.locator(f"[data-testid=option-input][data-option={name}]")

    async def type(self, keys: str) -> None:
        """Press one key after the other, wherever the focus is; `\\n` is Enter."""
        await self.page.keyboard.type(keys)

    async def names(self) -> list[str]:
        return [await row.get_attribute("data-command") for row in await self.rows.all()]

    async def interactions(self, kind: int, count: int) -> list[Any]:
        """Wait for so many interactions of a kind: 2 for commands, 4 for autocomplete."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while len(found := [i for i in self.playground.world.interactions.values() if i.type == kind]) < count:
                await self.playground.changes.wait(self.playground.changes.version, TIMEOUT_SECONDS)
        return found

    async def asked(self, name: str, typed: str) -> Any:
        """Wait until suggestions are asked for what is typed in an option; who types slowly asks for less before."""
        number = 0
        while True:
            number += 1
            newest = (await self.interactions(4, number))[-1]
            focused = next(option for option in newest.data["options"] if option.get("focused"))
            if (focused["name"], focused["value"]) == (name, typed):
                return newest

    async def sent(self, number: int = 1) -> tuple[str, dict[str, Any]]:
        """The command with this number, with its options, once the message box is back."""
        made = (await self.interactions(2, number))[number - 1]
        await self.input.wait_for()
        options = made.data.get("options", [])
        while options and options[0]["type"] == SUBCOMMAND:
            options = options[0].get("options", [])
        return made.name, {one["name"]: one["value"] for one in options}

    def said(self) -> list[str]:
        return [one.content for one in self.playground.world.messages.values()]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened() -> AsyncIterator[Composer]:
    """One page for all tests, because a browser starts slowly. A busy machine has time to answer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(interactions, "ANSWER_SECONDS", TIMEOUT_SECONDS)
        async with open_composer() as composer:
            yield composer


@asynccontextmanager
async def open_composer() -> AsyncIterator[Composer]:
    """The page of a playground with the commands, in which nothing may go wrong."""
    async with (
        Playground.serve(suggestions=["/imagine a red star", "/away", "/reload"]) as playground,
        aiohttp.ClientSession() as session,
        playwright.async_playwright() as driver,
    ):
        rest = Rest(playground, session)
        await rest("PUT", "/applications/{app}/commands", COMMANDS)
        browser = await driver.chromium.launch(executable_path=CHROMIUM, args=list(CHROMIUM_FLAGS))
        page = await browser.new_page(viewport=DESKTOP)
        page.set_default_timeout(TIMEOUT_SECONDS * 1000)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        await page.goto(f"{playground.page_url}#as=Ada&channel=general")
        await page.get_by_text("Type / to see what Easel does").wait_for()  # it knows the commands
        yield Composer(page, playground, rest)
        await browser.close()
        assert errors == []


@pytest_asyncio.fixture(loop_scope="module")
async def composer(opened: Composer) -> Composer:
    """An empty message box, and nothing sent yet."""
    # Nobody answers what the test before has sent: some time later the page would tell of it in this test.
    opened.playground.clock.stop()
    opened.playground.world.interactions.clear()
    for message in list(opened.playground.world.messages.values()):
        opened.playground.world.forget(message)
        opened.playground.events.message_deleted(message)
    await opened.page.set_viewport_size(DESKTOP)
    cancel = opened.page.get_by_test_id("command-cancel")
    if await cancel.is_visible():
        await cancel.click()
    await opened.input.fill("")
    await playwright.expect(opened.page.get_by_test_id("message")).to_have_count(0)
    return opened


async def test_without_easel_the_page_says_how_to_go_on(composer: Composer) -> None:
    async def refuse(route: Any) -> None:
        await route.abort("connectionrefused")  # as it is when nothing listens

    await composer.page.route("**/control/say", refuse)
    await composer.type("hello\n")
    await playwright.expect(composer.page.locator("#notice")).to_have_text(
        "Easel is not running. Start it, then reload this page."
    )
    assert await composer.input.input_value() == "hello"
    await composer.page.unroute("**/control/say")


async def test_a_refused_choice_does_not_stay_ticked(composer: Composer) -> None:
    options = [{"label": name, "value": name, "default": name == "red"} for name in ("red", "green")]
    menu = {"type": 3, "custom_id": "colours", "options": options, "max_values": 2}
    message = {"content": "choose", "components": [{"type": 1, "components": [menu]}]}
    await composer.rest("POST", f"/channels/{default_world.GENERAL}/messages", message)
    drawn = composer.page.locator("[data-custom-id=colours]")
    await drawn.locator("summary").click()
    await drawn.get_by_label("red").uncheck()
    await drawn.get_by_role("button", name="Choose").click()
    await composer.page.get_by_text("takes 1 to 2 choices, not 0").wait_for()
    await playwright.expect(drawn.get_by_label("red")).to_be_checked()
    await playwright.expect(drawn.get_by_label("green")).not_to_be_checked()


LINES = [
    ("/imagine a red star", "imagine", {"prompt": "a red star"}),
    ("/imagine prompt:a red star", "imagine", {"prompt": "a red star"}),
    ("/ima a red star", "imagine", {"prompt": "a red star"}),
    ("/IMAGINE A Star", "imagine", {"prompt": "A Star"}),
    ("/imagine a red star steps:20 size:wide", "imagine", {"prompt": "a red star", "steps": 20, "size": "3:2"}),
    ("/imagine steps:20 prompt:a star, seed: 5", "imagine", {"prompt": "a star, seed: 5", "steps": 20}),
    (
        "/imagine private:no artist:@grace prompt:x",
        "imagine",
        {"prompt": "x", "private": False, "artist": default_world.GRACE},
    ),
    ("/stack import 2345-6789", "stack import", {"code": "2345-6789"}),
    ("/stack imp 2345-6789", "stack import", {"code": "2345-6789"}),
    ("/history komori", "history", {"lora": "komori"}),
]


@pytest.mark.parametrize(("line", "command", "options"), LINES)
async def test_a_line_is_a_command(composer: Composer, line: str, command: str, options: dict[str, Any]) -> None:
    await composer.type(f"{line}\n")
    assert await composer.sent() == (command, options)
    await composer.input.fill(line)  # all at once, as it is pasted
    await composer.page.keyboard.press("Enter")
    assert await composer.sent(2) == (command, options)
    assert composer.said() == []


@pytest.mark.parametrize(
    ("keys", "command", "options"),
    [
        (["/sta", "ArrowDown", "Enter", "Enter"], "stack list", {}),
        (["/sta", "ArrowUp", "Tab", "Enter"], "stack list", {}),
        (["/i", "Tab", "a star", "Enter"], "imagine", {"prompt": "a star"}),
        (["/imagin a star", "Enter", "Enter"], "imagine", {"prompt": "a star"}),
        (["/imgaine", "Enter", "a star", "Enter"], "imagine", {"prompt": "a star"}),
        (["/history", "Enter", "komori", "Enter"], "history", {"lora": "komori"}),
        (["/history ", "Enter"], "history", {}),
        (["/queue ", "Enter"], "queue", {}),
        (
            ["/imagine a star", "Backspace", " steps:9", "Backspace", "Backspace", "Enter"],
            "imagine",
            {"prompt": "a sta"},
        ),
    ],
)
async def test_keys_alone_pick_and_send(composer: Composer, keys: list[str], command: str, options: Any) -> None:
    for key in keys:
        if key in ("ArrowDown", "ArrowUp", "Enter", "Tab", "Backspace"):
            await composer.page.keyboard.press(key)
        else:
            await composer.type(key)
    assert await composer.sent() == (command, options)


async def test_the_list_is_fuzzy_and_puts_the_best_first(composer: Composer) -> None:
    for typed, names in (
        ("/", ["history", "imagine", "queue", "stack import", "stack list"]),
        ("/i", ["imagine", "stack import", "history", "stack list"]),
        ("/imp", ["stack import"]),
        ("/hsty", ["history"]),
        ("/stack", ["stack import", "stack list"]),
        ("/stack 2345-6789", ["stack import", "stack list"]),
        ("/qeuue", ["queue"]),
        ("// a remark", []),
    ):
        await composer.input.fill(typed)
        assert await composer.names() == names, typed
    await composer.input.fill("/qeuue")
    assert "no command /qeuue" in await composer.page.get_by_test_id("picker").inner_text()


async def test_an_unknown_command_is_a_hint_and_no_message(composer: Composer) -> None:
    picker = composer.page.get_by_test_id("picker")
    alert = picker.get_by_role("alert")
    for typed, told in (
        ("/paint a red star", "There is no command /paint here"),
        ("/reload now", "/reload is not offered to Ada here: this person lacks the permission"),
    ):
        await composer.input.fill(typed)
        await composer.page.keyboard.press("Escape")
        await composer.page.keyboard.press("Enter")
        assert told in await alert.inner_text()
        assert await composer.input.input_value() == typed
    assert composer.said() == []
    await composer.input.fill(" /paint is what I would call it")
    await composer.page.keyboard.press("Enter")
    await composer.page.get_by_test_id("message").wait_for()
    assert composer.said() == ["/paint is what I would call it"]


async def test_text_that_no_option_takes_is_told(composer: Composer) -> None:
    await composer.input.fill("/queue mine")
    notice = composer.page.get_by_test_id("notice")
    await playwright.expect(notice).to_have_text(re.compile("“mine” was left out"))


async def test_what_an_option_does_not_take_is_not_sent(composer: Composer) -> None:
    for field, value, problem in (
        ("steps", "many", "whole number"),
        ("steps", "151", "1 to 150"),
        ("size", "round", "list"),
    ):
        await composer.input.fill(f"/imagine a star {field}:{value}")
        await composer.page.keyboard.press("Enter")
        control = composer.field(field)
        await playwright.expect(control).to_be_focused()
        assert problem in await control.evaluate("control => control.validationMessage")
        await composer.page.get_by_test_id("command-cancel").click()
    assert not composer.playground.world.interactions


async def test_suggestions_of_the_bot_are_picked_with_the_keyboard(composer: Composer) -> None:
    await composer.type("/imagine a star lora1:kom")
    asked = await composer.asked("lora1", "kom")
    choices = [{"name": "Komori · Vivid", "value": "komori"}, {"name": "Komodo", "value": "komodo"}]
    await composer.rest(
        "POST", f"/interactions/{asked.id}/{asked.token}/callback", {"type": 8, "data": {"choices": choices}}
    )
    await composer.page.get_by_test_id("suggestion").first.wait_for()
    await composer.type("\n\n")
    assert await composer.sent() == ("imagine", {"prompt": "a star", "lora1": "komori"})


async def test_the_form_fits_a_phone(composer: Composer) -> None:
    await composer.page.set_viewport_size({"width": 390, "height": 600})
    await composer.input.fill("/imagine " + "a red star " * 30)
    for element in (composer.field("prompt"), composer.page.get_by_test_id("command-send")):
        await playwright.expect(element).to_be_in_viewport(ratio=1)
    await composer.page.locator("[data-testid=add-option][data-option=size]").click()
    await playwright.expect(composer.page.get_by_test_id("suggestion").first).to_be_in_viewport(ratio=1)
    assert await composer.page.evaluate("document.documentElement.scrollWidth") == 390
    await composer.page.get_by_test_id("suggestion").last.click()
    await composer.page.get_by_test_id("command-send").click()
    name, options = await composer.sent()
    assert (name, options["size"]) == ("imagine", "3:2")


async def test_an_empty_channel_suggests_commands_that_are_offered_there(composer: Composer) -> None:
    commands = composer.playground.world.commands
    offered = dict(commands)
    commands.clear()
    await composer.page.reload()
    await composer.page.get_by_text("Easel is not connected: start it").wait_for()
    commands.update(offered)
    composer.playground.events.world_changed()
    suggestion = composer.page.get_by_test_id("suggested-command")
    await suggestion.first.wait_for()
    assert await suggestion.all_inner_texts() == ["/imagine a red star"]
    await suggestion.click()
    await composer.page.keyboard.press("Enter")
    assert await composer.sent() == ("imagine", {"prompt": "a red star"})
    await composer.type("hello\n")
    await composer.page.get_by_test_id("message").wait_for()
    assert await suggestion.count() == 0


async def test_a_message_that_comes_while_the_channel_opens_stays(composer: Composer) -> None:
    read, held = asyncio.Event(), asyncio.Event()

    async def hold(route: Any) -> None:
        messages = await route.fetch()
        read.set()
        await held.wait()
        await route.fulfill(response=messages)

    await composer.page.route("**/control/messages?*", hold)
    await composer.page.reload()
    await read.wait()
    async with composer.page.expect_request_finished(lambda request: "/control/messages/" in request.url):
        await composer.rest("POST", f"/channels/{default_world.GENERAL}/messages", {"content": "just now"})
    held.set()
    await composer.page.unroute_all(behavior="wait")
    await composer.page.get_by_text("This is the start of").wait_for()
    await composer.page.get_by_text("just now").wait_for()


async def test_messages_are_read_once_the_page_is_told_of_new_ones(composer: Composer) -> None:
    happened = []

    async def open_late(socket: Any) -> None:
        for _ in range(20):
            await composer.page.context.cookies()  # the page could have read its messages in the meantime
        socket.connect_to_server()
        happened.append("told of changes")

    def note(request: Any) -> None:
        if (path := request.url.partition("?")[0]).endswith(("/control/messages", "/control/world")):
            happened.append(path.rpartition("/")[2])

    await composer.page.route_web_socket("**/control/live?*", open_late)
    composer.page.on("request", note)
    await composer.page.reload()
    await composer.page.get_by_text("This is the start of").wait_for()
    composer.page.remove_listener("request", note)
    assert happened[:4] == ["world", "told of changes", "world", "messages"]


async def test_the_menu_of_people_says_who_they_are(composer: Composer) -> None:
    button = composer.page.get_by_test_id("act-as")
    assert await button.inner_text() == "Ada\nMember, Artists"
    await button.focus()
    await composer.page.keyboard.press("Enter")
    people = composer.page.get_by_test_id("person")
    assert [text.split("\n")[:2] for text in await people.all_inner_texts()] == [
        ["Ada", "Member, Artists"],
        ["Grace", "Owner"],
        ["Margaret", "Staff"],
        ["Linus", "Newcomer"],
        ["Kai", "Not a member"],
    ]
    for person in await people.all():
        await playwright.expect(person).to_be_in_viewport(ratio=1)
    assert await people.first.get_attribute("aria-checked") == "true"
    await composer.page.keyboard.press("Escape")
    await playwright.expect(button).to_be_focused()
    await button.press("Enter")
    await composer.page.keyboard.press("ArrowDown")
    await composer.page.keyboard.press("ArrowDown")
    await composer.page.keyboard.press("Enter")
    await playwright.expect(button).to_have_text("MargaretStaff")
    await composer.input.fill("/reload")
    await composer.rows.first.wait_for()  # her commands are read after her name is shown
    assert await composer.names() == ["reload"]
    await button.click()
    await people.first.click()
    await playwright.expect(button).to_have_text("AdaMember, Artists")


async def test_components_wait_for_the_answer_to_the_last_one(composer: Composer) -> None:
    row = {
        "type": 1,
        "components": [{"type": 2, "style": 2, "label": label, "custom_id": label} for label in ("More", "Less")],
    }
    await composer.rest(
        "POST", f"/channels/{default_world.GENERAL}/messages", {"content": "How many?", "components": [row]}
    )
    message = composer.page.get_by_test_id("message").last
    more, less = (message.get_by_role("button", name=name) for name in ("More", "Less"))
    await more.focus()
    await composer.page.keyboard.press("Enter")
    await playwright.expect(less).to_be_disabled()
    (pressed,) = await composer.interactions(3, 1)
    await composer.rest(
        "POST", f"/interactions/{pressed.id}/{pressed.token}/callback", {"type": 7, "data": {"content": "Two."}}
    )
    await playwright.expect(message).to_contain_text("Two.")
    await playwright.expect(less).to_be_enabled()
    await playwright.expect(more).to_be_focused()


async def test_the_focus_is_kept(composer: Composer) -> None:
    page = composer.page
    address = page.url
    await page.locator("#skip").focus()
    await page.keyboard.press("Enter")
    await playwright.expect(composer.input).to_be_focused()
    assert page.url == address
    channel = page.locator("[data-channel=art]")
    await channel.focus()
    await page.keyboard.press("Enter")
    await playwright.expect(page.get_by_test_id("place-name")).to_have_text("# art")
    await playwright.expect(channel).to_be_focused()
    await page.locator("[data-channel=general]").click()
