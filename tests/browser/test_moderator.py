"""A moderator's first day in the browser, with screenshots: limits for a spammer, a blocked LoRA, the audit log."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from tests.browser.conftest import picture
from tools.screenshots.demo_page import PHONE, Demo, begin, choose, command, last, open_page, painted, running_demo

pytestmark = pytest.mark.asyncio(loop_scope="session")

MODERATOR, SPAMMER = "Grace", "Linus"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Demo]:
    """A demo of its own: what the moderator sets holds for everybody in it."""
    async with running_demo(tmp_path_factory.mktemp("moderated")) as demo:
        yield demo


async def section(page: Page, name: str, shows: str) -> Locator:
    """The panel after the choice of a section."""
    panel = last(page)
    await panel.locator("select").last.select_option(label=name)
    await expect(panel).to_contain_text(shows)
    return panel


async def menu(panel: Locator, name: str) -> Locator:
    """The panel's menu whose custom_id begins with `name`."""
    return panel.locator(f"select[data-custom-id^='{name}:']")


async def send_form(page: Page, **values: str) -> None:
    """Fill in the open form by the custom_ids of its fields, and send it."""
    for name, value in values.items():
        await page.locator(f"dialog[open] [data-custom-id='{name}']").fill(value)
    await page.locator("dialog[open] [data-testid=modal-submit]").click()


async def test_a_moderators_first_day(demo: Demo, browser: Browser) -> None:
    async with open_page(browser, demo, MODERATOR) as page:
        began = time.monotonic()
        await command(page, "server")
        await expect(last(page)).to_contain_text("Overview")
        await picture(page, "20-server")
        panel = await section(page, "Channels and defaults", "Allowed channels")
        await (await menu(panel, "svprompts")).select_option(label="Default prompt visibility: shown with pictures")
        await expect(panel).to_contain_text("Default prompt visibility: shown with pictures")
        panel = await section(page, "Limits", "No limits are set")
        await (await menu(panel, "svlimitwho")).select_option(label=SPAMMER)
        await panel.get_by_role("button", name="Daily and queue limits").click()
        await send_form(page, pictures_per_day="1")
        await expect(panel).to_contain_text("pictures per day: 1")
        took = time.monotonic() - began
        await picture(page, "21-server-limits")
        print(f"\nfrom /server to a server that is set up: {took:.1f} s")
        assert took < 120

    async with open_page(browser, demo, SPAMMER) as page:
        await command(page, "imagine", prompt="a red star")
        await painted(last(page))
        await expect(last(page)).to_contain_text("a red star")
        await command(page, "imagine", prompt="a red star")
        await expect(last(page)).to_contain_text("staff")
        await expect(last(page).get_by_test_id("only-you")).to_be_visible()
        await picture(page, "22-limited")

    async with open_page(browser, demo, MODERATOR) as page:
        await begin(page, "lora info")
        await choose(page, "name", "komo", "Komori")
        await page.get_by_test_id("command-send").click()
        await last(page).get_by_role("button", name="Block LoRA here").click()
        await send_form(page, reason="not for this server")
        await expect(last(page)).to_contain_text("Komori is blocked")
        await picture(page, "23-lora-blocked")

    async with open_page(browser, demo, "Ada") as page:
        await begin(page, "imagine")
        await page.locator("[data-testid=option-input][data-option=prompt]").fill("komori")
        await choose(page, "lora1", "komo", "Komori")
        await page.get_by_test_id("command-send").click()
        await expect(last(page)).to_contain_text("not for this server")

    async with open_page(browser, demo, MODERATOR) as page:
        await command(page, "server")
        await expect(last(page)).to_contain_text("Overview")
        panel = await section(page, "Audit log", "block LoRA")
        await expect(panel).to_contain_text("change limits")
        await picture(page, "24-audit-log")
        await page.set_viewport_size(PHONE)
        width = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert width <= 0, "the page scrolls sideways"
        await picture(page, "25-audit-log-on-a-phone")
        panel = await section(page, "Blocks", "No users are blocked")
        await panel.get_by_role("button", name="Blocked LoRAs").click()
        await expect(panel).to_contain_text("Komori")
        await panel.get_by_role("button", name="Unblock").first.click()
        await expect(panel).not_to_contain_text("Komori")
