"""Reads the watermark of a picture, for commands of the command line.

It loads torch, so the running bot never calls it.
"""

from __future__ import annotations

from functools import lru_cache

from PIL import Image

from bot.config.sections.watermark import WatermarkSettings
from bot.database.database import Database
from bot.database.key_values import INSTALLATION, RECALL_VALUE
from inference.messages.options import WatermarkSpec
from inference.watermark.marking import Payload, Watermark, installation_number
from inference.watermark.trustmark import open_watermark


async def watermark_installation(db: Database) -> int:
    """The number of this installation in payloads. Raises DatabaseError."""
    database_id = await db.one(RECALL_VALUE, INSTALLATION)
    assert database_id is not None, "schema.sql stores it"
    return installation_number(database_id)


def read_watermark(settings: WatermarkSettings, picture: Image.Image) -> Payload | None:
    """Read the payload in a picture; None without one, or if [watermark] is off.

    The picture was made by this Easel only if the payload's `installation` is that of `watermark_installation`: about 1
    of 2,000 pictures without a watermark seems to have a random payload. `job` is then its job, or 0 for a sample.
    Blocks, and loads the model on the first call. Raises WatermarkUnusable.
    """
    spec = settings.spec()
    return None if spec is None else _opened(spec.model_dump_json()).read(picture.convert("RGB"))


@lru_cache(maxsize=1)
def _opened(spec: str) -> Watermark:
    return open_watermark(WatermarkSpec.model_validate_json(spec), "cpu")
