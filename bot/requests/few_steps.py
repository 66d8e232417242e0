"""Few-step recipes in a draft: whose applies, what it fills in, and what people read of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot.config import CheckpointSettings
from bot.database.loras.catalogue import LoraVersion
from bot.errors.jobs import TwoFewStepRecipes
from bot.i18n import _, ngettext
from bot.requests.drafts import OWN, RequestDraft
from inference.lora.few_steps import UNGUIDED, FewStepRecipe
from inference.messages.request import FewStepUse, GenerationRequest


@dataclass(frozen=True)
class NamedRecipe:
    """The recipe of the LoRA or checkpoint called `name`."""

    name: str
    recipe: FewStepRecipe

    @property
    def use(self) -> FewStepUse:
        """As a request keeps it."""
        least, most = self.recipe.serves
        return FewStepUse(name=self.name, least=least, most=most)


def recipe_of(checkpoint: CheckpointSettings, loras: Iterable[tuple[str, LoraVersion, float]]) -> NamedRecipe | None:
    """The recipe of a picture, of its LoRAs (name, version, weight) or its checkpoint. Raises TwoFewStepRecipes."""
    found = [NamedRecipe(name, version.recipe) for name, version, weight in loras if version.recipe and weight]
    if len(found) + (checkpoint.recipe is not None) > 1:
        distilled = [checkpoint.name] if checkpoint.recipe else []
        raise TwoFewStepRecipes(names=[*distilled, *(each.name for each in found)])
    if checkpoint.recipe is not None:
        return NamedRecipe(checkpoint.name, checkpoint.recipe)
    return found[0] if found else None


def filled_in(draft: RequestDraft, recipe: FewStepRecipe, checkpoint: CheckpointSettings) -> RequestDraft:
    """The draft with what it leaves alone as the recipe says, as far as the checkpoint offers that.

    A spacing goes with a chosen sampler that has it.
    """
    offered = checkpoint.capability.samplers
    usual: dict[str, object] = {
        "steps": recipe.steps,
        "guidance_scale": recipe.guidance,
        "flow_shift": recipe.flow_shift,
    }
    if draft.sampler is None and recipe.sampler is not None and recipe.sampler in offered:
        spacing = recipe.spacing if recipe.spacing in offered[recipe.sampler] else OWN
        usual |= {"sampler": recipe.sampler, "spacing": spacing}
    elif draft.sampler in {sampler.value for sampler, spacings in offered.items() if recipe.spacing in spacings}:
        usual["spacing"] = recipe.spacing
    return draft.model_copy(update={name: value for name, value in usual.items() if getattr(draft, name) is None})


def made_for(recipe: FewStepRecipe) -> str:
    """What a few-step LoRA was made for, in one line."""
    parts = [ngettext("{count} step", "{count} steps", recipe.steps).format(count=recipe.steps)]
    if recipe.sampler is not None:
        parts.append(recipe.sampler.value)
    if recipe.spacing is not None:
        parts.append(_("{spacing} spacing").format(spacing=recipe.spacing))
    if recipe.guidance is not None:
        guidance = _("guidance {value}").format(value=f"{recipe.guidance:g}")
        parts.append(_("no guidance") if recipe.guidance <= UNGUIDED else guidance)
    return " · ".join(parts)


def few_step_note(request: GenerationRequest) -> str | None:
    """One line about the few-step LoRA or checkpoint of a request; a warning where the steps are not its own."""
    use, steps = request.few_steps, request.steps
    if use is None:
        return None
    if (warning := far_from(use, steps)) is not None:
        return warning
    sampler = " · ".join(filter(None, (request.sampler.value, request.spacing)))
    return _("Settings for {name}: steps {steps}, sampler {sampler}, guidance {guidance}.").format(
        name=use.name, steps=steps, sampler=sampler, guidance=f"{request.guidance_scale:g}"
    )


def far_from(use: FewStepUse, steps: int) -> str | None:
    """A warning of steps that it was not made for, with a way out."""
    if use.least <= steps <= use.most:
        return None
    made = f"{use.least}" if use.least == use.most else f"{use.least}-{use.most}"
    return _(
        "For {name}, the number of steps should be {made}, not {steps}. Leave the steps empty, or use "
        "another LoRA or model."
    ).format(name=use.name, made=made, steps=steps)
