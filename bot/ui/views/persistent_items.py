"""Persistent buttons and select menus: all their state is in the custom_id, so they work after a restart."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, cast

import discord
from discord import ui

from bot import background
from bot.database.jobs.jobs import FIND_JOB, Job, note_opened
from bot.errors.missing import NothingThere
from bot.errors.rights import NotYours
from bot.i18n import _, speak
from bot.i18n.texts import bounded_lines, clipped, plain
from bot.servers.rights import Action
from bot.ui.access import enter, require_open
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.interactions.replies import ErrorWithView, error_message
from inference.errors import RequestError

if TYPE_CHECKING:
    Button = ui.Button[Any]
    Select = ui.Select[Any]

else:
    Button, Select = ui.Button, ui.Select

ItemT = TypeVar("ItemT", bound=ui.Item[Any])

MAX_DISCORD_ID = 2**63  # above all of Discord's ids, which have 19 digits; ours have at most 18
MAX_ID_DIGITS = 18
MAX_TYPED = 1500  # characters of refused entries that the reply repeats
MAX_TITLE = 45  # characters; Discord's limit
MODAL_SECONDS = 1800.0  # a modal that is neither sent nor closed times out after this
NO_CUSTOM_ID = r"(?!)"  # the template of abstract items: it matches no custom_id


class PersistentItem(ui.DynamicItem[ItemT], Generic[ItemT], template=NO_CUSTOM_ID):
    """A component matched by custom_id, whose errors become replies. Subclasses define `from_match` and `handle`.

    Defining a subclass with a template registers it, so items of messages sent before a restart keep working.
    `sends_message`: it replies with a new public message. `opens_modal`: it may open a modal. `command` is the slash
    command that does the same: where a server has closed that, the item is closed too. `action` is what is checked
    before `handle`; None: everybody may, also who is blocked. `server_id` is the server that the action is about; None:
    that where the person is.
    """

    registered: ClassVar[list[type[PersistentItem[Any]]]] = []

    sends_message: ClassVar[bool] = False
    opens_modal: ClassVar[bool] = False
    command: str = ""
    action: ClassVar[Action | None] = Action.USE
    server_id: int | None = None

    def __init_subclass__(cls, *, template: str, registered: bool = True, **options: Any) -> None:
        super().__init_subclass__(template=template, **options)
        if registered and template != NO_CUSTOM_ID:
            PersistentItem.registered.append(cls)

    @classmethod
    @abstractmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The item of a matched custom_id. Raises ValueError or LookupError for values that mean nothing."""

    @classmethod
    async def from_custom_id(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls, interaction: Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Recreate the item from the custom_id that Discord sends."""
        speak(interaction.locale.value)
        try:
            return cls.from_match(match)
        except (ValueError, LookupError):
            return cast("Self", UnknownItem(item))

    async def callback(self, interaction: Interaction) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Run `handle`; `bot.ui.interactions.replies` turns what it raises into a reply."""
        speak(interaction.locale.value)
        acknowledge.schedule(interaction, thinking=self.sends_message, private=False, opens_modal=self.opens_modal)
        await background.guard(
            self._checked(interaction),
            "a button",
            lambda error: interaction.client.reply_with_error(interaction, error),
        )

    async def _checked(self, interaction: Interaction) -> None:
        await enter(interaction, self.command, self.action, self.server_id)
        await self.handle(interaction)

    @abstractmethod
    async def handle(self, interaction: Interaction) -> None:
        """Do what the button or the chosen option is for."""


class UnknownItem(PersistentItem[ui.Item[Any]], template=r"(?s:.*)", registered=False):
    """An item whose custom_id matches a template but has invalid values: a forged one."""

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """Never called: the item is made by `from_custom_id`."""
        raise NotImplementedError

    async def handle(self, interaction: Interaction) -> None:
        """Raises NothingThere, which tells the person to open the page again."""
        raise outdated_error()


def job_gone() -> NothingThere:
    """The error for a job that is not in the database any more."""
    return NothingThere(what=_("This picture is no longer in the database."))


def outdated_error() -> NothingThere:
    """The error for an item that Easel does not know."""
    return NothingThere(what=_("This page is outdated. Please open it again."))


class PersistentButton(PersistentItem[Button], template=NO_CUSTOM_ID):
    """A button."""


class PersistentSelect(PersistentItem[Select], template=NO_CUSTOM_ID):
    """A select menu of strings; `values` are the chosen ones."""

    @property
    def values(self) -> list[str]:
        """The values of the chosen options. They are untrusted input."""
        return self.item.values

    @property
    def value(self) -> str:
        """The value of the only chosen option: untrusted input too. Raises NothingThere unless it is one."""
        if len(self.values) != 1:
            raise outdated_error()
        return self.values[0]

    @property
    def ids(self) -> list[int]:
        """The values of the chosen options as ids of ours, at least one. Raises NothingThere for what is none."""
        if not self.values or not all(map(is_id, self.values)):
            raise outdated_error()
        return [int(value) for value in self.values]


def is_id(value: str) -> bool:
    """Whether a chosen value, which is untrusted input, is an id of ours."""
    return value.isdecimal() and len(value) <= MAX_ID_DIGITS


def is_discord_id(value: str) -> bool:
    """Whether a text, which is untrusted input, is an id of Discord's."""
    return value.isascii() and value.isdecimal() and 0 < int(value) < MAX_DISCORD_ID


def discord_id(digits: str) -> int:
    """The id of Discord's in a custom_id; 0 is nobody's. Raises ValueError for a greater number than there are."""
    found = int(digits)
    if found >= MAX_DISCORD_ID:
        raise ValueError(digits)
    return found


class RefusedEntries(ErrorWithView):
    """A modal that was refused, with what was typed into it: Discord shows that no more."""

    def __init__(self, problem: RequestError, typed: Sequence[str]) -> None:
        super().__init__(str(problem))
        self._lines = [error_message(problem), _("You wrote:"), *bounded_lines(typed, MAX_TYPED)]

    def view(self) -> ui.LayoutView:
        """The sentence and the entries."""
        view = ui.LayoutView(timeout=None)
        view.add_item(ui.TextDisplay[Any]("\n".join(self._lines)))
        return view


class ModalForm(ui.Modal):
    """A modal that replies with its errors. Subclasses define `submitted`.

    The custom_id is `key` and the id of the opening interaction, so two people can have the same modal open.
    """

    sends_message: ClassVar[bool] = True  # the reply is a new message
    private: ClassVar[bool] = False  # the new message is ephemeral
    command: str = ""  # the slash command that does the same
    action: ClassVar[Action | None] = Action.USE  # what is checked before `submitted`, as in PersistentItem

    def __init__(self, title: str, key: str, opening: int) -> None:
        super().__init__(title=title[:MAX_TITLE], custom_id=f"{key}:{opening}", timeout=MODAL_SECONDS)

    async def on_submit(self, interaction: Interaction) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Run `submitted`; `bot.ui.interactions.replies` turns what it raises into a reply."""
        speak(interaction.locale.value)
        acknowledge.schedule(interaction, thinking=self.sends_message, private=self.private)
        await background.guard(
            self._checked(interaction),
            "a modal",
            lambda error: interaction.client.reply_with_error(interaction, error),
        )

    async def _checked(self, interaction: Interaction) -> None:
        await enter(interaction, self.command, self.action)
        try:
            await self.submitted(interaction)
        except RequestError as problem:
            if typed := self._typed(error_message(problem)):
                raise RefusedEntries(problem, typed) from problem
            raise

    def _typed(self, told: str) -> list[str]:
        """What was typed and would be lost, by field: without values that were there before or that `told` names."""
        labels = [item for item in self.children if isinstance(item, ui.Label)]
        fields = [(each.text, each.component) for each in labels if isinstance(each.component, ui.TextInput)]
        return [
            f"> {text}: {clipped(field.value, MAX_TYPED)}"
            for text, field in fields
            if field.value.strip() and field.value != field.default and plain(field.value) not in told
        ]

    @abstractmethod
    async def submitted(self, interaction: Interaction) -> None:
        """Handle the submitted values."""


class JobButton(PersistentButton, template=NO_CUSTOM_ID):
    """A button about one job, with the custom_id `NAME:JOB`."""

    name: ClassVar[str] = ""
    in_message_of_job: ClassVar[bool] = True  # False: also in messages about several jobs or about something else
    label: ClassVar[str] = ""  # marked by `later`, translated when the button is made
    style: ClassVar[discord.ButtonStyle] = discord.ButtonStyle.secondary

    def __init__(self, job_id: int) -> None:
        self.job_id = job_id
        super().__init__(ui.Button(label=_(self.label), style=self.style, custom_id=f"{self.name}:{job_id}"))

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls(int(match["job"]))

    async def job(self, interaction: Interaction) -> Job:
        """The job that the button is about. Raises NothingThere."""
        job = await interaction.client.db.one(FIND_JOB, self.job_id)
        if job is None:
            raise job_gone()
        await note_opened(interaction.client.db, job)
        return job

    async def open_job(self, interaction: Interaction) -> Job:
        """The job, if it may be painted from here. Raises NothingThere or TakenDown."""
        job = await self.job(interaction)
        await require_open(interaction, job)
        return job

    async def own_job(self, interaction: Interaction, instead: str) -> Job:
        """The job, if the person owns it. Raises NotYours, which says what to do `instead`."""
        job = await self.job(interaction)
        if job.person_id != interaction.user.id:
            raise NotYours(instead=instead)
        return job
