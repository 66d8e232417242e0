"""Checks a bot token without asking Discord. A token is never printed."""

from __future__ import annotations

import base64
import re

WHERE = "discord.com/developers/applications, your application, Bot, Reset Token"
NO_TOKEN = f"set EASEL_DISCORD__TOKEN to the token from {WHERE}"
NOT_A_TOKEN = f"does not look like a bot token; copy it again from {WHERE}"
# Three groups by dots: the bot's id in base64, a time stamp, a signature.
_FORM = re.compile(r"[\w-]{18,}\.[\w-]{6,}\.[\w-]{25,}")


def looks_like_token(text: str) -> bool:
    """Whether a text has the form of a bot token."""
    return _FORM.fullmatch(text) is not None and application_of(text) is not None


def application_of(token: str) -> int | None:
    """The application's id, in base64 at the beginning of a bot token; None for what is no token."""
    head = token.partition(".")[0]
    try:
        found = int(base64.b64decode(head + "=" * (-len(head) % 4), validate=True))
    except ValueError:
        return None
    return found if 0 < found < 2**63 else None
