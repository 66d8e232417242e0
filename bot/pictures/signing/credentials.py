"""Certificate and private key for C2PA signatures: read, checked against each other, and tried.

The key is a secret: it stands in no message, no log and no representation.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from PIL import Image

from bot.config.sections.c2pa import C2paAlgorithm, C2paSettings
from bot.file_access import Need, why
from bot.program import program
from inference.files.private_files import OTHERS
from inference.parameters import GENERATED, SoftBinding

MAX_FILE_BYTES = 32_768  # of a chain, which is written into each picture, and of a key
MIN_RSA_BITS = 2048
MIME_TYPES = {".png": "image/png", ".webp": "image/webp", ".jpg": "image/jpeg"}
_CURVES = {C2paAlgorithm.ES256: "secp256r1", C2paAlgorithm.ES384: "secp384r1", C2paAlgorithm.ES512: "secp521r1"}
_NO_THUMBNAIL = {"builder": {"thumbnail": {"enabled": False}}}


class SigningUnusable(Exception):
    """Pictures cannot be signed with the settings; the message says why and what to do."""


class CertificateExpired(SigningUnusable):
    """The certificate has expired. Easel sends pictures unsigned until it is renewed."""


@dataclass(frozen=True)
class Credentials:
    """Certificate chain and key for signing. `expires` is the earliest expiry in the chain."""

    algorithm: C2paAlgorithm
    chain: bytes = field(repr=False)
    key: bytes = field(repr=False)
    timestamp_url: str | None
    expires: datetime

    @classmethod
    def load(cls, settings: C2paSettings) -> Credentials | None:
        """Those of the settings; None where signing is off. Signs once to try them, without a timestamp.

        Blocks. Raises SigningUnusable.
        """
        if settings.certificate is None or settings.key is None:
            return None
        chain, key = _read(settings.certificate), read_key(settings.key)
        made = cls(settings.algorithm, chain, key, settings.timestamp_url, _checked(settings, chain, key))
        made.sign(_tiny(), ".png", GENERATED, timestamp=False)
        return made

    def sign(
        self,
        picture: bytes,
        suffix: str,
        source_type: str,
        watermark: SoftBinding | None = None,
        *,
        timestamp: bool = True,
    ) -> bytes:
        """The picture with a manifest that says it was created, and how (IPTC's digital source type).

        If the pixels have a `watermark`, the manifest names it as a soft binding. Blocks, with a timestamp authority
        for as long as that takes. Raises SigningUnusable.
        """
        c2pa: Any = import_module("c2pa")
        actions = [{"action": "c2pa.created", "digitalSourceType": source_type}]
        assertions: list[dict[str, Any]] = [{"label": "c2pa.actions.v2", "data": {"actions": actions}}]
        if watermark is not None:
            actions.append({"action": "c2pa.watermarked.bound"})
            block: dict[str, Any] = {"scope": {}, "value": watermark.value}
            assertions.append({"label": "c2pa.soft-binding", "data": {"alg": watermark.algorithm, "blocks": [block]}})
        manifest = {"claim_generator_info": [{"name": "Easel"}], "assertions": assertions}
        url = self.timestamp_url if timestamp else None
        done = BytesIO()
        try:
            info = c2pa.C2paSignerInfo(self.algorithm.value, self.chain, self.key, url)
            context = c2pa.Context(c2pa.Settings.from_dict(_NO_THUMBNAIL))
            with c2pa.Signer.from_info(info) as signer, c2pa.Builder(json.dumps(manifest), context) as builder:
                builder.sign(signer, MIME_TYPES[suffix], BytesIO(picture), done)
        except c2pa.C2paError as problem:
            raise SigningUnusable(f"[c2pa] cannot sign: {str(problem).partition(chr(10))[0]}") from None
        return done.getvalue()


def credentials_of(settings: C2paSettings, *, anew: bool = False, now: datetime | None = None) -> Credentials | None:
    """Return the credentials of the settings, or None if signing is off. Raises SigningUnusable.

    Easel reads the files again if `anew`, or after they expire.
    """
    if anew:
        _loaded.cache_clear()
    wanted = settings.certificate, settings.key, settings.algorithm, settings.timestamp_url
    credentials = _loaded(*wanted)
    if credentials is not None and credentials.expires <= (now or datetime.now(UTC)):
        _loaded.cache_clear()
        return _loaded(*wanted)
    return credentials


def expiry(settings: C2paSettings) -> datetime | None:
    """Return the earliest expiry in the certificate file, or None if the file cannot be read."""
    if settings.certificate is None:
        return None
    try:
        return _first_expiry(x509.load_pem_x509_certificates(_read(settings.certificate)))
    except (SigningUnusable, ValueError):
        return None


def _first_expiry(certificates: Sequence[x509.Certificate]) -> datetime:
    return min(certificate.not_valid_after_utc for certificate in certificates)


@lru_cache(maxsize=2)
def _loaded(
    certificate: Path | None, key: Path | None, algorithm: C2paAlgorithm, timestamp_url: str | None
) -> Credentials | None:
    return Credentials.load(
        C2paSettings(certificate=certificate, key=key, algorithm=algorithm, timestamp_url=timestamp_url)
    )


def renewing(settings: C2paSettings) -> str:
    """Return what to do about a certificate that expires."""
    return (
        f"If Easel made it, rename {settings.certificate} and run `{program()} config certificate`, which makes a new "
        "one for the same key. Otherwise, get a new one from its issuer"
    )


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_FILE_BYTES + 1)
    except OSError as problem:
        raise SigningUnusable(f"[c2pa] {file} cannot be read: {why(problem, file, Need.SECRET)}") from None
    if len(data) > MAX_FILE_BYTES:
        raise SigningUnusable(f"[c2pa] {file} is larger than {MAX_FILE_BYTES} bytes, so it is something else")
    return data


def read_key(file: Path) -> bytes:
    """Read a key file, which no other account may read. Windows has no such modes. Raises SigningUnusable."""
    data = _read(file)
    if os.name == "posix" and stat.S_IMODE(file.stat().st_mode) & OTHERS:
        raise SigningUnusable(f"[c2pa] other accounts may read or change the key {file}: chmod 600 {file}")
    return data


def _checked(settings: C2paSettings, chain: bytes, key: bytes) -> datetime:
    """When the first certificate expires. Raises SigningUnusable for what does not belong together."""
    try:
        certificates = x509.load_pem_x509_certificates(chain)
    except ValueError:
        raise SigningUnusable(f"[c2pa] {settings.certificate} holds no certificates as PEM") from None
    try:
        private: Any = load_pem_private_key(key, None)
    except TypeError:
        raise SigningUnusable(f"[c2pa] the key {settings.key} has a passphrase; take it away") from None
    except Exception:  # noqa: BLE001 (what is wrong with a key is not repeated)
        raise SigningUnusable(f"[c2pa] {settings.key} holds no private key as PEM") from None
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if private.public_key().public_bytes(*form) != certificates[0].public_key().public_bytes(*form):
        raise SigningUnusable(
            f"[c2pa] the key is not that of the first certificate in {settings.certificate}; the one that signs comes "
            "first, then those above it"
        )
    if not _suits(private, settings.algorithm):
        raise SigningUnusable(f"[c2pa] the key is of another kind than algorithm = {settings.algorithm.value!r} needs")
    now = datetime.now(UTC)
    expires = _first_expiry(certificates)
    if expires <= now:
        raise CertificateExpired(
            f"[c2pa] a certificate in {settings.certificate} expired on {expires:%Y-%m-%d}. {renewing(settings)}"
        )
    if max(certificate.not_valid_before_utc for certificate in certificates) > now:
        raise SigningUnusable(f"[c2pa] a certificate in {settings.certificate} is not valid yet")
    return expires


def _suits(private: Any, algorithm: C2paAlgorithm) -> bool:
    match private:
        case ec.EllipticCurvePrivateKey():
            return private.curve.name == _CURVES.get(algorithm)
        case ed25519.Ed25519PrivateKey():
            return algorithm is C2paAlgorithm.ED25519
        case rsa.RSAPrivateKey():
            return algorithm.value.startswith("ps") and private.key_size >= MIN_RSA_BITS
        case _:
            return False


def _tiny() -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG")
    return buffer.getvalue()
