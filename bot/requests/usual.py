"""Settings that people leave open: what becomes of them, and what another checkpoint makes of a draft.

A draft has None for what a person did not choose. That follows the checkpoint and its few-step recipe.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.config import CheckpointSettings
from bot.i18n import _, listed, ngettext
from bot.requests.drafts import OWN, RequestDraft
from bot.requests.few_steps import NamedRecipe, filled_in
from inference.messages.samplers import Sampler, Spacing

_FAR = 2.0  # times as much as usual, or so many times less


@dataclass(frozen=True)
class ResolvedSettings:
    """The settings of a picture, each with a value; `sampler` and `spacing` are not checked yet."""

    steps: int
    guidance_scale: float
    sampler: str
    spacing: str
    flow_shift: float
    clip_skip: int | None
    negative_prompt: str


_NAMES = tuple(ResolvedSettings.__dataclass_fields__)


def resolved(draft: RequestDraft, checkpoint: CheckpointSettings, recipe: NamedRecipe | None) -> ResolvedSettings:
    """The settings of a draft, with what it leaves open as the recipe says, else as is usual for the checkpoint."""
    draft = draft if recipe is None else filled_in(draft, recipe.recipe, checkpoint)
    capability, sampler = checkpoint.capability, draft.sampler or checkpoint.sampler.value
    usual_goes = any(one == sampler and checkpoint.spacing in spacings for one, spacings in capability.samplers.items())
    usual_spacing = checkpoint.spacing if checkpoint.spacing is not None and usual_goes else OWN
    guidance = checkpoint.guidance_scale if draft.guidance_scale is None else draft.guidance_scale
    negative_prompt = checkpoint.negative_prompt if capability.heeds_negative_prompt(guidance) else ""
    clip_skip = checkpoint.clip_skip if capability.clip_skip else None
    return ResolvedSettings(
        steps=checkpoint.steps if draft.steps is None else draft.steps,
        guidance_scale=guidance,
        sampler=sampler,
        spacing=usual_spacing if draft.spacing is None else draft.spacing,
        flow_shift=draft.flow_shift or 0.0,
        clip_skip=clip_skip if draft.clip_skip is None else draft.clip_skip,
        negative_prompt=negative_prompt if draft.negative_prompt is None else draft.negative_prompt,
    )


def left_open(draft: RequestDraft, checkpoint: CheckpointSettings, recipe: NamedRecipe | None) -> RequestDraft:
    """The draft of a picture without the settings that it would get anyhow: nobody knows whether they were chosen.

    What the checkpoint does not offer, or no longer, goes too.
    """
    draft = offered_on(checkpoint, draft)
    usual = resolved(_opened(draft), checkpoint, recipe)
    chosen = resolved(draft, checkpoint, recipe)
    same = {name for name in _NAMES if getattr(chosen, name) == getattr(usual, name)}
    if not {"sampler", "spacing"} <= same:
        same -= {"sampler", "spacing"}
    return _opened(draft, same)


def _opened(draft: RequestDraft, names: Iterable[str] = _NAMES) -> RequestDraft:
    return draft.model_copy(update=dict.fromkeys(names))


def offered_on(checkpoint: CheckpointSettings, draft: RequestDraft) -> RequestDraft:
    """The draft without a sampler, spacing or clip skip that the checkpoint does not offer."""
    sampler = draft.sampler if draft.sampler in checkpoint.capability.samplers else None
    spacing = draft.spacing if draft.spacing in (OWN, *spacings_on(checkpoint, sampler)) else None
    clip_skip = draft.clip_skip if checkpoint.capability.clip_skip else None
    return draft.model_copy(update={"sampler": sampler, "spacing": spacing, "clip_skip": clip_skip})


def spacings_on(checkpoint: CheckpointSettings, sampler: str | None) -> tuple[Spacing, ...]:
    """The spacings that go with a sampler on a checkpoint; None, or one that it does not offer: with its usual one."""
    offered = checkpoint.capability.samplers
    used = next((one for one in offered if one == sampler), checkpoint.sampler)
    return offered[
        Sampler.DPMPP_2M if used is Sampler.DPMPP_2M_KARRAS else used
    ]  # with another spacing, it is that one


def moved(draft: RequestDraft, before: CheckpointSettings, after: CheckpointSettings) -> RequestDraft:
    """The draft on another checkpoint: its size there is the same, else one of the same shape, else the usual one."""
    old = before.size(draft.size) if draft.size else None
    size = (after.size(str(old)) or after.size(old.shape)) if old else None
    return offered_on(after, draft).model_copy(
        update={"checkpoint": after.name, "size": None if size is None else str(size)}
    )


def without_far(draft: RequestDraft, checkpoint: CheckpointSettings) -> tuple[RequestDraft, str]:
    """The draft of a picture without steps and guidance that are far from usual, and a note on them, "" without any."""
    far = _far(draft, checkpoint, None)
    if not far:
        return draft, ""
    told = _(
        "The original picture was generated with {settings}, which is unusual for {checkpoint}. For your "
        "picture, Easel uses the model's defaults instead."
    )
    told = told.format(settings=_said({name: own for name, (own, _usual) in far.items()}), checkpoint=checkpoint.name)
    return _opened(draft, far), told


def far_note(draft: RequestDraft, checkpoint: CheckpointSettings, recipe: NamedRecipe | None) -> str:
    """A note on chosen steps and guidance that are far from usual, with a way out; "" where none are.

    Of the steps of a few-step recipe, `few_steps.far_from` tells.
    """
    far = _far(draft, checkpoint, recipe)
    if not far:
        return ""
    told = _(
        "You chose {chosen}, but {checkpoint} usually uses {usual}. To use the default, clear the "
        "field under *Advanced*."
    )
    return told.format(
        chosen=_said({name: own for name, (own, _usual) in far.items()}),
        checkpoint=checkpoint.name,
        usual=_said({name: usual for name, (_own, usual) in far.items()}),
    )


def _far(
    draft: RequestDraft, checkpoint: CheckpointSettings, recipe: NamedRecipe | None
) -> dict[str, tuple[float, float]]:
    """Chosen steps and guidance that are more than twice as much as usual or less than half of it, with the usual."""
    usual = resolved(_opened(draft), checkpoint, recipe)
    pairs = {"guidance_scale": (draft.guidance_scale, usual.guidance_scale)}
    if recipe is None:
        pairs = {"steps": (draft.steps, usual.steps), **pairs}
    return {
        name: (own, common)
        for name, (own, common) in pairs.items()
        if own is not None and max(own, common) > _FAR * min(own, common)
    }


def _said(settings: Mapping[str, float]) -> str:
    """`28 steps and guidance 7`."""
    texts: list[str] = []
    if (steps := settings.get("steps")) is not None:
        texts.append(ngettext("{count} step", "{count} steps", int(steps)).format(count=f"{steps:g}"))
    if (guidance := settings.get("guidance_scale")) is not None:
        texts.append(_("guidance {value}").format(value=f"{guidance:g}"))
    return listed(texts)
