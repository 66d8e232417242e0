"""What people do with a published picture, wherever its buttons are: in its post, in the gallery, on a LoRA's page.

Each asks anew whether the picture is still there and shown where the person is.
"""

from __future__ import annotations

from bot.i18n import _
from bot.ui.access import checkpoints_here, require_open, require_published, unseen_here
from bot.ui.client import Interaction
from bot.ui.views.results.details import bookmark_loras
from bot.workspace.remix import remixed, with_same_loras
from inference.parameters import recipe_of


async def use_same(interaction: Interaction, publication_id: int) -> None:
    """Put the LoRAs of the picture into the person's studio, in place of those there; the words stay.

    Says what does not fit the person's checkpoint. Raises NotPublished or DatabaseError.
    """
    client, (publication, job) = interaction.client, await require_published(interaction, publication_id)
    snapshot = await client.studios.snapshot(interaction)
    limit = client.configuration.settings.limits.max_loras
    same = await with_same_loras(
        client.db, snapshot.checkpoints, job, snapshot.draft(), limit=limit, position=publication.position
    )
    note = _("Your studio now has only this picture's LoRAs. Your prompt and model did not change.")
    await client.studios.open_with(interaction, same.draft, "\n".join([note, *same.notes]))


async def remix_published(interaction: Interaction, publication_id: int) -> None:
    """Fill the person's studio from the picture.

    Raises NotPublished, PictureReported, TakenDown or DatabaseError.
    """
    client, (publication, job) = interaction.client, await require_published(interaction, publication_id)
    await require_open(interaction, job)
    again = await remixed(
        client.db, await checkpoints_here(interaction), job, interaction.user.id,
        limit=client.configuration.settings.limits.max_loras, server_id=publication.server_id,
        unseen=await unseen_here(interaction), position=publication.position,
    )  # fmt: skip
    await client.studios.open_with(interaction, again.draft, "\n".join(again.notes))


async def bookmark_published(interaction: Interaction, publication_id: int) -> None:
    """Bookmark the LoRAs of the picture, and say which are new. Raises NotPublished, NothingThere or DatabaseError."""
    publication, job = await require_published(interaction, publication_id)
    await bookmark_loras(interaction, recipe_of(job.request.only(publication.position)).loras)
