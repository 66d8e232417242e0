"""Opening, changing and redrawing the studio of whoever asks for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import discord
from pydantic import ValidationError

from bot.app.assembly import Easel
from bot.config import CheckpointSettings
from bot.database.connection import transaction
from bot.database.loras import Lora
from bot.database.preferences import Preferences, find_preferences
from bot.database.studio import StudioState, fill_studio, find_studio, go_back, save_studio
from bot.i18n import _
from bot.i18n.texts import plain
from bot.requests.builder import Wish
from bot.requests.preferences import default_checkpoint
from bot.ui import acknowledge
from bot.ui.rendered_message import RenderedMessage
from bot.ui.replies import send_ephemeral
from bot.workspace.studio_draft import Row, Studio, StudioLora, examine, studio_of
from inference.errors import CheckpointNotFound, TooManyLoras

Interaction = discord.Interaction[Any]  # of whichever client: what stands here is below it

RenderPanel = Callable[[Easel, "StudioSnapshot", str], Awaitable[RenderedMessage]]


@dataclass(frozen=True)
class StudioSnapshot:
    """A person's studio as it stands now: the draft, the checkpoint that it comes to, and each LoRA on it.

    `revision` tells which state a panel shows, `undoable` that an earlier draft can be brought back.
    """

    person_id: int
    studio: Studio
    revision: int
    undoable: bool
    preferences: Preferences
    checkpoint: CheckpointSettings
    rows: list[Row]

    @property
    def fitting(self) -> list[Row]:
        """The LoRAs that will be painted with."""
        return [row for row in self.rows if row.refusal is None]

    @property
    def misfits(self) -> list[Row]:
        """The LoRAs that cannot be used on this checkpoint."""
        return [row for row in self.rows if row.refusal is not None]

    def wish(self, *, without_misfits: bool = False) -> Wish:
        """What is to be painted."""
        leaving_out = {row.lora.lora_id for row in self.misfits} if without_misfits else ()
        wish = self.studio.whole_wish(leaving_out=leaving_out)
        return wish.model_copy(update={"checkpoint": self.checkpoint.name})


class StudioSessions:
    """Every person's studio. `render` makes the panel of a standing."""

    def __init__(self, easel: Easel, render: RenderPanel) -> None:
        self._easel = easel
        self._render = render

    async def open(self, interaction: Interaction, note: str = "") -> None:
        """Show the person their studio as it is, in a message that only they see."""
        await self._send_ephemeral(interaction, await self.snapshot(interaction.user.id), note)

    async def open_with(self, interaction: Interaction, wish: Wish, note: str = "") -> None:
        """Fill the person's studio from `wish` and show it in a message that only they see.

        For *Edit* and *Remix* of a job: `open_with(interaction, wish_of(job.request))`. LoRAs that no longer fit, and
        those whose file is gone, stay visible with their reason; the draft that was there before can be brought
        back by a button of the panel. Raises LoraNotFound for a LoRA that the library never knew.
        """
        studio = await studio_of(self._easel.requests, wish)
        await self.fill(interaction.user.id, studio)
        await self.open(interaction, note or _("Your studio was filled anew."))

    async def open_with_lora(self, interaction: Interaction, lora: Lora) -> None:
        """Put a LoRA into the person's studio and show it in a message that only they see. Raises TooManyLoras."""
        note = await self.add(interaction.user.id, lora)
        await self.open(interaction, note)

    async def snapshot(self, person_id: int) -> StudioSnapshot:
        """The person's studio as it stands now."""
        draft = await find_studio(self._easel.connection, person_id)
        return await self._snapshot(person_id, draft)

    async def change(self, person_id: int, change: Callable[[Studio], Studio]) -> StudioSnapshot:
        """Change the draft; two changes at once come one after the other."""
        async with transaction(self._easel.connection):
            draft = await find_studio(self._easel.connection, person_id)
            changed = change(_studio(draft))
            draft = await save_studio(self._easel.connection, person_id, changed.model_dump_json())
        return await self._snapshot(person_id, draft)

    async def fill(self, person_id: int, studio: Studio) -> None:
        """Put another draft in the place of the person's; what was there can be brought back."""
        draft = await find_studio(self._easel.connection, person_id)
        worth_keeping = _studio(draft) not in (Studio(), studio)
        keep = fill_studio if worth_keeping else save_studio
        await keep(self._easel.connection, person_id, studio.model_dump_json())

    async def undo(self, person_id: int) -> StudioSnapshot:
        """Bring back the draft from before the studio was filled; nothing happens when there is none."""
        await go_back(self._easel.connection, person_id)
        return await self.snapshot(person_id)

    async def add(self, person_id: int, lora: Lora) -> str:
        """Put an entry into the draft; what the person should know of it. Raises TooManyLoras.

        The first LoRA of a draft brings a checkpoint along that it fits; a later one must make do with what is chosen.
        """
        snapshot = await self.snapshot(person_id)
        fitting = self._easel.requests.checkpoints_for(lora)
        others = [row for row in snapshot.rows if row.lora.lora_id != lora.id]
        brought = fitting[0] if fitting and not others and snapshot.checkpoint.name not in fitting else None
        limit = self._easel.settings.limits.max_loras

        def put(studio: Studio) -> Studio:
            if not studio.has(lora.id) and len(studio.loras) >= limit:
                raise TooManyLoras(count=len(studio.loras) + 1, limit=limit)
            added = studio if studio.has(lora.id) else studio.with_lora(StudioLora(lora_id=lora.id, name=lora.name))
            added = added.model_copy(update={"focus": lora.id})
            return added.wished(checkpoint=brought) if brought else added

        await self.change(person_id, put)
        if not brought:
            return ""
        return _("{lora} fits {checkpoint}, so that is chosen now.").format(lora=plain(lora.name), checkpoint=brought)

    async def redraw(self, interaction: Interaction, snapshot: StudioSnapshot, note: str = "") -> None:
        """Show the studio in place of the panel that was used."""
        if interaction.response.type is discord.InteractionResponseType.deferred_channel_message:
            await self._send_ephemeral(interaction, snapshot, note)  # another message was announced already
            return
        page = await self._render(self._easel, snapshot, note)
        await acknowledge.replace(interaction, page.view, page.files)

    async def _send_ephemeral(self, interaction: Interaction, snapshot: StudioSnapshot, note: str) -> None:
        page = await self._render(self._easel, snapshot, note)
        await send_ephemeral(interaction, page.view, page.files)

    async def _snapshot(self, person_id: int, draft: StudioState | None) -> StudioSnapshot:
        studio = _studio(draft)
        preferences = await find_preferences(self._easel.connection, person_id)
        settings = self._easel.settings
        chosen = settings.checkpoint(studio.wish.checkpoint) if studio.wish.checkpoint else None
        checkpoint = chosen or default_checkpoint(settings, preferences)
        if checkpoint is None:
            raise CheckpointNotFound(name=_("at all"), installed=[])
        return StudioSnapshot(
            person_id=person_id,
            studio=studio,
            revision=draft.revision if draft else 0,
            undoable=draft is not None and draft.undoable,
            preferences=preferences,
            checkpoint=checkpoint,
            rows=await examine(self._easel.requests, studio.loras, checkpoint.name),
        )


def _studio(draft: StudioState | None) -> Studio:
    """The draft; a new one when there is none, or when another version of Easel wrote it in a way of its own."""
    try:
        return Studio() if draft is None else Studio.model_validate_json(draft.state)
    except ValidationError:
        return Studio()
