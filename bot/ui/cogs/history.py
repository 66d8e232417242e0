"""`/history`: one's own pictures."""

from __future__ import annotations

from discord import app_commands

from bot.ui.client import Cog, Interaction
from bot.ui.cogs.autocomplete import suggest_checkpoints, suggest_loras
from bot.ui.replies import send_ephemeral
from bot.ui.views.history import MAX_SEARCH, HistoryQuery, history
from inference.errors import CheckpointNotFound


class HistoryCog(Cog):
    """A person's own pictures."""

    @app_commands.command(name="history")
    @app_commands.describe(
        search="Words of the prompt, a LoRA or a checkpoint",
        lora="Only pictures with this LoRA",
        checkpoint="Only pictures of this checkpoint",
    )
    @app_commands.autocomplete(lora=suggest_loras, checkpoint=suggest_checkpoints)
    async def history(
        self,
        interaction: Interaction,
        search: app_commands.Range[str, 1, MAX_SEARCH] | None = None,
        lora: str | None = None,
        checkpoint: str | None = None,
    ) -> None:
        """Your own pictures: find them, open them again, go on from them."""
        easel = self._client.easel
        chosen = (await easel.requests.lora(lora)).id if lora else None
        query = HistoryQuery(
            lora=chosen,
            checkpoint=self._installed(checkpoint) if checkpoint else None,
            search=" ".join((search or "").split()),
        )
        page = await history(easel, interaction.user.id, query)
        await send_ephemeral(interaction, page.view, page.files)

    def _installed(self, name: str) -> str:
        settings = self._client.easel.settings
        found = settings.checkpoint(name)
        if found is None:
            raise CheckpointNotFound(name=name[:100], installed=[each.name for each in settings.checkpoints])
        return found.name
