"""The gallery of a server: two people publish, look, like and use each other's pictures; staff feature some."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from bot.app.assembly import Easel
from bot.database.clock import now_ms
from bot.database.gallery.features import FIND_FEATURE, FeatureKind
from bot.database.gallery.publications import (
    FIND_PUBLICATION,
    PUBLICATIONS_OF_JOB,
    Publication,
)
from bot.database.jobs.jobs import FIND_JOB, Job
from bot.database.jobs.ratings import CLEAR_JOB_RATING, RATE_JOB, RatingSource
from bot.database.loras.catalogue import find_lora_by_name
from bot.database.people.blocks import LIFT_BLOCK, BlockKind, save_block
from bot.database.privacy.deletions import HIDE_JOB, UNDO_DELETION
from bot.database.servers.audit import AuditAction
from bot.database.servers.settings import ArtChannel
from bot.servers.context import ActionContext
from bot.ui.bot import EaselBot
from inference.content_rating import ContentRating
from playground import default_world
from playground.component_shapes import walk
from playground.control import Person
from playground.models import Overwrite
from playground.permissions import MANAGE_MESSAGES
from playground.visible_message import VisibleMessage
from tests.discord.conftest import PROMPT, Scene, menu, open_scene, remove, told
from tests.house import PASTEL, VIVID, House

pytestmark = pytest.mark.asyncio(loop_scope="module")

WORKSHOP, ADA, LINUS = int(default_world.WORKSHOP), int(default_world.ADA), int(default_world.LINUS)
ART, AFTER_DARK = int(default_world.ART), int(default_world.AFTER_DARK)
OWL = "an owl on a green field"


@dataclass
class Stage:
    """The running bot with one art channel, a picture of Ada's with Bat, and one of Linus' without LoRAs."""

    scene: Scene
    easel: Easel = field(init=False)
    bot: EaselBot = field(init=False)
    bats: Publication = field(init=False)
    owl: Publication = field(init=False)
    running: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def start(self) -> None:
        self.easel, self.bot = await self.running.enter_async_context(self.scene.opened())

    async def restart(self) -> None:
        await self.running.aclose()
        await self.start()

    @property
    def linus(self) -> Person:
        return self.scene.control.person("Linus")

    async def job(self, person: Person, prompt: str, **options: object) -> Job:
        await self.scene.painted(await person.slash("imagine", prompt=prompt, **options))
        (row,) = await self.easel.db.fetch("SELECT max(id) AS id FROM job")
        job = await self.easel.db.one(FIND_JOB, row["id"])
        assert job is not None
        return job

    async def publish(self, job: Job, channel_id: int = ART, *, shows_prompt: bool = True) -> Publication:
        who = ActionContext(person_id=job.person_id, server_id=WORKSHOP, checked_by_discord=True)
        return await self.bot.publishing.publish(who, job, 0, channel_id, shows_prompt=shows_prompt)

    async def shown(self, page: VisibleMessage, text: str) -> VisibleMessage:
        """The page once it shows a text."""
        return await self.scene.control.wait_message(page.id, lambda seen: text in seen.text)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with open_scene(House(tmp_path_factory.mktemp("gallery") / "house")) as scene:
        stage = Stage(scene)
        await stage.start()
        empty = await told(scene.ada, "gallery")
        assert empty.ephemeral and "no art channel yet" in empty.text and not empty.selects
        who = ActionContext(person_id=ADA, server_id=WORKSHOP, permissions=1 << 5, checked_by_discord=True)
        art = (ArtChannel(channel_id=ART),)
        await stage.easel.servers.administration.settings.change(who, WORKSHOP, art_channels=art)
        assert "No pictures have been published here yet" in (await told(scene.ada, "gallery")).text
        stage.bats = await stage.publish(await stage.job(scene.ada, prompt=PROMPT, lora1="Bat"))
        stage.owl = await stage.publish(await stage.job(stage.linus, prompt=OWL), shows_prompt=False)
        yield stage
        await stage.running.aclose()


def pictures(page: VisibleMessage) -> list[str]:
    """The ids in the menu of a page."""
    return [option["value"] for option in page.selects["opengallery:list"]["options"]]


async def opened(stage: Stage, person: Person, one: Publication) -> VisibleMessage:
    """A picture, as the gallery shows it to a person."""
    page = await told(person, "gallery")
    return await (await person.select(page, "opengallery:list", str(one.id))).reply()


async def test_pictures_are_found_by_what_they_have(stage: Stage) -> None:
    bats, owl = str(stage.bats.id), str(stage.owl.id)
    everything = await told(stage.linus, "gallery")
    assert everything.ephemeral and pictures(everything) == [owl, bats] and len(everything.attachments) == 2
    assert f"by <@{ADA}>" in everything.text and "Bat" in everything.text and PROMPT not in everything.text
    wanted: list[tuple[dict[str, str], list[str]]] = [
        ({"lora": "Bat"}, [bats]),
        ({"person": default_world.LINUS}, [owl]),
        ({"search": "red circle"}, [bats]),
        ({"search": "bat"}, [bats]),
        ({"category": "other"}, [bats]),
    ]
    for options, found in wanted:
        assert pictures(await told(stage.linus, "gallery", **options)) == found, options
    option = next(each for each in everything.selects["opengallery:list"]["options"] if each["value"] == bats)
    assert PROMPT[:40] in option["label"] and "Bat" in option["description"], "where its author agreed, its words"
    hidden = await told(stage.linus, "gallery", search="owl")
    assert "No matches here for" in hidden.text, "the words of a prompt that is not shown are not found"
    assert "No pictures here were liked" in (await told(stage.linus, "gallery", sort="most_liked_this_week")).text


async def test_menus_and_search_change_what_is_shown_also_after_a_restart(stage: Stage) -> None:
    page = await told(stage.linus, "gallery", lora="Bat")
    await stage.restart()
    await stage.linus.press(page, "All pictures")
    page = await stage.shown(page, "2. by")
    await stage.linus.select(page, menu(page, "ca"), "other")
    page = await stage.scene.control.wait_message(page.id, lambda seen: "2. by" not in seen.text)
    assert pictures(page) == [str(stage.bats.id)]
    form = await stage.linus.press(page, "Search")
    assert (await form.modal())["title"] == "Search the gallery"
    await stage.linus.submit(form, {"words": "nothing"})
    page = await stage.shown(page, "No matches here for")
    await stage.linus.press(page, "Clear search")
    page = await stage.shown(page, "1. by")
    await stage.linus.select(page, menu(page, "so"), "featured")
    await stage.shown(page, "Staff are not featuring any pictures here")


async def test_people_like_bookmark_use_and_remix_each_others_pictures(stage: Stage) -> None:
    linus = stage.linus
    seen = await opened(stage, linus, stage.bats)
    assert PROMPT in seen.text and f"/{ART}/{stage.bats.message_id}" in seen.text and len(seen.attachments) == 1
    assert set(seen.buttons) >= {
        "Bat",
        "Like",
        "Use these LoRAs",
        "Bookmark these LoRAs",
        "Remix",
        "Report",
        "More pictures by this member",
    }
    assert "Feature in this server" not in seen.buttons and "Unpublish" not in seen.buttons, "what they may not do"
    await stage.restart()
    assert "1 like." in (await (await linus.press(seen, "Like")).reply()).text
    assert "You already like this picture" in (await (await linus.press(seen, "Like")).reply()).text
    assert "Bookmarked Bat" in (await (await linus.press(seen, "Bookmark these LoRAs")).reply()).text
    studio = await (await linus.press(seen, "Use these LoRAs")).reply()
    assert "Your studio now has only this picture's LoRAs" in studio.text and "Bat" in studio.text
    remix = await (await linus.press(seen, "Remix")).reply()
    assert PROMPT in remix.text and "prompt is private" not in remix.text
    other = await opened(stage, stage.scene.ada, stage.owl)
    assert OWL not in other.text and "Use these LoRAs" not in other.buttons
    private = await (await stage.scene.ada.press(other, "Remix")).reply()
    assert "prompt is private" in private.text and OWL not in private.text
    liked = await told(linus, "gallery", sort="most_liked_this_week")
    assert pictures(liked) == [str(stage.bats.id)] and "1 like" in liked.text
    more = await (await linus.press(seen, "More pictures by this member")).reply()
    assert pictures(more) == [str(stage.bats.id)] and more.ephemeral


async def test_what_does_not_fit_the_persons_checkpoint_is_said(stage: Stage) -> None:
    grace = stage.scene.grace
    await (await grace.select(await told(grace, "settings"), "set:checkpoint", f"={PASTEL}")).answered()
    seen = await opened(stage, grace, stage.bats)
    studio = await (await grace.press(seen, "Use these LoRAs")).reply()
    assert (
        f"Bat does not fit your model {PASTEL}. The original picture was generated with the model {VIVID}"
        in studio.text
    )


async def test_staff_feature_pictures_and_loras_and_the_audit_log_says_so(stage: Stage) -> None:
    margaret, db = stage.scene.control.person("Margaret"), stage.easel.db
    seen = await opened(stage, margaret, stage.owl)
    assert (
        "The picture is now featured in this server"
        in (await (await margaret.press(seen, "Feature in this server")).reply()).text
    )
    assert "is already featured" in (await (await margaret.press(seen, "Feature in this server")).reply()).text
    refused = await (await stage.linus.press(await opened(stage, stage.linus, stage.owl), "Report")).reply()
    assert "your own" in refused.text
    lora = await told(margaret, "lora info", name="Bat")
    assert "Bat is now featured" in (await (await margaret.press(lora, "Feature in this server")).reply()).text
    page = await told(stage.linus, "gallery")
    assert f"Featured by <@{default_world.MARGARET}> <t:" in page.text and len(page.attachments) == 2
    assert [option["value"] for option in page.selects["opengallery:featured"]["options"]] == [str(stage.owl.id)]
    featured = await told(stage.linus, "gallery", sort="featured_by_staff")
    (option,) = featured.selects["opengallery:list"]["options"]
    assert option["value"] == str(stage.owl.id) and option["label"].count(VIVID) == 1
    assert not option.get("description"), "a picture without LoRAs and words is not called by its checkpoint twice"
    market = await told(stage.linus, "lora browse")
    assert f"**Bat** · Featured by <@{default_world.MARGARET}>" in market.text
    await stage.linus.select(market, menu(market, "so"), "featured")
    market = await stage.shown(market, "1 LoRA")
    assert "Bat" in market.text and "Wash" not in market.text
    assert "Featured by" in (await told(stage.linus, "lora info", name="Bat")).text
    again = await told(margaret, "lora info", name="Bat")
    assert (
        "is no longer featured" in (await (await margaret.press(again, "Stop featuring in this server")).reply()).text
    )
    actions = [row["action"] for row in await db.fetch("SELECT action FROM audit ORDER BY id")]
    assert actions[-3:] == [AuditAction.FEATURE, AuditAction.FEATURE, AuditAction.UNFEATURE]


async def test_a_loras_page_shows_what_the_server_made_with_it(stage: Stage) -> None:
    page = await told(stage.linus, "lora info", name="Bat")
    assert "Pictures generated with this LoRA in this server" in page.text and f"-# by <@{ADA}>" in page.text
    more = await (await stage.linus.press(page, "More pictures with this LoRA")).reply()
    assert pictures(more) == [str(stage.bats.id)]
    for where in ("dm", "tea-table"):
        elsewhere = await (await stage.scene.ada.slash("lora info", in_=where, name="Bat")).reply()
        assert "Pictures generated with this LoRA" not in elsewhere.text


async def test_trending_and_top_rated_count_publications_and_likes_of_the_server(stage: Stage) -> None:
    bat = await find_lora_by_name(stage.easel.db, "Bat")
    assert bat is not None
    for sort in ("trending", "top_rated"):
        market = await told(stage.linus, "lora browse", sort=sort, base="any")
        assert market.text.index("Bat") < market.text.index("Wash")


async def test_what_is_rated_away_is_neither_shown_nor_pressed(stage: Stage) -> None:
    seen = await opened(stage, stage.linus, stage.bats)
    await stage.easel.db.run(
        RATE_JOB,
        server=WORKSHOP,
        source=RatingSource.STAFF,
        rating=ContentRating.EXPLICIT,
        now=now_ms(),
        job=stage.bats.job_id,
    )
    try:
        assert str(stage.bats.id) not in pictures(await told(stage.linus, "gallery"))
        assert "Pictures generated with this LoRA" not in (await told(stage.linus, "lora info", name="Bat")).text
        for button in (f"like:{stage.bats.id}", "Use these LoRAs", "Report"):
            assert "no longer in the gallery" in (await (await stage.linus.press(seen, button)).reply()).text
    finally:
        await stage.easel.db.one(CLEAR_JOB_RATING, server=WORKSHOP, source=RatingSource.STAFF, job=stage.bats.job_id)
        await stage.bot.publishing.settle()  # its timer may have hidden the picture in its channel


async def test_adults_see_what_is_rated_for_them(stage: Stage) -> None:
    """In the gallery of an age-restricted channel, if the picture's own art channel is age-restricted too."""
    who = ActionContext(person_id=ADA, server_id=WORKSHOP, permissions=1 << 5, checked_by_discord=True)
    change = stage.easel.servers.administration.settings.change
    await change(who, WORKSHOP, art_channels=(ArtChannel(channel_id=ART), ArtChannel(channel_id=AFTER_DARK)))
    dark = await stage.publish(await stage.job(stage.scene.ada, "a red moon"), AFTER_DARK)
    try:
        await stage.easel.db.run(
            RATE_JOB,
            server=WORKSHOP,
            source=RatingSource.STAFF,
            rating=ContentRating.EXPLICIT,
            now=now_ms(),
            job=dark.job_id,
        )
        await stage.bot.publishing.settle()
        assert str(dark.id) not in pictures(await told(stage.linus, "gallery"))
        adults = await (await stage.linus.slash("gallery", in_="after-dark")).reply()
        assert str(dark.id) in pictures(adults)
    finally:
        await stage.bot.publishing.take_back(dark.id)
        await stage.bot.publishing.settle()
        await change(who, WORKSHOP, art_channels=(ArtChannel(channel_id=ART),))


