"""The screens of LoRAs that are added from a hub, taken in a demo with a library of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from playground.visible_message import VisibleMessage
from tools.screenshots.local_hub import LocalHub
from tools.screenshots.screens import SAMPLES, TIMEOUT_SECONDS, Screen, Stage

GLITTER = "A fine glitter over the whole figure, as of frost. It needs no trigger word."
TAGS = ("detail", "winter")
END = "2027-01-15"  # of the early access


@dataclass
class AddingStage(Stage):
    """A stage with a hub."""

    hub: LocalHub

    async def let_add(self) -> None:
        """Staff let Ada's role add LoRAs."""
        panel = await (await self.grace.slash("server", in_=self.channel)).reply(TIMEOUT_SECONDS)
        for menu, value in (("svsection:", "people"), ("svloras:", "Artists")):
            custom_id = next(each for each in panel.selects if each.startswith(menu))
            panel = await (await self.grace.select(panel, custom_id, value)).reply(TIMEOUT_SECONDS)
        await self.clear()

    async def add(self, link: str, shown: Callable[[VisibleMessage], bool]) -> None:
        """Ada adds a LoRA, until its message shows this."""
        await self.let_add()
        begun = await self.told("lora add", link=link)
        await self.control.wait_message(begun.id, shown, TIMEOUT_SECONDS)


def hub_of(stage: Stage) -> LocalHub:
    """The hub of an AddingStage."""
    assert isinstance(stage, AddingStage)
    return stage.hub


async def add(stage: Stage, link: str, shown: Callable[[VisibleMessage], bool]) -> None:
    """Add a LoRA on an AddingStage."""
    assert isinstance(stage, AddingStage)
    await stage.add(link, shown)


def is_added(message: VisibleMessage) -> bool:
    """Whether it is the page of a LoRA that was just added: it has buttons that correct the category."""
    return any(str(button.get("custom_id")).startswith("addis:") for button in message.buttons.values())


async def adding(stage: Stage) -> None:
    """A LoRA on its way from a hub."""
    hub_of(stage).running.clear()
    link = hub_of(stage).add("Hoar Frost", GLITTER, tags=TAGS)
    await add(stage, link, lambda seen: "%" in seen.text)


async def added(stage: Stage) -> None:
    """It is here, with what was guessed and the buttons that correct it."""
    hub_of(stage).running.set()
    await add(stage, hub_of(stage).add("Snow Crystals", GLITTER, tags=TAGS), is_added)


async def added_with_samples(stage: Stage) -> None:
    """Its page once samples are painted."""
    await added(stage)
    await stage.clear()
    while len((await stage.told("lora info", name="Snow Crystals")).attachments) < SAMPLES:
        await stage.clear()
        await asyncio.sleep(2)


async def contradiction(stage: Stage) -> None:
    """A LoRA whose metadata contradict its layers."""
    hub_of(stage).running.set()
    trained = {
        "ss_sd_model_name": "illustriousXL_v01",
        "ss_new_sd_model_hash": "",
        "ss_base_model_version": "",
        "modelspec.architecture": "",
    }
    link = hub_of(stage).add("Paper Moon", "A moon cut out of paper.", tags=("style",), metadata=trained)
    await add(stage, link, is_added)


async def early_access(stage: Stage) -> None:
    """A version in early access."""
    hub_of(stage).running.set()
    link = hub_of(stage).add("Aurora", "Northern lights.", tags=("style",), early=True)
    await add(stage, link, lambda seen: END in seen.text)


ADDING_SCREENS = (
    Screen("adding", adding),
    Screen("added", added),
    Screen("added-samples", added_with_samples),
    Screen("adding-contradiction", contradiction),
    Screen("adding-early", early_access),
    Screen("phone-adding", adding, phone=True),
    Screen("phone-added", added, phone=True),
    Screen("japanese-adding", adding, locale="ja"),
    Screen("japanese-added", added, locale="ja"),
    Screen("japanese-contradiction", contradiction, locale="ja"),
    Screen("japanese-early", early_access, locale="ja"),
)
