"""The section about which roles may do what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from discord import ui

from bot.i18n import _, later
from bot.ui.client import Interaction
from bot.ui.views.servers.entity_menus import role_menu
from bot.ui.views.servers.home import mentions
from bot.ui.views.servers.panel import PAGE, PanelPage, PanelSection, administration, shown
from bot.ui.views.servers.places import ServerSettingMenu


class PeopleSection(PanelSection):
    """The roles of staff, of who may paint, see the queue, and add LoRAs."""

    key, title = "people", later("Roles")

    async def items(self, interaction: Interaction, page: PanelPage) -> Sequence[ui.Item[Any]]:
        """What is set, and a menu for each list of roles."""
        services, who = administration(interaction)
        settings = (await services.settings.setup(who, page.server_id)).settings
        managers, paints, sees = (
            _("Staff"),
            _("Roles that can generate pictures"),
            _("Roles that can see the server's whole queue"),
        )
        adds = _("Roles that can add new LoRAs")
        lines = [
            _("Staff: **members with the Manage Server permission**, and **{names}**").format(
                names=mentions("@&", settings.staff_roles, _("no one else"))
            ),
            _("Staff can use everything in this panel, pause the queue and cancel requests in the queue."),
            _("Can generate pictures: **{names}**").format(
                names=mentions("@&", settings.paint_roles or (), _("everyone"))
            ),
            _("Can see the server's whole queue, in addition to staff: **{names}**").format(
                names=mentions("@&", settings.queue_roles or (), _("no one"))
            ),
            _("Can add new LoRAs, in addition to staff: **{names}**").format(
                names=mentions("@&", settings.lora_roles or (), _("no one"))
            ),
            "-# " + _("Command restrictions that you set in Discord (Server Settings > Integrations) still apply."),
        ]
        menus = (
            StaffRolesMenu(page, **role_menu(interaction, page, settings.staff_roles, managers)),
            PaintRolesMenu(page, **role_menu(interaction, page, settings.paint_roles or (), paints)),
            QueueRolesMenu(page, **role_menu(interaction, page, settings.queue_roles or (), sees)),
            LoraRolesMenu(page, **role_menu(interaction, page, settings.lora_roles or (), adds)),
        )
        return [shown(lines), *(ui.ActionRow[Any](menu) for menu in menus)]


class StaffRolesMenu(ServerSettingMenu, template=rf"svstaff:{PAGE}"):
    """The roles that are staff."""

    name = "svstaff"

    async def handle(self, interaction: Interaction) -> None:
        """Save them."""
        await self.change(interaction, staff_roles=self.ids(interaction))


class PaintRolesMenu(ServerSettingMenu, template=rf"svpaint:{PAGE}"):
    """The roles that may paint; with none, everybody may."""

    name = "svpaint"

    async def handle(self, interaction: Interaction) -> None:
        """Save them."""
        await self.change(interaction, paint_roles=self.ids(interaction) or None)


class QueueRolesMenu(ServerSettingMenu, template=rf"svqueue:{PAGE}"):
    """The roles that may see everybody's queue besides staff."""

    name = "svqueue"

    async def handle(self, interaction: Interaction) -> None:
        """Save them."""
        await self.change(interaction, queue_roles=self.ids(interaction) or None)


class LoraRolesMenu(ServerSettingMenu, template=rf"svloras:{PAGE}"):
    """The roles that may add LoRAs from outside besides staff."""

    name = "svloras"

    async def handle(self, interaction: Interaction) -> None:
        """Save them."""
        await self.change(interaction, lora_roles=self.ids(interaction) or None)