async def test_what_is_deleted_or_taken_down_disappears_and_comes_back_with_undo(stage: Stage) -> None:
    one = await stage.publish(await stage.job(stage.scene.ada, "a yellow star"))
    assert str(one.id) in pictures(await told(stage.linus, "gallery"))
    assert await stage.easel.db.run(HIDE_JOB, delete_at=now_ms() + 60_000, id=one.job_id)
    assert str(one.id) not in pictures(await told(stage.linus, "gallery"))
    await stage.easel.db.one(UNDO_DELETION, id=one.job_id, now=now_ms())
    seen = await opened(stage, stage.linus, one)
    job = await stage.easel.db.one(FIND_JOB, one.job_id)
    assert job is not None
    await stage.bot.removals.take_down(job, WORKSHOP, LINUS, "Not here.")
    assert str(one.id) not in pictures(await told(stage.linus, "gallery"))
    for button in (f"like:{one.id}", f"rppublished:{one.id}"):
        assert "no longer in the gallery" in (await (await stage.linus.press(seen, button)).reply()).text


async def test_others_than_staff_feature_nothing_and_blocked_people_press_nothing(stage: Stage) -> None:
    page = await told(stage.linus, "lora info", name="Bat")
    message = stage.scene.playground.world.messages[page.id]
    button = next(part for part in walk(message.components) if str(part.get("custom_id")).startswith("gallery:"))
    button["custom_id"] = f"feature:1:publication:{stage.bats.id}"
    refused = await (await stage.linus.press(page, button["custom_id"])).reply()
    assert refused.ephemeral and "only its staff can do this" in refused.text
    assert (
        await stage.easel.db.one(FIND_FEATURE, server=WORKSHOP, kind=FeatureKind.PUBLICATION, target=stage.bats.id)
        is None
    )
    seen = await opened(stage, stage.linus, stage.bats)
    await save_block(stage.easel.db, WORKSHOP, BlockKind.PERSON, LINUS, reason="spam", ends_at=None, created_by=1)
    stage.easel.servers.servers.forget(WORKSHOP)
    try:
        for answer in (await told(stage.linus, "gallery"), await (await stage.linus.press(seen, "Remix")).reply()):
            assert "spam" in answer.text
        assert str(stage.owl.id) not in pictures(await told(stage.scene.ada, "gallery")), "nor are theirs shown"
    finally:
        await stage.easel.db.one(LIFT_BLOCK, server=WORKSHOP, kind=BlockKind.PERSON, id=LINUS)
        stage.easel.servers.servers.forget(WORKSHOP)


