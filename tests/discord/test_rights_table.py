"""Who may do what: every command, button, menu and form is tried by everybody everywhere.

The test makes its table itself: what is registered is found, and what is expected follows from `bot.servers.rights`
for the action that an item declares. OWN_DOORS names the items that check more than that. Nothing is painted: the queue
is paused. Where an item has no door of its own, the ids in its custom_id are of nothing that there is.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import new_class
from typing import Annotated, Any

import hypothesis
import pytest
import pytest_asyncio
from discord import AppCommandType
from hypothesis import strategies as st

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.jobs.orders import PersonBlock
from bot.database.loras.catalogue import find_lora, find_lora_by_name
from bot.database.people.studio import FIND_STUDIO
from bot.database.privacy.deletions import HIDE_JOB
from bot.database.servers.settings import ServerSettings
from bot.errors.blocks import Blocked, PersonBlocked, PersonBlockedEverywhere
from bot.errors.rights import (
    AddingForManagers,
    AddingForOperators,
    AddingForRoles,
    ChannelNotAllowed,
    CommandClosed,
    NoMember,
    NotInServer,
    NotOperator,
    NotStaff,
    NotYours,
    RightsUnknown,
    RoleNeeded,
)
from bot.i18n import speaking
from bot.servers.context import ActionContext
from bot.servers.rights import Action, CommandAccess, ServerRules, why_not
from bot.ui.bot import EaselBot, load_features
from bot.ui.client import Interaction
from bot.ui.guide.answers import GuideLink
from bot.ui.interactions.acknowledge import open_modal
from bot.ui.interactions.replies import error_message, send_ephemeral_text
from bot.ui.views.additions.links import ChooseLoraMenu
from bot.ui.views.additions.offer import AddLinkedButton
from bot.ui.views.browse import BrowseForm, BrowseMenu
from bot.ui.views.custom_ids import number_of
from bot.ui.views.forms import LEFT_OUT, Form
from bot.ui.views.gallery.feature_buttons import FeatureButton
from bot.ui.views.guide import GuideLinkButton, PaintOneButton, QuestionMenu
from bot.ui.views.jobs.progress import CancelButton
from bot.ui.views.jobs.queue import (
    ALL_QUEUE,
    AnyJobCancelButton,
    OwnJobCancelButton,
    PauseButton,
)
from bot.ui.views.list_page import GoToPageForm, ListButton, ListPage, ListRef, TurnPageButton
from bot.ui.views.loras.base_model_declaration import DeclareButton, DeclareForm, ProposeButton, ProposeForm
from bot.ui.views.loras.content_rating import ContentRatingButton
from bot.ui.views.loras.newer_versions import AddNewerButton
from bot.ui.views.loras.page import AddedCategoryButton
from bot.ui.views.people.privacy import ConfirmDeletingAllButton
from bot.ui.views.persistent_items import PersistentButton, PersistentItem, PersistentMenu
from bot.ui.views.reports.case import CaseButton, DecisionForm
from bot.ui.views.results.deleted import UndoDeletionButton
from bot.ui.views.results.details import USE_PICTURE
from bot.ui.views.results.result import ConfirmDeletionButton, DeleteButton
from bot.ui.views.servers.blocks import BlockThisLoraButton, BlockThisLoraForm
from bot.ui.views.servers.joining import SetUpButton
from bot.ui.views.servers.panel import PanelButton, PanelForm, PanelMenu, PanelPage, PanelSection
from bot.ui.views.servers.phrase_question import AllowPhraseForm, QuestionButton
from bot.ui.views.servers.proposals import DecideButton
from bot.ui.views.status import RefreshStatusButton, ReloadButton
from inference.errors import RequestError
from inference.queue.policy import EVERYWHERE
from playground import default_world, permissions
from playground.component_shapes import text_of
from playground.control import ControlError, SentInteraction
from playground.models import Message
from playground.recorder import Exchange
from playground.visible_message import VisibleMessage
from playground.wire import Json, MessageFlag
from tests.discord.conftest import PATIENCE, PROMPT, Scene, open_scene, told
from tests.discord.test_private import leaves
from tests.house import VIVID, House

pytestmark = pytest.mark.asyncio(loop_scope="module")

load_features()

WORKSHOP, TEA_ROOM = int(default_world.WORKSHOP), int(default_world.TEA_ROOM)
ARTISTS, STAFF = int(default_world.ARTIST_ROLE), int(default_world.STAFF_ROLE)
OPERATOR = int(default_world.LINUS)
MESSAGE, MODAL = 4, 9  # first answers to an interaction
BUTTON, SELECT = 2, 3  # components
GIVEN = {"prompt": PROMPT, "lora": "Bat", "code": "2222-2222", "name": "Bat", "to": "Evening too"}  # required options
DOORS = (
    AddingForManagers, AddingForOperators, AddingForRoles, ChannelNotAllowed, CommandClosed, NoMember,
    NotInServer, NotOperator, NotStaff, NotYours, PersonBlocked,
    PersonBlockedEverywhere, RightsUnknown, RoleNeeded,
)  # fmt: skip
PAST_THE_DOOR = "past the door"
BLOCK = PersonBlock(reason="spam", ends_at=None)
SETTINGS = {WORKSHOP: ServerSettings(staff_roles=(ARTISTS,))}


@dataclass(frozen=True)
class Actor:
    """Somebody somewhere. `context` is what the test knows of them, whatever the bot thinks."""

    name: str
    channel: str
    context: ActionContext
    block_here: PersonBlock | None = None
    block_everywhere: PersonBlock | None = None
    moderates: bool = False

    @property
    def uses_commands(self) -> bool:
        """Whether Discord lets the person use any command in this channel."""
        held = self.context.permissions & permissions.USE_APPLICATION_COMMANDS
        return self.context.server_id is None or bool(held)

    def why_not(
        self, action: Action | None, server_id: int | None = None, *, command: str = "", shut: bool = False
    ) -> RequestError | None:
        """What `bot.servers.rights` says, where Discord has `shut` the command or has not."""
        place = self.context.place if server_id is None else server_id
        context = self.context.model_copy(update={"command": command})
        access = CommandAccess.OPEN if self.uses_commands and not shut else CommandAccess.CLOSED
        if action is None:
            return None
        rules = ServerRules(
            place,
            settings=SETTINGS.get(place, ServerSettings()),
            operators=(OPERATOR,),
            block_here=self.block_here if place == WORKSHOP else None,
            block_everywhere=self.block_everywhere,
            access=access,
        )
        return why_not(action, context, rules, now_ms())

    def may(self, action: Action, server_id: int | None = None) -> bool:
        return self.why_not(action, server_id) is None

    @property
    def is_operator(self) -> bool:
        return self.context.person_id == OPERATOR


# --- what is tried ------------------------------------------------------------------------------------------------

Allowed = Callable[[Actor], bool]


def _in_the_queue(action: Action) -> Allowed:
    """An operator sees the queue of all servers, others that of the server where they are."""
    return lambda actor: actor.may(action, EVERYWHERE if actor.is_operator else None)


def _takes_down(actor: Actor) -> bool:
    """A picture of somebody else in the Workshop: its staff, and who may delete anybody's messages there."""
    moderates = actor.moderates and actor.context.place == WORKSHOP and actor.may(Action.USE)
    return moderates or actor.may(Action.TAKE_DOWN, WORKSHOP)


