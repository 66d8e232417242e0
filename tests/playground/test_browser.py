"""The page in a real browser: escaping, commands, live edits. Skipped where there is no Playwright or Chromium."""

import asyncio
import shutil
from collections.abc import AsyncIterator

import discord
import pytest

from playground import default_world

from .conftest import TIMEOUT_SECONDS, Stage

playwright = pytest.importorskip("playwright.async_api", reason="Playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
playwright.expect.set_options(timeout=TIMEOUT_SECONDS * 1000)  # five seconds are not enough for a busy machine

CHROMIUM_FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
SCROLL_UP = """() => new Promise((scrolled) => {
  const messages = document.getElementById("messages");
  messages.addEventListener("scroll", scrolled, { once: true });  // after the page, which listens too
  messages.scrollTop = 0;
})"""
MARKUP = "<img src=x onerror=\"document.title='broken'\"> **bold** <b>no</b> [x](javascript:alert(1))"


@pytest.fixture
async def page(stage: Stage) -> AsyncIterator[object]:
    async with playwright.async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=CHROMIUM, args=list(CHROMIUM_FLAGS))
        opened = await browser.new_page()
        opened.set_default_timeout(TIMEOUT_SECONDS * 1000)
        faults: list[str] = []
        opened.on("pageerror", lambda error: faults.append(str(error)))
        opened.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
        await opened.goto(f"{stage.playground.page_url}#as=Ada&channel=general")
        await opened.get_by_test_id("message-input").wait_for()
        yield opened
        await browser.close()
        assert faults == []


async def test_nothing_a_bot_writes_becomes_markup(stage: Stage, page) -> None:
    async def answer(interaction: discord.Interaction) -> None:
        embed = discord.Embed(title=MARKUP[:200], description=MARKUP)
        view = discord.ui.View()
        view.add_item(discord.ui.Button(label="<b>label</b>", custom_id="x"))
        await interaction.response.send_message(MARKUP, embed=embed, view=view)

    await stage.answering(answer)
    await stage.ada.slash("do")
    message = page.get_by_test_id("message")
    await message.wait_for()
    assert await message.locator("img, a").count() == 0
    assert "<b>no</b>" in await message.inner_text()
    assert await message.locator(".prose b").first.inner_text() == "bold"
    assert await page.get_by_role("button", name="<b>label</b>").count() == 1
    assert await page.title() == "Local playground"


