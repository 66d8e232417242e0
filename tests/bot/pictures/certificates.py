"""A certification authority of a test, and certificates with their keys as C2PA wants them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from bot.config.sections.c2pa import C2paAlgorithm, C2paSettings

AUTHORITY = ec.generate_private_key(ec.SECP256R1())
USAGES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip


def new_key(algorithm: C2paAlgorithm = C2paAlgorithm.ES256) -> Any:
    curves = {"es256": ec.SECP256R1(), "es384": ec.SECP384R1(), "es512": ec.SECP521R1()}
    if algorithm is C2paAlgorithm.ED25519:
        return ed25519.Ed25519PrivateKey.generate()
    curve = curves.get(algorithm.value)
    return rsa.generate_private_key(65537, 2048) if curve is None else ec.generate_private_key(curve)


def certificate(
    key: Any, days: int = 90, *, authority: bool = False, by: Any = AUTHORITY, serial: int | None = None
) -> x509.Certificate:
    """A certificate of the authority for `key`, or its own."""

    def named(name: str) -> x509.Name:
        names = ((NameOID.COMMON_NAME, name), (NameOID.ORGANIZATION_NAME, "Easel test"))
        return x509.Name([x509.NameAttribute(*each) for each in names])

    now, wanted = datetime.now(UTC), {"key_cert_sign", "crl_sign"} if authority else {"digital_signature"}
    made = (
        x509.CertificateBuilder()
        .subject_name(named("authority" if authority else "Easel"))
        .issuer_name(named("authority"))
        .public_key(key.public_key())
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(now - timedelta(days=100))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
        .add_extension(x509.KeyUsage(**{usage: usage in wanted for usage in USAGES}), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
    )
    if not authority:
        made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    return made.sign(by, hashes.SHA256())


def settings_in(
    folder: Path, algorithm: C2paAlgorithm = C2paAlgorithm.ES256, days: int = 90, passphrase: bytes = b""
) -> C2paSettings:
    """A chain and its key in files, as an operator has them."""
    folder.mkdir(parents=True, exist_ok=True)
    key, chain, secret = new_key(algorithm), folder / "chain.pem", folder / "key.pem"
    certificates = [certificate(key, days), certificate(AUTHORITY, authority=True)]
    chain.write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in certificates))
    kind = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, kind))
    secret.chmod(0o600)
    return C2paSettings(certificate=chain, key=secret, algorithm=algorithm)


def forged_settings(folder: Path, serial: int) -> C2paSettings:
    """A chain with the number and the names of another one, by somebody else's authority."""
    settings, authority, key = settings_in(folder), new_key(), new_key()
    assert settings.certificate is not None and settings.key is not None
    chain = [certificate(key, by=authority, serial=serial), certificate(authority, authority=True, by=authority)]
    settings.certificate.write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in chain))
    settings.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return settings
