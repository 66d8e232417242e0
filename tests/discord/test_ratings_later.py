"""What is restricted reaches no place that is open by then: a table of places and moments, which the test makes itself.

A row is a kind of place, by which its restriction is known. A column is a moment at which the place becomes open, or
at which what was painted there is used somewhere else. What is expected follows from three rules:

- a place is for adults while Discord restricts it: by the channel, for threads and forum posts by their parent;
- where the bot is not in the server nobody can look, so nothing restricted is shown by itself;
- a direct message is open, except for what an age-restricted command orders in it, and group messages are always open.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from itertools import product

import pytest
import pytest_asyncio

from inference.content_rating import ContentRating
from playground import default_world
from playground.control import Person
from playground.models import NsfwLevel
from playground.visible_message import VisibleMessage
from tests.discord.conftest import PATIENCE, open_scene, told, use_picture
from tests.discord.test_rights_later import Stage
from tests.house import House

pytestmark = pytest.mark.asyncio(loop_scope="module")

ADULT = "nsfw, a red circle"
AFTER_DARK, FORUM_POST = "after-dark", "Post your favourites"
STEPS = 4
TOO_HIGH, UNSEEN = "The prompt is rated explicit", "cannot check whether this channel is still"
OPEN_ELSEWHERE = ("general", "Sketches", FORUM_POST, "dm", default_world.ADA_AND_KAI)
IN_SERVER = ("general", "Sketches", FORUM_POST)
OF_GRACE = ("general", "Sketches", FORUM_POST, "dm")


@dataclass(frozen=True)
class Kind:
    """A kind of place: who orders in `place` by which command, and which channel says whether it is restricted.

    `parent` is None where nothing restricts it. `seen`: the bot can look at it.
    """

    name: str
    place: str
    parent: str | None
    who: str = "Ada"
    command: str = "imagine"
    seen: bool = True

    @property
    def opens(self) -> bool:
        """Whether an order of something restricted is taken at all, while its channel is restricted."""
        return self.parent is not None or self.command == "imagine-nsfw"

    def reaches(self, *, restricted: bool) -> bool:
        """Whether a restricted picture is shown here by itself, when the channel is that at this moment."""
        if self.parent is None:
            return self.command == "imagine-nsfw"
        return self.seen and restricted


KINDS = (
    Kind("text", AFTER_DARK, AFTER_DARK),
    Kind("thread", "Sketches", "art"),
    Kind("forum post", FORUM_POST, "showcase"),
    Kind("direct message", "dm", None),
    Kind("direct message by the command", "dm", None, command="imagine-nsfw"),
    Kind("group message", default_world.ADA_AND_KAI, None, who="Kai"),
    Kind("user install", "tea-table", "tea-table", who="Kai", seen=False),
)
TAKEN = [kind for kind in KINDS if kind.opens]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with open_scene(House(tmp_path_factory.mktemp("ratings") / "house")) as scene:
        scene.nsfw_command = True
        stage = Stage(scene)
        await stage.start()
        await scene.control.set_person("Ada", sees_age_restricted=True)
        first = await told(scene.grace, "imagine", prompt="a first picture, after which the worker is ready", steps=1)
        await stage.ended(first)
        yield stage
        await stage.stop()


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def restricted(stage: Stage) -> None:
    await turn(stage, restricted=True)


async def turn(stage: Stage, *, restricted: bool) -> None:
    """Restrict every channel that a kind of place goes by, or open them."""
    for kind in KINDS:
        if kind.parent is not None:
            await stage.scene.control.set_channel(kind.parent, nsfw=restricted)


def person(stage: Stage, kind: Kind) -> Person:
    return stage.scene.control.person(kind.who)


async def order(stage: Stage, kind: Kind) -> VisibleMessage:
    return await told(person(stage, kind), kind.command, in_=kind.place, prompt=ADULT, steps=STEPS)


async def test_an_order_is_taken_where_the_place_is_for_adults(stage: Stage) -> None:
    async with stage.paused():
        for kind in KINDS:
            answer = await order(stage, kind)
            assert (TOO_HIGH in answer.text) is not kind.opens, f"{kind.name}: {answer.text}"
            if kind.opens:
                await told(person(stage, kind), "cancel", in_=kind.place)
        offered = {one["name"] for one in await stage.scene.ada.commands(default_world.ADA_AND_KAI)}
        assert "imagine-nsfw" not in offered, "the others there have enabled nothing"
        assert "imagine-nsfw" not in {one["name"] for one in await stage.scene.grace.commands("dm")}
        assert "imagine-nsfw" not in {one["name"] for one in await stage.scene.ada.commands("general")}


async def before_it_is_painted(stage: Stage) -> dict[Kind, VisibleMessage]:
    async with stage.paused():
        orders = {kind: await order(stage, kind) for kind in TAKEN}
        await turn(stage, restricted=False)
    return orders


async def while_it_is_painted(stage: Stage) -> dict[Kind, VisibleMessage]:
    orders = dict[Kind, VisibleMessage]()
    for kind in TAKEN:  # one after the other: a worker takes those of one person so
        await turn(stage, restricted=True)
        with stage.held_up():
            orders[kind] = await order(stage, kind)
            await stage.until_running(kind.who)
            await turn(stage, restricted=False)
        await stage.ended(orders[kind])
    return orders


async def during_a_restart(stage: Stage) -> dict[Kind, VisibleMessage]:
    await stage.easel.jobs.pause(0, int(default_world.MARGARET))
    orders = {kind: await order(stage, kind) for kind in TAKEN}
    await stage.stop()
    await turn(stage, restricted=False)
    await stage.start()
    await stage.easel.jobs.unpause(0)
    return orders


@pytest.mark.parametrize("moment", [before_it_is_painted, while_it_is_painted, during_a_restart])
async def test_a_place_that_becomes_open_gets_nothing_restricted(
    stage: Stage, moment: Callable[[Stage], Awaitable[dict[Kind, VisibleMessage]]]
) -> None:
    before = max(one["number"] for one in await stage.scene.control.exchanges())
    orders = await moment(stage)
    ended = {kind: await stage.ended(message) for kind, message in orders.items()}
    for kind, seen in ended.items():
        shown = kind.reaches(restricted=False)
        assert bool(seen.attachments) is shown, f"{kind.name}: {seen.text}"
        if not shown:
            assert (TOO_HIGH if kind.seen else UNSEEN) in seen.text, f"{kind.name}: the person is told why: {seen.text}"
    carrying = {one["answer"]["id"] for one in await stage.scene.control.exchanges(before) if one["files"]}
    assert carrying == {orders[kind].id for kind in TAKEN if kind.reaches(restricted=False)}, "no preview, no other way"


async def test_a_server_that_becomes_open_gets_nothing_restricted(stage: Stage) -> None:
    """A server's own age restriction holds for all of its places, and ends in all of them."""
    control = stage.scene.control
    await turn(stage, restricted=False)
    await control.set_age_restriction(NsfwLevel.AGE_RESTRICTED)
    try:
        async with stage.paused():
            grace, wanted = stage.scene.grace, {"prompt": ADULT, "steps": STEPS}
            orders = {place: await told(grace, "imagine", in_=place, **wanted) for place in IN_SERVER}
            assert not [place for place, answer in orders.items() if TOO_HIGH in answer.text]
            await control.set_age_restriction(NsfwLevel.DEFAULT)
        for place, message in orders.items():
            seen = await stage.ended(message)
            assert not seen.attachments and TOO_HIGH in seen.text, f"{place}: {seen.text}"
    finally:
        await control.set_age_restriction(NsfwLevel.DEFAULT)


