"""Attachments with a C2PA signature, if the settings have a certificate. Each file is signed once.

Easel signs the file as it is sent, because each form has its own bytes: the PNG, the PNG without the prompt, WebP,
JPEG, a contact sheet. It stores the bytes of the signature beside the thumbnails of the picture, and deletes them
together. When Easel sends the same form again, also after a restart, it therefore sends the same file.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from bot.config.sections.c2pa import C2paSettings
from bot.pictures.attachments import DEFAULT_LIMIT, PictureFile, fit, fitted
from bot.pictures.signing.credentials import SigningUnusable, credentials_of
from bot.pictures.signing.signature_bytes import added_bytes, digest_in, with_added
from bot.pictures.signing.signature_reader import signature_in
from bot.pictures.thumbnails import Thumbnails
from inference.files.private_files import write_once
from inference.parameters import soft_binding_in, source_type_in

PAUSE_SECONDS = 300.0  # without signatures, after one failed: who waits for an authority that hangs waits for 30 s
MANIFEST_BYTES = 65_536  # left free for a manifest: some 3 kB, and the certificates, and a timestamp

log = logging.getLogger(__name__)


class SignedAttachments:
    """Makes attachments. `settings` is asked each time. Reads, encodes and signs, so run it in ENCODING.

    `clock` is in seconds.
    """

    def __init__(
        self,
        thumbnails: Thumbnails,
        settings: Callable[[], C2paSettings] = C2paSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._thumbnails = thumbnails
        self._settings = settings
        self._clock = clock
        self._failed: tuple[C2paSettings, float] | None = None  # the settings by which one failed last, and when

    @property
    def signs(self) -> bool:
        """Whether the settings have a certificate."""
        return self._settings().enabled

    @property
    def asks_for_time(self) -> bool:
        """Whether the settings have an authority that says in a signature when it was made."""
        return self._settings().timestamp_url is not None

    def fit(self, picture: Path, limit: int = DEFAULT_LIMIT, *, words: bool = True) -> PictureFile:
        """See `bot.pictures.attachments.fit`. Raises one of DAMAGED."""
        return self._signed(fit(picture, self._within(limit), words=words), picture)

    def fitted(self, name: str, data: bytes, limit: int, picture: Path) -> PictureFile:
        """See `bot.pictures.attachments.fitted`; what is made of `picture` goes with it. Raises one of DAMAGED."""
        return self._signed(fitted(name, data, self._within(limit)), picture)

    def has_signed(self, data: bytes) -> bool:
        """Whether this file has a signature by the certificate in the settings and is unchanged since. Blocks."""
        certificate = self._settings().certificate
        signature = None if certificate is None else signature_in(data, certificate)
        return signature is not None and signature.ours

    def source_of(self, signed: bytes, pictures: Iterable[Path]) -> Path | None:
        """The first of the pictures for which Easel stores the signature of exactly this file. Blocks."""
        digest = hashlib.sha256(signed).digest()
        return next((picture for picture in pictures if digest in self._digests(picture)), None)

    def _digests(self, picture: Path) -> set[bytes]:
        """The SHA-256 of the signed files made from a picture whose signatures are stored."""
        try:
            form = self._thumbnails.beside(picture, "signature-")
            return {digest_in(stored) for stored in form.parent.glob(f"{form.name}*")}
        except OSError:
            return set()

    def _within(self, limit: int) -> int:
        return max(limit - MANIFEST_BYTES, limit // 2) if self._settings().enabled else limit

    def _signed(self, made: PictureFile, picture: Path) -> PictureFile:
        settings = self._settings()
        if not settings.enabled:
            return made
        suffix = Path(made.name).suffix
        try:
            stored = self._thumbnails.beside(picture, f"signature-{hashlib.sha256(made.data).hexdigest()[:32]}{suffix}")
            if (data := _stored(made.data, stored)) is not None:
                return replace(made, data=data)
            if self._pauses(settings):
                return replace(made, unsigned=True)
            credentials = credentials_of(settings)
            assert credentials is not None
            data = credentials.sign(made.data, suffix, source_type_in(made.data), soft_binding_in(made.data))
            if len(data) > len(made.data) + MANIFEST_BYTES:
                raise SigningUnusable("[c2pa] the manifest is larger than it may be, because of its certificates")
            return replace(made, data=_store(made.data, data, stored))
        except SigningUnusable as problem:
            self._failed = settings, self._clock()
            log.error("sending pictures without a C2PA signature for %.0f minutes: %s", PAUSE_SECONDS / 60, problem)
            return replace(made, unsigned=True)
        except OSError as problem:
            log.error("sent a picture without a C2PA signature: %s", problem)
            return replace(made, unsigned=True)

    def _pauses(self, settings: C2paSettings) -> bool:
        """Whether a signature by the same settings has just failed."""
        if self._failed is None:
            return False
        failed_by, at = self._failed
        return failed_by == settings and self._clock() < at + PAUSE_SECONDS


def _stored(plain: bytes, stored: Path) -> bytes | None:
    """Return the signed file, if its signature is stored. A damaged signature is deleted. Raises OSError."""
    if not stored.is_file():
        return None
    signed = with_added(plain, stored.read_bytes())
    if signed is None:
        stored.unlink(missing_ok=True)
    return signed


def _store(plain: bytes, signed: bytes, stored: Path) -> bytes:
    """Store the signature, and return the file to send: another thread may have signed it first. Raises OSError."""
    stored.parent.mkdir(parents=True, exist_ok=True)
    write_once(stored, added_bytes(plain, signed))
    return _stored(plain, stored) or signed
