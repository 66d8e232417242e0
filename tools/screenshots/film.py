"""The moving picture of README.md: a picture is ordered and painted, its LoRA is bookmarked, and the bookmark is used.

Every frame is a screenshot of the page. How long a frame is shown is decided here and not by the machine, so typing and
waiting are shorter than they are.
"""

from __future__ import annotations

import asyncio
import io
import re
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw
from playwright.async_api import FloatRect, Locator, Page, ViewportSize, expect

from tools.screenshots.demo_page import begin, fill, last, scroll_to
from tools.screenshots.screens import OWL, Stage

SIZE: ViewportSize = {"width": 900, "height": 720}
QUALITY, EFFORT = 70, 6  # of WebP: letters are sharp, and the file has some hundred kB
TYPING, STEP, READING, END = 90, 700, 1800, 3500  # milliseconds that a frame is shown
LETTERS = 3  # typed between two frames
LOOKS = 0.2  # seconds between two looks at a picture on its way; a frame is kept when the page has changed
STEPS, COUNT = 150, 2  # of the first order: enough steps that previews are seen
OTHERS = 1  # orders of others that are painted beside it, for the same reason
RING, RING_COLOUR = 16, (250, 204, 90)  # radius in pixels; it shows where somebody presses
SEED = 5  # with which the owls come out well
OTHER_OWL = "komori on a blue background"  # painted with the bookmark; from any seed it differs from the owl's colours
WAITING = re.compile("Queued|Generating")  # what a message says whose picture is on its way
WHO, CHANNEL = "Mika", "art"  # somebody new, without bookmarks


# Pictures are loaded once they come into sight; a frame is taken when those that are in sight are there.
PICTURES_ARE_THERE = """() => [...document.images].every(image => {
    const box = image.getBoundingClientRect();
    const seen = box.bottom > 0 && box.top < innerHeight;
    return !seen || (image.complete && image.naturalWidth > 0);
})"""


class Film:
    """Frames of one page, each with the milliseconds that it is shown."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.frames: list[Image.Image] = []
        self.shown: list[int] = []

    async def keep(self, milliseconds: int, pressed: Locator | None = None) -> None:
        """Add what is seen now, with a ring around what is `pressed`; a frame like the one before adds nothing."""
        await self.page.wait_for_function(PICTURES_ARE_THERE)
        frame = Image.open(io.BytesIO(await self.page.screenshot(animations="disabled"))).convert("RGB")
        if pressed is not None and (box := await pressed.bounding_box()):
            _ring(frame, box)
        if self.frames and ImageChops.difference(frame, self.frames[-1]).getbbox() is None:
            self.shown[-1] = max(self.shown[-1], milliseconds)
            return
        self.frames.append(frame)
        self.shown.append(milliseconds)

    async def press(self, button: Locator) -> None:
        """Show where the button is, and press it."""
        await scroll_to(button)
        await self.keep(STEP, button)
        await button.click()

    async def type(self, field: Locator, text: str) -> None:
        """Type a few letters at a time."""
        for end in range(LETTERS, len(text) + LETTERS, LETTERS):
            await field.fill(text[:end])
            await self.keep(TYPING)

    async def paint(self, told: re.Pattern[str]) -> None:
        """Watch the newest message, which tells `told` first, with each preview until its picture is there."""
        message = last(self.page)
        await expect(message).to_contain_text(told)
        await self.keep(READING)
        while not await message.get_by_role("button", name="Again").is_visible():
            if await message.get_by_test_id("picture").first.is_visible():
                await self.keep(STEP)
            await asyncio.sleep(LOOKS)
        await expect(message.get_by_test_id("picture").first).to_be_visible()
        await self.page.wait_for_load_state("networkidle")

    def save(self, path: Path) -> None:
        """Write all frames as one animated WebP that begins anew at its end."""
        first, *others = self.frames
        first.save(
            path,
            save_all=True,
            append_images=others,
            duration=self.shown,
            loop=0,
            quality=QUALITY,
            method=EFFORT,
            minimize_size=True,
        )


def _ring(frame: Image.Image, box: FloatRect) -> None:
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    ImageDraw.Draw(frame).ellipse((x - RING, y - RING, x + RING, y + RING), outline=RING_COLOUR, width=4)


async def act(stage: Stage, film: Film) -> None:
    """Paint, keep the LoRA, and paint with the bookmark."""
    await _imagine(stage, film)
    await _bookmark(film)
    await _use(film)


async def _imagine(stage: Stage, film: Film) -> None:
    page = film.page
    await film.keep(STEP)
    await film.type(page.get_by_test_id("message-input"), "/imagine")
    await film.keep(STEP)
    await begin(page, "imagine")
    await film.type(page.locator("[data-testid=option-input][data-option=prompt]"), OWL)
    await film.type(await fill(page, "lora1", ""), "komo")
    suggestion = page.get_by_test_id("suggestion").filter(has_text="Komori").first
    await suggestion.wait_for()
    await film.press(suggestion)
    for option, value in (("count", str(COUNT)), ("steps", str(STEPS)), ("seed", str(SEED))):
        await fill(page, option, value)
        await film.keep(STEP // 2)
    for _ in range(OTHERS):
        await stage.grace.slash("imagine", prompt="a red star", steps=150, count=4)
    await film.press(page.get_by_test_id("command-send"))
    await film.paint(WAITING)
    await film.keep(READING)


async def _bookmark(film: Film) -> None:
    page = film.page
    await film.press(last(page).get_by_role("button", name="Bookmark LoRAs"))
    await expect(last(page)).to_contain_text("Bookmarked Komori")
    await film.keep(READING)


async def _use(film: Film) -> None:
    page = film.page
    await film.type(page.get_by_test_id("message-input"), "/bookmarks")
    await film.keep(STEP)
    await begin(page, "bookmarks")
    await film.press(page.get_by_test_id("command-send"))
    await expect(last(page).get_by_role("button", name="Use now").first).to_be_visible()
    await expect(last(page).locator("img").first).to_be_visible()
    await page.wait_for_load_state("networkidle")
    await film.keep(READING)
    await film.press(last(page).get_by_role("button", name="Use now").first)
    prompt = page.locator("dialog[open] textarea").first
    await prompt.wait_for()
    await film.keep(READING)
    await film.type(prompt, OTHER_OWL)
    await film.press(page.get_by_test_id("modal-submit"))
    await film.paint(WAITING)
    await film.keep(READING)
    film.shown[-1] = END
