"""The section of config.toml about C2PA signatures."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

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
        raise ValueError("must be an address such as http://timestamp.digicert.com")
    return url


class C2paSettings(Section):
    """C2PA signatures in delivered pictures. `easel config certificate` makes a certificate. Without one: off."""

    certificate: Path | None = Field(default=None, examples=["signing.pem"])
    """PEM file with the signing certificate, followed by its chain."""
    key: Path | None = Field(default=None, examples=["signing.key"])
    """PEM file with the private key: no passphrase, readable by this account only. Never share it."""
    algorithm: C2paAlgorithm = C2paAlgorithm.ES256
    """Algorithm of the key: es256, es384, es512, ps256, ps384, ps512 or ed25519."""
    timestamp_url: Annotated[str, AfterValidator(_web_address)] | None = Field(
        default=None, examples=["http://timestamp.digicert.com"]
    )
    """URL of a timestamp authority (RFC 3161), called for each picture. It learns the time, not the picture.
    Default: none."""

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("give both the certificate and its key, or neither")
        return self

    @property
    def enabled(self) -> bool:
        """Whether pictures are signed."""
        return self.certificate is not None
