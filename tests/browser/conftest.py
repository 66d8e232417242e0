"""`python -m bot demo` as a process, and a page of headless Chromium that looks at it."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

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
SCREENSHOTS = Path(__file__).with_name("screenshots")
START_SECONDS = 120
DESKTOP, PHONE = {"width": 1180, "height": 860}, {"width": 390, "height": 844}


@dataclass
class Demo:
    """A running demo: where its page is, and whom to kill."""

    page_url: str
    process: asyncio.subprocess.Process


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Demo]:
    command = (sys.executable, "-m", "bot", "demo", "--port", "0", "--no-browser")
    data = ("--data", str(tmp_path_factory.mktemp("demo")))
    process = await asyncio.create_subprocess_exec(
        *command, *data, stdout=asyncio.subprocess.PIPE, stderr=None, start_new_session=True
    )
    assert process.stdout is not None
    async with asyncio.timeout(START_SECONDS):
        line = (await process.stdout.readline()).decode()
    found = re.search(r"http://\S+", line)
    assert found, line
    yield Demo(found[0], process)
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(30):
        await process.wait()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    assert CHROMIUM, "no Chromium here: apt-get install chromium, or name one in CHROMIUM"
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(demo: Demo, browser: Browser) -> AsyncIterator[Page]:
    """Ada looks at #general. Nothing may go wrong on the page itself."""
    page = await browser.new_page(viewport=DESKTOP, device_scale_factor=1.5)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
    await page.goto(f"{demo.page_url}#as=Ada&channel=general")
    await page.get_by_test_id("message-input").wait_for()
    yield page
    await page.close()
    assert faults == []


async def picture(page: Page, name: str) -> None:
    """Keep what the page shows now."""
    SCREENSHOTS.mkdir(exist_ok=True)
    await page.screenshot(path=SCREENSHOTS / f"{name}.png")
