"""The section about blocked people and LoRAs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import discord
from discord import ui

from bot.database.clock import now_ms
from bot.database.loras.catalogue import Lora, find_loras_by_id
from bot.database.people.blocks import BY_EASEL, Block, BlockKind
from bot.errors.missing import NothingThere
from bot.i18n import _, later
from bot.i18n.texts import clipped, mention, plain
from bot.servers.administration.reasons import MAX_REASON
from bot.servers.block_ends import end_of
from bot.servers.rights import Action
from bot.ui.access import require
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.interactions.replies import send_ephemeral_text
from bot.ui.rendered_message import Items
from bot.ui.views.custom_ids import DiscordId, Id, is_discord_id
from bot.ui.views.forms import LEFT_OUT, Form, TextField
from bot.ui.views.list_page import Cursor, Found, TurnPageButton
from bot.ui.views.loras.buttons import require_lora
from bot.ui.views.persistent_items import PersistentButton, outdated_error
from bot.ui.views.servers.panel import (
    PanelButton,
    PanelForm,
    PanelMenu,
    PanelPage,
    PanelSection,
    TargetButton,
    administration,
    shown,
)
from inference.queue.policy import EVERYWHERE

LISTED = 6  # blocks on a page, each with its button
MAX_SHOWN_REASON = 300  # characters, with what makes them plain
MAX_NAME = 100


class BlocksSection(PanelSection[tuple[Block, str]]):
    """The blocked people, or the blocked LoRAs, each with *Unblock*."""

    key, title, everywhere = "blocks", later("Blocks"), True
    numbered = False

    async def fetch(self, interaction: Interaction, query: PanelPage, cursor: Cursor) -> Found[tuple[Block, str]]:
        """A page of the blocks, each with the name of the blocked user or LoRA."""
        (services, who), kind = administration(interaction), _kind(query)
        offset = cursor.number * LISTED
        found = await services.blocks.page(who, query.server_id, kind, limit=LISTED + 1, offset=offset)
        names = await _names(interaction, kind, found)
        named = [(block, names.get(block.target_id, f"#{block.target_id}")) for block in found]
        return Found.peeked(named, cursor, LISTED)

    def row(self, interaction: Interaction, page: PanelPage, entry: tuple[Block, str]) -> ui.Item[Any]:
        """A block, and *Unblock*."""
        return ui.Section[Any](_line(*entry), accessory=UnblockButton(page, entry[0].target_id))

    async def controls(self, interaction: Interaction, page: PanelPage, found: Found[tuple[Block, str]]) -> Items:
        """What blocks more, and the way to the other list."""
        people = _kind(page) is BlockKind.PERSON
        none = _("No users are blocked.") if people else _("No LoRAs are blocked.")
        items: list[ui.Item[Any]] = [] if found.entries else [shown([none])]
        if people:
            items.append(ui.ActionRow[Any](BlockPersonMenu(page).offering(placeholder=_("Block a user"))))
            other = TurnPageButton(page.about(BlockKind.LORA.value)).labelled(_("Blocked LoRAs"))
            return [*items, ui.ActionRow[Any](BlockByIdButton(page), other)]
        other = TurnPageButton(page.about(BlockKind.PERSON.value)).labelled(_("Blocked users"))
        return [*items, ui.ActionRow[Any](BlockByNameButton(page), other)]


def _kind(page: PanelPage) -> BlockKind:
    try:
        return BlockKind(page.detail or BlockKind.PERSON)
    except ValueError:
        raise outdated_error() from None


async def _names(interaction: Interaction, kind: BlockKind, blocks: Sequence[Block]) -> dict[int, str]:
    ids = [block.target_id for block in blocks]
    if kind is BlockKind.PERSON:
        return {each: mention(each) for each in ids}
    return {lora.id: clipped(lora.name, 100) for lora in await find_loras_by_id(interaction.client.db, ids)}


def _line(block: Block, name: str) -> str:
    """Who or what, why, until when, and by whom."""
    if block.ends_at is None:
        until = _("no time limit")
    elif block.holds(now_ms()):
        until = _("until {when}").format(when=f"<t:{block.ends_at // 1000}:f>")
    else:
        until = _("ended {when}").format(when=f"<t:{block.ends_at // 1000}:R>")
    by = "" if block.created_by == BY_EASEL else " · " + _("by {person}").format(person=mention(block.created_by))
    return f"**{name}** · {until}{by}\n-# {clipped(block.reason, MAX_SHOWN_REASON)}"


class UnblockButton(TargetButton, prefix="svunblock"):
    """Lifts a block."""

    label = later("Unblock")
    action = Action.BLOCK

    async def handle(self, interaction: Interaction) -> None:
        """Lift it. Raises NothingThere when there is none."""
        services, who = administration(interaction)
        await services.blocks.unblock(who, self.page.server_id, _kind(self.page), self.target)
        await self.page.show(interaction)


class BlockPersonMenu(PanelMenu, prefix="svblockwho"):
    """Chooses a person to be blocked, and opens the form."""

    kind = ui.UserSelect
    action = Action.BLOCK
    opens_modal = True

    async def handle(self, interaction: Interaction) -> None:
        """Open it."""
        if len(self.discord_ids) != 1:
            raise outdated_error()
        await acknowledge.open_modal(interaction, BlockPersonForm(self.page, self.discord_ids[0], interaction.id))


class BlockByIdButton(PanelButton, prefix="svblockid"):
    """Opens the form for a person by Discord's id: one who has left, or anybody from a direct message."""

    label = later("Block a user by ID")
    action = Action.BLOCK
    opens_modal = True

    async def handle(self, interaction: Interaction) -> None:
        """Open it."""
        await acknowledge.open_modal(interaction, BlockPersonForm(self.page, None, interaction.id))


