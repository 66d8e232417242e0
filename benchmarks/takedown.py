"""How many copies of a picture a takedown finds, and how many unrelated pictures it takes for copies.

The pictures of the notices are painted by the demo checkpoints, and drawn: fractals, shapes, waves, text, landscapes
and portraits. Their copies are encoded anew (JPEG and WebP), resized, enlarged by Lanczos as *Upscale* does, and
cropped by 5 % of a side, of two, or of all. What was painted is also painted over by the worker at a strength of 0.1.
What people do to copies is done to each picture once (`_copied_pictures`): mirrored, turned, framed, captioned, cropped
to a square, put into a sheet of four, shown in a screenshot. Such copies have to be refused. The demo checkpoints paint
64 pixels, which are enlarged before that: a caption needs room for its letters.

Unrelated are pictures of other seeds, half of them changed in the same ways; painted ones show other figures than those
of the notices.

Measures the share of copies that are found, by kind, and of pairs of a notice and an unrelated picture that are taken
for copies: at the distance at which staff look, and at the one at which nobody does. The unrelated pictures are also
taken for verdicts, with which the pictures of the notices are compared as uploads are.
"""

from __future__ import annotations

import asyncio
import io
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks._command import BenchmarkCommand, closing_line
from benchmarks._copied_pictures import TRANSFORMS
from benchmarks._varied_pictures import varied
from bot.app.assembly import open_easel
from bot.app.demo_settings import demo_settings
from bot.config import Settings
from bot.jobs.service import JobService
from bot.pictures.inputs import Inputs
from bot.pictures.similarity.perceptual_hash import (
    FOUND_BELOW,
    REFUSED_BELOW,
    distances,
    is_too_plain,
    notice_hashes,
    picture_hash,
    read,
    upload_hashes,
)
from bot.requests.builder import RequestBuilder, RequestDraft
from inference.messages.request import GenerationRequest
from tools.demo.shapes import SHAPES
from tools.demo.world import COLOURS

LEAST_FOUND, LEAST_CROPS_FOUND, LEAST_CHANGED_REFUSED = 0.98, 0.8, 0.9
MOST_FALSE, MOST_FALSE_REFUSALS = 1 / 10_000, 1 / 100_000  # of pairs
AT_ONCE = 4  # pictures of a request
STRENGTH = 0.1
DRAWN_APART = 2_000_000  # numbers of pictures that a seed may draw
NOTICE_SIDE, OTHER_SIDE, CHANGED_SIDE = 640, 192, 400  # pixels of what is drawn
COMPANY = 12  # other pictures, from which a sheet takes those beside
QUALITIES, SCALES = (30, 60, 95), (0.25, 0.5, 0.75, 1.5, 2.0)
CROP = 0.05
CROPS = ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1), (1, 1, 0, 0), (0, 0, 1, 1), (1, 0, 1, 0), (1, 1, 1, 1))


@dataclass(frozen=True)
class Notice:
    """A picture, and what the worker made of it by painting it over."""

    picture: Image.Image
    painted_over: tuple[Image.Image, ...] = ()


