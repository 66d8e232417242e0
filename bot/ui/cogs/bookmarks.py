"""`/bookmarks`: the LoRAs that a person saved."""

from __future__ import annotations

from typing import Annotated

from discord import app_commands

from bot.database.bookmarks.bookmarks import MAX_NOTE, add_bookmark, set_note
from bot.database.loras.catalogue import Lora, Sort
from bot.errors.missing import NothingThere
from bot.i18n import _
from bot.i18n.texts import clipped
from bot.moderation.word_rules import TextKind
from bot.ui.access import checkpoints_here, words_here
from bot.ui.client import Cog, Interaction
from bot.ui.cogs.autocomplete import suggest_base_filters, suggest_loras
from bot.ui.cogs.options import OneOf, narrowed
from bot.ui.views.bookmarks.bookmarks import open_bookmarks
from bot.ui.views.loras.buttons import named_here
from bot.ui.views.loras.page import MAX_SHOWN_NAME, bookmarked_text
from bot.workspace.browsing import MAX_SEARCH, first_of_bookmarks
from inference.lora.beside.categories import Category


class BookmarksCog(Cog):
    """A person's bookmarks."""

    @app_commands.command(name="bookmarks")
    @app_commands.describe(
        search="Words to find in names, trigger words and your notes",
        category="Category of the LoRA",
        base="LoRAs that fit this base model (default: your model's)",
        sort="Sort order (default: newest first)",
        add="LoRA to add to your bookmarks",
        note="Note for the LoRA that you bookmark",
    )
    @app_commands.autocomplete(add=suggest_loras, base=suggest_base_filters)
    async def bookmarks(
        self,
        interaction: Interaction,
        search: app_commands.Range[str, 1, MAX_SEARCH] | None = None,
        category: Annotated[Category, OneOf(Category)] | None = None,
        base: str | None = None,
        sort: Annotated[Sort, OneOf(Sort)] | None = None,
        add: str | None = None,
        note: app_commands.Range[str, 0, MAX_NOTE] | None = None,
    ) -> None:
        """See, search, use or remove your saved LoRAs."""
        db, person_id = self._client.db, interaction.user.id
        query = await first_of_bookmarks(db, await checkpoints_here(interaction), person_id)
        said = ""
        if add:
            lora = await self._client.requests.lora(add)
            await (await words_here(interaction)).check(note or "", TextKind.NOTE, lora.content_rating)
            said = await self._add(person_id, await named_here(interaction, lora), note or "")
            query = query.but(base_model=None)  # so that the new bookmark is shown
        elif note is not None:
            raise NothingThere(
                what=_("*note* works only together with *add*. In *add*, choose the LoRA that the note is for.")
            )
        query = narrowed(query, search=search, category=category, base=base, sort=sort)
        await open_bookmarks(interaction, query, said)

    async def _add(self, person_id: int, lora: Lora, note: str) -> str:
        """Save a bookmark, or change the note to one that is there; the sentence that says which."""
        name = clipped(lora.name, MAX_SHOWN_NAME)
        if await add_bookmark(self._client.db, person_id, lora.id, note):
            return bookmarked_text(lora)
        if not note:
            return _("Already bookmarked: {names}.").format(names=name)
        await set_note(self._client.db, person_id, lora.id, note)
        return _("Already bookmarked: {names}. Your note has been updated.").format(names=name)