async def test_pictures_are_spoilers_where_staff_say_so(stage: Stage) -> None:
    who = ActionContext(person_id=ADA, server_id=WORKSHOP, permissions=1 << 5, checked_by_discord=True)
    change = stage.easel.servers.administration.settings.change
    await change(who, WORKSHOP, spoiler_channels=(int(default_world.GENERAL),))
    try:
        for page in (await told(stage.linus, "gallery"), await opened(stage, stage.linus, stage.bats)):
            items = [item for part in walk(page.components) for item in part.get("items", ())]
            assert items and all(item["spoiler"] for item in items)
    finally:
        await change(who, WORKSHOP, spoiler_channels=())


async def test_the_gallery_speaks_japanese_and_belongs_to_a_server(stage: Stage) -> None:
    await stage.scene.control.set_person("Kai", locale="ja")
    kai = stage.scene.control.person("Kai")
    for where in ("dm", "tea-table"):
        answer = await (await kai.slash("gallery", in_=where)).reply()
        assert answer.ephemeral and "ギャラリー" in answer.text, where


async def test_many_pages_lead_there_and_back(stage: Stage) -> None:
    job = await stage.job(stage.scene.ada, prompt="a blue square", count=4)
    who = ActionContext(person_id=ADA, server_id=WORKSHOP, checked_by_discord=True)
    made = [
        await stage.bot.publishing.publish(who, each, position, ART, shows_prompt=False)
        for each in (job, await stage.job(stage.scene.ada, prompt="a grey square", count=2))
        for position in range(each.request.count)
    ]
    order = [str(one.id) for one in reversed(made)] + [str(stage.owl.id), str(stage.bats.id)]
    page = await told(stage.linus, "gallery", person=ADA)
    assert pictures(page) == [each for each in order if each != str(stage.owl.id)][:6]
    await stage.linus.press(page, "Next")
    page = await stage.scene.control.wait_message(page.id, lambda seen: str(stage.bats.id) in pictures(seen))
    assert pictures(page) == [str(stage.bats.id)]
    form = await stage.linus.press(page, "Go to page")
    await form.modal()
    await stage.linus.submit(form, {"page": "99"})
    page = await stage.scene.control.wait_message(page.id, lambda seen: len(pictures(seen)) > 1)
    assert pictures(page)[-1] == str(stage.bats.id), "the last page"
    await stage.linus.press(page, "Back")
    await stage.scene.control.wait_message(page.id, lambda seen: pictures(seen)[0] == order[0])


