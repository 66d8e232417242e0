"""The draft in a person's studio, and how its LoRAs fit the chosen checkpoint."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from bot.config import CheckpointSettings
from bot.database.loras.catalogue import Lora, LoraVersion, Sort
from bot.database.loras.search import Shown
from bot.requests.builder import DEFAULT_WEIGHT, Choice, RequestBuilder, weight_of
from bot.requests.drafts import LoraDraft, RequestDraft
from bot.requests.trigger_words import words_beside, words_of
from bot.requests.usual import moved
from inference.bounds import MAX_WEIGHT, MIN_WEIGHT
from inference.errors import RequestError
from inference.lora.beside.categories import Category
from inference.messages.request import Region
from inference.messages.values import Sha256
from inference.regions import RegionName

HUNDREDTH = 0.01  # the step of weights


class _Kept(BaseModel):
    """Frozen and stored as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class StudioLora(_Kept):
    """An entry of the catalogue, with its name when it was added; `sha256` if a picture or stack named a file.

    A `weight` of None is the recommended one, `trigger_words` of None are the usual ones. `region` is that part of the
    picture which it was chosen for, in whatever layout; None: the whole picture.
    """

    lora_id: int
    name: str
    sha256: Sha256 | None = None
    weight: Annotated[float, Field(ge=MIN_WEIGHT, le=MAX_WEIGHT)] | None = None
    trigger_words: tuple[str, ...] | None = None
    region: RegionName | None = None

    @property
    def draft(self) -> LoraDraft:
        """The LoRA as part of a request draft."""
        return LoraDraft(
            name=f"#{self.lora_id}",
            weight=self.weight,
            sha256=self.sha256,
            trigger_words=self.trigger_words,
            region=self.region,
        )


class LoraMenuFilter(_Kept):
    """Which LoRAs the menu offers: a person's bookmarks or the whole library, filtered; `page` counts from 0."""

    bookmarks: bool = True
    search: str = ""
    category: Category | None = None
    sort: Sort = Sort.NEWEST
    page: int = 0

    @property
    def filtered(self) -> bool:
        """Whether a search or a category narrows the list."""
        return bool(self.search or self.category)


class Studio(_Kept):
    """What is kept of a studio: the draft without its LoRAs, the LoRAs, the one in focus, and the menu to add more."""

    draft: RequestDraft = RequestDraft(prompt="")
    loras: tuple[StudioLora, ...] = ()
    focus: int | None = None
    lora_menu: LoraMenuFilter = LoraMenuFilter()

    def with_lora(self, added: StudioLora) -> Studio:
        """With `added` last, or in place of the same entry, and in focus."""
        kept = tuple(added if lora.lora_id == added.lora_id else lora for lora in self.loras)
        loras = kept if added in kept else (*kept, added)
        return self.model_copy(update={"loras": loras, "focus": added.lora_id})

    def without(self, lora_ids: Collection[int]) -> Studio:
        """Without these entries."""
        loras = tuple(lora for lora in self.loras if lora.lora_id not in lora_ids)
        return self.model_copy(update={"loras": loras, "focus": None if self.focus in lora_ids else self.focus})

    def changed(self, lora_id: int, **fields: object) -> Studio:
        """With fields of one entry set, and the entry in focus; unchanged if the entry was removed meanwhile."""
        found = next((lora for lora in self.loras if lora.lora_id == lora_id), None)
        return self if found is None else self.with_lora(found.model_copy(update=fields))

    def nudged(self, lora_id: int, step: float, usual: float) -> Studio:
        """With the weight of an entry changed by `step`, from `usual` if none was chosen yet."""
        found = next((lora for lora in self.loras if lora.lora_id == lora_id), None)
        weight = usual if found is None or found.weight is None else found.weight
        return self.changed(lora_id, weight=bounded(weight + step))

    def scaled(self, weights: Mapping[int, float], lora_id: int, weight: float) -> Studio:
        """With the weights of all entries in `weights` scaled as that of `lora_id` is by setting it to `weight`.

        Where one of them would leave the bounds, all are scaled less, so that proportions stay; nothing is proportional
        to a weight of 0. A weight too small for hundredths becomes the smallest one, unless all become 0.
        """
        before = weights.get(lora_id, 0.0)
        if not before:
            return self.changed(lora_id, weight=bounded(weight))
        largest = max(abs(each) for each in weights.values())
        factor = max(min(weight / before, MAX_WEIGHT / largest), MIN_WEIGHT / largest)
        studio = self
        for each, current in weights.items():
            studio = studio.changed(each, weight=bounded(_at_least_a_hundredth(current * factor)))
        return studio.model_copy(update={"focus": lora_id})

    def with_draft(self, **fields: object) -> Studio:
        """With fields of the draft set."""
        return self.model_copy(update={"draft": self.draft.model_copy(update=fields)})

    def on_checkpoint(self, before: CheckpointSettings, after: CheckpointSettings) -> Studio:
        """With the draft on another checkpoint."""
        return self.model_copy(update={"draft": moved(self.draft, before, after)})

    def with_regions(self, regions: tuple[Region, ...], characters: Sequence[int] = ()) -> Studio:
        """With these regions, or none. A LoRA keeps the position of its region in the layout.

        Where no LoRA has one of the regions yet, `characters` get one each, in their order.
        """
        names = [region.name for region in regions]
        moved = dict(zip((region.name for region in self.draft.regions), names, strict=False))
        places = {lora.lora_id: moved.get(lora.region, lora.region) for lora in self.loras if lora.region}
        if not set(places.values()) & set(names):
            places |= dict(zip(characters, (name for name in names if name is not RegionName.BACKGROUND), strict=False))
        loras = tuple(lora.model_copy(update={"region": places.get(lora.lora_id)}) for lora in self.loras)
        return self.with_draft(regions=regions).model_copy(update={"loras": loras})

    def region_of(self, lora: StudioLora) -> RegionName | None:
        """The region that a LoRA is for in the layout of the draft; None: the whole picture."""
        return lora.region if any(region.name is lora.region for region in self.draft.regions) else None

    def with_menu(self, **fields: object) -> Studio:
        """With fields of the LoRA menu set; it starts at its first page unless `page` is given."""
        return self.model_copy(update={"lora_menu": self.lora_menu.model_copy(update={"page": 0, **fields})})

    def has(self, lora_id: int) -> bool:
        """Whether the studio has the entry."""
        return any(lora.lora_id == lora_id for lora in self.loras)

    def whole_draft(self, *, leaving_out: Collection[int] = ()) -> RequestDraft:
        """The request draft with its LoRAs, without the entries in `leaving_out`."""
        drafts = tuple(
            lora.draft.model_copy(update={"region": self.region_of(lora)})
            for lora in self.loras
            if lora.lora_id not in leaving_out
        )
        return self.draft.model_copy(update={"loras": drafts})