async def test_a_command_is_picked_typed_and_answered(stage: Stage, page) -> None:
    async def answer(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("psst", ephemeral=True)
        await interaction.edit_original_response(content="edited")

    await stage.answering(answer)
    await page.get_by_test_id("presence").get_by_text("Easel is connected").wait_for()
    await page.get_by_test_id("message-input").fill("/d")
    await page.get_by_test_id("command").wait_for()
    await page.keyboard.press("Enter")
    await page.get_by_test_id("command-send").press("Enter")
    message = page.get_by_test_id("message")
    await message.get_by_text("edited").first.wait_for()
    await page.get_by_test_id("dismiss").click()
    await message.wait_for(state="detached")


async def test_a_modal_opens_and_is_sent(stage: Stage, page) -> None:
    class Form(discord.ui.Modal, title="Form"):
        name = discord.ui.TextInput(label="Name")

        async def on_submit(self, interaction: discord.Interaction) -> None:
            await interaction.response.send_message(f"hello {self.name.value}")

    class Buttons(discord.ui.View):
        @discord.ui.button(label="Open")
        async def open(self, interaction: discord.Interaction, button: discord.ui.Button["Buttons"]) -> None:
            await interaction.response.send_modal(Form())

    async def answer(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("press", view=Buttons())

    await stage.answering(answer)
    await stage.grace.slash("do")
    await page.get_by_role("button", name="Open").click()
    await page.get_by_test_id("modal-input").fill("Nora")
    await page.get_by_test_id("modal-submit").click()
    await page.get_by_text("hello Nora").wait_for()
    assert not await page.get_by_test_id("modal").is_visible()


async def test_menus_show_what_is_chosen(stage: Stage, page) -> None:
    channel = stage.playground.world.channels
    first, second = list(channel.values())[:2]
    given = [discord.SelectDefaultValue(id=int(first.id), type=discord.SelectDefaultValueType.channel)]
    chosen: list[list[str]] = []

    class Menu(discord.ui.ChannelSelect[discord.ui.View]):
        async def callback(self, interaction: discord.Interaction) -> None:
            chosen.append([str(each.id) for each in self.values])
            await interaction.response.send_message("chosen")

    async def answer(interaction: discord.Interaction) -> None:
        view = discord.ui.View()
        view.add_item(Menu(custom_id="one", placeholder="One", default_values=given))
        view.add_item(Menu(custom_id="several", placeholder="Several", max_values=5, default_values=given))
        await interaction.response.send_message("choose", view=view)

    async def ask(interaction: discord.Interaction) -> None:
        modal = discord.ui.Modal(title="Form")
        menu = Menu(custom_id="modal", default_values=given)
        modal.add_item(discord.ui.Label(text="Channel", component=menu))
        await interaction.response.send_modal(modal)

    stage.bot.command(ask, "ask")
    await stage.answering(answer)
    await stage.ada.slash("do")
    one, several = page.locator("[data-custom-id=one]"), page.locator("[data-custom-id=several]")
    await playwright.expect(one).to_have_value(first.id)
    await several.locator("summary").click()
    await playwright.expect(several.locator("input:checked")).to_have_count(1)
    await several.get_by_label(f"#{second.name}").check()
    await several.get_by_role("button", name="Choose").click()
    await page.get_by_text("chosen", exact=True).wait_for()
    assert [sorted(each) for each in chosen] == [sorted([first.id, second.id])]
    await page.get_by_test_id("message-input").fill("/ask ")
    await page.get_by_test_id("command-send").click()
    await playwright.expect(page.locator("select[data-custom-id=modal]")).to_have_value(first.id)


async def test_a_menu_for_one_choice_that_may_be_empty_takes_one_or_none(stage: Stage, page) -> None:
    chosen: list[list[str]] = []

    class Menu(discord.ui.Select[discord.ui.View]):
        async def callback(self, interaction: discord.Interaction) -> None:
            chosen.append(self.values)
            await interaction.response.send_message(f"chosen: {len(chosen)}")

    async def answer(interaction: discord.Interaction) -> None:
        view = discord.ui.View()
        options = [discord.SelectOption(label=name, default=name == "red") for name in ("red", "green")]
        view.add_item(Menu(custom_id="colour", options=options, min_values=0, max_values=1))
        await interaction.response.send_message("choose", view=view)

    await stage.answering(answer)
    await stage.ada.slash("do")
    menu = page.locator("[data-custom-id=colour]")
    await menu.locator("summary").click()
    await menu.get_by_label("green").check()
    await playwright.expect(menu.get_by_label("red")).not_to_be_checked()
    await menu.get_by_role("button", name="Choose").click()
    await page.get_by_text("chosen: 1").wait_for()
    await menu.get_by_label("green").uncheck()
    await menu.get_by_role("button", name="Choose").click()
    await page.get_by_text("chosen: 2").wait_for()
    assert chosen == [["green"], []]


async def test_a_command_from_a_menu_is_not_shown_as_typed(stage: Stage, page) -> None:
    async def answer(interaction: discord.Interaction, message: discord.Message) -> None:
        await interaction.response.send_message("looked at")

    stage.bot.tree.add_command(discord.app_commands.ContextMenu(name="Look at", callback=answer))
    await stage.start()
    await stage.ada.message_command("Look at", await stage.ada.say("hello"))
    await page.get_by_text("looked at").wait_for()
    assert await page.locator(".used").last.inner_text() == "Ada used Look at"


async def test_what_is_answered_is_shown_as_people_read_it(stage: Stage, page) -> None:
    class Buttons(discord.ui.View):
        @discord.ui.button(label="More")
        async def more(self, interaction: discord.Interaction, button: discord.ui.Button["Buttons"]) -> None:
            await interaction.response.send_message("more")

    async def answer(interaction: discord.Interaction) -> None:
        await interaction.response.send_message(f"-# by {interaction.user.mention} · **a\\_b**\nsecond", view=Buttons())

    await stage.answering(answer)
    await stage.ada.slash("do")
    await page.get_by_role("button", name="More").click()
    await page.get_by_text("more", exact=True).wait_for()
    assert (await page.locator(".used").last.inner_text()).endswith("by @Ada · a_b")


async def test_the_page_scrolls_to_the_persons_own_message(stage: Stage, page) -> None:
    async def answer(interaction: discord.Interaction) -> None:
        await interaction.response.send_message(f"for {interaction.user.name}")

    await stage.answering(answer)
    for number in range(30):
        await stage.ada.say(f"line {number}\n.\n.")
    await playwright.expect(page.get_by_test_id("message")).to_have_count(30)  # each of Ada's own scrolls down
    await page.evaluate(SCROLL_UP)
    await stage.grace.slash("do")
    await page.get_by_text("for Grace").wait_for()
    assert await page.evaluate("document.getElementById('messages').scrollTop") == 0, "others take nobody away"
    await stage.ada.slash("do")
    await page.get_by_text("for Ada").wait_for()
    await playwright.expect(page.get_by_text("for Ada")).to_be_in_viewport()


async def test_people_set_who_may_do_what_in_a_server(stage: Stage, page) -> None:
    async def answer(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("done")

    async def choose(setting: str) -> None:
        await page.get_by_test_id("server-settings").click()
        await page.locator(f"[data-setting='{setting}']").click()

    async def submit() -> None:
        await page.get_by_test_id("modal-submit").click()
        await page.get_by_test_id("modal").wait_for(state="hidden")

    world = stage.playground.world
    workshop = world.guilds[default_world.WORKSHOP]
    await stage.answering(answer)
    await page.get_by_test_id("act-as").click()
    await page.locator("[data-person=Grace]").click()
    await page.locator("[data-testid=act-as]", has_text="Grace").wait_for()

    await choose("Linus")
    await page.get_by_label("Artists").check()
    await page.get_by_label("Time-out").select_option("One hour")
    await submit()
    assert workshop.members[default_world.LINUS].roles == [default_world.ARTIST_ROLE]
    await page.get_by_test_id("server-settings").click()
    await page.get_by_text("Member, Artists, timed out").wait_for()
    await page.locator("[data-setting=Linus]").click()
    await page.get_by_label("Member", exact=True).uncheck()
    await submit()
    assert default_world.LINUS not in workshop.members

    await choose("Who may use commands")
    await page.get_by_label("Command", exact=True).select_option("do")
    await page.get_by_test_id("modal-submit").click()
    await page.get_by_label("All channels").select_option("Closed")
    await page.get_by_label("#art").select_option("Allowed")
    await submit()
    assert [len(await stage.ada.commands(place)) for place in ("general", "art")] == [0, 1]

    await choose("This server")
    await page.get_by_label("Age restriction").select_option("Age-restricted")
    await page.get_by_label("Easel is in this server").uncheck()
    await submit()
    await stage.bot.until("guild_remove")
    await page.get_by_role("heading", name="Workshop 18+ (without the bot)").wait_for()


async def test_nobody_is_shown_as_connected_to_a_playground_that_is_gone(stage: Stage, page) -> None:
    first, gone = asyncio.get_running_loop().create_future(), asyncio.Event()

    async def connect(socket) -> None:
        if first.done():
            await gone.wait()  # as it is while nothing listens
        else:
            socket.connect_to_server()
            first.set_result(socket)

    await stage.answering(lambda interaction: interaction.response.send_message("here"))
    await page.route_web_socket("**/control/live*", connect)
    await page.reload()
    presence = page.get_by_test_id("presence")
    await presence.get_by_text("Easel is connected").wait_for()
    await (await first).close()
    await presence.get_by_text("Easel is not connected").wait_for()
    gone.set()