def encoded(picture: Image.Image, kind: str, quality: int) -> bytes:
    """A file of this kind and quality."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, quality=quality)
    return buffer.getvalue()


def uploaded(picture: Image.Image) -> bytes:
    """The hashes of the picture that comes as a JPEG from outside."""
    return upload_hashes(read(encoded(picture, "JPEG", 85)))


def scaled(picture: Image.Image, times: float) -> Image.Image:
    """The picture with sides that are so many times as long."""
    size = (max(1, round(picture.width * times)), max(1, round(picture.height * times)))
    return picture.resize(size, Image.Resampling.LANCZOS)


def enlarged(picture: Image.Image) -> Image.Image:
    """The picture, its longer side at least NOTICE_SIDE."""
    return scaled(picture, max(1.0, NOTICE_SIDE / max(picture.size)))


def cropped(picture: Image.Image, sides: Sequence[int]) -> Image.Image:
    """The picture without CROP of each side that is marked by 1: left, top, right, bottom."""
    left, top, right, bottom = (CROP * side for side in sides)
    width, height = picture.size
    return picture.crop(
        (round(width * left), round(height * top), round(width * (1 - right)), round(height * (1 - bottom)))
    )


def copies(notice: Notice) -> Iterator[tuple[str, Image.Image]]:
    """Kinds of copies, with the copies."""
    picture = notice.picture
    for quality in QUALITIES:
        yield from (("encoded", read(encoded(picture, kind, quality))) for kind in ("JPEG", "WEBP"))
    yield from (("resized", scaled(picture, times)) for times in SCALES)
    yield "upscaled", scaled(picture, 2)
    yield "upscaled", read(encoded(scaled(picture, 2), "JPEG", 60))
    yield from (("varied", copy) for copy in notice.painted_over)
    yield from (("cropped", cropped(picture, sides)) for sides in CROPS)


def unrelated(first: int, count: int) -> Iterator[bytes]:
    """The hashes of so many drawn uploads, half of them changed as copies are."""
    chance, changes = random.Random(first), list(TRANSFORMS.values())
    company = [varied(first + count + each, CHANGED_SIDE) for each in range(COMPANY)]
    for each in range(count):
        if each % 2:
            change = changes[each // 2 % len(changes)]
            yield uploaded(change(chance, varied(first + each, CHANGED_SIDE), company))
        else:
            yield uploaded(varied(first + each, OTHER_SIDE))


class Demo:
    """Paints with the demo checkpoints."""

    def __init__(
        self, settings: Settings, requests: RequestBuilder, jobs: JobService, inputs: Inputs, *, seed: int
    ) -> None:
        self._settings = settings
        self._requests = requests
        self._jobs = jobs
        self._inputs = inputs
        self._chance = random.Random(seed)

    async def paint(self, count: int, figures: Sequence[str]) -> list[tuple[GenerationRequest, Image.Image]]:
        """So many pictures of the figures, with their requests."""
        made: list[tuple[GenerationRequest, Image.Image]] = []
        while len(made) < count:
            checkpoint = self._chance.choice(self._settings.checkpoints)
            figure, (colour, ground) = self._chance.choice(figures), self._chance.sample(COLOURS, 2)
            size = self._chance.choice(checkpoint.sizes)
            draft = RequestDraft(
                prompt=f"a {colour} {figure} on a {ground} background",
                checkpoint=checkpoint.name,
                size=str(size),
                seed=self._chance.randrange(2**31),
                count=min(AT_ONCE, count - len(made)),
            )
            request = await self._requests.build(draft)
            made += [(request, picture) for picture in await self._painted(request)]
        return made

    async def painted_over(self, request: GenerationRequest, picture: Image.Image) -> tuple[Image.Image, ...]:
        """The picture varied twice, with other seeds."""
        path = self._settings.storage.spool / "notice.png"
        picture.save(path)
        kept = await self._inputs.keep_picture(path)
        assert kept is not None
        asked = {"image": kept.at(STRENGTH), "count": 2, "seed": self._chance.randrange(2**31)}
        return tuple(await self._painted(request.model_copy(update=asked)))

    async def _painted(self, request: GenerationRequest) -> list[Image.Image]:
        spool = self._settings.storage.spool
        painted = await self._jobs.paint_in_background(request)
        assert painted is not None
        pictures = [Image.open(io.BytesIO((spool / name).read_bytes())).convert("RGB") for name in painted.files]
        self._jobs.spool.delete(painted.files)
        return pictures


async def painted(notices: int, others: int, seed: int) -> tuple[list[Notice], list[bytes]]:
    """Notices of painted pictures, and the hashes of other painted ones."""
    half = len(SHAPES) // 2
    with tempfile.TemporaryDirectory() as folder:
        async with open_easel(demo_settings(Path(folder))) as easel:
            while not easel.jobs.idle:
                await asyncio.sleep(0.1)
            demo = Demo(easel.configuration.settings, easel.requests, easel.jobs, easel.inputs, seed=seed)
            of_notices = [
                Notice(picture, await demo.painted_over(request, picture))
                for request, picture in await demo.paint(notices, SHAPES[:half])
            ]
            return of_notices, [picture_hash(picture) for _, picture in await demo.paint(others, SHAPES[half:])]


def main() -> int:
    """Measure; the exit code."""
    parser = BenchmarkCommand(__doc__)
    parser.add_size("--notices", 100, 12, "pictures that notices name, of each painted and drawn")
    parser.add_size("--others", 2_000, 300, "unrelated pictures that are drawn")
    parser.add_size("--painted", 800, 40, "unrelated pictures that are painted")
    parser.add_argument("--seed", type=int, default=1, help="other seeds paint and draw other pictures")
    options = parser.read()
    notices, other_painted = asyncio.run(painted(options.notices, options.painted, options.seed))
    first = (options.seed - 1) * DRAWN_APART
    notices += [Notice(varied(first + DRAWN_APART // 2 + each, NOTICE_SIDE)) for each in range(options.notices)]
    others = [*unrelated(first, options.others), *other_painted]
    verdicts = [hashes[: len(other_painted[0])] for hashes in others]

    near: dict[str, list[float]] = {}
    told_of_others: list[list[float]] = []
    wrong_verdicts = 0
    began = time.perf_counter()
    chance, company = random.Random(options.seed), [notice.picture for notice in notices[-COMPANY:]]
    for notice in notices:
        hashes = notice_hashes(notice.picture)
        made = [(kind, picture_hash(copy)) for kind, copy in copies(notice)]
        whole = enlarged(notice.picture)
        made += [(kind, uploaded(change(chance, whole, company))) for kind, change in TRANSFORMS.items()]
        told = distances(hashes, [hashed for _, hashed in made])
        for (kind, _), distance in zip(made, told, strict=True):
            near.setdefault(kind, []).append(distance)
        told_of_others.append(distances(hashes, others))
        upload = uploaded(notice.picture) + hashes
        wrong_verdicts += sum(distances(verdict, [upload])[0] < REFUSED_BELOW for verdict in verdicts)
    pairs = np.array(told_of_others)

    found = {kind: share(told, FOUND_BELOW) for kind, told in near.items()}
    false, refusals = float((pairs < FOUND_BELOW).mean()), float((pairs < REFUSED_BELOW).mean())
    bars = {kind: LEAST_CROPS_FOUND if kind == "cropped" else LEAST_FOUND for kind in found if kind not in TRANSFORMS}
    refused = {kind: share(told, REFUSED_BELOW) for kind, told in near.items()}
    failed = [f"of {kind} copies {found[kind]:.1%} are found" for kind, bar in bars.items() if found[kind] < bar]
    failed += [
        f"of {kind} copies {refused[kind]:.1%} are refused"
        for kind in TRANSFORMS
        if refused[kind] < LEAST_CHANGED_REFUSED
    ]
    if false > MOST_FALSE:
        failed.append(f"{false * 10_000:.2f} of 10,000 unrelated pictures are taken for copies")
    if refusals > MOST_FALSE_REFUSALS:
        failed.append(f"{refusals * 10_000:.2f} of 10,000 unrelated pictures are refused")
    if wrong_verdicts > MOST_FALSE_REFUSALS * pairs.size:
        failed.append(f"{wrong_verdicts} of {pairs.size} pairs of a verdict and an unrelated upload are refused")
    figures = {
        "found": found,
        "refused": refused,
        "false_of_10000": {
            "found": round(false * 10_000, 4),
            "refused": round(refusals * 10_000, 4),
            "refused_by_verdicts": round(wrong_verdicts / pairs.size * 10_000, 4),
            "found_most": int((pairs < FOUND_BELOW).sum(axis=1).max()),
            "found_drawn": round(float((pairs[:, : options.others] < FOUND_BELOW).mean()) * 10_000, 4),
            "found_painted": round(float((pairs[:, options.others :] < FOUND_BELOW).mean()) * 10_000, 4),
        },
        "counted": {
            "notices": len(notices),
            "too_plain": sum(is_too_plain(picture_hash(notice.picture)) for notice in notices),
            "copies": sum(map(len, near.values())),
            "pairs": pairs.size,
        },
        "farthest_99_percent": {kind: round(float(np.quantile(told, 0.99)), 3) for kind, told in near.items()},
        "nearest_unrelated": round(float(pairs.min()), 3),
        "seconds": round(time.perf_counter() - began, 1),
    }
    return closing_line("takedown", figures, failed, quick=options.quick)


def share(told: Sequence[float], limit: float) -> float:
    """The share of distances below the limit."""
    return round(float(np.mean(np.array(told) < limit)), 4)


if __name__ == "__main__":
    sys.exit(main())
