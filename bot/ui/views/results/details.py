"""The details of a picture: its parameters, as far as the person may see them, and which parts are installed here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import discord
from discord import ui

from bot.database.bookmarks.bookmarks import add_bookmark
from bot.database.jobs.jobs import Job, JobState
from bot.database.reports.reports import HELD_AMONG
from bot.errors.missing import NothingThere
from bot.errors.pictures import PictureReported
from bot.i18n import _, label, later, listed, ngettext, number, sentences
from bot.i18n.texts import at_weight, base_models, clipped, lora_name, mention, plain, prompt_text, several
from bot.library.installed_checkpoints import InstalledCheckpoints
from bot.requests.builder import RequestDraft
from bot.requests.trigger_words import joined_note
from bot.servers.rights import Action
from bot.ui.access import checkpoints_here, may, require_open, shown_ratings, unseen_here
from bot.ui.client import Interaction
from bot.ui.interactions.replies import ErrorWithRows, send_ephemeral, send_ephemeral_text
from bot.ui.rendered_message import Items, view_of
from bot.ui.views.loras.page import LoraPageButton
from bot.ui.views.persistent_items import JobButton
from bot.workspace.remix import MatchedLora, checkpoint_of, parts_of, remixed, shown_recipe
from inference.parameters import Recipe, RecipeLora

USE_PICTURE = "Use this picture…"  # the entry in the menu of a message
MAX_TEXT = 3900  # characters of all texts together, but the note on a private prompt; a message holds 4000
MIN_HEAD = 1500  # of them are kept for the parameters: the LoRAs get the rest
MAX_PROMPT, MAX_NEGATIVE = 1400, 500  # characters shown, if there is room for so many
MAX_LORAS = 8  # with a button each; a message holds 40 components
MAX_JOINED = 500  # characters of trigger words
MAX_LORA = 150  # characters about one


class DetailsButton(JobButton, prefix="details"):
    """Shows the details of the picture to anybody who presses."""

    command = USE_PICTURE
    label = later("Details")

    async def handle(self, interaction: Interaction) -> None:
        """Reply with the details, ephemeral."""
        await send_ephemeral(interaction, await job_details_view(interaction, await self.job(interaction)))


class RemixButton(JobButton, prefix="remix"):
    """Fills the studio of the person who presses from anybody's picture."""

    command = USE_PICTURE
    label, style = later("Remix"), discord.ButtonStyle.primary
    in_message_of_job = False

    async def handle(self, interaction: Interaction) -> None:
        """Fill and show the studio."""
        await remix_job(interaction, await self.job(interaction))


async def remix_job(interaction: Interaction, job: Job, position: int = 0) -> RequestDraft:
    """Fill the person's studio from a picture of a job. Returns the draft.

    Raises PictureReported, TakenDown or DatabaseError.
    """
    await require_open(interaction, job)
    client, checkpoints = interaction.client, await checkpoints_here(interaction)
    again = await remixed(
        client.db, checkpoints, job, interaction.user.id, limit=client.configuration.settings.limits.max_loras,
        server_id=interaction.guild_id, unseen=await unseen_here(interaction), position=position,
    )  # fmt: skip
    await client.studios.open_with(interaction, again.draft, "\n".join(again.notes))
    return again.draft


async def own_job_or_remix(button: JobButton, interaction: Interaction, then: str = "") -> Job:
    """The button's job, from which its owner may paint here. Raises TakenDown, or an ErrorWithRows that offers a remix.

    `then` is a sentence on where the studio has what somebody else wanted.
    """
    job = await button.open_job(interaction)
    if job.person_id != interaction.user.id:
        text = _(
            "This picture is by {person}. *Remix* opens it in your studio. The pictures that you "
            "generate there are yours."
        )
        told = sentences(text.format(person=mention(job.person_id)), *([then] if then else []))
        raise ErrorWithRows(told, ui.ActionRow[Any](RemixButton(job.id)))
    return job


class BookmarkLorasButton(JobButton, prefix="keep"):
    """Bookmarks the picture's LoRAs for anybody who presses."""

    command = "Bookmark LoRAs"
    label = later("Bookmark LoRAs")

    async def handle(self, interaction: Interaction) -> None:
        """Bookmark the LoRAs and say which are new."""
        job = await self.job(interaction)
        loras = [RecipeLora(use.name, use.weight, use.sha256) for use in job.request.loras]
        await bookmark_loras(interaction, loras)


