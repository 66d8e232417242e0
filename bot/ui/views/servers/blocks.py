"""The section about blocked people and LoRAs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Self

import discord
from discord import ui

from bot.database.clock import now_ms
from bot.database.loras.catalogue import find_loras_by_id
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
from bot.ui.views.loras.buttons import LORA, require_lora
from bot.ui.views.persistent_items import ModalForm, PersistentButton, discord_id, is_discord_id, outdated_error
from bot.ui.views.servers.panel import (
    PAGE,
    TARGET,
    GoButton,
    PanelButton,
    PanelForm,
    PanelMenu,
    PanelPage,
    PanelSection,
    administration,
    shown,
    turning,
)
from inference.queue.policy import EVERYWHERE

LISTED = 6  # blocks on a page, each with its button
MAX_SHOWN_REASON = 300  # characters, with what makes them plain
MAX_NAME = 100


class BlocksSection(PanelSection):
    """The blocked people, or the blocked LoRAs, each with *Unblock*."""

    key, title, everywhere = "blocks", later("Blocks"), True

    async def items(self, interaction: Interaction, page: PanelPage) -> Sequence[ui.Item[Any]]:
        """A page of the list, and what blocks more."""
        services, who = administration(interaction)
        kind = _kind(page)
        found = await services.blocks.page(who, page.server_id, kind, limit=LISTED + 1, offset=page.page * LISTED)
        here = found[:LISTED]
        names = await _names(interaction, kind, here)
        nothing = _("No users are blocked.") if kind is BlockKind.PERSON else _("No LoRAs are blocked.")
        items: list[ui.Item[Any]] = [
            ui.Section[Any](ui.TextDisplay[Any](_line(block, names)), accessory=UnblockButton(page, block.target_id))
            for block in here
        ] or [shown([nothing])]
        items += turning(page, more=len(found) > LISTED)
        if kind is BlockKind.PERSON:
            placeholder = _("Block a user")
            items.append(ui.ActionRow[Any](BlockPersonMenu(page, ui.UserSelect, placeholder=placeholder)))
            other = GoButton.to(page.about(BlockKind.LORA.value), _("Blocked LoRAs"))
            items.append(ui.ActionRow[Any](BlockByIdButton(page), other))
        else:
            other = GoButton.to(page.about(BlockKind.PERSON.value), _("Blocked users"))
            items.append(ui.ActionRow[Any](BlockByNameButton(page), other))
        return items


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


def _line(block: Block, names: dict[int, str]) -> str:
    """Who or what, why, until when, and by whom."""
    if block.ends_at is None:
        until = _("no time limit")
    elif block.holds(now_ms()):
        until = _("until {when}").format(when=f"<t:{block.ends_at // 1000}:f>")
    else:
        until = _("ended {when}").format(when=f"<t:{block.ends_at // 1000}:R>")
    name = names.get(block.target_id, f"#{block.target_id}")
    by = "" if block.created_by == BY_EASEL else " · " + _("by {person}").format(person=mention(block.created_by))
    return f"**{name}** · {until}{by}\n-# {clipped(block.reason, MAX_SHOWN_REASON)}"


class UnblockButton(PanelButton, template=rf"svunblock:{PAGE}:{TARGET}"):
    """Lifts a block."""

    name, label = "svunblock", later("Unblock")

    async def handle(self, interaction: Interaction) -> None:
        """Lift it. Raises NothingThere when there is none."""
        services, who = administration(interaction)
        await services.blocks.unblock(who, self.page.server_id, _kind(self.page), self.target)
        await self.page.show(interaction)


class BlockPersonMenu(PanelMenu, template=rf"svblockwho:{PAGE}"):
    """Chooses a person to be blocked, and opens the form."""

    name = "svblockwho"
    opens_modal = True

    async def handle(self, interaction: Interaction) -> None:
        """Open it."""
        await require(interaction, Action.BLOCK, self.page.server_id)
        chosen = self.ids(interaction)
        if len(chosen) != 1:
            raise outdated_error()
        await acknowledge.open_modal(interaction, BlockPersonForm(self.page, chosen[0], opening=interaction.id))


class BlockByIdButton(PanelButton, template=rf"svblockid:{PAGE}"):
    """Opens the form for a person by Discord's id: one who has left, or anybody from a direct message."""

    name, label = "svblockid", later("Block a user by ID")
    opens_modal = True

    async def handle(self, interaction: Interaction) -> None:
        """Open it."""
        await require(interaction, Action.BLOCK, self.page.server_id)
        await acknowledge.open_modal(interaction, BlockPersonForm(self.page, None, opening=interaction.id))


class BlockByNameButton(PanelButton, template=rf"svblocklora:{PAGE}"):
    """Opens the form for a LoRA by its name."""

    name, label = "svblocklora", later("Block a LoRA")
    opens_modal = True

    async def handle(self, interaction: Interaction) -> None:
        """Open it."""
        await require(interaction, Action.BLOCK, self.page.server_id)
        await acknowledge.open_modal(interaction, BlockLoraForm(self.page, opening=interaction.id))


