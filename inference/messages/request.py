"""The frozen request: what a job asks for.

`GenerationRequest` as JSON is also the database column, so it carries a version and old ones stay readable.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from inference.bounds import MAX_COUNT, MAX_LORAS, MAX_PICTURES, MAX_PROMPT, SEEDS
from inference.content_rating import ContentRating
from inference.messages.samplers import SPACINGS, Sampler, Spacing
from inference.messages.values import (
    ClipSkip,
    FlowShift,
    FrozenModel,
    Guidance,
    Name,
    Prompt,
    Seed,
    Sha256,
    Side,
    Steps,
    TriggerGroup,
    Weight,
)
from inference.regions import (
    LAYOUTS,
    MAX_BASE_SHARE,
    MAX_EDGE,
    MAX_REGIONS,
    PLACE_WORDS,
    USUAL_EDGE,
    RegionName,
    slots_of,
)


class LoraUse(FrozenModel):
    """One file of a LoRA, known by its SHA-256, at a weight. The name is for people only.

    `region` is that region of the request to which it is applied; None: to the whole picture.
    """

    sha256: Sha256
    weight: Weight = 1.0
    name: Name
    trigger_words: Annotated[tuple[TriggerGroup, ...], Field(max_length=50)] = ()
    region: RegionName | None = None

    def applies_to(self, region: RegionName | None) -> bool:
        """Whether it is applied when the denoiser is asked for `region`; None: for the whole picture."""
        return self.region is None or self.region is region


class Region(FrozenModel):
    """A region of the picture, with the person's words for what is there."""

    name: RegionName
    prompt: Prompt = ""


class FewStepUse(FrozenModel):
    """The few-step LoRA or distilled checkpoint of a request, and the steps that it was made for."""

    name: Name
    least: Steps
    most: Steps


class SourceImage(FrozenModel):
    """A picture to start from: a file in the inputs folder, named by its own SHA-256, and how much to change it.

    `strength` is the share of the denoising that is done, as in diffusers: 1 paints anew, near 0 keeps the picture. At
    0 it is only brought to the request's size, for which no worker is needed. `enlarged` says that it is a picture of
    ours, so many times as large as it was painted; `painted` that no picture of a person went into it. `rating` is that
    of the picture of ours; None: nothing has rated it, or a person gave it. `face`: a photographed face is in it, or in
    the picture that it was painted from.
    """

    sha256: Sha256
    strength: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
    enlarged: Annotated[int, Field(ge=1, le=8)] = 1
    painted: bool = False
    rating: ContentRating | None = None
    face: bool = False


class JobRequest(FrozenModel):
    """What a job asks for, of whatever kind; nothing else is needed to do it, now or in a year.

    Defining a subclass registers it, so that stored requests are read again. Each one but `GenerationRequest` says by a
    field `kind`, a Literal with itself as default, of which kind it is. `checkpoint` is what a worker must serve.
    """

    version: Literal[1] = 1
    checkpoint: Name

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        kind = cls.model_fields.get("kind")
        _REQUESTS["" if kind is None else kind.default] = cls

    @staticmethod
    def stored(text: str) -> JobRequest:
        """The request of a row."""
        kind = json.loads(text).get("kind", "")
        return _REQUESTS.get(kind, GenerationRequest).model_validate_json(text)


_REQUESTS: dict[str, type[JobRequest]] = {}  # by kind


