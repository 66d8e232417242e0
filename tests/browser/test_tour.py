"""The first steps of a newcomer in the browser, with screenshots."""

from __future__ import annotations

import asyncio
import re
import time

import pytest
from playwright.async_api import Browser, Page, Route, expect

from bot.cli.demo import SUGGESTIONS
from tests.browser.conftest import picture
from tools.screenshots import newcomer
from tools.screenshots.demo_page import PAINT_MS, PHONE, Demo, begin, choose, command, fill, last, open_page, painted

pytestmark = pytest.mark.asyncio(loop_scope="session")

# Collects what the last message reads, each time that the page changes, in `window.texts`.
KEEP_TEXTS = """() => {
  window.texts = [];
  const keep = () => window.texts.push([...document.querySelectorAll("[data-testid=message]")].at(-1)?.innerText);
  new MutationObserver(keep).observe(document.body, { childList: true, characterData: true, subtree: true });
}"""

PROMPTS = [line for line in SUGGESTIONS if line.startswith("/imagine")]


async def test_text_typed_while_the_page_loads_is_kept(demo: Demo, browser: Browser) -> None:
    page = await browser.new_page()
    page.set_default_timeout(PAINT_MS)
    held = asyncio.Event()

    async def hold(route: Route) -> None:
        await held.wait()
        await route.continue_()

    await page.route("**/control/world*", hold)
    await page.goto(f"{demo.page_url}#as=Ada&channel=general")
    await page.get_by_test_id("message-input").fill("/ima")
    held.set()
    await page.get_by_test_id("command").filter(has_text="/imagine").wait_for()
    assert await page.get_by_test_id("message-input").input_value() == "/ima"
    await page.close()


@pytest.mark.parametrize(("who", "line"), [("Kai", PROMPTS[0]), ("Margaret", PROMPTS[1])])
async def test_what_an_empty_channel_suggests_is_painted(demo: Demo, browser: Browser, who: str, line: str) -> None:
    async with open_page(browser, demo, who, channel="Easel") as page:
        await page.get_by_test_id("suggested-command").filter(has_text=line).click()
        await page.keyboard.press("Enter")
        await painted(last(page))


async def test_a_newcomer_paints_with_a_bookmark_within_a_minute(demo: Demo, browser: Browser) -> None:
    async with open_page(browser, demo, newcomer.WHO, newcomer.CHANNEL) as page:
        began = time.monotonic()
        for step in newcomer.STEPS:
            await step.do(page)
            await picture(page, step.name)
        took = time.monotonic() - began
        print(f"\nfrom an empty channel to a picture with a bookmark: {len(newcomer.STEPS)} steps, {took:.1f} s")
        await expect(last(page)).to_contain_text("seed")
    assert took < 60


async def test_a_newcomer_paints_bookmarks_and_finds(page: Page, demo: Demo) -> None:
    began = time.monotonic()
    await page.get_by_test_id("message-input").fill("/")
    await page.get_by_test_id("command").first.wait_for()
    await picture(page, "1-commands")
    await begin(page, "imagine")
    await fill(page, "prompt", "komori on a red background")
    await choose(page, "lora1", "komo", "Komori")
    await fill(page, "steps", "100")
    await picture(page, "2-imagine")
    await page.evaluate(KEEP_TEXTS)  # a fast machine paints before anybody looks
    messages = page.get_by_test_id("message")
    before = await messages.count()  # of others, with pictures too
    await page.get_by_test_id("command-send").click()
    await expect(messages).to_have_count(before + 1)
    await expect(last(page)).to_contain_text(re.compile("Queued|Generating|seed"))
    await picture(page, "3-waiting")
    await painted(last(page))
    assert re.search("Queued|Generating", await page.evaluate("window.texts.join()"))
    print(f"\nfrom the page to the first picture: {time.monotonic() - began:.1f} s")
    await picture(page, "4-picture")

    await last(page).get_by_role("button", name="Bookmark LoRAs").click()
    await expect(last(page)).to_contain_text("Bookmarked Komori")
    await expect(last(page).get_by_test_id("only-you")).to_be_visible()
    await page.get_by_role("button", name="Again").last.click()
    await painted(last(page))
    await picture(page, "5-again")

    await page.get_by_test_id("places").get_by_text("Easel").last.click()
    await command(page, "bookmarks")
    await expect(last(page)).to_contain_text("Komori")
    await picture(page, "6-bookmarks-in-the-dm")


async def test_a_lora_of_another_base_model_is_refused_with_alternatives(page: Page) -> None:
    await begin(page, "imagine")
    await fill(page, "prompt", "a red star on a blue background")
    await choose(page, "checkpoint", "", "pastel")
    await choose(page, "lora1", "", "Stripes")
    await page.get_by_test_id("command-send").click()
    await expect(last(page)).to_contain_text("is made for Vivid")
    await picture(page, "8-refusal")
    await last(page).get_by_role("button", name="Generate with vivid").click()
    await painted(last(page))


async def test_a_lora_has_its_own_page(page: Page) -> None:
    await begin(page, "lora info")
    await choose(page, "name", "komo", "Komori")
    await page.get_by_test_id("command-send").click()
    await expect(last(page)).to_contain_text("Trigger words")
    await picture(page, "9-lora-page")


async def test_the_market_on_a_phone(page: Page) -> None:
    await page.set_viewport_size(PHONE)
    await begin(page, "lora browse")
    await page.get_by_test_id("command-send").click()
    market = last(page)
    await expect(market).to_contain_text("3 LoRAs · For Vivid")
    await expect(market.locator("img").first).to_be_visible()
    await market.get_by_role("button", name="Filter").click()
    await page.locator("dialog[open]").get_by_label("For any base model").check()
    await page.get_by_test_id("modal-submit").click()
    await expect(market).to_contain_text("4 LoRAs")
    await market.get_by_role("button", name="Search").click()
    await page.locator("dialog[open] input").fill("komroi")
    await page.keyboard.press("Enter")
    await expect(market).to_contain_text("1 LoRA · “komroi”")
    await picture(page, "12-market")
    width = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert width <= 0, "the page scrolls sideways"
    await market.get_by_role("button", name="Details").click()
    await expect(last(page)).to_contain_text("Recommended weight")


async def test_long_prompts_and_other_scripts_do_not_overflow(page: Page) -> None:
    await command(page, "imagine", prompt="نجمة حمراء على خلفية زرقاء " + "a red star " * 40, steps="150", count="4")
    await expect(last(page).get_by_role("button", name="Cancel")).to_be_visible()
    await command(page, "queue")
    await expect(last(page).get_by_test_id("only-you")).to_be_visible()
    await expect(last(page)).to_contain_text("نجمة")
    await picture(page, "10-right-to-left")
    width = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert width <= 0, "the page scrolls sideways"
    await last(page).get_by_role("button", name="Cancel").first.click()


async def test_the_page_fits_a_phone(page: Page) -> None:
    await page.set_viewport_size(PHONE)
    await command(page, "bookmarks")
    await expect(last(page)).to_contain_text("Your bookmarks")
    await picture(page, "11-phone")
    width = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert width <= 0, "the page scrolls sideways"
