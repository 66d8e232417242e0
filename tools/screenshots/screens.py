"""The screens, each with the actions that lead to it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from playwright.async_api import Page, expect

from playground.component_shapes import walk
from playground.control import Control, People, SentInteraction
from playground.visible_message import VisibleMessage
from tools.screenshots.demo_page import PAINT_MS, begin, choose, fill, last

OWL = "komori on a red background"
GROUND = "on a yellow background"
PAINTED = (  # prompt, checkpoint and LoRA of Ada's earlier jobs
    ("a large red star on a blue background", "vivid", "Stripes"),
    ("a white cat on a blue background", "pastel", "Polka Dots"),
    ("a large red heart on a blue background", "vivid", "Gloss"),
    ("komori on a green background", "pastel", "Komori"),
)
SEED, PARTY_SEED = 7, 12  # with good pictures of the owl; the second one with stripes
PAIR_SEED = 5  # with a good one of the owl beside a heart
TIMEOUT_SECONDS = PAINT_MS / 1000
SAMPLES = 3  # of each of the owl's two versions, one of them without it


@dataclass
class Stage(People):
    """The people, and their actions before a screenshot."""

    control: Control
    channel: str

    async def order(self, command: str, **options: object) -> SentInteraction:
        """Ada uses a command in the channel."""
        return await self.ada.slash(command, in_=self.channel, **options)

    async def told(self, command: str, **options: object) -> VisibleMessage:
        """The answer to it."""
        return await (await self.order(command, **options)).reply(TIMEOUT_SECONDS)

    async def painted(self, sent: SentInteraction) -> VisibleMessage:
        """The picture that was ordered."""
        return await self._ended(await sent.reply(TIMEOUT_SECONDS))

    async def _ended(self, message: VisibleMessage) -> VisibleMessage:
        return await self.control.wait_message(message.id, lambda seen: _kinds(seen) != {"cancel"}, TIMEOUT_SECONDS)

    async def pressed(self, message: VisibleMessage, button: str) -> VisibleMessage:
        """Ada presses the button whose custom_id begins so; the answer."""
        ids = [str(one.get("custom_id")) for one in message.buttons.values()]
        found = next(each for each in ids if each.startswith(button))
        return await (await self.ada.press(message, found)).reply(TIMEOUT_SECONDS)

    async def in_the_studio(self, *loras: str) -> VisibleMessage:
        """Ada's studio with a prompt and these LoRAs; the panel is what is left to see."""
        panel = await self.told("studio", checkpoint="vivid")
        while "✕" in panel.buttons:
            panel = await (await self.ada.press(panel, "✕")).reply(TIMEOUT_SECONDS)
        if any(file["filename"].startswith("layout-") for file in panel.attachments):
            panel = await self.filled(panel, "stparts", layout="-")
        for name in loras:
            panel = await self.told("studio", add=name)
        prompt = next(one["custom_id"] for one in panel.buttons.values() if one["custom_id"].startswith("stprompt"))
        opener = await self.ada.press(panel, prompt)
        await opener.modal()
        await (await self.ada.submit(opener, {"prompt": OWL})).answered(TIMEOUT_SECONDS)
        await self.clear()
        return await self.told("studio")

    async def filled(self, panel: VisibleMessage, button: str, number: int = 0, **fields: str) -> VisibleMessage:
        """The panel after a form was filled in: of the button at this place among those whose custom_id begins so."""
        ids = [str(part.get("custom_id")) for part in walk(panel.components)]
        opener = await self.ada.press(panel, [each for each in ids if each.startswith(button)][number])
        await opener.modal()
        return await (await self.ada.submit(opener, fields)).reply(TIMEOUT_SECONDS)

    async def populate(self) -> None:
        """Create a few bookmarks and pictures."""
        for name, note in (("Stripes", "posters"), ("Gloss", ""), ("Polka Dots", ""), ("Komori", "our owl")):
            await self.told("bookmarks", add=name, note=note)
        for prompt, checkpoint, name in PAINTED:
            await self.painted(await self.order("imagine", prompt=prompt, checkpoint=checkpoint, lora1=name, seed=4))
        await self.clear()

    async def clear(self) -> None:
        """Delete all messages of the channel."""
        for message in await self.control.messages(self.channel):
            if _kinds(message) == {"cancel"} and message.visible_to is None:
                await (await self.ada.press(message, f"cancel:{_numbers(message)[0]}")).answered(TIMEOUT_SECONDS)
                await self._ended(message)
            if not message.dismissed:
                await self.control.person(message.visible_to or "Grace").delete(message)


