"""Messages about reports, to staff and to owners. Implements `ReportMessenger` with discord.py."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import discord
from discord import ui

from bot.background import DiscordRefuses, DiscordUnreachable
from bot.database.database import Database
from bot.database.jobs.jobs import Job
from bot.database.people.people import FIND_LOCALE
from bot.database.reports.reminders import Reminder
from bot.database.reports.reports import COMPLAINTS, Report
from bot.i18n import _, speaking
from bot.i18n.texts import plain
from bot.pictures.thumbnails import Thumbnails
from bot.reports.carrying_out import CarryingOut
from bot.reports.messenger import OwnerNotice, StaffMessageGone
from bot.reports.reporting import Case, Reporting
from bot.ui.client import Interaction
from bot.ui.delivery.direct_messages import DirectMessages, before
from bot.ui.delivery.discord_transport import MAX_SEARCHED
from bot.ui.delivery.nonces import make_nonce
from bot.ui.interactions.archived_threads import in_open_thread
from bot.ui.interactions.discord_refusals import DISCORD_ERRORS, is_final
from bot.ui.interactions.replies import send_ephemeral
from bot.ui.removals.pictures import Removals
from bot.ui.rendered_message import RenderedMessage, custom_ids_of, texts_of, view_of
from bot.ui.views.permissions import is_public
from bot.ui.views.reports.case import CaseButton, render_case
from bot.ui.views.reports.notice import notice_view
from bot.ui.views.reports.text import reminder_text
from inference.queue.policy import EVERYWHERE


class ReportMessages:
    """The messages of a client."""

    def __init__(
        self,
        client: discord.Client,
        db: Database,
        removals: Removals,
        thumbnails: Thumbnails,
        reporting: Reporting,
    ) -> None:
        self._client = client
        self._db = db
        self._removals = removals
        self._thumbnails = thumbnails
        self._reporting = reporting
        self._direct = DirectMessages(client)

    # --- pictures -----------------------------------------------------------------------------------------------------

    async def show(self, job_id: int) -> None:
        """In the message that was delivered."""
        await self._removals.show(job_id)

    async def delete(self, job: Job) -> None:
        """With the copies that people start from."""
        await self._removals.delete_everywhere(job)

    # --- owners -------------------------------------------------------------------------------------------------------

    async def tell(self, person_id: int, notice: OwnerNotice) -> int:
        """Send it with `enforce_nonce`."""
        nonce = await make_nonce(self._db, notice.kind, notice.decision.id, person_id=person_id)
        return await self._direct.send(person_id, await self._notice(notice), nonce)

    async def find_notice(self, person_id: int, notice: OwnerNotice, since: int) -> int | None:
        """Search the direct messages by the reference at the end."""
        return await self._direct.find(person_id, notice.reference, since)

    async def tell_here(self, interaction: Interaction, decisions: CarryingOut) -> None:
        """Tell the person who used a command of what no direct message could tell. Raises DatabaseError."""
        for notice in await decisions.untold(interaction.user.id):
            await send_ephemeral(interaction, await self._notice(notice))
            await decisions.was_told((notice,))

    async def _notice(self, notice: OwnerNotice) -> ui.LayoutView:
        place = _("The operators of this bot")
        if notice.report.server_id != EVERYWHERE:
            server = self._client.get_guild(notice.report.server_id)
            place = _("The staff of {server}").format(server=plain(server.name, 100)) if server else _("The staff")
        return notice_view(notice, place, await self._db.all(COMPLAINTS, notice.report.id))

    # --- staff --------------------------------------------------------------------------------------------------------

    async def post(self, case: Case, channel_id: int) -> int:
        """Post it with `enforce_nonce`, and nowhere that everybody can read: the channel may be open by now."""
        if is_public(self._client.get_channel(channel_id)):
            raise DiscordRefuses("everybody can read the channel of reports")
        page = await self._page(case)
        nonce = await make_nonce(self._db, "report", case.report.id, channel_id=channel_id)
        with _explained():
            channel = self._client.get_partial_messageable(channel_id)
            sent = await channel.send(view=page.view, files=page.files, nonce=nonce)
            return sent.id

    async def find_post(self, report: Report, channel_id: int, since: int) -> int | None:
        """Search the channel by the buttons of the report."""
        ids = {kind(report.server_id, report.id).custom_id for kind in _leaves(CaseButton)}
        channel = self._client.get_partial_messageable(channel_id)
        with _explained():
            async for message in channel.history(limit=MAX_SEARCHED, after=before(since), oldest_first=True):
                if message.author == self._client.user and ids & custom_ids_of(message):
                    return message.id
        return None

    async def edit_post(self, case: Case, channel_id: int, message_id: int) -> None:
        """Edit it, also in an archived thread; the pictures go when it is decided."""
        page = await self._page(case)
        message = self._client.get_partial_messageable(channel_id).get_partial_message(message_id)

        async def edit() -> None:
            for file in page.files:
                file.reset()  # it is sent a second time when the thread is opened for it
            await message.edit(view=page.view, attachments=page.files)

        with _explained():
            await in_open_thread(self._client, channel_id, edit)

    # --- reminders ----------------------------------------------------------------------------------------------------

    async def remind(self, reminder: Reminder) -> None:
        """Send it with `enforce_nonce`, and nowhere that everybody can read."""
        nonce = await make_nonce(
            self._db, f"reminder{reminder.days}", reminder.report_id,
            person_id=reminder.operator_id or 0, channel_id=reminder.channel_id or 0,
        )  # fmt: skip
        if reminder.operator_id is not None:
            with speaking(await self._db.one(FIND_LOCALE, reminder.operator_id)):
                await self._direct.send(reminder.operator_id, self._reminder(reminder), nonce)
            return
        assert reminder.channel_id is not None
        if is_public(self._client.get_channel(reminder.channel_id)):
            raise DiscordRefuses("everybody can read the channel of reports")
        with speaking(await self._reporting.language_of(reminder.server_id)), _explained():
            channel = self._client.get_partial_messageable(reminder.channel_id)
            await channel.send(view=self._reminder(reminder), nonce=nonce)

    async def find_reminder(self, reminder: Reminder, since: int) -> bool:
        """Search by the reference at the end."""
        if reminder.operator_id is not None:
            return await self._direct.find(reminder.operator_id, reminder.reference, since) is not None
        assert reminder.channel_id is not None
        channel = self._client.get_partial_messageable(reminder.channel_id)
        with _explained():
            async for message in channel.history(limit=MAX_SEARCHED, after=before(since), oldest_first=True):
                own = message.author == self._client.user
                if own and any(text.endswith(reminder.reference) for text in texts_of(message)):
                    return True
        return False

    def _reminder(self, reminder: Reminder) -> ui.LayoutView:
        server = self._client.get_guild(reminder.server_id)
        return view_of(reminder_text(reminder, None if server is None else server.name))

    async def _page(self, case: Case) -> RenderedMessage:
        with speaking(await self._reporting.language_of(case.report.server_id)):
            return await render_case(self._db, self._thumbnails, case)


@contextmanager
def _explained() -> Generator[None]:
    """Raise DiscordRefuses for what will be refused again, DiscordUnreachable for what may succeed later."""
    try:
        yield
    except discord.NotFound as problem:
        raise StaffMessageGone(str(problem)) from problem
    except DISCORD_ERRORS as problem:
        raise (DiscordRefuses if is_final(problem) else DiscordUnreachable)(str(problem)) from problem


def _leaves(kind: type[CaseButton]) -> list[type[CaseButton]]:
    """The kinds of buttons of a report."""
    return [each for below in kind.__subclasses__() for each in _leaves(below)] or [kind]
