"""Probes of an attacker with the running bot: an age, a rating, a verdict or a face, by every place and way in.

They were written before anybody looked at the code; `tests/bot/servers/test_probes.py` has those of single checks.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from PIL import Image, ImageOps

from bot.pictures.similarity.perceptual_hash import read
from inference.content_rating import ContentRating
from playground import default_world
from playground.control import ControlError, File, Person
from playground.visible_message import VisibleMessage
from tests.bot.pictures.test_input_gate import ASTRONAUT
from tests.discord.conftest import PATIENCE, asked, delete_verdicts, open_scene, told, use_picture
from tests.discord.test_content_ratings import AFTER_DARK, FORUM_POST, rate
from tests.discord.test_publishing import add_art_channels
from tests.discord.test_removals import files_of
from tests.discord.test_reports import choose_channel
from tests.discord.test_rights_later import Stage
from tests.discord.test_server import pressed
from tests.discord.test_stacks import stacked
from tests.discord.test_studio import fresh, say
from tests.discord.test_verdicts import as_webp, decided
from tests.house import BASES, PASTEL, VIVID, House
from tests.lora_files import write_sidecar

pytestmark = pytest.mark.asyncio(loop_scope="module")

AGE, CASTLE, ADULT = "a 12 year old girl", "a castle", "nsfw, a castle"
MINORS, TOO_HIGH, FACE = "These words name a child", "is rated explicit", "a photographed face"
SOURCE = "The start picture is rated explicit"
NIGHT, THREAD, FOREIGN = "Night", "Sketches", "tea-table"  # NIGHT is a thread of AFTER_DARK
PARENTS = {THREAD: "art", FORUM_POST: "showcase", FOREIGN: FOREIGN}


class Library(House):
    """Bat is rated explicit, the others are not. The trigger word of Cape and the name of Child tell an age."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        for seed, (name, trigger) in enumerate(
            (("Cape", AGE), ("Child", "kite"), ("Moon", "moon"), ("Sun", "sun")), 21
        ):
            path = self.add_lora(name, BASES[VIVID], seed=seed)
            called = "12 year old girl" if name == "Child" else name
            write_sidecar(path, name=called, base_model=BASES[VIVID], trigger_words=[trigger])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with open_scene(Library(tmp_path_factory.mktemp("probes") / "house")) as scene:
        scene.nsfw_command = True
        scene.changes = {
            "checkpoints": tuple(
                each.model_copy(update={"rating": ContentRating.EXPLICIT}) if each.name == PASTEL else each
                for each in scene.house.settings.checkpoints
            )
        }
        stage = Stage(scene)
        await stage.start()
        for name in ("Ada", "Kai", "Linus"):
            await scene.control.set_person(name, sees_age_restricted=True)
        await scene.ada.open_thread(AFTER_DARK, NIGHT)
        await choose_channel(scene, scene.grace)
        await add_art_channels(scene, "art")
        await rate(scene, "Bat", "explicit")
        yield stage
        await stage.stop()


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def usual(stage: Stage) -> AsyncIterator[None]:
    """Places that are open by default are so again after each test, and verdicts end."""
    await restrict(stage, nsfw=False)
    yield
    # In a thread, because the bot runs in this loop and must be able to end its transaction.
    await asyncio.to_thread(delete_verdicts, stage.scene.settings.storage.database)


async def restrict(stage: Stage, *, nsfw: bool) -> None:
    for channel in PARENTS.values():
        await stage.scene.control.set_channel(channel, nsfw=nsfw)


async def jobs(stage: Stage) -> int:
    (row,) = await stage.easel.db.fetch("SELECT count(*) AS number FROM job")
    return row["number"]


async def refused(stage: Stage, work: Awaitable[VisibleMessage], why: str, what: object) -> None:
    """It is refused for this reason, and is no job."""
    before = await jobs(stage)
    answer = await work
    assert why in answer.text and not answer.attachments, f"{what}: {answer.text}"
    assert await jobs(stage) == before, what


@dataclass(frozen=True)
class Cell:
    """What somebody orders where, and what the answer says; an empty answer: it is painted.

    `nsfw` is whether Discord restricts the place; that of AFTER_DARK and direct messages stays as it is.
    """

    place: str
    options: Mapping[str, Any]
    answer: str
    who: str = "Ada"
    command: str = "imagine"
    nsfw: bool = True