def _kinds(message: VisibleMessage) -> set[str]:
    """The prefixes of the custom_ids of a message's buttons; a queued job has `cancel` alone."""
    return {str(button.get("custom_id")).partition(":")[0] for button in message.buttons.values()}


def _numbers(message: VisibleMessage) -> list[str]:
    return [str(button.get("custom_id")).partition(":")[2] for button in message.buttons.values()]


@dataclass(frozen=True)
class Screen:
    """Actions before the page is opened, and on the page; then the screenshot is taken."""

    name: str
    before: Callable[[Stage], Awaitable[None]]
    then: Callable[[Page], Awaitable[None]] | None = None
    phone: bool = False
    tall: bool = False  # a page that is longer than the usual one
    locale: str = "en-US"
    who: str = "Ada"
    channel: str | None = None  # None for the stage's


async def nothing(stage: Stage) -> None:
    """An empty channel."""


async def fill_in_imagine(page: Page) -> None:
    """The command while it is filled in, with suggestions open."""
    await begin(page, "imagine")
    await fill(page, "prompt", OWL)
    await choose(page, "checkpoint", "", "vivid")
    await fill(page, "lora1", "")
    await page.locator("[data-testid=suggestion]:visible").first.wait_for()


async def waiting(stage: Stage) -> None:
    """A picture on its way; others beside it make it take its time."""
    await stage.order("imagine", prompt=OWL, lora1="Komori", steps=150, count=4)
    for _ in range(3):
        await stage.grace.slash("imagine", prompt="a red star", steps=150, count=4)


async def see_preview(page: Page) -> None:
    """Its preview tells something."""
    await expect(last(page)).to_contain_text(re.compile(r"step \d+ of"), timeout=PAINT_MS)
    await expect(last(page).get_by_test_id("picture").first).to_be_visible(timeout=PAINT_MS)
    await expect(last(page).get_by_role("button", name="Cancel")).to_be_visible()


async def result(stage: Stage) -> None:
    """Four pictures and their buttons."""
    await stage.painted(await stage.order("imagine", prompt=OWL, lora1="Komori", count=4, seed=5))


async def refusal(stage: Stage) -> None:
    """A LoRA that does not fit, and the ways out."""
    await stage.told("imagine", prompt=OWL, lora1="Stripes", checkpoint="pastel")


async def bookmarks(stage: Stage) -> None:
    """A person's collection."""
    await stage.told("bookmarks")


async def sweep(stage: Stage) -> None:
    """One LoRA at five weights."""
    weights = "0.4 0.6 0.8 1.0 1.2"
    await stage.painted(
        await stage.order("sweep", lora="Komori", weights=weights, prompt=OWL, checkpoint="vivid", seed=SEED)
    )


async def history(stage: Stage) -> None:
    """One's own pictures."""
    await stage.told("history")


async def remix(stage: Stage) -> None:
    """Somebody else's picture, taken up in one's own studio."""
    sent = await stage.grace.slash("imagine", in_=stage.channel, prompt=PAINTED[0][0], lora1="Stripes", seed=5)
    picture = await stage.painted(sent)
    panel = await (await stage.ada.message_command("Use this picture…", picture)).reply(TIMEOUT_SECONDS)
    await (await stage.ada.press(panel, "Remix")).reply(TIMEOUT_SECONDS)


async def stack(stage: Stage) -> None:
    """A named set of LoRAs, shared by its code."""
    await stage.in_the_studio("Komori", "Gloss")
    await stage.told("stack save", name="Shiny owl")
    await stage.told("stack share", name="Shiny owl")
    await stage.clear()
    await stage.told("stack list")


async def lora(stage: Stage) -> None:
    """A LoRA's own page, once Easel has painted samples for it."""
    while len((await stage.told("lora info", name="Komori")).attachments) < 1 + 2 * SAMPLES:
        await stage.clear()
        await asyncio.sleep(2)


async def market(stage: Stage) -> None:
    """What fits the person's checkpoint."""
    await stage.told("lora browse")


async def studio(stage: Stage) -> None:
    """The panel with two LoRAs."""
    await stage.in_the_studio("Komori", "Stripes")


async def studio_parts(stage: Stage) -> None:
    """The panel with two parts, and a LoRA for each."""
    panel = await stage.in_the_studio("Komori", "Stripes")
    panel = await stage.filled(
        panel, "stparts", layout="left,right", part0="komori", part1="a red heart", prompt=GROUND
    )
    await stage.filled(panel, "stadjust", 1, weight="1", region="right")
    await stage.clear()
    await stage.told("studio")


