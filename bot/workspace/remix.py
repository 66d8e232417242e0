"""Taking up a picture again, one's own or anybody's: what of its recipe is here becomes a draft, the rest is told."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from bot.config import CheckpointSettings
from bot.database.database import Database
from bot.database.gallery.publications import PUBLICATIONS_OF_JOB, PublicationState
from bot.database.jobs.deliveries import FIND_DELIVERY
from bot.database.jobs.jobs import Job
from bot.database.loras.catalogue import (
    VERSION_BY_SHA256,
    Lora,
    LoraVersion,
    find_lora,
    find_lora_by_name,
    find_version_by_short_hash,
    find_version_by_stem,
)
from bot.database.loras.search import Shown
from bot.errors.jobs import TwoFewStepRecipes
from bot.i18n import _, ngettext
from bot.i18n.texts import lora_name, plain, several
from bot.library.installed_checkpoints import InstalledCheckpoints
from bot.pictures.inputs import Inputs
from bot.requests.builder import usual_checkpoint
from bot.requests.drafts import OWN, LoraDraft, RequestDraft
from bot.requests.few_steps import NamedRecipe
from bot.requests.few_steps import recipe_of as few_step_recipe_of
from bot.requests.usual import left_open, offered_on, without_far
from inference.bounds import MAX_CLIP_SKIP, MAX_GUIDANCE, MAX_PROMPT, MAX_STEPS
from inference.parameters import Recipe, RecipeLora, recipe_of

SHA256_DIGITS = 64


@dataclass(frozen=True)
class MatchedLora:
    """A LoRA of a recipe, and its entry and version here; None where the library has none.

    `by_name`: it was found by name alone, so the file may differ.
    """

    named: RecipeLora
    lora: Lora | None = None
    version: LoraVersion | None = None
    by_name: bool = False

    def named_for(self, shown: Shown) -> MatchedLora:
        """Return it for texts where content ratings are `shown`: other LoRAs have no name there."""
        if self.lora is None or (name := lora_name(self.lora, shown)) == self.lora.name:
            return self
        return replace(self, named=replace(self.named, name=name), lora=replace(self.lora, name=name))


@dataclass(frozen=True)
class Remix:
    """A draft to go on from, and sentences on what is not as it was."""

    draft: RequestDraft
    notes: tuple[str, ...]


async def shown_recipe(
    db: Database,
    job: Job,
    person_id: int,
    *,
    to_staff: bool = False,
    server_id: int | None = None,
    unseen: Collection[int] = (),
    position: int = 0,
) -> tuple[Recipe, bool]:
    """The recipe of the picture of `job` at `position`, as far as the person may see it, and whether it is complete.

    The prompt is shown to its owner alone, unless it stands under the picture, or its owner published it with the
    picture in the server `server_id`, but for channels that are `unseen`; staff of its server (`to_staff`) see that of
    a picture which everybody sees.
    """
    recipe = recipe_of(job.request.only(position))
    delivery = await db.one(FIND_DELIVERY, job.id)
    public = delivery is not None and not delivery.private
    if job.person_id == person_id or (delivery is not None and delivery.shows_prompt) or (to_staff and public):
        return recipe, True
    if server_id is not None and await prompt_is_published(db, job.id, server_id, unseen):
        return recipe, True
    return recipe.without_words, False


async def prompt_is_published(db: Database, job_id: int, server_id: int, unseen: Collection[int] = ()) -> bool:
    """Whether the owner shows the prompt in a server, in a channel that is not `unseen`. Raises DatabaseError."""
    return any(
        each.server_id == server_id
        and each.shows_prompt
        and each.state is PublicationState.POSTED
        and each.art_channel_id not in unseen
        for each in await db.all(PUBLICATIONS_OF_JOB, job_id)
    )


async def edited(
    db: Database,
    checkpoints: InstalledCheckpoints,
    inputs: Inputs,
    job: Job,
    *,
    limit: int,
    position: int = 0,
) -> Remix:
    """A draft from a picture of the person's own job, with its prompt and the picture it started from."""
    request = job.request.only(position)
    source = request.image if request.image and inputs.has(request.image.sha256) else None
    recipe = replace(recipe_of(request), from_picture=source is not request.image)
    again = await remix(db, checkpoints, recipe, job.person_id, limit=limit)
    count = 1 if job.request.variants else job.request.count
    return replace(again, draft=again.draft.model_copy(update={"image": source, "count": count}))


