"""Turns a draft into the frozen request: fills in defaults, a person's own first, keeps limits, matches every LoRA."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from pydantic import ValidationError

from bot.config import CheckpointSettings, Size
from bot.database.database import Database
from bot.database.loras.catalogue import VERSION_BY_SHA256, Lora, LoraVersion, find_lora
from bot.database.loras.search import Shown
from bot.database.people.preferences import Preferences, find_preferences
from bot.errors.jobs import PartsGone
from bot.i18n import _, alternatives, label, listed
from bot.i18n.texts import lora_name
from bot.library.catalogue import find_named
from bot.library.configuration import Configuration
from bot.library.installed_checkpoints import InstalledCheckpoints
from bot.requests.drafts import OWN, LoraDraft, RequestDraft
from bot.requests.few_steps import NamedRecipe, recipe_of
from bot.requests.regions import check_length, own_words
from bot.requests.trigger_words import words_beside, words_of
from bot.requests.usual import ResolvedSettings, resolved
from bot.requests.variants import compared, swept
from bot.visible_text import is_blank
from inference.bounds import MAX_PROMPT, MAX_WEIGHT, MIN_WEIGHT, SEEDS
from inference.capabilities import Capability
from inference.errors import (
    InvalidRequest,
    LoraMisfit,
    LoraNotFound,
    LoraUnusable,
    PromptEmpty,
    PromptTooLong,
    RegionsNotOffered,
    RequestError,
    SizeNotOffered,
    TooManyLoras,
)
from inference.messages.request import GenerationRequest, LoraUse
from inference.messages.samplers import Sampler, Spacing
from inference.queue.request_cost import GUIDED
from inference.regions import RegionName

DEFAULT_WEIGHT = 0.8  # where neither the person nor the LoRA's author gives one
_NEAR = 3  # names suggested when one is not found


_Term = TypeVar("_Term", Sampler, Spacing)


@dataclass(frozen=True)
class Choice:
    """Which version of a LoRA is used on a checkpoint, or the refusal (a value: raise it or show it).

    `note` warns of a version that fits but may look different there. `lora` is None when the library has no such
    entry any more.
    """

    lora: Lora | None
    version: LoraVersion | None = None
    refusal: RequestError | None = None
    note: str | None = None

    def named_for(self, shown: Shown) -> Choice:
        """Return the choice for texts where content ratings are `shown`: other LoRAs have no name there."""
        if self.lora is None or (name := lora_name(self.lora, shown)) == self.lora.name:
            return self
        refusal = self.refusal
        if isinstance(refusal, LoraMisfit | LoraUnusable):
            refusal = replace(refusal, lora=name)
        return replace(self, lora=replace(self.lora, name=name), refusal=refusal)


class RequestBuilder:
    """Checks drafts against the settings, the catalogue and the installed checkpoints.

    Each method reads the configuration once, at its beginning: a reload meanwhile does not mix two of them.
    """

    def __init__(self, db: Database, configuration: Configuration) -> None:
        self._db = db
        self._configuration = configuration

    @property
    def checkpoints(self) -> InstalledCheckpoints:
        """The checkpoints that it builds requests for."""
        return self._configuration.checkpoints

    async def build(self, draft: RequestDraft) -> GenerationRequest:
        """The request built from `draft`. Raises a RequestError that says what to mend."""
        checkpoints, limits = self.checkpoints, self._configuration.settings.limits
        if is_blank(own_words(draft)):
            raise PromptEmpty
        check_length(draft.regions, draft.prompt)
        if (length := len(draft.negative_prompt or "")) > MAX_PROMPT:
            raise PromptTooLong(what="negative prompt", length=length, limit=MAX_PROMPT)
        if len(draft.loras) > limits.max_loras:
            raise TooManyLoras(count=len(draft.loras), limit=limits.max_loras)
        checkpoint = checkpoints.require(draft.checkpoint)
        if draft.regions and not checkpoint.capability.regions:
            raise RegionsNotOffered(checkpoint=checkpoint.name)
        size = _size(checkpoint, draft.size)
        draft = await self.with_fast(draft)
        chosen = [await self._chosen(lora, draft, checkpoint, checkpoints) for lora in draft.loras]
        uses = [use for use, _version in chosen]
        _refuse_doubles(uses)
        _refuse_strange_sides(uses, draft)
        recipe = recipe_of(checkpoint, ((use.name, version, use.weight) for use, version in chosen))
        return _request(draft, checkpoint, size, uses, recipe)

    async def with_fast(self, draft: RequestDraft) -> RequestDraft:
        """With the few-step LoRA of the checkpoint where the draft is to be fast, unless it has one already.

        Raises InvalidRequest where the checkpoint has none, LoraNotFound, and CheckpointNotFound.
        """
        if not draft.fast:
            return draft
        checkpoint = self.checkpoints.require(draft.checkpoint)
        if checkpoint.fast is None:
            raise self._not_fast(checkpoint.name)
        choices = [await self.choose(lora, draft.checkpoint) for lora in draft.loras]
        if any(choice.version is not None and choice.version.recipe for choice in choices):
            return draft
        fast = LoraDraft(name=checkpoint.fast)
        version = (await self.choose(fast, draft.checkpoint)).version
        if version is not None and version.recipe is None:
            what, problem = (
                _("The LoRA {name}"),
                _(
                    "is not recognized as a few-step LoRA. Turn *fast* off, and tell the bot's operator "
                    "about this problem"
                ),
            )
            raise InvalidRequest(what=what.format(name=checkpoint.fast), problem=problem)
        return draft.model_copy(update={"fast": False, "loras": (*draft.loras, fast)})

    def _not_fast(self, checkpoint: str) -> InvalidRequest:
        """Why a checkpoint does not paint fast, and what else there is."""
        names = alternatives([each.name for each in self.checkpoints if each.fast])
        if not names:
            problem = _("needs a few-step LoRA, but no model of this bot has one. Turn *fast* off")
            return InvalidRequest(what=_("Fast generation"), problem=problem)
        problem = _("has no few-step LoRA for fast generation. Turn *fast* off, or choose {names} as the model")
        what = _("The model {checkpoint}").format(checkpoint=checkpoint)
        return InvalidRequest(what=what, problem=problem.format(names=names))

    async def again(self, request: GenerationRequest) -> GenerationRequest:
        """The same request with another seed. Raises PartsGone, or the refusal of a LoRA that no longer fits."""
        checkpoints = self.checkpoints
        gone = [use.name for use in request.loras if await self._usable(use) is None]
        checkpoint = checkpoints.find(request.checkpoint)
        if checkpoint is None:
            gone.append(request.checkpoint)
        if checkpoint is None or gone:
            raise PartsGone(parts=gone)
        for use in request.loras:
            version = await self._usable(use)
            assert version is not None
            if refusal := checkpoints.misfit(use.name, version, checkpoint):
                raise _of_side(refusal, use.region)
        return request.model_copy(update={"seed": secrets.randbelow(SEEDS)})

    async def _usable(self, use: LoraUse) -> LoraVersion | None:
        version = await self._db.one(VERSION_BY_SHA256, use.sha256)
        return version if version is not None and version.usable else None

    async def find_refused(self, draft: RequestDraft, name: str) -> tuple[int, Lora]:
        """Which LoRA of the draft is called `name`: its position, and the entry. Raises LoraNotFound."""
        draft = await self.with_fast(draft)
        for position, lora_draft in enumerate(draft.loras):
            lora = (await self.choose(lora_draft, draft.checkpoint)).lora
            if lora is not None and lora.name == name:
                return position, lora
        raise LoraNotFound(name=name, hint="")

    async def loras_of(self, draft: RequestDraft) -> list[Lora]:
        """The LoRAs of the draft that are in the library. Raises CheckpointNotFound."""
        choices = [await self.choose(lora_draft, draft.checkpoint) for lora_draft in draft.loras]
        return [choice.lora for choice in choices if choice.lora is not None]

    async def choose(self, draft: LoraDraft, checkpoint_name: str | None) -> Choice:
        """The version of a LoRA that is used on a checkpoint (None: the first one). Raises CheckpointNotFound."""
        checkpoints = self.checkpoints
        return await self._choose(draft, checkpoints.require(checkpoint_name), checkpoints)

    async def _choose(
        self, draft: LoraDraft, checkpoint: CheckpointSettings, checkpoints: InstalledCheckpoints
    ) -> Choice:
        named = await self._db.one(VERSION_BY_SHA256, draft.sha256) if draft.sha256 else None
        lora = await find_lora(self._db, named.lora_id) if named else None
        try:
            lora = lora or await self.lora(draft.name)
            version = checkpoints.version_for(lora, checkpoint, named)
            return Choice(lora, version, note=checkpoints.note(lora, version, checkpoint))
        except RequestError as refusal:
            return Choice(lora, refusal=_of_side(refusal, draft.region))

    async def _chosen(
        self, draft: LoraDraft, whole: RequestDraft, checkpoint: CheckpointSettings, checkpoints: InstalledCheckpoints
    ) -> tuple[LoraUse, LoraVersion]:
        choice = await self._choose(draft, checkpoint, checkpoints)
        if choice.refusal is not None:
            raise choice.refusal
        assert choice.lora is not None and choice.version is not None and choice.version.sha256 is not None
        use = LoraUse(
            sha256=choice.version.sha256,
            name=choice.lora.name,
            weight=_bounded_weight(choice.lora.name, weight_of(draft, choice.version)),
            trigger_words=words_of(draft, choice.version, words_beside(whole, draft.region)),
            # A few-step LoRA changes how the whole picture is sampled.
            region=None if choice.version.recipe else draft.region,
        )
        return use, choice.version

    async def lora(self, name: str) -> Lora:
        """The entry of a typed name or of `#ID`. Raises LoraNotFound with similar names."""
        if (lora_id := id_in(name)) is not None and (lora := await find_lora(self._db, lora_id)):
            return lora
        found = await find_named(self._db, name, suggestions=_NEAR)
        if found.lora is None:
            near = alternatives(found.suggestions)
            hint = (
                _("Did you mean {names}?").format(names=near) if near else _("Use /lora browse to see all LoRAs here.")
            )
            raise LoraNotFound(name=name[:100], hint=hint)
        return found.lora


def default_checkpoint(checkpoints: InstalledCheckpoints, preferences: Preferences) -> CheckpointSettings | None:
    """The checkpoint that paints when none is named: the preferred one while it is installed, else the first."""
    return checkpoints.find(preferences.checkpoint) or next(iter(checkpoints), None)


async def usual_checkpoint(
    db: Database, checkpoints: InstalledCheckpoints, person_id: int
) -> CheckpointSettings | None:
    """The checkpoint that paints when this person names none. Raises DatabaseError."""
    return default_checkpoint(checkpoints, await find_preferences(db, person_id))


def preferred(draft: RequestDraft, checkpoints: InstalledCheckpoints, preferences: Preferences) -> RequestDraft:
    """`draft` with the person's preferences where it leaves something open, as far as these are available."""
    default = default_checkpoint(checkpoints, preferences)
    name = draft.checkpoint or (default.name if default else None)
    checkpoint = checkpoints.find(name)
    offered = checkpoint is not None and preferences.size is not None and checkpoint.size(preferences.size) is not None
    size = preferences.size if draft.size is None and offered else draft.size
    return draft.model_copy(update={"checkpoint": name, "size": size})