async def bookmark_loras(interaction: Interaction, loras: Sequence[RecipeLora]) -> None:
    """Bookmark those of `loras` that the library knows, and say which are new. Raises NothingThere if it knows none."""
    db = interaction.client.db
    if not loras:
        raise NothingThere(what=_("This picture was generated without LoRAs."))
    parts, shown = await parts_of(db, loras), await shown_ratings(interaction)
    new: list[str] = []
    old: list[str] = []
    for lora in {part.lora.id: part.lora for part in parts if part.lora}.values():
        added = await add_bookmark(db, interaction.user.id, lora.id)
        (new if added else old).append(lora_name(lora, shown))
    unknown = [part.named.name for part in parts if part.lora is None]
    if not new and not old:
        raise NothingThere(what=_("The LoRAs of this picture are not in this library."))
    sentences_of_reply = [
        _("Bookmarked {names}. /imagine suggests your bookmarks first. See all in /bookmarks.").format(
            names=several(new)
        )
        if new
        else "",
        _("Already bookmarked: {names}.").format(names=several(old)) if old else "",
        _("Not in this library: {names}.").format(names=several(unknown)) if unknown else "",
    ]
    await send_ephemeral_text(interaction, sentences(*filter(None, sentences_of_reply)))


async def job_details_view(
    interaction: Interaction, job: Job, buttons: Items = (), *, origin: str = ""
) -> ui.LayoutView:
    """The details of a job's picture. The prompt is shown to its owner, or to all if the owner shows it.

    Staff see it of pictures that are public in their own server. `buttons` stand under it in place of those for the
    job, and `origin` above it in place of the sentence that this bot generated the pictures. Raises PictureReported or
    DatabaseError.
    """
    client, person_id = interaction.client, interaction.user.id
    if await client.db.all(HELD_AMONG, [job.id]):
        raise PictureReported
    to_staff = job.server_id is not None and await may(interaction, Action.SEE_PROMPTS, job.server_id)
    recipe, whole = await shown_recipe(
        client.db, job, person_id,
        to_staff=to_staff, server_id=interaction.guild_id, unseen=await unseen_here(interaction),
    )  # fmt: skip
    view = await details_view(interaction, recipe, _painting_facts(job), origin=origin or _generated_here(job))
    if not whole:
        view.add_item(ui.TextDisplay[Any]("-# " + _("The author keeps the prompt private.")))
    keep = [BookmarkLorasButton(job.id)] if job.request.loras else []
    view.add_item(ui.ActionRow[Any](*(buttons or [RemixButton(job.id), *keep])))
    return view


def _generated_here(job: Job) -> str:
    """The sentence that this bot generated the pictures; "" if there are none."""
    if job.state is not JobState.SUCCEEDED:
        return ""
    return ngettext(
        "This picture is AI-generated. This bot generated it.",
        "These pictures are AI-generated. This bot generated them.",
        job.request.count,
    )


def _painting_facts(job: Job) -> list[str]:
    """Trigger words that joined, who asked for it, the seeds of all pictures, the time of painting and its duration."""
    lines = [_("Generated by {person}").format(person=mention(job.person_id))]
    if joined := joined_note(job.request, MAX_JOINED):
        lines.insert(0, joined)
    if len(job.request.seeds) > 1 and not job.request.variants:
        lines.append(_("Seeds of the pictures, in order: {seeds}").format(seeds=listed(map(str, job.request.seeds))))
    if job.finished_at is not None:
        when = f"<t:{job.finished_at // 1000}:f>"
        text = _("Generated {when} in {seconds} s") if job.seconds else _("Created {when}")
        lines.append(text.format(when=when, seconds=number(job.seconds or 0, 1)))
    return lines


async def details_view(
    interaction: Interaction, recipe: Recipe, more: Sequence[str] = (), *, origin: str
) -> ui.LayoutView:
    """The origin, the parameters of a recipe, and which parts are installed; each known LoRA has a link to its page."""
    db, checkpoints = interaction.client.db, interaction.client.configuration.checkpoints
    shown = await shown_ratings(interaction)
    parts = [part.named_for(shown) for part in await parts_of(db, recipe.loras)]
    room = MAX_TEXT - len(origin)
    loras: list[str] = []
    for part in parts[:MAX_LORAS]:
        lora = _lora(checkpoints, part, recipe)
        if len(lora) > room - MIN_HEAD:
            break
        loras.append(lora)
        room -= len(lora)
    container = ui.Container[Any](ui.TextDisplay[Any](_head(checkpoints, recipe, more, room)))
    for part, lora in zip(parts, loras, strict=False):
        text = ui.TextDisplay[Any](lora)
        container.add_item(ui.Section[Any](text, accessory=LoraPageButton(part.lora.id)) if part.lora else text)
    if more_loras := len(parts) - len(loras):
        text = ngettext("… and {count} more LoRA", "… and {count} more LoRAs", more_loras).format(count=more_loras)
        container.add_item(ui.TextDisplay[Any](f"-# {text}"))
    return view_of(*filter(None, [origin]), container)


