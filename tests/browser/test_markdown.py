"""How the playground's page shows Markdown."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from playground import Playground

pytestmark = pytest.mark.asyncio(loop_scope="session")

RENDER = """async text => {
  const { renderMarkdown } = await import("/page/markdown.js");
  return renderMarkdown(text).innerHTML;
}"""


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (r"**@everyone \*\*Colours\*\*** · on", "<b>@everyone **Colours**</b> · on"),
        (r"*a\*b* c", "<i>a*b</i> c"),
        ("**a *b* c** and **d**", "<b>a <i>b</i> c</b> and <b>d</b>"),
        ("***both*** __line__ ~~gone~~", "<b><i>both</i></b> <u>line</u> <s>gone</s>"),
    ],
)
async def test_an_escaped_sign_ends_no_emphasis(browser: Browser, written: str, shown: str) -> None:
    async with Playground.serve() as playground:
        page = await browser.new_page()
        await page.goto(playground.page_url)
        assert shown in await page.evaluate(RENDER, written)
        await page.close()
