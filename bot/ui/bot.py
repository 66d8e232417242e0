"""The Discord client that runs: intents, services, cogs, persistent components, and what Discord tells of servers."""

from __future__ import annotations

import asyncio
import importlib
import logging
import pkgutil
import time
from collections.abc import Callable, Iterable
from typing import Any
from weakref import WeakValueDictionary

import aiohttp
import discord
from discord import app_commands, ui
from discord.ext import commands
from discord.http import Route

from bot import background, metrics
from bot.app.assembly import Easel
from bot.community.boards import Boards
from bot.community.deleted_posts import DeletedPosts
from bot.community.featuring import Featuring
from bot.community.like_counts import LikeCounts
from bot.community.pacing import EditPacer
from bot.community.publishing import Publishing, PublishingRules
from bot.database.clock import now_ms
from bot.database.jobs.jobs import Job
from bot.database.servers.left_servers import NOTE_HERE, NOTE_LEFT, note_all
from bot.i18n.commands import CommandWords
from bot.privacy.erasing import Erasures
from bot.privacy.export import Exporter
from bot.reports.carrying_out import CarryingOut
from bot.reports.reminders import Reminders
from bot.reports.reporting import Reporting
from bot.ui import cogs, views
from bot.ui.access import checkpoints_here, shown_ratings
from bot.ui.api_url import check_answer
from bot.ui.art_channels.boards import BoardPosts
from bot.ui.art_channels.posted import PostedMessages
from bot.ui.art_channels.posts import PublicationPosts
from bot.ui.client import Client, Cog, Interaction
from bot.ui.cogs.imagine import NSFW_COMMAND
from bot.ui.command_tree import CommandRegistration, EaselTree
from bot.ui.delivery.addition_notices import AdditionNotices
from bot.ui.delivery.delivered_results import DeliveredResults
from bot.ui.delivery.delivery import Deliverer
from bot.ui.delivery.direct_messages import DirectMessages
from bot.ui.delivery.discord_transport import DiscordTransport
from bot.ui.delivery.job_follower import JobFollower
from bot.ui.delivery.operator_alerts import OperatorAlerts
from bot.ui.delivery.orders import Orders
from bot.ui.delivery.report_messages import ReportMessages
from bot.ui.delivery.takedown_notices import TakedownNotices
from bot.ui.delivery.update_notices import UpdateNotices
from bot.ui.interactions import heartbeats
from bot.ui.interactions.answers import AnswersUnderWay
from bot.ui.interactions.chosen_messages import ChosenMessages
from bot.ui.interactions.lost import FirstResponses
from bot.ui.interactions.open_questions import OpenQuestions
from bot.ui.interactions.replies import reply_with_error
from bot.ui.removals.erased_messages import ErasedMessages
from bot.ui.removals.phrase_notices import PhraseNotices
from bot.ui.removals.pictures import Removals
from bot.ui.removals.takedown_cases import TakedownCases
from bot.ui.server_lookups import ServerLookups
from bot.ui.studio_session import StudioSessions
from bot.ui.views.expired_modal import reply_to_expired_modal
from bot.ui.views.persistent_items import PersistentItem, outdated_error
from bot.ui.views.servers.joining import greet, joined_lately
from bot.ui.views.studio.panel import render_panel
from inference.base_models import BaseModelId

log = logging.getLogger(__name__)

# It speaks in no voice channel, so nobody has to be warned of the packages for that.
discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
heartbeats.install()

UNAUTHORIZED = 401  # the status for a token that Discord does not know

# No privileged intent. Events of servers are enough to reply to commands and post results; those of messages tell that
# somebody deleted a published picture.
INTENTS = discord.Intents(guilds=True, guild_messages=True)


def load_features() -> None:
    """Import all modules of cogs and views; the classes register themselves when they are defined."""
    for package in (cogs, views):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)


