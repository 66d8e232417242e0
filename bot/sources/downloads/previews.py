"""The preview that a LoRA's page shows, made small and put beside its file."""

from __future__ import annotations

import asyncio
import io
import logging
from pathlib import Path

from bot.background import Pool
from bot.sources.downloads.placing import PART, preview_path
from bot.sources.errors import SourceError
from bot.sources.hubs.http import SourceHttp
from bot.sources.hubs.remote import RemoteVersion
from inference.content_rating import ContentRating
from inference.files.image_files import BROKEN, on_white, opened, reduced

log = logging.getLogger(__name__)

MAX_BYTES = 20 * 2**20
SIDE = 1024  # pixels
_FORMATS = ("PNG", "JPEG", "WEBP")
_pool = Pool("previews", 1)


async def keep_preview(http: SourceHttp, version: RemoteVersion, lora: Path) -> None:
    """Fetch the preview of a version and keep it beside its file; one that cannot be had is left out.

    So is one that is rated above the LoRA itself: it would be shown wherever the LoRA is. A picture that nobody has
    rated may be explicit.
    """
    shown = version.rating or ContentRating.GENERAL
    if version.preview is None or (version.preview_rating or ContentRating.EXPLICIT) > shown:
        return
    try:
        data = await http.get_bytes(version.preview, MAX_BYTES)
        small = await _pool.run(_small, data)
        await asyncio.to_thread(_keep, preview_path(lora), small)
    except (SourceError, OSError, *BROKEN) as problem:
        log.info("no preview of %s: %s", version.name, problem)


def _keep(path: Path, picture: bytes) -> None:
    """Write it in one step: a program that ends in the middle leaves no half. Raises OSError."""
    beside = path.with_name(f"{path.name}{PART}")
    try:
        beside.write_bytes(picture)
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def _small(data: bytes) -> bytes:
    """The picture as a PNG without anything that its file says beside. Raises one of BROKEN."""
    with opened(data, _FORMATS, side=SIDE) as image:
        small = on_white(reduced(image, SIDE))
    file = io.BytesIO()
    small.save(file, "PNG")
    return file.getvalue()