async def remixed(
    db: Database,
    checkpoints: InstalledCheckpoints,
    job: Job,
    person_id: int,
    *,
    limit: int,
    server_id: int | None = None,
    unseen: Collection[int] = (),
    position: int = 0,
) -> Remix:
    """A draft from a picture of anybody's job, for somebody in this server. It has the prompt where that is shown.

    In the `unseen` channels nothing is shown to them.
    """
    recipe, whole = await shown_recipe(db, job, person_id, server_id=server_id, unseen=unseen, position=position)
    again = await remix(db, checkpoints, recipe, person_id, limit=limit)
    if whole:
        return again
    return replace(again, notes=(_("The picture's prompt is private, so please write your own."), *again.notes))


async def with_same_loras(
    db: Database,
    checkpoints: InstalledCheckpoints,
    job: Job,
    draft: RequestDraft,
    *,
    limit: int,
    position: int = 0,
) -> Remix:
    """`draft` with the LoRAs of a picture of anybody's job, at their weights, in place of its own.

    The notes name what the library does not know, and what does not fit the draft's checkpoint.
    """
    parts = await parts_of(db, recipe_of(job.request.only(position)).loras)
    found = _distinct(parts)
    usable, left_out = found[:limit], found[limit:]
    notes = _missing(parts, usable, left_out)
    misfits = [part.lora.name for part in usable if part.lora and draft.checkpoint not in _fitting(checkpoints, part)]
    if misfits and draft.checkpoint is not None:
        told = ngettext(
            "{names} does not fit your model {checkpoint}. The original picture was generated with the model {other}.",
            "{names} do not fit your model {checkpoint}. The original picture was generated with the model {other}.",
            len(misfits),
        )
        names = {"checkpoint": plain(draft.checkpoint), "other": plain(job.checkpoint)}
        notes.append(told.format(names=several(misfits), **names))
    loras = tuple(map(_lora_draft, usable))
    return Remix(draft.model_copy(update={"loras": loras}), tuple(notes))


def _fitting(checkpoints: InstalledCheckpoints, part: MatchedLora) -> list[str]:
    return checkpoints.names_for(part.lora) if part.lora else []


async def parts_of(db: Database, loras: Sequence[RecipeLora]) -> list[MatchedLora]:
    """The entry and version here of each LoRA of a recipe."""
    return [await _part(db, named) for named in loras]


async def _part(db: Database, named: RecipeLora) -> MatchedLora:
    version = await _by_hash(db, named.hash)
    if version is not None:
        return MatchedLora(named, await find_lora(db, version.lora_id), version)
    for name in (named.name, named.name.replace("_", " ")):
        if lora := await find_lora_by_name(db, name):
            return MatchedLora(named, lora, by_name=True)
    if version := await find_version_by_stem(db, named.name):
        return MatchedLora(named, await find_lora(db, version.lora_id), version, by_name=True)
    return MatchedLora(named)


async def _by_hash(db: Database, digits: str | None) -> LoraVersion | None:
    if digits is None:
        return None
    if len(digits) == SHA256_DIGITS:
        return await db.one(VERSION_BY_SHA256, digits)
    return await find_version_by_short_hash(db, digits)