BAT: Mapping[str, Any] = {"prompt": CASTLE, "lora1": "Bat"}
AGED: Mapping[str, Any] = {"prompt": AGE, "lora1": "Bat"}
SIDES: Mapping[str, Any] = {"side1": "left", "lora2": "Moon", "side2": "right"}
NSFW = "imagine-nsfw"
CELLS = {
    "age, explicit LoRA: restricted channel": Cell(AFTER_DARK, AGED, MINORS),
    "age, explicit LoRA: thread of it": Cell(NIGHT, AGED, MINORS),
    "age, explicit LoRA: thread of a restricted channel": Cell(THREAD, AGED, MINORS),
    "age, explicit LoRA: forum post": Cell(FORUM_POST, AGED, MINORS),
    "age, explicit LoRA: open channel": Cell("general", AGED, MINORS),
    "age, explicit LoRA: direct message": Cell("dm", AGED, MINORS),
    "age, explicit LoRA: group": Cell(default_world.PAINTERS, AGED, MINORS),
    "age, explicit LoRA: foreign server": Cell(FOREIGN, AGED, MINORS, "Kai"),
    "age, restricted command: direct message": Cell("dm", {"prompt": AGE}, MINORS, command=NSFW),
    "age, restricted command: channel": Cell(AFTER_DARK, {"prompt": AGE}, MINORS, command=NSFW),
    "age, restricted command: foreign server": Cell(FOREIGN, {"prompt": AGE}, MINORS, "Kai", NSFW),
    "age in a part": Cell(AFTER_DARK, {"prompt": f"{AGE} | an oak", "lora1": "Bat", **SIDES}, MINORS),
    "age in common words, LoRA in a part": Cell(
        AFTER_DARK, {"prompt": f"an owl | an oak | {AGE}", "lora1": "Bat", **SIDES}, MINORS
    ),
    "age in the trigger word of another LoRA": Cell(AFTER_DARK, {**BAT, "lora2": "Cape"}, MINORS),
    "age in the name of another LoRA": Cell(AFTER_DARK, {**BAT, "lora2": "12 year old girl"}, MINORS),
    "age in a LoRA's name, restricted command": Cell(
        "dm", {"prompt": CASTLE, "lora1": "12 year old girl"}, MINORS, command=NSFW
    ),
    "age in a trigger word, restricted command": Cell("dm", {"prompt": CASTLE, "lora1": "Cape"}, MINORS, command=NSFW),
    "age in the negative prompt": Cell(AFTER_DARK, {**BAT, "negative_prompt": AGE}, ""),
    "age, explicit checkpoint": Cell(AFTER_DARK, {"prompt": AGE, "checkpoint": PASTEL}, MINORS),
    "age alone": Cell("general", {"prompt": AGE}, ""),
    "explicit checkpoint: restricted channel": Cell(AFTER_DARK, {"prompt": CASTLE, "checkpoint": PASTEL}, ""),
    "explicit checkpoint: open channel": Cell("general", {"prompt": CASTLE, "checkpoint": PASTEL}, TOO_HIGH),
    "explicit LoRA: restricted channel": Cell(AFTER_DARK, BAT, ""),
    "explicit LoRA: thread of it": Cell(NIGHT, BAT, ""),
    "explicit LoRA: restricted forum": Cell(FORUM_POST, BAT, ""),
    "explicit LoRA: open channel": Cell("general", BAT, TOO_HIGH),
    "explicit LoRA: open thread": Cell(THREAD, BAT, TOO_HIGH, nsfw=False),
    "explicit LoRA: open forum": Cell(FORUM_POST, BAT, TOO_HIGH, nsfw=False),
    "explicit LoRA: direct message": Cell("dm", BAT, TOO_HIGH),
    "explicit LoRA: group": Cell(default_world.PAINTERS, BAT, TOO_HIGH),
    "explicit LoRA: open foreign server": Cell(FOREIGN, BAT, TOO_HIGH, "Kai", nsfw=False),
    "explicit LoRA, restricted command: direct message": Cell("dm", BAT, "", command=NSFW),
}


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
async def test_no_place_and_no_option_is_a_wrong_door(stage: Stage, cell: Cell) -> None:
    await restrict(stage, nsfw=cell.nsfw)
    person = stage.scene.control.person(cell.who)
    order = {"in_": cell.place, "steps": 1, **cell.options}
    if cell.answer:
        await refused(stage, told(person, cell.command, **order), cell.answer, cell)
    else:
        await stage.scene.painted(await person.slash(cell.command, **order))


