"""Published pictures on a page: several in one gallery, a line about each, and a menu that opens them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import discord
from discord import ui

from bot.database.gallery.features import FEATURED_PUBLICATIONS
from bot.database.gallery.pages import FIND_ALL_SHOWN
from bot.database.gallery.publications import Publication
from bot.database.jobs.jobs import FIND_JOB
from bot.i18n import _, ngettext, number
from bot.i18n.texts import bounded_lines, mention, on_a_label, plain, prompt_text, several
from bot.pictures.attachments import PictureFile
from bot.ui.access import published_here
from bot.ui.client import Interaction
from bot.ui.rendered_message import RenderedMessage
from bot.ui.views.browse import MAX_OPTION
from bot.ui.views.custom_ids import Word
from bot.ui.views.gallery.feature_buttons import featured_text
from bot.ui.views.gallery.picture import show_picture
from bot.ui.views.loras.community_pictures import file_of
from bot.ui.views.persistent_items import PersistentMenu

FEATURED = 4  # pictures of the section of what is featured
MAX_LINES, MAX_FEATURED, MAX_LORAS = 1900, 1400, 100  # characters of all lines, of those of the section, of LoRAs


class OpenPictureMenu(PersistentMenu, prefix="opengallery"):
    """Opens a picture of the page, or one `of` those that are featured."""

    command = "gallery"

    of: Word

    async def handle(self, interaction: Interaction) -> None:
        """Show it in an ephemeral message."""
        await show_picture(interaction, self.ids[0])


@dataclass(frozen=True)
class GalleryCard:
    """A picture of a page: its publication, its file if that can be read, its LoRAs by name, and a prompt to show."""

    publication: Publication
    picture: PictureFile | None
    loras: Sequence[str]
    prompt: str  # "" where the author keeps it private


async def list_items(
    interaction: Interaction, page: RenderedMessage, publications: Sequence[Publication]
) -> list[ui.Item[Any]]:
    """The pictures of a page with their numbers. Raises DatabaseError."""
    cards = [await _card(interaction, one) for one in publications]
    lines = bounded_lines([f"{n}. {_card_line(card)}" for n, card in enumerate(cards, 1)], MAX_LINES)
    return _items(page, cards, lines, OpenPictureMenu("list").offering(_options(cards), _("Open a picture")))


async def featured_items(interaction: Interaction, page: RenderedMessage, server_id: int) -> list[ui.Item[Any]]:
    """The section of what staff have featured lately, with who and when. Raises DatabaseError."""
    db, place = interaction.client.db, (await published_here(interaction)).parameters
    features = await db.all(FEATURED_PUBLICATIONS, server=server_id, since=0, limit=FEATURED, offset=0, **place)
    by_id = {each.target_id: each for each in features}
    shown = {one.id: one for one in await db.all(FIND_ALL_SHOWN, ids=[*by_id], **place)}
    cards = [await _card(interaction, shown[each]) for each in by_id if each in shown]
    lines = [f"{_card_line(card)}\n-# {featured_text(by_id[card.publication.id])}" for card in cards]
    menu = OpenPictureMenu("featured").offering(_options(cards), _("Open a featured picture"))
    items = _items(page, cards, bounded_lines(lines, MAX_FEATURED), menu)
    return [ui.Container[Any](ui.TextDisplay[Any](f"### {_('Featured')}"), *items)] if items else []


def _items(
    page: RenderedMessage, cards: Sequence[GalleryCard], lines: Sequence[str], menu: OpenPictureMenu
) -> list[ui.Item[Any]]:
    """The pictures in one gallery, a line about each, and the menu that opens them."""
    if not cards:
        return []
    pictures = [
        discord.MediaGalleryItem(page.attach(card.picture), description=_alt_text(n, card))
        for n, card in enumerate(cards, 1)
        if card.picture is not None
    ]
    gallery = [ui.MediaGallery[Any](*pictures)] if pictures else []
    return [*gallery, ui.TextDisplay[Any]("\n".join(lines)), ui.ActionRow[Any](menu)]


async def _card(interaction: Interaction, publication: Publication) -> GalleryCard:
    client = interaction.client
    job = await client.db.one(FIND_JOB, publication.job_id)
    picture = await file_of(interaction, publication)
    request = job.request.only(publication.position) if job else None
    loras = [use.name for use in request.loras] if request else []
    prompt = prompt_text(request) if request and publication.shows_prompt else ""
    return GalleryCard(publication, picture, loras, prompt)


def _card_line(card: GalleryCard) -> str:
    one = card.publication
    parts = [
        _("by {person}").format(person=mention(one.person_id)),
        f"**{plain(one.checkpoint, 60)}**",
        several(card.loras, MAX_LORAS),
        _likes(one.likes),
        f"<t:{one.created_at // 1000}:R>",
    ]
    return " · ".join(filter(None, parts))


def _likes(count: int) -> str:
    return ngettext("{count} like", "{count} likes", count).format(count=number(count)) if count else ""


def _alt_text(n: int, card: GalleryCard) -> str:
    text = _("Picture {number}, generated with {checkpoint}")
    return text.format(number=n, checkpoint=plain(card.publication.checkpoint, 60))


def _options(cards: Sequence[GalleryCard]) -> list[discord.SelectOption]:
    return [_option(n, card) for n, card in enumerate(cards, 1)]


def _option(n: int, card: GalleryCard) -> discord.SelectOption:
    """What tells a picture best comes first: its prompt, its LoRAs, its checkpoint."""
    one = card.publication
    name, *rest = [on_a_label(each) for each in (card.prompt, ", ".join(card.loras), one.checkpoint) if each]
    about = " · ".join(filter(None, [*rest, _likes(one.likes)]))
    return discord.SelectOption(label=f"{n}. {name}", value=str(one.id), description=about[:MAX_OPTION] or None)
