"""The button by which staff feature a LoRA or a published picture in their server, or feature it no longer."""

from __future__ import annotations

from bot.database.gallery.features import FIND_FEATURE, Feature, FeatureKind
from bot.errors.missing import NothingThere
from bot.i18n import _
from bot.i18n.texts import mention, plain
from bot.servers.rights import Action
from bot.ui.access import context_of, may, require, require_published
from bot.ui.client import Interaction
from bot.ui.interactions.replies import send_ephemeral_text
from bot.ui.views.custom_ids import Id, Switch
from bot.ui.views.loras.buttons import require_lora
from bot.ui.views.persistent_items import PersistentButton


class FeatureButton(PersistentButton, prefix="feature"):
    """Features something in the server where staff press it, or ends that."""

    command = "gallery"

    on: Switch
    kind: FeatureKind
    target_id: Id

    def text(self) -> str:
        """What it does."""
        return _("Feature in this server") if self.on else _("Stop featuring in this server")

    async def handle(self, interaction: Interaction) -> None:
        """Do it, and say what is featured now. Raises NothingThere, NotPublished or NotStaff."""
        await require(interaction, Action.FEATURE)
        if interaction.guild_id is None:
            raise NothingThere(
                what=_(
                    "Staff can feature LoRAs and pictures only in their own server. Please open the LoRA or "
                    "picture there."
                )
            )
        name = await _name(interaction, self.kind, self.target_id)
        featuring = interaction.client.featuring
        change = featuring.feature if self.on else featuring.unfeature
        changed = await change(context_of(interaction), interaction.guild_id, self.kind, self.target_id, name)
        told = _("The picture") if self.kind is FeatureKind.PUBLICATION else plain(name)  # its number says nothing
        await send_ephemeral_text(interaction, self._said(changed=changed).format(name=told))

    def _said(self, *, changed: bool) -> str:
        if self.on and changed:
            return _(
                "{name} is now featured in this server. Members see it at the top of the market or "
                "gallery, with your name."
            )
        if self.on:
            return _("{name} is already featured.")
        return _("{name} is no longer featured.") if changed else _("{name} is not featured.")


async def feature_buttons(interaction: Interaction, kind: FeatureKind, target_id: int) -> list[FeatureButton]:
    """The button, for staff of the server where they are; none for others. Raises DatabaseError."""
    if interaction.guild_id is None or not await may(interaction, Action.FEATURE):
        return []
    featured = await interaction.client.db.one(FIND_FEATURE, server=interaction.guild_id, kind=kind, target=target_id)
    return [FeatureButton(featured is None, kind, target_id)]


async def featured_line(interaction: Interaction, kind: FeatureKind, target_id: int) -> list[str]:
    """The line that says who featured it in this server; none where nobody did. Raises DatabaseError."""
    if interaction.guild_id is None:
        return []
    featured = await interaction.client.db.one(FIND_FEATURE, server=interaction.guild_id, kind=kind, target=target_id)
    return [] if featured is None else [f"-# {featured_text(featured)}"]


def featured_text(feature: Feature) -> str:
    """Who featured something, and when."""
    text = _("Featured by {person} {when}")
    return text.format(person=mention(feature.featured_by), when=f"<t:{feature.featured_at // 1000}:R>")


async def _name(interaction: Interaction, kind: FeatureKind, target_id: int) -> str:
    if kind is FeatureKind.PUBLICATION:
        await require_published(interaction, target_id)
        return _("Picture {number}").format(number=target_id)
    return (await require_lora(interaction, target_id)).name
