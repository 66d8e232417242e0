"""A published picture as the gallery shows it: what it was made with, and what everybody may do with it."""

from __future__ import annotations

from typing import Any

from discord import ui

from bot.database.gallery.features import FeatureKind
from bot.database.gallery.publications import Publication
from bot.errors.rights import NotYours
from bot.i18n import _, later
from bot.i18n.texts import message_url
from bot.pictures.thumbnails import GALLERY
from bot.ui.access import hides_pictures, require_published
from bot.ui.client import Interaction
from bot.ui.interactions.replies import send_ephemeral
from bot.ui.rendered_message import RenderedMessage
from bot.ui.views.custom_ids import Id
from bot.ui.views.gallery.feature_buttons import feature_buttons, featured_line
from bot.ui.views.gallery.links import OpenGalleryButton
from bot.ui.views.gallery.post import (
    check_may_unpublish,
    likes_text,
    picture_items,
    publication_buttons,
    shown_picture,
)
from bot.ui.views.loras.community_pictures import file_of
from bot.ui.views.persistent_items import PersistentButton
from bot.ui.views.reports.forms import open_report_form
from bot.workspace.repaint import picture_gone


class ReportPublishedButton(PersistentButton, prefix="rppublished"):
    """Opens the form that reports a published picture."""

    command, label = "Report", later("Report")
    opens_modal = True

    publication_id: Id

    async def handle(self, interaction: Interaction) -> None:
        """Open it. Raises NotPublished or OwnReport."""
        _publication, job = await require_published(interaction, self.publication_id)
        await open_report_form(interaction, job)


async def show_picture(interaction: Interaction, publication_id: int) -> None:
    """Show a published picture in an ephemeral message. Raises NotPublished, and NothingThere without its file."""
    await send_ephemeral(interaction, await _page(interaction, publication_id))


async def _page(interaction: Interaction, publication_id: int) -> RenderedMessage:
    client, (publication, job) = interaction.client, await require_published(interaction, publication_id)
    picture = await file_of(interaction, publication, GALLERY)
    if picture is None:
        raise picture_gone()
    page = RenderedMessage()
    shown = await shown_picture(client.db, job, publication.position, shows_prompt=publication.shows_prompt)
    hidden = await hides_pictures(interaction)
    for item in picture_items(shown, page.attach(picture), hidden=hidden):
        page.view.add_item(item)
    featured = await featured_line(interaction, FeatureKind.PUBLICATION, publication.id)
    page.view.add_item(ui.TextDisplay[Any]("\n".join([_facts(publication), *featured])))
    unpublish = await _may_unpublish(interaction, publication)
    page.view.add_item(ui.ActionRow[Any](*publication_buttons(publication, job, unpublish=unpublish)))
    more: list[PersistentButton] = []
    if publication.person_id is not None:
        more.append(OpenGalleryButton(person_id=publication.person_id))
    more.append(ReportPublishedButton(publication.id))
    more += await feature_buttons(interaction, FeatureKind.PUBLICATION, publication.id)
    page.view.add_item(ui.ActionRow[Any](*more))
    return page


async def _may_unpublish(interaction: Interaction, publication: Publication) -> bool:
    """Whether to offer it: one person alone sees this message."""
    try:
        await check_may_unpublish(interaction, publication)
    except NotYours:
        return False
    return True


def _facts(publication: Publication) -> str:
    """When it was published, the way to its post, and how many people like it."""
    when = f"<t:{publication.created_at // 1000}:R>"
    lines = [_("Published {when} · {post}").format(when=when, post=post_link(publication))]
    lines += [likes_text(publication.likes)] if publication.likes else []
    return "\n".join(f"-# {line}" for line in lines)


def post_link(publication: Publication) -> str:
    """The link to the message in the art channel."""
    url = message_url(publication.server_id, publication.channel_id, publication.message_id)
    return f"[{_('open the post')}]({url})"