def _cancels(actor: Actor) -> bool:
    return actor.may(Action.CANCEL_ANY, WORKSHOP)


def _uses_server_command(actor: Actor) -> bool:
    """Discord offers /server to staff; where the bot is no member, no server's settings hold."""
    here = actor.context.server_id is not None and actor.context.bot_in_server
    return actor.may(Action.CONFIGURE) if here else True


# Items with a door behind the one of their action: who may pass that one too. The job is Grace's, in the Workshop.
OWN_DOORS: Mapping[type, Allowed] = {
    AnyJobCancelButton: lambda actor: _cancels(actor) and _in_the_queue(Action.SEE_QUEUE)(actor),
    OwnJobCancelButton: _cancels,
    CancelButton: _cancels,
    DeleteButton: _takes_down,
    ConfirmDeletionButton: _takes_down,
    UndoDeletionButton: lambda actor: False,  # what Grace deleted, she alone brings back
    RefreshStatusButton: lambda actor: actor.may(Action.SEE_STATUS),
    ReloadButton: lambda actor: actor.may(Action.RELOAD),
    PaintOneButton: lambda actor: actor.may(Action.PAINT),
    AddLinkedButton: lambda actor: actor.may(Action.ADD_LORA),
    ChooseLoraMenu: lambda actor: actor.may(Action.ADD_LORA),
    AddNewerButton: lambda actor: actor.may(Action.ADD_LORA),
    AddedCategoryButton: lambda _: False,  # nobody added this one
    DeclareButton: lambda actor: actor.may(Action.DECIDE_BASE_MODEL),
    DeclareForm: lambda actor: actor.may(Action.DECIDE_BASE_MODEL),
    ContentRatingButton: lambda actor: actor.may(Action.RATE_LORA),
    ProposeButton: lambda actor: actor.may(Action.PROPOSE_BASE_MODEL),
    ProposeForm: lambda actor: actor.may(Action.PROPOSE_BASE_MODEL),
    SetUpButton: lambda actor: not isinstance(actor.why_not(Action.CONFIGURE, WORKSHOP), Blocked),  # others are told
    BlockThisLoraButton: lambda actor: actor.may(Action.BLOCK, WORKSHOP),
    FeatureButton: lambda actor: actor.may(Action.FEATURE),
    DecideButton: lambda actor: actor.may(Action.DECIDE_BASE_MODEL, EVERYWHERE),
    PanelButton: lambda actor: actor.may(Action.CONFIGURE, WORKSHOP),
    PanelMenu: lambda actor: actor.may(Action.CONFIGURE, WORKSHOP),
    PanelForm: _uses_server_command,
    CaseButton: lambda actor: actor.may(Action.MODERATE, WORKSHOP),
    QuestionButton: lambda actor: actor.may(Action.CONFIGURE, WORKSHOP),
    DecisionForm: _uses_server_command,
    AllowPhraseForm: _uses_server_command,
    BlockThisLoraForm: _uses_server_command,
}


