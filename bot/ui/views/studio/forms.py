"""The modals of the studio panel: prompt, options, and a LoRA's weight and trigger words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.config import CheckpointSettings
from bot.errors.missing import NothingThere
from bot.i18n import _, label, later
from bot.i18n.texts import plain
from bot.pictures.inputs import MIN_STRENGTH
from bot.requests.drafts import OWN, RequestDraft
from bot.requests.regions import check_length, layout_name
from bot.ui.client import Interaction
from bot.ui.uploads import take_upload
from bot.ui.views.forms import (
    LEFT_OUT,
    ChoiceField,
    ChoicesField,
    FileField,
    Form,
    Option,
    SwitchField,
    TextField,
)
from bot.ui.views.persistent_items import MENU
from bot.ui.views.studio.word_options import word_choice, word_value
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
from inference.errors import InvalidRequest, RegionsNotOffered
from inference.lora.beside.categories import Category
from inference.messages.request import Region
from inference.messages.samplers import Spacing
from inference.regions import LAYOUTS, MAX_REGIONS, RegionName

if TYPE_CHECKING:
    from bot.ui.studio_session import StudioSnapshot

MAX_NUMBER = 20  # characters of a typed number
_DEFAULT = "-"  # the value of the checkpoint's default
_BETWEEN_NAMES = ","  # of regions, in the value of a layout


class StudioForm(Form):
    """A modal of the panel; it edits the panel from which it was opened."""

    command = "studio"
    sends_message = False

    async def apply(self, interaction: Interaction, **fields: object) -> StudioSnapshot:
        """Change fields of the request draft and redraw the panel; the studio as it is then."""
        return await interaction.client.studios.apply(interaction, lambda studio: studio.with_draft(**fields))


class WordsForm(StudioForm):
    """A form with the words of regions, in fields `part0`, `part1`, …"""

    def add_words(self, regions: Sequence[Region], texts: Sequence[str], hints: Sequence[str] = ("", "", "")) -> None:
        """Add a field for the words of each region."""
        for number, (region, text, hint) in enumerate(zip(regions, texts, hints, strict=False)):
            self.add(_WORDS.but(name=f"part{number}", text=text, hint=hint, value=region.prompt))

    def words(self, number: int) -> str:
        """The words of a region, "" if it has no field."""
        field, component = self.shown.get(f"part{number}", (None, None))
        return "" if field is None else field.read(component).strip()

    def regions(self, layout: Sequence[RegionName]) -> tuple[Region, ...]:
        """The regions of a layout with the words of the fields."""
        return tuple(Region(name=name, prompt=self.words(number)) for number, name in enumerate(layout))


_WORDS = TextField("", length=MAX_PROMPT, long=True, required=False)


class PromptForm(WordsForm, key="stprompt"):
    """The prompt, with regions the words of each, and a negative prompt where the checkpoint knows one.

    Trigger words are stored with their LoRAs.
    """

    prompt = TextField(later("Prompt"), length=MAX_PROMPT, long=True)
    negative = TextField(
        later("Negative prompt"),
        later("Things to leave out of the picture"),
        length=MAX_PROMPT,
        long=True,
        required=False,
    )

    def __init__(self, snapshot: StudioSnapshot, opening: int) -> None:
        super().__init__(_("Describe the picture"), opening, prompt=LEFT_OUT, negative=LEFT_OUT)
        draft, checkpoint = snapshot.studio.draft, snapshot.checkpoint
        self._layout = [region.name for region in draft.regions]
        self._usual_negative = checkpoint.negative_prompt
        self.add_words(draft.regions, [part_name(name) for name in self._layout])
        prompt = PromptForm.prompt.but(value=draft.prompt, required=not self._layout)
        self.add(prompt.but(text=_("Everywhere")) if self._layout else prompt)
        if checkpoint.capability.negative_prompt:
            negative = self._usual_negative if draft.negative_prompt is None else draft.negative_prompt
            self.add(PromptForm.negative.but(value=negative))

    async def submitted(self, interaction: Interaction) -> None:
        """Keep both. Raises PromptTooLong."""
        await self.keep(interaction)

    async def keep(self, interaction: Interaction) -> StudioSnapshot:
        """Store both and redraw the panel; the studio as it is then. Raises PromptTooLong, and changes nothing then."""
        prompt, regions = self.prompt.strip(), self.regions(self._layout)
        check_length(regions, prompt)
        fields: dict[str, object] = {"prompt": prompt}
        if "negative" in self.shown:
            negative = self.negative.strip()
            fields["negative_prompt"] = None if negative == self._usual_negative.strip() else negative
        if regions:
            fields["regions"] = regions
        return await self.apply(interaction, **fields)


class OptionsForm(StudioForm, key="stoptions"):
    """Size, number of pictures, seed, and whether it is to be fast; a picture to start from can be uploaded."""

    size = ChoiceField(later("Size"))
    count = ChoiceField(later("Number of pictures"))
    seed = TextField(
        later("Seed"),
        later("The same seed gives the same picture. Leave empty for a new picture each time."),
        length=MAX_NUMBER,
        required=False,
    )
    fast = SwitchField(later("Few steps"), later("Easel adds {lora} and uses its steps, sampler and guidance"))
    picture = FileField(
        later("Start picture"),
        later("Easel starts from this picture and uses similar proportions. Leave empty to keep the current one."),
        required=False,
    )

    def __init__(self, snapshot: StudioSnapshot, opening: int) -> None:
        draft, checkpoint, form = snapshot.studio.draft, snapshot.checkpoint, OptionsForm
        chosen = checkpoint.size(draft.size) if draft.size else None
        sizes = [Option(str(size), f"{_(size.shape)} · {size}") for size in checkpoint.sizes]
        counts = [Option(str(count), str(count)) for count in range(1, MAX_COUNT + 1)]
        hint = _(form.fast.hint).format(lora=checkpoint.fast)
        super().__init__(
            _("Options"),
            opening,
            size=_chosen_of(form.size, [Option(_DEFAULT, _("Default")), *sizes], str(chosen)),
            count=_chosen_of(form.count, counts, str(draft.count)),
            seed=draft.seed,
            fast=form.fast.but(value=draft.fast, hint=hint) if checkpoint.fast else LEFT_OUT,
        )

    async def submitted(self, interaction: Interaction) -> None:
        """Keep them. Raises PictureRefused; then nothing is changed."""
        fields: dict[str, object] = {
            "size": None if self.size == _DEFAULT else self.size,
            "count": int(self.count),
            "seed": _whole(_("The seed"), self.seed, 0, SEEDS - 1),
        }
        if "fast" in self.shown:
            fields["fast"] = self.fast
        if self.picture:
            client = interaction.client
            picture = await take_upload(interaction, self.picture[0])
            await client.studios.change(interaction, lambda studio: studio.with_draft(**fields))
            await client.studios.start_from(interaction, picture)
            fields = {}
        await self.apply(interaction, **fields)


class AdvancedForm(StudioForm, key="stadvanced"):
    """Steps, guidance, and what else the checkpoint takes of sampler, spacing and clip skip.

    An empty field means the checkpoint's default.
    """

    steps = TextField(
        later("Steps"), later("Leave empty for {value}, the default of {checkpoint}"), length=MAX_NUMBER, required=False
    )
    guidance = TextField(
        later("Guidance"),
        later("Leave empty for {value}, the default of {checkpoint}"),
        length=MAX_NUMBER,
        required=False,
    )
    sampler = ChoiceField(later("Sampler"))
    spacing = ChoiceField(later("Spacing"), later("How the sampler spaces its steps between noise and picture"))
    clip_skip = TextField(
        later("Clip skip"),
        later("Only for models whose authors recommend a value. Leave empty for the model's default."),
        length=MAX_NUMBER,
        required=False,
    )

    def __init__(self, snapshot: StudioSnapshot, opening: int) -> None:
        draft, checkpoint, form = snapshot.studio.draft, snapshot.checkpoint, AdvancedForm
        capability, usual = checkpoint.capability, _(form.steps.hint)
        steps = usual.format(value=checkpoint.steps, checkpoint=checkpoint.name)
        guidance = usual.format(value=f"{checkpoint.guidance_scale:g}", checkpoint=checkpoint.name)
        scale = None if draft.guidance_scale is None else f"{draft.guidance_scale:g}"
        sampler, spacing = _sampling(draft, checkpoint) if capability.chosen_sampling else (LEFT_OUT, LEFT_OUT)
        super().__init__(
            _("Advanced"),
            opening,
            steps=form.steps.but(value=draft.steps, hint=steps),
            guidance=form.guidance.but(value=scale, hint=guidance),
            sampler=sampler,
            spacing=spacing,
            clip_skip=draft.clip_skip if capability.clip_skip else LEFT_OUT,
        )

    async def submitted(self, interaction: Interaction) -> None:
        """Keep them."""
        fields: dict[str, object] = {
            "steps": _whole(_("The number of steps"), self.steps, MIN_STEPS, MAX_STEPS),
            "guidance_scale": _number(_("The guidance"), self.guidance, MIN_GUIDANCE, MAX_GUIDANCE),
        }
        if "sampler" in self.shown:
            for name, value in (("sampler", self.sampler), ("spacing", self.spacing)):
                fields[name] = None if value == _DEFAULT else value
        if "clip_skip" in self.shown:
            fields["clip_skip"] = _whole(_("The clip skip"), self.clip_skip, MIN_CLIP_SKIP, MAX_CLIP_SKIP)
        await self.apply(interaction, **fields)


def _sampling(draft: RequestDraft, checkpoint: CheckpointSettings) -> tuple[ChoiceField, ChoiceField]:
    """The fields of sampler and spacing."""
    offered = checkpoint.capability.samplers
    samplers = [Option(_DEFAULT, _("Default: {sampler}").format(sampler=checkpoint.sampler))]
    samplers += [Option(sampler, sampler.value) for sampler in offered]
    known = {spacing for each in offered.values() for spacing in each}
    spacings = [Option(_DEFAULT, _("Default")), Option(OWN, _("The model's own spacing"))]
    spacings += [Option(spacing, spacing.value) for spacing in Spacing if spacing in known]
    sampler = _chosen_of(AdvancedForm.sampler, samplers, draft.sampler)
    return sampler, _chosen_of(AdvancedForm.spacing, spacings, draft.spacing)


class StrengthForm(StudioForm, key="ststrength"):
    """How much of the starting picture is changed. Raises NothingThere if there is none."""

    strength = TextField(
        later("Strength"),
        later("How much to change the start picture: 0.3 keeps most of it, 0.8 keeps little of it"),
        length=MAX_NUMBER,
    )

    def __init__(self, snapshot: StudioSnapshot, opening: int) -> None:
        if (image := snapshot.studio.draft.image) is None:
            raise NothingThere(what=_("Your studio no longer has a start picture."))
        super().__init__(_("Start picture"), opening, strength=f"{image.strength:g}")

    async def submitted(self, interaction: Interaction) -> None:
        """Keep it, unless the picture was removed meanwhile."""
        strength = _number(_("The strength"), self.strength, MIN_STRENGTH, 1)

        def set_strength(studio: Studio) -> Studio:
            image = studio.draft.image
            if image is None or strength is None:
                return studio
            return studio.with_draft(image=image.model_copy(update={"strength": strength}))

        await interaction.client.studios.apply(interaction, set_strength)


class AdjustForm(StudioForm, key="stadjust"):
    """A LoRA's weight, and which of its trigger words are added to the prompt: up to 50, in menus of 25.

    Where other LoRAs fit, all weights can be scaled with it; where the picture has regions, it can have one.
    """

    weight = TextField(
        later("Weight"),
        later("Try 0.7 to 0.8 for characters and styles, 0.3 to 0.6 for details, and less if you combine LoRAs"),
        length=MAX_NUMBER,
    )
    scales_all = SwitchField(later("Change the weights of all LoRAs"), later("By the same factor"))
    region = ChoiceField(later("Area of the picture"))

    def __init__(self, snapshot: StudioSnapshot, row: Row, opening: int) -> None:
        others = [each for each in snapshot.fitting if each is not row] if row in snapshot.fitting else []
        layout, form = [region.name for region in snapshot.studio.draft.regions], AdjustForm
        region = row.lora.region if row.lora.region in layout else None
        parts = [Option(_DEFAULT, _("The whole picture")), *(Option(name, part_name(name)) for name in layout)]
        super().__init__(
            _("Adjust {lora}").format(lora=row.name),
            opening,
            weight=f"{row.weight:g}",
            scales_all=False if row.scales and row.weight and any(other.scales for other in others) else LEFT_OUT,
            region=_chosen_of(form.region, parts, region) if layout and row.scales else LEFT_OUT,
        )
        self._lora_id, self._all_words = row.lora.lora_id, list(dict.fromkeys(row.all_words))
        on = {word_value(word) for word in row.words}
        for start in range(0, len(self._all_words), MENU):
            choices = [word_choice(row, word) for word in self._all_words[start : start + MENU]]
            self.add(_TRIGGER_WORDS.but(name=f"words{start}", choices=choices, value=on))

    async def submitted(self, interaction: Interaction) -> None:
        """Keep both."""
        weight = _number(_("The weight"), self.weight, MIN_WEIGHT, MAX_WEIGHT)
        fields: dict[str, object] = {"weight": weight}
        if "region" in self.shown:
            fields["region"] = None if self.region == _DEFAULT else RegionName(self.region)
        if self._all_words:
            menus = [shown for name, shown in self.shown.items() if name.startswith("words")]
            on = {value for field, component in menus for value in field.read(component)}
            fields["trigger_words"] = tuple(word for word in self._all_words if word_value(word) in on)
        studios, weights = interaction.client.studios, dict[int, float]()
        if weight is not None and self.scales_all:
            fitting = (await studios.snapshot(interaction)).fitting
            weights = {row.lora.lora_id: row.weight for row in fitting if row.scales}

        def adjust(studio: Studio) -> Studio:
            changed = studio.changed(self._lora_id, **fields)
            if weight is None or not weights:
                return changed
            return changed.scaled({i: w for i, w in weights.items() if studio.has(i)}, self._lora_id, weight)

        await studios.apply(interaction, adjust)


_TRIGGER_WORDS = ChoicesField(later("Trigger words to add to the prompt"))


class RegionsForm(WordsForm, key="stparts"):
    """The layout, the words of each region, and those for all; without a layout all words are one prompt.

    Raises RegionsNotOffered on a checkpoint that paints none, unless the draft has some: an older panel has the button.
    """

    layout = ChoiceField(later("Layout"))
    prompt = TextField(
        later("Everywhere"),
        later("Prompt for all areas: the background and the style"),
        length=MAX_PROMPT,
        long=True,
        required=False,
    )

    def __init__(self, snapshot: StudioSnapshot, opening: int) -> None:
        draft = snapshot.studio.draft
        if not draft.regions and not snapshot.checkpoint.capability.regions:
            raise RegionsNotOffered(checkpoint=snapshot.checkpoint.name)
        layout = tuple(region.name for region in draft.regions)
        layouts = [Option(_BETWEEN_NAMES.join(each), capitalised(layout_name(each))) for each in LAYOUTS]
        if layout:
            layouts.append(Option(_DEFAULT, _("One prompt for the whole picture")))
        field = _chosen_of(RegionsForm.layout, layouts, _BETWEEN_NAMES.join(layout or LAYOUTS[0]))
        super().__init__(regions_title(draft), opening, layout=field, prompt=LEFT_OUT)
        self._characters = [row.lora.lora_id for row in snapshot.fitting if row.category is Category.CHARACTER]
        hints = (
            _("The left or top area, or the figure in front of a background"),
            _("With two areas: the right or bottom area, or the background. With three areas: the centre"),
            _("With three areas: the right or bottom area. With two areas: leave empty"),
        )
        regions = (*draft.regions, *(Region(name=name) for name in RegionName))[:MAX_REGIONS]
        texts = [_("Area {number}").format(number=number) for number in range(1, MAX_REGIONS + 1)]
        self.add_words(regions, texts, hints)
        self.add(RegionsForm.prompt.but(value=draft.prompt))

    async def submitted(self, interaction: Interaction) -> None:
        """Keep them. Raises InvalidRequest and PromptTooLong, and changes nothing then."""
        studios, chosen = interaction.client.studios, self.layout
        layout = [] if chosen == _DEFAULT else [RegionName(name) for name in chosen.split(_BETWEEN_NAMES)]
        if layout and len(layout) < MAX_REGIONS and self.words(len(layout)):
            problem = _(
                "has text, but this layout has only two areas. Clear the text, or choose a layout with three areas"
            )
            raise InvalidRequest(what=_("Area {number}").format(number=MAX_REGIONS), problem=problem)
        said = [*(self.words(number) for number in range(0 if layout else MAX_REGIONS)), self.prompt.strip()]
        prompt, regions = ", ".join(filter(None, said)), self.regions(layout)
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


def _chosen_of(field: ChoiceField, choices: Sequence[Option], chosen: str | None) -> ChoiceField:
    """The field with these choices; one that is none of them chooses the first."""
    known = any(each.value == chosen for each in choices)
    return field.but(choices=choices, value=chosen if known else choices[0].value)


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
