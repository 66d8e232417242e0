"""Opens, changes and redraws the studio of a person."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import discord

from bot.config import CheckpointSettings
from bot.database.additions.disputes import disputes_for
from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.loras.catalogue import Lora, LoraVersion
from bot.database.loras.search import Shown
from bot.database.people.preferences import Preferences, find_preferences
from bot.database.people.studio import FIND_STUDIO, UNDO_STUDIO, StudioState, fill_studio, save_studio
from bot.errors.blocks import LoraDisputed
from bot.errors.jobs import TwoFewStepRecipes
from bot.i18n import _, explained
from bot.i18n.texts import lora_name, plain
from bot.library.configuration import Configuration
from bot.library.installed_checkpoints import InstalledCheckpoints
from bot.pictures.inputs import Input
from bot.requests.builder import RequestBuilder, default_checkpoint
from bot.requests.drafts import RequestDraft
from bot.requests.few_steps import NamedRecipe, far_from, recipe_of
from bot.requests.usual import far_note
from bot.ui.interactions import acknowledge
from bot.ui.interactions.replies import send_ephemeral
from bot.ui.rendered_message import RenderedMessage
from bot.workspace.studio_draft import Row, Studio, StudioLora, examine, joining_fast, studio_of
from inference.errors import NoCheckpoints, TooManyLoras

Interaction = discord.Interaction[Any]  # of any client: this module ranks below `bot.ui.client`

RenderPanel = Callable[[Interaction, "StudioSnapshot", str], Awaitable[RenderedMessage]]


def request_is_in_studio() -> str:
    """Tell the user that the studio was filled from a request without a picture."""
    return _("Your studio now has this request's settings.")


@dataclass(frozen=True)
class StudioSnapshot:
    """A person's studio at one moment: the draft, the checkpoint it resolves to, and each LoRA matched against it.

    `checkpoints` are those of the place where the person is; the draft may have chosen another one elsewhere.
    `revision` identifies the state that a panel shows; `undoable` says that an earlier draft can be restored.
    """

    person_id: int
    studio: Studio
    revision: int
    undoable: bool
    preferences: Preferences
    checkpoint: CheckpointSettings
    checkpoints: InstalledCheckpoints
    rows: list[Row]
    fast: Row | None = None  # the few-step LoRA that joins by itself

    @property
    def recipe(self) -> NamedRecipe | None:
        """The few-step recipe that fills in what the draft leaves alone; None: there is none, or several."""
        try:
            return recipe_of(self.checkpoint, self._versions)
        except TwoFewStepRecipes:
            return None

    @property
    def recipe_warnings(self) -> list[str]:
        """What is wrong with the few-step recipes of the draft."""
        try:
            recipe = recipe_of(self.checkpoint, self._versions)
        except TwoFewStepRecipes as refusal:
            return [explained(refusal)]
        steps = self.studio.draft.steps
        far = None if recipe is None or steps is None else far_from(recipe.use, steps)
        return [far] if far else []

    @property
    def _versions(self) -> list[tuple[str, LoraVersion, float]]:
        rows = self.rows if self.fast is None else [*self.rows, self.fast]
        return [(row.name, row.version, row.weight) for row in rows if row.version is not None]

    @property
    def fitting(self) -> list[Row]:
        """The LoRAs that fit the checkpoint."""
        return [row for row in self.rows if row.refusal is None]

    @property
    def misfits(self) -> list[Row]:
        """The LoRAs that do not fit the checkpoint."""
        return [row for row in self.rows if row.refusal is not None]

    def draft(self, *, without_misfits: bool = False) -> RequestDraft:
        """The request of the draft."""
        leaving_out = {row.lora.lora_id for row in self.misfits} if without_misfits else ()
        draft = self.studio.whole_draft(leaving_out=leaving_out)
        return draft.model_copy(update={"checkpoint": self.checkpoint.name})


class StudioSessions:
    """The studios of all people. `render` makes the panel of a snapshot for the place of an interaction; `checkpoints`
    are those of a place, `shown` the content ratings of LoRAs that a place names."""

    def __init__(
        self,
        db: Database,
        configuration: Configuration,
        requests: RequestBuilder,
        render: RenderPanel,
        checkpoints: Callable[[Interaction], Awaitable[InstalledCheckpoints]],
        shown: Callable[[Interaction], Awaitable[Shown]],
    ) -> None:
        self._db = db
        self._configuration = configuration
        self._requests = requests
        self._render = render
        self._checkpoints = checkpoints
        self._shown = shown

    async def open(self, interaction: Interaction, note: str = "") -> None:
        """Show the person their studio in an ephemeral message."""
        await self._send_ephemeral(interaction, await self.snapshot(interaction), note)

    async def open_with(self, interaction: Interaction, draft: RequestDraft, note: str = "") -> None:
        """Fill the person's studio from `draft` and show it in an ephemeral message.

        For *Edit* and *Remix* of a job: `open_with(interaction, wish_of(job.request))`. LoRAs that no longer fit, and
        those whose file is missing, stay visible with the reason. A button of the panel restores the previous draft.
        Raises LoraNotFound for a LoRA that the library never had.
        """
        studio = await studio_of(self._requests, draft)
        await self._fill(interaction.user.id, studio)
        await self.open(interaction, note or _("Your studio now has this picture's settings."))

    async def snapshot(self, interaction: Interaction) -> StudioSnapshot:
        """The current state of the person's studio, with the checkpoints of the place where they are."""
        draft = await self._db.one(FIND_STUDIO, interaction.user.id)
        return await self._snapshot(interaction, draft)

    async def change(self, interaction: Interaction, change: Callable[[Studio], Studio]) -> StudioSnapshot:
        """Change the draft; concurrent changes are serialised."""
        person_id = interaction.user.id
        async with self._db.transaction():
            draft = await self._db.one(FIND_STUDIO, person_id)
            changed = change(_studio(draft))
            draft = await save_studio(self._db, person_id, changed.model_dump_json())
        return await self._snapshot(interaction, draft)

    async def apply(self, interaction: Interaction, change: Callable[[Studio], Studio]) -> StudioSnapshot:
        """Change the draft and redraw the panel that was used; the studio as it is then."""
        changed = await self.change(interaction, change)
        await self.redraw(interaction, changed)
        return changed

    async def _fill(self, person_id: int, studio: Studio) -> None:
        """Replace the person's draft; the previous one can be restored."""
        draft = await self._db.one(FIND_STUDIO, person_id)
        worth_keeping = _studio(draft) not in (Studio(), studio)
        keep = fill_studio if worth_keeping else save_studio
        await keep(self._db, person_id, studio.model_dump_json())

    async def undo(self, interaction: Interaction) -> StudioSnapshot:
        """Restore the draft from before the studio was filled, if there is one."""
        await self._db.one(UNDO_STUDIO, now=now_ms(), person=interaction.user.id)
        return await self.snapshot(interaction)

    async def add(self, interaction: Interaction, lora: Lora) -> str:
        """Add an entry to the draft; returns a note for the person. Raises TooManyLoras.

        The first LoRA of a draft may change the checkpoint to one that it fits; a later one keeps it.
        """
        snapshot = await self.snapshot(interaction)
        fitting = snapshot.checkpoints.names_for(lora)
        others = [row for row in snapshot.rows if row.lora.lora_id != lora.id]
        brought = fitting[0] if fitting and not others and snapshot.checkpoint.name not in fitting else None
        limit = self._configuration.settings.limits.max_loras

        def put(studio: Studio) -> Studio:
            if not studio.has(lora.id) and len(studio.loras) >= limit:
                raise TooManyLoras(count=len(studio.loras) + 1, limit=limit)
            added = studio if studio.has(lora.id) else studio.with_lora(StudioLora(lora_id=lora.id, name=lora.name))
            return added.model_copy(update={"focus": lora.id})

        await self.change(interaction, put)
        if not brought:
            return ""
        name = lora_name(lora, await self._shown(interaction))
        note = _("{lora} fits {checkpoint}, so your studio now uses that model.").format(
            lora=plain(name), checkpoint=brought
        )
        far = await self.choose_checkpoint(interaction, brought)
        return "\n".join(filter(None, (note, far)))

    async def choose_checkpoint(self, interaction: Interaction, name: str) -> str:
        """Change the checkpoint of the draft; returns a note on chosen settings that are far from usual there.

        Raises CheckpointNotFound.
        """
        before, after = (await self.snapshot(interaction)).checkpoint, self._configuration.checkpoints.require(name)
        snapshot = await self.change(interaction, lambda studio: studio.on_checkpoint(before, after))
        return far_note(snapshot.studio.draft, snapshot.checkpoint, snapshot.recipe)

    async def start_from(self, interaction: Interaction, picture: Input) -> None:
        """Let the draft start from `picture`, at the checkpoint's size whose shape is nearest."""
        snapshot = await self.snapshot(interaction)
        size = self._configuration.checkpoints.nearest_size(snapshot.checkpoint.name, picture.width, picture.height)
        await self.change(interaction, lambda studio: studio.with_draft(image=picture.at(), size=str(size)))

    async def redraw(self, interaction: Interaction, snapshot: StudioSnapshot, note: str = "") -> None:
        """Edit the panel that was used to show the studio."""
        if interaction.response.type is discord.InteractionResponseType.deferred_channel_message:
            await self._send_ephemeral(interaction, snapshot, note)  # a new message was announced
            return
        await acknowledge.replace(interaction, await self._render(interaction, snapshot, note))

    async def _send_ephemeral(self, interaction: Interaction, snapshot: StudioSnapshot, note: str) -> None:
        await send_ephemeral(interaction, await self._render(interaction, snapshot, note))

    async def _snapshot(self, interaction: Interaction, draft: StudioState | None) -> StudioSnapshot:
        studio, person_id = _studio(draft), interaction.user.id
        preferences = await find_preferences(self._db, person_id)
        checkpoints = await self._checkpoints(interaction)
        # A chosen one that is not used in this place stays chosen: the draft is the same in other places.
        chosen = self._configuration.checkpoints.find(studio.draft.checkpoint)
        checkpoint = chosen or default_checkpoint(checkpoints, preferences)
        if checkpoint is None:
            raise NoCheckpoints
        rows = await examine(self._requests, studio, checkpoint.name, await self._shown(interaction))
        rows = await self._without_disputed(person_id, rows)
        return StudioSnapshot(
            person_id=person_id,
            studio=studio,
            revision=draft.revision if draft else 0,
            undoable=draft is not None and draft.undoable,
            preferences=preferences,
            checkpoint=checkpoint,
            checkpoints=checkpoints,
            rows=rows,
            fast=await joining_fast(self._requests, studio, rows, checkpoint),
        )

    async def _without_disputed(self, person_id: int, rows: list[Row]) -> list[Row]:
        """Refuse the LoRAs that this person may not use while their base model is disputed."""
        files = {row.version.sha256: row for row in rows if row.version is not None and row.version.disputed}
        disputes = await disputes_for(self._db, person_id, [sha256 for sha256 in files if sha256])
        for found in disputes:
            row = files[found.sha256]
            bases = [base.label for base in found.base_models]
            refused = replace(row, version=None, refusal=LoraDisputed(lora=row.name, bases=bases))
            rows = [refused if each is row else each for each in rows]
        return rows


def _studio(draft: StudioState | None) -> Studio:
    """The draft; an empty one if there is none."""
    return Studio() if draft is None else Studio.model_validate_json(draft.state)
