"""What is rated above a place is neither painted nor shown there, by the place as it is at that moment."""

from __future__ import annotations

import io
from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from bot.pictures.similarity.perceptual_hash import read
from playground.control import File, Person
from playground.visible_message import VisibleMessage
from playground.wire import Json, as_objects
from tests.bot.pictures.test_input_gate import ASTRONAUT
from tests.discord.conftest import PATIENCE, Scene, menu, told, use_picture
from tests.discord.test_removals import files_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

ADULT = "nsfw, a red circle"
REFUSED, WITHHELD, ELSEWHERE = (
    "The prompt is rated explicit",
    "can no longer be shown here",
    "not shown here",
)
FACE_REFUSED = "a photographed face"
SOURCE_REFUSED = "The start picture is rated explicit"
AFTER_DARK, FORUM_POST, ADULT_SERVER = "after-dark", "Post your favourites", 3


@pytest_asyncio.fixture(loop_scope="session")
async def places(scene: Scene) -> AsyncGenerator[Scene]:
    """The scene, whose places are put back in the end."""
    yield scene
    await scene.control.set_channel(AFTER_DARK, nsfw=True)
    for channel in ("art", "showcase", "tea-table"):
        await scene.control.set_channel(channel, nsfw=False)
    await scene.control.set_age_restriction(0)


async def refused(person: Person, place: str, prompt: str = ADULT, **options: object) -> bool:
    """Whether the person is told at once that this is not for the place; else it is painted."""
    sent = await person.slash("imagine", in_=place, prompt=prompt, steps=1, **options)
    answer = await sent.reply(PATIENCE)
    return REFUSED in answer.text or "is rated explicit" in answer.text


async def test_places_by_channel_parent_server_and_install(places: Scene) -> None:
    control, kai = places.control, places.control.person("Kai")
    for place in ("general", "Sketches", FORUM_POST, "dm"):
        assert await refused(places.ada, place), place
    assert await refused(kai, "tea-table"), "the bot is not in this server"
    assert not await refused(places.ada, AFTER_DARK)
    for channel in ("art", "showcase", "tea-table"):
        await control.set_channel(channel, nsfw=True)
    for place in ("art", "Sketches", FORUM_POST):  # the last two by their parents
        assert not await refused(places.ada, place), place
    assert not await refused(kai, "tea-table"), "by what the interaction tells"
    await control.set_age_restriction(ADULT_SERVER)
    assert not await refused(places.ada, "general"), "by the server"
    assert await refused(places.ada, "dm"), "never by a person's own word"


@pytest.mark.parametrize("place", [AFTER_DARK, "Sketches", FORUM_POST])
async def test_a_channel_that_becomes_open_before_the_delivery(places: Scene, place: str) -> None:
    channel = {"Sketches": "art", FORUM_POST: "showcase"}.get(place, place)
    await places.control.set_channel(channel, nsfw=True)
    order = await places.begun(in_=place, prompt=ADULT)
    await places.control.set_channel(channel, nsfw=False)
    shown = await places.control.wait_message(order.id, lambda seen: WITHHELD in seen.text, PATIENCE)
    assert REFUSED in shown.text and not shown.attachments
    assert not [message for message in await places.pictures(place) if int(message.id) >= int(order.id)]
    assert not [message for message in await places.pictures("dm", "Ada") if int(message.id) >= int(order.id)]
    again = await (await places.ada.press(shown, "Again")).reply()
    assert again.ephemeral and REFUSED in again.text


async def test_a_restricted_picture_is_never_sent_as_a_direct_message(places: Scene) -> None:
    await places.ada.open_thread(AFTER_DARK, "Night")
    order = await places.begun(in_="Night", prompt=ADULT)
    await places.control.delete_channel("Night")

    async def ask(since: int | None) -> Json:
        return await places.control.get("messages", channel="dm", as_="Ada", since=since, timeout=PATIENCE)

    def found(answer: Json) -> VisibleMessage | None:
        seen = [message for message in map(VisibleMessage, as_objects(answer["messages"])) if WITHHELD in message.text]
        return seen[-1] if seen else None

    letter = await places.control.wait(ask, found, PATIENCE)
    assert REFUSED in letter.text and not letter.attachments and int(letter.id) > int(order.id)


