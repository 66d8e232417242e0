"""The message of an ended job, and its buttons."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import discord
from discord import ui

from bot.database.jobs.jobs import Job, JobState
from bot.database.pictures.pictures import PICTURES_OF_JOB, Picture
from bot.database.privacy.deletions import FIND_HIDDEN_JOB
from bot.database.servers.limits import LimitHolder
from bot.errors.blocks import PersonBlocked, PersonBlockedEverywhere
from bot.errors.limits import LimitReached
from bot.errors.missing import NothingThere
from bot.errors.rights import CommandClosed, InTimeOut, NoMember, NotYours, RoleNeeded
from bot.i18n import _, later, ngettext, number, sentences, translated_note
from bot.i18n.texts import plain, prompt_text, sentence_of_ours, summary_of_job
from bot.pictures.thumbnails import Thumbnails
from bot.requests.few_steps import few_step_note
from bot.requests.regions import words_note
from bot.requests.trigger_words import joined_note
from bot.servers.rights import Action
from bot.ui.access import checkpoints_here, may, require_shown
from bot.ui.client import Interaction
from bot.ui.interactions.acknowledge import acknowledge, open_modal, replace
from bot.ui.interactions.replies import error_message, send_ephemeral, send_ephemeral_text
from bot.ui.rendered_message import RenderedMessage, button_rows, view_of
from bot.ui.studio_session import request_is_in_studio
from bot.ui.views.bookmarks.stacks import SaveResultButton
from bot.ui.views.custom_ids import OptionalPosition
from bot.ui.views.gallery.publish import PublishButton
from bot.ui.views.persistent_items import JobButton
from bot.ui.views.question import ask, close, conclude, replace_origin
from bot.ui.views.results.deleted import deleted_view, held_text
from bot.ui.views.results.details import BookmarkLorasButton, DetailsButton, own_job_or_remix
from bot.ui.views.results.removal_form import RemovalForm
from bot.ui.views.results.sheet import sheet_view
from bot.ui.views.studio.sweeps import SweepJobButton
from bot.workspace.remix import edited
from bot.workspace.repaint import picture_gone
from inference.errors import InferenceError, RequestError

if TYPE_CHECKING:
    from bot.pictures.attachments import PictureFile

MAX_SHOWN_PROMPT = 1000  # characters of a prompt under a picture
MAX_FEW_STEPS = 250  # characters about a few-step LoRA
MIN_SHOWN_SECONDS = 0.1  # seconds; "0 s" would look like an error

# About the person who ordered, not about the request.
PERSONAL_REFUSALS = (PersonBlocked, PersonBlockedEverywhere, InTimeOut, RoleNeeded, NoMember, CommandClosed)


class AgainButton(JobButton, prefix="again"):
    """Orders the same request with another seed; the result is a new message."""

    command = "imagine"
    sends_message = True
    label, style = later("Again"), discord.ButtonStyle.primary

    async def handle(self, interaction: Interaction) -> None:
        """Order it again."""
        job = await own_job_or_remix(self, interaction)
        if _is_resize_only(job):
            raise NothingThere(what=_("This picture is only an enlarged copy. Press *Again* under the original."))
        bot = interaction.client
        await bot.orders.order(interaction, await bot.requests.again(job.request))


class PictureButton(JobButton):
    """A button about one picture of a job; without a position it asks if there are several."""

    command = "imagine"

    position: OptionalPosition = None

    def text(self) -> str:
        """The number of the picture, or what the button does."""
        return _(self.label) if self.position is None else str(self.position + 1)

    async def handle(self, interaction: Interaction) -> None:
        """Handle the picture, or ask which one is meant."""
        job = await own_job_or_remix(self, interaction)
        await require_shown(interaction, job)
        pictures = await interaction.client.db.all(PICTURES_OF_JOB, job.id)
        wanted = 0 if self.position is None else self.position
        if self.position is None and len(pictures) > 1:
            page = await _picture_choice(interaction.client.thumbnails, type(self), pictures)
            await send_ephemeral(interaction, page)
        elif picture := next((picture for picture in pictures if picture.position == wanted), None):
            await self.handle_picture(interaction, job, picture)
        else:
            raise picture_gone()

    @abstractmethod
    async def handle_picture(self, interaction: Interaction, job: Job, picture: Picture) -> None:
        """Do what the button is for with this picture."""


class VaryButton(PictureButton, prefix="vary"):
    """Orders a variation: img2img of the picture with another seed."""

    sends_message = True
    label = later("Vary")

    async def handle_picture(self, interaction: Interaction, job: Job, picture: Picture) -> None:
        """Order it."""
        bot = interaction.client
        await bot.orders.order(interaction, await bot.repainter.varied(job, picture))


class UpscaleButton(PictureButton, prefix="up"):
    """Doubles the picture's size, followed by img2img if the checkpoint supports the size."""

    sends_message = True
    label = later("Upscale")

    async def handle_picture(self, interaction: Interaction, job: Job, picture: Picture) -> None:
        """Order it, or deliver the resized picture."""
        bot = interaction.client
        larger = await bot.repainter.upscaled(job, picture)
        if larger.picture is None:
            await bot.orders.order(interaction, larger.request)
        else:
            await bot.orders.record(interaction, larger.request, larger.picture, (larger.note,))


