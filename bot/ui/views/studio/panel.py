"""Renders the studio panel within Discord's 40 components and 4000 characters.

The fixed part has 20 components. A starting picture takes 6, a LoRA with controls 7, the text about misfit LoRAs 3, and
the text and menu of the LoRAs without controls 3. So two LoRAs have controls, among them the one that was changed last;
only one if there is a starting picture, or if there are misfit LoRAs and collapsed LoRAs too. In the room that is left
the layout of the regions and the previews of LoRAs are shown, which take 2 each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from discord import ui

from bot.config import CheckpointSettings
from bot.database.loras.search import Shown
from bot.i18n import _, label, ngettext, translated_note
from bot.i18n.texts import at_weight, bounded_lines, clipped, plain, several
from bot.pictures.attachments import PictureFile
from bot.pictures.layouts import layout_picture
from bot.pictures.lora_pictures import LoraPictures
from bot.requests.drafts import OWN, RequestDraft
from bot.requests.few_steps import made_for
from bot.requests.regions import layout_name, own_words
from bot.requests.usual import ResolvedSettings, resolved
from bot.ui.access import shown_ratings
from bot.ui.client import Interaction
from bot.ui.guide.answers import GuideLink
from bot.ui.interactions.replies import error_message
from bot.ui.rendered_message import MAX_COMPONENTS, RenderedMessage
from bot.ui.studio_session import StudioSnapshot
from bot.ui.views.bookmarks.stacks import SaveStackButton
from bot.ui.views.guide import GuideLinkButton
from bot.ui.views.persistent_items import PersistentButton
from bot.ui.views.studio.buttons import (
    NUDGE,
    AdjustButton,
    AdvancedButton,
    NudgeButton,
    OptionsButton,
    PromptButton,
    RegionsButton,
    RemoveLoraButton,
    RemovePictureButton,
    StrengthButton,
    StudioButton,
    UndoDraftButton,
)
from bot.ui.views.studio.forms import regions_title
from bot.ui.views.studio.generate import GenerateButton
from bot.ui.views.studio.lora_menu import AddLoraMenu
from bot.ui.views.studio.menus import CheckpointMenu, FocusMenu, TriggerWordsMenu
from bot.ui.views.studio.sweeps import CompareButton, SweepButton
from bot.visible_text import is_blank
from bot.workspace.studio_draft import Row
from bot.workspace.weight_advice import advice
from inference.errors import RegionsNotOffered
from inference.messages.request import SourceImage, words_in
from inference.regions import RegionName

MAX_PROMPT, MAX_NEGATIVE, MAX_WORDS, MAX_NOTE = 800, 200, 250, 300  # characters shown of each
FIXED, WITH_PICTURE, WITH_CONTROLS, IN_A_TEXT, PICTURE = 20, 6, 7, 3, 2  # components that each takes at most
MAX_NAME, MAX_REASONS, MAX_ADVICE, MAX_COLLAPSED = 80, 900, 450, 350


async def render_panel(interaction: Interaction, snapshot: StudioSnapshot, note: str) -> RenderedMessage:
    """The panel of a snapshot; `note` says what was just done, one line each, with names escaped.

    Of LoRAs and starting pictures that are rated above the place, no pictures are shown. Raises DatabaseError.
    """
    client, ratings = interaction.client, await shown_ratings(interaction)
    page, shown = RenderedMessage(), snapshot.revision
    checkpoints, limit = snapshot.checkpoints, client.configuration.settings.limits.max_loras
    room = _Room.for_pictures(snapshot)
    _add_head(page, snapshot, note, room)
    settings: list[StudioButton] = [
        PromptButton(shown),
        OptionsButton(shown),
        AdvancedButton(shown),
    ]
    if snapshot.studio.draft.regions or snapshot.checkpoint.capability.regions:
        settings.append(RegionsButton(shown).labelled(regions_title(snapshot.studio.draft)))
    if snapshot.undoable:
        settings.append(UndoDraftButton(shown))
    page.view.add_item(ui.ActionRow[Any](*settings))
    page.view.add_item(ui.ActionRow[Any](CheckpointMenu.of(snapshot)))
    if image := snapshot.studio.draft.image:
        hidden = image.rating is not None and image.rating not in ratings
        small = await client.thumbnails.of(client.inputs.path(image.sha256))
        _add_starting_picture(page, shown, image, small, hidden=hidden)
    page.view.add_item(ui.TextDisplay[Any](_about_loras(snapshot, limit)))
    await _add_loras(page, client.lora_pictures, snapshot, ratings, room)
    if snapshot.misfits:
        page.view.add_item(ui.TextDisplay[Any](_reasons(snapshot.misfits)))
        page.view.add_item(ui.ActionRow[Any](RemoveLoraButton(shown).labelled(_("Remove incompatible LoRAs"))))
    if words := TriggerWordsMenu.of(snapshot):
        page.view.add_item(ui.ActionRow[Any](words))
    menu = await AddLoraMenu.of(snapshot, client.db, checkpoints, limit, ratings)
    page.view.add_item(ui.ActionRow[Any](menu))
    below: list[PersistentButton] = [GenerateButton(shown)]
    if snapshot.fitting:
        below += [CompareButton(shown), SaveStackButton(shown)]
    page.view.add_item(
        ui.ActionRow[Any](*below, GuideLinkButton(GuideLink.BOOKMARKS), GuideLinkButton(GuideLink.MARKET))
    )
    return page


def _add_starting_picture(
    page: RenderedMessage, shown: int, image: SourceImage, thumbnail: PictureFile | None, *, hidden: bool
) -> None:
    """The picture with its buttons; a `hidden` one is rated above the place."""
    text = _("**Starts from this picture** · strength **{strength}**").format(strength=f"{image.strength:g}")
    text += "\n-# " + _("A low strength keeps most of the picture. A high strength keeps little of it.")
    if thumbnail is None:
        gone = _("⚠️ The start picture is no longer stored. Press *Remove picture*, or add another picture.")
        page.view.add_item(ui.TextDisplay[Any](gone))
    elif hidden:
        above = _("The picture is hidden, because its rating is above the limit here.")
        page.view.add_item(ui.TextDisplay[Any](f"{text}\n-# {above}"))
    else:
        shown_picture = ui.Thumbnail[Any](page.attach(thumbnail), description=_("Start picture"))
        page.view.add_item(ui.Section[Any](text, accessory=shown_picture))
    page.view.add_item(ui.ActionRow[Any](StrengthButton(shown), RemovePictureButton(shown)))


async def _add_loras(
    page: RenderedMessage, pictures: LoraPictures, snapshot: StudioSnapshot, ratings: Shown, room: _Room
) -> None:
    """Add the LoRAs that fit: one or two with controls, the others in one text."""
    fitting = snapshot.fitting
    with_controls = _rows_with_controls(fitting, snapshot.studio.focus, _most_with_controls(snapshot))
    for row in with_controls:
        await _add_row(page, pictures, snapshot, row, ratings, room)
    if collapsed := [row for row in fitting if row not in with_controls]:
        region_of = snapshot.studio.region_of
        text = several((at_weight(row.name, row.weight, region_of(row.lora)) for row in collapsed), MAX_COLLAPSED)
        page.view.add_item(ui.TextDisplay[Any](_("Other LoRAs: {loras}").format(loras=text)))
        page.view.add_item(ui.ActionRow[Any](FocusMenu.of(snapshot, collapsed)))


def _most_with_controls(snapshot: StudioSnapshot) -> int:
    return 1 if snapshot.studio.draft.image or (snapshot.misfits and len(snapshot.fitting) > 2) else 2


@dataclass
class _Room:
    """The components that are left for pictures."""

    components: int

    @classmethod
    def for_pictures(cls, snapshot: StudioSnapshot) -> Self:
        """What is left beside everything else that the panel of a snapshot may have."""
        fitting, most = len(snapshot.fitting), _most_with_controls(snapshot)
        taken = FIXED - (not snapshot.undoable) + (WITH_PICTURE if snapshot.studio.draft.image else 0)
        taken += WITH_CONTROLS * min(fitting, most) + IN_A_TEXT * (fitting > most) + IN_A_TEXT * bool(snapshot.misfits)
        return cls(MAX_COMPONENTS - taken)

    def take(self) -> bool:
        """Whether there is room for one more picture, which is taken then."""
        fits = self.components >= PICTURE
        self.components -= PICTURE if fits else 0
        return fits


def _rows_with_controls(fitting: Sequence[Row], focus: int | None, most: int) -> list[Row]:
    """The LoRAs with controls, in order: the focused one, and the first of the others."""
    first = sorted(fitting, key=lambda row: row.lora.lora_id != focus)[:most]
    return [row for row in fitting if row in first]


async def _add_row(
    page: RenderedMessage, pictures: LoraPictures, snapshot: StudioSnapshot, row: Row, ratings: Shown, room: _Room
) -> None:
    assert row.entry is not None
    words = (
        "\n-# " + _("Trigger words: {words}").format(words=several((word[:120] for word in row.words), 120))
        if row.words
        else ""
    )
    weight = _("weight {weight}").format(weight=f"**{row.weight:g}**")
    side = snapshot.studio.region_of(row.lora)
    part = "" if side is None else f" · **{label(side)}**"
    text = f"**{clipped(row.name, MAX_NAME)}** · {label(row.entry.category)} · {weight}{part}{words}"
    preview = None
    if (ratings is None or row.entry.content_rating in ratings) and room.take():
        preview = page.attach_if(await pictures.preview(row.entry, snapshot.checkpoint.base_model))
    if preview is None:
        page.view.add_item(ui.TextDisplay[Any](text))
    else:
        page.view.add_item(ui.Section[Any](text, accessory=ui.Thumbnail[Any](preview, description=_("Preview"))))
    shown, lora_id = snapshot.revision, row.lora.lora_id
    page.view.add_item(
        ui.ActionRow[Any](
            NudgeButton(shown, f"{lora_id}:-1").labelled(f"\N{MINUS SIGN}{NUDGE:g}"),
            NudgeButton(shown, f"{lora_id}:1").labelled(f"+{NUDGE:g}"),
            AdjustButton(shown, str(lora_id)).labelled(
                _("Weight and area") if snapshot.studio.draft.regions else _("Weight")
            ),
            SweepButton(shown, str(lora_id)),
            RemoveLoraButton(shown, str(lora_id)).labelled("✕"),
        )
    )


def _head(snapshot: StudioSnapshot, note: str) -> str:
    """The prompt, what is added to it, and the options."""
    draft, checkpoint = snapshot.studio.draft, snapshot.checkpoint
    lines = [f"## {_('Studio')}"]
    lines += [f"-# {text}" for text in bounded_lines(note.splitlines(), MAX_NOTE)]
    if draft.checkpoint and draft.checkpoint != checkpoint.name:
        gone = _("{checkpoint} is no longer installed. Your studio uses {other} instead.")
        lines.append(gone.format(checkpoint=plain(draft.checkpoint, 64), other=plain(checkpoint.name)))
    if draft.regions:
        lines += _parts(draft)
        if not checkpoint.capability.regions:
            lines.append(f"⚠️ {error_message(RegionsNotOffered(checkpoint=checkpoint.name))}")
    elif is_blank(draft.prompt):
        lines.append(_("No prompt yet. Press *Edit prompt* and describe the picture."))
    else:
        lines.append(f"> {clipped(draft.prompt, MAX_PROMPT)}")
    lines += _joining(snapshot)
    recipe, warnings = snapshot.recipe, snapshot.recipe_warnings
    settings = resolved(draft, checkpoint, recipe)
    if settings.negative_prompt:
        lines.append(f"-# {_negative_text(settings, checkpoint)}")
    lines.append(f"-# {_options_text(draft, settings, checkpoint, private=snapshot.preferences.private)}")
    if recipe is not None and not warnings:
        told = _("{name} is made for few steps: {recipe}. Settings that you leave empty use these values.")
        lines.append("-# " + told.format(name=plain(recipe.name, MAX_NAME), recipe=made_for(recipe.recipe)))
    lines += [f"⚠️ {clipped(text, MAX_NOTE)}" for text in warnings]
    return "\n".join(lines)


def _add_head(page: RenderedMessage, snapshot: StudioSnapshot, note: str, room: _Room) -> None:
    """The text on top, with regions beside a picture of their layout."""
    text, draft = _head(snapshot, note), snapshot.studio.draft
    if not draft.regions or not room.take():
        page.view.add_item(ui.TextDisplay[Any](text))
        return
    checkpoint = snapshot.checkpoint
    size = (checkpoint.size(draft.size) if draft.size else None) or checkpoint.default_size
    layout = tuple(region.name for region in draft.regions)
    picture = page.attach(layout_picture(layout, size.width, size.height))
    page.view.add_item(ui.Section[Any](text, accessory=ui.Thumbnail[Any](picture, description=layout_name(layout))))


def _joining(snapshot: StudioSnapshot) -> list[str]:
    """What joins the prompt: a line for the whole picture, and one for each region whose LoRAs have trigger words."""
    names = [region.name for region in snapshot.studio.draft.regions]
    joining: dict[RegionName | None, list[str]] = {None: [snapshot.checkpoint.prompt_prefix]}
    joining |= {name: [] for name in names}
    for row in snapshot.fitting:
        region = row.lora.region if row.lora.region in names else None
        joining[region] += (word for group in row.words for word in words_in(group))
    lines: list[str] = []
    for region, found in joining.items():
        if words := dict.fromkeys(filter(None, found)):
            text = _("Added to the prompt: {words}") if region is None else _("Added to the prompt ({region}): {words}")
            said = several(words, MAX_WORDS // len(joining))
            lines.append("-# " + text.format(region=label(region) if region else "", words=said))
    return lines


def _parts(draft: RequestDraft) -> list[str]:
    """The words of each region and those for the ground."""
    share = MAX_PROMPT // (len(draft.regions) + 1)
    lines = [
        f"**{label(region.name)}** · {clipped(region.prompt, share) or _('no prompt')}" for region in draft.regions
    ]
    return [*lines, f"**{_('everywhere')}** · {clipped(draft.prompt, share)}"] if draft.prompt else lines


def _negative_text(settings: ResolvedSettings, checkpoint: CheckpointSettings) -> str:
    """What is kept out, or why a negative prompt is not used."""
    capability, text = checkpoint.capability, _("Negative prompt: {words}")
    if not capability.negative_prompt:
        text = _("This model does not support negative prompts, so yours is not used: {words}")
    elif not capability.heeds_negative_prompt(settings.guidance_scale):
        text = _("Negative prompt, used only with guidance above {least}: {words}")
    return text.format(words=clipped(settings.negative_prompt, MAX_NEGATIVE), least=f"{capability.unguided:g}")


def _options_text(
    draft: RequestDraft, settings: ResolvedSettings, checkpoint: CheckpointSettings, *, private: bool
) -> str:
    size = (checkpoint.size(draft.size) if draft.size else None) or checkpoint.default_size
    sampled = checkpoint.capability.chosen_sampling
    parts = [
        f"{size}",
        ngettext("{count} step", "{count} steps", settings.steps).format(count=settings.steps),
        *([settings.sampler] if sampled else []),
        _("guidance {value}").format(value=f"{settings.guidance_scale:g}"),
        _("random seed") if draft.seed is None else _("seed {seed}").format(seed=draft.seed),
        ngettext("{count} picture", "{count} pictures", draft.count).format(count=draft.count),
    ]
    if sampled and settings.spacing != OWN:
        parts.append(_("{spacing} spacing").format(spacing=settings.spacing))
    if settings.clip_skip:
        parts.append(_("clip skip {layer}").format(layer=settings.clip_skip))
    if draft.fast:
        parts.append(_("fast"))
    if draft.regions:
        count = draft.count * draft.slots
        parts.append(
            ngettext(
                "counts as {count} picture towards limits", "counts as {count} pictures towards limits", count
            ).format(count=count)
        )
    if private:
        parts.append(_("visible only to you"))
    return " · ".join(parts)


def _about_loras(snapshot: StudioSnapshot, limit: int) -> str:
    """The number of LoRAs, whether they fit, and warnings."""
    rows, base = snapshot.rows, snapshot.checkpoint.base_model.label
    head = _("**LoRAs: {count} of {limit}**").format(count=len(rows), limit=limit)
    if not rows:
        return f"{head}\n-# " + _("Add a LoRA below, or generate without one.")
    if snapshot.misfits:
        count = len(snapshot.misfits)
        message = ngettext("{count} LoRA does not fit {base}", "{count} LoRAs do not fit {base}", count)
        lines = [f"{head} · {message.format(count=count, base=base)}"]
    else:
        lines = [f"{head} · " + _("all LoRAs fit {base}").format(base=base)]
    notes = [translated_note(row.note) for row in rows if row.note]
    warnings = [f"⚠️ {clipped(text, 200)}" for text in [*notes, *advice(rows, own_words(snapshot.studio.draft))]]
    return "\n".join([*lines, *bounded_lines(warnings, MAX_ADVICE)])


def _reasons(misfits: Sequence[Row]) -> str:
    """Each LoRA that does not fit, struck through, with the reason."""
    lines = [f"~~{clipped(row.name, MAX_NAME)}~~\n-# {error_message(row.refusal)}" for row in misfits if row.refusal]
    more = _("Incompatible LoRAs stay in your studio. Easel generates without them only after you confirm.")
    return "\n".join([*bounded_lines(lines, MAX_REASONS), f"-# {more}"])