async def test_buttons_of_a_restricted_picture_and_history(places: Scene) -> None:
    ada = places.ada
    picture = await places.painted(await ada.slash("imagine", in_=AFTER_DARK, prompt=ADULT, steps=1, count=2))
    hidden = await told(ada, "history")
    assert hidden.ephemeral and ELSEWHERE in hidden.text.split("red circle")[0]
    there = await told(ada, "history", in_=AFTER_DARK)
    assert ADULT in there.text and ELSEWHERE not in there.text and "Open" in there.buttons
    opened = await (await ada.press(there, "Open")).reply()
    assert opened.attachments and opened.ephemeral
    await places.control.set_channel(AFTER_DARK, nsfw=False)
    for button in ("Again", "Vary", "Upscale"):
        refusal = await (await ada.press(picture, button)).reply()
        assert refusal.ephemeral and REFUSED in refusal.text and not refusal.attachments, button
    refusal = await (await ada.press(there, "Open")).reply()
    assert REFUSED in refusal.text and not refusal.attachments


async def harmless(person: Person) -> VisibleMessage:
    """The person's studio in an open channel, with words that nobody rates."""
    form = await person.press(await told(person, "studio"), "Edit prompt")
    await form.modal()
    return await (await person.submit(form, {"prompt": "a red circle"})).reply(PATIENCE)


async def test_a_photographed_face_is_for_everybody_also_in_what_is_painted_from_it(places: Scene) -> None:
    start = File("astronaut.jpg", ASTRONAUT.read_bytes())
    person = await places.control.new_person("Sally")
    asked = {"in_": AFTER_DARK, "steps": 1, "image": start}
    refused = await (await person.slash("imagine", prompt=ADULT, **asked)).reply(PATIENCE)
    assert FACE_REFUSED in refused.text and not refused.attachments
    painted = await places.painted(await person.slash("imagine", prompt="a red circle", **asked))
    for way in ("Vary", "Upscale"):
        other = await places.painted(await person.press(painted, way))
        await (await person.press(other, "Edit")).reply()
        assert await refused_in_studio(person), way
    await (await use_picture(person, painted, "Start from it")).reply()
    assert await refused_in_studio(person)
    # Nothing of the face is left.
    painted = await places.painted(await person.slash("imagine", prompt="a red circle", strength=1.0, **asked))
    (file,) = files_of(places, painted)
    plain = io.BytesIO()
    read(file).save(plain, "PNG")
    for upload in (file.read_bytes(), plain.getvalue()):
        asked["image"] = File("mine.png", upload)
        refused = await (await person.slash("imagine", prompt=ADULT, **asked)).reply(PATIENCE)
        assert FACE_REFUSED in refused.text and not refused.attachments


async def refused_in_studio(person: Person) -> bool:
    """Whether the studio refuses words for adults because of a face."""
    form = await person.press(await told(person, "studio", in_=AFTER_DARK), "Edit prompt")
    await form.modal()
    panel = await (await person.submit(form, {"prompt": ADULT})).reply(PATIENCE)
    return FACE_REFUSED in (await (await person.press(panel, "Generate")).reply(PATIENCE)).text


