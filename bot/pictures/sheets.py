"""Contact sheets: the pictures of a job's variants side by side, each labelled with its difference."""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from bot.i18n import _
from bot.requests.variants import VariantName, names_of
from inference.files.image_files import BROKEN, opened
from inference.messages.request import GenerationRequest

log = logging.getLogger(__name__)

SMALLEST, LARGEST = 256, 768  # pixels of a tile's longer side: small pictures are enlarged, large ones reduced
GAP = 8  # pixels between tiles
WIDTH_TO_HEIGHT = 1.5  # of a whole sheet, as nearly as possible
BACKGROUND, MISSING, INK = "#1b1d22", "#2c2f36", "#f2f3f5"
MAX_DRAWN = 22  # characters of a LoRA's name on a tile; a longer one gets a letter

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def letters_of(request: GenerationRequest) -> dict[str, str]:
    """Letters for the LoRAs whose names cannot be drawn: too long, or in a script that the font lacks."""
    odd = [use.name for use in request.loras if len(use.name) > MAX_DRAWN or not can_draw(use.name)]
    return {name: chr(ord("A") + number) for number, name in enumerate(odd)}


def captions(request: GenerationRequest) -> list[str]:
    """The caption of each picture, in characters that the font can draw."""
    letters = letters_of(request)
    return [_caption(name, letters) for name in names_of(request)]


def compose(pictures: Sequence[Path | None], request: GenerationRequest) -> bytes:
    """The sheet as PNG; a missing or damaged picture leaves its tile empty. Reads and encodes: run it in a thread."""
    tile = _tile_size(request)
    told = captions(request)
    font = _font(max(20, tile[1] // 10))
    band = int(font.getbbox("Ag")[3] * 1.7)
    columns = _columns(len(told), tile[0] + GAP, tile[1] + band + GAP)
    rows = -(-len(told) // columns)
    sheet = Image.new("RGB", (columns * (tile[0] + GAP) + GAP, rows * (tile[1] + band + GAP) + GAP), BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    for number, caption in enumerate(told):
        x = GAP + number % columns * (tile[0] + GAP)
        y = GAP + number // columns * (tile[1] + band + GAP)
        sheet.paste(_tile(pictures[number], tile), (x, y))
        draw.text((x + tile[0] // 2, y + tile[1] + band // 2), _fitted(caption, font, tile[0]), INK, font, anchor="mm")
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    return buffer.getvalue()


@lru_cache(maxsize=1024)  # names of LoRAs come and go
def can_draw(text: str) -> bool:
    """Whether Pillow's own font has a glyph for every character of `text`."""
    nothing = _glyph("\U0010ffff")
    return all(character.isspace() or _glyph(character) != nothing for character in text)


def _glyph(character: str) -> bytes:
    """The pixels of one character."""
    box = Image.new("L", (48, 48))
    ImageDraw.Draw(box).text((8, 8), character, 255, _font(24))
    return box.tobytes()


def _caption(name: VariantName, letters: dict[str, str]) -> str:
    if name.lora is not None:
        return f"{name.weight:g}" if name.weight else _without(letters.get(name.lora, name.lora))
    if not name.without:
        return _drawn(_("all LoRAs"), "all LoRAs")
    if name.everything:
        return _drawn(_("without LoRAs"), "without LoRAs")
    return _without(", ".join(letters.get(lora, lora) for lora in name.without))


def _without(loras: str) -> str:
    return _drawn(_("without {loras}").format(loras=loras), f"without {loras}")


def _drawn(text: str, english: str) -> str:
    """`text` if the font can draw it, else `english`: the font has Latin letters only."""
    return text if can_draw(text) else english


def _tile_size(request: GenerationRequest) -> tuple[int, int]:
    longer = max(request.width, request.height)
    scale = min(max(longer, SMALLEST), LARGEST) / longer
    return round(request.width * scale), round(request.height * scale)


def _columns(count: int, width: int, height: int) -> int:
    """How many tiles make a row: the sheet should come near to WIDTH_TO_HEIGHT and have few empty places."""

    def fault(columns: int) -> float:
        rows = -(-count // columns)
        ratio = columns * width / (rows * height) / WIDTH_TO_HEIGHT
        return max(ratio, 1 / ratio) * (1 + (columns * rows - count) / 2)

    return min(range(1, count + 1), key=fault)


def _tile(path: Path | None, size: tuple[int, int]) -> Image.Image:
    try:
        if path is not None:
            with opened(path, ["PNG"]) as picture:
                return picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    except FileNotFoundError:
        pass
    except BROKEN as problem:
        log.warning("the picture %s is damaged: %s", path, problem)
    return Image.new("RGB", size, MISSING)


def _fitted(text: str, font: Font, width: int) -> str:
    """The text, cut where it would be wider than its tile."""
    short = text
    while len(short) > 1 and font.getlength(short if short == text else f"{short}…") > width:
        short = short[:-1].rstrip()
    return short if short == text else f"{short}…"


@cache
def _font(size: int) -> Font:
    return ImageFont.load_default(size)
