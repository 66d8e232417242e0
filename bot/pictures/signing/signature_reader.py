"""Reads the C2PA signature of a picture from anywhere: whether the file is unchanged since, and who signed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Any

from cryptography import x509

from inference.files.image_files import PictureBytes

# A file can contain URLs (remote manifest, OCSP, identity). Easel never opens them.
_OFFLINE: dict[str, dict[str, object]] = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_trust": True},
    "core": {"decode_identity_assertions": False, "allowed_network_hosts": []},
}
_TYPES = (
    (0, b"\x89PNG", "image/png"), (0, b"\xff\xd8\xff", "image/jpeg"), (0, b"RIFF", "image/webp"),
    (0, b"GIF8", "image/gif"), (4, b"ftypavif", "image/avif"),
)  # fmt: skip
_LABEL = b"c2pa"  # in every signature
_CHANGES = ("Hash.mismatch", "hashedURI.mismatch", "claimSignature.mismatch")  # ends of codes of the C2PA specification


class SignatureState(StrEnum):
    """What is known of a signature."""

    INTACT = "intact"  # the file is unchanged since signing
    CHANGED = "changed"  # the file changed after signing
    UNCHECKED = "unchecked"  # not verifiable for another reason, such as an expired certificate
    UNREADABLE = "unreadable"  # damaged, stored elsewhere, or in a file of too many parts


@dataclass(frozen=True)
class Signature:
    """The newest signature of a file. `ours`: the file is unchanged since this installation signed it.

    `signer` is the name in the signer's certificate. Anyone can make a certificate with any name.
    """

    state: SignatureState
    signer: str
    ours: bool = False


def signature_in(data: bytes, certificate: Path | None = None) -> Signature | None:
    """Return the signature in a picture's file, or None without one. `certificate` is our chain, as PEM."""
    kind = next((kind for offset, start, kind in _TYPES if data.startswith(start, offset)), None)
    if kind is None or _LABEL not in data:
        return None
    return _newest(kind, PictureBytes(data), certificate)


def is_certificate(file: Path) -> bool:
    """Whether the file is a readable certificate."""
    return _chain(file)[1] is not None


def _newest(kind: str, file: PictureBytes, certificate: Path | None) -> Signature | None:
    """The newest signature in a file of this MIME type."""
    c2pa: Any = import_module("c2pa")
    chain, serial = _chain(certificate)
    try:
        trust = {"trust": {"user_anchors": chain}} if chain else {}
        context = c2pa.Context(c2pa.Settings.from_dict(_OFFLINE | trust))
        with c2pa.Reader(kind, file, context=context) as reader:
            report = json.loads(reader.json())
        signed = report["manifests"][report["active_manifest"]]["signature_info"]
        failures = [each["code"] for each in report["validation_results"]["activeManifest"].get("failure", ())]
        if report["validation_state"] in {"Valid", "Trusted"}:
            state = SignatureState.INTACT
        else:
            changed = any(code.endswith(_CHANGES) for code in failures)
            state = SignatureState.CHANGED if changed else SignatureState.UNCHECKED
        # "Trusted": the chain ends at our authority. The serial number then identifies our certificate.
        ours = report["validation_state"] == "Trusted" and int(signed["cert_serial_number"]) == serial
        return Signature(state, str(signed.get("common_name", "")), ours)
    except c2pa.C2paError.ManifestNotFound:
        return None
    except (c2pa.C2paError, LookupError, ValueError, TypeError):
        return Signature(SignatureState.UNREADABLE, "")


def _chain(certificate: Path | None) -> tuple[str, int | None]:
    """The chain, and the serial number of the certificate that signs; of a file that cannot be read, nothing."""
    if certificate is None:
        return "", None
    try:
        pem = certificate.read_bytes() if certificate.is_file() else b""  # a pipe would make it wait
        return pem.decode("utf-8", "replace"), x509.load_pem_x509_certificates(pem)[0].serial_number
    except (OSError, ValueError):
        return "", None
