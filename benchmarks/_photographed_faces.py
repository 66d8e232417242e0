"""Photographs with a face, changed as uploads are: mirrored, leaning, cropped, small, dark, grey, pasted, encoded."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator, Sequence

from PIL import Image, ImageEnhance, ImageOps

from benchmarks._varied_pictures import colour


def changed_faces(photographs: Sequence[Image.Image], count: int, seed: int) -> Iterator[Image.Image]:
    """Yield `count` changed pictures, from the photographs in turn."""
    chance = random.Random(seed)
    for number in range(count):
        yield _changed(photographs[number % len(photographs)].convert("RGB"), chance)


def _changed(picture: Image.Image, chance: random.Random) -> Image.Image:
    if chance.random() < 0.5:
        picture = ImageOps.mirror(picture)
    if chance.random() < 0.5:
        picture = picture.rotate(chance.uniform(-10, 10), Image.Resampling.BICUBIC, fillcolor=colour(chance))
    if chance.random() < 0.5:
        cut = [chance.uniform(0, 0.1) for _ in range(4)]
        width, height = picture.size
        right, bottom = round(width * (1 - cut[2])), round(height * (1 - cut[3]))
        picture = picture.crop((round(width * cut[0]), round(height * cut[1]), right, bottom))
    picture = ImageOps.contain(picture, (side := chance.choice((384, 512, 768, 1024)), side))
    picture = ImageEnhance.Brightness(picture).enhance(chance.uniform(0.65, 1.35))
    picture = ImageEnhance.Contrast(picture).enhance(chance.uniform(0.75, 1.3))
    picture = ImageEnhance.Color(picture).enhance(chance.uniform(0, 1.5))
    if chance.random() < 0.2:
        ground = Image.new("RGB", (round(picture.width * 1.4), round(picture.height * 1.4)), colour(chance))
        ground.paste(picture, (chance.randrange(ground.width // 4), chance.randrange(ground.height // 4)))
        picture = ground
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=chance.choice((40, 70, 95)))
    return Image.open(buffer).convert("RGB")