class GenerationRequest(JobRequest):
    """What to paint, and nothing else is needed to paint it. Sizes in pixels; picture i uses seed + i.

    With `variants` there is one picture for each, all with the same seed: variant j is the weights of all `loras`, in
    their order, in place of their own (0 leaves one out), which shows what a weight or a LoRA does. `count` is then
    the number of variants. `exact` paints alone, so that the same request gives the same picture to the bit.

    `clip_skip` is the layer of the text encoders that the prompt is read from, counted from the last one, as the field
    writes it; None is the usual one: 1 for Stable Diffusion, 2 for SDXL. diffusers counts from the usual one: its
    `clip_skip` is one less for Stable Diffusion and two less for SDXL.

    An empty `negative_prompt` is none at all, as None is in diffusers: SDXL guides away from zeros then. What diffusers
    makes of an empty text, the encoded nothing, is that of a single space here.

    `spacing` is that of the sampler's steps; None is the checkpoint's own. `flow_shift` is for checkpoints of flow
    matching: the constant by which their schedule is shifted towards noise, in place of the checkpoint's own shift.

    `prompt` is the person's own text; the checkpoint's quality tags and the LoRAs' trigger words stand beside it
    and join it only in `full_prompt`, so that editing a request never shows words the person did not write.

    With `regions`, those of one of `LAYOUTS`, each region has words of its own, and LoRAs: those whose `region` it is.
    `prompt` has the words for the ground then, which go into every region, as do LoRAs without a region. Where a region
    is, is added to its words. `region_edge` is how many latents wide one region passes into the next. `base_share` is
    the share of one more prediction for the whole picture, with all words and only the LoRAs without a region.

    For its cost (`inference.queue.request_cost`), `rows` are those of the batch that a slot takes where the guidance
    does not tell, and `flow` is whether its checkpoint is of flow matching.
    """

    prompt: Prompt
    prompt_prefix: Annotated[str, Field(max_length=500)] = ""
    negative_prompt: Prompt = ""
    loras: Annotated[tuple[LoraUse, ...], Field(max_length=MAX_LORAS)] = ()
    width: Side
    height: Side
    steps: Steps
    guidance_scale: Guidance
    sampler: Sampler
    spacing: Spacing | None = None
    flow_shift: FlowShift | None = None
    seed: Seed
    count: Annotated[int, Field(ge=1, le=MAX_PICTURES)] = 1
    image: SourceImage | None = None
    variants: Annotated[tuple[tuple[Weight, ...], ...], Field(max_length=MAX_PICTURES)] = ()
    exact: bool = False
    clip_skip: ClipSkip | None = None
    few_steps: FewStepUse | None = None
    regions: Annotated[tuple[Region, ...], Field(max_length=MAX_REGIONS)] = ()
    region_edge: Annotated[int, Field(ge=0, le=MAX_EDGE)] = USUAL_EDGE
    base_share: Annotated[float, Field(ge=0, le=MAX_BASE_SHARE, allow_inf_nan=False)] = 0.0
    rows: Annotated[int, Field(ge=1, le=2)] | None = None
    flow: bool = False

    @field_validator("regions")
    @classmethod
    def _regions_in_order(cls, regions: tuple[Region, ...]) -> tuple[Region, ...]:
        order = list(RegionName)
        return tuple(sorted(regions, key=lambda region: order.index(region.name)))

    @model_validator(mode="after")
    def _known_regions(self) -> Self:
        names = tuple(region.name for region in self.regions)
        if names and names not in LAYOUTS:
            raise ValueError("regions are those of one layout")
        if strange := next((use.region for use in self.loras if use.region not in (None, *names)), None):
            raise ValueError(f"a LoRA is for the region {strange.value}, which is not there")
        return self

    @model_validator(mode="after")
    def _bounded_words(self) -> Self:
        if len(self.own_words) > MAX_PROMPT:
            raise ValueError(f"the prompt and the words of all regions have at most {MAX_PROMPT} characters together")
        return self

    @model_validator(mode="after")
    def _whole_variants(self) -> Self:
        if any(len(weights) != len(self.loras) for weights in self.variants):
            raise ValueError("each variant gives one weight per LoRA")
        if self.variants and self.count != len(self.variants):
            raise ValueError("count is the number of its variants")
        if not self.variants and self.count > MAX_COUNT:
            raise ValueError(f"count is at most {MAX_COUNT}")
        return self

    @model_validator(mode="after")
    def _known_spacing(self) -> Self:
        if self.spacing is not None and self.spacing not in SPACINGS[self.sampler]:
            raise ValueError(f"{self.sampler.value} has no {self.spacing.value} spacing")
        return self

    @property
    def slots(self) -> tuple[RegionName | None, ...]:
        """What the denoiser is asked for each picture: each of its regions, or the whole picture (None), or both."""
        return slots_of([region.name for region in self.regions], self.base_share)

    @property
    def from_face(self) -> bool:
        """Whether a photographed face is in the picture to start from."""
        return self.image is not None and self.image.face

    @property
    def own_words(self) -> str:
        """All that the person wrote of what to paint, the words of regions first."""
        return joined_words(self.regions, self.prompt)

    @property
    def full_prompt(self) -> str:
        """The prompt for the whole picture: that of `prompt_of`, with the words of all regions."""
        return self.prompt_of(None)

    def prompt_of(self, slot: RegionName | None) -> str:
        """Prefix, trigger words that the words do not hold already, and the words, joined by commas.

        Those of one of `slots`; None: for the whole picture.
        """
        parts = (self.prompt_prefix.strip(" ,"), *self.trigger_words_of(slot), self.words_of(slot))
        return ", ".join(filter(None, parts))

    @property
    def slot_prompts(self) -> list[str]:
        """The prompt of each slot, picture after picture."""
        return [self.prompt_of(slot) for slot in self.slots] * self.count

    def words_of(self, slot: RegionName | None) -> str:
        """The person's words for a slot, with the places of the regions, as they end its prompt."""
        places = [_placed(region) for region in self.regions if slot in (None, region.name)]
        return ", ".join(filter(None, [*places, self.prompt]))

    def trigger_words_of(self, slot: RegionName | None) -> tuple[str, ...]:
        """The trigger words that stand before the person's words for a slot, which do not hold them."""
        words = self.words_of(slot)
        groups = (group for use in self.loras_of(slot) for group in use.trigger_words)
        return tuple(dict.fromkeys(word for group in groups for word in words_in(group) if not says(words, word)))

    def loras_of(self, slot: RegionName | None) -> tuple[LoraUse, ...]:
        """The LoRAs that are applied in a slot."""
        return tuple(use for use in self.loras if not self.regions or use.applies_to(slot))

    def only(self, position: int) -> GenerationRequest:
        """The request that paints the picture at `position` (from 0) alone."""
        weights = self.variants[position] if self.variants else [use.weight for use in self.loras]
        uses = [use.model_copy(update={"weight": weight}) for use, weight in zip(self.loras, weights, strict=True)]
        loras = tuple(use for use in uses if use.weight) if self.variants else tuple(uses)
        return self.model_copy(
            update={"loras": loras, "seed": self.seeds[position], "count": 1, "variants": ()},
        )

    @property
    def seeds(self) -> list[int]:
        """The seed of each picture."""
        if self.variants:
            return [self.seed] * self.count
        return [(self.seed + i) % SEEDS for i in range(self.count)]