async def test_what_starts_from_a_restricted_picture_is_rated_like_it(places: Scene) -> None:
    mae = await places.control.new_person("Mae")  # whose studio shows no LoRAs, which have pictures too
    picture = await places.painted(await mae.slash("imagine", in_=AFTER_DARK, prompt=ADULT, steps=1))
    panel = await (await use_picture(mae, picture, "Start from it")).reply()
    assert "Starts from this picture" in panel.text and ELSEWHERE not in panel.text and panel.attachments
    elsewhere = await harmless(mae)
    assert (
        "Starts from this picture" in elsewhere.text
        and "The picture is hidden" in elsewhere.text
        and not elsewhere.attachments
    )
    answer = await (await mae.press(elsewhere, "Generate")).reply(PATIENCE)
    assert SOURCE_REFUSED in answer.text and not answer.attachments
    await places.control.set_channel(AFTER_DARK, nsfw=False)
    answer = await (await use_picture(mae, picture, "Start from it")).reply()
    assert REFUSED in answer.text and not answer.attachments
    await places.control.set_channel(AFTER_DARK, nsfw=True)
    varied = await places.painted(await mae.press(picture, "Vary"))
    await (await mae.press(varied, "Edit")).reply()
    elsewhere = await harmless(mae)
    answer = await (await mae.press(elsewhere, "Generate")).reply(PATIENCE)
    assert SOURCE_REFUSED in answer.text and not answer.attachments
    await (await mae.press(elsewhere, "Remove picture")).reply()


async def rate(scene: Scene, name: str, rating: str) -> VisibleMessage:
    """An operator rates a LoRA on its page."""
    margaret = scene.control.person("Margaret")
    page = await told(margaret, "lora info", in_="staff-room", name=name)
    form = await margaret.press(page, "Content rating")
    await form.modal()
    return await (await margaret.submit(form, {"rating": rating})).reply()


async def test_an_operator_rates_a_lora(places: Scene) -> None:
    ada, markets = places.ada, {"search": "cape", "base": "any"}
    try:
        assert "Cape is now rated explicit" in (await rate(places, "Cape", "explicit")).text
        market = await told(ada, "lora browse", **markets)
        assert "1 LoRA is not shown here because" in market.text and "**Cape**" not in market.text
        assert "**Cape**" in (await told(ada, "lora browse", in_=AFTER_DARK, **markets)).text
        assert await ada.autocomplete("imagine", "lora1", "cape") == []
        (choice,) = await ada.autocomplete("imagine", "lora1", "cape", in_=AFTER_DARK)
        assert await refused(ada, "general", "a red circle", lora1=str(choice["value"]))
        page = await told(ada, "lora info", name="Cape")
        assert "too high for this channel" in page.text and "Content rating" not in page.buttons
        assert "rated explicit" in (await told(ada, "lora info", in_=AFTER_DARK, name="Cape")).text
        kept = await told(ada, "bookmarks", in_=AFTER_DARK, add="Cape")
        assert "**Cape**" in kept.text
        kept = await told(ada, "bookmarks", search="cape")
        assert "1 LoRA is not shown here because" in kept.text and "**Cape**" not in kept.text
        assert (
            "too high for this channel"
            in (await told(places.control.person("Margaret"), "lora info", name="Cape")).text
        )
    finally:
        assert "no content rating" in (await rate(places, "Cape", "-")).text
    assert "**Cape**" in (await told(ada, "lora browse", **markets)).text


async def test_people_read_the_refusal_in_their_language(places: Scene) -> None:
    await places.control.set_person("Grace", locale="ja")
    answer = await told(places.grace, "imagine", prompt=ADULT)
    await places.control.set_person("Grace", locale="en-US")
    assert "成人向け" in answer.text and "年齢制限チャンネル" in answer.text


async def test_the_panel_calls_ratings_as_its_menus_do(places: Scene) -> None:
    await places.control.set_person("Grace", locale="ja")
    page = await told(places.grace, "server")
    page = await (await places.grace.select(page, menu(page, "svsection"), "ratings")).reply(PATIENCE)
    await places.control.set_person("Grace", locale="en-US")
    assert "「使用禁止」" in page.text and "「ブロック」" not in page.text
    assert "評価" not in page.text, "that word is for the stars that people give"
