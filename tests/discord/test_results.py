"""The buttons of a finished picture: Vary, Upscale, Edit, Remix, Details."""

from __future__ import annotations

import asyncio
import io
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp
import discord
import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from benchmarks._varied_pictures import varied
from bot.pictures.similarity.made_here import _COMPARING
from inference.messages.request import GenerationRequest
from playground import default_world
from playground.control import File, Person
from playground.visible_message import VisibleMessage
from tests.discord.conftest import PATIENCE, PROMPT, Scene, use_picture
from tests.house import PASTEL, VIVID

pytestmark = pytest.mark.asyncio(loop_scope="session")

INFOTEXT = """\
a blue star <lora:Bat:0.7> <lora:Nobody:0.4>
Negative prompt: red
Steps: 9, Sampler: Euler a, CFG scale: 3, Seed: 12, Size: 64x64, Model: {model}, Version: v1.10.1"""


async def pictures_of(message: VisibleMessage) -> list[Image.Image]:
    async with aiohttp.ClientSession() as session:
        pages = [await session.get(attachment["url"]) for attachment in message.attachments]
        return [Image.open(io.BytesIO(await page.read())) for page in pages]


def pixels(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("RGB")).astype(float)


def asked(picture: Image.Image) -> GenerationRequest:
    return GenerationRequest.model_validate_json(picture.text["easel"])  # type: ignore[attr-defined]


def sharpness(image: np.ndarray) -> float:
    """The largest difference of neighbouring pixels."""
    steps = np.abs(np.diff(image, axis=1)).max(axis=2)
    return float(np.quantile(steps, 0.99))


def png(text: str) -> bytes:
    info = PngInfo()
    info.add_text("parameters", text)
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), "navy").save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def webp(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=80)
    return buffer.getvalue()


async def paint(scene: Scene, person: Person | None = None, **options: Any) -> VisibleMessage:
    return await scene.painted(await (person or scene.ada).slash("imagine", prompt=PROMPT, **options))


async def test_vary_resembles_its_source(scene: Scene) -> None:
    """Whatever its seed, which is chance: of 60 the farthest was 10.3 away, and strangers are 14 on the average."""
    first = await paint(scene, seed=7)
    (source,) = await pictures_of(first)
    (varied,) = await pictures_of(await scene.painted(await scene.ada.press(first, "Vary")))
    request = asked(varied)
    assert request.image is not None and request.image.strength == 0.5 and request.seed != 7
    strangers = [
        *await pictures_of(await paint(scene, seed=1, count=4)),
        *await pictures_of(await paint(scene, seed=5, count=2)),
    ]
    near, *far = (np.abs(pixels(source) - pixels(other)).mean() for other in (varied, *strangers))
    assert 0 < near < sum(far) / len(far)


async def test_a_button_asks_which_of_several_pictures(scene: Scene) -> None:
    first = await paint(scene, seed=20, count=3)
    question = await (await scene.ada.press(first, "Vary")).reply()
    assert question.ephemeral and list(question.buttons) == ["1", "2", "3"] and len(question.attachments) == 3
    message = await scene.painted(await scene.ada.press(question, "2"))
    sources = await pictures_of(first)
    (varied,) = await pictures_of(message)
    distances = [np.abs(pixels(source) - pixels(varied)).mean() for source in sources]
    assert not message.ephemeral and int(np.argmin(distances)) == 1
    assert asked(varied).count == 1


async def test_upscale_is_twice_the_size_and_sharper_than_enlarging(scene: Scene) -> None:
    first = await paint(scene, seed=7, size="portrait")
    (source,) = await pictures_of(first)
    message = await scene.painted(await scene.ada.press(first, "Upscale"))
    (larger,) = await pictures_of(message)
    assert larger.size == (96, 160)
    enlarged = source.convert("RGB").resize(larger.size, Image.Resampling.LANCZOS)
    assert np.abs(pixels(larger) - pixels(enlarged)).mean() < 25, "it is the same picture"
    assert sharpness(pixels(larger)) > 1.1 * sharpness(pixels(enlarged))
    assert asked(larger).seed == 7 and "enlarged" not in message.text
    assert "upscaled 2x from 48x80" in message.text
    varied = await scene.painted(await scene.ada.press(message, "Vary"))
    assert "upscaled" not in varied.text and "from a start picture, strength 0.5" in varied.text


