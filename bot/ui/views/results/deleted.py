"""What stands in place of a picture that was deleted, reported or taken down, and the button that undoes a deletion."""

from __future__ import annotations

from typing import Any

from discord import ui

from bot.database.jobs.jobs import FIND_JOB
from bot.database.privacy.deletions import FIND_HIDDEN_JOB
from bot.errors.missing import NothingThere
from bot.errors.rights import NotYours
from bot.i18n import _, later, sentences
from bot.ui.client import Interaction
from bot.ui.interactions.acknowledge import acknowledge, replace
from bot.ui.removals.pictures import gone_for_good
from bot.ui.rendered_message import view_of
from bot.ui.views.persistent_items import JobButton


class UndoDeletionButton(JobButton, prefix="undelete"):
    """Brings the person's own picture back."""

    command, action = "history", None
    label = later("Undo")
    in_message_of_job = False

    async def handle(self, interaction: Interaction) -> None:
        """Bring it back, with its message; elsewhere say so."""
        db = interaction.client.db
        job = await db.one(FIND_HIDDEN_JOB, self.job_id)
        if job is None:
            if await db.one(FIND_JOB, self.job_id) is None:
                raise gone_for_good()
            raise NothingThere(what=_("This picture has not been deleted."))
        if job.person_id != interaction.user.id:
            raise NotYours(instead=_("Only the picture's author can restore it."))
        shown_in = await interaction.client.removals.undo(job)
        if interaction.message is not None and interaction.message.id == shown_in:
            await acknowledge(interaction)
        else:
            where = _("To show the picture here, press *Open* in your /history.")
            await replace(interaction, view_of(sentences(_("You restored the picture."), where)))


def deleted_view(job_id: int, until: int | None) -> ui.LayoutView:
    """Says that the picture was deleted, and until when (unix ms) it can be brought back, if it can."""
    if until is None:
        return _notice(_("**This picture was deleted**"), _("The deletion cannot be undone."))
    text = sentences(
        _("The author can restore the picture with *Undo* until {time}.").format(time=f"<t:{until // 1000}:t>"),
        _("If the author does not restore the picture, Easel deletes it permanently."),
    )
    return _notice(_("**This picture was deleted**"), text, ui.ActionRow[Any](UndoDeletionButton(job_id)))


def held_text(until: int) -> str:
    """Tells the owner of a picture that was deleted that an open report holds it, until then at most (unix ms)."""
    return sentences(
        _(
            "A user reported this picture. Easel keeps it for the reviewers of the report and hides it "
            "from everyone else."
        ),
        _(
            "Easel permanently deletes the picture after the reviewers decide. Without a decision, Easel "
            "usually deletes the picture {time}."
        ).format(time=f"<t:{until // 1000}:R>"),
    )


def reported_view() -> ui.LayoutView:
    """Says that the picture is out of sight until staff decide. Neither it nor its prompt is named."""
    return _notice(
        _("**This picture was reported**"),
        sentences(
            _("Reviewers will check the report. Until they decide, the picture stays hidden."),
            _("If the reviewers find no problem, Easel shows the picture again."),
        ),
    )


def taken_down_view() -> ui.LayoutView:
    """Says that the picture was taken down."""
    return _notice(_("**This picture was removed**"), _("Easel notifies the author of the picture."))


def _notice(head: str, text: str, *rows: ui.Item[Any]) -> ui.LayoutView:
    return view_of(f"{head}\n-# {text}", *rows)
