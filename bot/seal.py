"""Short secrets that have to outlive the program, unreadable without the bot's token, which is kept elsewhere.

A stream of HMAC-SHA-256 over a counter, and an HMAC over what comes of it (encrypt-then-MAC).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from itertools import count

_NONCE, _TAG = 16, 16  # bytes


def seal(secret: str, key: str) -> str:
    """`secret` as a text that tells nothing to anybody without `key`; another one each time."""
    nonce = secrets.token_bytes(_NONCE)
    hidden = _mixed(secret.encode(), nonce, key)
    return base64.urlsafe_b64encode(_tag(nonce + hidden, key) + nonce + hidden).decode()


def unseal(sealed: str, key: str) -> str | None:
    """The secret; None when it was sealed with another key, or changed."""
    data = base64.urlsafe_b64decode(sealed.encode())
    tag, rest = data[:_TAG], data[_TAG:]
    if not hmac.compare_digest(tag, _tag(rest, key)):
        return None
    return _mixed(rest[_NONCE:], rest[:_NONCE], key).decode()


def _mixed(data: bytes, nonce: bytes, key: str) -> bytes:
    stream = b""
    blocks = count()
    while len(stream) < len(data):
        stream += _hmac(b"stream" + nonce + next(blocks).to_bytes(4, "big"), key)
    return bytes(a ^ b for a, b in zip(data, stream, strict=False))


def _tag(data: bytes, key: str) -> bytes:
    return _hmac(b"tag" + data, key)[:_TAG]


def _hmac(data: bytes, key: str) -> bytes:
    return hmac.digest(key.encode(), data, hashlib.sha256)
