"""The type of the Discord client that commands and views use. `bot.ui.bot` implements it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar, Protocol
from weakref import WeakValueDictionary

import discord
from discord import ui
from discord.ext import commands

from bot.app.reloading import Reloader
from bot.app.watchman import Watchman
from bot.community.featuring import Featuring
from bot.community.like_counts import LikeCounts
from bot.community.publishing import Publishing, PublishingRules
from bot.database.database import Database
from bot.database.people.preferences import Preferences
from bot.jobs.service import JobService
from bot.library.configuration import Configuration
from bot.library.watcher import LibraryKeeper
from bot.pictures.inputs import Inputs
from bot.pictures.lora_pictures import LoraPictures
from bot.pictures.signing.attachments import SignedAttachments
from bot.pictures.thumbnails import Thumbnails
from bot.privacy.erasing import Erasures
from bot.privacy.export import Exporter
from bot.reports.carrying_out import CarryingOut
from bot.reports.reporting import Reporting
from bot.requests.builder import RequestBuilder, RequestDraft
from bot.servers.services import ServerServices
from bot.sources.additions import Additions
from bot.ui.interactions.answers import AnswersUnderWay
from bot.ui.interactions.chosen_messages import ChosenMessages
from bot.ui.interactions.open_questions import OpenQuestions
from bot.ui.interactions.replies import reply_with_error
from bot.ui.removals.phrase_notices import PhraseNotices
from bot.ui.removals.pictures import Removals
from bot.ui.studio_session import StudioSessions
from bot.workspace.repaint import Repainter
from inference.messages.request import GenerationRequest


class OrderService(Protocol):
    """Creates jobs from requests. `bot.ui.delivery.orders` implements it."""

    async def paint(
        self, interaction: Interaction, draft: RequestDraft, preferences: Preferences | None = None
    ) -> None:
        """Build a request from `draft` and the person's preferences, and order it; None: they are read."""
        ...

    async def order(self, interaction: Interaction, request: GenerationRequest) -> None:
        """Queue a checked request, and deliver its result."""
        ...

    async def record(
        self, interaction: Interaction, request: GenerationRequest, picture: Path, notes: tuple[str, ...]
    ) -> None:
        """Deliver a picture that is painted already as the result of a new job."""
        ...


class AdditionNoticeService(Protocol):
    """Tells people of what they added. `bot.ui.delivery.addition_notices` implements it."""

    def following(self, addition_id: int, person_id: int) -> AbstractContextManager[None]:
        """While this is open a message of its own tells the person; what it has not told then is told otherwise."""
        ...

    async def note_answer(
        self,
        interaction: discord.Interaction[Client],
        addition_id: int,
        message_id: int | None,
        draft_id: int | None = None,
    ) -> None:
        """Note the answer in which the person sees how far it is, and what goes on with it. Raises DatabaseError."""
        ...

    async def told(self, addition_id: int, person_id: int) -> None:
        """The person has been told. Raises DatabaseError."""
        ...


class Client(commands.AutoShardedBot):
    """The client at `interaction.client`. It uses as many shards as Discord recommends.

    Commands, components and modals find the services here, and hand on those that are needed.
    """

    db: Database
    configuration: Configuration
    keeper: LibraryKeeper
    requests: RequestBuilder
    jobs: JobService
    inputs: Inputs
    thumbnails: Thumbnails
    attachments: SignedAttachments
    lora_pictures: LoraPictures
    repainter: Repainter
    reloader: Reloader
    servers: ServerServices
    additions: Additions
    addition_notices: AdditionNoticeService
    watchman: Watchman
    started: float  # by the monotonic clock
    orders: OrderService
    studios: StudioSessions
    removals: Removals
    reporting: Reporting
    decisions: CarryingOut
    publishing_rules: PublishingRules
    publishing: Publishing
    likes: LikeCounts
    featuring: Featuring
    erasures: Erasures
    answers: AnswersUnderWay
    exporter: Exporter
    forms: WeakValueDictionary[str, ui.Modal]  # the modals that are open, by custom_id
    questions: OpenQuestions
    chosen_messages: ChosenMessages
    phrase_notices: PhraseNotices

    async def reply_with_error(self, interaction: Interaction, error: Exception) -> None:
        """Reply with an error that a component or modal raised, as the command tree does for commands."""
        await reply_with_error(interaction, error)


# An alias, not a subclass: discord.py creates the interactions.
Interaction = discord.Interaction[Client]


class Cog(commands.Cog):
    """Slash commands of one noun. Defining a subclass registers it; the client adds it at the start."""

    registered: ClassVar[list[type[Cog]]] = []

    def __init__(self, client: Client) -> None:
        self._client = client

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        Cog.registered.append(cls)
