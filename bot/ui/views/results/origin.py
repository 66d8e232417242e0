"""Details of the pictures that somebody posted: whether each was generated here, and the recipe in the file."""

from __future__ import annotations

from dataclasses import replace

import discord
from discord import ui

from bot.database.jobs.jobs import FIND_JOB
from bot.errors.pictures import PictureReported
from bot.i18n import _, later, sentences
from bot.i18n.texts import mention
from bot.pictures.similarity.made_here import Obstacle, OriginAnswer, find_made_here
from bot.ui.access import is_operator
from bot.ui.client import Interaction
from bot.ui.interactions.replies import error_message
from bot.ui.message_lookup import MAX_BYTES, MAX_PICTURES, NOT_DOWNLOADED, PostedPicture, posted_pictures
from bot.ui.rendered_message import view_of
from bot.ui.views.results.details import details_view, job_details_view

_OBSTACLES = {
    Obstacle.BROKEN: later(
        "The file is damaged or incomplete, so it cannot be compared. Please upload the picture again."
    ),
    Obstacle.PARTS: later(
        "The file has too many parts. Please save the picture again with another program, then upload it."
    ),
    Obstacle.PLAIN: later("The picture has too little detail to compare it with others."),
    Obstacle.LARGE: later("The picture has too many pixels. Please upload a smaller copy."),
}


async def foreign_details_view(interaction: Interaction, message: discord.Message) -> ui.LayoutView:
    """Show the origin of each picture. Then show the details of the first picture that has some.

    A user sees the details of their own job. For other pictures, the details come from the file. Raises NothingThere
    or DatabaseError.
    """
    client, person_id = interaction.client, interaction.user.id
    folder = client.configuration.settings.storage.pictures
    checked: list[tuple[PostedPicture, OriginAnswer | None]] = []
    async for file in posted_pictures(message):
        answer = None
        if file.data is not None:
            answer = await find_made_here(client.db, client.attachments, folder, file.data, person_id=person_id)
            file = replace(file, data=b"")  # frees the memory
        checked.append((file, answer))
    lines = [_numbered(file, _origin(interaction, file, answer)) for file, answer in checked]
    if len(checked) < (count := checked[0][0].count):
        text = _("Easel checked {checked} of {count} pictures. It checks up to {most}, each of at most {size} MB.")
        lines.append(text.format(checked=len(checked), count=count, most=MAX_PICTURES, size=MAX_BYTES // 2**20))
    for file, answer in checked:
        if answer is not None and answer.found is not None and answer.found.origin.person_id == person_id:
            job = await client.db.one(FIND_JOB, answer.found.origin.job_id)
            if job is not None:
                below = [_numbered(file, _("The details below are from your job."))] if count > 1 else []
                try:
                    return await job_details_view(interaction, job, origin="\n".join([*lines, *below]))
                except PictureReported as reported:
                    lines.append(_numbered(file, error_message(reported)))
        elif file.recipe is not None:
            below = _numbered(file, _("The details below come from the file, which anyone can change."))
            return await details_view(interaction, file.recipe, origin="\n".join([*lines, below]))
    return view_of("\n".join(lines))


def _numbered(file: PostedPicture, text: str) -> str:
    """The text about a picture, with the picture's number if the message has several."""
    if file.count == 1:
        return text
    return _("Picture {position} of {count}: {text}").format(position=file.position, count=file.count, text=text)


def _origin(interaction: Interaction, file: PostedPicture, answer: OriginAnswer | None) -> str:
    """Describe the origin. Only the owner and operators see the job."""
    if answer is None:
        return _(NOT_DOWNLOADED)
    made = answer.found
    if made is None:
        return sentences(*_not_found(interaction, file, answer))
    when = f"<t:{made.origin.created_at // 1000}:f>"
    if made.origin.given and not answer.signed:
        text = _("This bot generated a similar picture on {when}, from a start picture that a user provided.")
    else:
        text = _("This picture is AI-generated. This bot generated it on {when}.")
    lines = [text.format(when=when)]
    if answer.signed:
        lines.append(_("The file carries this bot's signature and is unchanged."))
    if made.origin.person_id == interaction.user.id or is_operator(interaction):
        job = _("Picture {position} of job {number}, requested by {person}.")
        person = mention(made.origin.person_id)
        lines.append(job.format(number=made.origin.job_id, person=person, position=made.origin.position + 1))
    return sentences(*lines)


def _not_found(interaction: Interaction, file: PostedPicture, answer: OriginAnswer) -> list[str]:
    """What to say if no stored picture matches. A single picture without recipe gets no details, so say why."""
    if answer.signed:
        return [
            _("This picture is AI-generated. This bot generated it and signed the file."),
            _("Easel does not find the stored picture, so it does not know the date."),
        ]
    if answer.obstacle is None:
        lines = [
            _("This picture does not match any picture that this bot stores."),
            _("The bot cannot recognize deleted pictures, or many crops and screenshots."),
        ]
    else:
        lines = [_("Easel cannot check whether it generated this picture."), _(_OBSTACLES[answer.obstacle])]
        if answer.obstacle is Obstacle.PLAIN:
            lines.append(
                _("If you have the original file from this bot, post it: Easel can check its signature.")
                if interaction.client.attachments.signs
                else _("Please ask the person who posted it.")
            )
    if file.count == 1 and file.recipe is None and answer.obstacle is not Obstacle.BROKEN:
        lines.append(file.no_recipe)
    return lines
