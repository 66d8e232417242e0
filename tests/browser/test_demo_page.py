"""The actions of a person on a page that changes beneath them."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from tools.screenshots.demo_page import last, scroll_to

pytestmark = pytest.mark.asyncio(loop_scope="session")

# A message far down that is drawn anew in each of its first 60 frames.
EDITED = """<div style="height: 300vh"></div><article data-testid="message">0</article><script>
  function edit(times) {
    const old = document.querySelector("article"), edited = old.cloneNode();
    edited.textContent = times;
    old.replaceWith(edited);
    if (times < 60) requestAnimationFrame(() => edit(times + 1));
  }
  window.start = () => edit(1);
</script>"""


async def test_a_message_that_is_edited_is_scrolled_to(browser: Browser) -> None:
    page = await browser.new_page()
    await page.set_content(EDITED)
    await page.evaluate("start()")
    await scroll_to(last(page))
    await expect(last(page)).to_be_in_viewport()
    await page.close()
