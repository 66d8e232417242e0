"""What the watermark survives, how much it changes pictures, and how long it takes: `--weights` names its folder.

Draws pictures whose shorter side has at least 512 pixels, marks them, and changes them as happens to posted pictures:
WebP and JPEG of quality 80, half the size, 10 % cut off on the left and above, and half the size as JPEG. Then reads
the payload. Pictures without a watermark are read too: none may have a payload of this installation.

Without `--weights`, it measures nothing.
"""

from __future__ import annotations

import io
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks._command import BenchmarkCommand, closing_line
from benchmarks._varied_pictures import varied
from inference.messages.options import WatermarkModel, WatermarkSpec
from inference.watermark.marking import INSTALLATION_BITS, JOB_BITS, Payload, Watermark
from inference.watermark.trustmark import open_watermark

SIDES = (768, 1024, 1280)  # pixels of the longer side; the shorter one has at least two thirds
UNMARKED_SIDE = 768
CUT = 0.1  # share of width and height that a crop removes
LEAST_PSNR, MOST_MILLISECONDS = 40.0, 150.0  # dB, and for a megapixel


def encoded(picture: Image.Image, form: str) -> Image.Image:
    """The picture after it was saved at quality 80."""
    buffer = io.BytesIO()
    picture.save(buffer, form, quality=80)
    return Image.open(buffer).convert("RGB")


def half(picture: Image.Image) -> Image.Image:
    """The picture at half the size."""
    return picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.BICUBIC)


def cropped(picture: Image.Image) -> Image.Image:
    """The picture without its left and upper edge."""
    return picture.crop((round(picture.width * CUT), round(picture.height * CUT), picture.width, picture.height))


CHANGES: Mapping[str, Callable[[Image.Image], Image.Image]] = {
    "unchanged": lambda picture: picture,
    "webp": lambda picture: encoded(picture, "WEBP"),
    "jpeg": lambda picture: encoded(picture, "JPEG"),
    "half": half,
    "cropped": cropped,
    "half_jpeg": lambda picture: encoded(half(picture), "JPEG"),
}
LEAST_READ = {"unchanged": 0.99, "webp": 0.99, "jpeg": 0.99, "half": 0.95, "cropped": 0.95}


@dataclass
class Figures:
    """The payloads that were read after each change, PSNR in dB, and the seconds for each megapixel.

    `seeming` counts pictures without a watermark in which any payload was read; `ours`, one of this installation.
    """

    read: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CHANGES, 0))
    psnr: list[float] = field(default_factory=list[float])
    seconds: list[float] = field(default_factory=list[float])
    seeming: int = 0
    ours: int = 0

    @property
    def failed(self) -> list[str]:
        """What is not as it must be."""
        count = len(self.psnr)
        least = LEAST_READ.items()
        found = [f"{self.read[name] / count:.1%} read: {name}" for name, x in least if self.read[name] < x * count]
        if (psnr := float(np.mean(self.psnr))) < LEAST_PSNR:
            found.append(f"PSNR is {psnr:.1f} dB")
        if (milliseconds := self.milliseconds) > MOST_MILLISECONDS:
            found.append(f"a megapixel takes {milliseconds:.0f} ms")
        return [*found, f"{self.ours} unmarked pictures seem to be marked"] if self.ours else found

    @property
    def milliseconds(self) -> float:
        """For a megapixel, on the average."""
        return 1000 * float(np.mean(self.seconds))

    @property
    def line(self) -> dict[str, object]:
        """The figures of the closing line."""
        shares = {name: round(read / len(self.psnr), 4) for name, read in self.read.items()}
        psnr = {"psnr": round(float(np.mean(self.psnr)), 1), "lowest_psnr": round(min(self.psnr), 1)}
        return {"read": shares, **psnr, "milliseconds": round(self.milliseconds), "seeming_marked": self.seeming}


def measure(watermark: Watermark, marked: int, unmarked: int, seed: int) -> Figures:
    """Mark, change and read this many pictures, and read others that have no watermark."""
    figures, chance = Figures(), random.Random(seed)
    installation = chance.getrandbits(INSTALLATION_BITS)
    for picture in drawn(marked, seed):
        payload = Payload(installation, chance.getrandbits(JOB_BITS))
        began = time.perf_counter()
        made = watermark.embed(picture, payload)
        watermark.read(made)  # the worker reads each one back
        figures.seconds.append((time.perf_counter() - began) * 1e6 / (picture.width * picture.height))
        figures.psnr.append(psnr(picture, made))
        for name, change in CHANGES.items():
            figures.read[name] += watermark.read(change(made)) == payload
    for number in range(unmarked):
        found = watermark.read(varied(-1 - number - seed * 1_000_000, UNMARKED_SIDE).convert("RGB"))
        figures.seeming += found is not None
        figures.ours += found is not None and found.installation == installation
    return figures


def drawn(count: int, seed: int) -> Iterator[Image.Image]:
    """Drawn pictures of several sizes."""
    for number in range(seed * 1_000_000, seed * 1_000_000 + count):
        yield varied(number, SIDES[number % len(SIDES)]).convert("RGB")


def psnr(before: Image.Image, after: Image.Image) -> float:
    """How alike two pictures are, in dB; 99 for equal ones."""
    error = float(np.mean((np.asarray(before, np.float32) - np.asarray(after, np.float32)) ** 2))
    return 10 * float(np.log10(255**2 / error)) if error else 99.0


def main() -> int:
    """Measure; the exit code."""
    parser = BenchmarkCommand(__doc__)
    parser.add_size("--marked", 500, 20, "pictures with a watermark")
    parser.add_size("--unmarked", 2000, 40, "pictures without one")
    parser.add_argument("--weights", type=Path, help="the folder of the weights, as in [watermark] path")
    parser.add_argument("--model", type=WatermarkModel, default=WatermarkModel.TRUSTMARK_P, help="as in [watermark]")
    parser.add_argument("--strength", type=float, default=1.0, help="as in [watermark]")
    parser.add_argument("--device", default="cpu", help="as torch names it")
    parser.add_argument("--seed", type=int, default=1, help="other seeds draw other pictures")
    options = parser.read()
    if options.weights is None:
        return closing_line("watermark", {"marked": 0, "skipped": "no --weights"}, [], quick=options.quick)
    spec = WatermarkSpec(
        source=str(options.weights), model=options.model, strength=options.strength, on_device=options.device != "cpu"
    )
    figures = measure(open_watermark(spec, options.device), options.marked, options.unmarked, options.seed)
    return closing_line("watermark", figures.line, figures.failed, quick=options.quick)


if __name__ == "__main__":
    sys.exit(main())
