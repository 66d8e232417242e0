"""Every command is used and everything that can be pressed is pressed, in both languages, with the longest of inputs.

The commands are those that Discord lists. What is sent on the way is held against Discord's limits when the scene is
closed, and every control that the bot registers must have been among what was pressed.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image

from bot.config import CheckpointSettings, Settings
from bot.database.bookmarks.bookmarks import add_bookmark
from bot.database.gallery.features import FeatureKind
from bot.database.gallery.publications import Publication
from bot.database.jobs.jobs import FIND_JOB
from bot.database.servers.settings import ArtChannel
from bot.i18n import _, speaking
from bot.servers.context import ActionContext
from bot.sources.updates import Updates
from bot.ui.bot import EaselBot
from bot.ui.guide.chapters import CHAPTERS
from bot.ui.views.persistent_items import PersistentItem
from playground import default_world, permissions
from playground.component_shapes import walk
from playground.control import Person
from playground.visible_message import VisibleMessage
from tests.bot.sources.adding import demo_lora
from tests.bot.sources.hubs import Hubs, running_hubs
from tests.bot.sources.test_updates import a_day_later
from tests.discord import limits
from tests.discord.conftest import PATIENCE, Scene, asked, confirmed, menu, open_scene, told
from tests.discord.crawler import LONG, Crawler
from tests.house import BASES, PASTEL, VIVID, House
from tests.lora_files import write_sidecar

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAMES = ("🦉" * 100, ("ليلى في المكتبة " * 7)[:100], "*_`~|[x](https://evil.example) @everyone ".ljust(100, "W"))
LORAS = 30
BROKEN = "Something went wrong on our side, and we logged it. Please try again in a moment."


class FullHouse(House):
    """The longest names in everything; a menu's worth of checkpoints and more."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        for number in range(LORAS):
            name = f"{number:02}{NAMES[number % 3]}"[:100]
            path = self.add_lora(f"full{number}", None, seed=100 + number)
            write_sidecar(
                path,
                name=name,
                version=f"{number}".ljust(100, "W"),
                base_model=BASES[PASTEL if number % 5 == 4 else VIVID],
                category=("character", "style", "pose", "detail", "other")[number // 5 % 5],
                tags=[f"{tag}{NAMES[number % 3]}"[:100] for tag in range(20)],
                trigger_words=[f"{word:02}{NAMES[number % 3]}"[:100] for word in range(50)],
                recommended_weight=1.3,
                description=LONG[:4000],
                example_prompt=LONG[:300],
            )
            Image.new("RGB", (64, 64), (number * 8, 80, 120)).save(path.with_suffix(".png"))

    @property
    def settings(self) -> Settings:
        """The two checkpoints that can paint, and thirty that are only called something."""
        before = super().settings
        first = before.checkpoints[0]
        more = [
            CheckpointSettings(
                name=f"{number:02}".ljust(64, "W"),
                repository=f"nobody/{number}",
                base_model=BASES[VIVID] if number % 2 else "sdxl/pony",
                sizes=first.sizes,
            )
            for number in range(30)
        ]
        swift = [one.model_copy(update={"steps": 1}) for one in before.checkpoints]
        return before.model_copy(update={"checkpoints": (*swift, *more)})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hubs() -> AsyncIterator[Hubs]:
    async with running_hubs() as served:
        yield served


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory, hubs: Hubs) -> AsyncIterator[tuple[Scene, EaselBot]]:
    async with open_scene(FullHouse(tmp_path_factory.mktemp("full") / "house")) as scene:
        scene.changes = {"sources": hubs.settings}
        async with scene.opened() as (_, bot):
            yield scene, bot


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def full(running: tuple[Scene, EaselBot]) -> Scene:
    return running[0]


async def painted(scene: Scene, person: Person, **options: object) -> VisibleMessage:
    waiting = await told(person, "imagine", prompt=LONG[:4000], steps=1, **options)
    return await scene.control.wait_message(
        waiting.id, lambda seen: any(each.startswith("again:") for each in ids(seen)), PATIENCE
    )


