"""Adding a LoRA by a link: at once where the link means one, by a choice where its page has several."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import discord
from discord import ui
from pydantic import BaseModel, ConfigDict

from bot.database.people.drafts import save_draft
from bot.errors.missing import NothingThere
from bot.errors.ratings import LinkedNotShownHere
from bot.i18n import _, ngettext, number
from bot.i18n.texts import clipped, on_a_label
from bot.library.installed_checkpoints import InstalledCheckpoints
from bot.moderation.word_rules import TextKind
from bot.sources.choosing import Suits
from bot.sources.downloads.peeking import Candidate
from bot.sources.errors import NoLink
from bot.sources.hubs.links import HashLink, Link, page_of_link, parse_link
from bot.sources.hubs.remote import RemoteModel, RemoteVersion
from bot.ui.access import checkpoints_here, shown_ratings, words_here
from bot.ui.client import Interaction
from bot.ui.interactions.replies import send_ephemeral
from bot.ui.rendered_message import view_of
from bot.ui.views.additions.progress import Offer, add_version, require_may_add
from bot.ui.views.custom_ids import Id
from bot.ui.views.jobs.kept_drafts import kept_draft
from bot.ui.views.persistent_items import MENU, PersistentMenu, outdated_error

MAX_NAME = 80
LEAST_MEGABYTES = 0.05  # smaller sizes are not shown
MAX_OPTION = 98  # characters of a label or description; Discord takes 100, and marks of right-to-left text join


class AddingChoice(BaseModel):
    """Draft of a choice: the link whose page has several LoRAs, and the draft of the request that waits for one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    choose_from: str
    draft_id: int | None = None


class ChooseLoraMenu(PersistentMenu, prefix="addpick"):
    """Adds the chosen LoRA of a page, in a message of its own. Others of the page can be chosen afterwards."""

    command = "lora"
    sends_message = True

    draft_id: Id

    async def handle(self, interaction: Interaction) -> None:
        """Add it. Raises NothingThere, SourceError and other RequestErrors."""
        await require_may_add(interaction)
        client, person_id = interaction.client, interaction.user.id
        gone = _("This list has expired. Please use /lora add again.")
        choice = await kept_draft(client.db, person_id, self.draft_id, AddingChoice, gone=gone)
        link = parse_link(choice.choose_from)
        if link is None:
            raise outdated_error()
        model = await client.additions.look_ups.model(link, person_id, remembered=True)
        chosen = tuple(version for version in model.versions if _value(version) == self.value)
        if not chosen:
            raise NothingThere(
                what=_(
                    "The page no longer offers this LoRA. Use /lora add to open the page again and choose another one."
                )
            )
        version = await client.additions.choose(model.model_copy(update={"versions": chosen}))
        await add_version(interaction, version, choice.draft_id)


async def add_by_link(interaction: Interaction, typed: str) -> None:
    """Add what a person typed. Raises SourceError and other RequestErrors."""
    await require_may_add(interaction)
    link = parse_link(typed)
    if link is None:
        raise NoLink
    await add_linked(interaction, link)


async def add_linked(
    interaction: Interaction, link: Link, draft_id: int | None = None, offer: Offer | None = None
) -> None:
    """Add what a link means, or ask which of several. With a draft, the new LoRA's page continues it.

    Raises SourceError and other RequestErrors.
    """
    await require_may_add(interaction)
    additions = interaction.client.additions
    model = await additions.look_ups.model(link, interaction.user.id)
    candidates = await additions.candidates(model)
    if len(candidates) > 1 and not isinstance(link, HashLink):
        choice = AddingChoice(choose_from=page_of_link(link), draft_id=draft_id)
        await _ask(interaction, choice, model, candidates)
    else:
        await add_version(interaction, await additions.described(candidates[0].version), draft_id, offer)


async def _ask(
    interaction: Interaction, choice: AddingChoice, model: RemoteModel, candidates: Sequence[Candidate]
) -> None:
    """Send a menu of what may be named and shown here. Raises LinkedNotShownHere, or DatabaseError."""
    shown, words = await shown_ratings(interaction), await words_here(interaction)
    allowed = [
        each
        for each in candidates
        if each.version.rating in shown
        and words.allows(f"{each.version.name}, {each.version.version}", TextKind.LORA_NAME)
    ]
    if not allowed:
        raise LinkedNotShownHere
    draft_id = await save_draft(interaction.client.db, interaction.user.id, choice.model_dump_json())
    view = choice_view(draft_id, model, allowed, await checkpoints_here(interaction))
    await send_ephemeral(interaction, view)


def choice_view(
    draft_id: int, model: RemoteModel, candidates: Sequence[Candidate], checkpoints: InstalledCheckpoints
) -> ui.LayoutView:
    """The menu of a page with several LoRAs, those that fit first, and how many of the page are not in it."""
    options = {_value(each.version): _option(each, checkpoints) for each in candidates}
    count = len(model.versions)
    title = ngettext("{name} has {count} LoRA", "{name} has {count} LoRAs", count)
    lines = [f"## {title.format(name=clipped(candidates[0].version.name, MAX_NAME), count=count)}"]
    lines.append(_("Which LoRA do you want to add? LoRAs that fit this bot's models come first."))
    if (more := len(options) - MENU) > 0:
        text = ngettext(
            "{count} more LoRA is not listed. To add it, paste the link to its file or version.",
            "{count} more LoRAs are not listed. To add one, paste the link to its file or version.",
            more,
        )
        lines.append(f"-# {text.format(count=more)}")
    if (unfit := count - len(candidates)) > 0:
        text = ngettext(
            "{count} more file cannot be added: it does not fit any model of this bot, or it is not a LoRA.",
            "{count} more files cannot be added: they do not fit any model of this bot, or they are not LoRAs.",
            unfit,
        )
        lines.append(f"-# {text.format(count=unfit)}")
    menu = ChooseLoraMenu(draft_id).offering(options.values(), _("Choose a LoRA to add"))
    return view_of("\n".join(lines), ui.ActionRow[Any](menu))


def _option(candidate: Candidate, checkpoints: InstalledCheckpoints) -> discord.SelectOption:
    version = candidate.version
    fits = [name for name in checkpoints.names if name in candidate.fits]
    base = candidate.base_model.label if candidate.base_model else _("base model unknown")
    told = [base, _("fits {checkpoint}").format(checkpoint=fits[0]) if fits and candidate.suits is Suits.FITS else ""]
    megabytes = (version.file.size or 0) / 2**20 if version.file else 0.0
    told.append(_("{count} MB").format(count=number(megabytes, 1)) if megabytes > LEAST_MEGABYTES else "")
    name = (version.repository_path or "").removesuffix(".safetensors") or version.version
    short = name if len(name) <= MAX_OPTION else f"…{name[1 - MAX_OPTION :]}"  # the end of a path tells most
    about = on_a_label(" · ".join(filter(None, told)), MAX_OPTION)
    return discord.SelectOption(label=on_a_label(short, MAX_OPTION), value=_value(version), description=about)


def _value(version: RemoteVersion) -> str:
    """Return a name for a version on its page, the same after another look-up."""
    if version.version_id is not None:
        return f"v{version.version_id}"
    return f"f{hashlib.sha256((version.repository_path or version.version).encode()).hexdigest()[:16]}"