def _head(checkpoints: InstalledCheckpoints, recipe: Recipe, more: Sequence[str], room: int) -> str:
    """The parameters, with as much of the prompts as about `room` characters hold."""
    lines = [_checkpoint(checkpoints, recipe)]
    if recipe.regions:
        lines.append(_parts(recipe))
    settings = [
        f"{recipe.width}x{recipe.height}" if recipe.width and recipe.height else "",
        ngettext("{count} step", "{count} steps", recipe.steps).format(count=recipe.steps) if recipe.steps else "",
        plain(recipe.sampler_name, 60) if recipe.sampler_name else "",
        _("{spacing} spacing").format(spacing=recipe.spacing) if recipe.spacing else "",
        _("flow shift {value}").format(value=number(recipe.flow_shift, 2)) if recipe.flow_shift else "",
        _("guidance {value}").format(value=number(recipe.guidance_scale, 2))
        if recipe.guidance_scale is not None
        else "",
        _("clip skip {layer}").format(layer=recipe.clip_skip) if recipe.clip_skip else "",
        _("seed {seed}").format(seed=recipe.seed) if recipe.seed is not None else "",
    ]
    lines.append(" · ".join(filter(None, settings)))
    if recipe.few_steps is not None:
        told = _("Steps, sampler and guidance are the defaults of {name} unless the author changed them.")
        lines.append("-# " + told.format(name=plain(recipe.few_steps.name, 100)))
    if recipe.from_picture:
        lines.append(_("Generated from a start picture."))
    lines = [line for line in [*lines, *more] if line]
    room -= sum(map(len, lines)) + 100  # for the heading, labels and line breaks
    texts = [f"## {_('Picture details')}"]
    if prompt := clipped(prompt_text(recipe), min(MAX_PROMPT, room * 2 // 3)):
        texts.append(f"> {prompt}")
    if negative := clipped(recipe.negative_prompt, min(MAX_NEGATIVE, room // 3)):
        texts.append(_("Negative prompt: {words}").format(words=negative))
    return "\n".join([*texts, *lines])


def _parts(recipe: Recipe) -> str:
    """The regions, and what is known to be their own: words of a private prompt are not."""
    words = any(region.prompt for region in recipe.regions)
    loras = any(lora.region is not None for lora in recipe.loras)
    if words and loras:
        text = _("Areas with separate prompts and LoRAs: {parts}")
    elif words:
        text = _("Areas with separate prompts: {parts}")
    elif loras:
        text = _("Areas with separate LoRAs: {parts}")
    else:
        text = _("Areas: {parts}")
    return text.format(parts=listed(label(region.name) for region in recipe.regions))


def _checkpoint(checkpoints: InstalledCheckpoints, recipe: Recipe) -> str:
    here = checkpoint_of(checkpoints, recipe)
    if here is not None:
        return _("Model **{name}** · {base}").format(name=plain(here.name), base=here.base_model.label)
    name = recipe.checkpoint or recipe.checkpoint_hash
    return _("Model **{name}** · not installed here").format(name=plain(name, 100)) if name else ""


def _lora(checkpoints: InstalledCheckpoints, part: MatchedLora, recipe: Recipe) -> str:
    """Name, weight and base model of a LoRA, and whether it fits the picture's checkpoint."""
    head = f"**{clipped(part.named.name, MAX_LORA)}**"
    if part.named.weight is not None:
        head = at_weight(head, part.named.weight, part.named.region)
    lora = part.lora
    if lora is None:
        return f"{head}\n-# " + _("not in this library")
    if not lora.usable:
        return f"{head}\n-# " + _("the LoRA file is no longer in the library")
    checkpoint = checkpoint_of(checkpoints, recipe)
    facts = [label(lora.category), base_models(lora)]
    if part.by_name:
        facts.append(_("matched by name only"))
    fitting = checkpoints.names_for(lora)
    if checkpoint is None or checkpoint.name not in fitting:
        facts.append(
            _("fits {checkpoints}").format(checkpoints=several(fitting, 100)) if fitting else _("fits no model here")
        )
    return f"{head}\n-# {' · '.join(facts)}"
