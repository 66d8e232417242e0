"""The pictures of a server that were made with a LoRA, on the page of that LoRA."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import discord
from discord import ui

from bot.database.gallery.pages import GallerySort, gallery_page
from bot.database.gallery.publications import Publication
from bot.database.gallery.terms import GalleryFilter
from bot.database.loras.catalogue import Lora
from bot.database.pictures.pictures import FIND_PICTURE
from bot.i18n import _
from bot.i18n.texts import mention
from bot.pictures.attachments import PictureFile
from bot.pictures.thumbnails import Box
from bot.ui.access import context_of, published_here
from bot.ui.client import Interaction
from bot.ui.rendered_message import RenderedMessage
from bot.ui.views.gallery.links import OpenGalleryButton

SHOWN = 3  # pictures on the page of a LoRA, which carries 10 files with its samples
CARD = Box(side=512, limit=90_000)  # of a picture beside others


@dataclass(frozen=True)
class CommunityPicture:
    """A published picture and its file."""

    publication: Publication
    file: PictureFile


async def file_of(interaction: Interaction, publication: Publication, box: Box = CARD) -> PictureFile | None:
    """The published picture within `box`; None when its file is gone or cannot be read. Raises DatabaseError."""
    found = await interaction.client.db.one(FIND_PICTURE, job=publication.job_id, position=publication.position)
    return None if found is None else await interaction.client.thumbnails.of_painted(found.path, box)


async def community_pictures(interaction: Interaction, lora: Lora) -> list[CommunityPicture]:
    """Some that the place shows: the most liked of the week, and then the newest. Raises DatabaseError."""
    if interaction.guild_id is None or not context_of(interaction).bot_in_server:
        return []
    db, place = interaction.client.db, await published_here(interaction)
    wanted = GalleryFilter(interaction.guild_id, loras=[each.sha256 for each in lora.versions if each.sha256])
    found: dict[int, Publication] = {}
    for sort in (GallerySort.MOST_LIKED, GallerySort.NEWEST):
        page = await gallery_page(db, wanted, place, sort, limit=SHOWN)
        found |= {one.id: one for one in page.publications if one.id not in found}
    files = [(one, await file_of(interaction, one)) for one in list(found.values())[:SHOWN]]
    return [CommunityPicture(one, file) for one, file in files if file is not None]


def add_community(page: RenderedMessage, lora: Lora, community: Sequence[CommunityPicture], *, hidden: bool) -> None:
    """Add the section with these pictures, which may be spoilers, and the button for more; nothing without any."""
    if not community:
        return
    items = [
        discord.MediaGalleryItem(
            page.attach(each.file), description=_("Picture {number}").format(number=number), spoiler=hidden
        )
        for number, each in enumerate(community, 1)
    ]
    authors = " · ".join(mention(each.publication.person_id) for each in community)
    by = (
        _("by {person}").format(person=authors)
        if len(community) == 1
        else _("Authors of the pictures, in order: {people}").format(people=authors)
    )
    text = f"### {_('Pictures generated with this LoRA in this server')}\n-# {by}"
    page.view.add_item(
        ui.Container[Any](
            ui.TextDisplay[Any](text),
            ui.MediaGallery[Any](*items),
            ui.ActionRow[Any](OpenGalleryButton(lora_id=lora.id)),
        )
    )
