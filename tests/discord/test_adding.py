"""`/lora add`: from a link to a page with samples, in one command, against both hubs on this machine."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.config import CheckpointSettings
from inference.files.hashes import autov3_of
from playground import default_world
from playground.control import File, Person
from playground.visible_message import VisibleMessage
from playground.wire import as_objects
from tests.bot.sources.adding import demo_lora, sdxl_lora
from tests.bot.sources.hubs import COMMIT, Hubs, content, running_hubs, status
from tests.discord.conftest import PATIENCE, Scene, menu, open_scene, told, use_picture
from tests.discord.test_results import png
from tests.house import BASES, VIVID, House, attention_modules
from tests.inference.lora.test_foreign_kinds import KINDS, file_of
from tests.lora_files import lora_tensors, safetensors_bytes

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hubs() -> AsyncGenerator[Hubs]:
    async with running_hubs() as served:
        yield served


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def adding(tmp_path_factory: pytest.TempPathFactory, hubs: Hubs) -> AsyncGenerator[Scene]:
    """A bot that knows both hubs, and paints samples."""
    house = House(tmp_path_factory.mktemp("adding") / "house")
    async with open_scene(house) as scene:
        library = house.settings.library.model_copy(update={"samples": 1})
        limits = house.settings.limits.model_copy(update={"loras_per_day": 1000, "server_loras_per_day": 1000})
        scene.changes = {"sources": hubs.settings, "library": library, "limits": limits}
        async with scene.bot():
            yield scene


async def added(scene: Scene, message: VisibleMessage, text: str) -> VisibleMessage:
    return await scene.control.wait_message(message.id, lambda seen: text in seen.text, PATIENCE)


async def test_a_link_becomes_a_page_with_samples(adding: Scene, hubs: Hubs) -> None:
    model_id = hubs.add_model("Komori Met", tags=["style"], nsfwLevel=1)
    version_id = hubs.add_version(model_id, demo_lora(seed=51), "Other")
    hubs.paused.clear()
    begun = await (await adding.grace.slash("lora add", link=hubs.link(version_id))).reply(PATIENCE)
    assert begun.ephemeral and "Adding Komori Met" in begun.text and "Cancel" in begun.buttons
    assert "must not be sold" not in begun.text and "author asks for credit" in begun.text
    assert "%)" in (await added(adding, begun, "MB downloaded")).text, "also of what is not written to the disk yet"
    hubs.paused.set()
    page = await added(adding, begun, "is now in the library")
    assert "category is style. You can change the category below" in page.text and "Use now" in page.buttons
    assert not [each for each in page.selects if each.startswith("addcat:")], "the buttons do it already"
    assert "[Civitai](https://civitai.com/models/" in page.text
    assert "komori, blue dress, hat" in page.text or "blue dress, hat" in page.text
    assert {"character", "pose", "detail", "other"} <= set(page.buttons) and "style" not in page.buttons
    page = await adding.control.wait_message(page.id, lambda seen: len(seen.attachments) > 1, PATIENCE)
    assert "is now in the library" in page.text and "Easel generates samples when the queue" not in page.text
    await adding.grace.press(page, "pose")
    page = await adding.control.wait_message(page.id, lambda seen: "is now in the library" not in seen.text, PATIENCE)
    assert "pose" in page.text
    await adding.grace.select(page, menu(page, "addcat"), "detail")
    page = await added(adding, page, "detail")


async def test_samples_come_also_after_the_category_was_corrected(adding: Scene, hubs: Hubs) -> None:
    version_id = hubs.add_lora("Corrected Early", demo_lora(seed=91), "Other")
    begun = await (await adding.grace.slash("lora add", link=hubs.link(version_id))).reply(PATIENCE)
    page = await added(adding, begun, "is now in the library")
    assert "Easel generates samples when the queue" in page.text
    await adding.grace.press(page, "pose")
    await adding.control.wait_message(page.id, lambda seen: "is now in the library" not in seen.text, PATIENCE)
    page = await adding.control.wait_message(page.id, lambda seen: len(seen.attachments) > 1, PATIENCE)
    assert "pose" in page.text and "Easel generates samples when the queue" not in page.text


async def test_who_may_not_add_is_told(adding: Scene, hubs: Hubs) -> None:
    version_id = hubs.add_lora("Refused", demo_lora(seed=52), "Other")
    answer = await told(adding.ada, "lora add", link=hubs.link(version_id))
    assert "Only this server's staff can add LoRAs here" in answer.text and "/queue" not in answer.text
    assert not hubs.requests(hubs.file_path(version_id))


async def test_who_may_not_add_is_told_whom_staff_let(adding: Scene, hubs: Hubs) -> None:
    version_id = hubs.add_lora("Refused Too", demo_lora(seed=58), "Other")
    await let_add(adding, "Staff")
    try:
        answer = await told(adding.ada, "lora add", link=hubs.link(version_id))
        assert f"one of these roles can add LoRAs here: <@&{default_world.STAFF_ROLE}>. You have none" in answer.text
    finally:
        await let_add(adding)


async def let_add(scene: Scene, *roles: str) -> None:
    """Staff let these roles add LoRAs, and no others."""
    panel = await told(scene.grace, "server")
    people = await (await scene.grace.select(panel, menu(panel, "svsection"), "people")).reply(PATIENCE)
    await (await scene.grace.select(people, menu(people, "svloras"), *roles)).reply(PATIENCE)


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ("Komori", "not a LoRA link"),
        ("https://civitai.com/models/999999", "no page at civitai.com/models/999999"),
        ("https://huggingface.co/nobody/nothing", "no page at huggingface.co/nobody/nothing"),
        ("0123456789", "Civitai has no file 0123456789"),
        (None, "not a LoRA link"),
    ],
)
async def test_what_is_no_lora_is_told(adding: Scene, link: str | None, words: str) -> None:
    options = {} if link is None else {"link": link}
    assert words in (await told(adding.grace, "lora add", **options)).text


async def test_what_goes_wrong_meanwhile_is_told_in_its_message(adding: Scene, hubs: Hubs) -> None:
    version_id = hubs.add_lora("Locked", demo_lora(seed=53), "Other")
    hubs.fault(hubs.file_path(version_id), status(401))
    begun = await (await adding.grace.slash("lora add", link=hubs.link(version_id))).reply(PATIENCE)
    assert "civitai.com lets only logged-in users download this file" in (await added(adding, begun, "logged in")).text
    early: dict[str, object] = {"error": "This asset is in Early Access", "deadline": "2100-01-15T10:00:00Z"}
    hubs.fault(hubs.file_path(version_id), status(403, early))
    begun = await (await adding.grace.slash("lora add", link=hubs.link(version_id))).reply(PATIENCE)
    assert "in early access at civitai.com until 2100" in (await added(adding, begun, "early access")).text
    hubs.fault(hubs.file_path(version_id), content(b"<html>", "text/html"))
    begun = await (await adding.grace.slash("lora add", link=hubs.link(version_id))).reply(PATIENCE)
    assert (await added(adding, begun, "web page")).buttons == {}
    assert "closest" in (answer := await told(adding.grace, "lora info", name="Locked")).text or answer.text


async def test_it_can_be_cancelled_by_who_added_it_alone(adding: Scene, hubs: Hubs) -> None:
    version_id = hubs.add_lora("Unwanted", demo_lora(seed=54), "Other")
    hubs.paused.clear()
    begun = await (await adding.grace.slash("lora add", link=hubs.link(version_id))).reply(PATIENCE)
    await adding.grace.press(begun, "Cancel")
    done = await added(adding, begun, "cancelled")
    assert done.buttons == {}
    hubs.paused.set()
    assert not (adding.house.library / "added").exists() or not list((adding.house.library / "added").glob("unwanted*"))


async def test_a_lora_for_no_checkpoint_here_is_refused_before_it_is_fetched(adding: Scene, hubs: Hubs) -> None:
    version_id = hubs.add_lora("For Pony", sdxl_lora(), "Pony")
    answer = await told(adding.grace, "lora add", link=hubs.link(version_id))
    assert "made for Pony" in answer.text and "Vivid" in answer.text
    assert not hubs.requests(hubs.file_path(version_id))


async def test_one_that_is_rated_too_high_for_a_place_is_not_added_there(adding: Scene, hubs: Hubs) -> None:
    version_id = hubs.add_version(hubs.add_model("Hot", nsfwLevel=16), demo_lora(seed=55), "Other", nsfwLevel=16)
    answer = await told(adding.grace, "lora add", link=hubs.link(version_id))
    assert "too high for this channel" in answer.text
    assert not hubs.requests(hubs.file_path(version_id))


async def test_a_copy_elsewhere_is_judged_by_all_pages(adding: Scene, hubs: Hubs) -> None:
    real, hot = demo_lora(seed=57), demo_lora(seed=58)
    hubs.add_lora("Somebody", real, "Other", poi=True)
    hubs.add_version(hubs.add_model("Hotter", nsfwLevel=16), hot, "Other", nsfwLevel=16)
    hubs.add_repository("another/copies", {"real.safetensors": real, "hot.safetensors": hot})
    for file, words in (("real", "shows a real person"), ("hot", "too high for this channel")):
        link = f"https://huggingface.co/another/copies/blob/main/{file}.safetensors"
        answer = await told(adding.grace, "lora add", link=link)
        assert words in answer.text
    asked = [each for each in hubs.asked if "resolve" in each.path and "copies" in each.path]
    assert all(each.is_for_header for each in asked), "nothing is downloaded"


async def test_what_is_here_already_is_shown(adding: Scene, hubs: Hubs) -> None:
    data = demo_lora(seed=56)
    first, second = hubs.add_lora("Twice", data, "Other"), hubs.add_lora("Once more", data, "Other")
    begun = await (await adding.grace.slash("lora add", link=hubs.link(first))).reply(PATIENCE)
    await added(adding, begun, "is now in the library")
    answer = await told(adding.grace, "lora add", link=hubs.link(second))
    assert "Twice is already in the library" in answer.text
    assert f"modelVersionId={second}" in answer.text, "its page tells the other page"


async def test_a_link_in_imagine_is_offered_and_used_once_it_is_here(adding: Scene, hubs: Hubs) -> None:
    link = hubs.link(hubs.add_lora("Linked Owl", demo_lora(seed=61), "Other"))
    before = len(hubs.asked)
    refused = await told(adding.ada, "imagine", prompt=f"a house {link}")
    assert "Linked Owl is not in the library yet" in refused.text and refused.buttons == {}, "she may not add it"
    asked = len(hubs.asked)
    assert asked > before
    await told(adding.ada, "imagine", prompt=f"a house {link}")
    assert len(hubs.asked) == asked, "its hub has just said it"
    offer = await told(adding.grace, "imagine", prompt=f"a house {link}", steps=2, seed=77, size="portrait")
    assert "Your request is saved" in offer.text
    page = await added(adding, await begun_by(adding.grace, offer, "Add LoRA"), "is now in the library")
    offer = await adding.control.wait_message(
        offer.id, lambda seen: bool(seen.buttons["Add LoRA"]["disabled"]), PATIENCE
    )
    picture = await adding.painted(await adding.grace.press(page, "Generate with this LoRA"))
    assert "Linked Owl" in picture.text and "seed 77" in picture.text and "civitai" not in picture.text
    picture = await adding.painted(await adding.ada.slash("imagine", prompt=f"a house {link}", steps=2))
    assert "Linked Owl" in picture.text and "civitai" not in picture.text
    picture = await adding.painted(await adding.ada.slash("imagine", prompt="a house", lora1=link, steps=2))
    assert "Linked Owl" in picture.text


async def begun_by(person: Person, offer: VisibleMessage, button: str) -> VisibleMessage:
    """The new message that a button of an offer sends."""
    return (await (await person.press(offer, button)).messages(1, PATIENCE))[0]


async def test_what_several_links_mean_is_added_one_after_the_other_and_painted(adding: Scene, hubs: Hubs) -> None:
    first = hubs.link(hubs.add_lora("First Fern", demo_lora(seed=63), "Other"))
    files = {"fern.safetensors": demo_lora(seed=64), "other.safetensors": demo_lora(seed=65)}
    repository = hubs.add_repository("maker/second-fern", files, license="mit")
    second = f"https://huggingface.co/{repository}/blob/main/fern.safetensors"
    offer = await told(adding.grace, "imagine", prompt=f"ferns {first}", lora1=second, weight1=0.4, steps=2, seed=5)
    assert "second-fern is not in the library yet" in offer.text, "of Hugging Face"
    page = await added(adding, await begun_by(adding.grace, offer, "Add LoRA"), "is now in the library")
    offer = await (await adding.grace.press(page, "Generate with this LoRA")).reply(PATIENCE)
    assert "First Fern is not in the library yet" in offer.text
    page = await added(adding, await begun_by(adding.grace, offer, "Add LoRA"), "is now in the library")
    await adding.grace.press(page, "pose")
    page = await adding.control.wait_message(page.id, lambda seen: "is now in the library" not in seen.text, PATIENCE)
    assert "Generate with this LoRA" in page.buttons, "also once its category was corrected"
    picture = await adding.painted(await adding.grace.press(page, "Generate with this LoRA"))
    assert "First Fern" in picture.text and "fern at 0.4" in picture.text and "seed 5" in picture.text


async def test_more_links_than_are_taken_are_told(adding: Scene, hubs: Hubs) -> None:
    links = [hubs.link(hubs.add_lora(f"Linked {n}", demo_lora(seed=300 + n), "Other")) for n in range(4)]
    answer = await told(adding.grace, "imagine", prompt=f"{'a ' * 1100} {' '.join(links)}", steps=1)
    assert "The prompt has 4 LoRA links, but the limit is 3" in answer.text


async def test_an_offer_opens_again_when_it_was_not_added(adding: Scene, hubs: Hubs) -> None:
    version_id = hubs.add_lora("Faulty", demo_lora(seed=66), "Other")
    hubs.fault(hubs.file_path(version_id), status(401))
    offer = await told(adding.grace, "imagine", prompt=f"a house {hubs.link(version_id)}")
    await added(adding, await begun_by(adding.grace, offer, "Add LoRA"), "logged in")
    await adding.control.wait_message(offer.id, lambda seen: not seen.buttons["Add LoRA"].get("disabled"), PATIENCE)
    hubs.fault(hubs.file_path(version_id))
    page = await added(adding, await begun_by(adding.grace, offer, "Add LoRA"), "is now in the library")
    assert "Generate with this LoRA" in page.buttons


async def test_a_pasted_link_is_suggested_with_what_happens(adding: Scene, hubs: Hubs) -> None:
    link = hubs.link(hubs.add_lora("Pasted", demo_lora(seed=67), "Other"))
    short = link.replace("/some-name", "")
    (choice,) = await adding.grace.autocomplete("imagine", "lora1", link)
    assert choice == {"name": f"Add this LoRA: {short.removeprefix('https://')}", "value": short}
    (choice,) = await adding.ada.autocomplete("imagine", "lora2", link)
    assert choice["name"].startswith("You cannot add LoRAs here") and choice["value"] == short
    begun = await (await adding.grace.slash("lora add", link=link)).reply(PATIENCE)
    await added(adding, begun, "is now in the library")
    (choice,) = await adding.ada.autocomplete("imagine", "lora1", link)
    assert choice["name"].startswith("Pasted · ") and choice["value"].startswith("#")


INFOTEXT = """\
a house <lora:fox:0.7> <lora:gone:0.4>
Steps: 2, Sampler: Euler a, Seed: 12, Size: 64x64, Model: vivid, Lora hashes: "fox: {fox}, gone: 01234567"\
"""


async def remix(scene: Scene, person: Person, fox: str, answers: int = 1) -> list[VisibleMessage]:
    """The answers to *Remix* of a picture from elsewhere: the studio, and what may follow it."""
    picture = await scene.grace.say("look", "general", File("elsewhere.png", png(INFOTEXT.format(fox=fox))))
    sent = await use_picture(person, picture, "Remix")
    return [await sent.reply(PATIENCE)] if answers == 1 else await sent.messages(answers, PATIENCE)


async def test_remix_offers_what_is_not_here_to_who_may_add_it(adding: Scene, hubs: Hubs) -> None:
    data = demo_lora(seed=62)
    hubs.add_lora("Remixed Fox", data, "Other")
    fox = autov3_of(data, int.from_bytes(data[:8], "little"))
    (panel,) = await remix(adding, adding.ada, fox)
    assert "fox, gone are not in this library" in panel.text
    _panel, offer = await remix(adding, adding.grace, fox, 2)
    assert offer.ephemeral and {"Add fox", "Add gone"} <= set(offer.buttons)
    assert "has no file" in (await (await adding.grace.press(offer, "Add gone")).reply(PATIENCE)).text
    page = await added(adding, await begun_by(adding.grace, offer, "Add fox"), "Remixed Fox is now in the library")
    picture = await adding.painted(await adding.grace.press(page, "Generate with this LoRA"))
    assert "Remixed Fox at 0.7" in picture.text and "seed 12" in picture.text, "as the picture from elsewhere"
    (panel,) = await remix(adding, adding.ada, fox)
    assert "Remixed Fox" in panel.text


async def test_staff_let_a_role_add_and_limit_how_many(adding: Scene, hubs: Hubs) -> None:
    links = [hubs.link(hubs.add_lora(f"Role {n}", demo_lora(seed=70 + n), "Other")) for n in range(2)]
    panel = await told(adding.grace, "server")
    people = await (await adding.grace.select(panel, menu(panel, "svsection"), "people")).reply(PATIENCE)
    page = await (await adding.grace.select(people, menu(people, "svloras"), "Artists")).reply(PATIENCE)
    assert "in addition to staff: **<@&" in page.text
    try:
        limits = await (await adding.grace.select(page, menu(page, "svsection"), "limits")).reply(PATIENCE)
        limits = await (await adding.grace.select(limits, menu(limits, "svholder"), "everybody")).reply(PATIENCE)
        assert "LoRAs added in 24 hours: **not set** · the bot's operator allows at most 1,000" in limits.text
        form = await adding.grace.press(limits, "Limits on adding LoRAs")
        await form.modal(PATIENCE)
        limits = await (await adding.grace.submit(form, {"loras_per_day": "1"})).reply(PATIENCE)
        assert "LoRAs added in 24 hours: **1**" in limits.text
        offer = await told(adding.ada, "imagine", prompt=f"a house {links[0]}")
        await added(adding, await begun_by(adding.ada, offer, "Add LoRA"), "is now in the library")
        refused = await told(adding.ada, "lora add", link=links[1])
        assert "your limit for adding LoRAs: 1 in 24 hours" in refused.text and "for everyone" in refused.text
        assert not hubs.requests(hubs.file_path(int(links[1].rpartition("=")[2])))
        (choice,) = await adding.ada.autocomplete("imagine", "lora1", links[1])
        assert choice["name"].startswith("You have reached your limit for adding LoRAs") and choice["name"].endswith(
            "."
        )
    finally:
        form = await adding.grace.press(limits, "Limits on adding LoRAs")
        await form.modal(PATIENCE)
        page = await (await adding.grace.submit(form, {"loras_per_day": ""})).reply(PATIENCE)
        people = await (await adding.grace.select(page, menu(page, "svsection"), "people")).reply(PATIENCE)
        await (await adding.grace.select(people, menu(people, "svloras"))).reply(PATIENCE)


async def test_an_attached_file_is_judged_by_its_page(adding: Scene, hubs: Hubs) -> None:
    data = demo_lora(seed=80)
    hubs.add_version(hubs.add_model("Somebody", poi=True), data, "Other")
    answer = await told(adding.grace, "lora add", file=File("my_owl.safetensors", data))
    assert "shows a real person" in answer.text
    begun = await (
        await adding.grace.slash("lora add", file=File("night_owl_style.safetensors", demo_lora(seed=81)))
    ).reply(PATIENCE)
    page = await added(adding, begun, "is now in the library")
    assert "category is style" in page.text, "as its name says"
    assert "From an attached file" in page.text


async def test_what_contradicts_itself_is_not_used_until_an_operator_decides(adding: Scene, hubs: Hubs) -> None:
    data = safetensors_bytes(lora_tensors(attention_modules(), seed=82), {"ss_sd_model_name": "illustriousXL_v01"})
    link = hubs.link(hubs.add_lora("Contradiction", data, "Other"))
    begun = await (await adding.grace.slash("lora add", link=link)).reply(PATIENCE)
    page = await added(adding, begun, "is now in the library")
    assert "cannot be used yet, because sources disagree about its base model" in page.text
    refused = await told(adding.ada, "imagine", prompt="a house", lora1="Contradiction")
    assert "could not confirm the base model of Contradiction" in refused.text


@pytest.mark.asyncio(loop_scope="function")
async def test_a_disputed_lora_stays_with_those_who_had_it_and_operators_are_told(tmp_path: Path) -> None:
    house = House(tmp_path / "house")
    path = house.add_lora("Doubtful", BASES[VIVID], seed=771)
    async with running_hubs() as hubs, open_scene(house) as scene:
        (first, *_others) = checkpoints = house.settings.checkpoints
        pony = CheckpointSettings(name="Pony", repository="nobody/pony", base_model="sdxl/pony", sizes=first.sizes)
        scene.changes = {"sources": hubs.settings, "checkpoints": (*checkpoints, pony)}
        copy = hubs.add_lora("Copy", path.read_bytes(), "Pony")
        async with scene.bot():
            await scene.painted(await scene.ada.slash("imagine", prompt="a house", lora1="Doubtful", steps=1))
            page = await told(scene.grace, "lora add", link=hubs.link(copy))
            assert "Doubtful is already in the library" in page.text and "Disputed: another page" in page.text
            await scene.control.wait_exchange(lambda seen: "is disputed: another page" in json.dumps(seen), PATIENCE)
            refused = await told(scene.grace, "imagine", prompt="a house", lora1="Doubtful", steps=1)
            assert "The base model of Doubtful is disputed" in refused.text
            panel = await told(scene.grace, "studio", add="Doubtful")
            assert "~~Doubtful~~" in panel.text and "The base model of Doubtful is disputed" in panel.text
            assert "~~Doubtful~~" not in (await told(scene.ada, "studio", add="Doubtful")).text
            await scene.painted(await scene.ada.slash("imagine", prompt="a house", lora1="Doubtful", steps=1))


async def test_what_is_not_shown_in_a_channel_is_not_named_there(adding: Scene, hubs: Hubs) -> None:
    data = demo_lora(seed=162)
    model_id = hubs.add_model("Filthy", nsfw=True, nsfwLevel=16)
    link = hubs.link(hubs.add_version(model_id, data, "Other", nsfwLevel=16))
    for words in ("imagine", "lora add"):
        typed = {"prompt": f"a house {link}"} if words == "imagine" else {"link": link}
        refused = await told(adding.grace, words, **typed)
        assert "Filthy" not in refused.text and "too high for this channel" in refused.text
        assert "Add LoRA" not in refused.buttons
    begun = await (await adding.grace.slash("lora add", in_="after-dark", link=link)).reply(PATIENCE)
    await added(adding, begun, "is now in the library")
    copy = hubs.add_repository("me/owl", {"owl.safetensors": data})
    for again in (link, f"https://huggingface.co/{copy}"):
        refused = await told(adding.grace, "lora add", link=again)
        assert "Filthy" not in refused.text and "too high for this channel" in refused.text


async def test_a_page_with_several_loras_offers_a_choice(adding: Scene, hubs: Hubs) -> None:
    files = {f"set/{n:02}.safetensors": demo_lora(seed=700 + n) for n in range(29)}
    files["set/00.safetensors"] = file_of(KINDS["an IP-Adapter"][0])
    files["apart/lone.safetensors"] = demo_lora(seed=740)
    repository = hubs.add_repository("maker/choices", files)
    hubs.add_lora("Chosen", files["set/07.safetensors"], "Other")
    link = f"https://huggingface.co/{repository}/tree/main/set"
    asked = await told(adding.grace, "lora add", link=link)
    (select,) = asked.selects
    options = as_objects(asked.selects[select]["options"])
    assert asked.ephemeral and len(options) == 25 and "choices has 29 LoRAs" in asked.text
    assert "3 more LoRAs are not listed" in asked.text and "1 more file cannot be added" in asked.text
    assert options[6]["label"] == "set/07" and "fits vivid" in str(options[6]["description"])
    (begun,) = await (await adding.grace.select(asked, select, str(options[6]["value"]))).messages(1, PATIENCE)
    page = await added(adding, begun, "is now in the library")
    assert "choices" in page.text and "07" in page.text
    (again,) = await (await adding.grace.select(asked, select, str(options[6]["value"]))).messages(1, PATIENCE)
    assert "is already in the library" in again.text
    lone = f"https://huggingface.co/{repository}/tree/main/apart"
    begun = await (await adding.grace.slash("lora add", link=lone)).reply(PATIENCE)
    assert "is now in the library" in (await added(adding, begun, "is now in the library")).text, "a folder with one"
    assert not any(
        hubs.requests(f"/{repository}/resolve/{COMMIT}/{file}")
        for file in files
        if "/07" not in file and "lone" not in file
    )


async def test_a_choice_goes_on_with_the_picture_that_waits_for_it(adding: Scene, hubs: Hubs) -> None:
    model_id = hubs.add_model("Chosen Owl")
    for seed in (751, 752):
        hubs.add_version(model_id, demo_lora(seed=seed), "Other")
    offer = await told(
        adding.grace, "imagine", prompt=f"a house https://civitai.com/models/{model_id}", steps=2, seed=6
    )
    choice = await begun_by(adding.grace, offer, "Add LoRA")
    (select,) = choice.selects
    assert "Chosen Owl has 2 LoRAs" in choice.text
    value = str(as_objects(choice.selects[select]["options"])[1]["value"])
    (begun,) = await (await adding.grace.select(choice, select, value)).messages(1, PATIENCE)
    page = await added(adding, begun, "is now in the library")
    picture = await adding.painted(await adding.grace.press(page, "Generate with this LoRA"))
    assert "Chosen Owl" in picture.text and "seed 6" in picture.text


async def test_what_nothing_here_can_use_is_told_before_it_is_fetched(adding: Scene, hubs: Hubs) -> None:
    version_id = hubs.add_lora("Lying Page", sdxl_lora(ss_sd_model_name="ponyDiffusionV6XL.safetensors"), "Other")
    answer = await told(adding.grace, "lora add", link=hubs.link(version_id))
    assert "made for Pony" in answer.text and not hubs.requests(hubs.file_path(version_id))
