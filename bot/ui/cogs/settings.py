"""`/settings`: a person's own defaults."""

from __future__ import annotations

from typing import Literal

from discord import app_commands

from bot.database.people.preferences import Preferences, find_preferences, save_preferences
from bot.ui.client import Cog, Interaction
from bot.ui.cogs.autocomplete import suggest_checkpoints
from bot.ui.interactions.replies import send_ephemeral
from bot.ui.views.people.settings import settings_view

AS_USUAL = "default"


class SettingsCog(Cog):
    """A person's defaults for what a request leaves open."""

    @app_commands.command(name="settings")
    @app_commands.describe(
        checkpoint="Your default model",
        size="Your default picture shape",
        results="Visibility of your pictures",
        prompts="Visibility of your prompts under your pictures and in the picture files",
        reset="Reset your earlier choices to the defaults",
    )
    @app_commands.autocomplete(checkpoint=suggest_checkpoints)
    async def settings(
        self,
        interaction: Interaction,
        checkpoint: str | None = None,
        size: Literal["square", "portrait", "landscape", "default"] | None = None,
        results: Literal["everyone sees them", "only I see them"] | None = None,
        prompts: Literal["shown with my pictures", "private"] | None = None,
        reset: bool = False,
    ) -> None:
        """Set your default model, size and visibility. Without options, this command opens a panel."""
        db, person_id = self._client.db, interaction.user.id
        before = Preferences() if reset else await find_preferences(db, person_id)
        chosen: dict[str, object] = {}
        if checkpoint is not None:
            chosen["checkpoint"] = self._client.configuration.checkpoints.require(checkpoint).name
        if size is not None:
            chosen["size"] = None if size == AS_USUAL else size
        if results is not None:
            chosen["private"] = results == "only I see them"
        if prompts is not None:
            chosen["shows_prompt"] = prompts == "shown with my pictures"
        preferences = before.model_copy(update=chosen)
        if chosen or reset:
            await save_preferences(db, person_id, preferences)
        await send_ephemeral(interaction, await settings_view(interaction, preferences))