class _WhyAndUntil:
    """The fields of every block."""

    def __init__(self, form: ModalForm) -> None:
        self.reason: ui.TextInput[Any] = ui.TextInput(custom_id="reason", max_length=MAX_REASON)
        self.end: ui.TextInput[Any] = ui.TextInput(custom_id="end", required=False, max_length=40)
        why = _("Shown to users affected by this block")
        until = _("Examples: 3 days, 12 hours, 2 weeks, or a date such as 2031-05-30. Leave empty for no time limit.")
        form.add_item(ui.Label[Any](text=_("Reason"), description=why, component=self.reason))
        form.add_item(ui.Label[Any](text=_("Duration or end date"), description=until[:100], component=self.end))

    def read(self) -> dict[str, Any]:
        """The arguments of a block. Raises EndUnclear."""
        return {"reason": self.reason.value, "ends_at": end_of(self.end.value, now_ms())}


class BlockPersonForm(PanelForm):
    """Why and until when a person is blocked; without a `person_id`, also who."""

    def __init__(self, page: PanelPage, person_id: int | None, *, opening: int) -> None:
        super().__init__(_("Block a user"), "svblockperson", page, opening=opening)
        self._person_id = person_id
        self.typed: ui.TextInput[Any] | None = None
        if person_id is None:
            self.typed = ui.TextInput(custom_id="id", max_length=19)
            hint = _("The ID is a number. With Discord's Developer Mode on, you can copy the ID from the user's menu.")
            self.add_item(ui.Label[Any](text=_("Discord user ID"), description=hint, component=self.typed))
        self._block = _WhyAndUntil(self)

    async def submitted(self, interaction: Interaction) -> None:
        """Block the person. Raises what `BlockAdministration.block_person` raises."""
        services, who = administration(interaction)
        person_id = self._person_id
        if person_id is None:
            typed = self.typed.value.strip() if self.typed else ""
            if not is_discord_id(typed):
                raise NothingThere(what=_("Enter the ID as a number of up to 19 digits."))
            person_id = int(typed)
        await services.blocks.block_person(who, self.page.server_id, person_id, **self._block.read())
        await self.page.about(BlockKind.PERSON.value).show(interaction)


class BlockLoraForm(PanelForm):
    """Which LoRA is blocked, why, and until when."""

    def __init__(self, page: PanelPage, *, opening: int) -> None:
        super().__init__(_("Block a LoRA"), "svblockname", page, opening=opening)
        self.named: ui.TextInput[Any] = ui.TextInput(custom_id="name", max_length=MAX_NAME)
        hint = _("The name as shown in /lora browse")
        self.add_item(ui.Label[Any](text=_("Name"), description=hint, component=self.named))
        self._block = _WhyAndUntil(self)

    async def submitted(self, interaction: Interaction) -> None:
        """Block it. Raises LoraNotFound, which suggests names, and what `BlockAdministration.block_lora` raises."""
        services, who = administration(interaction)
        block = self._block.read()
        await require(interaction, Action.BLOCK, self.page.server_id)
        lora = await interaction.client.requests.lora(self.named.value)
        await services.blocks.block_lora(who, self.page.server_id, lora.id, **block)
        await self.page.about(BlockKind.LORA.value).show(interaction)


class BlockThisLoraButton(PersistentButton, template=rf"svblockthis:(?P<server>\d{{1,19}}):{LORA}"):
    """Opens the form that blocks the LoRA of a page; only staff see it, and the right is checked on use."""

    command = "server"
    action = Action.BLOCK
    opens_modal = True

    def __init__(self, server_id: int, lora_id: int) -> None:
        self.server_id = self._place = server_id
        self.lora_id = lora_id
        label = _("Block LoRA everywhere") if server_id == EVERYWHERE else _("Block LoRA here")
        custom_id = f"svblockthis:{server_id}:{lora_id}"
        super().__init__(ui.Button(label=label, style=discord.ButtonStyle.danger, custom_id=custom_id))

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """The button that this custom_id means."""
        return cls(discord_id(match["server"]), int(match["lora"]))

    async def handle(self, interaction: Interaction) -> None:
        """Open the form."""
        lora = await require_lora(interaction, self.lora_id)
        form = BlockThisLoraForm(self._place, lora.id, lora.name, opening=interaction.id)
        await acknowledge.open_modal(interaction, form)


class BlockThisLoraForm(ModalForm):
    """Why and until when the LoRA is blocked."""

    command, private = "server", True

    def __init__(self, server_id: int, lora_id: int, name: str, *, opening: int) -> None:
        super().__init__(_("Block {name}").format(name=name), f"svblocked:{server_id}:{lora_id}", opening)
        self._server_id, self._lora_id, self._name = server_id, lora_id, name
        self._block = _WhyAndUntil(self)

    async def submitted(self, interaction: Interaction) -> None:
        """Block it. Raises what `BlockAdministration.block_lora` raises."""
        services, who = administration(interaction)
        await services.blocks.block_lora(who, self._server_id, self._lora_id, **self._block.read())
        text = _("{name} is blocked. To undo this, press *Unblock* under *Blocks* in /server.")
        await send_ephemeral_text(interaction, text.format(name=plain(self._name, 100)))