def joined_words(regions: Iterable[Region], prompt: str) -> str:
    """All that somebody wrote of what to paint, the words of regions first."""
    return ", ".join(text for text in (*(region.prompt for region in regions), prompt) if text)


def words_in(group: str) -> list[str]:
    """The words of a group, which commas part; one that has brackets stays whole, since its commas may be theirs."""
    if "(" in group or "[" in group:
        return [group.strip(" ,")]
    return [word for each in group.split(",") if (word := each.strip())]


def _placed(region: Region) -> str:
    """The words of a region, with its place unless they say it."""
    words, place = region.prompt.strip(" ,"), PLACE_WORDS[region.name]
    return words if not words or not place or says(words, place) else f"{words} {place}"


def says(prompt: str, word: str) -> bool:
    """Whether `prompt` has `word`, and not as a part of a longer word.

    Case, full width, escaped brackets, and `_`, `-` or blanks between its parts make no difference.
    """
    return re.search(rf"(?<!\w){_spellings(word)}(?!\w)", _plainly(prompt)) is not None


def _spellings(word: str) -> str:
    """A pattern for `word`, whatever stands between its parts."""
    return r"[ _-]".join(map(re.escape, filter(None, re.split(r"[ _-]", _plainly(word)))))


def _plainly(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().replace("\\", "").split())
