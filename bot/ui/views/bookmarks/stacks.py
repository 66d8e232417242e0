"""A person's stacks: the list with its buttons, the form that saves one, and texts about a stack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Self

import discord
from discord import ui

from bot.database.bookmarks.stacks import (
    COUNT_STACKS,
    DELETE_STACK,
    FIND_STACK,
    LIST_STACKS,
    MAX_NAME,
    UNSHARE_STACK,
    Stack,
    StackLora,
)
from bot.database.jobs.posted_messages import note_posted
from bot.errors.missing import NothingThere
from bot.i18n import _, later, ngettext
from bot.i18n.texts import at_weight, bounded_lines, clipped, mention, plain, several
from bot.requests.regions import with_their_sides
from bot.ui.access import shown_ratings, words_here
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.interactions.replies import send_ephemeral, send_ephemeral_text
from bot.ui.rendered_message import Items, RenderedMessage, view_of
from bot.ui.views.custom_ids import Id, IdPart
from bot.ui.views.forms import MAX_HINT, Form, TextField
from bot.ui.views.list_page import Cursor, Found, ListPage, ListRef, TurnPageButton
from bot.ui.views.permissions import check_may_post
from bot.ui.views.persistent_items import JobButton, PersistentButton
from bot.ui.views.question import question_view
from bot.ui.views.studio.buttons import StudioButton
from bot.workspace.stacks import (
    StackFit,
    check_shown,
    import_stack,
    judge,
    keep_stack,
    lora_drafts_of,
    named_for,
    share,
    spelled,
    uses_named_for,
    uses_of_request,
    uses_of_rows,
)

PAGE_SIZE = 5  # stacks of 5 components each, in a message of at most 40
MAX_CARD = 500  # characters about a stack in the list


class StackButton(PersistentButton):
    """A button about one of a person's stacks."""

    command = "stack"

    stack_id: Id

    async def stack(self, interaction: Interaction) -> Stack:
        """The stack, if the person owns it. Raises NothingThere."""
        stack = await interaction.client.db.one(FIND_STACK, id=self.stack_id, person=interaction.user.id)
        if stack is None:
            raise NothingThere(what=_("This stack no longer exists."))
        return stack


class UseStackButton(StackButton, prefix="skuse"):
    """Loads a stack into the studio."""

    label, style = later("Use stack"), discord.ButtonStyle.primary

    async def handle(self, interaction: Interaction) -> None:
        """Load it and show the studio."""
        await use_stack(interaction, await self.stack(interaction))


class ShareStackButton(StackButton, prefix="skshare"):
    """Shows the code with which others import a copy."""

    label = later("Share")

    async def handle(self, interaction: Interaction) -> None:
        """Reply with the code, ephemeral."""
        await show_share_code(interaction, await self.stack(interaction))


class PostStackButton(StackButton, prefix="skpost"):
    """Posts the code of a shared stack in the channel, for everybody there."""

    sends_message = True
    label, style = later("Post stack in this channel"), discord.ButtonStyle.primary

    async def handle(self, interaction: Interaction) -> None:
        """Post it as a new message. Raises MayNotPost, and what rules on words refuse."""
        check_may_post(interaction)
        stack = await self.stack(interaction)
        await check_shown(interaction.client.db, await words_here(interaction), stack)
        code = await share(interaction.client.db, stack)
        named = await _named_here(interaction, stack)
        text = _(
            "{person} shared the stack **{name}**: {loras}\n"
            "-# Press the button or use `/stack import {code}` to get a copy."
        )
        told = text.format(
            person=mention(stack.person_id), name=plain(stack.name), loras=_loras(named, 400), code=spelled(code)
        )
        view = view_of(told, ui.ActionRow[Any](CopyStackButton(code)))
        message_id = await acknowledge.send(interaction, view, private=False)
        if message_id is not None and interaction.channel_id is not None:
            db = interaction.client.db
            await note_posted(db, stack.person_id, interaction.channel_id, message_id)


class CopyStackButton(PersistentButton, prefix="skcopy"):
    """Gives whoever presses a copy of the stack with this code."""

    command = "stack"
    label = later("Get a copy")

    code: Annotated[str, IdPart(r"[A-Z0-9]{1,20}")]

    async def handle(self, interaction: Interaction) -> None:
        """Import the stack."""
        await import_shared(interaction, self.code)


class UnshareStackButton(StackButton, prefix="skunshare"):
    """Revokes the share code."""

    label = later("Stop sharing")

    async def handle(self, interaction: Interaction) -> None:
        """Revoke the code."""
        stack = await self.stack(interaction)
        await interaction.client.db.run(UNSHARE_STACK, id=stack.id, person=interaction.user.id)
        text = _("The stack {name} is no longer shared. Users who already copied it keep their copies.")
        await send_ephemeral_text(interaction, text.format(name=plain(stack.name)))


