"""Requests with a stack by name: the whole stack is used, or the request is refused with reasons and alternatives."""

from __future__ import annotations

from typing import Any

from discord import ui

from bot.database.database import Database
from bot.database.loras.search import Shown
from bot.database.people.drafts import save_draft
from bot.i18n import _
from bot.i18n.texts import bounded_lines, plain
from bot.requests.builder import RequestBuilder, RequestDraft
from bot.requests.regions import by_sides
from bot.ui.interactions.replies import ErrorWithRows, error_message
from bot.ui.views.refusal import OpenDraftButton, PaintOnButton
from bot.workspace.stacks import StackFit, judge, lora_drafts_of, require_stack

MAX_REASONS = 2000  # characters


async def with_stack(
    db: Database,
    requests: RequestBuilder,
    person_id: int,
    draft: RequestDraft,
    name: str,
    shown: Shown,
) -> RequestDraft:
    """`draft` with the LoRAs of a stack before its own; a LoRA in both keeps weight and side of the draft.

    `shown` are the content ratings of LoRAs whose names may be shown.

    Raises NothingThere, or an ErrorWithRows when a LoRA of the stack cannot be used on the draft's checkpoint.
    """
    stack = await require_stack(db, person_id, name)
    fit = await judge(requests, stack, draft.checkpoint, shown)
    named = {(await requests.lora(lora.name)).id for lora in draft.loras}
    pairs = zip(lora_drafts_of(stack), fit.choices, strict=True)
    kept = [lora for lora, choice in pairs if choice.lora is None or choice.lora.id not in named]
    sided = stack.name if any(lora.region for lora in kept) else None
    whole = by_sides(draft.model_copy(update={"loras": (*kept, *draft.loras)}), sided)
    if fit.refused:
        draft_id = await save_draft(db, person_id, whole.model_dump_json())
        raise _refusal(fit, draft.checkpoint or "", draft_id)
    return whole


def _refusal(fit: StackFit, checkpoint: str, draft_id: int) -> ErrorWithRows:
    """Each LoRA that does not fit the checkpoint with the reason, and the alternatives as buttons."""
    text = _("Some LoRAs of the stack {name} cannot be used with {checkpoint}:")
    head = text.format(name=plain(fit.stack.name), checkpoint=plain(checkpoint))
    reasons = [f"- {error_message(choice.refusal)}" for _lora, choice in fit.refused if choice.refusal]
    gone = any(choice.lora is None or not choice.lora.usable for _lora, choice in fit.refused)
    others = [] if gone else [PaintOnButton(draft_id, name) for name in fit.checkpoints[:4]]
    row = ui.ActionRow[Any](OpenDraftButton(draft_id), *others)
    return ErrorWithRows("\n".join([head, *bounded_lines(reasons, MAX_REASONS)]), row)