@dataclass(frozen=True)
class Row:
    """A LoRA of the studio on the chosen checkpoint: its entry and version, or the `refusal` that says why not.

    `beside` are the person's words that it is painted with. `note` warns of a version that fits but may look different
    there.
    """

    lora: StudioLora
    entry: Lora | None
    version: LoraVersion | None
    refusal: RequestError | None
    beside: str = ""
    note: str | None = None

    @classmethod
    def of(cls, lora: StudioLora, choice: Choice, beside: str) -> Row:
        """Return the row of a LoRA with what was chosen for it."""
        return cls(lora, choice.lora, choice.version, choice.refusal, beside, choice.note)

    @property
    def weight(self) -> float:
        """The weight on the checkpoint, or the one that would apply if it fitted."""
        if self.version is not None:
            return weight_of(self.lora.draft, self.version)
        return DEFAULT_WEIGHT if self.lora.weight is None else self.lora.weight

    @property
    def scales(self) -> bool:
        """Whether its weight may follow that of another LoRA; a few-step LoRA works at its own weight."""
        return self.version is not None and self.version.recipe is None

    @property
    def recommended(self) -> float:
        """The weight that would apply if the person had chosen none, without its sign."""
        if self.version is None:
            return DEFAULT_WEIGHT
        return abs(weight_of(self.lora.draft.model_copy(update={"weight": None}), self.version))

    @property
    def category(self) -> Category:
        """What it is for."""
        return Category.OTHER if self.entry is None else self.entry.category

    @property
    def words(self) -> tuple[str, ...]:
        """The trigger words that are on."""
        return () if self.version is None else words_of(self.lora.draft, self.version, self.beside)

    @property
    def all_words(self) -> tuple[str, ...]:
        """All trigger words of the version."""
        return () if self.version is None else self.version.trigger_words

    def group_name(self, words: str) -> str | None:
        """What a group of trigger words is called."""
        return None if self.version is None else self.version.group_names.get(words)

    @property
    def name(self) -> str:
        """The name in the catalogue now, else the stored one."""
        return self.lora.name if self.entry is None else self.entry.name


async def examine(requests: RequestBuilder, studio: Studio, checkpoint: str | None, shown: Shown = None) -> list[Row]:
    """How each LoRA of a studio fits a checkpoint, without names that are not `shown`. Raises CheckpointNotFound."""
    rows: list[Row] = []
    for lora in studio.loras:
        choice = (await requests.choose(lora.draft, checkpoint)).named_for(shown)
        beside = words_beside(studio.draft, studio.region_of(lora))
        rows.append(Row.of(lora, choice, beside))
    return rows


async def joining_fast(
    requests: RequestBuilder, studio: Studio, rows: Sequence[Row], checkpoint: CheckpointSettings
) -> Row | None:
    """The few-step LoRA of the checkpoint that joins a draft that is to be fast; None where none does."""
    has_one = any(row.version is not None and row.version.recipe for row in rows)
    if not studio.draft.fast or checkpoint.fast is None or has_one:
        return None
    choice = await requests.choose(LoraDraft(name=checkpoint.fast), checkpoint.name)
    if choice.lora is None:
        return None
    lora = StudioLora(lora_id=choice.lora.id, name=choice.lora.name)
    return Row.of(lora, choice, words_beside(studio.draft, None))


async def studio_of(requests: RequestBuilder, draft: RequestDraft) -> Studio:
    """A studio filled with `draft`. Raises LoraNotFound."""
    studio = Studio(draft=draft.model_copy(update={"loras": (), "sweep": None, "compare": False}))
    for lora in draft.loras:
        entry = (await requests.choose(lora, draft.checkpoint)).lora or await requests.lora(lora.name)
        added = StudioLora(
            lora_id=entry.id,
            name=entry.name,
            sha256=lora.sha256,
            weight=lora.weight,
            trigger_words=lora.trigger_words,
            region=lora.region,
        )
        studio = studio.with_lora(added)
    return studio


def _at_least_a_hundredth(weight: float) -> float:
    return math.copysign(max(abs(weight), HUNDREDTH), weight) if weight else weight


def bounded(weight: float) -> float:
    """The nearest allowed weight, rounded to hundredths; NaN and infinities become DEFAULT_WEIGHT."""
    if not math.isfinite(weight):
        return DEFAULT_WEIGHT
    return round(min(max(weight, MIN_WEIGHT), MAX_WEIGHT), 2)