async def two_characters(stage: Stage) -> None:
    """Two LoRAs in one picture, each on its side."""
    await stage.painted(
        await stage.order(
            "imagine", prompt=f"komori | a red heart | {GROUND}", checkpoint="vivid", size="landscape",
            lora1="Komori", side1="left", lora2="Stripes", side2="right", seed=PAIR_SEED,
        )
    )  # fmt: skip


async def studio_misfit(stage: Stage) -> None:
    """The panel after the checkpoint was changed to the other lineage: one LoRA stays, struck through, with why."""
    await stage.in_the_studio("Komori", "Stripes")
    await stage.clear()
    await stage.told("studio", checkpoint="pastel")


async def compare(stage: Stage) -> None:
    """What each LoRA of a stack does."""
    await stage.in_the_studio("Komori", "Stripes")
    await stage.told("stack delete", name="Party owl")
    await stage.told("stack save", name="Party owl")
    await stage.clear()
    order = await stage.order("stack compare", name="Party owl", prompt=OWL, checkpoint="vivid", seed=PARTY_SEED)
    await stage.painted(order)


async def details(stage: Stage) -> None:
    """All that made a picture."""
    sent = await stage.order("imagine", prompt=OWL, lora1="Komori", lora2="Gloss", checkpoint="vivid", seed=SEED)
    picture = await stage.painted(sent)
    button = next(one["custom_id"] for one in picture.buttons.values() if one["custom_id"].startswith("details:"))
    await (await stage.ada.press(picture, button)).reply(TIMEOUT_SECONDS)


async def queue(stage: Stage) -> None:
    """What one waits for."""
    for prompt in (OWL, "a red star on a blue background"):
        await (await stage.order("imagine", prompt=prompt, steps=150, count=4)).answered(TIMEOUT_SECONDS)
    await stage.told("queue")


async def settings(stage: Stage) -> None:
    """One's defaults."""
    await stage.told("settings")


async def shared(stage: Stage) -> None:
    """Somebody else takes a stack by its code, in a direct message."""
    await stage.in_the_studio("Komori", "Gloss")
    await stage.told("stack delete", name="Shiny owl")
    await stage.told("stack save", name="Shiny owl")
    code = (await stage.told("stack share", name="Shiny owl")).text.split("`")[1]
    await (await stage.grace.slash("stack import", code=code, in_="dm")).reply(TIMEOUT_SECONDS)
    sent = await stage.grace.slash("imagine", prompt=OWL, stack="Shiny owl", checkpoint="vivid", seed=SEED, in_="dm")
    await stage.painted(sent)


async def guide(stage: Stage) -> None:
    """The chapter on weights."""
    await stage.told("guide", chapter="weights")


async def guide_answer(stage: Stage) -> None:
    """What to do when faces melt."""
    visible_area = await stage.told("guide", chapter="trouble")
    await (await stage.ada.select(visible_area, "guide:ask:trouble", "melting")).reply()


SCREENS = (
    Screen("imagine", nothing, fill_in_imagine),
    Screen("result", result),
    Screen("history", history),
    Screen("refusal", refusal),
    Screen("bookmarks", bookmarks),
    Screen("market", market),
    Screen("lora", lora),
    Screen("studio", studio),
    Screen("studio-misfit", studio_misfit),
    Screen("studio-parts", studio_parts),
    Screen("two-characters", two_characters),
    Screen("stack", stack),
    Screen("shared", shared, who="Grace", channel="Easel"),
    Screen("sweep", sweep),
    Screen("compare", compare),
    Screen("details", details),
    Screen("queue", queue),
    Screen("settings", settings),
    Screen("remix", remix),
    Screen("guide", guide),
    Screen("guide-answer", guide_answer),
    Screen("phone-studio", studio, phone=True),
    Screen("phone-bookmarks", bookmarks, phone=True),
    Screen("phone-guide", guide, phone=True),
    Screen("phone-market", market, phone=True),
    Screen("phone-result", result, phone=True),
    Screen("japanese-studio", studio, locale="ja"),
    Screen("japanese-studio-parts", studio_parts, locale="ja"),
    Screen("japanese-refusal", refusal, locale="ja"),
    Screen("japanese-guide", guide_answer, locale="ja"),
    Screen("japanese-market", market, locale="ja"),
    Screen("japanese-bookmarks", bookmarks, locale="ja"),
    Screen("japanese-lora", lora, locale="ja"),
    Screen("japanese-result", details, locale="ja"),
    Screen("japanese-history", history, locale="ja"),
    Screen("japanese-stack", stack, locale="ja"),
    Screen("waiting", waiting, see_preview),
)