def checkpoint_of(checkpoints: InstalledCheckpoints, recipe: Recipe) -> CheckpointSettings | None:
    """The installed checkpoint that the recipe names, by hash, else by name."""
    digits = recipe.checkpoint_hash
    for spec in checkpoints.specs if digits else ():
        if digits and ((spec.sha256 or "").startswith(digits) or spec.short_hash == digits):
            return checkpoints.find(spec.name)
    wanted = _letters(recipe.checkpoint or "")
    return next((c for c in checkpoints if wanted and _letters(c.name) == wanted), None)


async def remix(
    db: Database, checkpoints: InstalledCheckpoints, recipe: Recipe, person_id: int, *, limit: int
) -> Remix:
    """The draft that comes nearest to the recipe with these checkpoints, and with at most `limit` LoRAs."""
    parts = await parts_of(db, recipe.loras)
    found = _distinct(parts)
    usable, left_out = found[:limit], found[limit:]
    notes = _missing(parts, usable, left_out)
    named = checkpoint = checkpoint_of(checkpoints, recipe)
    if checkpoint is None:
        preferred = await usual_checkpoint(db, checkpoints, person_id)
        checkpoint = _fitting_most(checkpoints, usable, preferred)
        notes += _other_checkpoint(recipe, checkpoint)
    size = _size(checkpoints, recipe, checkpoint)
    if size and size != f"{recipe.width}x{recipe.height}":
        notes.append(_resized(recipe, checkpoint, size))
    draft = _draft(recipe, usable, checkpoint, size)
    if named is not None:
        draft = left_open(draft, named, _few_steps(named, usable))
    elif checkpoint is not None:
        draft, far = without_far(offered_on(checkpoint, draft), checkpoint)
        notes += [far] if far else []
    if recipe.sampler_name and recipe.sampler is None:
        notes.append(
            _("The picture's sampler {name} is not available here.").format(name=plain(recipe.sampler_name, 60))
        )
    if recipe.from_picture:
        notes.append(
            _(
                "This picture was generated from a start picture. To do the same, add a start picture in the "
                "*image* option of /imagine."
            )
        )
    return Remix(draft, tuple(notes))


def _few_steps(checkpoint: CheckpointSettings, parts: Sequence[MatchedLora]) -> NamedRecipe | None:
    """The few-step recipe that a picture was painted by, as far as it is known."""
    weights = ((part, 1.0 if part.named.weight is None else part.named.weight) for part in parts)
    loras = [(part.named.name, part.version, weight) for part, weight in weights if part.version is not None]
    try:
        return few_step_recipe_of(checkpoint, loras)
    except TwoFewStepRecipes:
        return None


def _draft(
    recipe: Recipe, usable: Sequence[MatchedLora], checkpoint: CheckpointSettings | None, size: str | None
) -> RequestDraft:
    steps, guidance = recipe.steps, recipe.guidance_scale
    return RequestDraft(
        prompt=_without_prefix(recipe.prompt, checkpoint)[:MAX_PROMPT],
        checkpoint=checkpoint.name if checkpoint else None,
        loras=tuple(_lora_draft(part, whole_prompt=bool(recipe.prompt)) for part in usable),
        size=size,
        steps=steps if steps and steps <= MAX_STEPS else None,
        guidance_scale=guidance if guidance is not None and 0 <= guidance <= MAX_GUIDANCE else None,
        sampler=recipe.sampler,
        spacing=recipe.spacing or (OWN if recipe.own_schedule else None),
        flow_shift=recipe.flow_shift or (0.0 if recipe.own_schedule else None),
        seed=recipe.seed,
        clip_skip=recipe.clip_skip if recipe.clip_skip and recipe.clip_skip <= MAX_CLIP_SKIP else None,
        negative_prompt=recipe.negative_prompt[:MAX_PROMPT] or None,
        regions=tuple(
            region.model_copy(update={"prompt": _without_prefix(region.prompt, checkpoint)})
            for region in recipe.regions
        ),
        region_edge=recipe.region_edge,
        base_share=recipe.base_share,
    )


