"""A person's stacks: the list with its buttons, the modal that saves one, and texts about a stack."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

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
from bot.database.database import Database
from bot.database.jobs.posted_messages import note_posted
from bot.errors.missing import NothingThere
from bot.i18n import _, later, ngettext
from bot.i18n.texts import at_weight, bounded_lines, clipped, mention, plain, several
from bot.requests.builder import RequestBuilder
from bot.requests.regions import with_their_sides
from bot.ui.access import shown_ratings, words_here
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.interactions.replies import send_ephemeral, send_ephemeral_text
from bot.ui.views.go_to_page import GoToPageForm, page_of_pages
from bot.ui.views.permissions import check_may_post
from bot.ui.views.persistent_items import NO_CUSTOM_ID, JobButton, ModalForm, PersistentButton
from bot.ui.views.studio.buttons import StudioButton, panel_id
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
from inference.content_rating import ContentRating

PAGE_SIZE = 5  # stacks of 6 components each, in a message of at most 40
MAX_CARD, MAX_REASONS = 500, 2000  # characters about a stack in the list; of reasons in a refusal


class StackButton(PersistentButton, template=NO_CUSTOM_ID):
    """A button about one of a person's stacks: `skNAME:STACK:PAGE`."""

    command = "stack"
    name: ClassVar[str] = ""
    label: ClassVar[str] = ""  # marked by `later`
    style: ClassVar[discord.ButtonStyle] = discord.ButtonStyle.secondary

    def __init__(self, stack_id: int, page: int = 0) -> None:
        self.stack_id, self.page = stack_id, page
        custom_id = f"sk{self.name}:{stack_id}:{page}"
        super().__init__(ui.Button(label=_(self.label), style=self.style, custom_id=custom_id))

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls(int(match["stack"]), int(match["page"]))

    async def stack(self, interaction: Interaction) -> Stack:
        """The stack, if the person owns it. Raises NothingThere."""
        stack = await interaction.client.db.one(FIND_STACK, id=self.stack_id, person=interaction.user.id)
        if stack is None:
            raise NothingThere(what=_("This stack no longer exists."))
        return stack


def stack_template(name: str) -> str:
    """The template of the custom_ids of a stack button."""
    return rf"sk{name}:(?P<stack>\d{{1,18}}):(?P<page>\d{{1,4}})"


class UseStackButton(StackButton, template=stack_template("use")):
    """Loads a stack into the studio."""

    name, label, style = "use", later("Use stack"), discord.ButtonStyle.primary

    async def handle(self, interaction: Interaction) -> None:
        """Load it and show the studio."""
        await use_stack(interaction, await self.stack(interaction))


class ShareStackButton(StackButton, template=stack_template("share")):
    """Shows the code with which others import a copy."""

    name, label = "share", later("Share")

    async def handle(self, interaction: Interaction) -> None:
        """Reply with the code, ephemeral."""
        await show_share_code(interaction, await self.stack(interaction))


class PostStackButton(StackButton, template=stack_template("post")):
    """Posts the code of a shared stack in the channel, for everybody there."""

    sends_message = True
    name, label, style = "post", later("Post stack in this channel"), discord.ButtonStyle.primary

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
        view = ui.LayoutView(timeout=None)
        view.add_item(ui.TextDisplay[Any](told))
        view.add_item(ui.ActionRow[Any](CopyStackButton(code)))
        message_id = await acknowledge.send(interaction, view, private=False)
        if message_id is not None and interaction.channel_id is not None:
            db = interaction.client.db
            await note_posted(db, stack.person_id, interaction.channel_id, message_id)


class CopyStackButton(PersistentButton, template=r"skcopy:(?P<code>[A-Z0-9]{1,20})"):
    """Gives whoever presses a copy of the stack with this code."""

    command = "stack"

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(ui.Button(label=_("Get a copy"), custom_id=f"skcopy:{code}"))

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls(match["code"])

    async def handle(self, interaction: Interaction) -> None:
        """Import the stack."""
        await import_shared(interaction, self.code)