async def test_upscale_without_img2img_says_so(scene: Scene) -> None:
    first = await paint(scene, seed=7)
    second = await scene.painted(await scene.ada.press(first, "Upscale"))
    sent = await scene.ada.press(second, "Upscale")
    third = await scene.control.wait_message((await sent.reply()).id, lambda seen: "Delete" in seen.buttons, PATIENCE)
    before, after = (await pictures_of(second))[0], (await pictures_of(third))[0]
    assert after.size == (256, 256) and "without adding new detail" in third.text and "256x256" in third.text
    enlarged = before.convert("RGB").resize(after.size, Image.Resampling.LANCZOS)
    assert np.array_equal(pixels(after), pixels(enlarged))
    assert "Again" not in third.buttons and "Vary" in third.buttons
    assert "upscaled 2x from 128x128" in third.text


async def test_edit_fills_the_studio(scene: Scene) -> None:
    first = await paint(scene, lora1="Bat", weight1=0.7, seed=7, steps=5, size="landscape")
    panel = await (await scene.ada.press(first, "Edit")).reply()
    assert panel.ephemeral and "## Studio" in panel.text
    assert all(words in panel.text for words in (PROMPT, "Bat", "0.7", "80x48", "5 steps", "7"))


async def test_a_source_image_chooses_the_size(scene: Scene) -> None:
    wide = Image.new("RGB", (300, 180), "red")
    wide.paste("white", (0, 0, 150, 180))
    buffer = io.BytesIO()
    wide.save(buffer, "JPEG")
    file = File("wide.jpg", buffer.getvalue())
    message = await paint(scene, image=file, strength=0.2)
    assert "from a start picture, strength 0.2" in message.text
    (picture,) = await pictures_of(message)
    assert picture.size == (80, 48)
    assert pixels(picture)[:, :30].mean() > pixels(picture)[:, 50:, 1:].mean() + 60
    again = await scene.painted(await scene.ada.press(message, "Again"))
    assert asked((await pictures_of(again))[0]).image == asked(picture).image


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"image": File("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>")}, "cannot be used"),
        ({"image": File("a.png", b"\x89PNG\r\n\x1a\n")}, "cannot be used"),
        ({"strength": 0.5}, "applies only to a start picture"),
    ],
)
async def test_an_unusable_source_image_gets_an_error_reply(scene: Scene, options: dict[str, Any], word: str) -> None:
    reply = await (await scene.ada.slash("imagine", prompt=PROMPT, **options)).reply()
    assert reply.ephemeral and word in reply.text


async def test_a_private_prompt_is_hidden_from_others(scene: Scene) -> None:
    hidden = await paint(scene, lora1="Bat", seed=7)
    members = (
        scene.ada,
        scene.control.person("Linus"),
        scene.grace,
    )  # Grace is staff, who read prompts of public pictures
    for person, sees in zip(members, (True, False, True), strict=True):
        details = await (await person.press(hidden, "Details")).reply()
        assert details.ephemeral and (PROMPT in details.text) is sees
        assert all(words in details.text for words in ("Bat", VIVID, "64x64", "seed 7"))
    panel = await (await scene.grace.press(await details_of(scene.grace, hidden), "Remix")).reply()
    assert PROMPT not in panel.text and "Bat" in panel.text and "private" in panel.text

    await (await scene.ada.slash("settings", prompts="shown with my pictures")).reply()
    shown = await paint(scene)
    assert PROMPT in shown.text
    assert PROMPT in (await pictures_of(shown))[0].text["parameters"]  # type: ignore[attr-defined]
    panel = await (await use_picture(scene.grace, shown, "Remix")).reply()
    assert PROMPT in panel.text
    await (await scene.ada.slash("settings", reset=True)).reply()


