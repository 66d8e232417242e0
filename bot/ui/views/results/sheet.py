"""The message of a sweep or comparison: one contact sheet, and buttons that copy a variant to the studio."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import discord
from discord import ui

from bot.database.jobs.jobs import Job
from bot.errors.missing import NothingThere
from bot.i18n import _, number, translated_note
from bot.i18n.texts import at_weight, bounded_lines, clipped, on_a_label, plain, sentence_of_ours, summary_of_job
from bot.pictures.sheets import letters_of
from bot.requests.builder import LoraDraft
from bot.requests.few_steps import few_step_note
from bot.requests.regions import own_words, words_note
from bot.requests.trigger_words import joined_note
from bot.requests.variants import VariantName, names_of
from bot.ui.client import Interaction
from bot.ui.rendered_message import Items, button_rows, view_of
from bot.ui.views.custom_ids import Position
from bot.ui.views.persistent_items import JobButton
from bot.workspace.remix import edited
from bot.workspace.studio_draft import Studio, StudioLora
from inference.errors import TooManyLoras
from inference.messages.request import GenerationRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.pictures.attachments import PictureFile

MAX_LEGEND = 800  # characters


class TakeVariantButton(JobButton, prefix="take"):
    """Copies the weights of a variant to the studio of the person who presses; unused LoRAs are removed."""

    command = "studio"
    in_message_of_job = False

    variant: Position

    async def handle(self, interaction: Interaction) -> None:
        """Copy the variant. The prompt is copied only from one's own job, and only to a studio without a prompt."""
        job = await self.open_job(interaction)
        request = job.request
        if self.variant >= len(request.variants):
            raise NothingThere(what=_("This picture is no longer in the database."))
        client, studios, person_id = interaction.client, interaction.client.studios, interaction.user.id
        snapshot = await studios.snapshot(interaction)
        note = _("Copied these settings from the comparison sheet: {variant}.").format(
            variant=plain(variant_text(names_of(request)[self.variant]))
        )
        if job.person_id == person_id and not own_words(snapshot.studio.draft):
            again = await edited(
                client.db, client.configuration.checkpoints, client.inputs, job,
                limit=client.configuration.settings.limits.max_loras, position=self.variant,
            )  # fmt: skip
            await studios.open_with(interaction, again.draft, "\n".join([note, *again.notes]))
            return
        entries = await _entries(interaction, request)
        limit = interaction.client.configuration.settings.limits.max_loras
        await studios.change(interaction, lambda studio: _with_variant(studio, request, self.variant, entries, limit))
        await studios.open(interaction, note)


async def _entries(interaction: Interaction, request: GenerationRequest) -> dict[str, StudioLora]:
    """The LoRAs of a request as studio entries, by SHA-256; missing ones are left out."""
    found: dict[str, StudioLora] = {}
    for use in request.loras:
        draft = LoraDraft(name=use.name, sha256=use.sha256)
        lora = (await interaction.client.requests.choose(draft, None)).lora
        if lora is not None:
            found[use.sha256] = StudioLora(lora_id=lora.id, name=lora.name, sha256=use.sha256)
    return found


def _with_variant(
    studio: Studio, request: GenerationRequest, variant: int, entries: dict[str, StudioLora], limit: int
) -> Studio:
    for use, weight in zip(request.loras, request.variants[variant], strict=True):
        lora = entries.get(use.sha256)
        if lora is None:
            continue
        if not weight:
            studio = studio.without({lora.lora_id})
        elif studio.has(lora.lora_id):
            studio = studio.changed(lora.lora_id, weight=weight)
        else:
            studio = studio.with_lora(
                lora.model_copy(update={"weight": weight, "trigger_words": use.trigger_words, "region": use.region})
            )
    if len(studio.loras) > limit:
        raise TooManyLoras(count=len(studio.loras), limit=limit)
    return studio


def sheet_view(job: Job, sheet: PictureFile, buttons: Items) -> ui.LayoutView:
    """The sheet, its caption, a button for each variant, and `buttons`."""
    request = job.request
    names = names_of(request)
    gallery = ui.MediaGallery[Any](discord.MediaGalleryItem(f"attachment://{sheet.name}"))
    letters = letters_of(request)
    takes = [TakeVariantButton(job.id, i).labelled(_button_label(name, letters)) for i, name in enumerate(names)]
    return view_of(gallery, _text(job, names, sheet.note), *button_rows(takes), *button_rows(buttons))


def variant_text(name: VariantName) -> str:
    """The name of a variant: `Komori at 0.6`, `without Komori`."""
    if name.lora is not None and name.weight:
        return at_weight(name.lora, name.weight)
    if name.everything and name.lora is None:
        return _("without LoRAs")
    left_out = [name.lora] if name.lora is not None else list(name.without)
    return _("without {loras}").format(loras=", ".join(left_out)) if left_out else _("all LoRAs")


def label_of_variant(request: GenerationRequest, position: int) -> str:
    """The name of a variant for a button."""
    return _button_label(names_of(request)[position], letters_of(request))


def _button_label(name: VariantName, letters: Mapping[str, str]) -> str:
    """The name of a variant for a button: long names are cut, or replaced by their letter on the sheet."""
    if name.lora is not None:
        return variant_text(replace(name, lora=on_a_label(name.lora)))
    return variant_text(replace(name, without=tuple(letters.get(each, each) for each in name.without)))


def _without_swept_lora(job: Job) -> Job:
    """The job without the LoRA whose weight is swept: the summary would show a weight that no picture has."""
    tried = names_of(job.request)[0].lora
    kept = tuple(use for use in job.request.loras if use.name != tried)
    return replace(job, request=job.request.model_copy(update={"loras": kept}))


def _text(job: Job, names: list[VariantName], sent: str) -> str:
    lora = names[0].lora
    if lora is not None:
        weights = " · ".join(f"{name.weight:g}" for name in names)
        head = _("**{lora}** at the weights {weights} (same seed for all pictures)").format(
            lora=clipped(lora, 120), weights=weights
        )
    else:
        head = _("Effect of each LoRA (same seed for all pictures)")
    letters = letters_of(job.request)
    legend = [f"**{letter}** {clipped(name, 120)}" for name, letter in letters.items() if lora is None]
    seconds = [_("{seconds} s").format(seconds=number(job.seconds, 1))] if job.seconds is not None else []
    notes = [f"-# {sentence_of_ours(translated_note(note))}" for note in (*job.notes, sent) if note]
    if made := few_step_note(job.request):
        notes.insert(0, f"-# {plain(made, 250)}")
    notes += [f"-# {note}" for note in (joined_note(job.request), words_note(job.request)) if note]
    text = "-# " + " · ".join([summary_of_job(_without_swept_lora(job)), *seconds])
    ask = "-# " + _("To copy a picture's LoRAs and weights to your studio, press its button.")
    return "\n".join([head, *bounded_lines(legend, MAX_LEGEND), text, *notes, ask])
