"""Makes a certificate with which an installation signs its pictures, without any authority.

C2PA refuses a certificate that signed itself. A root is therefore made for this one certificate. The key of the root is
never stored, so nobody can issue a second certificate with it. Programs that read signatures do not know the root.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from bot.config.sections.c2pa import C2paAlgorithm, C2paSettings
from bot.pictures.signing.credentials import Credentials, SigningUnusable, read_key
from inference.files.private_files import write_once

VALID = timedelta(days=3652)  # ten years
_CLOCK_SKEW = timedelta(days=1)
_ORGANIZATION = "self-hosted Easel"  # programs show it as the issuer
_NO_USAGE = {
    "digital_signature": False, "content_commitment": False, "key_encipherment": False, "data_encipherment": False,
    "key_agreement": False, "key_cert_sign": False, "crl_sign": False, "encipher_only": False, "decipher_only": False,
}  # fmt: skip


def make_certificate(settings: C2paSettings) -> Credentials:
    """Make the key and the certificate that the settings name, unless they exist. Sign once to test them.

    A missing certificate is made for an existing key. An existing file is never changed. Blocks. Raises
    SigningUnusable and OSError.
    """
    assert settings.certificate is not None and settings.key is not None
    if settings.algorithm is not C2paAlgorithm.ES256 and not settings.certificate.exists():
        raise SigningUnusable(f"Easel makes certificates only for [c2pa] algorithm = {C2paAlgorithm.ES256.value!r}")
    for file in (settings.certificate, settings.key):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not settings.key.exists() and not settings.certificate.exists():
        key = generate_private_key(SECP256R1())
        write_once(settings.key, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    if not settings.certificate.exists():
        write_once(settings.certificate, _issued(_key_in(settings.key)))
    credentials = Credentials.load(settings)
    assert credentials is not None
    return credentials


def _key_in(file: Path) -> EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(read_key(file), None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise SigningUnusable(f"{file} exists, but is no key for {C2paAlgorithm.ES256.value} without a passphrase")
    return key


def _issued(key: EllipticCurvePrivateKey) -> bytes:
    """The certificate for a key, followed by the root, as PEM."""
    root = generate_private_key(SECP256R1())
    name = f"Easel installation {secrets.token_hex(4)}"
    certificates = (_certificate(key, name, root, f"{name} root"), _certificate(root, f"{name} root", root))
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)


def _certificate(
    key: EllipticCurvePrivateKey, name: str, root: EllipticCurvePrivateKey, issuer: str = ""
) -> x509.Certificate:
    """A certificate for `key`, signed by `root`. Without an issuer it is the root's own."""
    now, is_root, public = datetime.now(UTC), not issuer, key.public_key()
    usage = _NO_USAGE | {"key_cert_sign" if is_root else "digital_signature": True}
    builder = (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(issuer or name))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + VALID)
        .add_extension(x509.BasicConstraints(is_root, 0 if is_root else None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key()), critical=False)
    )
    if not is_root:  # c2pa accepts a certificate for this purpose, and refuses one for claimSigning or documentSigning
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(purpose, critical=False)
    return builder.sign(root, hashes.SHA256())


def _named(name: str) -> x509.Name:
    parts = ((NameOID.COMMON_NAME, name), (NameOID.ORGANIZATION_NAME, _ORGANIZATION))
    return x509.Name([x509.NameAttribute(*part) for part in parts])
