"""The select menus of the studio panel: checkpoint, trigger words, and the LoRA with controls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Self

import discord

from bot.config import CheckpointSettings
from bot.i18n import _, label, ngettext
from bot.ui.client import Interaction
from bot.ui.studio_session import StudioSnapshot
from bot.ui.views.persistent_items import MENU, PersistentMenu
from bot.ui.views.studio.buttons import Revision
from bot.ui.views.studio.word_options import word_option, word_value
from bot.workspace.studio_draft import Row, Studio


class StudioMenu(PersistentMenu):
    """A menu of the panel."""

    command = "studio"

    revision: Revision  # of the draft that the panel shows


class CheckpointMenu(StudioMenu, prefix="stcheckpoint"):
    """The checkpoint. LoRAs that do not fit it stay in the studio and show the reason."""

    @classmethod
    def of(cls, snapshot: StudioSnapshot) -> Self:
        """The menu: the chosen checkpoint first, then as many as fit, each with the number of LoRAs that fit it."""
        checkpoints = snapshot.checkpoints
        others = [c for c in checkpoints if c.name != snapshot.checkpoint.name]
        fitted = [checkpoints.names_for(row.entry) for row in snapshot.rows if row.entry is not None]
        fitting = {name: sum(name in names for names in fitted) for name in checkpoints.names}  # of those used here
        others.sort(key=lambda checkpoint: -fitting[checkpoint.name])  # stable: else in the operator's order
        options = [
            discord.SelectOption(
                label=checkpoint.name,
                value=checkpoint.name,
                description=_described(checkpoint, fitting.get(checkpoint.name), len(snapshot.rows)),
                default=checkpoint is snapshot.checkpoint,
            )
            for checkpoint in [snapshot.checkpoint, *others][:MENU]
        ]
        return cls(snapshot.revision).offering(options)

    async def handle(self, interaction: Interaction) -> None:
        """Change the checkpoint. Raises CheckpointNotFound."""
        studios = interaction.client.studios
        note = await studios.choose_checkpoint(interaction, self.value)
        await studios.redraw(interaction, await studios.snapshot(interaction), note)


def _described(checkpoint: CheckpointSettings, fitting: int | None, loras: int) -> str:
    base = checkpoint.base_model.label
    if fitting is None:
        return _("not allowed in this server")
    if not loras:
        return base[:100]
    text = ngettext("{base} · {fitting} of {count} LoRA fits", "{base} · {fitting} of {count} LoRAs fit", loras)
    return text.format(base=base, fitting=fitting, count=loras)[:100]


class TriggerWordsMenu(StudioMenu, prefix="stwords"):
    """The trigger words of all LoRAs, groups as one: the chosen ones are added to the prompt of the request."""

    @classmethod
    def of(cls, snapshot: StudioSnapshot) -> Self | None:
        """The menu; None when no LoRA has trigger words."""
        chips = list(_chips(snapshot.fitting))
        if not chips:
            return None
        options = [word_option(row, word, value=_chip(row, word), beside=row.name) for row, word in chips]
        on = sum(option.default for option in options)
        text = ngettext("Trigger words: {on} of {count} active", "Trigger words: {on} of {count} active", len(options))
        placeholder = text.format(on=on, count=len(options))
        return cls(snapshot.revision).offering(options, placeholder[:150], min_values=0, max_values=len(options))

    async def handle(self, interaction: Interaction) -> None:
        """Switch each offered word on or off; words that did not fit in the menu keep their state."""
        studios = interaction.client.studios
        snapshot = await studios.snapshot(interaction)
        if snapshot.revision != self.revision:  # other words may have been offered
            await studios.redraw(interaction, snapshot, outdated())
            return
        chosen = set(self.values)
        offered = list(_chips(snapshot.fitting))

        def switch(studio: Studio) -> Studio:
            for row in {row.lora.lora_id: row for row, _word in offered}.values():
                seen = {word for other, word in offered if other is row}
                on = [w for w in row.all_words if (_chip(row, w) in chosen if w in seen else w in row.words)]
                studio = studio.changed(row.lora.lora_id, trigger_words=tuple(on))
            return studio.model_copy(update={"focus": snapshot.studio.focus})

        await studios.apply(interaction, switch)


def _chips(rows: Sequence[Row]) -> Iterator[tuple[Row, str]]:
    """The words to offer, in the order of the LoRAs; each LoRA gets an equal share of the options."""
    with_words = [row for row in rows if row.all_words]
    shares = dict.fromkeys((row.lora.lora_id for row in with_words), 0)
    room = MENU
    while room and (unfilled := [r for r in with_words if shares[r.lora.lora_id] < len(set(r.all_words))]):
        for row in unfilled[:room]:
            shares[row.lora.lora_id] += 1
        room -= len(unfilled[:room])
    for row in with_words:
        for word in list(dict.fromkeys(row.all_words))[: shares[row.lora.lora_id]]:
            yield row, word


def _chip(row: Row, word: str) -> str:
    """The value of a word's option: a hash, because words may be too long for a value."""
    return f"{row.lora.lora_id}:{word_value(word)}"


class FocusMenu(StudioMenu, prefix="stothers"):
    """Chooses the LoRA that the panel shows with controls."""

    @classmethod
    def of(cls, snapshot: StudioSnapshot, collapsed: Sequence[Row]) -> Self:
        """The menu of the LoRAs in `collapsed`."""
        options = [
            discord.SelectOption(
                label=row.name[:100],
                value=str(row.lora.lora_id),
                description=(_("does not fit") if row.refusal else f"{_kind(row)} · {_weight(row)}")[:100],
            )
            for row in collapsed[:MENU]
        ]
        return cls(snapshot.revision).offering(options, _("Edit another LoRA"))

    async def handle(self, interaction: Interaction) -> None:
        """Show its controls. Raises NothingThere for what is no LoRA."""
        lora_id = self.ids[0]
        await interaction.client.studios.apply(interaction, lambda studio: studio.changed(lora_id))


def _kind(row: Row) -> str:
    return "" if row.entry is None else label(row.entry.category)


def _weight(row: Row) -> str:
    return _("weight {weight}").format(weight=f"{row.weight:g}")


def outdated() -> str:
    """The note on a panel that was outdated."""
    return _("This panel was out of date. It now shows your current studio. Please choose again.")