def own_door(kind: type) -> Allowed:
    """Who may pass the door behind that of the action, by the nearest class that has one."""
    return next((OWN_DOORS[each] for each in kind.__mro__ if each in OWN_DOORS), lambda actor: True)


PAUSES: Mapping[int, Allowed] = {
    scope: lambda actor, scope=scope: actor.may(Action.PAUSE_QUEUE, scope) and _in_the_queue(Action.SEE_QUEUE)(actor)
    for scope in (EVERYWHERE, WORKSHOP)
}
COMMANDS: Mapping[str, Allowed] = {
    "imagine": lambda actor: actor.may(Action.PAINT),
    "server": lambda actor: actor.may(Action.CONFIGURE),
    "status": lambda actor: actor.may(Action.SEE_STATUS),
    "reload": lambda actor: actor.may(Action.RELOAD),
}


@dataclass(frozen=True)
class Door:
    """An item or a form of this custom_id, and who may pass beyond what its action says."""

    kind: type[PersistentItem[Any]] | type[Form]
    custom_id: str
    command: str
    passes: Allowed = lambda actor: True

    @property
    def name(self) -> str:
        return f"{self.kind.__name__} ({self.custom_id})"


def simplest(templates: Sequence[re.Pattern[str]]) -> tuple[str, ...]:
    """The simplest text that fits each template."""
    found = list[tuple[str, ...]]()
    fitting = (st.from_regex(each, fullmatch=True, alphabet=st.characters(codec="ascii")) for each in templates)

    @hypothesis.settings(max_examples=1, database=None, deadline=None, phases=(hypothesis.Phase.generate,))
    @hypothesis.given(st.tuples(*fitting))
    def collect(texts: tuple[str, ...]) -> None:
        found.append(texts)

    collect()
    return found[0]


def door(kind: type[PersistentItem[Any]], custom_id: str) -> Door:
    match = template_of(kind).fullmatch(custom_id)
    assert match is not None
    try:
        item = kind.from_match(match)
    except (ValueError, LookupError) as problem:
        pytest.fail(f"say in `find_doors` which custom_id means a {kind.__name__}: {custom_id!r} does not ({problem})")
    passes = PAUSES[item.scope] if isinstance(item, PauseButton) else own_door(kind)
    if isinstance(item, TurnPageButton) and item.at == ALL_QUEUE:
        passes = _in_the_queue(Action.SEE_QUEUE)
    if (section := section_of(item)) is not None:
        opens = own_door(DecideButton if section.for_operators else PanelButton)
        passes = opens if isinstance(item, TurnPageButton) else own_door(PanelForm)
    return Door(kind, custom_id, item.checked_command, passes)


def section_of(item: PersistentItem[Any]) -> PanelSection[Any] | None:
    """The section of the panel whose list the item turns or changes."""
    at = getattr(item, "at", None)
    return at.list if isinstance(at, ListRef) and isinstance(at.list, PanelSection) else None


def template_of(kind: type[PersistentItem[Any]]) -> re.Pattern[str]:
    return kind.__discord_ui_compiled_template__


class ProbeButton(PersistentButton, prefix="probe"):
    """Opens a form for whoever presses."""

    label = "…"
    action = None

    number: Annotated[int, number_of(3)]

    async def handle(self, interaction: Interaction) -> None:
        await open_modal(interaction, FORMS[self.number](interaction.id))


PersistentItem.registered.remove(ProbeButton)  # until a test of this module runs

A_LIST = ListRef("mk")  # of a form that changes a list
FORMS: list[Callable[[int], Form]] = []  # each makes a form for the interaction that opens it


