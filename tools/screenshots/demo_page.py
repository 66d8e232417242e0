"""A running demo, and a page of headless Chromium that shows it, with the actions of a person."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Browser, Error, FloatRect, Locator, Page, ViewportSize, async_playwright, expect

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DESKTOP: ViewportSize = {"width": 1040, "height": 1180}
SCALE = 1.0  # pixels of a picture for each of the page; more would make the repository grow without showing more
TALL_DESKTOP: ViewportSize = {"width": 1040, "height": 1700}
PHONE: ViewportSize = {"width": 390, "height": 844}
SMALL_DESKTOP: ViewportSize = {"width": 960, "height": 900}
LONG_PHONE: ViewportSize = {"width": 390, "height": 1700}  # as if one had scrolled through all of a message
OPENED = "#messages > .start"  # stands above the messages as soon as there are any
SHOWN = "[data-testid=message], [data-testid=suggestion], dialog[open]"
MARGIN = 14  # pixels above the visible area
START_SECONDS = END_SECONDS = 300
PAINT_MS = 300_000  # the first picture waits for the worker to load torch; a busy machine takes minutes


@dataclass
class Demo:
    """A running demo: the address of its page, and its process."""

    page_url: str
    process: asyncio.subprocess.Process


@asynccontextmanager
async def running_demo(data: Path, *, staged: bool = False, hub: str | None = None) -> AsyncGenerator[Demo]:
    """`python -m bot demo` while inside, with everything it keeps in `data`; `staged` as staged_demo.py says.

    With the address of a `hub`, LoRAs can be added from it.
    """
    command = (sys.executable, "-m", "bot", "demo", "--port", "0", "--no-browser", "--data", str(data))
    if staged:
        command = (sys.executable, "-m", "tools.screenshots.staged_demo", str(data))
    if hub is not None:
        command = (sys.executable, "-m", "tools.screenshots.adding_demo", "--data", str(data), "--hub", hub)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_SECONDS):
            line = (await process.stdout.readline()).decode()
        found = re.search(r"http://\S+", line)
        assert found, line
        yield Demo(found[0], process)
    finally:
        process.terminate()
        async with asyncio.timeout(END_SECONDS):
            await process.wait()


@asynccontextmanager
async def chromium() -> AsyncGenerator[Browser]:
    """A browser without a window."""
    assert CHROMIUM, "no Chromium here: apt-get install chromium, or name one in CHROMIUM"
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        expect.set_options(timeout=PAINT_MS)
        yield browser
        await browser.close()


@asynccontextmanager
async def open_page(
    browser: Browser,
    demo: Demo,
    name: str = "Ada",
    channel: str = "general",
    size: ViewportSize = DESKTOP,
    locale: str = "en-GB",
) -> AsyncGenerator[Page]:
    """Open a channel as a person. Errors of the page fail the caller."""
    page = await browser.new_page(viewport=size, device_scale_factor=SCALE, locale=locale)
    page.set_default_timeout(PAINT_MS)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
    await page.goto(f"{demo.page_url}#as={name}&channel={channel}")
    await page.locator(OPENED).wait_for()
    yield page
    await page.close()
    assert not faults, faults


async def begin(page: Page, name: str) -> None:
    """Pick a slash command; its form opens."""
    await page.get_by_test_id("message-input").fill(f"/{name}")
    await page.locator(f"[data-testid=command][data-command='{name}']").click()


async def command(page: Page, name: str, **options: str) -> None:
    """Pick a slash command, fill in `options`, send it."""
    await begin(page, name)
    for option, value in options.items():
        await fill(page, option, value)
    await page.get_by_test_id("command-send").click()


async def fill(page: Page, option: str, value: str) -> Locator:
    """Fill in one option."""
    field = page.locator(f"[data-testid=option-input][data-option={option}]")
    if not await field.count():
        await page.locator(f"[data-testid=add-option][data-option={option}]").click()
    if await field.evaluate("field => field.tagName") == "SELECT":
        await field.select_option(label=value)
    else:
        await field.fill(value)
    return field


async def choose(page: Page, option: str, typed: str, wanted: str) -> None:
    """Type into an option and take a suggestion."""
    await fill(page, option, typed)
    await page.get_by_test_id("suggestion").filter(has_text=wanted).first.click()


def last(page: Page) -> Locator:
    """The newest message."""
    return page.get_by_test_id("message").last


async def scroll_to(element: Locator) -> None:
    """Scroll an element into view, also while its message is edited: the page draws it anew, and Playwright fails."""
    while True:
        try:
            return await element.scroll_into_view_if_needed()
        except Error as error:
            if "not attached" not in error.message:
                raise


async def visible_area(page: Page) -> FloatRect:
    """The part of the page that shows something, in CSS pixels: the channel from its first message on."""
    size, channel = page.viewport_size or DESKTOP, await page.get_by_role("main").bounding_box()
    tops = [await one.bounding_box() for one in await page.locator(SHOWN).all() if await one.is_visible()]
    top = max(0.0, min((box["y"] for box in tops if box), default=0.0) - MARGIN)
    left = channel["x"] if channel else 0.0
    return {"x": left, "y": top, "width": size["width"] - left, "height": size["height"] - top}


async def painted(message: Locator) -> None:
    """Wait for the picture of a message."""
    await expect(message.get_by_role("button", name="Again")).to_be_visible(timeout=PAINT_MS)
    await expect(message.get_by_test_id("picture").first).to_be_visible()
