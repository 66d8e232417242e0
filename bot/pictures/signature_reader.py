"""Reads the C2PA signature of a picture from anywhere: whether the file is unchanged since, and who signed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

from cryptography import x509

# A file may name an address for its manifest or for its certificate's state. Neither is ever called.
_OFFLINE = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}
_TYPES = ((b"\x89PNG", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"RIFF", "image/webp"), (b"GIF8", "image/gif"))


@dataclass(frozen=True)
class Signature:
    """The newest signature of a file.

    It is `intact` if nothing changed since. `signer` and `serial` are of its certificate. No list of trusted
    certificates is asked, so the name proves nothing by itself.
    """

    intact: bool
    signer: str
    serial: int

    def is_by(self, certificate: Path | None) -> bool:
        """Whether the first certificate in this PEM file signed, and the file is intact. False if it is unreadable."""
        if certificate is None or not self.intact:
            return False
        try:
            return x509.load_pem_x509_certificate(certificate.read_bytes()).serial_number == self.serial
        except (OSError, ValueError):
            return False


def signature_in(data: bytes) -> Signature | None:
    """The signature in a picture's file; None without one that can be read."""
    kind = next((kind for start, kind in _TYPES if data.startswith(start)), None)
    if kind is None:
        return None
    c2pa: Any = import_module("c2pa")
    try:
        context = c2pa.Context(c2pa.Settings.from_dict(_OFFLINE))
        with c2pa.Reader(kind, BytesIO(data), context=context) as reader:
            told = json.loads(reader.json())
        signed = told["manifests"][told["active_manifest"]]["signature_info"]
        intact = told.get("validation_state") in {"Valid", "Trusted"}
        return Signature(intact, str(signed.get("common_name", "")), int(signed["cert_serial_number"]))
    except (c2pa.C2paError, LookupError, ValueError, TypeError):
        return None
