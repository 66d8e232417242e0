"""Encrypted secrets are decrypted with the same key, and with no other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.ui.delivery.discord_transport import decrypt, encrypt


@given(st.text(), st.text())
def test_decrypt_returns_the_encrypted_secret(secret: str, key: str) -> None:
    assert decrypt(encrypt(secret, key), key) == secret


@given(st.text(min_size=8), st.text(), st.text())
def test_another_key_does_not_decrypt(secret: str, key: str, other: str) -> None:
    sealed = encrypt(secret, key)
    assert secret not in sealed and sealed != encrypt(secret, key)
    assert key == other or decrypt(sealed, other) is None


def test_a_modified_token_does_not_decrypt() -> None:
    sealed = encrypt("secret", "key")
    other = "A" if sealed[40] != "A" else "B"
    assert decrypt(sealed[:40] + other + sealed[41:], "key") is None