def draft_of(request: GenerationRequest) -> RequestDraft:
    """The draft that builds `request` again, every choice spelled out."""
    return RequestDraft(
        prompt=request.prompt,
        checkpoint=request.checkpoint,
        loras=tuple(map(LoraDraft.model_validate, request.loras)),
        size=f"{request.width}x{request.height}",
        count=1 if request.variants else request.count,
        steps=request.steps,
        guidance_scale=request.guidance_scale,
        sampler=request.sampler,
        spacing=request.spacing or OWN,
        flow_shift=request.flow_shift or 0.0,
        seed=request.seed,
        negative_prompt=request.negative_prompt,
        image=request.image,
        clip_skip=request.clip_skip,
        regions=request.regions,
        region_edge=request.region_edge,
        base_share=request.base_share,
    )


def weight_of(draft: LoraDraft, version: LoraVersion) -> float:
    """The chosen weight, else the recommended one, else that of its few-step recipe, else the usual one."""
    usual = DEFAULT_WEIGHT if version.recipe is None else version.recipe.weight
    return next(weight for weight in (draft.weight, version.recommended_weight, usual) if weight is not None)


def id_in(typed: str) -> int | None:
    """The id in `#12`; None for a name."""
    digits = typed.removeprefix("#")
    return int(digits) if typed.startswith("#") and digits.isdecimal() and len(digits) < 19 else None


