"""Nonces of the messages that the bot sends.

Discord compares a nonce with all recent messages of the bot, in every channel. If it has seen the nonce, it returns
the existing message and posts nothing.
"""

from __future__ import annotations

import hashlib

from bot.database.database import Database
from bot.database.key_values import INSTALLATION, RECALL_VALUE

NONCE_LENGTH = 24  # in characters; Discord allows 25


async def make_nonce(db: Database, kind: str, number: int, *, person_id: int = 0, channel_id: int = 0) -> str:
    """Return the nonce of message `number` of a `kind`, for one recipient: a user or a channel.

    A retry gets the same nonce, another recipient another one.
    """
    installation = await db.one(RECALL_VALUE, INSTALLATION)
    text = f"{installation}:{kind}:{number}:{person_id}:{channel_id}"
    return hashlib.sha256(text.encode()).hexdigest()[:NONCE_LENGTH]
