"""The longest and strangest names and texts still make messages that Discord accepts."""

from __future__ import annotations

from pathlib import Path

from playground.visible_message import VisibleMessage
from tests.discord.conftest import open_scene
from tests.house import BASES, VIVID, House
from tests.lora_files import write_sidecar

BAIT = "[free](https://evil.example) @everyone <@1174109840998400011> **"


async def babbling(folder: Path) -> House:
    """A library with texts of maximal length; one entry has ten versions."""
    house = House(folder)
    for number in range(14):
        path = house.add_lora(f"long{number}", None, seed=40 + number)
        write_sidecar(
            path,
            name=(BAIT if number > 3 else f"{number}{BAIT}").ljust(100, "_"),
            version=f"{number:02}".ljust(100, "*"),
            base_model=BASES[VIVID],
            trigger_words=[f"{n:02} {BAIT}".ljust(100, "_") for n in range(50)],
            description="*" * 4000,
        )
    return house


def harmless(seen: VisibleMessage) -> bool:
    return "://" not in seen.text and "@everyone" not in seen.text and not seen.pinged


async def test_extreme_pages_fit_into_a_message_without_links_or_pings(tmp_path: Path) -> None:
    async with open_scene(await babbling(tmp_path / "house")) as scene, scene.bot():
        choices = await scene.ada.autocomplete("lora info", "name", "free")
        assert len(choices) == 5 and all(len(choice["name"]) <= 100 for choice in choices)
        for choice in choices:
            page = await (await scene.ada.slash("lora info", name=choice["value"])).reply()
            assert page.ephemeral and "free" in page.text and harmless(page)
            page = await (await scene.ada.slash("bookmarks", add=choice["value"], note=BAIT * 10)).reply()
            assert "Your bookmarks" in page.text and harmless(page)
        for _ in range(9):
            options = {"prompt": BAIT * 60, "steps": 150, "lora1": choices[0]["value"]}
            await (await scene.ada.slash("imagine", **options)).answered()
        queue = await (await scene.ada.slash("queue")).reply()
        assert "Page 1 of 2" in queue.buttons and harmless(queue)


async def test_buttons_work_for_any_search(tmp_path: Path) -> None:
    async with open_scene(House(tmp_path / "house")) as scene, scene.bot():
        for search in ("a:b", "\n", "two\nlines", "🦉" * 30, "\"'*()", "%_\\"):
            await (await scene.ada.slash("bookmarks", add="Bat", note=f"x {search} x")).reply()
            found = await (await scene.ada.slash("bookmarks", search=search)).reply()
            assert "Your bookmarks" in found.text
            if "Open" in found.buttons:
                await (await scene.ada.press(found, "Open")).answered()
                card = await scene.control.wait_message(found.id, lambda seen: "## Bat" in seen.text)
                await (await scene.ada.press(card, "Remove")).answered()
                await scene.control.wait_message(found.id, lambda seen: "Removed **Bat**" in seen.text)