def _size(checkpoint: CheckpointSettings, name: str | None) -> Size:
    size = checkpoint.default_size if name is None else checkpoint.size(name)
    if size is None:
        offered = [f"{size} ({_(size.shape)})" for size in checkpoint.sizes]
        raise SizeNotOffered(checkpoint=checkpoint.name, size=str(name)[:40], offered=offered)
    return size


def _bounded_weight(name: str, weight: float) -> float:
    if not MIN_WEIGHT <= weight <= MAX_WEIGHT:  # also refuses NaN
        what, problem = _("The weight of {name}"), _("must be between -4 and 4, not {weight}")
        raise InvalidRequest(what=what.format(name=name), problem=problem.format(weight=f"{weight:g}"))
    return weight


def _refuse_doubles(uses: Sequence[LoraUse]) -> None:
    names = [use.name for use in uses]
    for name in names:
        if names.count(name) > 1:
            raise InvalidRequest(what=name, problem=_("was chosen twice. Choose each LoRA only once, with one weight"))


def _refuse_strange_sides(uses: Sequence[LoraUse], draft: RequestDraft) -> None:
    names = [region.name for region in draft.regions]
    for use in uses:
        if use.region is not None and use.region not in names:
            what, problem = _("The side chosen for {name}"), _("is “{region}”, which is not in this layout")
            raise InvalidRequest(what=what.format(name=use.name), problem=problem.format(region=label(use.region)))


