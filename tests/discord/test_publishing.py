"""Publishing from an empty server: two people publish, like, bookmark and use the same; hidden, taken down, erased."""

from __future__ import annotations

from collections.abc import Callable

from playground import default_world, permissions
from playground.control import Person
from playground.visible_message import VisibleMessage
from tests.discord.conftest import PATIENCE, PROMPT, Scene, asked, confirmed, remove, told, use_picture
from tests.discord.test_removals import hidden
from tests.discord.test_server import chosen, pressed
from tests.discord.test_undo import until

ADA = default_world.ADA
POST_BUTTONS = ["Bat", "Like", "Use these LoRAs", "Bookmark these LoRAs", "Remix", "Unpublish"]


async def add_art_channels(scene: Scene, *channels: str) -> VisibleMessage:
    """Add them in /server; the section afterwards."""
    panel = await chosen(scene.grace, await told(scene.grace, "server"), "svsection", "art")
    for channel in channels:
        panel = await chosen(scene.grace, panel, "svartadd", channel)
    return panel


async def paint(scene: Scene, person: Person, **options: object) -> VisibleMessage:
    return await scene.painted(await person.slash("imagine", prompt=PROMPT, **{"lora1": "Bat", **options}))


async def paint_in_japanese(scene: Scene, person: Person, **options: object) -> VisibleMessage:
    waiting = await (await person.slash("imagine", prompt=PROMPT, lora1="Bat", **options)).reply(PATIENCE)
    return await scene.control.wait_message(waiting.id, lambda seen: "編集" in seen.buttons, PATIENCE)


async def publish(person: Person, picture: VisibleMessage, channel: str = "") -> VisibleMessage:
    """Publish a picture; the answer."""
    question = await pressed(person, picture, "Publish")
    if channel:
        question = await chosen(person, question, "pubchannel", channel)
    return await pressed(person, question, "Publish")


async def posted(scene: Scene, accept: Callable[[VisibleMessage], bool], channel: str = "art") -> VisibleMessage:
    """Wait for a post in a channel."""
    return await scene.control.wait_in_channel(channel, accept, PATIENCE)


def is_post(seen: VisibleMessage) -> bool:
    return "Unpublish" in seen.buttons


async def test_two_people_publish_and_learn_from_each_other(empty: Scene) -> None:
    scene, control, ada, linus = empty, empty.control, empty.ada, empty.control.person("Linus")
    async with scene.bot():
        before = await paint(scene, ada)
        assert "Publish" not in before.buttons, "there is no art channel"
        panel = await add_art_channels(scene, "art")
        assert "Remove" in panel.buttons and f"<#{default_world.ART}>" in panel.text
        picture = await paint(scene, ada, seed=801)
        assert "only the picture's author can publish" in (await pressed(linus, picture, "Publish")).text.lower()
        question = await pressed(ada, picture, "Publish")
        assert question.ephemeral and len(question.attachments) == 1 and PROMPT not in question.text
        question = await pressed(ada, question, "Show the prompt")
        assert PROMPT in question.text and "Keep the prompt private" in question.buttons
    async with scene.bot():  # the question survives a restart
        done = await pressed(ada, question, "Publish")
        assert "Published in" in done.text and not done.attachments
        post = await posted(scene, is_post)
        assert PROMPT in post.text and f"<@{ADA}>" in post.text and list(post.buttons) == POST_BUTTONS
        assert "Published in" in (await pressed(ada, picture, "Publish")).text, "once is enough"
        await linus.press(post, "Like")
        liked = await control.wait_message(post.id, lambda seen: "Like · 1" in seen.buttons, PATIENCE)
        assert liked.attachments == post.attachments
        again = await pressed(linus, liked, "Like · 1")
        assert again.ephemeral and "already" in again.text
        assert "0 likes" in (await pressed(linus, again, "Unlike")).text
        await ada.press(liked, "Like · 1")
        assert "Bookmarked Bat" in (await pressed(linus, post, "Bookmark these LoRAs")).text
        assert "Bat" in (await pressed(linus, post, "Bat")).text
        studio = await pressed(linus, post, "Use these LoRAs")
        assert "Your studio now has only this picture's LoRAs" in studio.text and "Bat" in studio.text
        remix = await pressed(linus, post, "Remix")
        assert PROMPT in remix.text, "the author shows it"
        details = await (await use_picture(linus, post, "Details")).reply(PATIENCE)
        assert PROMPT in details.text
        await publish(linus, await paint(scene, linus, seed=802))
        other = await posted(scene, lambda seen: is_post(seen) and f"<@{default_world.LINUS}>" in seen.text)
        assert PROMPT not in other.text
        private = await pressed(ada, other, "Remix")
        assert "The picture's prompt is private" in private.text and PROMPT not in private.text
        assert "only the picture's author" in (await pressed(ada, other, "Unpublish")).text.lower()
        question = await asked(linus, other, "Unpublish")
        (yes,) = (each["custom_id"] for each in question.buttons.values() if each["custom_id"] != "keepit")
        assert "only the picture's author" in (await scene.forged(ada, yes)).text.lower()
        done = await (await confirmed(linus, question)).reply(PATIENCE)
        assert done.ephemeral and "no longer published" in done.text and not done.buttons
        await scene.gone(other)


