"""Attachments with a C2PA manifest, where the settings have a certificate: signed once, and the same bytes after that.

What is signed is the file as it is sent, since each form has bytes of its own: the PNG, the one without words, WebP,
JPEG, a sheet. Its copy is kept beside the thumbnails of the picture and goes with them, so that a result that is
delivered again, also after a restart, is the same file.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from bot.config.c2pa import C2paSettings
from bot.pictures.attachments import DEFAULT_LIMIT, PictureFile, fit, fitted
from bot.pictures.credentials import SigningUnusable, credentials_of
from bot.pictures.thumbnails import Thumbnails
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

    def fit(
        self, picture: Path, limit: int = DEFAULT_LIMIT, *, words: bool = True, keep_copy: bool = True
    ) -> PictureFile:
        """See `bot.pictures.attachments.fit`; without `keep_copy` what is signed is not kept. Raises one of DAMAGED."""
        made = fit(picture, self._within(limit), words=words)
        return self._signed(made, picture, keep_copy=keep_copy)

    def fitted(self, name: str, data: bytes, limit: int, picture: Path) -> PictureFile:
        """See `bot.pictures.attachments.fitted`; what is made of `picture` goes with it. Raises one of DAMAGED."""
        return self._signed(fitted(name, data, self._within(limit)), picture)

    def _within(self, limit: int) -> int:
        return max(limit - MANIFEST_BYTES, limit // 2) if self._settings().enabled else limit

    def _signed(self, made: PictureFile, picture: Path, *, keep_copy: bool = True) -> PictureFile:
        settings = self._settings()
        if not settings.enabled:
            return made
        suffix = Path(made.name).suffix
        try:
            name = f"signed-{hashlib.sha256(made.data).hexdigest()[:32]}{suffix}"
            kept = self._thumbnails.beside(picture, name)
            if kept is not None and kept.is_file():
                return replace(made, data=kept.read_bytes())
            if self._pauses(settings):
                return replace(made, unsigned=True)
            credentials = credentials_of(settings)
            assert credentials is not None
            data = credentials.sign(made.data, suffix, source_type_in(made.data), soft_binding_in(made.data))
            if len(data) > len(made.data) + MANIFEST_BYTES:
                raise SigningUnusable("[c2pa] the manifest is larger than it may be, because of its certificates")
            if kept is not None and keep_copy:
                _keep(kept, data)
        except SigningUnusable as problem:
            self._failed = settings, self._clock()
            log.error("sending pictures without a C2PA signature for %.0f minutes: %s", PAUSE_SECONDS / 60, problem)
            return replace(made, unsigned=True)
        except OSError as problem:
            log.error("sent a picture without a C2PA signature: %s", problem)
            return replace(made, unsigned=True)
        return replace(made, data=data)

    def _pauses(self, settings: C2paSettings) -> bool:
        """Whether a signature by the same settings has just failed."""
        if self._failed is None:
            return False
        failed_by, at = self._failed
        return failed_by == settings and self._clock() < at + PAUSE_SECONDS


def _keep(kept: Path, data: bytes) -> None:
    """Write it whole or not at all. Raises OSError."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=kept.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    Path(partial).replace(kept)
