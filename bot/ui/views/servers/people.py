"""The section about which roles may do what."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from discord import ui

from bot.database.servers.settings import ServerSettings
from bot.i18n import _, later
from bot.ui.client import Interaction
from bot.ui.rendered_message import Items
from bot.ui.views.list_page import Found
from bot.ui.views.servers.entity_menus import offering_roles
from bot.ui.views.servers.home import mentions
from bot.ui.views.servers.panel import PanelPage, PanelSection, shown
from bot.ui.views.servers.places import ServerSettingMenu


class PeopleSection(PanelSection[None]):
    """The roles of staff, of who may paint, see the queue, and add LoRAs."""

    key, title = "people", later("Roles")

    async def controls(self, interaction: Interaction, page: PanelPage, found: Found[None]) -> Items:
        """What is set, and a menu for each list of roles."""
        settings = await page.settings(interaction)
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
        menus = (StaffRolesMenu, PaintRolesMenu, QueueRolesMenu, LoraRolesMenu)
        return [shown(lines), *(ui.ActionRow[Any](menu.of(interaction, page, settings)) for menu in menus)]


class RolesMenu(ServerSettingMenu):
    """A menu of roles. `text` is marked by `later`."""

    text: ClassVar[str] = ""

    @classmethod
    def of(cls, interaction: Interaction, page: PanelPage, settings: ServerSettings) -> Self:
        """The menu with the current ones selected."""
        return offering_roles(cls(page), interaction, getattr(settings, cls.field) or (), _(cls.text))

    def setting(self) -> tuple[int, ...] | None:
        """The chosen roles, or None for the default."""
        return self.discord_ids or None


class StaffRolesMenu(RolesMenu, prefix="svstaff"):
    """The roles that are staff."""

    field, text = "staff_roles", later("Staff")

    def setting(self) -> tuple[int, ...]:
        """The chosen roles."""
        return self.discord_ids


class PaintRolesMenu(RolesMenu, prefix="svpaint"):
    """The roles that may paint; with none, everybody may."""

    field, text = "paint_roles", later("Roles that can generate pictures")


class QueueRolesMenu(RolesMenu, prefix="svqueue"):
    """The roles that may see everybody's queue besides staff."""

    field, text = "queue_roles", later("Roles that can see the server's whole queue")


class LoraRolesMenu(RolesMenu, prefix="svloras"):
    """The roles that may add LoRAs from outside besides staff."""

    field, text = "lora_roles", later("Roles that can add new LoRAs")
