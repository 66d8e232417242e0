"""Buttons and menus that live on after a restart: everything a press needs stands in the custom_id."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, cast

import discord
from discord import ui

from bot import background
from bot.database.jobs import Job, find_job
from bot.errors import NothingThere, NotYours
from bot.i18n import _, speak
from bot.ui import acknowledge
from bot.ui.client import Interaction

if TYPE_CHECKING:
    import re

    Button = ui.Button[Any]
    Select = ui.Select[Any]

else:
    Button, Select = ui.Button, ui.Select

ItemT = TypeVar("ItemT", bound=ui.Item[Any])

MAX_DISCORD_ID = 2**63  # above all of Discord's ids, which have 19 digits; ours have at most 18
MAX_TITLE = 45  # characters; Discord's limit
MODAL_SECONDS = 1800.0  # a modal that nobody sends or closes is forgotten after this
NO_CUSTOM_ID = r"(?!)"  # a pattern that nothing matches: these are never found by an id of their own


class PersistentItem(ui.DynamicItem[ItemT], Generic[ItemT], template=NO_CUSTOM_ID):
    """Something to press or choose from whose errors are told to the person. Subclasses write `read` and `handle`.

    Defining a subclass with a template registers it, so that buttons of messages from before a start are alive.
    `posts` says that it orders a picture, which comes as a new message for everybody; `asks` that it may open a form.
    """

    registered: ClassVar[list[type[PersistentItem[Any]]]] = []

    posts: ClassVar[bool] = False
    asks: ClassVar[bool] = False

    def __init_subclass__(cls, *, template: str, registered: bool = True, **options: Any) -> None:
        super().__init_subclass__(template=template, **options)
        if registered and template != NO_CUSTOM_ID:
            PersistentItem.registered.append(cls)

    @classmethod
    @abstractmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The item that this custom_id means. Raises ValueError or LookupError for one that means nothing."""

    @classmethod
    async def from_custom_id(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls, interaction: Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the item anew from what Discord sends back."""
        speak(interaction.locale.value)
        try:
            return cls.from_match(match)
        except (ValueError, LookupError):
            return cast("Self", UnknownItem(item))

    async def callback(self, interaction: Interaction) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Do what it says; what goes wrong is told by the table in `bot.ui.replies`."""
        speak(interaction.locale.value)
        acknowledge.in_time(interaction, thinking=self.posts, private=False, asks=self.asks)
        await background.guard(
            self.handle(interaction), "a button", lambda error: interaction.client.tell(interaction, error)
        )

    @abstractmethod
    async def handle(self, interaction: Interaction) -> None:
        """What the button does, or the choice."""


class UnknownItem(PersistentItem[ui.Item[Any]], template=r"(?s:.*)", registered=False):
    """What has an id that nobody gave it, or another version of Easel."""

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """It has no id of its own."""
        raise NotImplementedError

    async def handle(self, interaction: Interaction) -> None:
        """Say what to do instead. Raises NothingThere."""
        raise outdated_error()


def outdated_error() -> NothingThere:
    """What to say to whoever presses what means nothing (any more)."""
    return NothingThere(what=_("This page is too old. Please open it anew."))


class PersistentButton(PersistentItem[Button], template=NO_CUSTOM_ID):
    """A button."""


class PersistentSelect(PersistentItem[Select], template=NO_CUSTOM_ID):
    """A menu of texts to choose from; what was chosen is in `values`."""

    @property
    def values(self) -> list[str]:
        """What the person chose, as the options' values. They come from outside: read them as such."""
        return self.item.values


class ModalForm(ui.Modal):
    """A modal whose errors are told to the person. Subclasses write `submitted`.

    `key` with the opening interaction's id tells it from the same form that somebody else has open.
    """

    posts: ClassVar[bool] = True  # what comes of it is a message of its own
    private: ClassVar[bool] = False  # which only the person sees

    def __init__(self, title: str, key: str, opening: int) -> None:
        super().__init__(title=title[:MAX_TITLE], custom_id=f"{key}:{opening}", timeout=MODAL_SECONDS)

    async def on_submit(self, interaction: Interaction) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Do what was asked; what goes wrong is told by the table in `bot.ui.replies`."""
        speak(interaction.locale.value)
        acknowledge.in_time(interaction, thinking=self.posts, private=self.private)
        await background.guard(
            self.submitted(interaction), "a modal", lambda error: interaction.client.tell(interaction, error)
        )

    @abstractmethod
    async def submitted(self, interaction: Interaction) -> None:
        """What the form is for."""


class JobButton(PersistentButton, template=NO_CUSTOM_ID):
    """A button about one job: `NAME:JOB`."""

    name: ClassVar[str] = ""
    in_message_of_job: ClassVar[bool] = True  # else it stands in messages about several jobs, or about something else
    label: ClassVar[str] = ""  # marked by `later`, so that it is said in the person's language
    style: ClassVar[discord.ButtonStyle] = discord.ButtonStyle.secondary

    def __init__(self, job_id: int) -> None:
        self.job_id = job_id
        super().__init__(ui.Button(label=_(self.label), style=self.style, custom_id=f"{self.name}:{job_id}"))

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls(int(match["job"]))

    async def job(self, interaction: Interaction) -> Job:
        """The job the button stands under. Raises NothingThere."""
        job = await find_job(interaction.client.easel.connection, self.job_id)
        if job is None:
            raise NothingThere(what=_("This picture is not in the records any more."))
        return job

    async def own_job(self, interaction: Interaction, instead: str) -> Job:
        """The job, if it is the pressing person's. Raises NotYours with the word on what to do instead."""
        job = await self.job(interaction)
        if job.person_id != interaction.user.id:
            raise NotYours(instead=instead)
        return job