async def furnished(scene: Scene, person: Person) -> list[VisibleMessage]:
    """Bookmarks with notes, a full studio, full stacks, pictures and refusals; gives what that leaves on the screen."""
    fitting = [choice["value"] for choice in await person.autocomplete("imagine", "lora1", "W", checkpoint=VIVID)]
    others = [choice["value"] for choice in await person.autocomplete("imagine", "lora1", "W", checkpoint=PASTEL)]
    for lora in (*fitting[:6], *others[:6]):
        await told(person, "bookmarks", add=lora, note=LONG[:1000])
    await told(person, "studio", checkpoint=VIVID)
    panel = [await told(person, "studio", add=lora) for lora in fitting[:5]][-1]
    opener = await person.press(panel, next(i for i in ids(panel) if i.startswith("stprompt:")))
    await opener.modal()
    await (await person.submit(opener, {"prompt": LONG[:4000]})).answered(PATIENCE)
    stacks = [await told(person, "stack save", name=f"{number}{NAMES[number % 3]}"[:60]) for number in range(6)]
    loras = {f"lora{number}": lora for number, lora in enumerate(fitting[:3], 1)}
    pictures = [await painted(scene, person, checkpoint=VIVID, **loras, count=4 - 3 * bool(n)) for n in range(6)]
    asked: dict[str, object] = {"prompt": LONG[:4000], "checkpoint": PASTEL}
    refused = [await told(person, "imagine", **asked, lora1=lora) for lora in fitting[:12:4]]
    refused += [
        await told(person, "imagine", **asked, **loras),
        await told(person, "imagine", **asked, stack=f"0{NAMES[0]}"[:60]),
    ]
    return [*pictures[:1], *refused, *stacks, await told(person, "lora info", name=fitting[0])]


async def publish_everything(scene: Scene, bot: EaselBot) -> list[VisibleMessage]:
    """Publish all pictures of Margaret's, and feature a picture and a LoRA; the last post."""
    server, art, margaret = (int(each) for each in (default_world.WORKSHOP, default_world.ART, default_world.MARGARET))
    staff = ActionContext(person_id=margaret, server_id=server, permissions=1 << 5, checked_by_discord=True)
    thread = ArtChannel(channel_id=int(default_world.THREAD), parent_id=art)
    channels = (ArtChannel(channel_id=art), thread)
    await bot.servers.administration.settings.change(staff, server, art_channels=channels)
    published = list[Publication]()
    sql = """
        SELECT job_id, position FROM picture JOIN job ON job.id = job_id
        WHERE job.person_id = ? AND NOT EXISTS (
            SELECT 1 FROM publication WHERE publication.job_id = job.id AND publication.position = picture.position
        ) ORDER BY job_id
    """
    for row in await bot.db.fetch(sql, (margaret,)):
        if job := await bot.db.one(FIND_JOB, row["job_id"]):
            published.append(await bot.publishing.publish(staff, job, row["position"], art, shows_prompt=True))
    assert len(published) > 6, "more than a page of the gallery"
    (version,) = await bot.db.fetch("SELECT lora_id FROM publication_lora JOIN lora_version USING (sha256) LIMIT 1")
    await bot.featuring.feature(staff, server, FeatureKind.PUBLICATION, published[0].id, "picture")
    await bot.featuring.feature(staff, server, FeatureKind.LORA, version["lora_id"], "LoRA")
    return [(await scene.control.messages("art"))[-1]]


async def publishing_question(scene: Scene, person: Person) -> VisibleMessage:
    """How one of several pictures is to be published, with every choice that there is."""
    picture = await painted(scene, person, checkpoint=VIVID, count=2)
    asked = await person.press(picture, next(each for each in ids(picture) if each.startswith("publish:")))
    return await asked.reply(PATIENCE)


def ids(message: VisibleMessage) -> list[str]:
    return [*message.selects, *(str(button.get("custom_id")) for button in message.buttons.values())]


