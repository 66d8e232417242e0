"""What staff decided about a picture holds for the same picture painted or uploaded again, until it is reversed."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from bot.pictures.similarity.perceptual_hash import read
from playground.control import File, Person
from playground.visible_message import VisibleMessage
from tests.discord.conftest import PATIENCE, PROMPT, Scene, told
from tests.discord.test_publishing import add_art_channels
from tests.discord.test_removals import files_of
from tests.discord.test_reports import choose_channel, decide, report
from tests.discord.test_server import pressed

ORDER = {"prompt": "a purple cat on a cyan background", "seed": 4711}


async def decided(scene: Scene, picture: VisibleMessage, seed: int, button: str, **values: object) -> VisibleMessage:
    """Linus reports it, and Grace decides; the case afterwards."""
    linus = scene.control.person("Linus")
    await report(linus, picture)
    case = await scene.control.wait_in_channel(
        "staff-room", lambda seen, seed=seed: f"seed {seed}" in seen.text, PATIENCE
    )
    if button == "Hide":  # it has no form
        return await pressed(scene.grace, case, button)
    return await decide(scene.grace, case, button, **values)


def as_webp(picture: Image.Image) -> File:
    upload = io.BytesIO()
    picture.resize((300, 300)).save(upload, "WEBP", quality=60)
    return File("mine.webp", upload.getvalue())


async def ended(scene: Scene, person: Person, **order: object) -> VisibleMessage:
    return await scene.ended(await (await person.slash("imagine", **order)).reply())


async def ordered(scene: Scene) -> tuple[Person, VisibleMessage, Path]:
    """Mary, a picture of Ada's and its file, in a server where staff read reports."""
    await choose_channel(scene, scene.grace)
    mary = await scene.control.new_person("Mary")
    picture = await scene.painted(await scene.ada.slash("imagine", **ORDER))
    (file,) = files_of(scene, picture)
    return mary, picture, file


async def test_a_deleted_picture_comes_back_by_no_way(empty: Scene) -> None:
    scene = empty
    async with scene.bot():
        mary, picture, file = await ordered(scene)
        looks, original = read(file), file.read_bytes()
        await decided(scene, picture, 4711, "Delete everywhere")
        await scene.gone(picture)
        for person, place in ((scene.ada, {}), (mary, {}), (scene.ada, {"in_": "dm"})):
            again = await ended(scene, person, **ORDER, **place)
            assert not again.attachments and "looks like a picture that staff deleted" in again.text
        for upload in (as_webp(looks), File("a.png", original), as_webp(looks.crop((2, 0, 64, 64)))):
            refused = await told(mary, "imagine", prompt=PROMPT, image=upload)
            assert refused.ephemeral and "looks like a picture that staff deleted" in refused.text
        assert (await scene.painted(await mary.slash("imagine", prompt=PROMPT, seed=1))).attachments


async def test_nobody_starts_again_from_a_picture_that_staff_deleted_meanwhile(empty: Scene) -> None:
    """It was given before the decision, and is kept for *Again*; what is painted from it lies too far to be a copy."""
    scene = empty
    async with scene.bot():
        mary, picture, file = await ordered(scene)
        image = as_webp(read(file))
        remix = await scene.painted(await mary.slash("imagine", prompt=PROMPT, image=image, strength=0.05))
        panel = await pressed(mary, remix, "Edit")
        under_way = await (
            await mary.slash("imagine", prompt="an endless road", image=image, strength=1, steps=150)
        ).reply()
        await scene.until_painting(under_way)
        await decided(scene, picture, 4711, "Delete everywhere")
        await scene.gone(picture)
        for message, button in ((remix, "Again"), (panel, "Generate")):
            refused = await (await mary.press(message, button)).reply()
            assert refused.ephemeral and "looks like a picture that staff deleted" in refused.text, button
        ended = await scene.ended(under_way)
        assert not ended.attachments and "looks like a picture that staff deleted" in ended.text


