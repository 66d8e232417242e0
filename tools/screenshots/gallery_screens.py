"""The screens of publishing, the gallery and what staff feature."""

from __future__ import annotations

from playwright.async_api import Page, expect

from inference.lora.beside.categories import Category
from playground import default_world
from playground.control import Person
from playground.visible_message import VisibleMessage
from tools.screenshots.screens import OWL, PAINTED, SEED, TIMEOUT_SECONDS, Screen, Stage


async def art_channel(stage: Stage) -> None:
    """The sketches become an art channel, unless they are one."""
    panel = await (await stage.grace.slash("server", in_=stage.channel)).reply(TIMEOUT_SECONDS)
    panel = await _chosen(stage, panel, "svsection:", "art")
    if "Remove" not in panel.buttons:
        await _chosen(stage, panel, "svartadd:", default_world.THREAD)
    await stage.clear()


async def _chosen(stage: Stage, panel: VisibleMessage, menu: str, value: str) -> VisibleMessage:
    """Staff choose in a menu of the panel."""
    custom_id = next(each for each in panel.selects if each.startswith(menu))
    return await (await stage.grace.select(panel, custom_id, value)).reply(TIMEOUT_SECONDS)


async def publish(stage: Stage) -> None:
    """What will be shown, before a picture is published."""
    await art_channel(stage)
    picture = await stage.painted(
        await stage.order("imagine", prompt=OWL, lora1="Komori", checkpoint="vivid", seed=SEED)
    )
    question = await stage.pressed(picture, "publish:")
    await stage.pressed(question, "pubprompt:")


async def gallery(stage: Stage) -> None:
    """What people have published, and what staff feature of it."""
    await art_channel(stage)
    for prompt, checkpoint, name in PAINTED:
        picture = await stage.painted(
            await stage.order("imagine", prompt=prompt, checkpoint=checkpoint, lora1=name, seed=SEED)
        )
        question = await stage.pressed(picture, "publish:")
        await stage.pressed(question, "pubconfirm:")
    await stage.clear()
    await stage.told("gallery")


async def shown_picture(stage: Stage, who: Person) -> VisibleMessage:
    """Somebody opens the newest picture of the gallery; it alone is left to see."""
    page = await told(who, stage, "gallery")
    if "opengallery:list" not in page.selects:
        await gallery(stage)
        page = await told(who, stage, "gallery")
    newest = page.selects["opengallery:list"]["options"][0]["value"]
    await stage.clear()
    page = await told(who, stage, "gallery")
    shown = await (await who.select(page, "opengallery:list", newest)).reply(TIMEOUT_SECONDS)
    await who.delete(page)
    return shown


async def told(who: Person, stage: Stage, command: str, **options: object) -> VisibleMessage:
    """The answer to somebody's command in the channel."""
    return await (await who.slash(command, in_=stage.channel, **options)).reply(TIMEOUT_SECONDS)


async def published(stage: Stage) -> None:
    """One picture of it, with what everybody may do."""
    await shown_picture(stage, stage.ada)


async def filtered(stage: Stage) -> None:
    """Pictures with a LoRA for a style, the most liked of the week first."""
    shown = await shown_picture(stage, stage.grace)
    if "Like" in shown.buttons:  # else it is liked already
        await (await stage.grace.press(shown, "Like")).answered(TIMEOUT_SECONDS)
    await stage.clear()
    await stage.told("gallery", sort="most_liked_this_week", category=Category.CHARACTER.value)


async def featured(stage: Stage) -> None:
    """What staff feature, with who and when, before all others."""
    shown = await shown_picture(stage, stage.grace)
    if "Feature in this server" in shown.buttons:  # else it is featured already
        await (await stage.grace.press(shown, "Feature in this server")).answered(TIMEOUT_SECONDS)
    await stage.clear()
    await stage.told("gallery")


async def report(stage: Stage) -> None:
    """A published picture that somebody else looks at."""
    await shown_picture(stage, stage.grace)


async def fill_in_report(page: Page) -> None:
    """The form of a report, while it is filled in."""
    await page.get_by_role("button", name="Report", exact=True).last.click()
    await expect(page.locator("dialog[open]")).to_contain_text("Reason for the report")


async def board(stage: Stage) -> None:
    """The board of a new art channel, which comes by itself within a minute or two."""
    await featured(stage)
    panel = await told(stage.grace, stage, "server")
    panel = await _chosen(stage, panel, "svsection:", "art")
    await _chosen(stage, panel, "svartadd:", default_world.ART)
    await stage.clear()
    await stage.control.wait_in_channel(
        stage.channel, lambda seen: "This week in the gallery" in seen.text, TIMEOUT_SECONDS
    )


GALLERY_SCREENS = (
    Screen("publish", publish),
    Screen("gallery", gallery),
    Screen("published", published),
    Screen("gallery-filtered", filtered),
    Screen("featured", featured, tall=True),
    Screen("report", report, fill_in_report, who="Grace"),
    Screen("japanese-gallery", featured, locale="ja", tall=True),
    Screen("phone-gallery", featured, phone=True),
    Screen("board", board),
)