async def opened(person: Person) -> list[VisibleMessage]:
    """What some options of commands show besides."""
    shown = [await told(person, "guide", chapter=chapter.key) for chapter in CHAPTERS]
    shown += [await told(person, "lora info", name=name) for name in ("00", "01", "04")]
    shown.append(await told(person, "bookmarks", search="🦉" * 30, sort="oldest", category="character"))
    return [*shown, await told(person, "lora browse", search=LONG[:80].strip(), tag=LONG[:40])]


async def compact(scene: Scene, person: Person) -> list[VisibleMessage]:
    """Market and bookmarks as lists of text, with more entries than a page holds."""
    shown = list[VisibleMessage]()
    for command in ("lora browse", "bookmarks"):
        page = await told(person, command, base="any")
        if not page.text.partition("\n1. ")[1]:  # the first choice holds for both
            form = await person.press(page, next(each for each in ids(page) if each.startswith("fl:")))
            await form.modal()
            await person.submit(form, {"compact": True})
            page = await scene.control.wait_message(page.id, lambda seen: "\n1. " in seen.text, PATIENCE)
        shown.append(page)
    return shown


async def question(person: Person) -> VisibleMessage:
    """Whether to paint without what does not fit."""
    panel = await told(person, "studio", checkpoint=PASTEL)
    asked = await (await person.press(panel, next(i for i in ids(panel) if i.startswith("stgenerate:")))).reply()
    await told(person, "studio", checkpoint=VIVID)
    return asked


async def waiting(person: Person) -> list[VisibleMessage]:
    """Two jobs, one of which waits."""
    long = {"prompt": LONG[:4000], "steps": 150, "count": 4}
    return [*[await told(person, "imagine", **long) for _time in range(2)], await told(person, "queue")]


async def use_lists_of_jobs(scene: Scene, person: Person) -> set[str]:
    """Press the buttons of the lists of jobs while there are some in them; their custom_ids."""
    for _time in range(2):
        await told(person, "imagine", prompt=LONG[:4000], steps=150, count=4)
    await (await person.press(await told(person, "queue"), "queue:cancel-all")).answered()
    await told(person, "imagine", prompt=LONG[:4000], steps=150, count=4)
    queue = await told(person, "queue")
    pressed = {"queue:cancel-all"}
    for wanted in ("pg:allqueue:0:", "queue:pause:1:", "queue:pause:0:", "queue:cancel-any:"):
        page = await scene.control.wait_message(queue.id, lambda seen, wanted=wanted: wanted in str(seen.components))
        custom_id = next(each for each in ids(page) if each.startswith(wanted))
        await (await person.press(page, custom_id)).answered()
        pressed.add(custom_id)
    return pressed


async def copy_a_posted_stack(person: Person) -> set[str]:
    """Share a stack, post its code and press the button for a copy, before the crawler deletes it; the custom_ids."""
    seen, pressed = await told(person, "stack share", name=f"1{NAMES[1]}"[:60]), set[str]()
    for wanted in ("skpost:", "skcopy:"):
        custom_id = next(each for each in ids(seen) if each.startswith(wanted))
        seen = await (await person.press(seen, custom_id)).reply(PATIENCE)
        pressed.add(custom_id)
    return pressed


async def undo_a_deletion(scene: Scene, person: Person) -> set[str]:
    """Keep a picture, delete it and bring it back with the button that stands in its place; the custom_ids."""
    await told(person, "settings", reset=True)  # she may have chosen to keep her pictures to herself
    picture = await painted(scene, person, checkpoint=VIVID)
    delete = next(each for each in ids(picture) if each.startswith("delete:"))
    first = await asked(person, picture, delete)
    pressed = set(ids(first))
    await person.press(first, "keepit")
    await scene.gone(first)
    await confirmed(person, await asked(person, picture, delete))
    hidden = await scene.control.wait_message(picture.id, lambda seen: "undelete:" in str(ids(seen)), PATIENCE)
    (undo,) = ids(hidden)
    await (await person.press(hidden, undo)).answered(PATIENCE)
    await scene.control.wait_message(picture.id, lambda seen: "delete:" in str(ids(seen)).replace(undo, ""), PATIENCE)
    return {*pressed, undo}