def probe_of(kind: type[Form]) -> Callable[[int], Form]:
    """A form of this kind without its fields, which says when somebody is past its door."""

    def init(self: Form, opening: int) -> None:
        left_out = {each.name: LEFT_OUT for each in self.declared()}
        vars(self)["_at"] = A_LIST
        Form.__init__(self, "Probe", opening, above=kind.__name__, **left_out)

    return new_class(
        f"Probe{kind.__name__}", (kind,), {}, lambda body: body.update(__init__=init, submitted=past_the_door)
    )


async def past_the_door(_item: object, interaction: Interaction) -> None:
    await send_ephemeral_text(interaction, PAST_THE_DOOR)


def kinds_of_form(kind: type[Form] = Form) -> Iterator[type[Form]]:
    """Every form that is defined."""
    for inner in kind.__subclasses__():
        if inner.__module__.startswith("bot."):
            yield inner
            yield from kinds_of_form(inner)


@pytest.fixture(scope="module", autouse=True)
def registries() -> Iterator[None]:
    """The bot knows the probes while this module runs."""
    items = list(PersistentItem.registered)
    PersistentItem.registered.append(ProbeButton)
    yield
    PersistentItem.registered[:] = items


# --- where it is tried --------------------------------------------------------------------------------------------


@dataclass
class Table:
    """The bot in two servers and not in a third; and what tries its doors."""

    scene: Scene
    bot: EaselBot
    actors: list[Actor] = field(default_factory=list[Actor])
    doors: list[Door] = field(default_factory=list[Door])
    forms: list[Door] = field(default_factory=list[Door])

    def actor(self, name: str, channel: str, **facts: Any) -> Actor:
        """Somebody who is a member where the channel is, as the playground's world has them."""
        world = self.scene.playground.world
        (user,) = (user for user in world.users.values() if user.global_name == name)
        place = world.dm(user.id) if channel == "dm" else next(c for c in world.channels.values() if c.name == channel)
        member = world.member(place.guild_id, user.id)
        context = ActionContext(
            person_id=int(user.id),
            server_id=None if place.guild_id is None else int(place.guild_id),
            channel_id=int(place.id),
            parent_ids=frozenset() if place.parent_id is None else frozenset({int(place.parent_id)}),
            role_ids=frozenset(map(int, member.roles)) if member else frozenset(),
            permissions=world.permissions(place, user.id) if place.guild_id else 0,
            bot_in_server=place.guild_id is None or world.bot_id in world.guilds[place.guild_id].members,
        )
        moderates = bool(context.permissions & permissions.MANAGE_MESSAGES)
        return Actor(name, channel, context, moderates=moderates, **facts)

    async def press(self, actor: Actor, door: Door) -> SentInteraction:
        """Use the item in a message of the bot that holds nothing else."""
        world = self.scene.playground.world
        part: Json = {"type": BUTTON, "style": 2, "label": "…", "disabled": False}
        if issubclass(door.kind, PersistentMenu):
            part = {"type": SELECT, "min_values": 1, "max_values": 1, "disabled": False}
            part["options"] = [{"label": "x", "value": "x"}]
        part |= {"custom_id": door.custom_id, "id": 2}
        channel = str(actor.context.channel_id)
        row: Json = {"type": 1, "id": 1, "components": [part]}
        flags = MessageFlag.COMPONENTS_V2
        carrier = Message(world.ids.new(), channel, world.bot_id, world.clock.now(), components=[row], flags=flags)
        world.keep(carrier)
        person, shown = self.scene.control.person(actor.name), VisibleMessage({"id": carrier.id})
        if part["type"] == SELECT:
            return await person.select(shown, door.custom_id, "x")
        return await person.press(shown, door.custom_id)

    async def answer(self, sent: SentInteraction, *, twice: bool = False) -> str:
        """The text of the bot's answer; "" for one that is a form or a changed message.

        `twice`: a changed message is followed by what was wrong.
        """
        world, changes = self.scene.playground.world, self.scene.playground.changes
        interaction = world.interactions[sent.interaction_id]
        source = world.messages.get(interaction.source_message_id or "")

        def text() -> str | None:
            shown = [world.messages.get(one) for one in interaction.message_ids]
            ready = [one for one in shown if one is not None and not one.has(MessageFlag.LOADING)]
            if ready:
                return text_of(ready[-1].components)
            edited = source is not None and not twice and (source.revision or source.id not in world.messages)
            return "" if edited or interaction.modal is not None else None

        async with asyncio.timeout(PATIENCE):
            while (found := text()) is None:
                await changes.wait(changes.version, PATIENCE)
        return found

    async def submit(self, actor: Actor, form: Door) -> str:
        """Open the form whatever the actor may, submit it, and say what the bot answers."""
        number = int(form.custom_id.partition(":")[2])
        opener = await self.press(actor, Door(ProbeButton, f"probe:{number}", ""))
        await self.answer(opener)
        modal = await opener.modal(PATIENCE)
        values: Json = {"base": ["sdxl/base"], "reason": "tried"} if "reason" in str(modal["components"]) else {}
        return await self.answer(await self.scene.control.person(actor.name).submit(opener, values))