async def test_who_manages_messages_in_a_room_of_their_own_takes_nothing_down_in_others(stage: Stage) -> None:
    linus, world = stage.linus, stage.scene.playground.world
    one = await stage.publish(await stage.job(stage.scene.ada, "a white moon"))
    room = world.channels[default_world.GENERAL]
    room.overwrites[default_world.LINUS] = Overwrite(default_world.LINUS, True, allow=MANAGE_MESSAGES)
    try:
        seen, post = await opened(stage, linus, one), await stage.scene.control.message(str(one.message_id))
        assert post is not None and "Unpublish" not in seen.buttons
        refused = await (await linus.press(post, "Unpublish")).reply()
        assert refused.ephemeral and "can unpublish it" in refused.text
    finally:
        del room.overwrites[default_world.LINUS]
    art = world.channels[default_world.ART]
    art.overwrites[default_world.LINUS] = Overwrite(default_world.LINUS, True, allow=MANAGE_MESSAGES)
    try:
        post = await stage.scene.control.message(str(one.message_id))
        assert post is not None
        assert "no longer published" in (await (await remove(linus, post, "Unpublish")).reply()).text
    finally:
        del art.overwrites[default_world.LINUS]


FORGED = (
    "like",
    "usesame",
    "keeppub",
    "remixpub",
    "rppublished",
    "unlike",
    "unpublish",
    "unpublishnow",
)  # each followed by a publication
GONE = "no longer in the gallery"


