"""Regions of a picture as people ask for them: a side for each LoRA, and words for each side."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from bot.i18n import _, label, listed, ngettext
from bot.requests.drafts import RequestDraft
from inference.bounds import MAX_PROMPT
from inference.errors import InvalidRequest, PromptTooLong
from inference.messages.request import GenerationRequest, Region, joined_words
from inference.regions import LAYOUTS, RegionName, divided

BETWEEN: Final = "|"  # the words of two regions, where one text has them all
# Words of an example, in English in every language, as most prompts are.
_EXAMPLE: Final = ("komori", "a red heart", "a green star")
_EXAMPLE_FOR_ALL: Final = "on a yellow background"


def layout_with(sides: Collection[RegionName], stack: str | None = None) -> tuple[RegionName, ...]:
    """The first layout that has all these regions. Raises InvalidRequest, which names the stack that they are of."""
    for layout in LAYOUTS:
        if set(sides) <= set(layout):
            return layout
    problem = _("cannot be combined in one picture. Choose one of these layouts: {layouts}")
    layouts = _("; ").join(layout_name(layout) for layout in LAYOUTS)
    what = _with_stack(listed(map(label, dict.fromkeys(sides))), stack)
    raise InvalidRequest(what=what, problem=problem.format(layouts=layouts))


def _with_stack(sides: str, stack: str | None) -> str:
    return sides if stack is None else _("{sides} (with the stack {stack})").format(sides=sides, stack=stack)


def layout_name(layout: Sequence[RegionName]) -> str:
    """`left and right`."""
    return listed(map(label, layout))


def by_sides(draft: RequestDraft, stack: str | None = None) -> RequestDraft:
    """The draft with the regions that the sides of its LoRAs need, and each one's words from the prompt.

    In the prompt the words of regions are parted by `|`, in the order of the layout; those for all may follow.
    A `|` in brackets, as in `[cat|dog]`, parts none. A prompt without a `|` is for all. Unchanged if no LoRA has a
    side, or the draft has regions. Raises InvalidRequest, which names the `stack` that has joined the draft.
    """
    sides = [lora.region for lora in draft.loras if lora.region is not None]
    if draft.regions or not sides:
        return draft
    layout = layout_with(sides, stack)
    parts = [part.strip() for part in divided(draft.prompt)]
    if len(parts) == 1:
        parts = [*("" for _region in layout), *parts]
    if not len(layout) <= len(parts) <= len(layout) + 1:
        problem = ngettext(
            "describes {count} area. To describe {sides} separately, write the prompt like this: “{example}”",
            "describes {count} areas. To describe {sides} separately, write the prompt like this: “{example}”",
            len(parts),
        )
        example = f" {BETWEEN} ".join([*_EXAMPLE[: len(layout)], _EXAMPLE_FOR_ALL])
        sides_of = _with_stack(layout_name(layout), stack)
        problem = problem.format(count=len(parts), sides=sides_of, example=example)
        raise InvalidRequest(what=_("The prompt"), problem=problem)
    regions = tuple(Region(name=name, prompt=part) for name, part in zip(layout, parts, strict=False))
    return draft.model_copy(update={"regions": regions, "prompt": "".join(parts[len(layout) :])})


def with_their_sides(draft: RequestDraft) -> RequestDraft:
    """The draft with a layout that has the sides of its LoRAs; the words of a region keep its position.

    Words without a region any more are for all. Unchanged if the draft's layout has them. Raises InvalidRequest,
    and PromptTooLong.
    """
    sides = {lora.region for lora in draft.loras if lora.region is not None}
    if sides <= {region.name for region in draft.regions}:
        return draft
    layout, words = layout_with(sides), [region.prompt for region in draft.regions]
    said = [*words, *("" for _name in layout)]
    regions = tuple(Region(name=name, prompt=text) for name, text in zip(layout, said, strict=False))
    prompt = ", ".join(filter(None, [*words[len(layout) :], draft.prompt]))
    check_length(regions, prompt)
    return draft.model_copy(update={"regions": regions, "prompt": prompt})


def words_note(request: GenerationRequest) -> str | None:
    """A note where no region has words of its own."""
    if request.regions and not any(region.prompt for region in request.regions):
        example = f" {BETWEEN} ".join([*(label(region.name) for region in request.regions), _("everywhere")])
        text = _(
            "Your prompt applies to the whole picture. To give each area its own prompt, write the prompt "
            "in /imagine like this: {example}"
        )
        return text.format(example=example)
    return None


def own_words(draft: RequestDraft) -> str:
    """All that the person wrote of what to paint, the words of regions first."""
    return joined_words(draft.regions, draft.prompt)


def check_length(regions: Iterable[Region], prompt: str) -> None:
    """Raise PromptTooLong for more words than a request holds, those of all regions and the prompt together."""
    if (length := len(joined_words(regions, prompt))) > MAX_PROMPT:
        raise PromptTooLong(what="prompt", length=length, limit=MAX_PROMPT)
