"""The first minute of a new user: from an empty channel to a picture with a bookmarked LoRA.

Each step is one thing that they do on the page. The screenshots of docs/tour.md and a test in the browser go this way.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from playwright.async_api import Page, expect

from tools.screenshots.demo_page import PAINT_MS, command, last

WHO, CHANNEL = "Linus", "general"  # a person without bookmarks, where nobody has said anything yet


@dataclass(frozen=True)
class Step:
    """The name of its screenshot, and the action with the condition to wait for."""

    name: str
    do: Callable[[Page], Awaitable[None]]


async def _look(page: Page) -> None:
    await page.get_by_test_id("message-input").fill("/")
    await page.get_by_test_id("command").filter(has_text="/lora browse").wait_for()


async def _market(page: Page) -> None:
    await command(page, "lora browse")
    await expect(last(page)).to_contain_text("New here?")
    await expect(last(page).locator("img").first).to_be_visible()


async def _keep(page: Page) -> None:
    await last(page).get_by_role("button", name="Bookmark").first.click()
    await expect(last(page)).to_contain_text("is now in your /bookmarks")


async def _bookmarks(page: Page) -> None:
    await command(page, "bookmarks")
    await expect(last(page)).to_contain_text("1 bookmark")
    await expect(last(page).locator("img").first).to_be_visible()


async def _use(page: Page) -> None:
    await last(page).get_by_role("button", name="Use now").click()
    await expect(page.locator("dialog[open] textarea")).to_have_value(re.compile("background"))


async def _paint(page: Page) -> None:
    await page.get_by_test_id("modal-submit").click()
    await expect(last(page).get_by_role("button", name="Again")).to_be_visible(timeout=PAINT_MS)
    await expect(last(page).get_by_test_id("picture").first).to_be_visible()


STEPS = (
    Step("first-1-look", _look),
    Step("first-2-market", _market),
    Step("first-3-keep", _keep),
    Step("first-4-bookmarks", _bookmarks),
    Step("first-5-use", _use),
    Step("first-6-picture", _paint),
)
