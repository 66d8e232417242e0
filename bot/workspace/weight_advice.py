"""Warnings of a studio before painting: weights that break pictures, and LoRAs without their trigger words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.i18n import _, label
from bot.workspace.studio_draft import Row
from inference.lora.beside.categories import Category
from inference.messages.request import words_in

# Up to these sums pictures of the demo held together: of one category, and in equal shares of two and three categories.
# `python -m benchmarks.weight_sums --prompts 16`, 2026-11-27; docs/measurements.md says what that shows. Of the other
# categories nothing was measured: they have the lowest limit.
SUMS = {Category.CHARACTER: 2.0, Category.STYLE: 1.25, Category.DETAIL: 2.0}
UNMEASURED = min(SUMS.values())
TOGETHER = {2: 2.75, 3: 3.75}
# One weight, and any limit as a multiple of what is recommended: what guides say, not measured.
STRONG, BEYOND = 1.2, 1.2


def advice(rows: Sequence[Row], prompt: str) -> list[str]:
    """The warnings. Weights as they are recommended are never warned of, however many LoRAs there are."""
    working = [row for row in rows if row.version is not None]
    return [*_strong(working), *_crowded(working), *_silent(working, prompt)]


def _strong(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        useful = row.version.useful if row.version else None
        usual = max(STRONG, BEYOND * row.recommended)
        limit = usual if useful is None else max(abs(useful.most), abs(useful.least), row.recommended)
        if abs(row.weight) <= limit:
            continue
        text = _(
            "The weight {weight} of {lora} is high. Above {limit}, faces may look distorted and colours may look burnt."
        )
        if useful is not None:
            text = _(
                "The weight {weight} of {lora} is high. According to Easel's measurements, weights up to "
                "{limit} are useful."
            )
        yield text.format(lora=row.name, weight=f"{row.weight:g}", limit=f"{limit:.3g}")


def _crowded(rows: Sequence[Row]) -> Iterator[str]:
    """Weights that get into each other's way. A few-step LoRA is of no category."""
    painting = [row for row in rows if row.version and not row.version.recipe]
    categories = sorted({row.category for row in painting})
    for category in categories:
        alike = [row for row in painting if row.category is category]
        if found := _beyond(alike, SUMS.get(category, UNMEASURED)):
            text = _(
                "The weights of all LoRAs in the category {category} add up to {total}. Above {limit}, "
                "these LoRAs interfere with each other. Use *Weight* to scale all weights together."
            )
            yield text.format(category=label(category), total=found[0], limit=found[1])
    together = TOGETHER.get(min(len(categories), max(TOGETHER)))
    if together and (found := _beyond(painting, together)):
        text = _(
            "The weights add up to {total}. Above {limit}, the LoRAs interfere with each other. Use "
            "*Weight* to scale all weights together."
        )
        yield text.format(total=found[0], limit=found[1])


def _beyond(rows: Sequence[Row], held: float) -> tuple[str, str] | None:
    """The sum of the weights and its limit, as people read them, where several are beyond it."""
    total = sum(abs(row.weight) for row in rows)
    limit = max(held, BEYOND * sum(row.recommended for row in rows))
    return (f"{total:.3g}", f"{limit:.3g}") if len(rows) > 1 and total > limit else None


def _silent(rows: Sequence[Row], prompt: str) -> Iterator[str]:
    said = prompt.casefold()
    for row in rows:
        known = [word.casefold() for group in row.all_words for word in words_in(group)]
        if known and not row.words and not any(word in said for word in known):
            yield _(
                "No trigger word of {lora} is active, so the LoRA may have little effect. Choose a trigger word below."
            ).format(lora=row.name)
