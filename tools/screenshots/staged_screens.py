"""Screens of few-step LoRAs, outfits and measured weights, in the demo of staged_demo.py."""

from __future__ import annotations

import asyncio

from tools.screenshots.screens import OWL, TIMEOUT_SECONDS, Screen, Stage


async def fast(stage: Stage) -> None:
    """A few-step LoRA joins by itself, and one line says what it was made for."""
    await stage.painted(await stage.order("imagine", prompt=OWL, lora1="Komori", checkpoint="vivid", fast=True, seed=5))


async def trigger_groups(stage: Stage) -> None:
    """An outfit of the owl is on."""
    panel = await stage.in_the_studio("Komori")
    menu = next(each for each in panel.selects if each.startswith("stwords:"))
    coat = next(option["value"] for option in panel.selects[menu]["options"] if option["label"] == "Red coat")
    await (await stage.ada.select(panel, menu, coat)).reply(TIMEOUT_SECONDS)


async def useful_weights(stage: Stage) -> None:
    """A LoRA's own page, once its weights were measured; outfits stand on it too."""
    while "Useful weight" not in (await stage.told("lora info", name="Komori")).text:
        await stage.clear()
        await asyncio.sleep(5)


STAGED_SCREENS = (
    Screen("fast", fast),
    Screen("trigger-groups", trigger_groups),
    Screen("useful-weights", useful_weights),
)