class BlockByNameButton(PanelButton, prefix="svblocklora"):
    """Opens the form for a LoRA by its name."""

    label = later("Block a LoRA")
    action = Action.BLOCK
    opens_modal = True

    async def handle(self, interaction: Interaction) -> None:
        """Open it."""
        await acknowledge.open_modal(interaction, BlockLoraForm(_("Block a LoRA"), self.page, interaction.id))


_REASON = TextField(later("Reason"), later("Shown to users affected by this block"), length=MAX_REASON)
_END = TextField(
    later("Duration or end date"),
    later("Examples: 3 days, 12 hours, 2 weeks, or a date such as 2031-05-30. Leave empty for no time limit."),
    length=40,
    required=False,
)


def _why_and_until(form: BlockPersonForm | BlockLoraForm | BlockThisLoraForm) -> dict[str, Any]:
    """The arguments of a block. Raises EndUnclear."""
    return {"reason": form.reason, "ends_at": end_of(form.end, now_ms())}


class BlockPersonForm(PanelForm, key="svblockperson"):
    """Why and until when a person is blocked; without a `person_id`, also who."""

    user = TextField(
        later("Discord user ID"),
        later("The ID is a number. With Discord's Developer Mode on, you can copy the ID from the user's menu."),
        length=19,
    )
    reason, end = _REASON, _END

    def __init__(self, page: PanelPage, person_id: int | None, opening: int) -> None:
        super().__init__(_("Block a user"), page, opening, user=LEFT_OUT if person_id else None)
        self._person_id = person_id

    async def submitted(self, interaction: Interaction) -> None:
        """Block the person. Raises what `BlockAdministration.block_person` raises."""
        services, who = administration(interaction)
        typed = str(self._person_id or self.user.strip())
        if not is_discord_id(typed):
            raise NothingThere(what=_("Enter the ID as a number of up to 19 digits."))
        await services.blocks.block_person(who, self.page.server_id, int(typed), **_why_and_until(self))
        await self.page.about(BlockKind.PERSON.value).show(interaction)


class BlockLoraForm(PanelForm, key="svblockname"):
    """Which LoRA is blocked, why, and until when."""

    name = TextField(later("Name"), later("The name as shown in /lora browse"), length=MAX_NAME)
    reason, end = _REASON, _END

    async def submitted(self, interaction: Interaction) -> None:
        """Block it. Raises LoraNotFound, which suggests names, and what `BlockAdministration.block_lora` raises."""
        services, who = administration(interaction)
        block = _why_and_until(self)
        await require(interaction, Action.BLOCK, self.page.server_id)
        lora = await interaction.client.requests.lora(self.name)
        await services.blocks.block_lora(who, self.page.server_id, lora.id, **block)
        await self.page.about(BlockKind.LORA.value).show(interaction)


class BlockThisLoraButton(PersistentButton, prefix="svblockthis"):
    """Opens the form that blocks the LoRA of a page; only staff see it, and the right is checked on use."""

    style = discord.ButtonStyle.danger
    command = "server"
    action = Action.BLOCK
    opens_modal = True

    server_id: DiscordId
    lora_id: Id

    @property
    def place(self) -> int:
        """The server in which it is blocked."""
        return self.server_id

    def text(self) -> str:
        """In which server it is blocked."""
        return _("Block LoRA everywhere") if self.server_id == EVERYWHERE else _("Block LoRA here")

    async def handle(self, interaction: Interaction) -> None:
        """Open the form."""
        lora = await require_lora(interaction, self.lora_id)
        await acknowledge.open_modal(interaction, BlockThisLoraForm(self.server_id, lora, interaction.id))


class BlockThisLoraForm(Form, key="svblocked"):
    """Why and until when the LoRA is blocked."""

    command, private = "server", True

    reason, end = _REASON, _END

    def __init__(self, server_id: int, lora: Lora, opening: int) -> None:
        super().__init__(_("Block {name}").format(name=lora.name), opening)
        self._server_id, self._lora = server_id, lora

    async def submitted(self, interaction: Interaction) -> None:
        """Block it. Raises what `BlockAdministration.block_lora` raises."""
        services, who = administration(interaction)
        await services.blocks.block_lora(who, self._server_id, self._lora.id, **_why_and_until(self))
        text = _("{name} is blocked. To undo this, press *Unblock* under *Blocks* in /server.")
        await send_ephemeral_text(interaction, text.format(name=plain(self._lora.name, 100)))