def _of_side(refusal: RequestError, region: RegionName | None) -> RequestError:
    """The refusal of a LoRA that was chosen for a region, which it names."""
    if isinstance(refusal, LoraMisfit) and region is not None:
        refusal.region = region.value
    return refusal


def _request(
    draft: RequestDraft, checkpoint: CheckpointSettings, size: Size, uses: list[LoraUse], recipe: NamedRecipe | None
) -> GenerationRequest:
    variants = swept(uses, draft.sweep) if draft.sweep else compared(uses) if draft.compare else ()
    for weights in variants:
        for use, weight in zip(uses, weights, strict=True):
            _bounded_weight(use.name, weight)
    settings = resolved(draft, checkpoint, recipe)
    sampler, spacing = _sampling(settings, checkpoint)
    try:
        return GenerationRequest(
            checkpoint=checkpoint.name,
            prompt=draft.prompt,
            prompt_prefix=checkpoint.prompt_prefix,
            negative_prompt=settings.negative_prompt,
            loras=tuple(uses),
            width=size.width,
            height=size.height,
            steps=settings.steps,
            guidance_scale=settings.guidance_scale,
            rows=_unusual_rows(checkpoint.capability, settings.guidance_scale),
            flow=checkpoint.capability.flow,
            sampler=sampler,
            spacing=spacing,
            flow_shift=settings.flow_shift or None,
            few_steps=None if recipe is None else recipe.use,
            seed=secrets.randbelow(SEEDS) if draft.seed is None else draft.seed,
            count=len(variants) or draft.count,
            variants=variants,
            # Of a draft nobody knows whether its size is still that of the upscale.
            image=draft.image and draft.image.model_copy(update={"enlarged": 1}),
            clip_skip=settings.clip_skip,
            regions=draft.regions,
            region_edge=draft.region_edge,
            base_share=draft.base_share,
        )
    except ValidationError as problem:
        first = problem.errors()[0]
        what = " ".join(["The", *(str(part) for part in first["loc"])] if first["loc"] else ["Of the request,"])
        raise InvalidRequest(what=what, problem=_lower_first(str(first["msg"]).removeprefix("Value error, "))) from None


def _unusual_rows(capability: Capability, guidance_scale: float) -> int | None:
    """Rows of the batch that a slot takes; None where the guidance alone tells."""
    rows = capability.rows(guidance_scale)
    return None if rows == (GUIDED if guidance_scale > 1 else 1) else rows


def _sampling(settings: ResolvedSettings, checkpoint: CheckpointSettings) -> tuple[Sampler, Spacing | None]:
    """The sampler and its spacing. What the name of a sampler says of its spacing, the spacing never says too."""
    offered, sampler = checkpoint.capability.samplers, _member(Sampler, settings.sampler)
    if sampler is None or sampler not in offered:
        what = _("The sampler {name}")
        problem = _(
            "does not work with {checkpoint}. This model offers {names}. To use the default "
            "({usual}), leave the field empty"
        )
        problem = problem.format(checkpoint=checkpoint.name, names=listed(offered), usual=checkpoint.sampler)
        raise InvalidRequest(what=what.format(name=settings.sampler[:40]), problem=problem)
    if settings.spacing == OWN:
        return sampler, None
    spacing = _member(Spacing, settings.spacing)
    if not offered[sampler]:
        what, problem = (
            _("The spacing {name}"),
            _("does not work with {checkpoint}, because this model uses only its own spacing. Leave the field empty"),
        )
        problem = problem.format(checkpoint=checkpoint.name)
        raise InvalidRequest(what=what.format(name=settings.spacing[:40]), problem=problem)
    if spacing is not None and sampler in {Sampler.DPMPP_2M, Sampler.DPMPP_2M_KARRAS}:
        if spacing is Spacing.KARRAS:
            return Sampler.DPMPP_2M_KARRAS, None
        sampler = Sampler.DPMPP_2M
    if spacing not in offered[sampler]:
        what, problem = (
            _("The spacing {name}"),
            _("does not work with the sampler {sampler} on {checkpoint}. On this model, the sampler offers {names}"),
        )
        problem = problem.format(sampler=sampler, checkpoint=checkpoint.name, names=listed(offered[sampler]))
        raise InvalidRequest(what=what.format(name=settings.spacing[:40]), problem=problem)
    return sampler, spacing


def _member(kind: type[_Term], name: str) -> _Term | None:
    try:
        return kind(name.strip().lower())
    except ValueError:
        return None


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
