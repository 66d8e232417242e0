"""Take a screenshot of every screen: `python -m tools.screenshots [NAME …]`."""

from __future__ import annotations

import argparse
import asyncio
import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser

from playground.control import Control
from tools.screenshots import film, newcomer
from tools.screenshots.adding_screens import ADDING_SCREENS, AddingStage
from tools.screenshots.demo_page import (
    DESKTOP,
    LONG_PHONE,
    SMALL_DESKTOP,
    TALL_DESKTOP,
    Demo,
    chromium,
    open_page,
    running_demo,
    visible_area,
)
from tools.screenshots.gallery_screens import GALLERY_SCREENS
from tools.screenshots.local_hub import local_hub
from tools.screenshots.screens import SCREENS, Screen, Stage
from tools.screenshots.staged_screens import STAGED_SCREENS

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
CHANNEL = "art"
ALL_SCREENS = (*SCREENS, *GALLERY_SCREENS)
QUALITY = 82  # of WebP: letters stay sharp, and a screen takes some 30 kB


FIRST_MINUTE, FILM = "first-minute", "film"


async def _walk(names: list[str], out: Path) -> None:
    with tempfile.TemporaryDirectory() as data:
        async with running_demo(Path(data)) as demo, chromium() as browser, Control.connect(demo.page_url) as control:
            if FIRST_MINUTE in names:
                await _first_minute(demo, browser, out)
            stage = Stage(control, CHANNEL)
            await stage.populate()
            if FILM in names:
                await _film(stage, demo, browser, out)
            for screen in (screen for screen in ALL_SCREENS if screen.name in names):
                await _take(screen, stage, demo, browser, out)


async def _walk_staged(names: list[str], out: Path) -> None:
    with tempfile.TemporaryDirectory() as data:
        async with (
            running_demo(Path(data), staged=True) as demo,
            chromium() as browser,
            Control.connect(demo.page_url) as control,
        ):
            for screen in (screen for screen in STAGED_SCREENS if screen.name in names):
                await _take(screen, Stage(control, CHANNEL), demo, browser, out)


async def _walk_adding(names: list[str], out: Path) -> None:
    with tempfile.TemporaryDirectory() as data:
        async with (
            local_hub() as hub,
            running_demo(Path(data), hub=hub.url) as demo,
            chromium() as browser,
            Control.connect(demo.page_url) as control,
        ):
            for screen in (screen for screen in ADDING_SCREENS if screen.name in names):
                await _take(screen, AddingStage(control, CHANNEL, hub), demo, browser, out)


async def _take(screen: Screen, stage: Stage, demo: Demo, browser: Browser, out: Path) -> None:
    await stage.control.set_person(stage.ada.name, locale=screen.locale)
    await screen.before(stage)
    size = LONG_PHONE if screen.phone else TALL_DESKTOP if screen.tall else DESKTOP
    async with open_page(browser, demo, screen.who, screen.channel or CHANNEL, size, screen.locale) as page:
        if screen.then is not None:
            await screen.then(page)
        await page.wait_for_load_state("networkidle")
        _keep(await page.screenshot(clip=await visible_area(page)), out / f"{screen.name}.webp")
    await stage.clear()


async def _first_minute(demo: Demo, browser: Browser, out: Path) -> None:
    """The steps of a newcomer, each with the whole page."""
    async with open_page(browser, demo, newcomer.WHO, newcomer.CHANNEL, SMALL_DESKTOP) as page:
        for step in newcomer.STEPS:
            await step.do(page)
            await page.wait_for_load_state("networkidle")
            _keep(await page.screenshot(), out / f"{step.name}.webp")


async def _film(stage: Stage, demo: Demo, browser: Browser, out: Path) -> None:
    """Somebody new orders a picture, and then another one with a bookmark."""
    await stage.control.new_person(film.WHO)
    async with open_page(browser, demo, film.WHO, film.CHANNEL, film.SIZE) as page:
        made = film.Film(page)
        await film.act(stage, made)
    path = out / "film.webp"
    made.save(path)
    print(
        f"{path} {len(made.frames)} frames {sum(made.shown) / 1000:.0f} s {path.stat().st_size // 1024} kB", flush=True
    )
    await stage.clear()


def _keep(png: bytes, path: Path) -> None:
    with Image.open(io.BytesIO(png)) as picture:
        picture.save(path, quality=QUALITY, method=6)
    print(f"{path} {path.stat().st_size // 1024} kB", flush=True)


def main() -> int:
    """Make the screenshots that are named, or all."""
    staged, adding = ([screen.name for screen in screens] for screens in (STAGED_SCREENS, ADDING_SCREENS))
    names = [FIRST_MINUTE, FILM, *(screen.name for screen in ALL_SCREENS), *staged, *adding]
    parser = argparse.ArgumentParser(prog="python -m tools.screenshots", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(names))
    parser.add_argument("--out", type=Path, default=PICTURES, metavar="DIR")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    wanted = options.names or names
    if not set(wanted) <= {*staged, *adding}:
        asyncio.run(_walk(wanted, options.out))
    if set(wanted) & set(staged):
        asyncio.run(_walk_staged(wanted, options.out))
    if set(wanted) & set(adding):
        asyncio.run(_walk_adding(wanted, options.out))
    return 0


if __name__ == "__main__":
    sys.exit(main())