async def details_of(person: Person, picture: VisibleMessage) -> VisibleMessage:
    return await (await use_picture(person, picture, "Details")).reply()


async def test_details_link_to_the_page_of_a_lora(scene: Scene) -> None:
    details = await details_of(scene.grace, await paint(scene, lora1="Bat"))
    page = await (await scene.grace.press(details, str(next(iter(lora_buttons(details)))))).reply()
    assert "Trigger words" in page.text


def lora_buttons(details: VisibleMessage) -> list[str]:
    return [one["custom_id"] for one in details.buttons.values() if str(one.get("custom_id")).startswith("lora:")]


@pytest.mark.parametrize("model", [VIVID, "dreamshaper_8"])
async def test_remix_of_a_foreign_picture_uses_installed_parts(scene: Scene, model: str) -> None:
    message = await scene.grace.say("look", "general", File("elsewhere.png", png(INFOTEXT.format(model=model))))
    panel = await (await use_picture(scene.ada, message, "Remix")).reply()
    assert "a blue star" in panel.text and "Bat" in panel.text and "0.7" in panel.text and "9 steps" in panel.text
    assert "Nobody is not in this library" in panel.text and "only by name" in panel.text
    assert ("dreamshaper" in panel.text and "is not available here" in panel.text) is (model != VIVID)
    assert PASTEL not in panel.text, "the checkpoint that its LoRA fits"
    kept = await (await scene.ada.message_command("Bookmark LoRAs", message)).reply()
    assert "Bat" in kept.text and "Not in this library: Nobody" in kept.text
    details = await details_of(scene.ada, message)
    assert "a blue star" in details.text and "not in this library" in details.text


async def test_a_reposted_file_of_easel_is_matched_by_hashes(scene: Scene) -> None:
    first = await paint(scene, lora1="Bat", weight1=0.5, seed=7)
    buffer = io.BytesIO()
    (picture,) = await pictures_of(first)
    info = PngInfo()
    info.add_text("parameters", picture.text["parameters"].replace("Bat", "renamed"))  # type: ignore[attr-defined]
    picture.save(buffer, "PNG", pnginfo=info)
    message = await scene.grace.say("mine now", "general", File("a.png", buffer.getvalue()))
    panel = await (await use_picture(scene.grace, message, "Remix")).reply()
    assert "Bat" in panel.text and "0.5" in panel.text and "renamed" not in panel.text
    assert "only by name" not in panel.text


async def test_a_preview_that_somebody_posted_is_recognized(scene: Scene) -> None:
    """A saved preview has no data in it. The owner and operators get the job, others only that it was made here."""
    shown = await paint(scene, seed=7)
    (picture,) = await pictures_of(shown)
    buffer = io.BytesIO()
    picture.convert("RGB").save(buffer, "WEBP", quality=80)
    message = await scene.grace.say("is this AI?", "general", File("preview.webp", buffer.getvalue()))
    said = await details_of(scene.control.person("Linus"), message)
    assert said.ephemeral and "This bot generated it on" in said.text and "AI-generated" in said.text
    assert "Job" not in said.text and PROMPT not in said.text and "<@" not in said.text
    said = await details_of(scene.control.person("Margaret"), message)
    assert "of job " in said.text and f"<@{default_world.ADA}>" in said.text and PROMPT not in said.text
    said = await details_of(scene.ada, message)
    assert PROMPT in said.text and "seed 7" in said.text and "of job " in said.text


