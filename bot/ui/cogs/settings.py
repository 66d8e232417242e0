"""`/settings`: a person's own defaults."""

from __future__ import annotations

from typing import Literal

from discord import app_commands

from bot.database.preferences import Preferences, find_preferences, save_preferences
from bot.i18n import _
from bot.i18n.texts import plain
from bot.ui.client import Cog, Interaction
from bot.ui.cogs.autocomplete import suggest_checkpoints
from bot.ui.replies import send_ephemeral_text

AS_USUAL = "as usual"


class SettingsCog(Cog):
    """A person's defaults for what a request leaves open."""

    @app_commands.command(name="settings")
    @app_commands.describe(
        checkpoint="Which model paints when you name none",
        size="The shape of pictures when you name none",
        results="Who sees your pictures",
        prompts="Whether your prompts stand under your pictures, and inside their files",
        reset="Forget what you chose before",
    )
    @app_commands.autocomplete(checkpoint=suggest_checkpoints)
    async def settings(
        self,
        interaction: Interaction,
        checkpoint: str | None = None,
        size: Literal["square", "portrait", "landscape", "as usual"] | None = None,
        results: Literal["everybody sees them", "only I see them"] | None = None,
        prompts: Literal["shown with my pictures", "kept to myself"] | None = None,
        reset: bool = False,
    ) -> None:
        """Your defaults: checkpoint, size, and who sees your pictures. Without a choice: what they are."""
        connection, person_id = self._client.connection, interaction.user.id
        before = Preferences() if reset else await find_preferences(connection, person_id)
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
            await save_preferences(connection, person_id, preferences)
        await send_ephemeral_text(interaction, self._summary(preferences))

    def _summary(self, preferences: Preferences) -> str:
        checkpoints = self._client.configuration.checkpoints
        usual = _("as usual")
        checkpoint = usual if preferences.checkpoint is None else plain(preferences.checkpoint)
        if preferences.checkpoint is not None and checkpoints.find(preferences.checkpoint) is None:
            checkpoint = _("{checkpoint}, which is not installed any more").format(checkpoint=checkpoint)
        shapes = {"square": _("square"), "portrait": _("portrait"), "landscape": _("landscape")}
        lines = [
            f"## {_('Your settings')}",
            _("Checkpoint: **{checkpoint}**").format(checkpoint=checkpoint),
            _("Size: **{size}**").format(size=shapes.get(preferences.size or "", usual)),
            _("Results: **only you see them**") if preferences.private else _("Results: **everybody sees them**"),
            _("Prompts: **shown with your pictures**")
            if preferences.shows_prompt
            else _("Prompts: **kept to yourself**"),
            "-# " + _("They hold wherever you name nothing else. Change them with the options of /settings."),
        ]
        return "\n".join(lines)