async def furnish(table: Table) -> None:
    """People, servers, and one job of Grace's in the Workshop, which was cancelled."""
    scene, bot = table.scene, table.bot
    control = scene.control
    await control.add_bot("Tea Room")
    await control.new_server("Garden", "Kai", "lawn")
    await control.set_member("Ada", "Garden")
    await control.set_roles("Ada", [])
    for name, roles in (("Nora", []), ("Rosa", ["Artists"]), ("Bob", []), ("Max", ["Staff"]), ("Mo", []), ("Zed", [])):
        await control.new_person(name)
        await control.set_roles(name, roles)
    for name in ("Mo", "Bob"):
        await control.set_channel("general", overwrite=name, allow=permissions.MANAGE_MESSAGES)
    await control.set_channel("general", overwrite="Nora", deny=permissions.USE_APPLICATION_COMMANDS)
    linus = table.actor("Linus", "general")
    administration = bot.servers.administration
    await administration.settings.change(linus.context, WORKSHOP, staff_roles=(ARTISTS,))
    await bot.jobs.pause(EVERYWHERE, OPERATOR)
    blocked_here, blocked_everywhere = {"block_here": BLOCK}, {"block_everywhere": BLOCK}
    table.actors = [
        linus,
        table.actor("Margaret", "general"),
        table.actor("Rosa", "general"),
        table.actor("Ada", "general"),
        table.actor("Mo", "general"),
        table.actor("Nora", "general"),
        table.actor("Bob", "general", **blocked_here),
        table.actor("Max", "general", **blocked_here),
        table.actor("Kai", "tea-table"),
        table.actor("Kai", "lawn"),
        table.actor("Ada", "lawn"),
        table.actor("Ada", "dm"),
        table.actor("Bob", "dm", **blocked_here),
        table.actor("Linus", "dm"),
        table.actor("Zed", "dm", **blocked_everywhere),
        table.actor("Zed", "general", **blocked_everywhere),
    ]
    for who in (table.actor("Bob", "general"), table.actor("Max", "general")):
        await administration.blocks.block_person(linus.context, WORKSHOP, who.context.person_id, reason="spam")
    zed = table.actor("Zed", "dm").context.person_id
    await administration.blocks.block_person(linus.context, EVERYWHERE, zed, reason="spam")


def first_page(key: str) -> ListRef:
    """The first page of a list; of a section of the panel, that about the Workshop."""
    return PanelPage.of(WORKSHOP, key) if isinstance(ListPage.registered[key], PanelSection) else ListRef(key)