async def full_automod(scene: Scene, staff: Person) -> None:
    """AutoMod with as much as it takes, which the bot may read."""
    bits = permissions.EVERYBODY | permissions.MANAGE_GUILD
    await scene.control.post("role", {"guild": "Workshop", "role": default_world.BOT_ROLE, "permissions": bits})
    rules = [
        {
            "name": f"{number}{NAMES[number % 3]}"[:100],
            "keyword_filter": [f"{each:03}{LONG.replace('*', '')[number : number + 55]}*"[:60] for each in range(1000)],
            "regex_patterns": [f"a(?={LONG[each : each + 200]})" for each in range(10)],
        }
        for number in range(6)
    ]
    preset = {"name": NAMES[0][:100], "trigger_type": 4, "presets": [1]}
    await staff.set_automod(*rules, preset)


async def run_the_server(scene: Scene, crawler: Crawler, locale: str) -> None:
    """Use the panel of a server with a blocked person, a blocked LoRA and two proposals in it; then allow all again."""
    margaret, grace = crawler.person, scene.grace  # Grace is staff and no operator
    (lora, *_more) = await grace.autocomplete("imagine", "lora1", "W", checkpoint=VIVID)
    page = await told(grace, "lora info", name=lora["value"])
    for number in range(2):
        opener = await grace.press(page, next(each for each in ids(page) if each.startswith("propose:")))
        base = (await opener.modal())["components"][1]["component"]["options"][number]["value"]
        await (await grace.submit(opener, {"base": [base], "reason": LONG[:500]})).answered(PATIENCE)
    crawler.pressed.add(next(each for each in ids(page) if each.startswith("propose:")))
    server, channel = f"Harbour {locale}", f"pier-{locale.lower()}"
    await scene.control.new_server(server, "Grace", channel)
    await scene.control.add_bot(server)
    greeting = await scene.control.wait_in_channel(channel, lambda seen: bool(seen.buttons), PATIENCE)
    (setup,) = ids(greeting)
    await (await grace.press(greeting, setup)).reply(PATIENCE)
    crawler.pressed.add(setup)

    async def opened_at(section: str, *choice: str) -> VisibleMessage:
        """A panel of its own, so that the crawler finds the controls of each section in one."""
        page = await told(margaret, "server")
        page = await (await margaret.select(page, menu(page, "svsection"), section)).reply(PATIENCE)
        return await (await margaret.select(page, menu(page, choice[0]), choice[1])).reply(PATIENCE) if choice else page

    blocks = await opened_at("blocks")
    opener = await margaret.select(blocks, menu(blocks, "svblockwho"), "Kai")
    await opener.modal()
    await (await margaret.submit(opener, {"reason": LONG[:500]})).reply(PATIENCE)
    loras = await opened_at("blocks")
    loras = await (await margaret.press(loras, list(loras.buttons)[-1])).reply(PATIENCE)
    lists = await opened_at("words")
    add = next(each for each in ids(lists) if each.startswith("svwordadd:"))
    opener = await margaret.press(lists, add)
    await opener.modal()
    crawler.pressed.add(add)
    listed = {"name": NAMES[2][:40], "words": "\n".join(f"zorble{n}" for n in range(300)), "patterns": "zor+ble"}
    unusable = "\n".join(["f*g", *(f"zorble{n:03}" for n in range(350))])[:4000]
    refused = await (await margaret.submit(opener, listed | {"words": unusable})).reply(PATIENCE)
    correct = next(each for each in ids(refused) if each.startswith("svwordagain:"))
    opener = await margaret.press(refused, correct)
    await opener.modal()
    crawler.pressed.add(correct)
    words = await (await margaret.submit(opener, listed)).reply(PATIENCE)
    edit = next(each for each in ids(words) if each.startswith("svwordedit:"))
    opener = await margaret.press(words, edit)
    await opener.modal()
    await (await margaret.submit(opener, {"exceptions": "zorble fish"})).reply(PATIENCE)
    crawler.pressed.add(edit)
    await full_automod(scene, grace)
    page = await opened_at("words")
    page = await (await margaret.press(page, next(each for each in ids(page) if each.endswith(".automod")))).reply()
    keep = next(each for each in ids(page) if each.startswith("svautomod:"))
    await (await margaret.press(page, keep)).reply(PATIENCE)
    crawler.pressed.add(keep)
    await decide_reports(scene, crawler, lambda: opened_at("reports"))
    panels = [
        await opened_at(each)
        for each in (
            "places",
            "art",
            "ratings",
            "words",
            "people",
            "limits",
            "blocks",
            "reports",
            "proposals",
            "audit",
            "home",
        )
    ]
    panels += [await opened_at("limits", "svholder", each) for each in ("everybody", "newcomers")]
    await crawler.crawl(*panels, loras, words)
    crawler.pressed |= await delete_a_list(margaret, await opened_at("words"), edit.rpartition(".")[2])
    blocks = await opened_at("blocks")
    unblock = next(each for each in ids(blocks) if each.startswith("svunblock:"))
    await (await margaret.press(blocks, unblock)).reply(PATIENCE)
    crawler.pressed.add(unblock)
    usual = {
        "places": ("svmodel", "svmodels", "svkinds", "svchannels", "svspoilers"),
        "people": ("svpaint", "svqueue", "svloras", "svstaff"),
    }
    usual["ratings"] = ("svopen", "svunrated")
    first = {"svmodel": ["-"], "svopen": ["teen"], "svunrated": ["general"]}
    for section, menus in usual.items():
        page = await opened_at(section)
        for name in menus:
            page = await (await margaret.select(page, menu(page, name), *first.get(name, []))).reply(PATIENCE)


