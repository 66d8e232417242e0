"""`/stack`: named sets of LoRAs."""

from __future__ import annotations

from discord import app_commands
from discord.app_commands import Range
from discord.ext import commands

from bot.database.bookmarks.stacks import DELETE_STACK, MAX_NAME, rename_stack, stack_name
from bot.database.people.preferences import find_preferences
from bot.errors.bookmarks import StackNameTaken
from bot.i18n import _
from bot.i18n.texts import plain
from bot.requests.builder import RequestDraft, preferred
from bot.ui.access import checkpoints_here, shown_ratings, words_here
from bot.ui.client import Cog, Interaction
from bot.ui.cogs.autocomplete import suggest_checkpoints, suggest_stacks
from bot.ui.interactions.replies import send_ephemeral_text
from bot.ui.views.bookmarks.stack_draft import with_stack
from bot.ui.views.bookmarks.stacks import StackList, import_shared, saved_text, show_share_code, use_stack
from bot.ui.views.list_page import ListRef
from bot.workspace.stacks import check_name, keep_stack, require_stack, uses_of_rows
from inference.bounds import MAX_PROMPT, SEEDS

Name = Range[str, 1, MAX_NAME]


class StackCog(Cog, commands.GroupCog, group_name="stack", group_description="Your named sets of LoRAs"):
    """A person's stacks."""

    @app_commands.command(name="save")
    @app_commands.describe(name="Name for the new stack")
    async def save(self, interaction: Interaction, name: Name) -> None:
        """Save the LoRAs and weights of your studio under a name."""
        snapshot = await self._client.studios.snapshot(interaction)
        client, person_id = self._client, interaction.user.id
        words = await words_here(interaction)
        stack = await keep_stack(client.db, words, person_id, name, uses_of_rows(snapshot.rows, snapshot.studio))
        await send_ephemeral_text(interaction, await saved_text(interaction, stack))

    @app_commands.command(name="use")
    @app_commands.describe(name="Name of the stack")
    @app_commands.autocomplete(name=suggest_stacks)
    async def use(self, interaction: Interaction, name: Name) -> None:
        """Load a stack into your studio."""
        await use_stack(interaction, await require_stack(self._client.db, interaction.user.id, name))

    @app_commands.command(name="list")
    async def list(self, interaction: Interaction) -> None:
        """See your stacks, and the models they fit."""
        await ListRef(StackList.key).open(interaction)

    @app_commands.command(name="share")
    @app_commands.describe(name="Name of the stack")
    @app_commands.autocomplete(name=suggest_stacks)
    async def share(self, interaction: Interaction, name: Name) -> None:
        """Get a code that lets others copy a stack."""
        await show_share_code(interaction, await require_stack(self._client.db, interaction.user.id, name))

    @app_commands.command(name="import")
    @app_commands.describe(code="Code that someone shared with you")
    async def import_(self, interaction: Interaction, code: Range[str, 1, 40]) -> None:
        """Get a copy of a stack that someone shared."""
        await import_shared(interaction, code)

    @app_commands.command(name="compare", extras={"public": True})
    @app_commands.describe(
        name="Name of the stack",
        prompt="Describe the picture",
        checkpoint="Model to use",
        seed="Seed for all pictures",
    )
    @app_commands.autocomplete(name=suggest_stacks, checkpoint=suggest_checkpoints)
    async def compare(
        self,
        interaction: Interaction,
        name: Name,
        prompt: Range[str, 1, MAX_PROMPT],
        checkpoint: str | None = None,
        seed: Range[int, 0, SEEDS - 1] | None = None,
    ) -> None:
        """See what each LoRA in a stack does: compare pictures with all LoRAs and with each one left out."""
        preferences = await find_preferences(self._client.db, interaction.user.id)
        draft = RequestDraft(prompt=prompt, checkpoint=checkpoint, seed=seed, compare=True)
        draft = preferred(draft, await checkpoints_here(interaction), preferences)
        shown = await shown_ratings(interaction)
        draft = await with_stack(self._client.db, self._client.requests, interaction.user.id, draft, name, shown)
        await self._client.orders.paint(interaction, draft, preferences)

    @app_commands.command(name="delete")
    @app_commands.describe(name="Name of the stack")
    @app_commands.autocomplete(name=suggest_stacks)
    async def delete(self, interaction: Interaction, name: Name) -> None:
        """Delete a stack. Other users keep their copies."""
        stack = await require_stack(self._client.db, interaction.user.id, name)
        await self._client.db.run(DELETE_STACK, id=stack.id, person=interaction.user.id)
        await send_ephemeral_text(interaction, _("Deleted {name}.").format(name=plain(stack.name)))

    @app_commands.command(name="rename")
    @app_commands.describe(name="Name of the stack", to="New name of the stack")
    @app_commands.autocomplete(name=suggest_stacks)
    async def rename(self, interaction: Interaction, name: Name, to: Name) -> None:
        """Rename a stack."""
        stack = await require_stack(self._client.db, interaction.user.id, name)
        await check_name(self._client.db, await words_here(interaction), to, stack.loras)
        if not await rename_stack(self._client.db, interaction.user.id, stack.id, to):
            raise StackNameTaken(name=stack_name(to))
        text = _("{name} is now called {new}.").format(name=plain(stack.name), new=plain(stack_name(to)))
        await send_ephemeral_text(interaction, text)
