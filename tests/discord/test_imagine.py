"""`/imagine` in all places, and its refusals."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Generator
from contextlib import contextmanager

import aiohttp
import pytest
from PIL import Image

from bot.database.people import preferences
from inference.messages.request import GenerationRequest
from playground.control import File
from tests.discord.conftest import PROMPT, Scene
from tests.discord.test_privacy import id_of
from tests.discord.test_server import chosen, server_with_bot
from tests.discord.test_stacks import stacked
from tests.house import PASTEL, VIVID

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Statements(logging.Handler):
    """The SQL that the bot executes while inside, with its parameters, as aiosqlite logs it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.calls: list[tuple[object, ...]] = []

    def emit(self, record: logging.LogRecord) -> None:
        if not record.msg.startswith("executing"):
            return  # its end is logged as well
        for call in record.args if isinstance(record.args, tuple) else ():
            self.calls.append(getattr(call, "args", ()))

    @classmethod
    @contextmanager
    def listening(cls) -> Generator[Statements]:
        log, heard = logging.getLogger("aiosqlite"), cls()
        level = log.level
        log.setLevel(logging.DEBUG)
        log.addHandler(heard)
        try:
            yield heard
        finally:
            log.removeHandler(heard)
            log.setLevel(level)


async def the_picture(scene: Scene, message) -> Image.Image:
    async with aiohttp.ClientSession() as session, session.get(message.attachments[0]["url"]) as response:
        return Image.open(io.BytesIO(await response.read()))


async def test_a_picture_file_contains_its_parameters(scene: Scene) -> None:
    message = await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT, lora1="Bat", seed=7, size="portrait"))
    picture = await the_picture(scene, message)
    assert picture.size == (48, 80)
    assert "<lora:Bat:" in picture.text["parameters"] and "Seed: 7" in picture.text["parameters"]
    assert "trainedAlgorithmicMedia" in picture.text["XML:com.adobe.xmp"]
    request = GenerationRequest.model_validate_json(picture.text["easel"])
    assert (request.loras[0].name, request.seed) == ("Bat", 7)
    assert not any(PROMPT in text for text in (message.text, *picture.text.values())), "it stays the person's own"
    assert list(message.buttons) == [
        *("Again", "Vary", "Edit", "Upscale", "Bookmark LoRAs"),
        *("Save as stack", "Try weights", "Details", "Delete"),
    ]
    assert "Bat" in message.text and "seed 7" in message.text


async def test_the_persons_preferences_are_read_once_on_the_way_to_a_picture(scene: Scene) -> None:
    person = await scene.control.new_person("Avis")  # whose earlier jobs read nothing meanwhile
    await stacked(scene, person, "Evening", "Bat")
    start = io.BytesIO()
    Image.new("RGB", (300, 180), "red").save(start, "PNG")
    with Statements.listening() as heard:
        sent = await person.slash(
            "imagine", prompt=PROMPT, stack="Evening", checkpoint=VIVID, image=File("red.png", start.getvalue())
        )
        await scene.painted(sent)
    assert heard.calls.count((preferences.FIND_PREFERENCES.sql, (id_of(scene, person),))) == 1


async def test_several_pictures_are_sent_in_one_message(scene: Scene) -> None:
    message = await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT, count=4))
    assert len(message.attachments) == 4


async def test_imagine_in_a_direct_message(scene: Scene) -> None:
    message = await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT, in_="dm"))
    assert message.attachments


@pytest.mark.parametrize("channel", ["art", "Sketches", "Post your favourites", "lounge"])
async def test_imagine_in_channels_threads_and_forum_posts(scene: Scene, channel: str) -> None:
    assert await scene.painted(await scene.ada.slash("imagine", prompt=PROMPT, in_=channel))


async def test_imagine_in_a_group_message(scene: Scene) -> None:
    picture = await scene.painted(await scene.control.person("Kai").slash("imagine", prompt=PROMPT, in_="Painters"))
    again = await scene.painted(await scene.control.person("Kai").press(picture, "Again"))
    assert again.json["channel_id"] == picture.json["channel_id"]


async def test_imagine_without_a_shared_server(scene: Scene) -> None:
    person = scene.control.person("Kai")
    assert await scene.painted(await person.slash("imagine", prompt=PROMPT, in_="dm"))


async def test_imagine_with_a_user_installed_app(scene: Scene) -> None:
    person = scene.control.person("Kai")
    message = await scene.painted(await person.slash("imagine", prompt=PROMPT, in_="tea-table"))
    assert message.attachments


async def test_nobody_is_pinged_by_a_prompt(scene: Scene) -> None:
    sent = await scene.ada.slash("imagine", prompt="@everyone @here <@1174109840998400011>", steps=1)
    assert (await scene.painted(sent)).pinged == []
    queued = await scene.ada.slash("imagine", prompt="@everyone", steps=150, count=4)
    shown = await (await scene.ada.slash("queue")).reply()
    assert shown.pinged == [] and "@everyone" not in shown.text
    await scene.ada.press(await queued.reply(), "Cancel")


