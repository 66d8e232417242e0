"""Art channels in the browser, with screenshots on a phone too: published, liked, learned from, taken back, taken down.

Two people begin with empty channels: one of text, a thread and a forum.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from playground.control import Control
from tests.browser.conftest import picture
from tests.browser.test_moderator import section
from tests.browser.test_reports import PICTURE, pictures, press
from tools.screenshots.demo_page import Demo, begin, choose, command, fill, last, open_page, painted, running_demo

pytestmark = pytest.mark.asyncio(loop_scope="session")

OWL, STAR = "komori on a red background", "a large red star on a blue background"
ADA, LINUS, STAFF = "Ada", "Linus", "Grace"
TEXT, THREAD, FORUM = "art", "Sketches", "gallery"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Demo]:
    """A demo of its own, in which nobody has published anything."""
    async with running_demo(tmp_path_factory.mktemp("gallery")) as demo:
        yield demo


async def paint(page: Page, prompt: str, typed: str = "", lora: str = "") -> Locator:
    """Order a picture with or without a LoRA; its message."""
    await begin(page, "imagine")
    await fill(page, "prompt", prompt)
    if lora:
        await choose(page, "lora1", typed, lora)
    messages = page.get_by_test_id("message")
    before = await messages.count()
    await page.get_by_test_id("command-send").click()
    await expect(messages).to_have_count(before + 1)
    await painted(last(page))
    return last(page)


async def publish(page: Page, channel: str, name: str = "", *, shows_prompt: bool) -> None:
    """Publish the newest picture in a channel. With a name, take screenshots of the question and the answer."""
    question = await press(page, "Publish")
    await expect(question).to_contain_text("Publish this picture in")
    await question.locator("select[data-custom-id^='pubchannel:']").select_option(label=f"#{channel}")
    await expect(question).to_contain_text(f"Publish this picture in #{channel}?")
    if shows_prompt:
        await question.get_by_role("button", name="Show the prompt").click()
        await expect(question).to_contain_text(OWL)
    if name:
        await pictures(page, name)
    await question.get_by_role("button", name="Publish", exact=True).click()
    await expect(question).to_contain_text("Published in")
    if name:
        await pictures(page, f"{name}ed")


def posts(page: Page) -> Locator:
    """The published pictures of the open channel."""
    buttons = page.get_by_role("button", name="Unpublish")
    return page.get_by_test_id("message").filter(has=buttons)


async def take_away(page: Page, says: str, button: str, name: str) -> None:
    """Take the picture that is shown out of the gallery."""
    await page.get_by_role("button", name="Unpublish").last.click()
    question = last(page)
    await expect(question).to_contain_text(says)
    await expect(question.get_by_test_id("only-you")).to_be_visible()
    await pictures(page, name)
    await question.get_by_role("button", name=button, exact=True).click()
    await expect(question).to_contain_text("The picture is no longer published.")


async def test_pictures_are_published_liked_learned_from_and_taken_away(demo: Demo, browser: Browser) -> None:
    async with open_page(browser, demo, STAFF) as page:
        await command(page, "gallery")
        await expect(last(page)).to_contain_text("no art channel yet")
        await command(page, "server")
        await expect(last(page)).to_contain_text("Overview")
        panel = await section(page, "Art channels", "There is no art channel")
        for count, channel in enumerate((TEXT, FORUM, THREAD), 1):
            add = panel.locator("[data-custom-id^='svartadd:']")
            await add.locator("summary").click()
            await add.get_by_label(f"#{channel}", exact=True).check()
            await add.get_by_role("button", name="Choose").click()
            await expect(panel.get_by_role("button", name="Remove")).to_have_count(count)
        await pictures(page, "50-art-channels")

    async with open_page(browser, demo, ADA) as ada, open_page(browser, demo, LINUS) as linus:
        await paint(ada, OWL, "komo", "Komori")
        await publish(ada, TEXT, "51-publish", shows_prompt=True)
        await paint(linus, STAR, "strip", "Stripes")
        await publish(linus, FORUM, shows_prompt=False)
        await paint(ada, OWL)
        await publish(ada, THREAD, shows_prompt=True)

    await they_learn_from_each_other(demo, browser)
    await they_look_at_the_gallery(demo, browser)
    await what_is_taken_away_is_nowhere(demo, browser)


async def they_learn_from_each_other(demo: Demo, browser: Browser) -> None:
    """Like, bookmark, use the same and remix, in the text channel, the forum and the thread."""
    async with open_page(browser, demo, LINUS, TEXT) as page:
        post = posts(page).first
        await expect(post).to_contain_text(OWL)
        await expect(post.locator(PICTURE).first).to_be_visible()
        await post.get_by_role("button", name="Like", exact=True).click()
        await expect(post.get_by_role("button", name="Like · 1")).to_be_visible()
        await pictures(page, "52-liked")
        await post.get_by_role("button", name="Like · 1").click()
        await expect(last(page)).to_contain_text("You already like this picture.")
        await press(page, "Bookmark these LoRAs")
        await expect(last(page)).to_contain_text("Bookmarked Komori")
        await press(page, "Use these LoRAs")
        await expect(last(page)).to_contain_text("Your studio now has only this picture's LoRAs")
        await expect(last(page)).to_contain_text("Komori")
        await pictures(page, "53-use-the-same")
        await press(page, "Remix")
        await expect(last(page).get_by_role("button", name="Restore my draft")).to_be_visible()
        await pictures(page, "54-remix")
    async with open_page(browser, demo, ADA, FORUM) as page:
        await expect(page.get_by_test_id("forum-post").first).to_contain_text("Stripes")
        await picture(page, "55-the-forum")  # which has no messages to scroll to
        await page.get_by_test_id("forum-post").filter(has_text="Stripes").click()
        post = posts(page).first
        await expect(post.locator(PICTURE).first).to_be_visible()
        await expect(post).not_to_contain_text(STAR)
        await post.get_by_role("button", name="Like", exact=True).click()
        await expect(post.get_by_role("button", name="Like · 1")).to_be_visible()
        await press(page, "Bookmark these LoRAs")
        await expect(last(page)).to_contain_text("Bookmarked Stripes")
        await press(page, "Remix")
        await expect(last(page)).to_contain_text("The picture's prompt is private")
        await pictures(page, "56-in-the-forum")
    async with open_page(browser, demo, LINUS, THREAD) as page:
        post = posts(page).first
        await post.get_by_role("button", name="Like", exact=True).click()
        await expect(post.get_by_role("button", name="Like · 1")).to_be_visible()
        await pictures(page, "57-in-the-thread")


async def they_look_at_the_gallery(demo: Demo, browser: Browser) -> None:
    """All of it, one of its pictures, what a LoRA was used for, and the board."""
    async with open_page(browser, demo, STAFF) as page:
        await command(page, "gallery")
        gallery = last(page)
        await expect(gallery.locator("li")).to_have_count(3)
        await expect(gallery.locator("img")).to_have_count(3)
        await pictures(page, "58-gallery")
        await gallery.locator("select[data-custom-id='opengallery:list']").select_option(index=3)
        await expect(last(page)).to_contain_text("1 like.")
        await expect(last(page)).to_contain_text("Komori")
        await last(page).get_by_role("button", name="Feature").click()
        await expect(last(page)).to_contain_text("is now featured in this server")
        await pictures(page, "59-a-picture")
        await command(page, "gallery")
        await expect(last(page)).to_contain_text("Featured")
        await pictures(page, "60-featured")
        await they_narrow_it_down(page)
        await begin(page, "lora info")
        await choose(page, "name", "komo", "Komori")
        await page.get_by_test_id("command-send").click()
        await expect(last(page)).to_contain_text("Pictures generated with this LoRA in this server")
        await pictures(page, "61-lora-page")


async def they_narrow_it_down(page: Page) -> None:
    """By category in the menu of the page that is shown, and by words; what is found is all that is shown."""
    gallery = last(page)
    await gallery.locator("select[data-custom-id^='ca:ga']").select_option(value="style")
    await expect(gallery.locator("li")).to_have_count(1)
    await expect(gallery).to_contain_text("Stripes")
    await expect(gallery).not_to_contain_text("Komori")
    await pictures(page, "66-by-category")
    await begin(page, "gallery")
    await fill(page, "search", "komori")
    await page.get_by_test_id("command-send").click()
    await expect(last(page)).to_contain_text("komori")
    await expect(last(page).locator("img")).to_have_count(2)
    await last(page).locator("select[data-custom-id='opengallery:list']").select_option(index=1)
    await expect(last(page).get_by_role("button", name="Report")).to_be_visible()
    await last(page).get_by_role("button", name="Report").click()
    await expect(page.locator("dialog[open]")).to_contain_text("Reason for the report")
    await pictures(page, "67-a-report")
    await page.keyboard.press("Escape")


async def what_is_taken_away_is_nowhere(demo: Demo, browser: Browser) -> None:
    """An owner takes a picture back, staff take another one down; who looks afterwards finds neither."""
    async with open_page(browser, demo, ADA, TEXT) as page:
        await take_away(page, "from this server's art channel and gallery", "Unpublish", "62-taking-back")
        await expect(posts(page)).to_have_count(0)
        await pictures(page, "63-taken-back")
    async with open_page(browser, demo, STAFF, FORUM) as page:
        await page.get_by_test_id("forum-post").filter(has_text="Stripes").click()
        await expect(posts(page)).to_have_count(1)
        await page.get_by_role("button", name="Unpublish").last.click()
        form = page.locator("dialog[open]")
        await expect(form).to_contain_text("from all channels and the gallery of this server.")
        await form.locator("[data-custom-id=reason]").fill("Not here.")
        await pictures(page, "64-taking-down")
        await form.locator("[data-testid=modal-submit]").click()
        await expect(page.get_by_test_id("forum-post").filter(has_text="Stripes")).to_have_count(0)
    async with Control.connect(demo.page_url) as control:
        seen = await control.messages(TEXT)
        assert not [each for each in seen if each.attachments and not each.ephemeral]
    async with open_page(browser, demo, STAFF) as page:
        await command(page, "gallery")
        await expect(last(page).locator("li")).to_have_count(1)
        await begin(page, "lora info")
        await choose(page, "name", "komo", "Komori")
        await page.get_by_test_id("command-send").click()
        await expect(last(page)).to_contain_text("Trigger words")
        await expect(last(page)).not_to_contain_text("Pictures generated with this LoRA in this server")
        await pictures(page, "65-nothing-is-left")
