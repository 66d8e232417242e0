"""Persistent buttons and select menus: all their state is in the custom_id, so they work after a restart."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, cast, dataclass_transform

import discord
from discord import ui

from bot import background
from bot.database.jobs.jobs import FIND_JOB, Job, note_opened
from bot.errors.missing import NothingThere
from bot.errors.rights import NotYours
from bot.i18n import _, speak
from bot.servers.rights import Action
from bot.ui.access import enter, require_open
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.views.custom_ids import CustomId, Id, is_discord_id, is_id

if TYPE_CHECKING:
    Button = ui.Button[Any]

else:
    Button = ui.Button

ItemT = TypeVar("ItemT", bound=ui.Item[Any])

MAX_LABEL = 80  # characters on a button; Discord's limit
MENU = 25  # options of a select menu; Discord's limit
_NEVER = r"(?!)"  # the template of base classes: it matches no custom_id


@dataclass_transform(eq_default=False)
class PersistentItem(ui.DynamicItem[ItemT], Generic[ItemT], template=_NEVER):
    """A component with state in its custom_id, whose errors become replies. Subclasses define `handle`.

    The custom_id consists of the `prefix` and the values of the annotated fields, in their order. The module
    `custom_ids` lists the possible annotations. Defining a subclass with a prefix registers it, so components of
    messages sent before a restart keep working.
    """

    registered: ClassVar[list[type[PersistentItem[Any]]]] = []

    prefix: ClassVar[str] = ""
    custom_ids: ClassVar[CustomId]
    sends_message: ClassVar[bool] = False  # whether `handle` replies with a new public message
    opens_modal: ClassVar[bool] = False  # whether `handle` may open a form
    command: ClassVar[str] = ""  # the slash command that does the same; a server that closes it closes the component
    action: ClassVar[Action | None] = Action.USE  # right checked before `handle`; None: no check, even if blocked

    def __init_subclass__(cls, *, prefix: str = "", template: str = _NEVER) -> None:
        dataclass(eq=False, repr=False)(cls)
        if prefix:
            cls.prefix, cls.custom_ids = prefix, CustomId(prefix, cls)
            template = cls.custom_ids.template
            PersistentItem.registered.append(cls)
        super().__init_subclass__(template=template)

    def __post_init__(self) -> None:
        super().__init__(self.component(self.custom_ids.write(self)))

    @abstractmethod
    def component(self, custom_id: str) -> ItemT:
        """Discord's component with this custom_id."""

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The component of a matched custom_id. Raises ValueError or LookupError for invalid values."""
        return cls(**cls.custom_ids.read(match))

    @classmethod
    def from_text(cls, custom_id: str) -> Self | None:
        """Parse a custom_id. Returns None if it belongs to another class or is invalid."""
        match = cls.__discord_ui_compiled_template__.fullmatch(custom_id)
        try:
            return match and cls.from_match(match)
        except (ValueError, LookupError):
            return None

    @property
    def place(self) -> int | None:
        """Server whose rights are checked; None: the server of the interaction."""
        return None

    @property
    def checked_command(self) -> str:
        """The slash command that does the same, where it depends on the custom_id."""
        return self.command

    @classmethod
    async def from_custom_id(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls, interaction: Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Recreate the component from the custom_id that Discord sends."""
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
        await enter(interaction, self.checked_command, self.action, self.place)
        await self.handle(interaction)

    @abstractmethod
    async def handle(self, interaction: Interaction) -> None:
        """Do what the button or the chosen option is for."""


class UnknownItem(PersistentItem[ui.Item[Any]], template=r"(?s:.*)"):
    """A component whose custom_id has invalid values: a forged one."""

    def __init__(self, item: ui.Item[Any]) -> None:
        ui.DynamicItem.__init__(self, item)  # pyright: ignore[reportUnknownMemberType]

    def component(self, custom_id: str) -> ui.Item[Any]:
        """Never called: Discord's component is given."""
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


class PersistentButton(PersistentItem[Button]):
    """A button."""

    label: ClassVar[str] = ""  # marked by `later`, translated when the button is made
    style: ClassVar[discord.ButtonStyle] = discord.ButtonStyle.secondary

    def component(self, custom_id: str) -> Button:
        """Discord's button."""
        return ui.Button(label=self.text()[:MAX_LABEL], style=self.style, custom_id=custom_id)

    def text(self) -> str:
        """What stands on it, where that depends on the custom_id."""
        return _(self.label)

    def labelled(self, text: str, *, style: discord.ButtonStyle | None = None, disabled: bool = False) -> Self:
        """The same button with this text on it."""
        self.item.label, self.item.style, self.item.disabled = text[:MAX_LABEL], style or self.style, disabled
        return self


class PersistentMenu(PersistentItem[ui.Item[Any]]):
    """A select menu: of options, or of what Discord lists, such as roles."""

    kind: ClassVar[Callable[..., ui.Item[Any]]] = ui.Select

    def __post_init__(self) -> None:
        super().__post_init__()
        self._chosen: list[str] = []

    def component(self, custom_id: str) -> ui.Item[Any]:
        """Discord's menu, without options."""
        return type(self).kind(custom_id=custom_id)

    def offering(
        self, options: Iterable[discord.SelectOption] | None = None, placeholder: str = "", **more: Any
    ) -> Self:
        """The same menu with the first 25 of these options; `more` is what the constructor of its kind takes."""
        given = {} if options is None else {"options": list(options)[:MENU]}
        self.item = type(self).kind(custom_id=self.custom_id, placeholder=placeholder or None, **given, **more)
        return self

    async def callback(self, interaction: Interaction) -> None:
        """Take what was chosen, and run `handle`."""
        data = cast("dict[str, Any]", interaction.data or {})
        self._chosen = [str(value) for value in data.get("values", ())]
        await super().callback(interaction)

    @property
    def values(self) -> list[str]:
        """The values of the chosen options, ids as text. They are untrusted input."""
        return self._chosen

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

    @property
    def discord_ids(self) -> tuple[int, ...]:
        """The chosen ids of Discord, perhaps none. Raises NothingThere for what is none."""
        if not all(map(is_discord_id, self.values)):
            raise outdated_error()
        return tuple(map(int, self.values))


class JobButton(PersistentButton):
    """A button about one job."""

    in_message_of_job: ClassVar[bool] = True  # False: also in messages about several jobs or about something else

    job_id: Id

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