class UnshareStackButton(StackButton, template=stack_template("unshare")):
    """Revokes the share code."""

    name, label = "unshare", later("Stop sharing")

    async def handle(self, interaction: Interaction) -> None:
        """Revoke the code."""
        stack = await self.stack(interaction)
        await interaction.client.db.run(UNSHARE_STACK, id=stack.id, person=interaction.user.id)
        text = _("The stack {name} is no longer shared. Users who already copied it keep their copies.")
        await send_ephemeral_text(interaction, text.format(name=plain(stack.name)))


class DeleteStackButton(StackButton, template=stack_template("delete")):
    """Asks for confirmation before a stack is deleted."""

    name, label = "delete", later("Delete")

    async def handle(self, interaction: Interaction) -> None:
        """Show the same page with the confirmation buttons."""
        stack = await self.stack(interaction)
        await _show(interaction, self.page, asking=stack.id)


class ConfirmDeleteButton(StackButton, template=stack_template("really")):
    """Deletes a stack."""

    name, label, style = "really", later("Delete stack"), discord.ButtonStyle.danger

    async def handle(self, interaction: Interaction) -> None:
        """Delete and show the page without it."""
        stack = await self.stack(interaction)
        await interaction.client.db.run(DELETE_STACK, id=stack.id, person=interaction.user.id)
        await _show(interaction, self.page)


class StackPageButton(PersistentButton, template=r"skpage:(?P<page>\d{1,4}):(?P<way>[pnk])"):
    """Shows another page of the list, or the same page again."""

    command = "stack"

    def __init__(self, page: int, way: str, *, disabled: bool = False) -> None:
        self.page = page
        label = {"p": _("Back"), "n": _("More"), "k": _("Keep stack")}[way]
        super().__init__(ui.Button(label=label, custom_id=f"skpage:{page}:{way}", disabled=disabled))

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls(int(match["page"]), match["way"])

    async def handle(self, interaction: Interaction) -> None:
        """Show that page."""
        await _show(interaction, self.page)


class GoToStackPageButton(PersistentButton, template=r"skjump:(?P<page>\d{1,4})"):
    """Says on which page of the list one is, and opens the form for another."""

    command = "stack"
    opens_modal = True

    def __init__(self, page: int, pages: int = 1) -> None:
        self.page = page
        super().__init__(ui.Button(label=page_of_pages(page, pages), custom_id=f"skjump:{page}"))

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls(int(match["page"]))

    async def handle(self, interaction: Interaction) -> None:
        """Open the form."""
        await acknowledge.open_modal(
            interaction, GoToPageForm(_show, command=self.command, here=self.page, opening=interaction.id)
        )


class SaveStackButton(StudioButton, template=panel_id("stack")):
    """Saves the LoRAs of the studio as a stack, on the studio's panel."""

    command = "stack"
    opens_modal = True
    name = "stack"

    async def handle(self, interaction: Interaction) -> None:
        """Ask for a name."""
        snapshot = await interaction.client.studios.snapshot(interaction)
        loras = uses_of_rows(snapshot.rows, snapshot.studio)
        if not loras:
            raise NothingThere(what=_("Your studio has no LoRAs yet. Add one before you save a stack."))
        await acknowledge.open_modal(interaction, await StackForm.of(interaction, loras))


class SaveResultButton(JobButton, template=r"skjob:(?P<job>\d{1,18})"):
    """Saves the LoRAs and weights of a picture as a stack of the person who presses."""

    command = "stack"
    opens_modal = True
    name, label = "skjob", later("Save as stack")
    in_message_of_job = False

    async def handle(self, interaction: Interaction) -> None:
        """Ask for a name."""
        loras = uses_of_request((await self.job(interaction)).request.loras)
        if not loras:
            raise NothingThere(what=_("This picture has no LoRAs to save."))
        await acknowledge.open_modal(interaction, await StackForm.of(interaction, loras))


