"""Paints the pictures of `/guide` with the demo checkpoints and LoRAs: `python -m tools.guide`.

They hold no words, only numbers, so that every language can use them. All but the one that shows why base models must
match are painted by Easel itself; that one Easel refuses to paint, so it comes from the training tools.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from bot.app.assembly import open_easel
from bot.app.demo_settings import demo_settings
from bot.cli.paint import paint as paint_one
from bot.jobs.service import JobService
from bot.requests.builder import LoraDraft, RequestBuilder, RequestDraft
from bot.requests.regions import by_sides
from bot.ui.guide import PICTURES
from inference.demo import CHECKPOINTS, LORAS
from inference.regions import RegionName
from tools.demo.paint import apply_lora, load_pipeline, paint

TILE, GAP, LABEL = 192, 8, 30  # pixels
INK, PAPER = (235, 235, 240), (43, 45, 49)
OWL = "komori on a yellow background"
STAR = "a large red star on a yellow background"
HEART = "a large red heart on a blue background"
CAT = "a white cat on a blue background"
PAIR = "komori | a red heart | on a yellow background"
WEIGHTS = (0, 0.4, 0.8, 1.2, 2.0, 3.0)
PAIR_SEED = 7
SEED = 3  # at which the checkpoints paint something for "komori" without its LoRA too

Row = Sequence[Image.Image]


class PicturePainter:
    """Paints as the program does. `stored` are its pictures, `folder` one that is thrown away."""

    def __init__(self, requests: RequestBuilder, jobs: JobService, stored: Path, folder: Path) -> None:
        self._requests = requests
        self._jobs = jobs
        self._stored = stored
        self._folder = folder

    async def __call__(
        self,
        prompt: str,
        checkpoint: str = "vivid",
        seed: int = SEED,
        *,
        steps: int | None = None,
        sides: Mapping[str, RegionName] | None = None,
        **loras: float,
    ) -> Image.Image:
        """One picture; with `sides` of LoRAs the prompt has words for each."""
        draft = RequestDraft(
            prompt=prompt,
            checkpoint=checkpoint,
            seed=seed,
            steps=steps,
            loras=tuple(
                LoraDraft(name=name, weight=weight, region=(sides or {}).get(name))
                for name, weight in loras.items()
                if weight
            ),
        )
        target = self._folder / "picture.png"
        request = await self._requests.build(by_sides(draft))
        await paint_one(self._jobs, self._stored, request, target, lambda step, steps: None)
        with Image.open(target) as picture:
            return picture.convert("RGB")


async def paint_all(one: PicturePainter) -> None:
    """Paint every picture and put it where the guide looks for it."""
    owl, star, heart = await one(OWL, Komori=1.0), await one(STAR, Stripes=1.0), await one(HEART, Gloss=1.0)
    plain_owl = await one(OWL)
    _save("lora", [[plain_owl, owl]])
    kinds = [plain_owl, await one(STAR), await one(HEART)], [owl, star, heart]
    _save("categories", [[_labelled(picture, str(number)) for number, picture in enumerate(row, 1)] for row in kinds])
    pastel_owl = await one("komori on a green background", "pastel", Komori=1.0)
    _save("library", [[owl, star, heart, pastel_owl, await one(CAT, "pastel", **{"Polka Dots": 1.0})]])
    _save("base-models", [[owl, await asyncio.to_thread(_on_the_other_base)]])
    strip = [_labelled(await one(OWL, Komori=weight), f"{weight:g}") for weight in WEIGHTS]
    _save("weights", [strip[:3], strip[3:]])
    hurried = [_labelled(await one(OWL, Komori=1.0, steps=steps), f"{steps}") for steps in (2, 4, 8, 16)]
    _save("few-steps", [hurried])
    both, less = await one(OWL, Komori=1.0, Stripes=1.0), await one(OWL, Komori=0.9, Stripes=0.6)
    _save("combining", [[owl, await one(OWL, Stripes=1.0), both, less]])
    together = await one(PAIR.replace(" | ", ", "), seed=PAIR_SEED, Komori=1.0, Stripes=1.0)
    sides = {"Komori": RegionName.LEFT, "Stripes": RegionName.RIGHT}
    apart = await one(PAIR, seed=PAIR_SEED, sides=sides, Komori=1.0, Stripes=1.0)
    _save("two-characters", [[together, apart]])
    _save("trouble", [[owl, await one(OWL, Komori=0.1), await one(OWL, Komori=WEIGHTS[-1])]])


def _on_the_other_base() -> Image.Image:
    """What Easel refuses: the owl's LoRA on the checkpoint that it was not trained on."""
    pipe = load_pipeline(CHECKPOINTS[1].path)
    apply_lora(pipe, LORAS / "komori-vivid.safetensors")
    return paint(pipe, [OWL], seed=SEED)[0]


def _tile(picture: Image.Image) -> Image.Image:
    return picture.resize((TILE, TILE), Image.Resampling.LANCZOS)


def _labelled(picture: Image.Image, label: str) -> Image.Image:
    tile = Image.new("RGB", (TILE, TILE + LABEL), PAPER)
    tile.paste(_tile(picture), (0, 0))
    ImageDraw.Draw(tile).text((TILE // 2, TILE + LABEL // 2), label, INK, ImageFont.load_default(22), anchor="mm")
    return tile


def _save(name: str, rows: Sequence[Row]) -> None:
    tiles = [[picture if picture.height > TILE else _tile(picture) for picture in row] for row in rows]
    height = tiles[0][0].height + GAP
    sheet = Image.new("RGB", (len(tiles[0]) * (TILE + GAP) - GAP, len(tiles) * height - GAP), PAPER)
    for y, row in enumerate(tiles):
        for x, tile in enumerate(row):
            sheet.paste(tile, (x * (TILE + GAP), y * height))
    path = PICTURES / f"{name}.webp"
    sheet.save(path, quality=88, method=6)
    print(f"{path} {path.stat().st_size // 1024} kB")


async def _run() -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = demo_settings(Path(folder))
        async with open_easel(settings) as easel:
            await paint_all(PicturePainter(easel.requests, easel.jobs, settings.storage.pictures, Path(folder)))


def main() -> int:
    """Paint them all."""
    argparse.ArgumentParser(prog="python -m tools.guide", description=__doc__).parse_args()
    asyncio.run(_run())
    return 0


if __name__ == "__main__":
    sys.exit(main())
