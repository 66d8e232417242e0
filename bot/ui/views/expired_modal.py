"""The reply to a modal that was submitted after a restart or after its timeout: its state is lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bot.i18n import _, speak
from bot.i18n.texts import plain
from bot.ui.client import Interaction
from bot.ui.interactions.replies import send_ephemeral_text

MAX_WRITTEN = 1500  # characters of each field; a message holds 4000


async def reply_to_expired_modal(interaction: Interaction) -> None:
    """Say that the modal has expired, and send back the text that the person typed."""
    speak(interaction.locale.value)
    written = [f"> {plain(text, MAX_WRITTEN)}" for text in _typed_texts(dict(interaction.data or {})) if text.strip()]
    lines = [
        _("Easel restarted while this form was open, or the form was open for too long. Please open the form again.")
    ]
    if written:
        lines += [_("You wrote:"), *written[:2]]
    await send_ephemeral_text(interaction, "\n".join(lines))


def _typed_texts(part: dict[str, Any]) -> Iterator[str]:
    """The values of the text inputs, in order."""
    if isinstance(part.get("value"), str):
        yield part["value"]
    for inner in (*part.get("components", ()), *filter(None, (part.get("component"),))):
        yield from _typed_texts(inner)
