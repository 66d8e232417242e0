"""`/sweep`: one LoRA at several weights on one sheet."""

from __future__ import annotations

from discord import app_commands
from discord.app_commands import Range

from bot.database.loras.catalogue import Lora
from bot.errors.missing import NothingThere
from bot.i18n import _
from bot.requests.builder import DEFAULT_WEIGHT, LoraDraft, RequestDraft
from bot.requests.regions import own_words
from bot.requests.variants import Sweep, read_weights, usual_weights
from bot.ui.client import Cog, Interaction
from bot.ui.cogs.autocomplete import suggest_checkpoints, suggest_loras
from bot.ui.views.loras.text import example_prompt
from bot.visible_text import is_blank
from inference.bounds import MAX_PROMPT, SEEDS


class SweepCog(Cog):
    """Orders a sweep of a LoRA's weight."""

    @app_commands.command(name="sweep", extras={"public": True})
    @app_commands.describe(
        lora="LoRA to try",
        weights="Three to five weights, such as 0.4 0.6 0.8 1.0",
        prompt="Prompt (default: the one in your studio)",
        checkpoint="Model to use",
        seed="Seed for all pictures",
    )
    @app_commands.autocomplete(lora=suggest_loras, checkpoint=suggest_checkpoints)
    async def sweep(
        self,
        interaction: Interaction,
        lora: str,
        weights: Range[str, 1, 60] | None = None,
        prompt: Range[str, 1, MAX_PROMPT] | None = None,
        checkpoint: str | None = None,
        seed: Range[int, 0, SEEDS - 1] | None = None,
    ) -> None:
        """See what a LoRA's weight does: the same picture at three to five weights."""
        entry = await self._client.requests.lora(lora)
        snapshot = await self._client.studios.snapshot(interaction)
        fitting, studios = snapshot.checkpoints.names_for(entry), snapshot.checkpoint.name
        # The studio's if the LoRA fits it, else the first that it fits.
        painting = checkpoint or (studios if studios in fitting or not fitting else fitting[0])
        offered = (
            prompt,
            own_words(snapshot.studio.draft),
            example_prompt(self._client.requests.checkpoints, entry, painting),
        )
        words = next((text for text in offered if text and not is_blank(text)), "")
        if not words:
            raise NothingThere(what=_("Please fill in *prompt* to say what to generate."))
        draft = RequestDraft(
            prompt=words,
            checkpoint=painting,
            loras=(LoraDraft(name=f"#{entry.id}"),),
            seed=seed,
            sweep=Sweep(position=0, weights=read_weights(weights) if weights else usual_weights(_recommended(entry))),
        )
        await self._client.orders.paint(interaction, draft)


def _recommended(lora: Lora) -> float:
    weight = next((v.recommended_weight for v in lora.usable if v.recommended_weight is not None), None)
    return DEFAULT_WEIGHT if weight is None else weight
