"""`/history`: one's own pictures."""

from __future__ import annotations

from discord import app_commands

from bot.ui.client import Cog, Interaction
from bot.ui.cogs.autocomplete import suggest_checkpoints, suggest_loras
from bot.ui.views.jobs.history import MAX_SEARCH, History, HistoryQuery
from bot.ui.views.list_page import ListRef


class HistoryCog(Cog):
    """A person's own pictures."""

    @app_commands.command(name="history")
    @app_commands.describe(
        search="Words to find in prompts, model names and LoRA names",
        lora="Only pictures with this LoRA",
        checkpoint="Only pictures generated with this model",
    )
    @app_commands.autocomplete(lora=suggest_loras, checkpoint=suggest_checkpoints)
    async def history(
        self,
        interaction: Interaction,
        search: app_commands.Range[str, 1, MAX_SEARCH] | None = None,
        lora: str | None = None,
        checkpoint: str | None = None,
    ) -> None:
        """Find your own pictures, open them again and keep working on them."""
        client, checkpoints = self._client, self._client.configuration.checkpoints
        chosen = (await client.requests.lora(lora)).id if lora else None
        query = HistoryQuery(
            lora=chosen,
            checkpoint=checkpoints.require(checkpoint).name if checkpoint else None,
            search=" ".join((search or "").split()),
        )
        await ListRef(History.key, str(query)).open(interaction)
