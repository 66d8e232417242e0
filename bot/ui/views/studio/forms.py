"""The modals of the studio panel: prompt, options, and a LoRA's weight and trigger words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import discord
from discord import ui

from bot.config import CheckpointSettings
from bot.i18n import _, label
from bot.i18n.texts import plain
from bot.pictures.inputs import MIN_STRENGTH
from bot.requests.drafts import OWN, RequestDraft
from bot.requests.regions import check_length, layout_name
from bot.ui.client import Interaction
from bot.ui.uploads import take_upload
from bot.ui.views.persistent_items import ModalForm
from bot.ui.views.studio.word_options import word_option, word_value
from bot.workspace.studio_draft import Row, Studio
from inference.bounds import (
    MAX_CLIP_SKIP,
    MAX_COUNT,
    MAX_GUIDANCE,
    MAX_PROMPT,
    MAX_STEPS,
    MAX_WEIGHT,
    MIN_CLIP_SKIP,
    MIN_GUIDANCE,
    MIN_STEPS,
    MIN_WEIGHT,
    SEEDS,
)
from inference.errors import InvalidRequest
from inference.lora.beside.categories import Category
from inference.messages.request import Region
from inference.messages.samplers import Spacing
from inference.regions import LAYOUTS, MAX_REGIONS, RegionName

if TYPE_CHECKING:
    from bot.ui.studio_session import StudioSnapshot

MENU = 25  # choices of one menu; Discord's limit
_DEFAULT = "-"  # the value of the checkpoint's default
_FAST = "fast"
_ALL = "all"
_BETWEEN_NAMES = ","  # of regions, in the value of a layout


class StudioForm(ModalForm):
    """A modal of the panel; it edits the panel from which it was opened."""

    command = "studio"
    sends_message = False

    async def apply(self, interaction: Interaction, **fields: object) -> StudioSnapshot:
        """Change fields of the request draft and redraw the panel; the studio as it is then."""
        studios = interaction.client.studios
        changed = await studios.change(interaction, lambda studio: studio.with_draft(**fields))
        await studios.redraw(interaction, changed)
        return changed


class PromptForm(StudioForm):
    """The prompt, with regions the words of each, and a negative prompt where the checkpoint knows one.

    Trigger words are stored with their LoRAs.
    """

    def __init__(self, snapshot: StudioSnapshot, *, opening: int) -> None:
        super().__init__(_("Describe the picture"), "stprompt", opening)
        draft = snapshot.studio.draft
        self.regions = words_inputs(draft.regions)
        self.prompt = _text("prompt", draft.prompt, long=True, required=not draft.regions)
        for region, words in zip(draft.regions, self.regions, strict=True):
            self.add_item(ui.Label[Any](text=part_name(region.name), component=words))
        for_all = _("Everywhere") if draft.regions else _("Prompt")
        self.add_item(ui.Label[Any](text=for_all, component=self.prompt))
        self.negative: ui.TextInput[Any] | None = None
        self._usual_negative = usual = snapshot.checkpoint.negative_prompt
        if snapshot.checkpoint.capability.negative_prompt:
            negative = usual if draft.negative_prompt is None else draft.negative_prompt
            self.negative = _text("negative", negative, long=True)
            hint = _("Things to leave out of the picture")
            self.add_item(ui.Label[Any](text=_("Negative prompt"), description=hint, component=self.negative))
        self._layout = [region.name for region in draft.regions]

    async def submitted(self, interaction: Interaction) -> None:
        """Keep both. Raises PromptTooLong."""
        await self.keep(interaction)

    async def keep(self, interaction: Interaction) -> StudioSnapshot:
        """Store both and redraw the panel; the studio as it is then. Raises PromptTooLong, and changes nothing then."""
        prompt, regions = self.prompt.value.strip(), regions_with(self._layout, self.regions)
        check_length(regions, prompt)
        fields: dict[str, object] = {"prompt": prompt}
        if self.negative is not None:
            negative = self.negative.value.strip()
            fields["negative_prompt"] = None if negative == self._usual_negative.strip() else negative
        if regions:
            fields["regions"] = regions
        return await self.apply(interaction, **fields)


class OptionsForm(StudioForm):
    """Size, number of pictures, seed, and whether it is to be fast; a picture to start from can be uploaded."""

    def __init__(self, snapshot: StudioSnapshot, *, opening: int) -> None:
        super().__init__(_("Options"), "stoptions", opening)
        draft, checkpoint = snapshot.studio.draft, snapshot.checkpoint
        chosen = checkpoint.size(draft.size) if draft.size else None
        sizes = [(f"{_(size.shape)} · {size}", str(size)) for size in checkpoint.sizes]
        self.size = _menu("size", [(_("Default"), _DEFAULT), *sizes], _DEFAULT if chosen is None else str(chosen))
        counts = [(str(count), str(count)) for count in range(1, MAX_COUNT + 1)]
        self.count = _menu("count", counts, str(draft.count))
        self.seed = _text("seed", "" if draft.seed is None else str(draft.seed))
        self.add_item(ui.Label[Any](text=_("Size"), component=self.size))
        self.add_item(ui.Label[Any](text=_("Number of pictures"), component=self.count))
        hint = _("The same seed gives the same picture. Leave empty for a new picture each time.")
        self.add_item(ui.Label[Any](text=_("Seed"), description=hint[:100], component=self.seed))
        self.fast: ui.Select[Any] | None = None
        if checkpoint.fast:
            ways = [(_("Default number of steps"), _DEFAULT), (_("Few steps"), _FAST)]
            self.fast = _menu("fast", ways, _FAST if draft.fast else _DEFAULT)
            hint = _("Few steps: Easel adds {lora} and uses its steps, sampler and guidance").format(
                lora=checkpoint.fast
            )
            self.add_item(ui.Label[Any](text=_("Speed"), description=hint[:100], component=self.fast))
        self.picture: ui.FileUpload[Any] = ui.FileUpload(custom_id="picture", required=False, min_values=0)
        hint = _("Easel starts from this picture and uses similar proportions. Leave empty to keep the current one.")
        self.add_item(ui.Label[Any](text=_("Start picture"), description=hint[:100], component=self.picture))

    async def submitted(self, interaction: Interaction) -> None:
        """Keep them. Raises PictureRefused; then nothing is changed."""
        size = _chosen(self.size)
        fields: dict[str, object] = {
            "size": None if size == _DEFAULT else size,
            "count": int(_chosen(self.count)),
            "seed": _whole(_("The seed"), self.seed.value, 0, SEEDS - 1),
        }
        if self.fast is not None:
            fields["fast"] = _chosen(self.fast) == _FAST
        if self.picture.values:
            client = interaction.client
            picture = await take_upload(interaction, self.picture.values[0])
            await client.studios.change(interaction, lambda studio: studio.with_draft(**fields))
            await client.studios.start_from(interaction, picture)
            fields = {}
        await self.apply(interaction, **fields)


class AdvancedForm(StudioForm):
    """Steps, guidance, and what else the checkpoint takes of sampler, spacing and clip skip.

    An empty field means the checkpoint's default.
    """

    def __init__(self, snapshot: StudioSnapshot, *, opening: int) -> None:
        super().__init__(_("Advanced"), "stadvanced", opening)
        draft, checkpoint = snapshot.studio.draft, snapshot.checkpoint
        self.steps = _text("steps", "" if draft.steps is None else str(draft.steps))
        self.guidance = _text("guidance", "" if draft.guidance_scale is None else f"{draft.guidance_scale:g}")
        usual = _("Leave empty for {value}, the default of {checkpoint}")
        steps = usual.format(value=checkpoint.steps, checkpoint=checkpoint.name)
        guidance = usual.format(value=f"{checkpoint.guidance_scale:g}", checkpoint=checkpoint.name)
        self.add_item(ui.Label[Any](text=_("Steps"), description=steps[:100], component=self.steps))
        self.add_item(ui.Label[Any](text=_("Guidance"), description=guidance[:100], component=self.guidance))
        self.sampler: ui.Select[Any] | None = None
        self.spacing: ui.Select[Any] | None = None
        self.clip_skip: ui.TextInput[Any] | None = None
        if checkpoint.capability.chosen_sampling:
            self._add_sampling(draft, checkpoint)
        if checkpoint.capability.clip_skip:
            self.clip_skip = _text("clip_skip", "" if draft.clip_skip is None else str(draft.clip_skip))
            hint = _("Only for models whose authors recommend a value. Leave empty for the model's default.")
            self.add_item(ui.Label[Any](text=_("Clip skip"), description=hint[:100], component=self.clip_skip))

    def _add_sampling(self, draft: RequestDraft, checkpoint: CheckpointSettings) -> None:
        offered = checkpoint.capability.samplers
        samplers = [(_("Default: {sampler}").format(sampler=checkpoint.sampler), _DEFAULT)]
        samplers += [(sampler.value, sampler.value) for sampler in offered]
        self.sampler = _menu("sampler", samplers, draft.sampler or _DEFAULT)
        self.add_item(ui.Label[Any](text=_("Sampler"), component=self.sampler))
        spacings = [(_("Default"), _DEFAULT), (_("The model's own spacing"), OWN)]
        known = {spacing for each in offered.values() for spacing in each}
        spacings += [(spacing.value, spacing.value) for spacing in Spacing if spacing in known]
        self.spacing = _menu("spacing", spacings, draft.spacing or _DEFAULT)
        hint = _("How the sampler spaces its steps between noise and picture")
        self.add_item(ui.Label[Any](text=_("Spacing"), description=hint[:100], component=self.spacing))

    async def submitted(self, interaction: Interaction) -> None:
        """Keep them."""
        fields: dict[str, object] = {
            "steps": _whole(_("The number of steps"), self.steps.value, MIN_STEPS, MAX_STEPS),
            "guidance_scale": _number(_("The guidance"), self.guidance.value, MIN_GUIDANCE, MAX_GUIDANCE),
        }
        for name, menu in (("sampler", self.sampler), ("spacing", self.spacing)):
            if menu is not None:
                fields[name] = None if _chosen(menu) == _DEFAULT else _chosen(menu)
        if self.clip_skip is not None:
            fields["clip_skip"] = _whole(_("The clip skip"), self.clip_skip.value, MIN_CLIP_SKIP, MAX_CLIP_SKIP)
        await self.apply(interaction, **fields)


class StrengthForm(StudioForm):
    """How much of the starting picture is changed."""

    def __init__(self, strength: float, *, opening: int) -> None:
        super().__init__(_("Start picture"), "ststrength", opening)
        self.strength = _text("strength", f"{strength:g}", required=True)
        hint = _("How much to change the start picture: 0.3 keeps most of it, 0.8 keeps little of it")
        self.add_item(ui.Label[Any](text=_("Strength"), description=hint[:100], component=self.strength))

    async def submitted(self, interaction: Interaction) -> None:
        """Keep it, unless the picture was removed meanwhile."""
        strength = _number(_("The strength"), self.strength.value, MIN_STRENGTH, 1)
        studios = interaction.client.studios

        def set_strength(studio: Studio) -> Studio:
            image = studio.draft.image
            if image is None or strength is None:
                return studio
            return studio.with_draft(image=image.model_copy(update={"strength": strength}))

        await studios.redraw(interaction, await studios.change(interaction, set_strength))


class AdjustForm(StudioForm):
    """A LoRA's weight, and which of its trigger words are added to the prompt: up to 50, in menus of 25.

    Where there are `others`, all weights can be scaled with it; of a `layout` it can have one region.
    """

    def __init__(self, row: Row, others: Sequence[Row], layout: Sequence[RegionName] = (), *, opening: int) -> None:
        super().__init__(_("Adjust {lora}").format(lora=row.name), f"stadjust:{row.lora.lora_id}", opening)
        self._lora_id = row.lora.lora_id
        self.region: ui.Select[Any] | None = None
        if layout and row.scales:
            parts = [(_("The whole picture"), _DEFAULT), *((part_name(name), name.value) for name in layout)]
            chosen = row.lora.region if row.lora.region in layout else None
            self.region = _menu("region", parts, chosen.value if chosen else _DEFAULT)
        self.weight = _text("weight", f"{row.weight:g}", required=True)
        hint = _("Try 0.7 to 0.8 for characters and styles, 0.3 to 0.6 for details, and less if you combine LoRAs")
        self.add_item(ui.Label[Any](text=_("Weight"), description=hint[:100], component=self.weight))
        self.scale: ui.Select[Any] | None = None
        if row.scales and row.weight and any(other.scales for other in others):
            ways = [(_("Only this LoRA"), _DEFAULT), (_("All LoRAs, by the same factor"), _ALL)]
            self.scale = _menu("scale", ways, _DEFAULT)
            self.add_item(ui.Label[Any](text=_("Change the weight of"), component=self.scale))
        if self.region is not None:
            self.add_item(ui.Label[Any](text=_("Area of the picture"), component=self.region))
        self._all_words = words = list(dict.fromkeys(row.all_words))
        pieces = [words[start : start + MENU] for start in range(0, len(words), MENU)]
        self.words = [
            ui.Select[Any](
                custom_id=f"words{number}",
                options=[word_option(row, word, value=word_value(word)) for word in piece],
                min_values=0,
                max_values=len(piece),
                required=False,
            )
            for number, piece in enumerate(pieces)
        ]
        for menu in self.words:
            self.add_item(ui.Label[Any](text=_("Trigger words to add to the prompt"), component=menu))

    async def submitted(self, interaction: Interaction) -> None:
        """Keep both."""
        weight = _number(_("The weight"), self.weight.value, MIN_WEIGHT, MAX_WEIGHT)
        fields: dict[str, object] = {"weight": weight}
        if self.region is not None:
            side = _chosen(self.region)
            fields["region"] = None if side == _DEFAULT else RegionName(side)
        if self.words:
            on = {value for menu in self.words for value in menu.values}
            fields["trigger_words"] = tuple(word for word in self._all_words if word_value(word) in on)
        studios, weights = interaction.client.studios, dict[int, float]()
        if weight is not None and self.scale is not None and _chosen(self.scale) == _ALL:
            fitting = (await studios.snapshot(interaction)).fitting
            weights = {row.lora.lora_id: row.weight for row in fitting if row.scales}

        def adjust(studio: Studio) -> Studio:
            changed = studio.changed(self._lora_id, **fields)
            if weight is None or not weights:
                return changed
            return changed.scaled({i: w for i, w in weights.items() if studio.has(i)}, self._lora_id, weight)

        await studios.redraw(interaction, await studios.change(interaction, adjust))


class RegionsForm(StudioForm):
    """The layout, the words of each region, and those for all; without a layout all words are one prompt."""

    def __init__(self, snapshot: StudioSnapshot, *, opening: int) -> None:
        draft = snapshot.studio.draft
        super().__init__(regions_title(draft), "stparts", opening)
        layout = tuple(region.name for region in draft.regions)
        self._characters = [row.lora.lora_id for row in snapshot.fitting if row.category is Category.CHARACTER]
        layouts = [(capitalised(layout_name(each)), _BETWEEN_NAMES.join(each)) for each in LAYOUTS]
        if layout:
            layouts.append((_("One prompt for the whole picture"), _DEFAULT))
        self.layout = _menu("layout", layouts, _BETWEEN_NAMES.join(layout or LAYOUTS[0]))
        self.add_item(ui.Label[Any](text=_("Layout"), component=self.layout))
        self.words = words_inputs((*draft.regions, *(Region(name=name) for name in RegionName))[:MAX_REGIONS])
        hints = (
            _("The left or top area, or the figure in front of a background"),
            _("With two areas: the right or bottom area, or the background. With three areas: the centre"),
            _("With three areas: the right or bottom area. With two areas: leave empty"),
        )
        for number, (words, where) in enumerate(zip(self.words, hints, strict=True), start=1):
            text = _("Area {number}").format(number=number)
            self.add_item(ui.Label[Any](text=text, description=where[:100], component=words))
        self.prompt = _text("prompt", draft.prompt, long=True)
        hint = _("Prompt for all areas: the background and the style")
        self.add_item(ui.Label[Any](text=_("Everywhere"), description=hint[:100], component=self.prompt))

    async def submitted(self, interaction: Interaction) -> None:
        """Keep them. Raises InvalidRequest and PromptTooLong, and changes nothing then."""
        studios, chosen = interaction.client.studios, _chosen(self.layout)
        layout = [] if chosen == _DEFAULT else [RegionName(name) for name in chosen.split(_BETWEEN_NAMES)]
        if layout and len(layout) < MAX_REGIONS and self.words[len(layout)].value.strip():
            problem = _(
                "has text, but this layout has only two areas. Clear the text, or choose a layout with three areas"
            )
            raise InvalidRequest(what=_("Area {number}").format(number=MAX_REGIONS), problem=problem)
        said = [words.value.strip() for words in (*(() if layout else self.words), self.prompt)]
        prompt, regions = ", ".join(filter(None, said)), regions_with(layout, self.words)
        check_length(regions, prompt)

        note = ""

        def divide(studio: Studio) -> Studio:
            nonlocal note
            divided = studio.with_regions(regions, self._characters).with_draft(prompt=prompt)
            note = _moved_note(studio, divided)
            return divided

        await studios.redraw(interaction, await studios.change(interaction, divide), note)


def _moved_note(before: Studio, now: Studio) -> str:
    """Where the LoRAs of a third part are, once there are two."""
    gone = [region.name for region in before.draft.regions[len(now.draft.regions) :]] if now.draft.regions else []
    moved = [
        f"{plain(lora.name)} ({label(region) if (region := now.region_of(lora)) else _('the whole picture')})"
        for lora in now.loras
        if any(one.lora_id == lora.lora_id and one.region in gone for one in before.loras)
    ]
    text = _("The layout no longer has a third area. The LoRAs from that area now apply elsewhere: {loras}.")
    return text.format(loras=", ".join(moved)) if moved else ""


def regions_title(draft: RequestDraft) -> str:
    """What the regions form and the button that opens it are called."""
    return _("Areas") if draft.regions else _("Two characters")


def part_name(name: RegionName) -> str:
    """`Left`, as a label begins."""
    return capitalised(label(name))


def capitalised(text: str) -> str:
    """The text with its first letter in capitals."""
    return text[:1].upper() + text[1:]


def words_inputs(regions: Sequence[Region]) -> list[ui.TextInput[Any]]:
    """A field for the words of each region."""
    return [_text(f"part{number}", region.prompt, long=True) for number, region in enumerate(regions)]


def regions_with(layout: Sequence[RegionName], words: Sequence[ui.TextInput[Any]]) -> tuple[Region, ...]:
    """The regions of a layout with the words of these fields."""
    return tuple(Region(name=name, prompt=field.value.strip()) for name, field in zip(layout, words, strict=False))


def _text(name: str, value: str, *, long: bool = False, required: bool = False) -> ui.TextInput[Any]:
    return ui.TextInput(
        custom_id=name,
        style=discord.TextStyle.paragraph if long else discord.TextStyle.short,
        default=value or None,
        required=required,
        max_length=MAX_PROMPT if long else 20,
    )


def _menu(name: str, choices: Sequence[tuple[str, str]], chosen: str) -> ui.Select[Any]:
    """A select menu of at most 25 options, given as (label, value); what is none of them, chooses the first."""
    if all(value != chosen for _label, value in choices):
        chosen = choices[0][1]
    options = [
        discord.SelectOption(label=label[:100], value=value, default=value == chosen) for label, value in choices[:MENU]
    ]
    return ui.Select(custom_id=name, options=options)


def _chosen(menu: ui.Select[Any]) -> str:
    return menu.values[0] if menu.values else next(o.value for o in menu.options if o.default)


def _whole(what: str, typed: str, least: int, most: int) -> int | None:
    """The typed whole number, None for an empty field. Raises InvalidRequest."""
    number = _number(what, typed, least, most, kind=int)
    return None if number is None else int(number)


def _number(what: str, typed: str, least: float, most: float, kind: type[float] = float) -> float | None:
    """The typed number, None for an empty field. A decimal comma is accepted. Raises InvalidRequest."""
    text = typed.strip().replace(",", ".")
    if not text:
        return None
    try:
        number = kind(text)
    except ValueError:
        number = math.nan
    if not least <= number <= most:  # also rejects NaN
        problem = _("must be a number from {least} to {most}").format(least=f"{least:g}", most=f"{most:g}")
        raise InvalidRequest(what=what, problem=problem)
    return round(number, 2)