class StackForm(ModalForm):
    """The name of a new stack."""

    command = "stack"
    private = True

    def __init__(self, loras: Sequence[StackLora], named: Sequence[StackLora], *, opening: int) -> None:
        """`named` are the LoRAs as they are named where the person is."""
        super().__init__(_("Save as stack"), "skname", opening)
        self._loras = loras
        self.stack_name: ui.TextInput[Any] = ui.TextInput(custom_id="name", max_length=MAX_NAME)
        description = several((at_weight(lora.name, lora.weight, lora.region) for lora in named), 90)
        self.add_item(ui.Label[Any](text=_("Name"), description=description[:100], component=self.stack_name))

    @classmethod
    async def of(cls, interaction: Interaction, loras: Sequence[StackLora]) -> Self:
        """The form for these LoRAs, as an answer to the interaction."""
        named = await uses_named_for(interaction.client.db, loras, await shown_ratings(interaction))
        return cls(loras, named, opening=interaction.id)

    async def submitted(self, interaction: Interaction) -> None:
        """Save the stack."""
        client, person_id = interaction.client, interaction.user.id
        words = await words_here(interaction)
        stack = await keep_stack(client.db, words, person_id, self.stack_name.value, self._loras)
        await send_ephemeral_text(interaction, await saved_text(interaction, stack))


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
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.TextDisplay[Any](text.format(name=plain(stack.name), code=spelled(code))))
    view.add_item(ui.ActionRow[Any](PostStackButton(stack.id), UnshareStackButton(stack.id)))
    await send_ephemeral(interaction, view)


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
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.TextDisplay[Any]("\n".join([text, *(f"-# {line}" for line in fit_text(fit, checkpoint))])))
    view.add_item(ui.ActionRow[Any](UseStackButton(stack.id)))
    return view


async def stacks_view(
    db: Database,
    requests: RequestBuilder,
    person_id: int,
    checkpoint: str,
    page: int,
    asking: int | None = None,
    *,
    shown: Collection[ContentRating | None],
) -> ui.LayoutView:
    """A page of the person's stacks, matched against a checkpoint; `asking` is the stack to confirm the deletion of.

    Only LoRAs of the ratings that are `shown` here have their names.
    """
    total = await db.get(COUNT_STACKS, person_id)
    page = min(page, max(0, (total - 1) // PAGE_SIZE))
    stacks = await db.all(LIST_STACKS, person=person_id, limit=PAGE_SIZE, offset=page * PAGE_SIZE)
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.TextDisplay[Any](_title(total, checkpoint)))
    for stack in stacks:
        fit = await judge(requests, stack, checkpoint, shown)
        named = replace(fit, stack=await named_for(db, stack, shown))
        view.add_item(ui.TextDisplay[Any](_card(named, checkpoint)))
        place = (stack.id, page)
        if stack.id == asking:
            view.add_item(ui.ActionRow[Any](ConfirmDeleteButton(*place), StackPageButton(page, "k")))
        else:
            view.add_item(
                ui.ActionRow[Any](UseStackButton(*place), ShareStackButton(*place), DeleteStackButton(*place))
            )
    pages = -(-total // PAGE_SIZE)
    if pages > 1:
        back = StackPageButton(max(0, page - 1), "p", disabled=page == 0)
        on = StackPageButton(page + 1, "n", disabled=page + 1 == pages)
        view.add_item(ui.ActionRow[Any](back, GoToStackPageButton(page, pages), on))
    return view


async def _show(interaction: Interaction, page: int, asking: int | None = None) -> None:
    client, person_id = interaction.client, interaction.user.id
    snapshot = await client.studios.snapshot(interaction)
    shown, checkpoint = await shown_ratings(interaction), snapshot.checkpoint.name
    view = await stacks_view(client.db, client.requests, person_id, checkpoint, page, asking, shown=shown)
    await acknowledge.replace(interaction, view, [])


def _title(total: int, checkpoint: str) -> str:
    head = f"## {_('Your stacks')}\n"
    if not total:
        return head + _("No stacks yet. Combine LoRAs in /studio and press *Save as stack*.")
    text = ngettext(
        "{count} stack · checked against the model {checkpoint}",
        "{count} stacks · checked against the model {checkpoint}",
        total,
    )
    return f"{head}-# " + text.format(count=total, checkpoint=plain(checkpoint))


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
