"""Reads the C2PA signature of a picture from anywhere: whether the file is unchanged since, and who signed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Any

from cryptography import x509

from inference.image_files import PictureBytes

# A file may name addresses: of its manifest, of its certificate's state, of who vouches for its author. None is called.
_OFFLINE: dict[str, dict[str, object]] = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_trust": True},
    "core": {"decode_identity_assertions": False, "allowed_network_hosts": []},
}
_TYPES = ((b"\x89PNG", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"RIFF", "image/webp"), (b"GIF8", "image/gif"))
_LABEL = b"c2pa"  # is in every signature
_CHANGES = ("Hash.mismatch", "hashedURI.mismatch", "claimSignature.mismatch")  # ends of codes of the C2PA specification


class SignatureState(StrEnum):
    """What is known of a signature."""

    INTACT = "intact"  # nothing changed since
    CHANGED = "changed"  # the file was changed after that
    UNCHECKED = "unchecked"  # for another reason, such as a certificate that has expired


@dataclass(frozen=True)
class Signature:
    """The newest signature of a file. It is `ours` if it is intact, and made with a given certificate.

    `signer` is the name in the signer's certificate. Anybody can make a certificate with any name.
    """

    state: SignatureState
    signer: str
    ours: bool = False


def signature_in(data: bytes, certificate: Path | None = None) -> Signature | None:
    """The signature in a picture's file; None without one that can be read. `certificate` is our chain, as PEM.

    Raises TooManyParts.
    """
    kind = next((kind for start, kind in _TYPES if data.startswith(start)), None)
    if kind is None or _LABEL not in data:
        return None
    file = PictureBytes(data)
    signature = _newest(kind, file, certificate)
    file.require_few_parts()
    return signature


def _newest(kind: str, file: PictureBytes, certificate: Path | None) -> Signature | None:
    """The newest signature in a file of this MIME type."""
    c2pa: Any = import_module("c2pa")
    chain, serial = _chain(certificate)
    try:
        trust = {"trust": {"user_anchors": chain}} if chain else {}
        context = c2pa.Context(c2pa.Settings.from_dict(_OFFLINE | trust))
        with c2pa.Reader(kind, file, context=context) as reader:
            told = json.loads(reader.json())
        signed = told["manifests"][told["active_manifest"]]["signature_info"]
        failures = [each["code"] for each in told["validation_results"]["activeManifest"].get("failure", ())]
        if told["validation_state"] in {"Valid", "Trusted"}:
            state = SignatureState.INTACT
        else:
            changed = any(code.endswith(_CHANGES) for code in failures)
            state = SignatureState.CHANGED if changed else SignatureState.UNCHECKED
        # Trusted says that our chain ends in the same authority. The number is that of one certificate among its own.
        ours = told["validation_state"] == "Trusted" and int(signed["cert_serial_number"]) == serial
        return Signature(state, str(signed.get("common_name", "")), ours)
    except (c2pa.C2paError, LookupError, ValueError, TypeError):
        return None


def _chain(certificate: Path | None) -> tuple[str, int | None]:
    """The chain, and the serial number of the certificate that signs; of a file that cannot be read, nothing."""
    if certificate is None:
        return "", None
    try:
        pem = certificate.read_bytes()
        return pem.decode("ascii"), x509.load_pem_x509_certificates(pem)[0].serial_number
    except (OSError, ValueError):
        return "", None
