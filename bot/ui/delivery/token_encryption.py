"""Encrypts short secrets for the database with a key derived from the bot's token, which is not stored there."""

from __future__ import annotations

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken


def encrypt(secret: str, key: str) -> str:
    """`secret` as a Fernet token; another one each time."""
    return _fernet(key).encrypt(secret.encode()).decode()


def decrypt(encrypted: str, key: str) -> str | None:
    """The secret; None when it was encrypted with another key, or changed."""
    try:
        return _fernet(key).decrypt(encrypted.encode()).decode()
    except InvalidToken:
        return None


def _fernet(key: str) -> Fernet:
    # A bot's token is long and random, so a plain hash is enough; slow key derivation is for guessable passwords.
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest()))