class EaselBot(Client):
    """The Discord client of an `Easel`."""

    def __init__(self, easel: Easel, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives the Unix time in seconds."""
        trace = metrics.http_trace()
        responses = FirstResponses(easel.watchman.note_shared_token)
        responses.watch(trace)
        trace.on_request_end.append(self._on_request_end)
        super().__init__(
            command_prefix=commands.when_mentioned,
            help_command=None,
            intents=INTENTS,
            tree_cls=EaselTree,
            allowed_mentions=discord.AllowedMentions.none(),
            # Commands work in servers, in DMs, and for people who installed the bot for themselves.
            allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=True),
            allowed_installs=app_commands.AppInstallationType(guild=True, user=True),
            chunk_guilds_at_startup=False,
            max_messages=None,  # none is looked up in memory
            http_trace=trace,
        )
        self.db = easel.db
        self.configuration = easel.configuration
        self.keeper = easel.keeper
        self.requests = easel.requests
        self.jobs = easel.jobs
        self.inputs = easel.inputs
        self.thumbnails = easel.thumbnails
        self.attachments = easel.attachments
        self.lora_pictures = easel.lora_pictures
        self.repainter = easel.repainter
        self.reloader = easel.reloader
        self.servers = easel.servers
        self.additions = easel.additions
        self.started = easel.started
        self._registration = CommandRegistration(self.tree, self.db)
        self.servers.connect(ServerLookups(self, lambda: self._registration.registered))
        self.token_rejected = False  # Discord does not accept the token any more
        self._checking_token = False
        settings = easel.configuration.settings
        transport = DiscordTransport(self, settings.discord.token.get_secret_value(), responses)
        self.deliverer = Deliverer(
            transport, self.db, settings.storage.pictures, easel.attachments, self.servers.servers
        )
        follower = JobFollower(self.db, self.jobs, self.deliverer, settings.storage.spool, self.servers)
        self._orders = self.orders = Orders(
            self.db, self.requests, self.jobs, self.inputs, self.servers, self.deliverer, follower, clock
        )
        self.studios = StudioSessions(
            self.db, self.configuration, self.requests, render_panel, checkpoints_here, shown_ratings
        )
        results = DeliveredResults(self.db, self.deliverer, self.servers)
        self.removals = Removals(self, self.db, self.configuration, easel.files, results)
        servers = self.servers
        self.reporting = Reporting(self.db, servers.servers, servers.rights, lambda: self.configuration.settings)
        self._report_messages = ReportMessages(self, self.db, self.removals, self.thumbnails, self.reporting)
        self.decisions = CarryingOut(self.db, servers.servers, self.reporting, self._report_messages)
        self.reminders = Reminders(
            self.db, self.reporting, self._report_messages,
            lambda: self.configuration.settings.discord.operators, lambda: round(clock() * 1000),
        )  # fmt: skip
        self.publishing_rules = PublishingRules(
            self.db, servers.servers, servers.rights, servers.checks, servers.content,
            easel.removed.verdicts, base_model_of=self._base_model_of,
        )  # fmt: skip
        posts = PublicationPosts(self, self.db, self.configuration, easel.attachments, servers)
        self.publishing = Publishing(self.db, self.publishing_rules, posts)
        self.deleted_posts = DeletedPosts(self.db, PostedMessages(self), self.publishing)
        self.removals.notify = self.publishing.notice
        self.featuring = Featuring(self.db, servers.rights)
        pacer = EditPacer(time.monotonic)  # of all edits that nobody waits for
        self.likes = LikeCounts(self.db, posts, pacer)
        board_posts = BoardPosts(self, self.db, servers)
        self.boards = Boards(self.db, board_posts, pacer, board_posts.places)
        self.answers = AnswersUnderWay()
        erased = ErasedMessages(self, self.answers, follower.stop, self.decisions.rewrite_staff_message)
        self.erasures = Erasures(self.db, self.configuration, self.jobs, self.additions, easel.files, erased)
        self.exporter = Exporter(
            self.db, settings.storage, easel.attachments, lambda: self.configuration.settings, self._place_name
        )
        alerts = OperatorAlerts(self, self.db, self.configuration)
        self.takedown_notices = TakedownNotices(self.db, self.configuration, DirectMessages(self))
        self.takedown_cases = TakedownCases(
            self.db, self.configuration, self.thumbnails, self.removals, self.takedown_notices.tell_all,
            alerts.takedown_due,
        )  # fmt: skip
        self._addition_notices = AdditionNotices(self.db, self.additions, transport, DirectMessages(self))
        self.addition_notices = self._addition_notices
        self._update_notices = UpdateNotices(self.db, easel.updates, servers.content, DirectMessages(self))
        self._lasting: tuple[asyncio.Task[None], ...] = ()  # what goes on as long as the bot runs
        self.forms: WeakValueDictionary[str, ui.Modal] = WeakValueDictionary()
        self.questions = OpenQuestions()
        self.chosen_messages = ChosenMessages()
        self.phrase_notices = PhraseNotices(self, self.db)
        easel.updates.blocked = alerts.lora_blocked
        easel.additions.disputes.opened = easel.updates.disputes.opened = alerts.lora_disputed
        self.jobs.on_alarm(alerts.workers_failed_repeatedly)
        self.watchman = easel.watchman
        self.watchman.tell_operators = alerts.tell_operators

    def _place_name(self, place_id: int) -> str | None:
        """Return the name of a server or channel that the bot sees. Any thread may call it."""
        servers = list(self.guilds)  # while others join
        places = (server if server.id == place_id else server.get_channel_or_thread(place_id) for server in servers)
        return next((place.name for place in places if place is not None), None)

    def _base_model_of(self, checkpoint: str) -> BaseModelId | None:
        """That of an installed checkpoint."""
        found = self.configuration.checkpoints.find(checkpoint)
        return None if found is None else found.base_model

    async def login(self, token: str) -> None:
        """Log in, and ask how many shards Discord recommends. Raises discord.HTTPException, as any request does.

        `connect` asks too, if nobody did before; it hides from its caller what Discord answered.
        """
        await super().login(token)
        self.shard_count = (await self.http.request(Route("GET", "/gateway/bot")))["shards"]

    @property
    def connected(self) -> bool:
        """Whether the servers were told at the start, and every shard is connected now."""
        return self.is_ready() and not any(shard.is_closed() for shard in self.shards.values())

    async def setup_hook(self) -> None:
        """Before connecting: register commands and components, and load the undelivered jobs of the last run."""
        await self.tree.set_translator(CommandWords())
        load_features()
        if not self.cogs:  # already added by an earlier attempt to log in
            for cog in Cog.registered:
                await self.add_cog(cog(self))
        if not self.configuration.settings.discord.nsfw_command:
            self.tree.remove_command(NSFW_COMMAND)
        self.add_dynamic_items(*PersistentItem.registered)
        await self._registration.register_changed()
        jobs = await self._orders.undelivered_jobs()
        background.start(self._resume(jobs), "resuming deliveries")

    async def _resume(self, jobs: list[Job]) -> None:
        await self.wait_until_ready()
        self._orders.resume(jobs)
        self.removals.start()
        if not self._lasting:
            self._lasting = (
                background.start(self.erasures.run(), "deleting what is kept of people"),
                background.start(self.decisions.run(), "carrying out decisions about reports"),
                background.start(self.reminders.run(), "reminding of reports"),
                background.start(self.takedown_cases.run(), "taking pictures down"),
                background.start(self._addition_notices.run(), "telling of additions"),
                background.start(self._update_notices.run(), "telling of newer versions"),
                background.start(self.publishing.run(), "publishing pictures"),
                background.start(self.deleted_posts.run(), "looking for deleted publications"),
                background.start(self.likes.run(), "showing likes"),
                background.start(self.boards.run(), "keeping boards"),
            )

    async def on_interaction(self, interaction: Interaction) -> None:
        """Reply to interactions that discord.py does not dispatch: lost modals, and unknown custom_ids."""
        custom_id = str((interaction.data or {}).get("custom_id"))

        def matches(kind: type[ui.DynamicItem[Any]]) -> bool:
            return kind.__discord_ui_compiled_template__.fullmatch(custom_id) is not None

        if interaction.type is discord.InteractionType.modal_submit and custom_id not in self.forms:
            await background.guard(reply_to_expired_modal(interaction), "a modal of an earlier run")
        if interaction.type is discord.InteractionType.component and not any(map(matches, PersistentItem.registered)):
            await background.guard(reply_with_error(interaction, outdated_error()), "an unknown component")

    async def on_guild_join(self, server: discord.Guild) -> None:
        """Somebody has invited the bot."""
        noting = self.db.run(NOTE_HERE, ids=[server.id], now=now_ms())
        await background.guard(noting, "noting a server that invited the bot")
        await self._greet(server)

    async def on_guild_remove(self, server: discord.Guild) -> None:
        """A server has removed the bot; what is kept of it goes when its time is over."""
        noting = self.db.run(NOTE_LEFT, server=server.id, now=now_ms())
        await background.guard(noting, "noting a server that removed the bot")
        self.servers.forget(server.id)

    async def on_message(self, _message: discord.Message, /) -> None:
        """Nothing: commands are slash commands. discord.py's own would look for one in what mentions the bot."""

    async def on_raw_message_delete(self, deleted: discord.RawMessageDeleteEvent) -> None:
        """Somebody, maybe Easel itself, has deleted a message."""
        await self._publications_deleted([deleted.message_id])

    async def on_raw_bulk_message_delete(self, deleted: discord.RawBulkMessageDeleteEvent) -> None:
        """Somebody has deleted several messages."""
        await self._publications_deleted(deleted.message_ids)

    async def on_raw_thread_delete(self, deleted: discord.RawThreadDeleteEvent) -> None:
        """Somebody has deleted a thread: in a forum, a post, whose first message has the same id."""
        await self._publications_deleted([deleted.thread_id])
        await self._art_channel_deleted(deleted.thread_id)

    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        """Somebody has deleted a channel."""
        await self._art_channel_deleted(channel.id)

    async def _publications_deleted(self, message_ids: Iterable[int]) -> None:
        for message_id in message_ids:
            await background.guard(self.publishing.message_deleted(message_id), "noting a deleted publication")

    async def _art_channel_deleted(self, channel_id: int) -> None:
        await background.guard(self.publishing.channel_deleted(channel_id), "noting a deleted art channel")

    async def _greet(self, server: discord.Guild) -> None:
        await background.guard(greet(self.db, server), "the first message in a server")

    async def on_raw_app_command_permissions_update(self, update: discord.RawAppCommandPermissionsUpdateEvent) -> None:
        """A server has changed who may use the commands."""
        self.servers.gate.forget(update.guild.id)

    async def on_app_command_completion(self, interaction: Interaction, _command: object) -> None:
        """After a command, tell the person what no direct message could: of their pictures, and of what they added."""
        await background.guard(self.removals.tell_here(interaction), "telling the owner of a takedown")
        await background.guard(self.takedown_notices.tell_here(interaction), "telling an author of a takedown case")
        await background.guard(self._addition_notices.tell_here(interaction), "telling of an addition")
        await background.guard(
            self._report_messages.tell_here(interaction, self.decisions), "telling the owner of a decision"
        )
        await background.guard(self.phrase_notices.tell_here(interaction), "telling of a decision about a phrase")

    async def _on_request_end(
        self, _session: object, _context: object, parameters: aiohttp.TraceRequestEndParams
    ) -> None:
        """Check every response. After a 401, one more request finds out whether the token is really rejected.

        Raises NotDiscord, which the caller of the request gets.
        """
        await check_answer(parameters)
        refused = parameters.response.status == UNAUTHORIZED and "Authorization" in parameters.headers
        if refused and self.is_ready() and not self._checking_token:
            self._checking_token = True
            background.start(self._close_if_token_rejected(), "checking whether the token is accepted")

    async def _close_if_token_rejected(self) -> None:
        assert self.user is not None
        try:
            await self.fetch_user(self.user.id)
        except discord.HTTPException as problem:
            self.token_rejected = problem.status == UNAUTHORIZED
        finally:
            self._checking_token = False
        if self.token_rejected:
            await self.close()

    async def close(self) -> None:
        """Disconnect. Unfinished jobs are resumed at the next start."""
        for task in self._lasting:
            task.cancel()
        await self.removals.close()
        await self._orders.close()
        await super().close()

    async def on_ready(self) -> None:
        """Log the connection, and do what the bot was not told to do while it was not connected."""
        log.info("connected as %s", self.user)
        self.deleted_posts.begin()
        here = [server.id for server in self.guilds]
        await background.guard(note_all(self.db, here), "noting which servers have the bot")
        for server in filter(joined_lately, self.guilds):
            await self._greet(server)
