"""The figures of docs/hardware.md that are marked as computed are what the arithmetic of `doctor` gives."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from bot.diagnostics.capacity import CheckpointSize, check_capacity
from bot.diagnostics.facts import MachineFacts
from bot.diagnostics.finding import FindingGrade
from inference.base_models import Architecture, BaseModelId
from inference.checkpoints.memory import MemoryNeed, memory_need, said
from inference.messages.options import Offload
from inference.picture_costs import COSTS
from tests.bot.diagnostics.recorded import GIB, card, torch_for_cuda
from tests.bot.diagnostics.test_capacity import DEV, PONY, SMALL
from tests.test_readme import DOCS, section

PAGE = DOCS / "hardware.md"
LOADS = (SMALL, PONY, DEV)
# Numbers of the published networks, as their configurations have them on torch's meta device.
CLIPS, T5, VAE = (
    {"text_encoder": 123_060_480, "text_encoder_2": 694_659_840},
    {"text_encoder_3": 4_762_310_656},
    83_819_683,
)


def transformer(base: str, numbers: int, encoders: Mapping[str, int], vae: int = VAE) -> CheckpointSize:
    return CheckpointSize(base, BaseModelId(base), {"transformer": numbers, "vae": vae, **encoders}, 1024, 1024, 28)


def packed(load: CheckpointSize) -> CheckpointSize:
    """With its transformer in Q4_K, of 4.5 bits a number."""
    return replace(load, packed={"transformer": load.networks["transformer"] * 9 // 16})


MEDIUM = transformer("sd35m/base", 2_243_171_520, CLIPS | T5)
LARGE = transformer("sd35l/base", 8_056_627_520, CLIPS | T5)
Z_IMAGE = transformer("z-image/base", 6_154_908_736, {"text_encoder": 4_022_468_096})
QWEN_IMAGE = transformer("qwen-image/base", 20_430_401_088, {"text_encoder": 8_292_166_656}, vae=126_892_531)
TRANSFORMERS = (MEDIUM, LARGE, Z_IMAGE, QWEN_IMAGE)
USED = 0.5  # GiB of each card that the system takes
CARDS = (4, 6, 8, 10, 12, 16, 24, 32, 48, 80)  # GiB
MOST = 16  # pictures in a pass that are tried
RATES = {"RTX 3060": 25.6, "RTX 4090": 165.0, "H100": 989.0}  # TFLOP a second, as the page names them


def cells(title: str) -> Iterator[list[str]]:
    """The rows of the tables under a heading, without heads."""
    for row in re.findall(r"^\|(.*)\|$", section(PAGE, title), re.MULTILINE):
        found = [cell.strip() for cell in row.split("|")]
        if set(found[1]) != {"-"}:
            yield found


def needs(load: CheckpointSize, *, accelerator: bool) -> MemoryNeed:
    return memory_need(load.networks, load.base_model, load.pixels, accelerator=accelerator)


def test_the_memory_that_is_told_is_that_which_is_computed() -> None:
    _, *rows = cells("Memory")
    for row, load in zip(rows, (*LOADS, *TRANSFORMERS), strict=True):
        card, cpu = needs(load, accelerator=True), needs(load, accelerator=False)
        more = "" if card.picture else " and more"
        picture = said(card.picture) if card.picture else "?"
        told = [said(card.weights), picture, *(f"{said(each)}{more}" for each in (card.total, card.turns, cpu.total))]
        assert row[1:] == told


def kind_of(load: CheckpointSize, gib: float) -> str:
    """How a card of this size paints it, when the system uses a part of it."""
    facts = MachineFacts(torch=torch_for_cuda(card("Card", (8, 6), gib, USED)), memory=10**12)
    (found,) = check_capacity(facts, [load], ("auto",), Offload.WHEN_SHORT)
    if found.grade is FindingGrade.OK:
        return "all at once"
    return "no" if found.grade is FindingGrade.PROBLEM else "in turns"


def test_what_each_card_can_do_is_what_doctor_would_say() -> None:
    _, *rows = cells("Settings by card")
    first, others = rows[: len(CARDS)], rows[len(CARDS) + 1 :]
    assert [row[0] for row in first] == [row[0] for row in others] == [f"{gib} GB" for gib in CARDS]
    for gib, row, other in zip(CARDS, first, others, strict=True):
        assert [cell.removesuffix(", barely") for cell in row[1:4]] == [kind_of(load, gib) for load in LOADS], row
        assert row[5] == places(gib, row[2])
        loads = (*TRANSFORMERS, *map(packed, (DEV, Z_IMAGE, QWEN_IMAGE)))
        assert [cell.removesuffix(", barely") for cell in other[1:]] == [kind_of(load, gib) for load in loads], other


def places(gib: int, kind: str) -> str:
    """Pictures of SDXL that have memory in one pass; where networks take turns, the denoiser is alone in its step."""
    if kind == "no":
        return "-"
    need, step = needs(PONY, accelerator=True), 2 * COSTS[Architecture.SDXL].pass_numbers * PONY.pixels
    left = (gib - USED) * GIB - (need.turns if kind.startswith("in turns") else need.total)
    return str(max(1, min(MOST, 1 + int(left // step))))


@pytest.mark.parametrize(
    ("name", "architecture", "steps"), [("SD 1.5", Architecture.SD1, 28), ("SDXL, 28", Architecture.SDXL, 28)]
)
def test_seconds_are_the_operations_over_half_the_rate(name: str, architecture: Architecture, steps: int) -> None:
    row = next(row for row in cells("Seconds for a picture") if row[0].startswith(name))
    tflop = COSTS[architecture].picture_tflop(steps, COSTS[architecture].pixels)
    for told, rate in zip(row[1:4], RATES.values(), strict=True):
        seconds = tflop / (rate / 2)
        assert told == (f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s")
