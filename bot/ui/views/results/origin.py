"""Details of a picture that somebody posted: its recipe, if the file has one, and whether it was generated here."""

from __future__ import annotations

from typing import Any

from discord import ui

from bot.database.jobs.jobs import FIND_JOB
from bot.errors.missing import NothingThere
from bot.i18n import _, ngettext, number, sentences
from bot.i18n.texts import mention
from bot.pictures.similarity.made_here import NotComparable, OriginAnswer, find_made_here
from bot.ui.access import is_operator
from bot.ui.client import Interaction
from bot.ui.message_lookup import PostedPicture, no_recipe
from bot.ui.views.results.details import details_view, job_details_view


async def foreign_details_view(interaction: Interaction, file: PostedPicture) -> ui.LayoutView:
    """Show the file's recipe and the picture's origin. If the user owns the stored picture, show the job instead.

    Raises NothingThere for a picture without recipe that was not generated here, PictureReported, and DatabaseError.
    """
    client, person_id = interaction.client, interaction.user.id
    folder = client.configuration.settings.storage.pictures
    try:
        answer = await find_made_here(client.db, folder, file.data, person_id=person_id)
        made, origin = answer.found, _origin(interaction, answer)
    except NotComparable:
        unknown = _("Easel cannot check whether it generated this picture.")
        made, origin = (
            None,
            sentences(unknown, _("The picture has too little detail to compare, or the file is damaged.")),
        )
    if file.count > 1:
        told = _("Picture {position} of {count}: {text}")
        origin = told.format(position=file.position, count=file.count, text=origin)
    view = ui.LayoutView(timeout=None)
    if made is not None and made.origin.person_id == person_id:
        job = await client.db.one(FIND_JOB, made.origin.job_id)
        view = view if job is None else await job_details_view(interaction, job)
    elif file.recipe is not None:
        origin = sentences(_("The details above come from the file, which anyone can change."), origin)
        view = await details_view(interaction, file.recipe)
    elif made is None:
        raise NothingThere(what=sentences(no_recipe(), origin))
    view.add_item(ui.TextDisplay[Any](origin))
    return view


def _origin(interaction: Interaction, answer: OriginAnswer) -> str:
    """Describe the origin. Only the owner and operators see the job."""
    made = answer.found
    if made is None:
        lines = [
            _("This picture does not match any picture that this bot stores."),
            _("The bot cannot recognize deleted pictures."),
        ]
        if answer.not_compared:
            count = answer.not_compared
            text = ngettext(
                "{count} stored picture could not be compared with this picture.",
                "{count} stored pictures could not be compared with this picture.",
                count,
            )
            lines.append(text.format(count=number(count)))
        return sentences(*lines)
    when = f"<t:{made.origin.created_at // 1000}:f>"
    if made.origin.given:
        text = _("This bot generated a similar picture on {when}, from a start picture that a user provided.")
    else:
        text = _("This picture is AI-generated. This bot generated it on {when}.")
    told = [text.format(when=when)]
    if made.origin.person_id == interaction.user.id or is_operator(interaction):
        job = _("Picture {position} of job {number}, requested by {person}.")
        person = mention(made.origin.person_id)
        told.append(job.format(number=made.origin.job_id, person=person, position=made.origin.position + 1))
    return sentences(*told)
