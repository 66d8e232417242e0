"""`sheet`: a contact sheet by the real worker: each checkpoint, with and without its LoRAs, and a refusal."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from bot.app.assembly import open_easel
from bot.app.demo_settings import demo_settings
from bot.cli import DONE
from bot.cli.paint import paint
from bot.cli.terminal.ending import until_asked
from bot.cli.terminal.progress import progress_bar
from bot.config import CheckpointSettings, ConfigError
from bot.database.loras.catalogue import Lora, browse_loras
from bot.file_access import Need, why
from bot.jobs.service import JobService
from bot.requests.builder import LoraDraft, RequestBuilder, RequestDraft
from inference.errors import BaseModelMismatch, RequestError

PLAIN_PROMPT = "a red star on a blue background"
SEED = 7
TILE, LABEL = 192, 34  # pixels


@dataclass(frozen=True)
class Panel:
    """One picture of the sheet and what stands under it."""

    draft: RequestDraft
    label: str


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--out", type=Path, default=Path("demo-output"), metavar="DIR", help="output file (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Paint the sheet, tell the refusal, say where the sheet lies."""
    try:
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        reason = why(problem, options.out, Need.FOLDER)
        raise ConfigError(f"The folder {options.out} cannot be written: {reason}.") from None
    sheet, refusal = asyncio.run(until_asked(_paint(options.out)))
    if options.json:
        print(json.dumps({"sheet": str(sheet), "refusal": refusal}))
    else:
        print(f"The contact sheet is {sheet}")
        print(f"And one correctly refused request: {refusal}")
    return DONE


async def _paint(out: Path) -> tuple[Path, str]:
    settings = demo_settings(out / "data")
    async with open_easel(settings) as easel:
        loras = (await browse_loras(easel.db, limit=100)).loras
        rows = [_row(checkpoint, loras) for checkpoint in settings.checkpoints]
        panels = [panel for row in rows for panel in row]
        pictures = await _pictures(easel.requests, easel.jobs, settings.storage.pictures, panels, out)
        refusal = await _refused(easel.requests, rows)
    sheet = out / "contact-sheet.png"
    _sheet([[(picture, panel.label) for panel in row for picture in (pictures[panel.label],)] for row in rows]).save(
        sheet
    )
    return sheet, refusal


def _row(checkpoint: CheckpointSettings, loras: Sequence[Lora]) -> list[Panel]:
    """A checkpoint without LoRAs, then once for every LoRA that has a version for it."""
    panels = [
        Panel(
            RequestDraft(prompt=PLAIN_PROMPT, checkpoint=checkpoint.name, seed=SEED),
            f"{checkpoint.name}\n{PLAIN_PROMPT}",
        )
    ]
    for lora in loras:
        for version in lora.usable:
            if version.base_model == checkpoint.base_model:
                prompt = version.found.sidecar.example_prompt or PLAIN_PROMPT
                draft = RequestDraft(
                    prompt=prompt, checkpoint=checkpoint.name, loras=(LoraDraft(name=lora.name),), seed=SEED
                )
                panels.append(Panel(draft, f"{checkpoint.name} + {lora.name}\n{prompt}"))
    return panels


async def _pictures(
    requests: RequestBuilder, jobs: JobService, stored: Path, panels: list[Panel], out: Path
) -> dict[str, Path]:
    pictures: dict[str, Path] = {}
    with progress_bar("generating") as report:
        for i, panel in enumerate(panels):
            report(i, len(panels))
            request = await requests.build(panel.draft)
            target = out / f"{i + 1:02}.png"
            await paint(jobs, stored, request, target, lambda step, steps: None)
            pictures[panel.label] = target
    return pictures


async def _refused(requests: RequestBuilder, rows: list[list[Panel]]) -> str:
    """Ask for a LoRA on the checkpoint that it was not trained on, and return the sentence."""
    for row in rows:
        for panel in row:
            for checkpoint in requests.checkpoints:
                try:
                    await requests.build(
                        RequestDraft(prompt=PLAIN_PROMPT, checkpoint=checkpoint.name, loras=panel.draft.loras)
                    )
                except BaseModelMismatch as refusal:
                    return str(refusal)
    raise RequestError


def _sheet(rows: list[list[tuple[Path, str]]]) -> Image.Image:
    width = max(len(row) for row in rows) * TILE
    sheet = Image.new("RGB", (width, len(rows) * (TILE + LABEL)), "white")
    draw = ImageDraw.Draw(sheet)
    for y, row in enumerate(rows):
        for x, (path, label) in enumerate(row):
            corner = (x * TILE, y * (TILE + LABEL))
            with Image.open(path) as picture:
                sheet.paste(picture.resize((TILE - 4, TILE - 4), Image.Resampling.LANCZOS), corner)
            draw.multiline_text((corner[0] + 4, corner[1] + TILE), label, fill="black")
    return sheet