async def test_what_staff_rated_or_hid_is_rated_or_hidden_in_a_copy(empty: Scene) -> None:
    scene = empty
    async with scene.bot():
        await choose_channel(scene, scene.grace)
        mary = await scene.control.new_person("Mary")
        rated = await scene.painted(await scene.ada.slash("imagine", **ORDER))
        (file,) = files_of(scene, rated)
        looks, original = read(file), file.read_bytes()
        case = await decided(scene, rated, 4711, "Raise rating", rating="explicit")
        again = await ended(scene, mary, **ORDER)
        assert not again.attachments and "rated explicit by the staff" in again.text
        for upload in (as_webp(looks), File("a.png", original)):
            refused = await told(mary, "imagine", prompt="a castle", image=upload)
            assert refused.ephemeral and "start picture is rated explicit" in refused.text
        await scene.grace.press(case, "Reverse decision")
        await scene.control.wait_message(case.id, lambda seen: "Reverse decision" not in seen.buttons, PATIENCE)
        allowed = await scene.painted(await mary.slash("imagine", prompt="a castle", image=as_webp(looks)))
        assert allowed.attachments, "her own copy has lost the rating that it inherited"

        hidden = await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT, seed=99))
        case = await decided(scene, hidden, 99, "Hide")
        copy = await ended(scene, mary, prompt=PROMPT, seed=99)
        assert not copy.attachments and "looks like a picture that staff hid" in copy.text
        there = await scene.painted(await mary.slash("imagine", in_="dm", prompt=PROMPT, seed=99))
        assert there.attachments, "it was hidden in the server alone, as the picture itself"


async def test_a_copy_of_a_reported_picture_is_held_like_it(empty: Scene) -> None:
    """Until staff decide; then the decision holds for it as well."""
    scene, linus = empty, empty.control.person("Linus")
    held = "reported this picture"
    async with scene.bot():
        await choose_channel(scene, scene.grace)
        await add_art_channels(scene, "art")
        mary = await scene.control.new_person("Mary")
        for seed, button, values, why in (
            (4711, "Dismiss", {}, ""),
            (99, "Raise rating", {"rating": "explicit"}, "rated explicit"),
            (7, "Hide", {}, "was removed"),
        ):
            order = {"prompt": str(ORDER["prompt"]), "seed": seed}
            picture = await scene.painted(await scene.ada.slash("imagine", **order))
            (file,) = files_of(scene, picture)
            looks, earlier = read(file), await scene.painted(await mary.slash("imagine", **order, steps=9))
            await report(linus, picture)
            case = await scene.control.wait_in_channel(
                "staff-room", lambda seen, seed=seed: f"seed {seed}" in seen.text, PATIENCE
            )
            for place in ("general", "dm"):
                copy = await ended(scene, mary, **order, in_=place)
                assert held in copy.text and not copy.attachments, (button, place)
            assert held in (await pressed(mary, earlier, "Publish")).text, button
            assert held in (await told(mary, "imagine", prompt="a castle", image=as_webp(looks))).text, button
            copy = await ended(scene, mary, **order)
            if button == "Raise rating":
                await decide(scene.grace, case, button, **values)
            else:
                await pressed(scene.grace, case, button)
            shown = await scene.control.wait_message(
                copy.id, lambda seen, why=why: held not in seen.text and why in seen.text, PATIENCE
            )
            assert bool(shown.attachments) is (not why), button
        assert not await scene.pictures("art")


async def test_a_copy_from_before_the_decision_is_not_published(empty: Scene) -> None:
    """It was painted before the report."""
    scene = empty
    async with scene.bot():
        await choose_channel(scene, scene.grace)
        await add_art_channels(scene, "art")
        mary = await scene.control.new_person("Mary")
        for seed, button, values, why in (
            (4711, "Delete everywhere", {}, "looks like a picture that staff deleted"),
            (99, "Raise rating", {"rating": "explicit"}, "rated explicit"),
        ):
            words = str(ORDER["prompt"])
            picture = await scene.painted(await scene.ada.slash("imagine", prompt=words, seed=seed))
            copy = await scene.painted(await mary.slash("imagine", prompt=words, seed=seed, steps=9))
            await decided(scene, picture, seed, button, **values)
            refused = await pressed(mary, copy, "Publish")
            assert why in refused.text, refused.text
        assert not await scene.pictures("art")
