"""The section of config.toml about C2PA signatures."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, model_validator

from bot.config.section import Section


class C2paAlgorithm(StrEnum):
    """Kinds of signatures."""

    ES256 = "es256"
    ES384 = "es384"
    ES512 = "es512"
    PS256 = "ps256"
    PS384 = "ps384"
    PS512 = "ps512"
    ED25519 = "ed25519"


def _web_address(url: str) -> str:
    """Raise ValueError unless it is an address of the web."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
        raise ValueError(f"must be an address such as http://timestamp.digicert.com, not {url}")
    return url


class C2paSettings(Section):
    """C2PA signatures in delivered pictures, for which easel[c2pa] has to be installed. Off without a certificate."""

    certificate: Path | None = None
    """A PEM file with the certificate that signs, and behind it those above it."""
    key: Path | None = None
    """A PEM file with its private key, without a passphrase, that no other account may read."""
    algorithm: C2paAlgorithm = C2paAlgorithm.ES256
    """es256, es384, es512, ps256, ps384, ps512 or ed25519, as the key is."""
    timestamp_url: Annotated[str, AfterValidator(_web_address)] | None = None
    """A timestamp authority (RFC 3161), asked for each picture: it learns when, not which. Left out, none is asked."""

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("a certificate and its key go together; give both or neither")
        return self

    @property
    def enabled(self) -> bool:
        """Whether pictures are signed."""
        return self.certificate is not None