class DeleteStackButton(StackButton, prefix="skdelete"):
    """Asks, in place of the list, whether a stack is to be deleted."""

    label = later("Delete")

    at: ListRef

    async def handle(self, interaction: Interaction) -> None:
        """Ask. Raises NothingThere."""
        text = _("Easel will delete the stack **{name}**. Other users keep their copies. You cannot undo this.")
        text = text.format(name=plain((await self.stack(interaction)).name))
        confirm = ConfirmDeleteButton(self.stack_id, self.at)
        keep = TurnPageButton(self.at).labelled(_("Keep stack"))
        view = question_view(_("Delete this stack?"), text, confirm, keep)
        await acknowledge.replace(interaction, view)


class ConfirmDeleteButton(StackButton, prefix="skreally"):
    """Deletes a stack, and shows the others."""

    label, style = later("Delete stack"), discord.ButtonStyle.danger

    at: ListRef

    async def handle(self, interaction: Interaction) -> None:
        """Delete it. Raises NothingThere."""
        stack = await self.stack(interaction)
        await interaction.client.db.run(DELETE_STACK, id=stack.id, person=interaction.user.id)
        await self.at.show(interaction)


class SaveStackButton(StudioButton, prefix="ststack"):
    """Saves the LoRAs of the studio as a stack, on the studio's panel."""

    command = "stack"
    label, opens_modal = later("Save as stack"), True

    async def handle(self, interaction: Interaction) -> None:
        """Ask for a name."""
        snapshot = await interaction.client.studios.snapshot(interaction)
        loras = uses_of_rows(snapshot.rows, snapshot.studio)
        if not loras:
            raise NothingThere(what=_("Your studio has no LoRAs yet. Add one before you save a stack."))
        await acknowledge.open_modal(interaction, await StackForm.of(interaction, loras))


class SaveResultButton(JobButton, prefix="skjob"):
    """Saves the LoRAs and weights of a picture as a stack of the person who presses."""

    command = "stack"
    label, opens_modal = later("Save as stack"), True
    in_message_of_job = False

    async def handle(self, interaction: Interaction) -> None:
        """Ask for a name."""
        loras = uses_of_request((await self.job(interaction)).request.loras)
        if not loras:
            raise NothingThere(what=_("This picture has no LoRAs to save."))
        await acknowledge.open_modal(interaction, await StackForm.of(interaction, loras))


class StackForm(Form, key="skname"):
    """The name of a new stack."""

    command = "stack"
    private = True
    name = TextField(later("Name"), length=MAX_NAME)

    def __init__(self, loras: Sequence[StackLora], hint: str, opening: int) -> None:
        super().__init__(_("Save as stack"), opening, name=StackForm.name.but(hint=hint))
        self._loras = loras

    @classmethod
    async def of(cls, interaction: Interaction, loras: Sequence[StackLora]) -> Self:
        """The form for these LoRAs, which it names as far as they are shown where the person is."""
        named = await uses_named_for(interaction.client.db, loras, await shown_ratings(interaction))
        hint = several((at_weight(lora.name, lora.weight, lora.region) for lora in named), MAX_HINT)
        return cls(loras, hint, interaction.id)

    async def submitted(self, interaction: Interaction) -> None:
        """Save the stack."""
        db, words = interaction.client.db, await words_here(interaction)
        stack = await keep_stack(db, words, interaction.user.id, self.name, self._loras)
        await send_ephemeral_text(interaction, await saved_text(interaction, stack))


class StackList(ListPage[str, StackFit]):
    """A person's stacks, matched against the checkpoint of their studio, which is the query."""

    command, key = "stack", "sk"

    async def query(self, interaction: Interaction, text: str) -> str:
        """The name of the checkpoint."""
        return (await interaction.client.studios.snapshot(interaction)).checkpoint.name

    async def fetch(self, interaction: Interaction, query: str, cursor: Cursor) -> Found[StackFit]:
        """The stacks; LoRAs are named as far as they are shown where the person is."""
        client, person_id, shown = interaction.client, interaction.user.id, await shown_ratings(interaction)
        total = await client.db.get(COUNT_STACKS, person_id)
        offset = cursor.number * PAGE_SIZE
        stacks = await client.db.all(LIST_STACKS, person=person_id, limit=PAGE_SIZE, offset=offset)
        fits = [await judge(client.requests, stack, query, shown) for stack in stacks]
        named = [replace(fit, stack=await named_for(client.db, fit.stack, shown)) for fit in fits]
        return Found.counted(named, cursor, total, PAGE_SIZE)

    async def heading(self, interaction: Interaction, at: ListRef, query: str, found: Found[StackFit]) -> str:
        """How many stacks there are, and the checkpoint; without any, how to save one."""
        head, total = f"## {_('Your stacks')}\n", found.total or 0
        if not total:
            return head + _("No stacks yet. Combine LoRAs in /studio and press *Save as stack*.")
        text = ngettext(
            "{count} stack · checked against the model {checkpoint}",
            "{count} stacks · checked against the model {checkpoint}",
            total,
        )
        return f"{head}-# " + text.format(count=total, checkpoint=plain(query))

    async def entry(
        self, interaction: Interaction, at: ListRef, query: str, entry: StackFit, page: RenderedMessage
    ) -> Items:
        """The card of a stack, with its buttons."""
        stack_id = entry.stack.id
        buttons = UseStackButton(stack_id), ShareStackButton(stack_id), DeleteStackButton(stack_id, at)
        return [ui.TextDisplay[Any](_card(entry, query)), ui.ActionRow[Any](*buttons)]