async def test_forged_buttons_reach_no_picture_of_another_server(stage: Stage) -> None:
    bats, ada = stage.bats, stage.scene.ada
    liked = await stage.bot.likes.like(bats.id, ADA)
    for where in ("tea-table", "dm"):
        for name in FORGED:
            assert GONE in (await stage.scene.forged(ada, f"{name}:{bats.id}", where)).text, (name, where)
        refused = await stage.scene.forged(ada, f"feature:1:publication:{bats.id}", where)
        assert GONE in refused.text or "only its staff can do this" in refused.text
        for name in ("pubpicture", "pubconfirm"):
            asked = await stage.scene.forged(ada, f"{name}:{bats.job_id}:0:{ART}:1", where)
            assert "only in a server that the bot has joined" in asked.text, (where, name)
    found = await stage.easel.db.one(FIND_PUBLICATION, bats.id)
    assert found is not None and (found.state, found.likes) == (bats.state, liked.likes)
    if liked.changed:
        await stage.bot.likes.unlike(bats.id, ADA)


async def test_forged_buttons_publish_nothing_of_others_and_nowhere_else(stage: Stage) -> None:
    job = await stage.job(stage.scene.ada, "a red roof")
    for name in ("pubpicture", "pubprompt", "pubconfirm"):
        assert (
            "Only the picture's author can publish it"
            in (await stage.scene.forged(stage.linus, f"{name}:{job.id}:0:{ART}:1")).text
        )
        for channel in (default_world.GENERAL, default_world.TEA_TABLE):
            refused = await stage.scene.forged(stage.scene.ada, f"{name}:{job.id}:0:{channel}:1")
            assert "is no longer an art channel, so the picture was not published" in refused.text, (name, channel)
    assert (
        "Only the picture's author can publish it" in (await stage.scene.forged(stage.linus, f"publish:{job.id}")).text
    )
    assert await stage.easel.db.all(PUBLICATIONS_OF_JOB, job.id) == []


