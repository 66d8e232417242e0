"""A form that was open while Easel was restarted, or for too long: nobody knows any more what it belonged to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bot.i18n import _, speak
from bot.i18n.texts import plain
from bot.ui.client import Interaction
from bot.ui.replies import send_ephemeral_text

MAX_WRITTEN = 1500  # characters of each field; a message holds 4000


async def reply_to_expired_modal(interaction: Interaction) -> None:
    """Tell the person, and give back what they wrote, so that it need not be written again."""
    speak(interaction.locale.value)
    written = [f"> {plain(text, MAX_WRITTEN)}" for text in _typed_texts(dict(interaction.data or {})) if text.strip()]
    lines = [_("Easel was restarted while this was open, or it was open for too long. Please open it again.")]
    if written:
        lines += [_("You wrote:"), *written[:2]]
    await send_ephemeral_text(interaction, "\n".join(lines))


def _typed_texts(part: dict[str, Any]) -> Iterator[str]:
    """What was typed, in the order of the fields."""
    if isinstance(part.get("value"), str):
        yield part["value"]
    for inner in (*part.get("components", ()), *filter(None, (part.get("component"),))):
        yield from _typed_texts(inner)