async def test_autocomplete_puts_bookmarks_first_and_marks_misfits(scene: Scene) -> None:
    emmy = await scene.control.new_person("Emmy")
    await (await emmy.slash("bookmarks", add="Wash")).reply()
    names = [c["name"] for c in await emmy.autocomplete("imagine", "lora1", "", prompt=PROMPT, checkpoint=VIVID)]
    assert names[0].startswith("★ Wash") and names[0].endswith("does not fit")
    assert "Vivid" in names[1] and "does not fit" not in names[1]
    assert any(name.startswith("Bat") for name in names[1:])
    assert any("base model unknown" in name for name in names)
    names = [c["name"] for c in await emmy.autocomplete("imagine", "lora1", "", prompt="x", checkpoint=PASTEL)]
    assert names[0].startswith("★ Wash") and not names[0].endswith("does not fit")
    page = await (await emmy.slash("bookmarks", base="any")).reply()
    await emmy.press(page, "Open")
    card = await scene.control.wait_message(page.id, lambda seen: "Remove" in seen.buttons)
    await (await emmy.press(card, "Remove")).answered()


async def test_a_misfit_gets_an_ephemeral_refusal_with_alternatives(scene: Scene) -> None:
    refusal = await (await scene.ada.slash("imagine", prompt=PROMPT, lora1="Bat", checkpoint=PASTEL)).reply()
    assert refusal.ephemeral
    assert all(word in refusal.text for word in ("Bat", "Vivid", "Pastel"))
    message = await scene.painted(await scene.ada.press(refusal, f"Generate with {VIVID}"))
    assert "Bat" in message.text and VIVID in message.text


async def test_a_refusal_offers_a_bookmark_that_fits(scene: Scene) -> None:
    await (await scene.ada.slash("bookmarks", add="Wash")).reply()
    refusal = await (await scene.ada.slash("imagine", prompt=PROMPT, lora1="Bat", checkpoint=PASTEL)).reply()
    message = await scene.painted(await scene.ada.press(refusal, "Use Wash instead"))
    assert "Wash" in message.text and PASTEL in message.text


async def test_loras_that_fit_no_checkpoint_together_are_taken_apart_in_the_studio(scene: Scene) -> None:
    refusal = await (
        await scene.ada.slash("imagine", prompt=PROMPT, lora1="Wash", lora2="Bat", checkpoint=VIVID)
    ).reply()
    assert "No model here fits all of these LoRAs" in refusal.text
    assert not any(button.startswith("Generate with") for button in refusal.buttons)
    panel = await (await scene.ada.press(refusal, "Open in studio")).reply()
    assert "~~Wash~~" in panel.text and "**Bat**" in panel.text and PROMPT in panel.text
    assert "Your studio now has this request's settings" in panel.text


async def test_a_refusal_offers_no_checkpoint_that_the_server_does_not_use(scene: Scene) -> None:
    lagoon = await server_with_bot(scene, "Lagoon", "shore")
    await chosen(lagoon.linus, await lagoon.panel("places"), "svmodels", f"={PASTEL}")
    refusal = await (await scene.ada.slash("imagine", in_="shore", prompt=PROMPT, lora1="Bat")).reply()
    assert "Bat is made for Vivid" in refusal.text
    assert f"Generate with {VIVID}" not in refusal.buttons and "Open in studio" in refusal.buttons


async def test_an_unknown_base_model_is_refused(scene: Scene) -> None:
    refusal = await (await scene.ada.slash("imagine", prompt=PROMPT, lora1="mystery")).reply()
    assert "declare" in refusal.text and refusal.ephemeral


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"lora1": "Batt"}, "Bat"),
        ({"lora1": "../../etc/passwd"}, "no LoRA"),
        ({"lora1": "#999"}, "no LoRA"),
        ({"checkpoint": "sdxl"}, VIVID),
        ({"lora1": "Bat", "lora2": "bat"}, "twice"),
        ({"lora2": "Bat", "weight1": 0.5}, "weight1 needs a LoRA. Please choose a LoRA in *lora1*"),
        ({"weight3": 0.0}, "weight3 needs a LoRA. Please choose a LoRA in *lora3*"),
    ],
)
async def test_an_invalid_option_gets_an_error_reply(scene: Scene, options: dict[str, object], word: str) -> None:
    reply = await (await scene.ada.slash("imagine", prompt=PROMPT, **options)).reply()
    assert reply.ephemeral and word in reply.text


async def test_every_request_is_answered_in_time(scene: Scene) -> None:
    sent = await scene.ada.slash("imagine", prompt=PROMPT)
    state = await sent.answered()
    assert not state["failed"], json.dumps(state)
    await scene.painted(sent)