async def test_forged_buttons_reach_no_hidden_picture(stage: Stage) -> None:
    one = await stage.publish(await stage.job(stage.scene.ada, "a green door", lora1="Bat"))
    margaret = stage.scene.control.person("Margaret")
    assert await stage.easel.db.run(HIDE_JOB, delete_at=now_ms() + 60_000, id=one.job_id)
    await stage.bot.publishing.settle()
    hidden = await stage.easel.db.one(FIND_PUBLICATION, one.id)
    assert hidden is not None and hidden.hidden
    for name in ("like", "usesame", "keeppub", "remixpub", "rppublished"):
        assert GONE in (await stage.scene.forged(stage.linus, f"{name}:{one.id}")).text, name
    assert GONE in (await stage.scene.forged(margaret, f"feature:1:publication:{one.id}")).text
    assert "can unpublish it" in (await stage.scene.forged(stage.linus, f"unpublish:{one.id}")).text
    await stage.easel.db.one(UNDO_DELETION, id=one.job_id, now=now_ms())
    await stage.bot.publishing.settle()
    back = await stage.easel.db.one(FIND_PUBLICATION, one.id)
    assert back is not None and (back.state, back.likes) == (one.state, 0)
    assert await stage.easel.db.one(FIND_FEATURE, server=WORKSHOP, kind=FeatureKind.PUBLICATION, target=one.id) is None