async def delete_a_list(staff: Person, lists: VisibleMessage, list_id: str) -> set[str]:
    """Delete a list of words after the question; the custom_ids."""
    seen, pressed = lists, set[str]()
    for wanted in ("pg", "svworddel", "svwordgone"):
        every = [str(part.get("custom_id")) for part in walk(seen.components)]  # several have the label *Open*
        custom_id = next(each for each in every if re.fullmatch(rf"{wanted}:words:0:\d+[.]{list_id}", each))
        seen = await (await staff.press(seen, custom_id)).reply(PATIENCE)
        pressed.add(custom_id)
    return pressed


async def decide_reports(full: Scene, crawler: Crawler, section: Callable[[], Awaitable[VisibleMessage]]) -> None:
    """Let Grace report pictures of the crawler's person, who decides each in another way, appeals, and answers."""
    grace, margaret = full.grace, crawler.person
    await told(margaret, "settings", reset=True)  # she may have chosen to keep her pictures to herself
    pictures = [await painted(full, margaret, checkpoint=VIVID) for _number in range(5)]
    for picture, reason in zip(pictures, ["sexual_and_looks_like_a_minor", *["something_else"] * 4], strict=True):
        opener = await grace.message_command("Report", picture)
        await opener.modal()
        form = {"reason": [reason], "note": LONG[:500]}
        await (await grace.submit(opener, form)).reply(PATIENCE)
    for _number in range(5):  # a decision each; that Margaret blocks herself is refused, and decides nothing
        page = await section()
        opener = next(each for each in ids(page) if each.startswith("svcase:"))
        crawler.pressed.add(opener)
        await crawler.crawl(await (await margaret.press(page, opener)).reply(PATIENCE))
    for answer in ("rpuphold", "rpreverse"):
        notice = next(
            seen
            for seen in reversed(await margaret.messages("dm"))
            if any(each.startswith("appeal:") and each not in crawler.pressed for each in ids(seen))
        )
        (button,) = ids(notice)
        opener = await margaret.press(notice, button)
        await opener.modal()
        await (await margaret.submit(opener, {"text": LONG[:1000]})).reply(PATIENCE)
        page = await section()
        case = await (await margaret.press(page, next(each for each in ids(page) if each.startswith("svcase:")))).reply(
            PATIENCE
        )
        pressed = next(each for each in ids(case) if each.startswith(answer))
        await (await margaret.press(case, pressed)).reply(PATIENCE)
        crawler.pressed |= {button, pressed}