def _lora_draft(part: MatchedLora, *, whole_prompt: bool = False) -> LoraDraft:
    """A LoRA of a draft. A picture of another program has its trigger words in its whole prompt."""
    assert part.lora is not None
    return LoraDraft(
        name=f"#{part.lora.id}",
        weight=part.named.weight,
        sha256=part.version.sha256 if part.version else None,
        trigger_words=() if whole_prompt and part.named.trigger_words is None else part.named.trigger_words,
        region=part.named.region,
    )


def _distinct(parts: Sequence[MatchedLora]) -> list[MatchedLora]:
    """The LoRAs that were found, one part for each entry: two files of one entry count once."""
    kept: dict[int, MatchedLora] = {}
    for part in parts:
        if part.lora is not None:
            kept.setdefault(part.lora.id, part)
    return list(kept.values())


def _fitting_most(
    checkpoints: InstalledCheckpoints, parts: Sequence[MatchedLora], preferred: CheckpointSettings | None
) -> CheckpointSettings | None:
    """The installed checkpoint that most of the LoRAs fit; among equals the preferred one, then the first."""
    fitting = [checkpoints.names_for(part.lora) for part in parts if part.lora]

    def rank(checkpoint: CheckpointSettings) -> tuple[int, bool]:
        return sum(checkpoint.name in names for names in fitting), checkpoint == preferred

    return max(checkpoints, key=rank, default=None)


def _size(checkpoints: InstalledCheckpoints, recipe: Recipe, checkpoint: CheckpointSettings | None) -> str | None:
    if checkpoint is None or not recipe.width or not recipe.height:
        return None
    size = f"{recipe.width}x{recipe.height}"
    if checkpoint.size(size):
        return size
    return str(checkpoints.nearest_size(checkpoint.name, recipe.width, recipe.height))


def _without_prefix(prompt: str, checkpoint: CheckpointSettings | None) -> str:
    """The prompt without the quality tags that the checkpoint prepends to every prompt."""
    prefix = checkpoint.prompt_prefix.strip(" ,") if checkpoint else ""
    return prompt.removeprefix(prefix).lstrip(" ,") if prefix and prompt.startswith(prefix) else prompt


def _missing(parts: Sequence[MatchedLora], usable: Sequence[MatchedLora], left_out: Sequence[MatchedLora]) -> list[str]:
    notes: list[str] = []
    if gone := [part.named.name for part in parts if part.lora is None]:
        notes.append(
            ngettext(
                "{names} is not in this library, so Easel left it out.",
                "{names} are not in this library, so Easel left them out.",
                len(gone),
            ).format(names=several(gone))
        )
    if guessed := [part.named.name for part in usable if part.by_name]:
        notes.append(
            _("Easel found {names} only by name, so the file may differ from the original.").format(
                names=several(guessed)
            )
        )
    if left_out:
        names = several(part.named.name for part in left_out)
        notes.append(
            _("A picture can use at most {limit} of these LoRAs, so Easel left out {names}.").format(
                limit=len(usable), names=names
            )
        )
    return notes


def _other_checkpoint(recipe: Recipe, checkpoint: CheckpointSettings | None) -> list[str]:
    name = recipe.checkpoint or recipe.checkpoint_hash
    if checkpoint is None or name is None:
        return []
    told = _("The model {name} is not available here. Easel chose {other} instead.")
    return [told.format(name=plain(name, 80), other=plain(checkpoint.name))]


def _resized(recipe: Recipe, checkpoint: CheckpointSettings | None, size: str | None) -> str:
    name = plain(checkpoint.name) if checkpoint else ""
    return _("{checkpoint} does not offer the size {size}. Easel chose {other} instead.").format(
        checkpoint=name, size=f"{recipe.width}x{recipe.height}", other=size
    )


def _letters(name: str) -> str:
    """The name in a form for comparison: `WAI Illustrious v17.safetensors` and `wai_illustrious_v17` are equal."""
    return re.sub(r"[\W_]+", "", name.removesuffix(".safetensors").casefold())
