"""A report in the browser, with screenshots: reported, deleted everywhere, appealed, answered, each on a phone too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from playground.control import Control
from tests.browser.conftest import picture
from tests.browser.test_moderator import section
from tools.screenshots.demo_page import DESKTOP, PHONE, Demo, command, last, open_page, painted, running_demo, scroll_to

pytestmark = pytest.mark.asyncio(loop_scope="session")

PROMPT = "a large red star on a blue background"
OWNER, REPORTER, STAFF = "Ada", "Linus", "Grace"
CHANNEL, STAFF_CHANNEL, LETTERS = "general", "staff-room", "Easel"
PICTURE = "[data-testid=picture], [data-testid=gallery], img"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reported")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(folder: Path) -> AsyncIterator[Demo]:
    """A demo of its own. The bot may post among staff there."""
    async with running_demo(folder) as demo:
        yield demo


async def pictures(page: Page, name: str) -> None:
    """Screenshots of the page as it is, and on a phone, where it may not scroll sideways."""
    await picture(page, name)
    await page.set_viewport_size(PHONE)
    width = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert width <= 0, f"{name}: the page scrolls sideways"
    await scroll_to(last(page))
    await picture(page, f"{name}-on-a-phone")
    await page.set_viewport_size(DESKTOP)


async def choose_from_menu(message: Locator, name: str) -> None:
    """Choose a command from a message's menu."""
    await message.hover()
    await message.get_by_test_id("message-menu").click()
    await message.get_by_test_id("menu-item").filter(has_text=name).first.click()


async def press(page: Page, name: str) -> Locator:
    """Press a button of the newest message that has it; the newest message afterwards."""
    await page.get_by_role("button", name=name, exact=True).last.click()
    return last(page)


def files(folder: Path) -> set[str]:
    """What is kept of pictures: themselves, and small ones."""
    return {path.name for kind in ("*.png", "*.webp") for path in folder.rglob(kind) if "job" in path.name}


async def test_a_reported_picture_is_deleted_everywhere_and_its_owner_is_answered(
    demo: Demo, browser: Browser, folder: Path
) -> None:
    async with open_page(browser, demo, STAFF) as page:
        await command(page, "server")
        panel = await section(page, "Reports", "No open reports")
        menu = panel.locator("[data-custom-id^='svrpchannel:']")
        await menu.locator("summary").click()
        await menu.get_by_label(f"#{STAFF_CHANNEL}").check()
        await menu.get_by_role("button", name="Choose").click()
        await expect(panel).to_contain_text("Reports channel: #staff-room")
        await expect(panel).not_to_contain_text("Easel cannot post")
        await pictures(page, "30-where-reports-go")

    async with open_page(browser, demo, OWNER) as owner, open_page(browser, demo, REPORTER) as reporter:
        await command(owner, "imagine", prompt=PROMPT)
        await painted(last(owner))
        kept = files(folder)
        assert kept
        await command(owner, "history")
        await expect(last(owner)).to_contain_text(PROMPT)
        await press(owner, "Open")
        copy = last(owner)
        await expect(copy.get_by_test_id("only-you")).to_be_visible()
        await painted(copy)

        public = last(reporter)
        await painted(public)
        await choose_from_menu(public, "Report")
        await expect(reporter.locator("dialog[open]")).to_contain_text("Reason for the report")
        form = reporter.locator("dialog[open]")
        await form.locator("[data-custom-id=reason] [value=hateful_or_harassing]").check()
        await form.locator("[data-custom-id=note]").fill("It mocks a friend of mine.")
        await pictures(reporter, "31-the-form")
        await reporter.get_by_test_id("modal-submit").click()
        await expect(last(reporter)).to_contain_text("No one else learns that you sent the report")
        hidden = reporter.get_by_test_id("message").filter(has_text="This picture was reported")
        await expect(hidden).to_be_visible()
        await expect(hidden.locator(PICTURE)).to_have_count(0)
        await pictures(reporter, "32-reported")

    async with open_page(browser, demo, STAFF, STAFF_CHANNEL) as page:
        case = last(page)
        await expect(case).to_contain_text("hateful or harassing")
        await expect(case).to_contain_text("It mocks a friend of mine.")
        await expect(case.locator("img").first).to_be_visible()
        await pictures(page, "33-the-case")
        await press(page, "Delete everywhere")
        await expect(page.locator("dialog[open]")).to_contain_text("cannot be undone, even after an appeal")
        await page.locator("dialog[open] [data-custom-id=note]").fill("We do not mock people here.")
        await pictures(page, "34-delete-everywhere")
        await page.get_by_test_id("modal-submit").click()
        await expect(case).to_contain_text("Deleted everywhere")
        await expect(case.locator(PICTURE)).to_have_count(0)
        await pictures(page, "35-decided")

    await nothing_is_left(demo, browser, folder, kept)

    async with open_page(browser, demo, OWNER, LETTERS) as page:
        notice = page.get_by_test_id("message").filter(has_text="deleted one of your pictures")
        await expect(notice).to_contain_text("We do not mock people here.")
        await pictures(page, "38-the-notice")
        await press(page, "Appeal")
        await page.locator("dialog[open] [data-custom-id=text]").fill("My friend asked me for it. It is *her* star.")
        await pictures(page, "39-the-appeal")
        await page.get_by_test_id("modal-submit").click()
        await expect(last(page)).to_contain_text("You will get a message with the outcome")
        await pictures(page, "40-appealed")

    async with open_page(browser, demo, STAFF, STAFF_CHANNEL) as page:
        case = last(page)
        await expect(case).to_contain_text("My friend asked me for it. It is *her* star.")
        await pictures(page, "41-the-appeal-among-staff")
        await press(page, "Reverse decision")
        await expect(case).to_contain_text("Decision reversed")
        await expect(case.get_by_test_id("component-button")).to_have_count(0)
        await pictures(page, "42-answered")

    async with open_page(browser, demo, OWNER, LETTERS) as page:
        answer = page.get_by_test_id("message").filter(has_text="reviewed the decision and reversed it")
        await expect(answer).to_contain_text("We are sorry")
        await pictures(page, "43-the-answer")
        await page.get_by_role("button", name="Appeal").first.click()
        await expect(last(page)).to_contain_text("already")
        await pictures(page, "44-appealed-twice")


async def nothing_is_left(demo: Demo, browser: Browser, folder: Path, kept: set[str]) -> None:
    """The picture is in no message, list or folder, and whoever presses its buttons reads a kind sentence."""
    async with Control.connect(demo.page_url) as control:
        for place, who in ((CHANNEL, None), (STAFF_CHANNEL, None), ("dm", OWNER), ("dm", REPORTER)):
            shown = [seen for seen in await control.messages(place, who) if seen.attachments and not seen.ephemeral]
            assert not shown, f"{place}: {shown}"
    async with open_page(browser, demo, OWNER) as page:
        copy = page.get_by_test_id("message").filter(has_text="seed")
        for name in ("Again", "Vary", "Edit", "Details"):
            await copy.get_by_role("button", name=name).first.click()
            await expect(last(page)).to_contain_text("This picture is no longer in the database.")
        await pictures(page, "36-dead-buttons")
        for name in ("history", "bookmarks", "stack list"):
            await command(page, name)
            await expect(last(page).get_by_test_id("only-you")).to_be_visible()
            await expect(last(page)).not_to_contain_text(PROMPT)
            await expect(last(page).locator(PICTURE)).to_have_count(0)
        await pictures(page, "37-nothing-is-left")
    assert not kept & files(folder)
