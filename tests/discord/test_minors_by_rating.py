"""An attacker looks for a way to paint an age with what is rated for adults; and what was painted keeps its rating."""

from __future__ import annotations

import asyncio

from bot.pictures.similarity.perceptual_hash import read
from playground.control import File
from playground.visible_message import VisibleMessage
from tests.discord.conftest import PATIENCE, Scene, told
from tests.discord.test_content_ratings import AFTER_DARK, rate
from tests.discord.test_publishing import add_art_channels, is_post, posted, publish
from tests.discord.test_removals import files_of, rows
from tests.discord.test_verdicts import as_webp

AGE, CASTLE, WHY = "a 12 year old girl", "a castle", "These words name a child"


async def test_no_way_leads_an_age_to_a_rated_lora(empty: Scene) -> None:
    scene, ada = empty, empty.ada
    scene.nsfw_command = True
    async with scene.bot():
        early = await scene.painted(await ada.slash("imagine", in_=AFTER_DARK, prompt=AGE, lora1="Bat", steps=2))
        await told(ada, "stack save", name="mine")
        await rate(scene, "Bat", "explicit")
        for options in (
            {"prompt": AGE, "lora1": "Bat"},
            {"prompt": CASTLE, "negative_prompt": f"({AGE}:-1)", "lora1": "Bat"},
            {"prompt": "１２歳の少女", "lora1": "Bat"},
        ):
            refused = await told(ada, "imagine", in_=AFTER_DARK, **options)
            assert refused.ephemeral and WHY in refused.text, options
        for person, place in ((ada, AFTER_DARK), (scene.control.person("Kai"), "tea-table")):
            await scene.control.set_channel(place, nsfw=True)
            refused = await told(person, "imagine-nsfw", in_=place, prompt=AGE)
            assert refused.ephemeral and WHY in refused.text, "the command is for adults alone"
        for button in ("Again", "Vary", "Edit"):
            refused = await (await ada.press(early, button)).reply(PATIENCE)
            assert refused.ephemeral and WHY in refused.text, button
        refused = await told(ada, "bookmarks", in_=AFTER_DARK, add="Bat", note=AGE)
        assert WHY in refused.text
        await told(ada, "studio", in_=AFTER_DARK, add="Bat")
        refused = await told(ada, "stack save", in_=AFTER_DARK, name="12 year old girls")
        assert WHY in refused.text
        listed = await told(ada, "history", in_=AFTER_DARK)
        assert WHY in listed.text and not listed.attachments, "what was painted before is not shown any more"
        assert await rows(scene, "SELECT count(*) FROM job") == [(1,)], "nothing has reached a worker"

        order = {"prompt": CASTLE, "lora1": "Bat", "seed": 2001}  # of some seeds, the picture is too plain for a hash
        castle = await scene.painted(await ada.slash("imagine", in_=AFTER_DARK, **order))
        (file,) = files_of(scene, castle)
        upload = File("holiday.png", await asyncio.to_thread(file.read_bytes))
        for start in (upload, as_webp(read(file))):
            refused = await told(ada, "imagine", in_="general", prompt=CASTLE, image=start)
            assert "The start picture is rated explicit" in refused.text
            refused = await told(ada, "imagine", in_=AFTER_DARK, prompt=AGE, image=start)
            assert WHY in refused.text


async def test_a_published_child_is_withdrawn_when_its_lora_is_rated(empty: Scene) -> None:
    """Also from an art channel for adults, which shows all else that the LoRA paints."""
    scene, ada = empty, empty.ada
    async with scene.opened() as (_, bot):
        await add_art_channels(scene, AFTER_DARK)
        posts: list[VisibleMessage] = []
        for prompt in (AGE, CASTLE):
            picture = await scene.painted(await ada.slash("imagine", prompt=prompt, lora1="Bat"))
            assert "Published" in (await publish(ada, picture)).text
            shown = {each.id for each in posts}
            posts.append(
                await posted(scene, lambda seen, shown=shown: is_post(seen) and seen.id not in shown, AFTER_DARK)
            )
        await rate(scene, "Bat", "explicit")
        await bot.publishing.settle()
        await scene.gone(posts[0])
        gallery = await told(ada, "gallery", in_=AFTER_DARK)
        assert len(gallery.attachments) == 1
        assert [seen.id for seen in await scene.control.messages(AFTER_DARK) if is_post(seen)] == [posts[1].id]
        await rate(scene, "Bat", "teen")
        await bot.publishing.settle()
        again = await posted(
            scene, lambda seen: is_post(seen) and seen.id not in {each.id for each in posts}, AFTER_DARK
        )
        assert again.attachments, "it comes back with the rating"
