"""A finished picture whose file is damaged ends in a reply, without endless retries."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from bot.database.clock import now_ms
from bot.database.database import open_database
from bot.database.jobs.deliveries import FIND_DELIVERY, OPEN_DELIVERY, DeliveryState
from bot.database.jobs.jobs import create_job
from bot.database.pictures.pictures import Picture
from bot.servers.server_cache import ServerCache
from bot.ui.delivery.delivery import Deliverer
from tests.bot.pictures.unsigned import attachments
from tests.bot.ui.delivery.test_delivery_model import CHANNEL, PERSON, Discord
from tests.inference.requests import request, use


def whole() -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 50).save(buffer, "PNG")
    return buffer.getvalue()


DAMAGED = {
    "gone": None,
    "empty": b"",
    "words that cannot be read": whole()[:33] + b"\0\0\0\5zTXtparam\0\0\0\0" + whole()[33:60],
    "cut": whole()[:-200],
    "no picture": b"no picture",
}


@pytest.mark.parametrize("damage", DAMAGED)
@pytest.mark.parametrize("variants", [(), ((0.0,), (1.0,))], ids=["pictures", "variants"])
async def test_a_damaged_picture_is_reported_once(
    tmp_path: Path, damage: str, variants: tuple[tuple[float, ...], ...]
) -> None:
    made = request(loras=(use(),), count=2, variants=variants)
    (tmp_path / "0.png").write_bytes(whole())
    if (data := DAMAGED[damage]) is not None:
        (tmp_path / "1.png").write_bytes(data)
    discord = Discord(private=False)
    async with open_database(tmp_path / "easel.sqlite3") as db:
        job = await create_job(db, made, person_id=PERSON, channel_id=CHANNEL, server_id=None)
        await db.run(OPEN_DELIVERY, job=job.id, private=False, shows_prompt=False, ticket=None, now=now_ms())
        pictures = tuple(
            Picture(n, job.id, PERSON, n, f"{n}.png", made.width, made.height, n, job.created_at, ()) for n in range(2)
        )
        await Deliverer(discord, db, tmp_path, attachments(tmp_path), ServerCache(db)).deliver(job, pictures, None)
        delivery = await db.one(FIND_DELIVERY, job.id)
    assert delivery is not None and delivery.state is DeliveryState.SENT
    assert [message.shows for message in discord.messages.values()] == ["result"]