async def find_doors(table: Table) -> None:
    """All items and forms that are registered."""
    db = table.bot.db
    waiting = await told(table.scene.grace, "imagine", prompt=PROMPT)
    job = str(waiting.buttons["Cancel"]["custom_id"]).partition(":")[2]
    await table.bot.jobs.cancel(int(job))
    waiting = await told(table.scene.grace, "imagine", prompt=PROMPT)
    deleted = str(waiting.buttons["Cancel"]["custom_id"]).partition(":")[2]
    await table.bot.jobs.cancel(int(deleted))
    await db.run(HIDE_JOB, delete_at=now_ms() + 3_600_000, id=int(deleted))
    mystery = await find_lora_by_name(db, "Mystery")
    assert mystery is not None
    named: dict[type, list[str]] = {
        AnyJobCancelButton: [f"queue:cancel-any:{job}:0"],
        OwnJobCancelButton: [f"queue:cancel-own:{job}:0"],
        CancelButton: [f"cancel:{job}"],
        DeleteButton: [f"delete:{job}"],
        ConfirmDeletionButton: [f"deletenow:{job}"],
        UndoDeletionButton: [f"undelete:{deleted}"],
        DeclareButton: [f"decl:{mystery.id}"],
        ProposeButton: [f"propose:{mystery.id}"],
        SetUpButton: [f"svsetup:{WORKSHOP}"],
        AddLinkedButton: ["addlink:1:0"],
        AddedCategoryButton: [f"addis:{mystery.id}:style"],
        AddNewerButton: [f"newer:{'e' * 64}"],
        BlockThisLoraButton: [f"svblockthis:{WORKSHOP}:{mystery.id}"],
        QuestionMenu: ["guide:ask:goal"],
        GuideLinkButton: [f"guide:open:{link}:" for link in GuideLink],
        PauseButton: [f"queue:pause:1:{scope}" for scope in PAUSES],
    }
    for kind in PersistentItem.registered:
        if issubclass(kind, CaseButton | QuestionButton):
            named[kind] = [f"{kind.prefix}:{WORKSHOP}:1"]
        if issubclass(kind, PanelButton | PanelMenu):
            others = ":1" * (len(kind.custom_ids.parts) - 1)
            named[kind] = [f"{kind.prefix}:{PanelPage.of(WORKSHOP)}{others}"]
        if "at" in kind.custom_ids.parts and kind not in named:
            others = ":1" * (len(kind.custom_ids.parts) - 1)
            lists = ListPage.registered if issubclass(kind, ListButton | BrowseMenu) else ("mk",)
            named[kind] = [f"{kind.prefix}{others}:{first_page(key)}" for key in lists]
    kinds = [kind for kind in PersistentItem.registered if kind is not ProbeButton]
    for kind, custom_id in zip(kinds, simplest([template_of(kind) for kind in kinds]), strict=True):
        for each in named.get(kind) or [custom_id]:
            table.doors.append(door(kind, each))
    FORMS.clear()
    table.forms.clear()
    installed = list(table.bot.configuration.checkpoints.base_models)
    lora = await find_lora(db, mystery.id)
    assert lora is not None
    whole: dict[type[Form], Callable[[int], Form]] = {
        DeclareForm: lambda opening: DeclareForm(lora, installed, opening),
        ProposeForm: lambda opening: ProposeForm(lora, installed, opening),
    }
    for kind in dict.fromkeys(kinds_of_form()):
        command = A_LIST.list.command if issubclass(kind, BrowseForm | GoToPageForm) else kind.command
        table.forms.append(Door(kind, f"probe:{len(FORMS)}", command, own_door(kind)))
        FORMS.append(whole.get(kind) or probe_of(kind))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def table(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Table]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "bot.ui.interactions.acknowledge.DEFER_SECONDS", PATIENCE
        )  # so that the first answer is the handler's
        patch.setattr(ConfirmDeletingAllButton, "handle", past_the_door)  # so that nobody's data goes
        async with open_scene(House(tmp_path_factory.mktemp("table") / "house")) as scene:
            scene.operators = (default_world.LINUS,)
            async with scene.opened() as (_easel, bot):
                table = Table(scene, bot)
                await furnish(table)
                await find_doors(table)
                yield table


def closed(text: str) -> bool:
    """Whether an answer is that of a closed door."""
    sentences = (kind.template().partition("{")[0] for kind in DOORS)
    return any(text.startswith(sentence) for sentence in sentences)


def judged(actor: Actor, name: str, text: str, refusal: RequestError | None, passes: bool) -> list[str]:
    """One line if the door was open or closed against what is expected."""
    with speaking("en-US"):
        expected = None if refusal is None else error_message(refusal)
    if expected is not None:
        return [] if text == expected else [f"{actor.name} in {actor.channel}: {name} says {text!r}, not {expected!r}"]
    if closed(text) == passes:
        return [f"{actor.name} in {actor.channel}: {name} is {'closed' if passes else 'open'} and says {text!r}"]
    return []


async def all_of(table: Table, tries: Callable[[Table, Actor], Awaitable[list[str]]]) -> str:
    """What is not as expected, one line for each door; everybody tries at the same time."""
    found = await asyncio.gather(*(tries(table, actor) for actor in table.actors))
    return "\n".join(line for lines in found for line in lines)


def changes_server(each: Door) -> bool:
    """Whether it changes what the others may: those for whom it is open use it in test_server.py."""
    return issubclass(each.kind, PanelMenu | PanelButton)


async def try_items(table: Table, actor: Actor) -> list[str]:
    wrong: list[str] = []
    for each in table.doors:
        if changes_server(each) and each.passes(actor):
            continue
        twice = issubclass(each.kind, OwnJobCancelButton)  # the list is shown anew, whatever became of the job
        text = await table.answer(await table.press(actor, each), twice=twice)
        usable = actor.why_not(None if each.kind.action is None else Action.USE, command=each.command)
        wrong += judged(actor, each.name, text, usable, each.passes(actor))
    return wrong


async def try_forms(table: Table, actor: Actor) -> list[str]:
    wrong: list[str] = []
    for each in table.forms:
        text = await table.submit(actor, each)
        wrong += judged(
            actor, each.name, text, actor.why_not(each.kind.action, command=each.command), each.passes(actor)
        )
    return wrong


