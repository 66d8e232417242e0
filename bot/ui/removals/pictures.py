"""Deletes pictures for their owner, and takes them down in a server for its staff.

What its owner deletes is hidden at once and can be brought back for `[retention] undo_minutes`; only then it goes. What
was reported is held until that is decided, for `[moderation] held_days` at most. That it goes is decided by one
transaction, as a takedown is at once. Files and message go after it, and what a crash or an outage leaves of them goes
a minute later, or at the next start.

The owner of a picture that was taken down is told the reason by a direct message. Within an hour, further ones are
added to that message, so that nobody is pinged for each. Who cannot get direct messages is told after their next
command.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import discord
from discord import ui

from bot import background
from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.jobs.deliveries import FIND_DELIVERY
from bot.database.jobs.jobs import FIND_JOB, Job
from bot.database.people.people import FIND_LOCALE
from bot.database.pictures.pictures import PICTURES_OF_JOB
from bot.database.pictures.verdicts import TAKE_DOWN_HASHES
from bot.database.privacy.deletions import (
    DUE_JOBS,
    END_DELETION,
    FIND_DELETION,
    FIND_HIDDEN_JOB,
    HIDDEN_JOBS,
    HIDE_JOB,
    NEXT_DUE_AT,
    PENDING_DELETIONS,
    UNDO_DELETION,
    Deletion,
    begin_deletion,
)
from bot.database.privacy.erasure_leftovers import FileFolder, LeftFile
from bot.database.privacy.takedowns import (
    RECORD_TAKEDOWN,
    TAKEN_DOWN_IN,
    UNTOLD_TAKEDOWNS,
    Takedown,
    mark_told,
    newest_notice,
)
from bot.database.reports.reports import HELD_SINCE
from bot.database.servers.audit import AuditAction, add_entry
from bot.errors.missing import NothingThere
from bot.i18n import _, ngettext, sentences, speaking
from bot.i18n.texts import bounded_lines, clipped, painted_text, picture_lines, plain
from bot.library.configuration import Configuration
from bot.pictures.similarity.copies import copies_in_inputs
from bot.privacy.file_removal import FileRemoval
from bot.servers.administration.reasons import MAX_REASON, checked_reason
from bot.ui.interactions.archived_threads import in_open_thread
from bot.ui.interactions.discord_refusals import DISCORD_ERRORS, is_final
from bot.ui.interactions.replies import Interaction, send_ephemeral
from bot.ui.rendered_message import view_of

NOTICE_MS = 3_600_000  # for so long, further takedowns join the notice of the first
MAX_LISTED = 3000  # characters of a notice about single pictures
MINUTE_MS = 60_000
RETRY_SECONDS = 60.0  # until what could not be done is tried again
CLOSE_SECONDS = 3.0  # for what is being done when the program ends

log = logging.getLogger(__name__)


class ResultMessages(Protocol):
    """The messages to which jobs were delivered; `bot.ui.delivery.delivered_results` has them."""

    async def hide(self, job: Job, until: int) -> bool:
        """Show in place of the pictures that they were deleted, and *Undo* if there is time until then (unix ms).

        False when Discord cannot be reached now. What is not the bot's to edit counts as hidden.
        """
        ...

    async def show(self, job: Job) -> int | None:
        """Show the pictures again, or why they may not be shown there any more; the message's id, if it does.

        Raises DiscordUnreachable or DatabaseError.
        """
        ...


@dataclass(frozen=True)
class HiddenJob:
    """Until when the owner can bring it back, and until when an open report holds it at most; unix ms, or None."""

    undo_until: int | None
    held_until: int | None


def gone_for_good() -> NothingThere:
    """The error for a deletion that cannot be undone any more."""
    return NothingThere(what=_("This picture has been permanently deleted and cannot be restored."))


class Removals:
    """The deletions and takedowns of a client."""

    def __init__(
        self,
        client: discord.Client,
        db: Database,
        configuration: Configuration,
        files: FileRemoval,
        results: ResultMessages,
    ) -> None:
        self._client = client
        self._db = db
        self._configuration = configuration
        self._files = files
        self._results = results
        self.notify: Callable[[], None] = lambda: None  # called when it has changed who may see a picture
        self._telling = asyncio.Lock()  # else two notices might be sent at once
        self._showing = asyncio.Lock()
        self._recurring = background.Recurring("deleting pictures", self._complete_and_wait, RETRY_SECONDS)
        self._running: asyncio.Task[None] | None = None
        self._closing = False
        self._unhidden: set[int] = set()  # jobs whose delivered messages are still to be hidden
        self._offering: set[int] = set()  # hidden jobs whose messages offer *Undo*

    async def delete_later(self, job: Job) -> HiddenJob | None:
        """Hide the job from everybody, and tell what keeps it.

        None: it is gone, because the settings allow no undo and no report holds it, or was deleted before. Raises
        DatabaseError.
        """
        now, undo_ms = now_ms(), round(self._configuration.settings.retention.undo_minutes * MINUTE_MS)
        held_ms = self._configuration.settings.moderation.held_ms
        reported_at = await self._db.one(HELD_SINCE, target=job.id, held_since=now - held_ms)
        if not undo_ms and reported_at is None:
            await self.delete(job)
            return None
        until: int | None = now + undo_ms
        if await self._db.run(HIDE_JOB, delete_at=now + undo_ms, id=job.id):
            self._unhidden.add(job.id)
            self._recurring.wake()
            self.notify()
            background.start(self._hide(job.id), "hiding a deleted picture")
        else:
            hidden = await self._db.one(FIND_HIDDEN_JOB, job.id)  # it was deleted a moment before
            if hidden is None:
                return None
            until = hidden.delete_at
        return HiddenJob(until if undo_ms else None, None if reported_at is None else reported_at + held_ms)

    async def undo(self, job: Job) -> int | None:
        """Bring a hidden job back; the id of its message, if that shows it again.

        Raises NothingThere when it is too late, or DatabaseError.
        """
        # The database decides whether it is in time, not what Discord shows at the moment.
        if await self._db.one(UNDO_DELETION, id=job.id, now=now_ms()) is None:
            raise gone_for_good()
        self._recurring.wake()
        self.notify()
        async with self._showing:
            shown = await self._db.one(FIND_JOB, job.id)
            try:
                return None if shown is None else await self._results.show(shown)  # None: it was deleted again
            except background.DiscordUnreachable as problem:
                log.warning("cannot update the message of a restored picture: %s", problem)
                return None

    async def show(self, job_id: int) -> None:
        """Write the message of a job as it has to be now: pictures, or why they are not shown. A hidden job's stays.

        Raises DiscordUnreachable or DatabaseError.
        """
        self.notify()
        async with self._showing:
            job = await self._db.one(FIND_JOB, job_id)
            if job is not None:
                await self._results.show(job)
            else:  # its owner has deleted it, and what held it may be decided
                self._recurring.wake()

    async def delete(self, job: Job) -> None:
        """Delete the job with its pictures and the message that was delivered, now and for good.

        One that is being painted stays. Raises DatabaseError; then nothing is gone.
        """
        async with self._db.transaction():
            channel_id, message_id = await self._delivered(job) or (None, None)
            deletion = await begin_deletion(self._db, job.id, channel_id, message_id)
        self.notify()
        if deletion is not None:
            await self._carry_out(deletion)

    async def delete_everywhere(self, job: Job) -> None:
        """Delete the job as `delete` does, and before that the copies of its pictures that people start from.

        A copy that another job, a draft or a studio needs stays until that goes. Raises DatabaseError or OSError; then
        it can be done again.
        """
        settings = self._configuration.settings
        pictures = [settings.storage.pictures / each.path for each in await self._db.all(PICTURES_OF_JOB, job.id)]
        copies = await background.reading(copies_in_inputs, settings, pictures)
        await self._files.remove([LeftFile(FileFolder.INPUTS, name) for name in copies])
        await self.delete(job)

    async def complete_one(self, job_id: int) -> bool:
        """Go on with the deletion of a job; whether nothing is left of it. Raises DatabaseError."""
        deletion = await self._db.one(FIND_DELETION, job_id)
        if deletion is not None:
            await self._carry_out(deletion)
        return deletion is None or await self._db.one(FIND_DELETION, job_id) is None

    def start(self) -> None:
        """From now on complete what earlier runs and outages have left, and each deletion when its time has come."""
        if self._running is None:
            self._running = background.start(self._run(), "deleting pictures")

    async def close(self) -> None:
        """Stop, soon after what is being done now."""
        self._closing = True
        self._recurring.stop()
        if self._running is not None:
            await asyncio.wait({self._running}, timeout=CLOSE_SECONDS)
            self._running.cancel()

    async def _run(self) -> None:
        await background.guard(self._hide_again(), "hiding deleted pictures")
        await self._recurring.run()

    async def complete(self) -> None:
        """Do all that is to be done now. What fails keeps nothing else from being done. Raises DatabaseError."""
        await self._end_offers()
        for job_id in tuple(self._unhidden):
            await background.guard(self._hide(job_id), "hiding a deleted picture")
        reported = now_ms() - self._configuration.settings.moderation.held_ms
        for job in await self._db.all(DUE_JOBS, now=now_ms(), held_since=reported):
            if not self._closing:
                await background.guard(self.delete(job), "deleting a picture")
        for deletion in await self._db.all(PENDING_DELETIONS):
            if not self._closing:
                await background.guard(self._carry_out(deletion), "completing a deletion")

    async def _end_offers(self) -> None:
        """What a report holds is hidden longer than it can be brought back: its message is to say so."""
        if self._offering:
            due = {job.id for job in await self._db.all(HIDDEN_JOBS) if (job.delete_at or 0) <= now_ms()}
            self._unhidden |= self._offering & due

    async def _hide_again(self) -> None:
        """A crash may have come between the deletion and its message."""
        self._unhidden.update(job.id for job in await self._db.all(HIDDEN_JOBS))

    async def _hide(self, job_id: int) -> None:
        """Hide the delivered message. When Discord cannot be reached, it stays to be hidden."""
        async with self._showing:  # else it might be hidden after it was brought back
            job = await self._db.one(FIND_HIDDEN_JOB, job_id)
            until = 0 if job is None else job.delete_at or 0
            offers = until > now_ms()
            if job is None or await self._results.hide(job, until):
                self._unhidden.discard(job_id)
                (self._offering.add if offers else self._offering.discard)(job_id)

    async def _complete_and_wait(self) -> float:
        """Returns the seconds until there is something to do. Raises DatabaseError."""
        await self.complete()
        due = await self._db.one(NEXT_DUE_AT, now_ms())
        return RETRY_SECONDS if due is None else min(max((due - now_ms()) / 1000, 0.1), RETRY_SECONDS)

    async def take_down(self, job: Job, server_id: int, actor_id: int, reason: str) -> None:
        """Close the job's buttons in a server, delete the message that was delivered there, and tell the owner.

        The owner reads the reason. The server's audit log names the member too. Raises ReasonNeeded or DatabaseError.
        """
        why = checked_reason(reason)
        delivered = await self._delivered(job)
        deletion: Deletion | None = None
        async with self._db.transaction():
            if await self._db.one(TAKEN_DOWN_IN, job=job.id, server=server_id) is None:  # not if staff confirm it twice
                await add_entry(
                    self._db, server_id, actor_id, AuditAction.REMOVE_PICTURE, {"reason": (None, why)},
                    target=f"job {job.id}", person_id=job.person_id,
                )  # fmt: skip
            await self._db.run(
                RECORD_TAKEDOWN, job=job.id, server=server_id, person=job.person_id, now=now_ms(), reason=why
            )
            await self._db.run(TAKE_DOWN_HASHES, job=job.id, server=server_id, now=now_ms())
            if delivered is not None and delivered[0] == job.channel_id and job.server_id == server_id:
                deletion = await begin_deletion(self._db, job.id, *delivered, message_alone=True)
        self.notify()
        if deletion is not None:
            await self._carry_out(deletion)
        background.start(self._tell_by_letter(job.person_id), "telling the owner of a takedown")

    async def tell_here(self, interaction: Interaction) -> None:
        """Tell the person who used a command of what they were not told by a direct message. Raises DatabaseError."""
        person_id = interaction.user.id
        if not await self._db.all(UNTOLD_TAKEDOWNS, person_id):
            return
        async with self._telling:
            if untold := await self._db.all(UNTOLD_TAKEDOWNS, person_id):
                await send_ephemeral(interaction, await self._notice(untold))
                await mark_told(self._db, untold, now_ms())

    async def _tell_by_letter(self, person_id: int) -> None:
        """Raises DatabaseError. What cannot be sent waits for the person's next command."""
        async with self._telling:
            untold = await self._db.all(UNTOLD_TAKEDOWNS, person_id)
            if not untold:
                return
            notice = await newest_notice(self._db, person_id, now_ms() - NOTICE_MS)
            told = notice.takedowns if notice else ()
            with speaking(await self._db.one(FIND_LOCALE, person_id)):
                view = await self._notice([*told, *untold])
            try:
                channel = await (await self._client.fetch_user(person_id)).create_dm()
                if notice is not None:
                    await channel.get_partial_message(notice.message_id).edit(view=view)
                    await mark_told(self._db, untold, notice.told_at, notice.message_id)
                else:
                    message = await channel.send(view=view)
                    await mark_told(self._db, untold, now_ms(), message.id)
            except DISCORD_ERRORS as problem:
                log.info("cannot notify the author of a picture about its takedown, will retry: %s", problem)

    async def _notice(self, takedowns: Sequence[Takedown]) -> ui.LayoutView:
        pictures = [await self._about(takedown) for takedown in takedowns]
        head = ngettext(
            "**The staff of a server removed one of your pictures**",
            "**The staff of a server removed {count} of your pictures**",
            len(pictures),
        ).format(count=len(pictures))
        text = sentences(
            _("Your pictures are not lost: all of them are in /history, where only you see them."),
            _("In the server where a picture was removed, its buttons no longer generate pictures."),
            _("If you have questions, ask the staff of the server where the picture was removed."),
        )
        listed = "\n\n".join(bounded_lines(pictures, MAX_LISTED))
        return view_of(f"{head}\n{listed}\n{text}")

    async def _about(self, takedown: Takedown) -> str:
        """Which picture was removed, in which server, and why."""
        job = await self._db.one(FIND_JOB, takedown.job_id)
        server = self._client.get_guild(takedown.server_id)
        lines = [f"> {plain(server.name, 100)}"] if server else []
        if job is not None:
            channel_id = job.channel_id if job.server_id == takedown.server_id else None
            lines += picture_lines(job.request, painted_text(job.finished_at or job.created_at, channel_id))
        if takedown.reason:
            lines.append("> " + _("Reason: {reason}").format(reason=clipped(takedown.reason, MAX_REASON)))
        return "\n".join(lines)

    async def _delivered(self, job: Job) -> tuple[int, int] | None:
        """The channel and the message to which the job was delivered."""
        delivery = await self._db.one(FIND_DELIVERY, job.id)
        if delivery is None or delivery.message_id is None:
            return None
        return delivery.posting_in or job.channel_id, delivery.message_id

    async def _carry_out(self, deletion: Deletion) -> None:
        """Remove files and message. What cannot be removed now is tried again later. Raises DatabaseError."""
        gone = await self._remove_files(deletion)
        if deletion.channel_id is not None and deletion.message_id is not None:
            gone = await self._delete_message(deletion.channel_id, deletion.message_id) and gone
        if gone:
            await self._db.run(END_DELETION, job=deletion.job_id, paths=deletion.paths, input=deletion.input)

    async def _remove_files(self, deletion: Deletion) -> bool:
        """Whether all files are gone."""
        try:
            spooled = await self._files.spooled({deletion.job_id})
            await self._files.remove([*deletion.files, *spooled])
        except OSError as problem:
            log.warning("cannot remove the file of a deleted picture, will retry: %s", problem)
            return False
        return True

    async def _delete_message(self, channel_id: int, message_id: int) -> bool:
        """Whether it is gone, or will never be ours to delete: an ephemeral one, or in a channel without the bot."""
        message = self._client.get_partial_messageable(channel_id).get_partial_message(message_id)
        try:
            await in_open_thread(self._client, channel_id, message.delete)
        except DISCORD_ERRORS as problem:
            if is_final(problem):
                return True
            log.warning("cannot delete the message of a deleted picture: %s", problem)
            return False
        return True
