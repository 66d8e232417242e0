"""Attachments as they are made where no certificate is set."""

from __future__ import annotations

from pathlib import Path

from bot.pictures.signing.attachments import SignedAttachments
from bot.pictures.thumbnails import Thumbnails


def attachments(folder: Path) -> SignedAttachments:
    return SignedAttachments(Thumbnails(folder / "thumbnails", folder))