async def _named_here(interaction: Interaction, stack: Stack) -> Stack:
    """The stack without the names of LoRAs that are not shown where the person is."""
    return await named_for(interaction.client.db, stack, await shown_ratings(interaction))


async def saved_text(interaction: Interaction, stack: Stack) -> str:
    """The confirmation that a stack was saved."""
    text = _("Saved the stack **{name}**: {loras}. Find it in /stack list and in /imagine under *stack*.")
    return text.format(name=plain(stack.name), loras=_loras(await _named_here(interaction, stack), 400))


async def use_stack(interaction: Interaction, stack: Stack) -> None:
    """Replace the LoRAs of the person's studio by those of a stack, keep prompt and options, and show the studio."""
    studios = interaction.client.studios
    snapshot = await studios.snapshot(interaction)
    draft = with_their_sides(snapshot.draft().model_copy(update={"loras": lora_drafts_of(stack)}))
    await studios.open_with(
        interaction, draft, _("The stack {name} is now in your studio.").format(name=plain(stack.name))
    )


async def show_share_code(interaction: Interaction, stack: Stack) -> None:
    """Create the share code of a stack and send it in an ephemeral message."""
    code = await share(interaction.client.db, stack)
    text = _("**{name}** is shared with the code `{code}`. Anyone can copy it with `/stack import {code}`.")
    row = ui.ActionRow[Any](PostStackButton(stack.id), UnshareStackButton(stack.id))
    await send_ephemeral(interaction, view_of(text.format(name=plain(stack.name), code=spelled(code)), row))


async def import_shared(interaction: Interaction, code: str) -> None:
    """Give the person a copy of the stack behind a code, and say how it fits. Raises what `import_stack` raises."""
    client, person_id = interaction.client, interaction.user.id
    stack = await import_stack(client.db, await words_here(interaction), person_id, code)
    snapshot = await client.studios.snapshot(interaction)
    fit = await judge(client.requests, stack, snapshot.checkpoint.name, await shown_ratings(interaction))
    named = replace(fit, stack=await _named_here(interaction, stack))
    await send_ephemeral(interaction, imported_view(named, snapshot.checkpoint.name))


def imported_view(fit: StackFit, checkpoint: str) -> ui.LayoutView:
    """The reply after a stack was imported."""
    stack = fit.stack
    text = _("Copied **{name}** to your stacks: {loras}.").format(name=plain(stack.name), loras=_loras(stack, 400))
    lines = [text, *(f"-# {line}" for line in fit_text(fit, checkpoint))]
    return view_of("\n".join(lines), ui.ActionRow[Any](UseStackButton(stack.id)))


def _card(fit: StackFit, checkpoint: str) -> str:
    shared = " · " + _("shared as `{code}`").format(code=spelled(fit.stack.code)) if fit.stack.code else ""
    lines = [
        f"**{clipped(fit.stack.name, 90)}**{shared}",
        _loras(fit.stack, 180),
        *(f"-# {text}" for text in fit_text(fit, checkpoint)),
    ]
    return "\n".join(bounded_lines(lines, MAX_CARD))


def fit_text(fit: StackFit, checkpoint: str) -> list[str]:
    """Whether all LoRAs of a stack fit a checkpoint; if not, which do not, and which checkpoints all of them fit."""
    if not fit.refused:
        return [_("All LoRAs fit {checkpoint}.").format(checkpoint=plain(checkpoint))]
    gone = [lora.name for lora, choice in fit.refused if choice.lora is None or not choice.lora.usable]
    misfits = [lora.name for lora, _choice in fit.refused if lora.name not in gone]
    lines: list[str] = []
    if gone:
        lines.append(_("No longer in the library: {loras}.").format(loras=several(gone, 120)))
    if misfits:
        text = _("LoRAs that do not fit {checkpoint}: {loras}.")
        lines.append(text.format(checkpoint=plain(checkpoint), loras=several(misfits, 120)))
        everywhere = several(fit.checkpoints, 120)
        lines.append(
            _("All LoRAs fit {checkpoints}.").format(checkpoints=everywhere)
            if everywhere
            else _("No model here fits all LoRAs in this stack.")
        )
    return lines


def _loras(stack: Stack, limit: int) -> str:
    return several((at_weight(lora.name, lora.weight, lora.region) for lora in stack.loras), limit)
