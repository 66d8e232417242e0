"""The page of an export in the browser, with screenshots, on a phone too. It loads nothing from outside."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import picture
from tools.screenshots.demo_page import DESKTOP, PHONE, Demo, command, last, open_page, painted

pytestmark = pytest.mark.asyncio(loop_scope="session")

CLIPPED = "elements => elements.filter(each => each.scrollWidth > each.clientWidth + 1).length"
PROMPT = "a large red star on a blue background"


async def test_an_export_is_read_in_the_browser(demo: Demo, browser: Browser, tmp_path: Path) -> None:
    async with open_page(browser, demo, "Margaret") as page:
        await command(page, "imagine", prompt=PROMPT)
        await painted(last(page))
        await command(page, "privacy export")
        link = page.get_by_test_id("file").get_by_role("link", name="easel-export").last
        await expect(link).to_be_visible()
        address = await link.evaluate("link => link.href")
        data = await (await page.context.request.get(address)).body()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        archive.extractall(tmp_path)
    for size, name in ((DESKTOP, "50-export"), (PHONE, "50-export-on-a-phone")):
        asked, faults = list[str](), list[str]()
        page = await browser.new_page(viewport=size)
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.on("console", lambda line, faults=faults: faults.append(line.text))
        await page.goto((tmp_path / "index.html").as_uri())
        await expect(page.get_by_role("heading", name="Pictures that you generated")).to_be_visible()
        shown = page.get_by_role("img", name=PROMPT)
        await shown.scroll_into_view_if_needed()
        await expect(page.locator("figcaption", has_text=PROMPT)).to_be_visible()
        await expect(shown).to_have_js_property("complete", True)
        assert await shown.evaluate("image => image.naturalWidth") > 0
        width = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert width <= 0, f"{name}: the page scrolls sideways"
        await page.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true })")
        assert not await page.locator("td, dd, figcaption").evaluate_all(CLIPPED), f"{name}: a text is clipped"
        await page.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = false })")
        await picture(page, name)
        requests = page.get_by_role("heading", name="Your requests", exact=True)
        await requests.scroll_into_view_if_needed()
        row = page.locator("tr[id]", has_text=PROMPT)
        await expect(row.locator("img")).to_have_js_property("complete", True)
        await expect(row.get_by_text("Number of attempts")).to_be_hidden()
        await row.get_by_text("Show the settings").click()
        await expect(row.locator("dt", has_text="steps").first).to_be_visible()
        await expect(row.get_by_role("link", name="Open in Discord")).to_be_visible()
        await picture(page, f"{name}-table")
        assert not faults and all(url.startswith(tmp_path.as_uri()) for url in asked), (faults, asked)
        await page.locator("figure a").first.click()
        await page.wait_for_url("**/pictures/*.png")
        await page.close()