async def test_a_group_is_not_offered_the_restricted_command(stage: Stage) -> None:
    with pytest.raises(ControlError, match="not offered"):
        await stage.scene.ada.slash(NSFW, in_=default_world.PAINTERS, prompt=CASTLE)


# --- an age in a picture that is rated later --------------------------------------------------------------------------


async def in_studio(person: Person, opened: Awaitable[VisibleMessage], place: str) -> VisibleMessage:
    """Paint what was opened in the studio, or the refusal to open it."""
    answer = await opened
    if "## Studio" not in answer.text:
        return answer
    return await pressed(person, await told(person, "studio", in_=place), "Generate")


async def no_way_on(stage: Stage, owner: Person, picture: VisibleMessage) -> None:
    """Nothing leads on from the only picture of its owner: its words name a child."""
    grace = stage.scene.grace
    buttons = {"Again", "Vary", "Upscale", "Publish"} & picture.buttons.keys()
    ways: dict[str, Callable[[], Awaitable[VisibleMessage]]] = {
        **{name: lambda name=name: pressed(owner, picture, name) for name in sorted(buttons)},
        "Edit": lambda: in_studio(owner, pressed(owner, picture, "Edit"), AFTER_DARK),
        "Remix": lambda: in_studio(grace, menu(grace, "Remix", picture), AFTER_DARK),
        "Start from it": lambda: menu(owner, "Start from it", picture),
        "history": lambda: told(owner, "history", in_=AFTER_DARK),
    }
    for name, way in ways.items():
        await refused(stage, way(), MINORS, name)


async def menu(person: Person, name: str, picture: VisibleMessage) -> VisibleMessage:
    return await (await use_picture(person, picture, name)).reply(PATIENCE)


async def test_no_way_leads_on_from_an_age_whose_lora_is_rated_later(stage: Stage) -> None:
    scene = stage.scene
    await stage.setting(shows_prompt=True)  # else *Remix* would bring no words along
    mary = await scene.control.new_person("Mary")
    picture = await scene.painted(await mary.slash("imagine", in_=AFTER_DARK, prompt=AGE, lora1="Moon", steps=1))
    await rate(scene, "Moon", "explicit")
    try:
        await no_way_on(stage, mary, picture)
        await asked(mary, picture)  # its owner deletes it all the same
    finally:
        await rate(scene, "Moon", "-")


async def test_no_way_leads_on_from_an_age_that_staff_rate_later(stage: Stage) -> None:
    scene = stage.scene
    mae = await scene.control.new_person("Mae")
    picture = await scene.painted(await mae.slash("imagine", in_=AFTER_DARK, prompt=AGE, seed=501, steps=1))
    await decided(scene, picture, 501, "Raise rating", rating="explicit")
    hidden = await scene.control.wait_message(picture.id, lambda seen: MINORS in seen.text, PATIENCE)
    assert not hidden.attachments
    await no_way_on(stage, mae, hidden)


async def test_an_age_that_waits_while_its_lora_is_rated_is_not_painted(stage: Stage) -> None:
    scene = stage.scene
    async with stage.paused():
        order = await told(scene.ada, "imagine", in_=AFTER_DARK, prompt=AGE, lora1="Moon", steps=1)
        await rate(scene, "Moon", "explicit")
    try:
        ended = await stage.ended(order)
        assert MINORS in ended.text and not ended.attachments
        assert (await stage.jobs("Ada"))[-1] == ("failed", 0, 0), "no worker has had it"
    finally:
        await rate(scene, "Moon", "-")


async def test_an_age_reaches_an_explicit_lora_neither_in_the_studio_nor_by_a_stack(stage: Stage) -> None:
    scene, ada, linus = stage.scene, stage.scene.ada, stage.scene.control.person("Linus")
    await say(ada, await fresh(scene, ada), AGE)
    await told(ada, "studio", in_=AFTER_DARK, add="Bat")
    await refused(stage, in_studio(ada, told(ada, "studio", in_=AFTER_DARK), AFTER_DARK), MINORS, "LoRA after words")
    await fresh(scene, ada)
    await told(ada, "studio", in_=AFTER_DARK, add="Bat")
    assert "Saved" in (await told(ada, "stack save", in_=AFTER_DARK, name="Night")).text
    shared = await told(ada, "stack share", in_=AFTER_DARK, name="Night")
    posted = await pressed(ada, shared, "Post stack in this channel")
    copy = await pressed(linus, posted, "Get a copy")
    assert "Copied **Night**" in copy.text
    for person in (ada, linus):
        order = told(person, "imagine", in_=AFTER_DARK, prompt=AGE, stack="Night")
        await refused(stage, order, MINORS, "stack")
    open_ = await told(ada, "stack share", name="Night")
    assert "Bat" not in open_.text, "the name of an explicit LoRA"
    assert "Bat" not in (await pressed(ada, open_, "Post stack in this channel")).text
    assert "Bat" not in (await told(linus, "stack list")).text
    await told(ada, "stack delete", name="Night")
    await fresh(scene, ada)


