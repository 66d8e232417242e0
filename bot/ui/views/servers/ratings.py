"""The section about which pictures are shown to whom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import discord
from discord import ui

from bot.database.servers.settings import ServerSettings
from bot.i18n import _, label, later
from bot.moderation.ratings import MOST_OPEN
from bot.ui.client import Interaction
from bot.ui.rendered_message import Items
from bot.ui.views.list_page import Found
from bot.ui.views.servers.panel import PanelPage, PanelSection, shown
from bot.ui.views.servers.places import ServerSettingMenu
from inference.content_rating import ContentRating


class RatingsSection(PanelSection[None]):
    """What open channels show, and what unrated pictures count as."""

    key, title = "ratings", later("Ratings")

    async def controls(self, interaction: Interaction, page: PanelPage, found: Found[None]) -> Items:
        """What is set, and a menu for each setting."""
        settings = await page.settings(interaction)
        lines = [
            _("Channels without an age restriction show pictures up to: **{rating}**").format(
                rating=label(settings.open_rating)
            ),
            _("Content without a rating counts as: **{rating}**").format(rating=label(settings.unrated_as)),
            "-# "
            + _(
                "Age-restricted channels show content of every rating except {blocked}, which Easel never shows."
            ).format(blocked=label(ContentRating.BLOCKED)),
        ]
        menus = (OpenRatingMenu.of(page, settings), UnratedMenu.of(page, settings))
        return [shown(lines), *(ui.ActionRow[Any](menu) for menu in menus)]


class RatingMenu(ServerSettingMenu):
    """A menu of ratings. `text` is marked by `later`. A forged rating raises OpenRatingTooHigh."""

    text: ClassVar[str] = ""
    ratings: ClassVar[Sequence[ContentRating]] = tuple(ContentRating)

    @classmethod
    def of(cls, page: PanelPage, settings: ServerSettings) -> Self:
        """The menu with the current one selected."""
        current = getattr(settings, cls.field)
        return cls(page).offering(
            discord.SelectOption(
                label=_(cls.text).format(rating=label(rating)), value=rating.value, default=rating is current
            )
            for rating in cls.ratings
        )

    def setting(self) -> str:
        """The chosen rating."""
        return self.value


class OpenRatingMenu(RatingMenu, prefix="svopen"):
    """The highest rating that a channel without an age restriction shows."""

    field = "open_rating"
    text = later("Channels without an age restriction: up to {rating}")
    ratings = tuple(rating for rating in ContentRating if rating <= MOST_OPEN)


class UnratedMenu(RatingMenu, prefix="svunrated"):
    """What unrated checkpoints and LoRAs count as."""

    field = "unrated_as"
    text = later("Unrated content counts as {rating}")