async def _picture_choice(
    thumbnails: Thumbnails, kind: type[PictureButton], pictures: Sequence[Picture]
) -> RenderedMessage:
    """The question which picture is meant, with a button for each."""
    page = RenderedMessage().add(_("Which picture do you mean?"))
    small = [await thumbnails.of_painted(picture.path) for picture in pictures]
    if shown := [discord.MediaGalleryItem(page.attach(thumbnail)) for thumbnail in small if thumbnail]:
        page.add(ui.MediaGallery[Any](*shown))
    return page.add(*button_rows([kind(picture.job_id, picture.position) for picture in pictures]))


class EditButton(JobButton, prefix="edit"):
    """Fills the studio from the person's own job."""

    command = "studio"
    label = later("Edit")

    async def handle(self, interaction: Interaction) -> None:
        """Fill and show the studio."""
        job = await own_job_or_remix(self, interaction)
        client, checkpoints = interaction.client, await checkpoints_here(interaction)
        limit = client.configuration.settings.limits.max_loras
        again = await edited(client.db, checkpoints, client.inputs, job, limit=limit)
        shown = "" if job.state is JobState.SUCCEEDED else request_is_in_studio()
        await client.studios.open_with(interaction, again.draft, "\n".join(again.notes) or shown)


class DeleteButton(JobButton, prefix="delete"):
    """Asks before the person's own pictures are deleted, or asks staff why they take them down."""

    command, action = "history", None
    opens_modal = True
    label, style = later("Delete"), discord.ButtonStyle.danger

    async def handle(self, interaction: Interaction) -> None:
        """Ask. Raises NotYours."""
        job = await self.job(interaction)
        await _check_may_remove(job, interaction)
        if job.person_id != interaction.user.id:
            await open_modal(interaction, RemoveResultForm(job, interaction.id))
            return
        minutes = interaction.client.configuration.settings.retention.undo_minutes
        heading = _("Delete this picture?") if minutes else _("Delete this picture permanently?")
        text = sentences(
            _(
                "This removes the picture from this channel, from your /history and from all art channels "
                "where you published it. This also deletes the file and prompt."
            ),
            ngettext(
                "You can restore the picture for {count} minute. After that, it is permanently deleted.",
                "You can restore the picture for {count} minutes. After that, it is permanently deleted.",
                minutes,
            ).format(count=minutes)
            if minutes
            else _("The deletion cannot be undone."),
        )
        confirm = ConfirmDeletionButton(job.id).labelled(_("Delete picture") if minutes else _("Delete permanently"))
        await ask(interaction, heading, text, confirm, _("Keep picture"), edits_origin=True)


class ConfirmDeletionButton(JobButton, prefix="deletenow"):
    """Deletes the person's own pictures. Staff are asked why: an older question did not ask."""

    command, action = "history", None
    label, style = later("Delete picture"), discord.ButtonStyle.danger
    in_message_of_job = False
    opens_modal = True

    async def handle(self, interaction: Interaction) -> None:
        """Delete pictures and messages. Raises NotYours."""
        job = await interaction.client.db.one(FIND_HIDDEN_JOB, self.job_id)
        if job is None or job.person_id != interaction.user.id:  # its owner may have confirmed another question
            job = await self.job(interaction)
        await _check_may_remove(job, interaction)
        if job.person_id != interaction.user.id:
            await open_modal(interaction, RemoveResultForm(job, interaction.id))
            return
        await acknowledge(interaction)
        hidden = await interaction.client.removals.delete_later(job)
        done = deleted_view(job.id, hidden.undo_until if hidden else None)
        changed = await replace_origin(interaction, done if hidden else None)
        held = None if hidden is None or hidden.held_until is None else held_text(hidden.held_until)
        if changed and held is None:
            await close(interaction)
        elif changed and held is not None:  # in the message itself, everybody would read it
            await conclude(interaction, held)
        else:
            with suppress(discord.NotFound):  # it was confirmed twice
                await replace(interaction, done)
            if held is not None:
                await send_ephemeral_text(interaction, held)


class RemoveResultForm(RemovalForm, key="takedown"):
    """Takes the pictures of a job down in its server."""

    sends_message = False

    def __init__(self, job: Job, opening: int) -> None:
        text = sentences(
            _("This removes the picture from this channel. Its buttons no longer generate pictures in this server."),
            _("The picture stays in the author's /history."),
        )
        super().__init__(text, opening)
        self._job = job

    async def submitted(self, interaction: Interaction) -> None:
        """Remove them, and the message that shows them. Raises NotYours or ReasonNeeded."""
        job = self._job
        await _check_may_remove(job, interaction)
        assert job.server_id is not None  # outside of servers, only the author may remove it
        await interaction.client.removals.take_down(job, job.server_id, interaction.user.id, self.reason)
        await close(interaction)