async def test_forum_thread_and_permissions_in_japanese(empty: Scene) -> None:
    scene, control, ada = empty, empty.control, empty.ada
    world = scene.playground.world
    await control.set_channel("gallery", overwrite="Easel", deny=permissions.ATTACH_FILES)
    await control.set_channel("gallery", requires_tag=True)
    async with scene.bot():
        panel = await add_art_channels(scene, "gallery", "Sketches", "after-dark")
        assert "Easel is missing permissions here: Attach Files" in panel.text and "Manage Threads" in panel.text
        await control.set_person("Ada", locale="ja")
        picture = await paint_in_japanese(scene, ada)
        question = await pressed(ada, picture, "公開")
        refused = await pressed(ada, question, "公開")
        assert "書き込み" in refused.text or "スタッフ" in refused.text
        await control.set_channel("gallery", overwrite="Easel", allow=permissions.ATTACH_FILES)
        question = await pressed(ada, question, "プロンプトを見せる")
        done = await pressed(ada, question, "公開")
        post = next(one for one in world.channels.values() if one.parent_id == default_world.GALLERY)
        assert post.applied_tags == [default_world.GALLERY_TAGS["other"]] and PROMPT in (post.name or "")
        assert "公開" in done.text
        sketch = await paint_in_japanese(scene, ada, seed=5)
        question = await chosen(ada, await pressed(ada, sketch, "公開"), "pubchannel", default_world.THREAD)
        await pressed(ada, question, "公開")
        message = next(one for one in world.messages.values() if one.channel_id == default_world.THREAD)
        seen = await control.message(message.id)
        assert seen is not None and "同じ LoRA を使う" in seen.buttons


async def test_a_publication_is_hidden_and_comes_back(empty: Scene) -> None:
    scene, control, ada, grace = empty, empty.control, empty.ada, empty.grace
    linus = control.person("Linus")
    async with scene.bot():
        await add_art_channels(scene, "art")
        picture = await paint(scene, ada, seed=803)
        await publish(ada, picture)
        post = await posted(scene, is_post)
        await linus.press(post, "Like")
        await control.wait_message(post.id, lambda seen: "Like · 1" in seen.buttons, PATIENCE)
        await confirmed(ada, await asked(ada, picture))
        deleted = await hidden(scene, picture)
        await scene.gone(post)
        await ada.press(deleted, "Undo")
        back = await posted(scene, is_post)
        assert "Like · 1" in back.buttons and back.id != post.id
        opener = await linus.message_command("Report", back)
        await opener.modal(PATIENCE)
        await (await linus.submit(opener, {"reason": ["violent_or_cruel"], "note": ""})).reply(PATIENCE)
        await scene.gone(back)
        overview = await told(grace, "server")
        assert "**1 report is waiting for your decision**, under *Reports*." in overview.text
        panel = await chosen(grace, overview, "svsection", "reports")
        case = panel
        while "Dismiss" not in case.buttons:  # a slow answer comes in a message of its own
            case = await pressed(grace, panel, "Review")
        await pressed(grace, case, "Dismiss")
        third = await posted(scene, is_post)
        assert "Like · 1" in third.buttons
        await (await remove(grace, third, "Unpublish")).reply(PATIENCE)
        await scene.gone(third)
        await scene.gone(picture)
        await until(scene, "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM publication)")
        refused = await pressed(ada, await pressed(ada, await told(ada, "history"), "Open"), "Publish")
        assert "removed this picture" in refused.text


async def test_an_author_takes_back_what_is_hidden(empty: Scene) -> None:
    scene, ada = empty, empty.ada
    async with scene.bot():
        await add_art_channels(scene, "art")
        picture = await paint(scene, ada, seed=804)
        await publish(ada, picture)
        post = await posted(scene, is_post)
        await confirmed(ada, await asked(ada, picture))
        deleted = await hidden(scene, picture)
        await scene.gone(post)
        await scene.control.set_channel("art", overwrite="Easel", deny=permissions.ATTACH_FILES)
        await (await ada.press(deleted, "Undo")).reply(PATIENCE)
        kept = await pressed(ada, await told(ada, "history"), "Open")
        page = await pressed(ada, kept, "Publish")
        assert "currently hidden" in page.text and "Unpublish" in page.buttons
        done = await (await confirmed(ada, await asked(ada, page, "Unpublish"))).reply(PATIENCE)
        assert "no longer published" in done.text
