"""Short secrets that have to outlive the program, unreadable without the bot's token, which is kept elsewhere."""

from __future__ import annotations

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken


def seal(secret: str, key: str) -> str:
    """`secret` as a text that tells nothing to anybody without `key`; another one each time."""
    return _box(key).encrypt(secret.encode()).decode()


def unseal(sealed: str, key: str) -> str | None:
    """The secret; None when it was sealed with another key, or changed."""
    try:
        return _box(key).decrypt(sealed.encode()).decode()
    except InvalidToken:
        return None


def _box(key: str) -> Fernet:
    # A bot's token is random and long, so one hash makes a key of it; a slow one would guard guessable passwords.
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest()))