async def _check_may_remove(job: Job, interaction: Interaction) -> None:
    """Raises NotYours.

    Staff take down what was painted in their server. Who may delete anybody's messages in it may do so too, unless
    they are blocked.
    """
    server_id = job.server_id
    if job.person_id == interaction.user.id:
        return
    if server_id is not None:
        moderates = interaction.guild_id == server_id and interaction.permissions.manage_messages
        if moderates and await may(interaction, Action.USE):
            return
        if await may(interaction, Action.TAKE_DOWN, server_id):
            return
    raise NotYours(instead=_("Only the picture's author, staff, or members with *Manage Messages* here can delete it."))


def result_view(
    job: Job, attachments: tuple[PictureFile, ...], *, shows_prompt: bool, publishes: bool = False
) -> ui.LayoutView:
    """The pictures, one line of parameters, and the buttons; *Publish* among them if it `publishes`."""
    publish = [PublishButton(job.id)] if publishes else []
    if job.request.variants:
        buttons = [AgainButton(job.id), *_about_loras(job), *publish, DeleteButton(job.id)]
        return sheet_view(job, attachments[0], buttons)
    line = summary_of_job(job)
    if job.seconds:
        line += " · " + _("{seconds} s").format(seconds=number(max(job.seconds, MIN_SHOWN_SECONDS), 1))
    made = few_step_note(job.request)
    notes = [
        *([plain(made, MAX_FEW_STEPS)] if made else []),
        *filter(None, (joined_note(job.request), words_note(job.request))),
        *(sentence_of_ours(translated_note(note)) for note in job.notes),
        *dict.fromkeys(a.note for a in attachments if a.note),
    ]
    lines = [f"-# {line}", *(f"-# {note}" for note in notes)]
    if shows_prompt and (prompt := prompt_text(job.request)):
        lines.insert(0, f"> {plain(prompt, MAX_SHOWN_PROMPT)}")
    items = [discord.MediaGalleryItem(f"attachment://{attachment.name}") for attachment in attachments]
    again = [] if _is_resize_only(job) else [AgainButton(job.id)]
    return view_of(
        ui.MediaGallery[Any](*items),
        "\n".join(lines),
        ui.ActionRow[Any](*again, VaryButton(job.id), EditButton(job.id), UpscaleButton(job.id), *publish),
        ui.ActionRow[Any](*_about_loras(job), DetailsButton(job.id), DeleteButton(job.id)),
    )


def _about_loras(job: Job) -> list[JobButton]:
    """The buttons about the picture's LoRAs; none without LoRAs."""
    return [kind(job.id) for kind in (BookmarkLorasButton, SaveResultButton, SweepJobButton) if job.request.loras]


def _is_resize_only(job: Job) -> bool:
    return job.request.image is not None and job.request.image.strength == 0


_END_TITLES = {
    JobState.CANCELLED: later("**Cancelled**"),
    JobState.FAILED: later("**Not generated**"),
    JobState.SUCCEEDED: later("**Generated, but the pictures no longer exist**"),
}


def ended_view(job: Job, *, private: bool) -> ui.LayoutView:
    """The message of a job that ended without a picture."""
    text = _(_END_TITLES[job.state])
    if job.failure is not None:
        text += f"\n{_why_refused(job.failure, private=private)}\n-# " + _("job {number}").format(number=job.id)
    return _without_pictures(job, f"{text}\n-# {summary_of_job(job)}")


def _without_pictures(job: Job, text: str) -> ui.LayoutView:
    return view_of(text, ui.ActionRow[Any](AgainButton(job.id), EditButton(job.id)))


def withheld_view(job: Job, refusal: RequestError, *, private: bool) -> ui.LayoutView:
    """The message of a job whose pictures may not be shown any more where it was ordered."""
    text = _("**This picture can no longer be shown here**")
    kept = _("The picture is saved. Its author can find it in /history.")
    return _without_pictures(job, f"{text}\n{_why_refused(refusal, private=private)}\n-# {kept}")


def _why_refused(problem: InferenceError, *, private: bool) -> str:
    """The reason. What staff have against a person is told to that one alone, in a `private` message or later."""
    personal = isinstance(problem, PERSONAL_REFUSALS)
    personal = personal or (isinstance(problem, LimitReached) and problem.source == LimitHolder.PERSON)
    if personal and not private:
        return _(
            "The picture's author cannot generate pictures here at the moment. Easel will privately tell "
            "them why when they next use a command."
        )
    return error_message(problem)


def undeliverable_view(job: Job) -> ui.LayoutView:
    """The message of a job whose result cannot be delivered because of a permanent error."""
    text = _("**Sorry, Easel could not show this result**") + "\n"
    text += _("Something went wrong on our side, and we logged the error. Finished pictures are saved in /history.")
    return _without_pictures(job, f"{text}\n-# " + _("job {number}").format(number=job.id))
