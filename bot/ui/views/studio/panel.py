"""Renders the studio panel within Discord's 40 components and 4000 characters.

The fixed part has 19 components. A starting picture takes 6, a LoRA with controls 9, the text about misfit LoRAs 3, and
the text and menu of the LoRAs without controls 3. So two LoRAs have controls, among them the one that was changed last;
only one if there is a starting picture, or if there are misfit LoRAs and collapsed LoRAs too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from discord import ui

from bot.config import CheckpointSettings
from bot.database.lora_search import Shown
from bot.i18n import _, label, ngettext
from bot.i18n.texts import at_weight, bounded_lines, clipped, plain, several
from bot.pictures.attachments import PictureFile
from bot.pictures.lora_pictures import LoraPictures
from bot.requests.builder import is_blank
from bot.requests.drafts import OWN, RequestDraft
from bot.requests.few_steps import filled_in, made_for
from bot.ui.access import shown_ratings
from bot.ui.client import Interaction
from bot.ui.guide.answers import GuideLink
from bot.ui.rendered_message import RenderedMessage
from bot.ui.replies import error_message
from bot.ui.studio_session import StudioSnapshot
from bot.ui.views.guide import GuideLinkButton
from bot.ui.views.persistent_items import PersistentButton
from bot.ui.views.stacks import SaveStackButton
from bot.ui.views.studio.buttons import (
    NUDGE,
    AdjustButton,
    AdvancedButton,
    NudgeButton,
    OptionsButton,
    PromptButton,
    RemoveLoraButton,
    RemovePictureButton,
    StrengthButton,
    StudioButton,
    UndoDraftButton,
)
from bot.ui.views.studio.generate import GenerateButton
from bot.ui.views.studio.lora_menu import AddLoraMenu
from bot.ui.views.studio.menus import CheckpointMenu, FocusMenu, TriggerWordsMenu
from bot.ui.views.studio.sweeps import CompareButton, SweepButton
from bot.workspace.studio_draft import Row
from bot.workspace.weight_advice import advice
from inference.messages import SourceImage, words_in

MAX_PROMPT, MAX_NEGATIVE, MAX_WORDS, MAX_NOTE = 800, 200, 250, 300  # characters shown of each
MAX_NAME, MAX_REASONS, MAX_ADVICE, MAX_COLLAPSED = 80, 900, 450, 350


async def render_panel(interaction: Interaction, snapshot: StudioSnapshot, note: str) -> RenderedMessage:
    """The panel of a snapshot; `note` says what was just done, one line each, with names escaped.

    Of LoRAs and starting pictures that are rated above the place, no pictures are shown. Raises DatabaseError.
    """
    client, ratings = interaction.client, await shown_ratings(interaction)
    page, shown = RenderedMessage(), snapshot.revision
    checkpoints, limit = snapshot.checkpoints, client.configuration.settings.limits.max_loras
    page.view.add_item(ui.TextDisplay[Any](_head(snapshot, note)))
    settings: list[StudioButton] = [
        PromptButton(shown, label=_("Edit prompt")),
        OptionsButton(shown, label=_("Options")),
        AdvancedButton(shown, label=_("Advanced")),
    ]
    if snapshot.undoable:
        settings.append(UndoDraftButton(shown, label=_("Back to my draft")))
    page.view.add_item(ui.ActionRow[Any](*settings))
    page.view.add_item(ui.ActionRow[Any](CheckpointMenu.of(snapshot)))
    if image := snapshot.studio.draft.image:
        hidden = image.rating is not None and image.rating not in ratings
        small = await client.thumbnails.of(client.inputs.path(image.sha256))
        _add_starting_picture(page, shown, image, small, hidden=hidden)
    page.view.add_item(ui.TextDisplay[Any](_about_loras(snapshot, limit)))
    await _add_loras(page, client.lora_pictures, snapshot, ratings)
    if snapshot.misfits:
        page.view.add_item(ui.TextDisplay[Any](_reasons(snapshot.misfits)))
        page.view.add_item(ui.ActionRow[Any](RemoveLoraButton(shown, label=_("Take out what does not fit"))))
    if words := TriggerWordsMenu.of(snapshot):
        page.view.add_item(ui.ActionRow[Any](words))
    menu = await AddLoraMenu.of(snapshot, client.connection, checkpoints, limit, ratings)
    page.view.add_item(ui.ActionRow[Any](menu))
    below: list[PersistentButton] = [GenerateButton(shown, label=_("Generate"))]
    if snapshot.fitting:
        below += [CompareButton(shown, label=_("Compare")), SaveStackButton(shown, label=_("Save as stack"))]
    page.view.add_item(
        ui.ActionRow[Any](*below, GuideLinkButton(GuideLink.BOOKMARKS), GuideLinkButton(GuideLink.MARKET))
    )
    return page


def _add_starting_picture(
    page: RenderedMessage, shown: int, image: SourceImage, thumbnail: PictureFile | None, *, hidden: bool
) -> None:
    """The picture with its buttons; a `hidden` one is rated above the place."""
    text = _("**Starts from this picture** · strength **{strength}**").format(strength=f"{image.strength:g}")
    text += "\n-# " + _("A low strength keeps most of it, a high one little.")
    if thumbnail is None:
        gone = _("⚠️ The picture to start from is not kept any more. Remove it, or give another one.")
        page.view.add_item(ui.TextDisplay[Any](gone))
    elif hidden:
        above = _("It is rated above what this place shows, so it is not shown here.")
        page.view.add_item(ui.TextDisplay[Any](f"{text}\n-# {above}"))
    else:
        shown_picture = ui.Thumbnail[Any](page.attach(thumbnail), description=_("Starting picture"))
        page.view.add_item(ui.Section[Any](text, accessory=shown_picture))
    page.view.add_item(
        ui.ActionRow[Any](
            StrengthButton(shown, label=_("Strength")), RemovePictureButton(shown, label=_("Remove picture"))
        )
    )


async def _add_loras(page: RenderedMessage, pictures: LoraPictures, snapshot: StudioSnapshot, ratings: Shown) -> None:
    """Add the LoRAs that fit: one or two with controls, the others in one text."""
    fitting = snapshot.fitting
    most = 1 if snapshot.studio.draft.image or (snapshot.misfits and len(fitting) > 2) else 2
    with_controls = _rows_with_controls(fitting, snapshot.studio.focus, most)
    for row in with_controls:
        await _add_row(page, pictures, snapshot, row, ratings)
    if collapsed := [row for row in fitting if row not in with_controls]:
        text = several((at_weight(row.name, row.weight) for row in collapsed), MAX_COLLAPSED)
        page.view.add_item(ui.TextDisplay[Any](_("And {loras}").format(loras=text)))
        page.view.add_item(ui.ActionRow[Any](FocusMenu.of(snapshot, collapsed)))


def _rows_with_controls(fitting: Sequence[Row], focus: int | None, most: int) -> list[Row]:
    """The LoRAs with controls, in order: the focused one, and the first of the others."""
    first = sorted(fitting, key=lambda row: row.lora.lora_id != focus)[:most]
    return [row for row in fitting if row in first]


async def _add_row(
    page: RenderedMessage, pictures: LoraPictures, snapshot: StudioSnapshot, row: Row, ratings: Shown
) -> None:
    assert row.entry is not None
    words = (
        "\n-# " + _("Trigger words: {words}").format(words=several((word[:120] for word in row.words), 120))
        if row.words
        else ""
    )
    weight = _("at {weight}").format(weight=f"**{row.weight:g}**")
    text = f"**{clipped(row.name, MAX_NAME)}** · {label(row.entry.category)} · {weight}{words}"
    preview = None
    if ratings is None or row.entry.content_rating in ratings:
        preview = page.attach_if(await pictures.preview(row.entry, snapshot.checkpoint.base_model))
    if preview is None:
        page.view.add_item(ui.TextDisplay[Any](text))
    else:
        page.view.add_item(ui.Section[Any](text, accessory=ui.Thumbnail[Any](preview, description=_("Preview"))))
    shown, lora_id = snapshot.revision, row.lora.lora_id
    page.view.add_item(
        ui.ActionRow[Any](
            NudgeButton(shown, f"{lora_id}:-1", label=f"\N{MINUS SIGN}{NUDGE:g}"),
            NudgeButton(shown, f"{lora_id}:1", label=f"+{NUDGE:g}"),
            AdjustButton(shown, str(lora_id), label=_("Weight")),
            SweepButton(shown, str(lora_id), label=_("Try weights")),
            RemoveLoraButton(shown, str(lora_id), label="✕"),
        )
    )


def _head(snapshot: StudioSnapshot, note: str) -> str:
    """The prompt, what is added to it, and the options."""
    draft, checkpoint = snapshot.studio.draft, snapshot.checkpoint
    lines = [f"## {_('Studio')}"]
    lines += [f"-# {text}" for text in bounded_lines(note.splitlines(), MAX_NOTE)]
    if draft.checkpoint and draft.checkpoint != checkpoint.name:
        gone = _("{checkpoint} is not installed any more; {other} is chosen instead.")
        lines.append(gone.format(checkpoint=plain(draft.checkpoint, 64), other=plain(checkpoint.name)))
    if is_blank(draft.prompt):
        lines.append(_("No prompt yet: press *Edit prompt* and say what to paint."))
    else:
        lines.append(f"> {clipped(draft.prompt, MAX_PROMPT)}")
    groups = (group for row in snapshot.fitting for group in row.words)
    joining = [checkpoint.prompt_prefix, *(word for group in groups for word in words_in(group))]
    if any(joining):
        text = several(dict.fromkeys(filter(None, joining)), MAX_WORDS)
        lines.append("-# " + _("Joins the prompt: {words}").format(words=text))
    negative = checkpoint.negative_prompt if draft.negative_prompt is None else draft.negative_prompt
    if negative:
        lines.append("-# " + _("Keeps out: {words}").format(words=clipped(negative, MAX_NEGATIVE)))
    recipe, warnings = snapshot.recipe, snapshot.recipe_warnings
    shown = draft if recipe is None else filled_in(draft, recipe.recipe)
    lines.append(f"-# {_options_text(shown, checkpoint, private=snapshot.preferences.private)}")
    if recipe is not None and not warnings:
        told = _("{name} is made for few steps: {recipe}. What you leave alone is as it wants.")
        lines.append("-# " + told.format(name=plain(recipe.name, MAX_NAME), recipe=made_for(recipe.recipe)))
    lines += [f"⚠️ {clipped(text, MAX_NOTE)}" for text in warnings]
    return "\n".join(lines)


def _options_text(draft: RequestDraft, checkpoint: CheckpointSettings, *, private: bool) -> str:
    size = (checkpoint.size(draft.size) if draft.size else None) or checkpoint.default_size
    guidance = checkpoint.guidance_scale if draft.guidance_scale is None else draft.guidance_scale
    steps = draft.steps or checkpoint.steps
    parts = [
        f"{size}",
        ngettext("{count} step", "{count} steps", steps).format(count=steps),
        draft.sampler or checkpoint.sampler.value,
        _("guidance {value}").format(value=f"{guidance:g}"),
        _("random seed") if draft.seed is None else _("seed {seed}").format(seed=draft.seed),
        ngettext("{count} picture", "{count} pictures", draft.count).format(count=draft.count),
    ]
    if (spacing := draft.spacing or checkpoint.spacing) and spacing != OWN:
        parts.append(_("{spacing} spacing").format(spacing=spacing))
    if clip_skip := draft.clip_skip or checkpoint.clip_skip:
        parts.append(_("clip skip {layer}").format(layer=clip_skip))
    if draft.fast:
        parts.append(_("fast"))
    if private:
        parts.append(_("only you will see it"))
    return " · ".join(parts)


def _about_loras(snapshot: StudioSnapshot, limit: int) -> str:
    """The number of LoRAs, whether they fit, and warnings."""
    rows, base = snapshot.rows, snapshot.checkpoint.base_model.label
    head = _("**LoRAs {count} of {limit}**").format(count=len(rows), limit=limit)
    if not rows:
        return f"{head}\n-# " + _("Add one below, or paint without.")
    if snapshot.misfits:
        count = len(snapshot.misfits)
        message = ngettext("{count} does not fit {base}", "{count} do not fit {base}", count)
        lines = [f"{head} · {message.format(count=count, base=base)}"]
    else:
        lines = [f"{head} · " + _("all fit {base}").format(base=base)]
    warnings = [f"⚠️ {clipped(text, 200)}" for text in advice(rows, snapshot.studio.draft.prompt)]
    return "\n".join([*lines, *bounded_lines(warnings, MAX_ADVICE)])


def _reasons(misfits: Sequence[Row]) -> str:
    """Each LoRA that does not fit, struck through, with the reason."""
    lines = [f"~~{clipped(row.name, MAX_NAME)}~~\n-# {error_message(row.refusal)}" for row in misfits if row.refusal]
    more = _("They stay here, and are left out only when you say so.")
    return "\n".join([*bounded_lines(lines, MAX_REASONS), f"-# {more}"])
