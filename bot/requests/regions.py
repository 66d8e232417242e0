"""Regions of a picture as people ask for them: a side for each LoRA, and words for each side."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from bot.config import CheckpointSettings
from bot.i18n import _, label, listed, ngettext
from bot.requests.drafts import RequestDraft
from inference.capabilities import capability_of
from inference.errors import InvalidRequest
from inference.messages import Region, joined_words
from inference.regions import LAYOUTS, RegionName

BETWEEN: Final = "|"  # the words of two regions, where one text has them all


def offers_regions(checkpoint: CheckpointSettings) -> bool:
    """Whether a checkpoint paints pictures with regions."""
    capability = capability_of(checkpoint.base_model)
    return capability is not None and capability.regions


def layout_with(sides: Collection[RegionName]) -> tuple[RegionName, ...]:
    """The first layout that has all these regions. Raises InvalidRequest."""
    for layout in LAYOUTS:
        if set(sides) <= set(layout):
            return layout
    problem = _("do not go together; there are {layouts}")
    layouts = "; ".join(layout_name(layout) for layout in LAYOUTS)
    raise InvalidRequest(what=listed(map(label, dict.fromkeys(sides))), problem=problem.format(layouts=layouts))


def layout_name(layout: Sequence[RegionName]) -> str:
    """`left and right`."""
    return listed(map(label, layout))


def by_sides(draft: RequestDraft) -> RequestDraft:
    """The draft with the regions that the sides of its LoRAs need, and each one's words from the prompt.

    In the prompt the words of regions are parted by `|`, in the order of the layout; those for the ground may follow.
    A prompt without a `|` is for the ground. Unchanged if no LoRA has a side, or the draft has regions. Raises
    InvalidRequest.
    """
    sides = [lora.region for lora in draft.loras if lora.region is not None]
    if draft.regions or not sides:
        return draft
    layout = layout_with(sides)
    parts = [part.strip() for part in draft.prompt.split(BETWEEN)]
    if len(parts) == 1:
        parts = [*("" for _region in layout), *parts]
    if not len(layout) <= len(parts) <= len(layout) + 1:
        problem = ngettext(
            "has {count} part; say it as {example}", "has {count} parts; say it as {example}", len(parts)
        )
        example = f" {BETWEEN} ".join([*map(label, layout), _("everywhere")])
        raise InvalidRequest(what=_("The prompt"), problem=problem.format(count=len(parts), example=example))
    regions = tuple(Region(name=name, prompt=part) for name, part in zip(layout, parts, strict=False))
    return draft.model_copy(update={"regions": regions, "prompt": "".join(parts[len(layout) :])})


def with_their_sides(draft: RequestDraft) -> RequestDraft:
    """The draft with a layout that has the sides of its LoRAs; the words of a region keep its position.

    Words without a region any more are for the ground. Unchanged if the draft's layout has them. Raises InvalidRequest.
    """
    sides = {lora.region for lora in draft.loras if lora.region is not None}
    if sides <= {region.name for region in draft.regions}:
        return draft
    layout, words = layout_with(sides), [region.prompt for region in draft.regions]
    said = [*words, *("" for _name in layout)]
    regions = tuple(Region(name=name, prompt=text) for name, text in zip(layout, said, strict=False))
    prompt = ", ".join(filter(None, [*words[len(layout) :], draft.prompt]))
    return draft.model_copy(update={"regions": regions, "prompt": prompt})


def own_words(draft: RequestDraft) -> str:
    """All that the person wrote of what to paint, the words of regions first."""
    return joined_words(draft.regions, draft.prompt)
