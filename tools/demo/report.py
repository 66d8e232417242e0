"""Prints the figures of a build: accuracy of both checkpoints, and each LoRA on both."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tools.demo.evaluate import Score, effect, grammar_score, held_back_score, lora_prompts
from tools.demo.lessons import LESSONS
from tools.demo.paint import apply_lora, load_pipeline, paint
from tools.demo.world import BUCKETS, LOOKS

GRAMMAR_PROMPTS = 84


def accuracy_table(checkpoints: Path) -> Table:
    """Held-back prompts, and prompts with every size and place in each picture size."""
    heads = ("prompts", "base", "n", "ground", "figure", "shape", "place", "size", "both colours", "all three")
    table = Table(*heads)
    for look in LOOKS:
        pipe = load_pipeline(checkpoints / look)
        _add(table, "held back", look, held_back_score(pipe, look))
        for bucket in BUCKETS:
            title = f"full grammar {bucket[0]}x{bucket[1]}"
            _add(table, title, look, grammar_score(pipe, look, bucket, GRAMMAR_PROMPTS))
    return table


def lora_table(checkpoints: Path, loras: Path) -> Table:
    """The strength of each LoRA's effect without it, on its own base and on the wrong one."""
    table = Table(
        "LoRA", "own base, without", "own base, 0.5", "own base, 1.0", "wrong base, without", "wrong base, 1.0"
    )
    for lesson in LESSONS:
        prompts = lora_prompts(lesson.subject)
        row = [lesson.stem]
        own, wrong = (look for look in sorted(LOOKS, key=lambda look: look != lesson.look))
        for look, weights in ((own, (0.5, 1.0)), (wrong, (1.0,))):
            pipe = load_pipeline(checkpoints / look)
            row.append(f"{effect(paint(pipe, prompts), lesson.subject, look):.2f}")
            apply_lora(pipe, loras / f"{lesson.stem}.safetensors")
            for weight in weights:
                pipe.set_adapters([lesson.stem], [weight])
                row.append(f"{effect(paint(pipe, prompts), lesson.subject, look):.2f}")
        table.add_row(*row)
    return table


def show(checkpoints: Path, loras: Path) -> None:
    """Measure and print everything."""
    console = Console(width=140)
    console.print(accuracy_table(checkpoints))
    console.print(lora_table(checkpoints, loras))


def _add(table: Table, title: str, look: str, score: Score) -> None:
    count, *shares = astuple(score)
    table.add_row(title, look, str(count), *(f"{share:.3f}" for share in shares))