async def test_what_stays_restricted_is_shown(stage: Stage) -> None:
    """Else the other tests would pass if nothing were shown at all."""
    async with stage.paused():
        orders = {kind: await order(stage, kind) for kind in TAKEN}
    for kind, message in orders.items():
        seen = await stage.ended(message)
        assert bool(seen.attachments) is kind.reaches(restricted=True), f"{kind.name}: {seen.text}"
    history = await told(stage.scene.control.person("Kai"), "history", in_="tea-table")
    opened = await (await stage.scene.control.person("Kai").press(history, "Open")).reply(PATIENCE)
    assert opened.attachments, "what is not shown by itself is opened there"


async def test_its_buttons_are_judged_where_they_are_pressed(stage: Stage) -> None:
    """Under the picture itself after the place became open, and under what stays in a direct message for ever."""
    async with stage.paused():
        orders = {kind: await order(stage, kind) for kind in TAKEN if kind.seen}
    pictures = {kind: await stage.ended(message) for kind, message in orders.items()}
    await turn(stage, restricted=False)
    for (kind, picture), button in product(pictures.items(), ("Again", "Vary", "Upscale")):
        answer = await (await person(stage, kind).press(picture, button)).reply(PATIENCE)
        assert TOO_HIGH in answer.text and not answer.attachments, f"{button} in a {kind.name}: {answer.text}"


async def test_it_is_not_taken_to_another_place(stage: Stage) -> None:
    """By *Edit* into the studio, by somebody else's *Remix* and by the history: elsewhere, where all is open."""
    scene, ada = stage.scene, stage.scene.ada
    await stage.setting(shows_prompt=True)  # else *Remix* would bring no words along
    async with stage.paused():
        orders = {kind: await order(stage, kind) for kind in TAKEN if kind.who == "Ada"}
    pictures = {kind: await stage.ended(message) for kind, message in orders.items()}
    await turn(stage, restricted=False)
    await scene.control.set_channel(AFTER_DARK, nsfw=True)
    for kind, picture in pictures.items():
        await (await ada.press(picture, "Edit")).reply(PATIENCE)
        for place in OPEN_ELSEWHERE:
            panel = await told(ada, "studio", in_=place)
            answer = await (await ada.press(panel, "Generate")).reply(PATIENCE)
            assert TOO_HIGH in answer.text and not answer.attachments, f"{kind.name} to {place}: {answer.text}"
    await (await use_picture(scene.grace, pictures[KINDS[0]], "Remix")).reply(PATIENCE)
    for place in OF_GRACE:
        panel = await told(scene.grace, "studio", in_=place)
        answer = await (await scene.grace.press(panel, "Generate")).reply(PATIENCE)
        assert TOO_HIGH in answer.text and not answer.attachments, f"remixed to {place}: {answer.text}"
    for place in OPEN_ELSEWHERE:
        history = await told(ada, "history", in_=place)
        assert not history.attachments and "not shown here" in history.text, place
        assert "Open" not in history.buttons, place


async def test_a_checkpoint_above_the_place_is_not_suggested_there(stage: Stage) -> None:
    configuration, ada = stage.easel.configuration, stage.scene.ada
    before = configuration.settings
    rated, *others = before.checkpoints
    checkpoints = (rated.model_copy(update={"rating": ContentRating.EXPLICIT}), *others)
    configuration.replace(before.model_copy(update={"checkpoints": checkpoints}), configuration.checkpoints.specs)
    try:
        found = {place: await ada.autocomplete("imagine", "checkpoint", in_=place) for place in ("general", AFTER_DARK)}
    finally:
        configuration.replace(before, configuration.checkpoints.specs)
    names = {place: {choice["value"] for choice in choices} for place, choices in found.items()}
    assert names[AFTER_DARK] == {one.name for one in checkpoints}
    assert names["general"] == names[AFTER_DARK] - {rated.name}
