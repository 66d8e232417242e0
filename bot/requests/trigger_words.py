"""Trigger words of a draft: which of a LoRA's groups join the prompt, and what people read of them."""

from __future__ import annotations

from bot.database.loras.catalogue import LoraVersion
from bot.i18n import _
from bot.i18n.texts import several
from bot.requests.drafts import LoraDraft, RequestDraft
from inference.messages.request import GenerationRequest, joined_words, says, words_in
from inference.regions import RegionName

MAX_JOINED = 200  # characters of trigger words in the message of a job


def words_beside(draft: RequestDraft, region: RegionName | None) -> str:
    """The person's words that a LoRA for `region` is painted with; None: for the whole picture."""
    return joined_words([each for each in draft.regions if region in (None, each.name)], draft.prompt)


def words_of(draft: LoraDraft, version: LoraVersion, beside: str) -> tuple[str, ...]:
    """The trigger words and groups that join the prompt, where the person wrote `beside`.

    If the person chose none, one group joins: a group that they wrote, or the author's first.
    """
    groups = version.trigger_words
    if draft.trigger_words is not None:
        return tuple(group for group in groups if group in draft.trigger_words)
    written = (group for group in groups if all(says(beside, word) for word in words_in(group)))
    return tuple(next(([group] for group in written), groups[:1]))


def joined_note(request: GenerationRequest, limit: int = MAX_JOINED) -> str | None:
    """One sentence that names the trigger words that joined the person's words; None if none joined."""
    words = dict.fromkeys(word for slot in request.slots for word in request.trigger_words_of(slot))
    text = _("Trigger words added to the prompt: {words}.")
    return text.format(words=several(words, limit)) if words else None
