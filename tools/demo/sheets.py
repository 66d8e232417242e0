"""Labelled contact sheets: what the checkpoints paint, and why a LoRA and its base must match."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from tools.demo.captions import simple
from tools.demo.evaluate import lora_prompts
from tools.demo.lessons import LESSONS, Lesson
from tools.demo.paint import apply_lora, load_pipeline, paint
from tools.demo.world import HELD_BACK, LOOKS, Look

ZOOM = 2
TILE = 64 * ZOOM
LABEL = 30
GAP = 6
INK, PAPER = (40, 40, 48), (252, 252, 252)

Cell = tuple[Image.Image, str]


def prompts_sheet(checkpoints: Path, path: Path) -> None:
    """Thirty prompts a base, nothing picked by hand: the first held-back ones and some free ones."""
    prompts = [simple(*combination) for combination in HELD_BACK[:20]] + [
        "a cat", "a tree", "a house", "a fish", "a flower", "a moon",
        "a large green tree on a white background", "a large orange cat on a blue background",
        "a small red star on the left on a yellow background", "blue fish, white background, large",
    ]  # fmt: skip
    rows: list[tuple[str, list[Cell]]] = []
    for look in LOOKS:
        pipe = load_pipeline(checkpoints / look)
        cells = list(zip(paint(pipe, prompts), prompts, strict=True))
        rows += [(f"demo/{look}", cells[i : i + 10]) for i in range(0, len(cells), 10)]
    labelled_sheet(rows).save(path, optimize=True)


def match_sheet(checkpoints: Path, loras: Path, path: Path) -> None:
    """Each LoRA's prompts without it, with it on its own base, and with it on the other base."""
    rows: list[tuple[str, list[Cell]]] = []
    for lesson in LESSONS:
        if lesson.subject == "gloss":
            continue
        prompts = lora_prompts(lesson.subject)[:8]
        other: Look = "pastel" if lesson.look == "vivid" else "vivid"
        pipe = load_pipeline(checkpoints / lesson.look)
        rows.append((f"demo/{lesson.look}, no LoRA", list(zip(paint(pipe, prompts), prompts, strict=True))))
        rows += [_row(lesson, look, prompts, checkpoints, loras) for look in (lesson.look, other)]
    labelled_sheet(rows).save(path, optimize=True)


def _row(lesson: Lesson, look: Look, prompts: list[str], checkpoints: Path, loras: Path) -> tuple[str, list[Cell]]:
    pipe = load_pipeline(checkpoints / look)
    apply_lora(pipe, loras / f"{lesson.stem}.safetensors")
    verdict = "its own base" if look == lesson.look else "THE WRONG BASE"
    title = f"demo/{look} + {lesson.stem} ({verdict})"
    return title, list(zip(paint(pipe, prompts), prompts, strict=True))


def labelled_sheet(rows: Sequence[tuple[str, list[Cell]]]) -> Image.Image:
    """One row of labelled pictures each, under its title."""
    columns = max(len(cells) for _, cells in rows)
    row_height = 18 + TILE + LABEL + GAP
    sheet = Image.new("RGB", (GAP + columns * (TILE + GAP), GAP + len(rows) * row_height), PAPER)
    draw = ImageDraw.Draw(sheet)
    for r, (title, cells) in enumerate(rows):
        top = GAP + r * row_height
        draw.text((GAP, top), title, fill=INK, font=ImageFont.load_default(13))
        for c, (picture, label) in enumerate(cells):
            left = GAP + c * (TILE + GAP)
            sheet.paste(picture.resize((TILE, TILE), Image.Resampling.BICUBIC), (left, top + 18))
            draw.multiline_text(
                (left, top + 19 + TILE), _wrapped(label), fill=INK, font=ImageFont.load_default(10), spacing=1
            )
    return sheet


def _wrapped(text: str, width: int = 24) -> str:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)
