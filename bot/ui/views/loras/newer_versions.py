"""Newer versions of what a person has among the bookmarks: the notice in the list, and adding one by a press."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from discord import ui

from bot.database.additions.hub_looks import LOOK_WITH_NEWER, LOOKS_OF, MARK_UPDATES_TOLD, UNTOLD_UPDATES
from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.loras.catalogue import Lora, find_loras_by_id
from bot.database.loras.search import Shown
from bot.errors.missing import NothingThere
from bot.i18n import _, later
from bot.i18n.texts import clipped, several
from bot.sources.claims.provenance import HubFile, hub_files
from bot.sources.hubs.remote import RemoteVersion
from bot.sources.updates import link_of
from bot.ui.access import shown_ratings
from bot.ui.client import Interaction
from bot.ui.interactions.replies import send_ephemeral
from bot.ui.rendered_message import view_of
from bot.ui.views.additions.links import add_linked
from bot.ui.views.additions.progress import require_may_add
from bot.ui.views.custom_ids import IdPart
from bot.ui.views.loras.origin import may_add, newer_button
from bot.ui.views.loras.origin_text import newer_text
from bot.ui.views.loras.page import LoraPageButton
from bot.ui.views.persistent_items import PersistentButton

MAX_SHOWN = 6  # LoRAs in one message, with up to six components each
MAX_NEWER = 3  # of one LoRA
MAX_NAME = 80
MAX_NAMES = 200  # characters of names in the notice


class AddNewerButton(PersistentButton, prefix="newer"):
    """Adds a newer version, named by its SHA-256. The older one stays for stacks and pictures that name it.

    Messages from before name the SHA-256 of the older file.
    """

    command = "lora"
    sends_message = True
    label = later("Add LoRA")

    sha256: Annotated[str, IdPart(r"[0-9a-f]{64}")]

    async def handle(self, interaction: Interaction) -> None:
        """Add it, in a message of its own. Raises SourceError and other RequestErrors."""
        await require_may_add(interaction)
        db = interaction.client.db
        named = await db.one(LOOK_WITH_NEWER, self.sha256)
        looks = await db.all(LOOKS_OF, [self.sha256]) if named is None else [named]
        told = [RemoteVersion.model_validate_json(look.newer) for look in looks if look.newer is not None]
        link = link_of(told[0]) if told else None
        if link is None:
            raise NothingThere(what=_("The newer version is no longer available."))
        await add_linked(interaction, link)


class NewerVersionsButton(PersistentButton, prefix="newerlist"):
    """Shows the newer versions of the person's bookmarks that they have not seen."""

    command = "bookmarks"
    sends_message = True
    label = later("Show newer versions")

    async def handle(self, interaction: Interaction) -> None:
        """Show them in an ephemeral message; then they are told. Raises NothingThere or DatabaseError."""
        db, person_id = interaction.client.db, interaction.user.id
        read_at = now_ms()
        loras = await loras_to_tell(db, person_id, await shown_ratings(interaction))
        if not loras:
            raise NothingThere(what=_("You have seen all newer versions of the LoRAs that you bookmarked."))
        view = await newer_view(db, loras, adds=await may_add(interaction))
        await send_ephemeral(interaction, view)
        await db.run(MARK_UPDATES_TOLD, person=person_id, ids=[lora.id for lora in loras], until=read_at)


async def loras_to_tell(db: Database, person_id: int, shown: Shown) -> list[Lora]:
    """The first bookmarked entries with a newer version that the person has not seen, of ratings that are shown.

    At most MAX_SHOWN. Raises DatabaseError.
    """
    loras = await find_loras_by_id(db, await db.all(UNTOLD_UPDATES, person_id))
    return [lora for lora in loras if shown is None or lora.content_rating in shown][:MAX_SHOWN]


async def newer_view(db: Database, loras: Sequence[Lora], *, adds: bool) -> ui.LayoutView:
    """What is newer of each entry, with buttons that add it for who `adds`. Raises DatabaseError."""
    parts: list[str | ui.Item[Any]] = [f"## {_('Newer versions of your bookmarked LoRAs')}"]
    for lora in loras:
        newer = _newer(await hub_files(db, list(lora.usable)))
        lines = [f"**{clipped(lora.name, MAX_NAME)}**", *map(newer_text, newer[:MAX_NEWER])]
        if (more := len(newer) - MAX_NEWER) > 0:
            lines.append("-# " + _("Newer versions not shown here: {count}").format(count=more))
        buttons = [newer_button(file) for file in newer[:MAX_NEWER]] if adds else []
        parts += ["\n".join(lines), ui.ActionRow[Any](*buttons, LoraPageButton(lora.id))]
    return view_of(*parts, "-# " + _("Your stacks and pictures keep the version that they were made with."))


def _newer(files: Sequence[HubFile]) -> list[HubFile]:
    return list({file.look.newer_sha256: file for file in files if file.newer is not None}.values())


def notice_text(loras: Sequence[Lora]) -> str:
    """That there are newer versions of these bookmarks."""
    names = several((lora.name for lora in loras), MAX_NAMES)
    return _("{names}: newer versions are available.").format(names=names)