async def try_commands(table: Table, actor: Actor) -> list[str]:
    wrong: list[str] = []
    person, channel = table.scene.control.person(actor.name), actor.channel
    bodies = [command.body for command in table.scene.playground.world.commands.values()]
    needed = {body["name"]: int(body.get("default_member_permissions") or 0) for body in bodies}
    actions = {each.qualified_name: each.extras.get("action", Action.USE) for each in table.bot.tree.walk_commands()}
    for name, options in leaves(bodies):
        root, given = name.partition(" ")[0], {o["name"]: GIVEN[o["name"]] for o in options if o.get("required")}
        offered = actor.context.server_id is None or actor.context.permissions & needed[root] == needed[root]
        offered = offered and actor.uses_commands
        try:
            text = await table.answer(await person.slash(name, in_=channel, **given))
        except ControlError as refused:
            wrong += [f"{actor.name} in {channel}: {refused}"] if offered else []
            continue
        passes = COMMANDS.get(name, lambda actor: True)(actor)
        wrong += [] if offered else [f"{actor.name} in {channel}: /{name} is offered"]
        wrong += judged(actor, f"/{name}", text, actor.why_not(actions[name]), passes)
    post = await posted(table, actor)
    if not actor.uses_commands:
        return wrong
    for menu in table.bot.tree.get_commands(type=AppCommandType.message):
        text = await table.answer(await person.message_command(menu.name, post))
        wrong += judged(actor, menu.name, text, actor.why_not(Action.USE), passes=True)
    return wrong


async def posted(table: Table, actor: Actor) -> VisibleMessage:
    """A message without anything in it, in the actor's channel."""
    world = table.scene.playground.world
    message = Message(world.ids.new(), str(actor.context.channel_id), world.bot_id, world.clock.now(), content="…")
    world.keep(message)
    return VisibleMessage({"id": message.id})


async def test_every_item_is_open_to_those_and_to_nobody_else(table: Table) -> None:
    assert len(table.doors) >= len(PersistentItem.registered) - 1 and len(table.actors) == 16
    assert await all_of(table, try_items) == ""


async def test_every_form_is_checked_when_it_is_submitted(table: Table) -> None:
    assert len(table.forms) > 15
    assert await all_of(table, try_forms) == ""


async def test_every_command_and_menu_is_open_to_those_and_to_nobody_else(table: Table) -> None:
    assert await all_of(table, try_commands) == ""


async def test_every_item_names_a_command_that_there_is(table: Table) -> None:
    there = {command.name for command in table.bot.tree.get_commands()}
    there |= {command.name for command in table.bot.tree.get_commands(type=AppCommandType.message)}
    nameless = {each.kind.__name__ for each in table.doors if each.command not in there}
    assert not nameless, "whose command a server may close"


# --- a server's own settings for commands ---------------------------------------------------------------------------

# What a button does is what its command does, wherever it stands.
SAME = {
    "guide:open:market:": "lora",
    "guide:open:bookmarks:": "bookmarks",
    "guide:open:studio:": "studio",
    "guide:paint": "imagine",
    "use:0": "imagine",
    "mark:1:1:mk:0:": "bookmarks",
    "bmu:1:1:mk:0:": "bookmarks",
    "take:0:0": "studio",
    "edit:0": "studio",
    "stsweep:0:": "sweep",
    "ststack:0:": "stack",
    "again:0": "imagine",
    "pg:mk:0:": "lora",
    "pg:bm:0:": "bookmarks",
}
SHUT = ("imagine", "lora", "studio", USE_PICTURE)


async def shut(table: Table, allowed: bool | None) -> None:
    """Close some commands for who has the role Artists; with None nothing is set any more."""
    for command in SHUT:
        await table.scene.grace.set_command_permissions(command, {} if allowed is None else {"Artists": allowed})


async def through_the_gate(table: Table, actor: Actor, *, shut: bool) -> list[str]:
    """What is not as expected of the items and forms, where SHUT may be closed for the actor."""
    wrong: list[str] = []
    for each in (*table.doors, *table.forms):
        has_own_door = not OWN_DOORS.keys().isdisjoint(each.kind.__mro__) or each.kind is PauseButton
        if has_own_door or each.command == "server":
            continue
        refusal = actor.why_not(each.kind.action, command=each.command, shut=shut and each.command in SHUT)
        is_form = issubclass(each.kind, Form)
        text = await (table.submit(actor, each) if is_form else table.press(actor, each))
        wrong += judged(actor, each.name, text if isinstance(text, str) else await table.answer(text), refusal, True)
    return wrong