async def ask_staff(full: Scene, bot: EaselBot, crawler: Crawler) -> None:
    """Ask staff to allow long phrases in long prompts: one is allowed, and one question dismissed."""
    server, person = int(default_world.WORKSHOP), crawler.person
    staff = ActionContext(
        person_id=int(default_world.MARGARET), server_id=server, permissions=1 << 5, checked_by_discord=True
    )
    room = int(default_world.STAFF_ROOM)
    allowed = permissions.VIEW_CHANNEL | permissions.SEND_MESSAGES
    await full.control.set_channel("staff-room", overwrite=default_world.APPLICATION_ID, allow=allowed)
    await bot.servers.administration.settings.change(staff, server, reports_channel=room)
    for button in ("phallow:", "phdismiss:"):
        refusal = await told(person, "imagine", prompt=f"{LONG[:3500]}, nude {NAMES[1]} *nude*")
        (ask,) = ids(refusal)
        await (await person.press(refusal, ask)).reply(PATIENCE)
        question = (await full.control.messages("staff-room", "Margaret"))[-1]
        pressed = next(each for each in ids(question) if each.startswith(button))
        opener = await person.press(question, pressed)
        if button == "phallow:":
            await opener.modal()
            opener = await person.submit(opener, {"phrase": f"nude {'W' * 94}"})
        await opener.reply(PATIENCE)
        crawler.pressed |= {ask, pressed}
    await bot.servers.administration.settings.change(staff, server, reports_channel=None)


async def find_newer_versions(bot: EaselBot, hubs: Hubs, crawler: Crawler) -> None:
    """A day later hubs have a newer version of what was added, and say otherwise how it may be used."""
    margaret, db = crawler.person, bot.db
    for row in await db.fetch("SELECT lora_id FROM lora_version JOIN hub_look USING (sha256)"):
        await add_bookmark(db, int(default_world.MARGARET), row["lora_id"])
    for model_id, model in list(hubs.models.items()):
        model |= {"allowNoCredit": True, "allowCommercialUse": [], "poi": False}
        hubs.add_version(model_id, demo_lora(seed=500 + len(hubs.blobs)), "Other", name=LONG)
    await a_day_later(db)
    additions = bot.additions
    await Updates(db, bot.configuration, additions.civitai, additions.hugging_face).look()
    listed = await told(margaret, "bookmarks")
    crawler.pressed.add("newerlist")
    shown = await (await margaret.press(listed, "newerlist")).reply(PATIENCE)
    add = next(each for each in ids(shown) if each.startswith("newer:"))
    await (await margaret.press(shown, add)).answered(PATIENCE)
    crawler.pressed.add(add)
    sql = "SELECT name FROM lora WHERE id = (SELECT lora_id FROM lora_version JOIN hub_look USING (sha256) LIMIT 1)"
    (row,) = await db.fetch(sql)
    await told(margaret, "lora info", name=row["name"])


async def add_a_lora(full: Scene, hubs: Hubs, crawler: Crawler) -> None:
    """Let the crawler's person add a LoRA whose page says as much as it may, once cancelled and once to its end."""
    margaret, name = crawler.person, f"{len(hubs.models)} {NAMES[1]}"[:100]
    model_id = hubs.add_model(name, description=LONG, tags=[f"{n}{NAMES[0]}" for n in range(60)], minor=True)
    words = [f"{n}{LONG}" for n in range(60)]
    version_id = hubs.add_version(model_id, demo_lora(seed=len(hubs.models)), "Other", trainedWords=words, name=LONG)
    hubs.paused.clear()
    begun = await told(margaret, "lora add", link=hubs.link(version_id))
    (stop,) = ids(begun)
    await (await margaret.press(begun, stop)).answered(PATIENCE)
    crawler.pressed.add(stop)
    hubs.paused.set()
    begun = await told(margaret, "lora add", link=hubs.link(version_id))
    page = await full.control.wait_message(
        begun.id, lambda seen: any(each.startswith("addis:") for each in ids(seen)), PATIENCE
    )
    await crawler.crawl(page)
    for number in range(30):
        hubs.add_version(model_id, demo_lora(seed=900 + number), "Other", name=f"{number}{NAMES[number % 3]}"[:100])
    choice = await told(margaret, "lora add", link=f"https://civitai.com/models/{model_id}")
    (chosen,) = choice.selects
    value = choice.selects[chosen]["options"][0]["value"]
    await (await margaret.select(choice, chosen, value)).messages(1, PATIENCE)
    crawler.pressed.add(chosen)
    other = demo_lora(seed=100 + len(hubs.models))
    asked = hubs.link(hubs.add_lora(f"linked {name}"[:100], other, "Other"))
    offer = await told(margaret, "imagine", prompt=f"a house {asked}")
    (add,) = ids(offer)
    (begun,) = await (await margaret.press(offer, add)).messages(1, PATIENCE)
    page = await full.control.wait_message(
        begun.id, lambda seen: any(each.startswith("addpaint:") for each in ids(seen)), PATIENCE
    )
    crawler.pressed.add(add)
    await crawler.crawl(page)


