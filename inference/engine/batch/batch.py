"""The running batch: requests that share each forward pass of the denoiser, and join and leave between two of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch

from inference.engine.batch.run import Conditions, Run
from inference.engine.layers.layer_hooks import Additions, Said
from inference.engine.layers.slots import Bench
from inference.engine.models.checkpoints import Checkpoint
from inference.engine.models.decode import decode
from inference.errors import InferenceError, LoraNotAtWork, NotANumberPicture


@dataclass(frozen=True)
class _Pass:
    """One forward pass: conditions of its rows, and what the layers add for them.

    `said` is what layers make of the words of all rows, the same in each step; None: they are asked each time.
    """

    rows: int
    additions: Additions
    conditions: Conditions
    said: Said | None


@dataclass(frozen=True)
class _Seating:
    """Who sits where: all rows of `runs`, in order, in one pass, or where memory is short in several."""

    runs: tuple[Run, ...]
    passes: tuple[_Pass, ...]


class Batch:
    """Runs of one checkpoint and one `Run.shape`. What goes wrong with one of them is its own affair."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        self._benches = {rows: Bench(checkpoint.board, rows, padded=checkpoint.compiled) for rows in (2, 1)}
        self._seating: _Seating | None = None
        self._seated: Sequence[Run] = ()  # the last time
        self._pictures: int | None = None  # of one run in a pass, where memory is short for all of them
        self.runs: list[Run] = []
        self.steady = False  # whether the last step was of the same runs as the one before

    @property
    def rows(self) -> int:
        """How many rows it has in all."""
        return sum(run.seats for run in self.runs)

    @property
    def pictures(self) -> int:
        """How many are painted in it."""
        return sum(run.request.count for run in self.runs)

    @property
    def divisible(self) -> bool:
        """Whether its passes could be smaller."""
        return len(self.runs) > 1 or self._at_once > 1

    @property
    def _at_once(self) -> int:
        return self.pictures if self._pictures is None else min(self._pictures, self.pictures)

    def join(self, run: Run) -> None:
        """Take part from the next step on."""
        self.runs.append(run)
        self._seating = self._pictures = None

    def narrow(self, pictures: int | None = None) -> int:
        """Memory is short: no more `pictures` of its only run in a pass, or half as many as now. Returns its rows."""
        (run,) = self.runs
        self._pictures = max(1, pictures or self._at_once // 2)
        self.begin_again()
        return self._at_once * run.rows

    def leave(self, run: Run) -> None:
        """Take part no more."""
        self.runs.remove(run)
        self._seating = run.said = None

    @torch.no_grad()
    def step(self) -> dict[Run, InferenceError]:
        """One forward pass and one step of every run's sampler. Returns the runs that cannot go on, and why."""
        self.checkpoint.residence.bring("unet")
        new = self._seating is None
        self.steady = not new and self._pictures is None
        seating = self._seating or self._seat()
        given = [run.given() for run in seating.runs]
        latents = torch.cat([rows for rows, _ in given])
        times = torch.cat([time for _, time in given]).to(latents.device)
        said = self._asked(seating.passes, latents, times, new=new)
        self._seating = seating  # only now: a first pass that fails is watched once more
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

    def _asked(self, passes: Sequence[_Pass], latents: torch.Tensor, times: torch.Tensor, *, new: bool) -> torch.Tensor:
        """What the denoiser says (rows, channels, height, width)."""
        rows, said = [each.rows for each in passes], list[torch.Tensor]()
        board, unet = self.checkpoint.board, self.checkpoint.pipeline.unet
        for each, given, when in zip(passes, latents.split(rows), times.split(rows), strict=True):
            with (
                board.showing(each.additions, watching=new, more=bool(said), said=each.said),
                self.checkpoint.as_compiled(not new),
            ):
                said.append(unet(given, when, return_dict=False, **_options(each.conditions))[0])
        return said[0] if len(said) == 1 else torch.cat(said)

    def begin_again(self) -> None:
        """See `Sharing`. Samplers move after a pass that succeeded alone, so everybody stands where they stood."""
        self._seating = None
        for bench in self._benches.values():
            bench.clear()  # stacks for as many as there were

    def decode(self, runs: Sequence[Run]) -> list[torch.Tensor]:
        """The pictures (count, 3, height, width) in 0..1 of each of `runs`, whether they have left or not."""
        self.checkpoint.residence.bring("vae")
        return decode(self.checkpoint.pipeline, [run.latents for run in runs])

    def _seat(self) -> _Seating:
        """With guidance all around a seat is a picture, of two rows; else each row has a seat of its own."""
        if self._at_once < self.pictures:
            return self._in_parts(*self.runs)
        self.runs = _arranged(self._seated, self.runs)
        self._seated = tuple(self.runs)
        rows = min(run.rows for run in self.runs)
        worn = [one.loras for run in self.runs for one in run.dressed for _ in range(run.rows // rows)]
        self._benches[3 - rows].clear()
        additions = self._benches[rows].seat(worn)
        conditions = _together(run.conditions for run in self.runs)
        return _Seating(tuple(self.runs), (_Pass(self.rows, additions, conditions, self._said()),))

    def _in_parts(self, run: Run) -> _Seating:
        pictures, said, passes = self._at_once, self._said(), list[_Pass]()
        size = pictures * run.rows
        for number, conditions in enumerate(_split(run.conditions, size)):
            worn = [one.loras for one in run.dressed[number * pictures :][:pictures]]
            additions = Bench(self.checkpoint.board, run.rows, padded=self.checkpoint.compiled).seat(worn)
            own = said and {place: rows.split(size)[number] for place, rows in said.items()}
            passes.append(_Pass(len(conditions.words), additions, conditions, own))
        return _Seating((run,), tuple(passes))

    def _said(self) -> Said | None:
        """What layers make of everybody's words. Each run is heard once and alone; then it holds a part of all rows."""
        if self.checkpoint.compiled:
            return None  # a dictionary is no part of a graph
        each = [self._heard(run) for run in self.runs]
        together: Said = {}
        for place in each[0]:
            rows = together[place] = torch.cat([said[place] for said in each])
            for said, own in zip(each, rows.split([run.seats for run in self.runs]), strict=True):
                said[place] = own
        return together

    def _heard(self, run: Run) -> Said:
        if run.said is None:
            each = [one.loras.additions for one in run.dressed]
            alike = all(one is each[0] for one in each)
            run.said = self.checkpoint.board.hear(run.conditions.words, each[:1] if alike else each)
        return run.said

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


def _arranged(before: Sequence[Run], runs: Sequence[Run]) -> list[Run]:
    """`runs`, the largest first, each in the seat it had `before`, if there is one: whoever moves is written anew."""
    found: list[Run] = []
    for size in sorted({run.seats for run in runs}, reverse=True):
        here = [run for run in runs if run.seats == size]
        stay = [run if run in here else None for run in before if run.seats == size][: len(here)]
        move = iter([run for run in here if run not in stay])
        found += [next(move) if run is None else run for run in stay]
        found += move
    return found


def _together(several: Iterable[Conditions]) -> Conditions:
    all_rows = list(several)
    found = {field.name: [getattr(each, field.name) for each in all_rows] for field in fields(Conditions)}
    return Conditions(**{name: torch.cat(parts) for name, parts in found.items() if parts[0] is not None})


def _split(conditions: Conditions, rows: int) -> list[Conditions]:
    """So many rows in each."""
    parts = {field.name: getattr(conditions, field.name) for field in fields(Conditions)}
    split = {name: part.split(rows) for name, part in parts.items() if part is not None}
    return [Conditions(**{name: each[number] for name, each in split.items()}) for number in range(len(split["words"]))]


def _options(conditions: Conditions) -> dict[str, Any]:
    options: dict[str, Any] = {"encoder_hidden_states": conditions.words, "timestep_cond": conditions.guidance}
    if conditions.pooled is not None:
        options["added_cond_kwargs"] = {"text_embeds": conditions.pooled, "time_ids": conditions.time_ids}
    return options
