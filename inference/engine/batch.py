"""The running batch: requests that share each forward pass of the denoiser, and join and leave between two of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch

from inference.engine.additions import Addition, Split
from inference.engine.bench import Bench
from inference.engine.board import Additions
from inference.engine.checkpoints import Checkpoint
from inference.engine.run import Conditions, Run
from inference.errors import InferenceError, LoraNotAtWork, NotANumberPicture


@dataclass(frozen=True)
class _Seating:
    """Who sits where: runs with their rows, conditions of all rows, and what the layers add for them."""

    runs: tuple[Run, ...]
    additions: Additions
    conditions: Conditions


class Batch:
    """Runs of one checkpoint and one `Run.shape`. What goes wrong with one of them is its own affair."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        self._benches = {rows: Bench(checkpoint.board, rows) for rows in (2, 1)}
        self._seating: _Seating | None = None
        self.runs: list[Run] = []

    def join(self, run: Run) -> None:
        """Take part from the next step on."""
        self.runs.append(run)
        self._seating = None

    def leave(self, run: Run) -> None:
        """Take part no more; who sat last takes the place, so that the others keep theirs."""
        place = self.runs.index(run)
        last = self.runs.pop()
        if last is not run:
            self.runs[place] = last
        self._seating = None

    @torch.no_grad()
    def step(self) -> dict[Run, InferenceError]:
        """One forward pass and one step of every run's sampler. Returns the runs that cannot go on, and why."""
        new = self._seating is None
        seating = self._seating = self._seating or self._seat()
        given = [run.given() for run in seating.runs]
        latents = torch.cat([rows for rows, _ in given])
        times = torch.cat([time for _, time in given]).to(latents.device)
        with self.checkpoint.board.showing(seating.additions):
            said = self.checkpoint.pipeline.unet(latents, times, return_dict=False, **_options(seating.conditions))[0]
        failed: dict[Run, InferenceError] = {}
        finite = said.isfinite().flatten(1).all(1).tolist()
        row = 0
        for run, (rows, _) in zip(seating.runs, given, strict=True):
            own = slice(row, row + len(rows))
            row += len(rows)
            problem = self._idle(run) if new else None
            if problem is not None or not all(finite[own]):
                failed[run] = problem or NotANumberPicture()
                continue
            run.advance(said[own])
        return failed

    def _seat(self) -> _Seating:
        by_rows = {rows: [run for run in self.runs if run.rows == rows] for rows in self._benches}
        runs = tuple(run for rows in by_rows.values() for run in rows)
        stretches: list[tuple[slice, Additions]] = []
        row = 0
        for rows, sharers in by_rows.items():
            worn = [one.loras for run in sharers for one in run.dressed]
            if worn:
                end = row + rows * len(worn)
                stretches.append((slice(row, end), self._benches[rows].seat(worn)))
                row = end
        return _Seating(runs, _side_by_side(stretches), _together(run.conditions for run in runs))

    def _idle(self, run: Run) -> LoraNotAtWork | None:
        """After a forward pass every layer has run once: one whose change did not run would make half a LoRA of it."""
        board = self.checkpoint.board
        expected = {place for one in run.dressed for place in one.loras.denoiser}
        idle = board.idle(expected)
        if not idle:
            return None
        return LoraNotAtWork(
            checkpoint=self.checkpoint.spec.name,
            modules=[".".join(board.keys[place]) for place in idle[:3]],
            active=len(expected) - len(idle),
            expected=len(expected),
        )


def _side_by_side(stretches: Sequence[tuple[slice, Additions]]) -> Additions:
    """The additions of several stretches of rows as one."""
    if len(stretches) == 1:
        return stretches[0][1]
    shown: list[Addition | Split | None] = []
    for at_place in zip(*(additions for _, additions in stretches), strict=True):
        parts = [
            (rows, addition)
            for (rows, _), addition in zip(stretches, at_place, strict=True)
            if isinstance(addition, Addition)
        ]
        shown.append(Split(tuple(parts)) if parts else None)
    return shown


def _together(several: Iterable[Conditions]) -> Conditions:
    all_rows = list(several)
    found = {field.name: [getattr(each, field.name) for each in all_rows] for field in fields(Conditions)}
    return Conditions(**{name: torch.cat(parts) for name, parts in found.items() if parts[0] is not None})


def _options(conditions: Conditions) -> dict[str, Any]:
    options: dict[str, Any] = {"encoder_hidden_states": conditions.words, "timestep_cond": conditions.guidance}
    if conditions.pooled is not None:
        options["added_cond_kwargs"] = {"text_embeds": conditions.pooled, "time_ids": conditions.time_ids}
    return options