# --- pictures to start from, and pictures elsewhere -------------------------------------------------------------------


def changed(picture: Image.Image) -> dict[str, File]:
    """The same picture as people change it, without metadata."""
    width, height = picture.size
    kinds = {
        "png": picture,
        "mirrored": ImageOps.mirror(picture),
        "turned": picture.rotate(90, expand=True),
        "framed": ImageOps.expand(picture, width // 10, "white"),
        "cropped": picture.crop((2, 0, width, height - 2)),
    }
    uploads = {"webp": as_webp(picture)}
    for name, each in kinds.items():
        file = io.BytesIO()
        each.save(file, "PNG")
        uploads[name] = File(f"{name}.png", file.getvalue())
    return uploads


async def explicit_picture(stage: Stage, person: Person) -> tuple[VisibleMessage, Image.Image, bytes]:
    """A picture that an explicit LoRA painted for a person, its pixels and its file."""
    scene = stage.scene
    picture = await scene.painted(await person.slash("imagine", in_=AFTER_DARK, seed=504, **BAT))
    (file,) = files_of(scene, picture)
    return picture, await asyncio.to_thread(read, file), await asyncio.to_thread(file.read_bytes)


async def test_an_explicit_picture_is_no_start_in_an_open_place_and_none_for_an_age(stage: Stage) -> None:
    scene, ada = stage.scene, stage.scene.ada
    picture, pixels, original = await explicit_picture(stage, ada)
    for name, upload in {"original": File("a.png", original), **changed(pixels)}.items():
        order = told(ada, "imagine", prompt=CASTLE, image=upload, steps=1)
        await refused(stage, order, SOURCE, f"{name}, open channel")
        order = told(ada, "imagine", in_=AFTER_DARK, prompt=AGE, image=upload, steps=1)
        await refused(stage, order, MINORS, f"{name}, age")
    await say(ada, await fresh(scene, ada), CASTLE)
    for place in ("general", "dm", FORUM_POST):
        await refused(stage, in_studio(ada, menu(ada, "Start from it", picture), place), SOURCE, place)
    panel = await say(ada, await menu(ada, "Start from it", picture), AGE)
    await refused(stage, pressed(ada, panel, "Generate"), MINORS, "an age in the studio")
    await pressed(ada, panel, "Remove picture")
    others = (File("a.png", original), changed(pixels)["png"])
    for upload in others:  # by somebody else: the very picture is known
        order = told(scene.control.person("Linus"), "imagine", prompt=CASTLE, image=upload, steps=1)
        await refused(stage, order, SOURCE, "somebody else's")


async def test_an_explicit_picture_is_neither_shown_nor_published_in_an_open_place(stage: Stage) -> None:
    person = await stage.scene.control.new_person("Pip")
    picture, *_ = await explicit_picture(stage, person)
    await refused(stage, pressed(person, picture, "Publish"), TOO_HIGH, "to an open art channel")
    for place in ("general", "dm", THREAD):
        listed = await told(person, "history", in_=place)
        assert "not shown here" in listed.text and not listed.attachments, place
    assert not await stage.scene.pictures("art")


async def test_what_staff_of_a_server_rated_is_rated_elsewhere_too(stage: Stage) -> None:
    scene, kai = stage.scene, stage.scene.control.person("Kai")
    picture = await scene.painted(await scene.ada.slash("imagine", prompt=CASTLE, seed=502, steps=2))
    (file,) = files_of(scene, picture)
    upload = File("a.png", await asyncio.to_thread(file.read_bytes))
    await decided(scene, picture, 502, "Raise rating", rating="explicit")
    for person, place in ((scene.ada, "dm"), (kai, FOREIGN), (kai, "dm")):
        order = told(person, "imagine", in_=place, prompt=CASTLE, image=upload, steps=1)
        await refused(stage, order, SOURCE, place)


async def test_a_deleted_picture_comes_back_in_no_shape(stage: Stage) -> None:
    scene, linus = stage.scene, stage.scene.control.person("Linus")
    picture = await scene.painted(await scene.ada.slash("imagine", prompt="a red star", seed=503, steps=8))
    (file,) = files_of(scene, picture)
    pixels = await asyncio.to_thread(read, file)
    await decided(scene, picture, 503, "Delete everywhere")
    await scene.gone(picture)
    for name, upload in changed(pixels).items():
        order = told(linus, "imagine", prompt=CASTLE, image=upload, steps=1)
        await refused(stage, order, "looks like a picture that staff deleted", name)


# --- photographed faces -----------------------------------------------------------------------------------------------

FACES: dict[str, Mapping[str, Any]] = {
    "words": {"prompt": ADULT},
    "words of a part": {"prompt": f"an owl | {ADULT}", "lora1": "Moon", **SIDES, "lora2": "Sun"},
    "explicit LoRA": {"prompt": CASTLE, "lora1": "Bat"},
    "explicit LoRA in a part": {"prompt": "an owl | an oak", "lora1": "Bat", **SIDES},
    "explicit checkpoint": {"prompt": CASTLE, "checkpoint": PASTEL},
    "a negative weight": {"prompt": CASTLE, "negative_prompt": "(nsfw:-1)"},
    "clothes in the negative prompt": {"prompt": CASTLE, "negative_prompt": "clothes"},
    "stack": {"prompt": CASTLE, "stack": "Faces"},
    "full strength": {"prompt": ADULT, "strength": 1.0},
}


@dataclass(frozen=True)
class Faces:
    """Starts with a photographed face: the photo, and two pictures that were painted from it."""

    starts: Mapping[str, File] = field(default_factory=dict[str, File])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def faces(stage: Stage) -> Faces:
    scene = stage.scene
    photo = File("photo.jpg", await asyncio.to_thread(ASTRONAUT.read_bytes))
    await stacked(scene, scene.ada, "Faces", "Moon")
    await fresh(scene, scene.ada)
    await told(scene.ada, "studio", in_=AFTER_DARK, add="Bat")
    await told(scene.ada, "stack delete", name="Faces")
    await told(scene.ada, "stack save", in_=AFTER_DARK, name="Faces")
    await fresh(scene, scene.ada)
    order = {"in_": AFTER_DARK, "prompt": CASTLE, "image": photo, "strength": 0.9, "steps": 1, "seed": 505}
    painted = await scene.painted(await scene.ada.slash("imagine", **order, lora1="Moon"))
    (file,) = files_of(scene, painted)
    starts = {"photo": photo}
    starts["painted from it"] = File("mine.png", await asyncio.to_thread(file.read_bytes))
    starts["without metadata"] = changed(await asyncio.to_thread(read, file))["webp"]
    return Faces(starts)


@pytest.mark.parametrize("command", ["imagine", NSFW])
@pytest.mark.parametrize("options", FACES.values(), ids=FACES)
async def test_no_option_paints_a_photographed_face_above_general(
    stage: Stage, faces: Faces, options: Mapping[str, Any], command: str
) -> None:
    for name, start in faces.starts.items():
        order = told(stage.scene.ada, command, in_=AFTER_DARK, image=start, steps=1, **options)
        await refused(stage, order, FACE, name)


async def test_no_way_leads_from_a_photographed_face_above_general(stage: Stage, faces: Faces) -> None:
    scene, ada, linus = stage.scene, stage.scene.ada, stage.scene.control.person("Linus")
    order = {"in_": AFTER_DARK, "prompt": CASTLE, "image": faces.starts["photo"], "steps": 1}
    picture = await scene.painted(await ada.slash("imagine", **order))
    for button in ("Vary", "Upscale"):
        other = await scene.painted(await ada.press(picture, button))
        await pressed(ada, other, "Edit")
        panel = await say(ada, await told(ada, "studio", in_=AFTER_DARK), ADULT)
        await refused(stage, pressed(ada, panel, "Generate"), FACE, button)
    for person in (ada, linus):
        panel = await say(person, await menu(person, "Start from it", picture), ADULT)
        await refused(stage, pressed(person, panel, "Generate"), FACE, person.name)
        panel = await told(person, "studio", in_=AFTER_DARK)
        await say(person, panel, CASTLE)
        panel = await told(person, "studio", in_=AFTER_DARK, add="Bat")
        await refused(stage, pressed(person, panel, "Generate"), FACE, f"{person.name}, LoRA")
        await fresh(scene, person)
