"""Deletes pictures for their owner, and takes them down in a server for its staff.

A deletion or a takedown is decided by one transaction. Files and message go after it, and what a crash or an outage
leaves of them goes at the next start.

The owner of a picture that was taken down is told by a direct message. Within an hour, further ones are added to that
message, so that nobody is pinged for each. Who cannot get direct messages is told after their next command.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import aiohttp
import aiosqlite
import discord
from discord import ui

from bot import background
from bot.database.clock import now_ms
from bot.database.connection import transaction
from bot.database.deletions import Deletion, begin_deletion, end_deletion, pending_deletions
from bot.database.deliveries import find_delivery
from bot.database.jobs import Job, find_job
from bot.database.people import locale_of
from bot.database.takedowns import (
    Takedown,
    mark_told,
    newest_notice,
    record_takedown,
    taken_down_in,
    untold_takedowns,
)
from bot.errors import OwnPictureTakenDown, TakenDown, TakenDownEverywhere
from bot.i18n import _, ngettext, sentences, speaking
from bot.i18n.texts import bounded_lines, plain, summary
from bot.library.configuration import Configuration
from bot.pictures.thumbnails import Thumbnails
from bot.ui.replies import Interaction, send_ephemeral
from inference.queue import EVERYWHERE

NOTICE_MS = 3_600_000  # for so long, further takedowns join the notice of the first
MAX_LISTED = 1500  # characters of a notice about single pictures

log = logging.getLogger(__name__)


class Removals:
    """The deletions and takedowns of a client."""

    def __init__(
        self,
        client: discord.Client,
        connection: aiosqlite.Connection,
        configuration: Configuration,
        thumbnails: Thumbnails,
    ) -> None:
        self._client = client
        self._connection = connection
        self._configuration = configuration
        self._thumbnails = thumbnails
        self._telling = asyncio.Lock()  # else two notices might be sent at once

    async def delete(self, job: Job) -> None:
        """Delete the job's pictures and the message that was delivered. Raises DatabaseError; then nothing is gone."""
        channel_id, message_id = await self._delivered(job) or (None, None)
        await self._carry_out(await begin_deletion(self._connection, job.id, channel_id, message_id))

    async def interrupted(self) -> tuple[Deletion, ...]:
        """The deletions, those of takedowns included, that an earlier run did not complete. Raises DatabaseError."""
        return await pending_deletions(self._connection)

    async def resume(self, deletions: Sequence[Deletion]) -> None:
        """Complete `deletions`, once Discord can be reached. Raises DatabaseError."""
        for deletion in deletions:
            await self._carry_out(deletion)

    async def check_open(self, job: Job, interaction: Interaction) -> None:
        """Refuse to paint from the job's pictures in a server whose staff took them down, whoever asks.

        Elsewhere they are as open as before, unless they were taken down everywhere. Raises TakenDown or DatabaseError.
        """
        closed_in = await taken_down_in(self._connection, job.id, interaction.guild_id or EVERYWHERE)
        if closed_in == EVERYWHERE:
            raise TakenDownEverywhere
        if closed_in is not None:
            raise OwnPictureTakenDown if job.person_id == interaction.user.id else TakenDown

    async def take_down(self, job: Job, server_id: int) -> None:
        """Close the job's buttons in a server, delete the message that was delivered there, and tell the owner.

        Raises DatabaseError.
        """
        delivered = await self._delivered(job)
        deletion: Deletion | None = None
        async with transaction(self._connection):
            await record_takedown(self._connection, job, server_id)
            if delivered is not None and delivered[0] == job.channel_id and job.server_id == server_id:
                deletion = await begin_deletion(self._connection, job.id, *delivered, message_alone=True)
        if deletion is not None:
            await self._carry_out(deletion)
        background.start(self._tell_by_letter(job.person_id), "telling the owner of a takedown")

    async def tell_here(self, interaction: Interaction) -> None:
        """Tell the person who used a command of what they were not told by a direct message. Raises DatabaseError."""
        person_id = interaction.user.id
        if not await untold_takedowns(self._connection, person_id):
            return
        async with self._telling:
            if untold := await untold_takedowns(self._connection, person_id):
                await send_ephemeral(interaction, await self._notice(untold))
                await mark_told(self._connection, untold, now_ms())

    async def _tell_by_letter(self, person_id: int) -> None:
        """Raises DatabaseError. What cannot be sent waits for the person's next command."""
        async with self._telling:
            untold = await untold_takedowns(self._connection, person_id)
            if not untold:
                return
            notice = await newest_notice(self._connection, person_id, now_ms() - NOTICE_MS)
            told = notice.takedowns if notice else ()
            with speaking(await locale_of(self._connection, person_id)):
                view = await self._notice([*told, *untold])
            try:
                channel = await (await self._client.fetch_user(person_id)).create_dm()
                if notice is not None:
                    await channel.get_partial_message(notice.message_id).edit(view=view)
                    await mark_told(self._connection, untold, notice.told_at, notice.message_id)
                else:
                    message = await channel.send(view=view)
                    await mark_told(self._connection, untold, now_ms(), message.id)
            except (discord.HTTPException, aiohttp.ClientError, OSError) as problem:
                log.info("the owner of a picture is told of its takedown later: %s", problem)

    async def _notice(self, takedowns: Sequence[Takedown]) -> ui.LayoutView:
        lines = [await self._line(takedown) for takedown in takedowns]
        head = ngettext(
            "**The staff of a server took down a picture of yours**",
            "**The staff of a server took down {count} pictures of yours**",
            len(lines),
        ).format(count=len(lines))
        text = sentences(
            _("Nothing is lost: all you painted is in /history, where you alone see it."),
            _("In that server, its buttons do not paint any more."),
            _("If you wonder why, the people who look after the server can tell you."),
        )
        view = ui.LayoutView(timeout=None)
        view.add_item(ui.TextDisplay[Any]("\n".join([head, *bounded_lines(lines, MAX_LISTED), text])))
        view.stop()
        return view

    async def _line(self, takedown: Takedown) -> str:
        job = await find_job(self._connection, takedown.job_id)
        server = self._client.get_guild(takedown.server_id)
        about = [plain(server.name, 100)] if server else []
        return "> " + " · ".join([*about, *([summary(job.request)] if job else [])])

    async def _delivered(self, job: Job) -> tuple[int, int] | None:
        """The channel and the message to which the job was delivered."""
        delivery = await find_delivery(self._connection, job.id)
        if delivery is None or delivery.message_id is None:
            return None
        return delivery.posting_in or job.channel_id, delivery.message_id

    async def _carry_out(self, deletion: Deletion) -> None:
        """Remove files and message. What cannot be removed now is tried again at the next start."""
        gone = await asyncio.to_thread(self._delete_files, deletion)
        if deletion.channel_id is not None and deletion.message_id is not None:
            gone = await self._delete_message(deletion.channel_id, deletion.message_id) and gone
        if gone:
            await end_deletion(self._connection, deletion)

    def _delete_files(self, deletion: Deletion) -> bool:
        """Whether all files are gone."""
        folder = self._configuration.settings.storage.pictures
        try:
            for path in deletion.paths:
                self._thumbnails.forget(folder / path)
                (folder / path).unlink(missing_ok=True)
        except OSError as problem:
            log.warning("a deleted picture's file could not be removed, and is removed at the next start: %s", problem)
            return False
        return True

    async def _delete_message(self, channel_id: int, message_id: int) -> bool:
        """Whether it is gone, or will never be ours to delete: an ephemeral one, or in a channel without the bot."""
        channel = self._client.get_partial_messageable(channel_id)
        try:
            await channel.get_partial_message(message_id).delete()
        except (discord.NotFound, discord.Forbidden):
            return True
        except (discord.HTTPException, aiohttp.ClientError, OSError) as problem:
            log.warning("the message of a deleted picture could not be deleted: %s", problem)
            return False
        return True
