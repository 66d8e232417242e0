"""What people do with a published picture, wherever its buttons are: in its post, in the gallery, on a LoRA's page.

Each asks anew whether the picture is still there and shown where the person is.
"""

from __future__ import annotations

from bot.i18n import _
from bot.ui.access import require_published
from bot.ui.client import Interaction
from bot.workspace.remix import with_same_loras


async def use_same(interaction: Interaction, publication_id: int) -> None:
    """Put the LoRAs of the picture into the person's studio, in place of those there; the words stay.

    Says what does not fit the person's checkpoint. Raises NotPublished or DatabaseError.
    """
    client, (_publication, job) = interaction.client, await require_published(interaction, publication_id)
    snapshot = await client.studios.snapshot(interaction)
    limit = client.configuration.settings.limits.max_loras
    same = await with_same_loras(client.connection, snapshot.checkpoints, job, snapshot.draft(), limit=limit)
    note = _("Your studio has the LoRAs of this picture now; your words and your checkpoint stay.")
    await client.studios.open_with(interaction, same.draft, "\n".join([note, *same.notes]))