@pytest.mark.parametrize("locale", ["en-US", "ja"])
async def test_every_message_is_within_the_limits_and_every_item_works(
    running: tuple[Scene, EaselBot], hubs: Hubs, locale: str
) -> None:
    full, bot = running
    margaret = full.control.person("Margaret")  # an operator and staff, so that nothing is hidden from her
    await full.control.set_person("Margaret", locale=locale)
    crawler = Crawler(margaret)
    left = [*await furnished(full, margaret), await question(margaret)]
    left += await publish_everything(full, bot)
    await crawler.crawl(await publishing_question(full, margaret))
    crawler.pressed |= await copy_a_posted_stack(margaret)
    await crawler.use_commands(left[0])
    await crawler.crawl(*await opened(margaret), *left)
    market, bookmarks = await compact(full, margaret)
    removing = menu(bookmarks, "bmm")  # before the crawler leaves the list for a bookmark
    await (await margaret.select(bookmarks, removing, bookmarks.selects[removing]["options"][0]["value"])).answered()
    crawler.pressed.add(removing)
    await crawler.crawl(market, bookmarks)
    await crawler.crawl(*await waiting(margaret))
    for _time in range(2):  # one of them was cancelled by its button
        await told(margaret, "cancel")
    crawler.pressed |= await use_lists_of_jobs(full, margaret)
    crawler.pressed |= await undo_a_deletion(full, margaret)
    newcomer = full.control.person("Linus")  # only who has no bookmarks is led to the market
    page = await (await newcomer.slash("bookmarks")).reply()
    await (await newcomer.press(page, "Market")).answered()
    crawler.pressed.add("market")
    await add_a_lora(full, hubs, crawler)
    await find_newer_versions(bot, hubs, crawler)
    await ask_staff(full, bot, crawler)
    await run_the_server(full, crawler, locale)
    last = await asked(margaret, await told(margaret, "privacy delete"), "privacy-delete")
    crawler.pressed |= {"privacy-delete", *ids(last)}
    await confirmed(margaret, last)
    with speaking(locale):
        done = _("**All your data was deleted** on {time}").partition("{")[0]
        await full.control.wait_message(last.id, lambda seen: done in seen.text, PATIENCE)
        dead = [(custom_id, text) for custom_id, text in crawler.answers if _(BROKEN) in text]
    assert not dead, dead
    assert {"/lora info", "/imagine", "Use this picture…"} <= crawler.used, "else some commands would not be found"
    never = {
        kind.__name__
        for kind in PersistentItem.registered
        if not any(_means(kind, custom_id) for custom_id in crawler.pressed)
    }
    assert never == set(), f"never pressed: {never} of {len(PersistentItem.registered)} kinds"
    most, longest = limits.fullest(full.playground.exchanges)
    assert most > 36 and longest > 2000, "else this would not come near the limits"


def _means(kind: type, custom_id: str) -> bool:
    return re.fullmatch(kind.__discord_ui_compiled_template__, custom_id) is not None  # type: ignore[attr-defined]
