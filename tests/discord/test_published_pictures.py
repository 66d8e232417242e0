"""Which picture of a job is published, what the menus of its post are about, and how its author takes it back."""

from __future__ import annotations

from bot.database.people.studio import FIND_STUDIO
from bot.workspace.studio_draft import Studio
from playground import default_world
from playground.visible_message import VisibleMessage
from tests.discord.conftest import PATIENCE, PROMPT, Scene, asked, confirmed, told, use_picture
from tests.discord.test_publishing import add_art_channels, is_post, posted, publish
from tests.discord.test_server import pressed
from tests.house import VIVID


async def of_menu(scene: Scene, name: str, command: str, message: VisibleMessage) -> VisibleMessage:
    """The answer to what is chosen for the picture of a message."""
    return await (await use_picture(scene.control.person(name), message, command)).reply(PATIENCE)


async def test_a_variant_of_a_sheet_is_published(empty: Scene) -> None:
    scene, ada = empty, empty.ada
    async with scene.bot():
        await add_art_channels(scene, "art")
        order = await ada.slash("sweep", lora="Bat", prompt=PROMPT, weights="0 0.4 0.8", seed=7, checkpoint=VIVID)
        sheet = await scene.painted(order)
        question = await pressed(ada, sheet, "Publish")
        assert {"without Bat", "Bat at 0.4", "Bat at 0.8"} <= set(question.buttons)
        assert "Bat at" not in question.text, "the first one is without it"
        question = await pressed(ada, question, "Bat at 0.8")
        assert "Bat at 0.8" in question.text and len(question.attachments) == 1
        assert "Published in" in (await pressed(ada, question, "Publish")).text
        post = await posted(scene, is_post)
        assert "Bat at 0.8" in post.text and "Bookmark these LoRAs" in post.buttons
        details = await of_menu(scene, "Linus", "Details", post)
        assert "**Bat** at 0.8" in details.text and list(details.buttons)[-2:] == ["Remix", "Bookmark these LoRAs"]
        assert "**0.8**" in (await of_menu(scene, "Linus", "Remix", post)).text
        assert "Bookmarked Bat" in (await of_menu(scene, "Linus", "Bookmark LoRAs", post)).text
        question = await pressed(ada, sheet, "Publish")  # the one that is published
        question = await pressed(ada, question, "without Bat")
        assert "Published in" in (await pressed(ada, question, "Publish")).text
        without = await posted(scene, lambda seen: is_post(seen) and "Bat" not in seen.text)
        assert list(without.buttons) == ["Like", "Remix", "Unpublish"]
        assert "generated without LoRAs" in (await of_menu(scene, "Linus", "Bookmark LoRAs", without)).text
        found = await (await scene.control.person("Linus").slash("gallery", lora="Bat")).reply()
        assert len(found.selects["opengallery:list"]["options"]) == 1, "that without it is none with it"


async def test_the_menus_of_a_post_are_about_its_picture(empty: Scene) -> None:
    scene, ada = empty, empty.ada
    async with scene.opened() as (easel, bot):
        await add_art_channels(scene, "art")
        picture = await scene.painted(await ada.slash("imagine", prompt=PROMPT, count=2, seed=41))
        question = await pressed(ada, await pressed(ada, picture, "Publish"), "Picture 2")
        await pressed(ada, question, "Publish")
        post = await posted(scene, is_post)
        for person, offered in (("Ada", True), ("Linus", False)):  # the author alone
            panel = await scene.control.person(person).message_command("Use this picture…", post)
            assert ("Upscale" in (await panel.reply(PATIENCE)).buttons) is offered, person
        details = await of_menu(scene, "Linus", "Details", post)
        assert (
            "seed 42" in details.text
            and "Seeds of the pictures, in order" not in details.text
            and PROMPT not in details.text
        )
        assert (
            "The picture's prompt is private" in (await pressed(scene.control.person("Linus"), details, "Remix")).text
        )
        await of_menu(scene, "Linus", "Start from it", post)
        studio = await easel.db.one(FIND_STUDIO, int(default_world.LINUS))
        assert studio is not None
        draft = Studio.model_validate_json(studio.state).draft
        (row,) = await easel.db.fetch("SELECT path FROM picture WHERE position = 1")
        kept = await bot.inputs.keep_picture(scene.house.settings.storage.pictures / row["path"])
        assert draft.image is not None and kept is not None and draft.image.sha256 == kept.sha256
        await a_panel_forgets_what_is_gone(scene, picture, post)


async def a_panel_forgets_what_is_gone(scene: Scene, picture: VisibleMessage, post: VisibleMessage) -> None:
    """A panel that was opened before gives no way to a picture that was unpublished or deleted."""
    ada, linus = scene.ada, scene.control.person("Linus")
    of_post, of_picture = [
        await (await linus.message_command("Use this picture…", each)).reply(PATIENCE) for each in (post, picture)
    ]
    await confirmed(ada, await asked(ada, post, "Unpublish"))
    await scene.gone(post)
    await confirmed(ada, await asked(ada, picture))
    await scene.control.wait_message(picture.id, lambda seen: "was deleted" in seen.text, PATIENCE)
    for panel, told_why in ((of_post, "no longer in the gallery"), (of_picture, "no longer in the database")):
        for button in panel.buttons:
            assert told_why in (await pressed(linus, panel, button)).text, button


async def test_the_author_takes_back_what_a_report_hides(empty: Scene) -> None:
    scene, ada, linus = empty, empty.ada, empty.control.person("Linus")
    async with scene.bot():
        await add_art_channels(scene, "art")
        picture = await scene.painted(await ada.slash("imagine", prompt=PROMPT, seed=805))
        await publish(ada, picture)
        post = await posted(scene, is_post)
        opener = await linus.message_command("Report", post)
        await opener.modal(PATIENCE)
        await (await linus.submit(opener, {"reason": ["violent_or_cruel"], "note": ""})).reply(PATIENCE)
        await scene.gone(post)
        history = await told(ada, "history")
        assert "Unpublish" in history.buttons and "Delete" in history.buttons
        done = await (await confirmed(ada, await asked(ada, history, "Unpublish"))).reply(PATIENCE)
        assert "no longer published" in done.text
        assert "Unpublish" not in (await told(ada, "history")).buttons