async def test_details_from_a_file_are_told_from_what_easel_knows(scene: Scene) -> None:
    """Anybody can write a recipe into a picture of ours."""
    (picture,) = await pictures_of(await paint(scene, seed=8))
    buffer, info = io.BytesIO(), PngInfo()
    info.add_text("parameters", INFOTEXT.format(model=VIVID))
    picture.convert("RGB").save(buffer, "PNG", pnginfo=info)
    plain = io.BytesIO()
    Image.new("RGB", (300, 300), "red").save(plain, "PNG")
    files = File("plain.png", plain.getvalue()), File("ours.png", buffer.getvalue())
    said = await details_of(scene.control.person("Linus"), await scene.grace.say("look", "general", *files))
    assert said.text.startswith("Picture 1 of 2: Easel cannot check whether it generated this picture.")
    assert "Picture 2 of 2: This picture is AI-generated." in said.text
    assert "Picture 2 of 2: The details below come from the file, which anyone can change." in said.text
    assert said.text.index("anyone can change") < said.text.index("a blue star"), "the origin comes first"
    said = await details_of(scene.ada, await scene.grace.say("look", "general", files[0]))
    assert "too little detail to compare" in said.text and "damaged" not in said.text


async def test_the_pictures_of_a_message_are_numbered(scene: Scene) -> None:
    files = [File(f"{seed}.webp", webp(varied(seed, 256))) for seed in range(4711, 4716)]
    said = await details_of(scene.ada, await scene.grace.say("look", "general", *files[:2]))
    for position in (1, 2):
        assert f"Picture {position} of 2: This picture does not match any picture" in said.text
    said = await details_of(scene.ada, await scene.grace.say("look", "general", *files))
    assert said.text.count("does not match") == 4 and "Picture 4 of 5: " in said.text
    assert "Easel checked 4 of 5 pictures" in said.text