async def test_what_a_server_closes_is_closed_for_buttons_too_until_it_opens_it(table: Table) -> None:
    assert {each.custom_id: each.command for each in table.doors if each.custom_id in SAME} == SAME
    rosa, ada = table.actor("Rosa", "general"), table.actor("Ada", "general")
    await shut(table, allowed=False)
    offered = {command["name"] for command in await table.scene.control.person("Rosa").commands()}
    assert not offered & set(SHUT) and "guide" in offered, "Discord itself closes the commands"
    assert not await through_the_gate(table, rosa, shut=True)
    paints = door(PaintOneButton, "guide:paint")
    assert not closed(await table.answer(await table.press(ada, paints))), "who has not the role"
    assert "/imagine" in await table.answer(await table.press(rosa, paints))
    sweep = await table.scene.control.person("Rosa").slash("sweep", lora="Bat", prompt=PROMPT)
    assert "/imagine" in await table.answer(sweep), "what paints is closed by whatever way"
    before = table.scene.playground.exchanges[-1].number
    await shut(table, allowed=None)
    assert not await through_the_gate(table, rosa, shut=False)
    assert len(lookups(table, before)) == 1, "once, when Discord tells that it has changed"


def lookups(table: Table, after: int) -> list[Exchange]:
    """Those after the exchange of this number; only the newest are kept."""
    exchanges = [each for each in table.scene.playground.exchanges if each.number > after]
    return [each for each in exchanges if each.path.endswith("/commands/permissions")]


# --- what paints ----------------------------------------------------------------------------------------------------


async def test_nothing_is_ordered_where_or_by_whom_it_may_not(table: Table) -> None:
    """By command, button and form, in a channel, its thread and another channel; nobody else is left outside."""
    control, db = table.scene.control, table.bot.db
    administration, linus = table.bot.servers.administration, table.actor("Linus", "general")
    chosen = {"channels": (int(default_world.GENERAL),), "paint_roles": (ARTISTS,)}
    await administration.settings.change(linus.context, WORKSHOP, **chosen)
    try:
        for name in ("Ada", "Rosa", "Linus"):
            person = control.person(name)
            await (await person.slash("bookmarks", add="Bat")).reply(PATIENCE)
            await (await person.slash("studio", add="Bat", checkpoint=VIVID)).reply(PATIENCE)
            form = await table.press(table.actor(name, "general"), Door(PersistentButton, "stprompt:0:", ""))
            await table.answer(form)
            await table.answer(await person.submit(form, {"prompt": PROMPT}))
            for channel in ("general", "art", "Sketches"):
                before = await ordered(db)
                texts = await try_to_paint(table, name, channel)
                allowed = "**Queued**" if channel == "general" else "You cannot generate pictures"
                refusal = "In this server, only members with certain roles" if name == "Ada" else allowed
                wrong = {way: text for way, text in texts.items() if not text.startswith(refusal)}
                assert not wrong, f"{name} in {channel}: not {refusal!r}"
                assert await ordered(db) - before == (len(texts) if refusal == "**Queued**" else 0)
    finally:
        await administration.settings.change(linus.context, WORKSHOP, channels=(), paint_roles=None)


async def ordered(db: Database) -> int:
    (row,) = await db.fetch("SELECT count(*) AS number FROM job")
    return int(row["number"])


async def try_to_paint(table: Table, name: str, channel: str) -> dict[str, str]:
    """The answer by each way."""
    person, actor = table.scene.control.person(name), table.actor(name, channel)
    bat = await find_lora_by_name(table.bot.db, "Bat")
    assert bat is not None
    revision = (await table.bot.db.one(FIND_STUDIO, actor.context.person_id)).revision
    sent = {
        "/imagine": await person.slash("imagine", in_=channel, prompt=PROMPT),
        "/sweep": await person.slash("sweep", in_=channel, lora="Bat", prompt=PROMPT, checkpoint=VIVID),
    }
    for custom_id in ("guide:paint", f"stgenerate:{revision}:", f"stcompare:{revision}:"):
        sent[custom_id] = await table.press(actor, Door(PersistentButton, custom_id, ""))
    forms: dict[str, Json] = {f"use:{bat.id}": {"prompt": PROMPT}, f"stsweep:{revision}:{bat.id}": {}}
    for custom_id, values in forms.items():
        opener = await table.press(actor, Door(PersistentButton, custom_id, ""))
        assert not await table.answer(opener)
        sent[custom_id] = await person.submit(opener, values)
    texts = {way: await table.answer(each) for way, each in sent.items()}
    await table.answer(await table.press(actor, Door(PersistentButton, "queue:cancel-all", "")))
    return texts
