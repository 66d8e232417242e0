"""Autocomplete of options: LoRAs, checkpoints, samplers, base models, tags and stacks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import TYPE_CHECKING

from discord import app_commands

from bot.config import CheckpointSettings
from bot.database.bookmarks.stacks import LIST_STACKS, MAX_STACKS, Stack
from bot.database.loras.autocomplete import LoraChoice, lora_choices
from bot.database.loras.catalogue import name_key
from bot.database.loras.tags import POPULAR_TAGS, tag_key
from bot.errors.missing import NothingThere
from bot.errors.rights import NotStaff, RoleNeeded
from bot.i18n import _, explained, label
from bot.i18n.texts import at_weight, isolated
from bot.library.installed_checkpoints import InstalledCheckpoints
from bot.requests.builder import usual_checkpoint
from bot.requests.usual import spacings_on
from bot.sources.claims.provenance import entry_from
from bot.sources.hubs.links import CivitaiLink, HubLink, page_of_link, parse_link
from bot.ui.access import checkpoints_here, shown_ratings
from bot.ui.client import Interaction
from bot.ui.views.jobs.linked_request import why_not_add
from bot.workspace.browsing import base_model_in
from bot.workspace.stacks import named_for
from inference.base_models import BaseModelId
from inference.errors import RequestError
from inference.lora.beside.categories import Category

if TYPE_CHECKING:
    Choices = list[app_commands.Choice[str]]

MAX_CHOICES, MAX_TEXT = 25, 100  # Discord's limits
LOOKUP_SECONDS = 0.6  # until a query is given up; after three seconds Discord shows "loading failed"
ANY = "any"  # base model


async def suggest_loras(interaction: Interaction, typed: str) -> Choices:
    """LoRAs by name: bookmarks first, and in each group those that fit the chosen checkpoint; others are marked.

    What is rated above the place is left out.
    If the database is too slow, the typed text is the only choice: a name is understood without a suggestion.
    """
    db, checkpoints = interaction.client.db, await checkpoints_here(interaction)
    cut = typed[:MAX_TEXT]

    async def found() -> Sequence[LoraChoice]:
        checkpoint = await _painting_checkpoint(interaction, checkpoints)
        bases = checkpoints.lora_bases_for(checkpoint.base_model) if checkpoint else ()
        fitting = [base for base in checkpoints.base_models if base in bases]
        shown = await shown_ratings(interaction)
        return await lora_choices(db, interaction.user.id, cut, fitting=fitting, shown=shown, limit=MAX_CHOICES)

    return await choices_or_typed(found(), cut.strip(), LOOKUP_SECONDS)


async def suggest_loras_or_links(interaction: Interaction, typed: str) -> Choices:
    """LoRAs by name; for a link the LoRA that it means, or what will happen: it can be added, or why not."""
    link = parse_link(typed)
    if "/" not in typed or not isinstance(link, CivitaiLink | HubLink):
        return await suggest_loras(interaction, typed)
    page = page_of_link(link)
    value = f"https://{page}"
    if len(value) > MAX_TEXT:  # it can be sent all the same
        return []
    entry = await entry_from(interaction.client.db, link)
    if entry is not None and entry.content_rating in await shown_ratings(interaction):
        text, value = f"{isolated(entry.name)} · {label(entry.category)}", f"#{entry.id}"
    else:
        text = _adding(page, await why_not_add(interaction))
    return [app_commands.Choice(name=_whole_sentences(text), value=value)]


def _adding(page: str, refusal: RequestError | None) -> str:
    """What a link of a LoRA that is not here does."""
    if refusal is None:
        return _("Add this LoRA: {page}").format(page=page)
    if isinstance(refusal, NotStaff | RoleNeeded):
        return _("You cannot add LoRAs here. Ask staff to add this LoRA: {page}").format(page=page)
    return explained(refusal)


def _whole_sentences(text: str) -> str:
    """As many sentences as a choice has room for; of one that is too long the beginning."""
    if len(text) <= MAX_TEXT:
        return text
    cut = text[:MAX_TEXT]
    end = max(cut.rfind(". "), cut.rfind("。"))
    return cut[: end + 1] if end > 0 else f"{cut[:-1]}…"


async def choices_or_typed(found: Awaitable[Sequence[LoraChoice]], typed: str, seconds: float) -> Choices:
    """The choices for what `found` returns within `seconds`; otherwise the typed text as the only choice."""
    try:
        async with asyncio.timeout(seconds):
            return [app_commands.Choice(name=_label(choice), value=f"#{choice.id}") for choice in await found]
    except TimeoutError:
        text = _("{name} · no suggestions right now, because the bot is busy").format(name=isolated(typed[:50]))
        return [app_commands.Choice(name=text[:MAX_TEXT], value=typed)] if typed else []


async def _painting_checkpoint(
    interaction: Interaction, checkpoints: InstalledCheckpoints
) -> CheckpointSettings | None:
    """The chosen checkpoint, else the one that paints when this person names none. Raises DatabaseError."""
    name = getattr(interaction.namespace, "checkpoint", None)
    chosen = checkpoints.find(str(name) if name else None)
    return chosen or await usual_checkpoint(interaction.client.db, checkpoints, interaction.user.id)


def _label(choice: LoraChoice) -> str:
    """`★ Komori · character · Vivid, Pastel`; a long name is cut, so that the base model stays visible."""
    bases = ", ".join(base.label for base in choice.base_models) or _("base model unknown")
    tail = f" · {label(choice.category)} · {bases}" + ("" if choice.fits else " · " + _("does not fit"))
    tail = tail[: MAX_TEXT // 2 + 20]
    star = "★ " if choice.bookmarked else ""
    room = MAX_TEXT - len(star + tail) - len(isolated(choice.name)) + len(choice.name)
    name = choice.name if len(choice.name) <= room else f"{choice.name[: room - 1]}…"
    return star + isolated(name) + tail


async def suggest_checkpoints(interaction: Interaction, typed: str) -> Choices:
    """The installed checkpoints whose pictures are shown where the person is, with their base models."""
    wanted, shown = typed.casefold(), await shown_ratings(interaction)
    return [
        app_commands.Choice(name=f"{c.name} · {c.base_model.label}"[:MAX_TEXT], value=c.name)
        for c in await checkpoints_here(interaction)
        if c.rating in shown and (wanted in c.name.casefold() or wanted in c.base_model.label.casefold())
    ][:MAX_CHOICES]


async def suggest_samplers(interaction: Interaction, typed: str) -> Choices:
    """The samplers of the checkpoint that will paint, its usual one first."""
    checkpoint = await _painting_checkpoint(interaction, await checkpoints_here(interaction))
    if checkpoint is None or not checkpoint.capability.chosen_sampling:
        return []
    usual = _("Default: {sampler}").format(sampler=checkpoint.sampler)
    others = [sampler for sampler in checkpoint.capability.samplers if sampler is not checkpoint.sampler]
    return _terms({usual: checkpoint.sampler, **{sampler: sampler for sampler in others}}, typed)


async def suggest_spacings(interaction: Interaction, typed: str) -> Choices:
    """The spacings of the sampler that is chosen, or usual for the checkpoint that will paint."""
    checkpoint = await _painting_checkpoint(interaction, await checkpoints_here(interaction))
    if checkpoint is None or not checkpoint.capability.chosen_sampling:
        return []
    spacings = spacings_on(checkpoint, str(getattr(interaction.namespace, "sampler", None) or "") or None)
    return _terms({spacing: spacing for spacing in spacings}, typed)


def _terms(terms: Mapping[str, str], typed: str) -> Choices:
    """A choice for each name of a term that holds what was typed."""
    wanted = typed.casefold().strip()
    return [app_commands.Choice(name=name, value=str(value)) for name, value in terms.items() if wanted in name]


async def suggest_base_models(interaction: Interaction, typed: str) -> Choices:
    """The base models of the installed checkpoints."""
    wanted = typed.casefold()
    return [
        app_commands.Choice(name=base.label[:MAX_TEXT], value=base)
        for base in (await checkpoints_here(interaction)).base_models
        if wanted in base.label.casefold() or wanted in base
    ][:MAX_CHOICES]


async def suggest_base_filters(interaction: Interaction, typed: str) -> Choices:
    """The base models of the installed checkpoints, and a choice for any."""
    anything = app_commands.Choice(name=_("For any base model"), value=ANY)
    others = await suggest_base_models(interaction, typed)
    return [*others[: MAX_CHOICES - 1], *([anything] if typed.casefold() in anything.name.casefold() else [])]


def base_filter(typed: str) -> BaseModelId | None:
    """The base model of a choice of `suggest_base_filters`; None for any. Raises NothingThere."""
    if typed.strip().lower() == ANY:
        return None
    found = base_model_in(typed)
    if found is None:
        raise NothingThere(what=_("There is no base model with that name. Please choose one from the suggestions."))
    return found


async def suggest_tags(interaction: Interaction, typed: str) -> Choices:
    """The most used tags of the chosen category, of *other* when none is chosen."""
    chosen = getattr(interaction.namespace, "category", None)
    category = next((each for each in Category if each.value == chosen), Category.OTHER)
    found = await interaction.client.db.all(POPULAR_TAGS, category=category, limit=4 * MAX_CHOICES)
    wanted = tag_key(typed)
    return [app_commands.Choice(name=each.tag, value=each.tag) for each in found if wanted in each.tag][:MAX_CHOICES]


async def suggest_stacks(interaction: Interaction, typed: str) -> Choices:
    """The person's own stacks, by any part of the name."""
    stacks = await interaction.client.db.all(LIST_STACKS, person=interaction.user.id, limit=MAX_STACKS, offset=0)
    wanted = name_key(typed)
    found = [stack for stack in stacks if wanted in name_key(stack.name)]
    found.sort(key=lambda stack: not name_key(stack.name).startswith(wanted))
    shown = await shown_ratings(interaction)
    named = [await named_for(interaction.client.db, stack, shown) for stack in found[:MAX_CHOICES]]
    return [_stack_choice(stack) for stack in named]


def _stack_choice(stack: Stack) -> app_commands.Choice[str]:
    """`Evening · Komori at 0.8, Watercolour at 0.6`."""
    loras = ", ".join(at_weight(lora.name, lora.weight, lora.region) for lora in stack.loras)
    return app_commands.Choice(name=f"{stack.name} · {loras}"[:MAX_TEXT], value=stack.name)
