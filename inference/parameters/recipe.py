"""How a picture was painted, as a value that says the same for our own pictures and for those from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

from inference.messages import FewStepUse, GenerationRequest, Sampler, Spacing


@dataclass(frozen=True)
class RecipeLora:
    """A LoRA by the name and the hash that a picture gives: SHA-256, or its first 10 or 12 digits, or AutoV3's 12.

    Without a `weight` the picture does not tell it; without `trigger_words` it does not tell which were used.
    """

    name: str
    weight: float | None = None
    hash: str | None = None
    trigger_words: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Recipe:
    """What a picture tells of how it was painted; None and "" for what it does not tell.

    `sampler_name` is as the picture has it, `sampler` ours of that name, `spacing` one that it has. Sizes in pixels.
    With `own_schedule` what is None of spacing and shift was the checkpoint's own. With `from_picture` it began with
    another picture, which is not in it.
    """

    prompt: str = ""
    negative_prompt: str = ""
    loras: tuple[RecipeLora, ...] = ()
    checkpoint: str | None = None
    checkpoint_hash: str | None = None
    width: int | None = None
    height: int | None = None
    steps: int | None = None
    guidance_scale: float | None = None
    sampler_name: str | None = None
    sampler: Sampler | None = None
    spacing: Spacing | None = None
    flow_shift: float | None = None
    own_schedule: bool = False
    seed: int | None = None
    clip_skip: int | None = None
    from_picture: bool = False
    few_steps: FewStepUse | None = None


def recipe_of(request: GenerationRequest) -> Recipe:
    """The recipe of the first picture that `request` paints, in the person's own words."""
    return Recipe(
        prompt=request.prompt,
        negative_prompt=request.negative_prompt,
        loras=tuple(RecipeLora(use.name, use.weight, use.sha256, use.trigger_words) for use in request.loras),
        checkpoint=request.checkpoint,
        width=request.width,
        height=request.height,
        steps=request.steps,
        guidance_scale=request.guidance_scale,
        sampler_name=request.sampler.value,
        sampler=request.sampler,
        spacing=request.spacing,
        flow_shift=request.flow_shift,
        own_schedule=True,
        seed=request.seed,
        clip_skip=request.clip_skip,
        from_picture=request.image is not None,
        few_steps=request.few_steps,
    )