async def test_a_picture_that_cannot_be_downloaded_spoils_no_other_answer(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = discord.Attachment.read

    async def read_or_fail(self: discord.Attachment, **how: bool) -> bytes:
        if self.filename == "lost.webp":
            raise aiohttp.ServerDisconnectedError
        return await read(self, **how)

    monkeypatch.setattr(discord.Attachment, "read", read_or_fail)
    files = [File(name, webp(varied(4711, 256))) for name in ("lost.webp", "here.webp")]
    said = await details_of(scene.ada, await scene.grace.say("look", "general", *files))
    assert "Picture 1 of 2: Easel cannot download this picture right now." in said.text
    assert "Picture 2 of 2: This picture does not match any picture" in said.text


async def test_the_longest_details_of_four_pictures_fit_into_a_message(scene: Scene) -> None:
    loras = " ".join(f"<lora:{chr(97 + n) * 140}:0.5>" for n in range(9))
    info = PngInfo()
    info.add_text("parameters", f"{loras} {'very ' * 800}end\nNegative prompt: {'ugly ' * 300}\nSteps: 20, Seed: 1")
    plain = io.BytesIO()
    Image.new("RGB", (300, 300), "red").save(plain, "PNG", pnginfo=info)
    said = await details_of(scene.ada, await scene.grace.say("look", "general", *[File("p.png", plain.getvalue())] * 5))
    assert "Easel checked 4 of 5 pictures" in said.text and "Negative prompt: ugly" in said.text
    assert "very very" in said.text and "not in this library" in said.text and "more LoRA" in said.text


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
async def test_a_truncated_picture_gets_an_answer_about_its_origin(scene: Scene, kind: str) -> None:
    buffer = io.BytesIO()
    varied(4711, 256).save(buffer, kind)
    data = buffer.getvalue()
    message = await scene.grace.say("look", "general", File(f"part.{kind.lower()}", data[: len(data) * 2 // 3]))
    said = await details_of(scene.ada, message)
    assert said.ephemeral and said.text.startswith("Easel cannot check whether it generated this picture.")
    assert "damaged or incomplete" in said.text and "upload the picture again" in said.text
    assert "generation data" not in said.text


async def test_a_picture_with_unreadable_texts_is_compared(scene: Scene) -> None:
    """Its pixels are whole, and only the end of the file is missing."""
    buffer = io.BytesIO()
    varied(4711, 256).save(buffer, "PNG")
    message = await scene.grace.say("look", "general", File("end.png", buffer.getvalue() + b"\0\0\1\0tEXt"))
    said = await details_of(scene.ada, message)
    assert said.text.startswith("This picture does not match any picture")
    assert "damaged or incomplete" in said.text and "contains no generation data" not in said.text


async def test_the_first_line_says_that_this_bot_generated_its_own_picture(scene: Scene) -> None:
    shown = await paint(scene, count=2)
    for said in (await details_of(scene.grace, shown), await (await scene.ada.press(shown, "Details")).reply()):
        assert said.text.startswith("These pictures are AI-generated. This bot generated them.\n"), said.text
    (picture, _) = await pictures_of(shown)
    message = await scene.grace.say("mine?", "general", File("own.webp", webp(picture.convert("RGB"))))
    said = await details_of(scene.ada, message)
    assert said.text.startswith("This picture is AI-generated. This bot generated it on ") and PROMPT in said.text
    assert said.text.count("This bot generated") == 1


def forget_newest_hash(database: Path) -> None:
    with closing(sqlite3.connect(database, timeout=PATIENCE)) as connection, connection:
        connection.execute("DELETE FROM picture_hash WHERE picture_id = (SELECT max(picture_id) FROM picture_hash)")


async def test_a_strangers_picture_is_not_recognized(scene: Scene) -> None:
    await paint(scene)
    await asyncio.to_thread(forget_newest_hash, scene.settings.storage.database)
    buffer = io.BytesIO()
    varied(4711, 256).save(buffer, "WEBP", quality=80)
    message = await scene.grace.say("is this AI?", "general", File("photo.webp", buffer.getvalue()))
    said = await details_of(scene.ada, message)
    assert said.text.startswith("This picture does not match any picture that this bot stores.")
    assert "no generation data" in said.text and "could not be compared" not in said.text


async def test_one_user_has_one_picture_compared_at_a_time(scene: Scene) -> None:
    """A search takes a second, and all users share its thread."""
    buffer, free = io.BytesIO(), threading.Event()
    varied(4711, 256).save(buffer, "WEBP", quality=80)
    message = await scene.grace.say("is this AI?", "general", File("photo.webp", buffer.getvalue()))
    busy = asyncio.create_task(_COMPARING.run(free.wait))
    asked = [asyncio.create_task(details_of(scene.ada, message)) for _ in range(2)]
    try:
        (refused,), (waiting,) = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        assert "still checking another picture for you" in refused.result().text
        assert not waiting.done()
    finally:
        free.set()
        await busy
    assert "not match any picture" in (await waiting).text
    assert "not match any picture" in (await details_of(scene.ada, message)).text


@pytest.mark.parametrize("menu", ["Remix", "Bookmark LoRAs", "Details"])
@pytest.mark.parametrize(
    ("files", "word"),
    [
        ([], "no picture"),
        ([File("plain.png", png("x" * 50)[:60])], "damaged or incomplete"),
        ([File("a.png", b"no picture at all")], "contains no generation data|damaged or incomplete"),
        ([File("notes.txt", b"text")], "no picture"),
    ],
    ids=["words", "broken", "no picture", "text file"],
)
async def test_a_picture_without_parameters_gets_an_error_reply(
    scene: Scene, menu: str, files: list[File], word: str
) -> None:
    message = await scene.grace.say("hello", "general", *files)
    reply = await (await use_picture(scene.ada, message, menu)).reply()
    assert reply.ephemeral and any(each in reply.text for each in word.split("|"))


async def test_context_menus_with_a_user_installed_app(scene: Scene) -> None:
    kai = scene.control.person("Kai")
    message = await kai.say("look", "tea-table", File("elsewhere.png", png(INFOTEXT.format(model=VIVID))))
    assert "a blue star" in (await (await use_picture(kai, message, "Remix")).reply()).text
