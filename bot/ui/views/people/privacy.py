"""What is kept of a person, their copy of it, and the question before all is deleted."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Annotated, Any

import discord
from discord import ui

from bot import background
from bot.config import Settings
from bot.config.sections.privacy import PrivacySettings
from bot.config.sections.retention import KeptPicture
from bot.database.privacy.erasure_leftovers import HeldFiles
from bot.database.privacy.erasures import NEWEST_ERASURE, Erasure, ErasureState
from bot.i18n import _, later, ngettext, number, sentences
from bot.i18n.texts import day_limit, plain
from bot.privacy.export import ExportPart, stored_counts
from bot.privacy.stored_data import is_deletable
from bot.privacy.summary import LABELS, controller_facts, controller_links
from bot.ui.client import Interaction
from bot.ui.interactions.discord_refusals import DISCORD_ERRORS
from bot.ui.interactions.replies import send_ephemeral
from bot.ui.rendered_message import button_rows, view_of
from bot.ui.views.custom_ids import number_of
from bot.ui.views.persistent_items import PersistentButton, outdated_error
from bot.ui.views.question import ask, conclude

MAX_FACT = 400  # characters of a line about the controller; the settings limit them
MESSAGES_AT_ONCE = 5  # of an export; the rest comes when it is asked for


async def stored_view(interaction: Interaction) -> ui.LayoutView:
    """How much is kept, for how long, the last receipt, and buttons. Raises DatabaseError."""
    client, person_id = interaction.client, interaction.user.id
    counts = await stored_counts(client.db, person_id)
    erasure = await client.db.one(NEWEST_ERASURE, person_id)
    counts.pop("erasure", None)
    held = None if erasure is None else await client.erasures.held(erasure)
    settings = client.configuration.settings
    texts = [] if held is None else [_held_text(held, client.erasures.held_ms)]
    texts += [*_stored_texts(counts, erasure, settings), _responsible(settings.privacy)]
    buttons: list[ui.Item[Any]] = [*_links(settings.privacy)]
    if is_deletable(counts) and (erasure is None or erasure.state is ErasureState.COMPLETE):
        buttons = [ExportDataButton(0), DeleteAllButton(), *buttons]
    return view_of(*texts, *button_rows(buttons))


def _responsible(said: PrivacySettings) -> str:
    """Name the controller, purposes, recipients and minimum age."""
    lines = [f"- {about}: {plain(words, MAX_FACT)}" for about, words in controller_facts(said)]
    return "\n".join([_("**Who is responsible for your data**"), *lines])


def _links(said: PrivacySettings) -> list[ui.Button[Any]]:
    """Return buttons for the policy, and for the contact if it is a page."""
    return [ui.Button[Any](label=about, url=address) for about, address in controller_links(said)]


def _stored_texts(counts: dict[str, int], erasure: Erasure | None, settings: Settings) -> Iterator[str]:
    if erasure is not None:
        yield receipt_text(erasure)
    if not is_deletable(counts):
        yield _("Easel stores no data about you.")
        return
    lines = [f"- {_(label)}: {number(counts[name])}" for name, label in LABELS.items() if name in counts]
    yield "\n".join([_("## Data that Easel stores about you"), *lines])
    yield "\n".join([_("**How long Easel stores your data**"), *(f"- {line}" for line in _how_long(settings))])


def _how_long(settings: Settings) -> Iterator[str]:
    """How long each kind is kept, by the settings."""
    kept, backup = settings.retention, settings.backup
    yield f"{_('Bookmarks, stacks, star ratings, settings and the draft in your studio')}: {_('until you delete them')}"
    pictures = day_limit(kept.pictures_days)
    if kept.pictures_gigabytes:
        pictures += " · " + _("the oldest pictures are deleted when the pictures of all users exceed {size} GB").format(
            size=number(kept.pictures_gigabytes, 1)
        )
    yield f"{_('Pictures')}: {pictures}"
    if kept.keep and (kept.pictures_days or kept.pictures_gigabytes):
        reasons = {
            KeptPicture.BOOKMARKED: _("generated with a LoRA that you bookmarked"),
            KeptPicture.IN_STACK: _("generated with a LoRA in your stacks"),
            KeptPicture.OPENED: _("with a button that someone used within the retention period"),
            KeptPicture.PUBLISHED: _("published in a server"),
        }
        kept_for = " · ".join(reasons[reason] for reason in kept.keep)
        yield f"{_('Pictures that are not deleted automatically')}: {kept_for}"
    kinds = {
        _("Requests without pictures"): kept.jobs_days, _("Refused requests"): kept.drafts_days,
        _("Unused uploaded pictures"): kept.inputs_days, _("Thumbnails"):
        kept.thumbnails_days, _("Temporary data of ended requests"): kept.states_days,
        _("Logs, which identify requests only by number"): kept.logs_days, _("Deletion receipts"): kept.receipts_days,
        _("Decided reports and appeals"): kept.reports_days, _("Audit log entries"): kept.audit_days,
        _("Settings of a server that removed the bot"): kept.servers_days,
    }  # fmt: skip
    if settings.worker.embedding_files_megabytes:
        kinds[_("Prompts converted to numbers that the model reads")] = kept.embeddings_days
    for label, days in kinds.items():
        yield f"{label}: {day_limit(days)}"
    if backup.every_hours:
        days = max(1, round(backup.keep * backup.every_hours / 24))
        yield f"{_('Backups of the database')}: {day_limit(days)}"


def receipt_text(erasure: Erasure) -> str:
    """What an erasure has done and could not do, or that it is under way."""
    if erasure.finished_at is None:
        return sentences(
            _("Easel has been deleting all your data since {time}.").format(time=_time(erasure.created_at)),
            _("The deletion continues in the background. /privacy show tells you when it is done."),
        )
    lines = [_("**All your data was deleted** on {time}").format(time=_time(erasure.finished_at))]
    done = {
        _("Requests"): erasure.jobs, _("Pictures"): erasure.pictures, _("Messages"): erasure.messages,
    }  # fmt: skip
    lines.append(" · ".join(f"{label}: {number(count)}" for label, count in done.items()))
    return "\n".join([*lines, *(f"- {line}" for line in _out_of_reach(erasure))])


def _out_of_reach(erasure: Erasure) -> Iterator[str]:
    if count := erasure.start_pictures:
        yield ngettext(
            "Easel also deleted {count} start picture that another user had made from one of your pictures. Pictures "
            "generated from it belong to that user.",
            "Easel also deleted {count} start pictures that other users had made from your pictures. Pictures "
            "generated from them belong to those users.",
            count,
        ).format(count=count)
    if count := erasure.unreachable:
        yield ngettext(
            "Easel no longer has permission to delete {count} message.",
            "Easel no longer has permission to delete {count} messages.",
            count,
        ).format(count=count)
    if count := erasure.private_answers:
        yield ngettext(
            "{count} private reply about a request is still visible to you. Only you can dismiss it.",
            "{count} private replies about requests are still visible to you. Only you can dismiss them.",
            count,
        ).format(count=count)
    yield _(
        "Easel does not record or count private replies that are not about a request, such as lists and "
        "LoRA pages. Each of these replies disappears when you dismiss it, or when Discord closes it."
    )
    if count := erasure.copies:
        text = ngettext(
            "{count} backup of the database was made before the deletion.",
            "{count} backups of the database were made before the deletion.",
            count,
        ).format(count=count)
        until = erasure.copies_until
        yield sentences(
            text,
            _("The last of these backups expires on {time}.").format(time=_time(until))
            if until is not None
            else _("The operator deletes backups manually."),
        )


def _held_text(held: HeldFiles, held_ms: int) -> str:
    """How many pictures are held for reports, and until when."""
    text = ngettext(
        "{count} of your pictures was reported. Only the reviewers can open its file. Easel deletes the "
        "file after they decide, usually on {time} at the latest.",
        "{count} of your pictures were reported. Only the reviewers can open the files. Easel deletes the "
        "files after they decide, usually on {time} at the latest.",
        held.number,
    )
    return text.format(count=held.number, time=_time(held.reported_at + held_ms))


def _time(unix_ms: int) -> str:
    return discord.utils.format_dt(datetime.fromtimestamp(unix_ms / 1000, UTC), "f")


# --- export ---------------------------------------------------------------------------------------------------------


async def send_export(interaction: Interaction, begin: int = 0) -> None:
    """Send the parts from file number `begin` on, some at once; a button asks for the rest.

    Raises ExportUnderWay while others are made for the person, NothingThere for a file that is not there, or
    DatabaseError.
    """
    parts = interaction.client.exporter.parts(interaction.user.id, interaction.filesize_limit, begin)
    sent, place = 0, begin
    async with aclosing(parts):
        async for part in parts:
            sent += 1
            await _send_part(interaction, part, place, last_of_these=sent == MESSAGES_AT_ONCE)
            place = part.next or place
            if sent == MESSAGES_AT_ONCE:
                return
    if not sent:
        raise outdated_error()


async def _send_part(interaction: Interaction, part: ExportPart, place: int, *, last_of_these: bool) -> None:
    name = f"easel-export-{place + 1:05}.zip"
    if part.next is None:
        text = (
            _("This is the last part. Each part is a separate ZIP file.")
            if place
            else _("This file contains all your data.")
        )
    else:
        text = _("This is one part of your data. Each part is a separate ZIP file.")
    text = sentences(text, _("Unpack the ZIP file and open the page *index* in your browser."))
    view = view_of(text, ui.File[Any](f"attachment://{name}"))
    if part.next is not None and last_of_these:
        view.add_item(ui.ActionRow[Any](ExportDataButton(part.next)))
    await send_ephemeral(interaction, view, [discord.File(io.BytesIO(part.data), filename=name)])


class ExportDataButton(PersistentButton, prefix="privacy-export"):
    """Sends the export from a file on."""

    command, action = "privacy", None

    begin: Annotated[int, number_of(9)]

    def text(self) -> str:
        """Whether it sends the first parts or the next."""
        return _("Get the next parts") if self.begin else _("Export")

    async def handle(self, interaction: Interaction) -> None:
        """Send the next parts."""
        await send_export(interaction, self.begin)


# --- deletion -------------------------------------------------------------------------------------------------------


def deletion_view() -> ui.LayoutView:
    """What a deletion does, and the button that asks."""
    lines = [
        _("## Delete all your data"),
        "- "
        + _(
            "Easel deletes your pictures, prompts, bookmarks, stacks, drafts and settings. Queued and "
            "running requests are cancelled."
        ),
        "- " + _("Easel deletes the messages with your pictures wherever it has permission."),
        "- "
        + _(
            "Easel keeps its copy of a reported picture until the reviewers decide or, for most reports, "
            "until a time limit passes. Then Easel deletes this copy."
        ),
        "- "
        + _("Easel still stores blocks and limits that apply to you, and your usage today, but without your user ID."),
        "- " + _("To get a copy first, use /privacy export."),
    ]
    return view_of("\n".join(lines), ui.ActionRow[Any](DeleteAllButton(), ExportDataButton(0)))


class DeleteAllButton(PersistentButton, prefix="privacy-delete"):
    """Asks before all is deleted."""

    command, action = "privacy", None
    label, style = later("Delete my data …"), discord.ButtonStyle.danger

    async def handle(self, interaction: Interaction) -> None:
        """Ask."""
        text = sentences(_("This deletes all your data, in every server."), _("The deletion cannot be undone."))
        await ask(interaction, _("Delete everything permanently?"), text, ConfirmDeletingAllButton(), _("Keep my data"))


class ConfirmDeletingAllButton(PersistentButton, prefix="privacy-erase"):
    """Deletes all data of the person who presses it."""

    command, action = "privacy", None
    label, style = later("Delete all my data"), discord.ButtonStyle.danger

    async def handle(self, interaction: Interaction) -> None:
        """Order the deletion, and show its receipt while the interaction can be answered. Raises DatabaseError."""
        ended = await interaction.client.erasures.request(interaction.user.id)
        text = sentences(
            _("Easel is deleting all your data."),
            _("The deletion continues in the background. /privacy show tells you when it is done."),
        )
        await conclude(interaction, text)
        background.start(_tell_receipt(interaction, ended), "telling the receipt of a deletion")


async def _tell_receipt(interaction: Interaction, ended: asyncio.Future[Erasure]) -> None:
    erasure = await asyncio.shield(ended)
    if interaction.is_expired():
        return
    try:
        await conclude(interaction, receipt_text(erasure))
    except DISCORD_ERRORS:
        return  # /privacy show has it
