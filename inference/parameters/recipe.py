"""How a picture was painted, as a value that says the same for our own pictures and for those from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, replace

from inference.messages.request import FewStepUse, GenerationRequest, Region
from inference.messages.samplers import Sampler, Spacing
from inference.regions import USUAL_EDGE, RegionName


@dataclass(frozen=True)
class RecipeLora:
    """A LoRA by the name and the hash that a picture gives: SHA-256, or its first 10 or 12 digits, or AutoV3's 12.

    Without a `weight` the picture does not tell it; without `trigger_words` it does not tell which were used. `region`
    is the one of the recipe's regions that it was for; None: the whole picture.
    """

    name: str
    weight: float | None = None
    hash: str | None = None
    trigger_words: tuple[str, ...] | None = None
    region: RegionName | None = None


@dataclass(frozen=True)
class Recipe:
    """What a picture tells of how it was painted; None and "" for what it does not tell.

    `sampler_name` is as the picture has it, `sampler` ours of that name, `spacing` one that it has. Sizes in pixels.
    With `own_schedule` what is None of spacing and shift was the checkpoint's own. With `from_picture` it began with
    another picture, which is not in it. With `regions` the prompt is what went into each of them.
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
    regions: tuple[Region, ...] = ()
    region_edge: int = USUAL_EDGE
    base_share: float = 0.0

    @property
    def without_words(self) -> Recipe:
        """The same without the person's words."""
        return replace(self, prompt="", negative_prompt="", regions=without_words(self.regions))


def without_words(regions: tuple[Region, ...]) -> tuple[Region, ...]:
    """The same regions without the person's words."""
    return tuple(Region(name=region.name) for region in regions)


def recipe_of(request: GenerationRequest) -> Recipe:
    """The recipe of the first picture that `request` paints, in the person's own words."""
    return Recipe(
        prompt=request.prompt,
        negative_prompt=request.negative_prompt,
        loras=tuple(
            RecipeLora(use.name, use.weight, use.sha256, use.trigger_words, use.region) for use in request.loras
        ),
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
        regions=request.regions,
        region_edge=request.region_edge,
        base_share=request.base_share,
    )
