"""The running batch: requests that share each forward pass of the denoiser, and join and leave between passes.

Each picture takes a slot of the batch, and one with regions several (`inference.engine.batch.regions`). Where prompts
of a request differ in length, the batch has one pass for each length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from inference.engine.batch.regions import RunPart
from inference.engine.batch.run import Run
from inference.engine.devices.transfers import LateCopy
from inference.engine.layers.layer_hooks import Additions, PromptProjections
from inference.engine.layers.lora_set import LoraSet
from inference.engine.layers.slots import BatchSlots, additions_in
from inference.engine.models.checkpoints import Checkpoint
from inference.engine.models.families.family import Conditions
from inference.errors import InferenceError, LoraNotAtWork, NotANumberPicture
from inference.messages import GenerationRequest
from inference.request_cost import rows_each, slots


@dataclass(frozen=True)
class _Pass:
    """One forward pass: the conditions of its rows, and the additions of the layers.

    `projections` are the prompt projections of all rows, the same in each step; None: computed in each pass.
    """

    additions: Additions
    conditions: Conditions
    projections: PromptProjections | None


@dataclass(frozen=True)
class _Numbers:
    """Whether the output of a pass is finite, for each of its rows; not yet known on a device that computes beside."""

    runs: Sequence[Run]
    rows: Sequence[int]  # of each run
    finite: LateCopy

    @classmethod
    def of(cls, runs: Sequence[Run], model_output: torch.Tensor) -> _Numbers:
        """Those of a pass of `runs`."""
        return cls(runs, [run.batch_rows for run in runs], LateCopy(model_output.isfinite().flatten(1).all(1)))

    def broken(self) -> list[Run]:
        """The runs with NaN or infinity; waits for the pass."""
        each = self.finite.read().split(self.rows)
        return [run for run, own in zip(self.runs, each, strict=True) if not bool(own.all())]


@dataclass(frozen=True)
class _Layout:
    """Which rows belong to which run: those of `runs`, in order, in one pass, or in several.

    Those are for prompts of different length, or where memory is short. `order` has the rows of the passes by their
    places among the rows of the runs; None: it is the same.
    """

    runs: tuple[Run, ...]
    passes: tuple[_Pass, ...]
    order: torch.Tensor | None = None


class Batch:
    """Runs of one checkpoint with the same `Run.key`. An error in one of them fails that run alone."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        self._slots = {rows: self._new_slots(rows) for rows in (2, 1)}
        self._layout: _Layout | None = None
        self._order: Sequence[Run] = ()  # of the runs in the layout before
        self._pass_limit: int | None = None  # slots per pass of the only run, where memory is short
        self._unread: _Numbers | None = None  # of the last pass
        self.runs: list[Run] = []
        self.unchanged = False  # whether the last step had the same layout as the one before

    @property
    def rows(self) -> int:
        """The number of rows of all runs as requests are counted, whatever the family makes of them; caps go by it."""
        return sum(rows_each(run.request) * slots(run.request) for run in self.runs)

    @property
    def pictures(self) -> int:
        """The number of pictures of all runs."""
        return sum(run.request.count for run in self.runs)

    @property
    def can_split(self) -> bool:
        """Whether its passes can be made smaller."""
        return len(self.runs) > 1 or self._slots_per_pass > 1

    @property
    def _slots_per_pass(self) -> int:
        return self._slots_in_all if self._pass_limit is None else min(self._pass_limit, self._slots_in_all)

    @property
    def _slots_in_all(self) -> int:
        """The slots of the largest pass, where memory is not short."""
        alike = zip(*(run.parts for run in self.runs), strict=True)
        return max(sum(len(part.applied) for part in parts) for parts in alike)

    def is_of_size(self, request: GenerationRequest) -> bool:
        """Whether its pictures have the size of a request's."""
        own = self.runs[0].request if self.runs else None
        return own is not None and (own.width, own.height) == (request.width, request.height)

    def growth(self, sets: Sequence[LoraSet]) -> int:
        """Bytes that its slots take more when a request with these sets joins."""
        each = [*([one.loras for one in run.applied] for run in self.runs), sets]
        return max(own.bytes_for(each) for own in self._slots.values()) - sum(
            own.nbytes for own in self._slots.values()
        )

    def join(self, run: Run) -> None:
        """Add `run` from the next step on."""
        self.runs.append(run)
        self._layout = self._pass_limit = None

    def limit_pass(self, slots: int | None = None) -> int:
        """Limit the passes of the only run to so many slots, by default half as many as now.

        Returns the rows of a pass, counted as `rows` are.
        """
        (run,) = self.runs
        self._pass_limit = max(1, slots or self._slots_per_pass // 2)
        self.prepare_retry()
        return self._slots_per_pass * rows_each(run.request)

    def leave(self, run: Run) -> None:
        """Remove `run`."""
        self.runs.remove(run)
        self._layout = None
        for part in run.parts:
            part.projections = None

    @torch.no_grad()
    def step(self) -> dict[Run, InferenceError]:
        """One forward pass, and one step of every run's sampler. Returns the runs that failed, with their errors.

        On a device that computes beside the host, numbers that are not finite are told of with the next step, so that
        the host never waits for the pass that it has just begun; those of a run's last pass are found by the decoder.
        """
        self.checkpoint.residence.onload(self.checkpoint.family.DENOISER)
        first = self._layout is None
        layout = self._layout or self._lay_out()
        self.unchanged = not first and len(layout.passes) == 1
        inputs = [run.model_input() for run in layout.runs]
        latents = torch.cat([rows for rows, _ in inputs])
        times = torch.cat([time for _, time in inputs])
        if layout.order is None:
            model_output = self._predict(layout.passes, latents, times, first=first)
        else:
            predicted = self._predict(layout.passes, latents[layout.order], times[layout.order], first=first)
            model_output = torch.empty_like(predicted).index_copy_(0, layout.order, predicted)
        self._layout = layout  # set only now: a first pass that fails is recorded again
        numbers = _Numbers.of(layout.runs, model_output)
        outputs = model_output.split(numbers.rows)
        failed: dict[Run, InferenceError] = {}
        for run, output in zip(layout.runs, outputs, strict=True):
            problem = self._uncalled_loras(run) if first else None
            if problem is not None:
                failed[run] = problem
            else:
                run.advance(output)
        failed = self.settle() | failed
        self._unread = numbers
        return failed if numbers.finite.late else self.settle() | failed

    def settle(self) -> dict[Run, InferenceError]:
        """Wait for the last pass. Returns the runs that failed in it and that no step has told of."""
        numbers, self._unread = self._unread, None
        broken = numbers.broken() if numbers else ()
        return {run: NotANumberPicture() for run in broken if run in self.runs}

    def _predict(
        self, passes: Sequence[_Pass], latents: torch.Tensor, times: torch.Tensor, *, first: bool
    ) -> torch.Tensor:
        """The denoiser's output (rows, …)."""
        rows, outputs = [len(each.conditions) for each in passes], list[torch.Tensor]()
        hooks, family = self.checkpoint.hooks, self.checkpoint.family
        for each, sample, timestep in zip(passes, latents.split(rows), times.split(rows), strict=True):
            with (
                hooks.applying(
                    each.additions, record_calls=first, keep_record=bool(outputs), projections=each.projections
                ),
                self.checkpoint.as_compiled(not first),
            ):
                outputs.append(family.forward(sample, timestep, each.conditions))
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs)

    def prepare_retry(self) -> None:
        """See `DenoisingBatch`. Samplers step only after a pass that succeeded, so every run is as it was before."""
        self._layout = None
        for each in self._slots.values():
            each.clear()  # their stacks are as large as the batch was

    def decode(self, runs: Sequence[Run]) -> list[torch.Tensor]:
        """The pictures (count, 3, height, width) in 0..1 of each of `runs`, which may have left already."""
        return self.checkpoint.family.decode(runs[0].request, [run.latents for run in runs])

    def _lay_out(self) -> _Layout:
        """Where all runs have guidance, a slot has two rows; else each row has a slot of its own."""
        if self._slots_per_pass < self._slots_in_all:
            return self._lay_out_limited(*self.runs)
        rows = min(run.rows for run in self.runs)
        self._slots[3 - rows].clear()
        self.runs = _keeping_order(self._order, self.runs)
        each = [[one.loras for one in run.parts[0].applied] for run in self.runs]  # of the pass that keeps its slots
        self.runs = [self.runs[number] for number in self._slots[rows].arranged(each)]
        self._order = tuple(self.runs)
        passes = [self._pass(number, rows) for number in range(len(self.runs[0].parts))]
        return _Layout(tuple(self.runs), tuple(passes), _order_of([run.parts for run in self.runs]))

    def _pass(self, number: int, rows: int) -> _Pass:
        """That of the parts of this number of all runs, which have as many: they have the same key."""
        parts = [run.parts[number] for run in self.runs]
        loras = [one.loras for run in self.runs for one in run.parts[number].applied for _ in range(run.rows // rows)]
        slots = self._new_slots(rows) if number else self._slots[rows]
        additions = slots.assign(loras)
        conditions = Conditions.concatenated([part.conditions for part in parts])
        return _Pass(additions, conditions, self._prompt_projections(parts, [slots]))

    def _lay_out_limited(self, run: Run) -> _Layout:
        many, passes = self._slots_per_pass, list[_Pass]()
        size = many * run.rows
        for part in run.parts:
            pieces = part.conditions.split(size)
            slots = [self._new_slots(run.rows) for _ in pieces]
            additions = [
                own.assign([one.loras for one in part.applied[number * many :][:many]])
                for number, own in enumerate(slots)
            ]
            projections = self._prompt_projections([part], slots)
            for number, conditions in enumerate(pieces):
                own = projections and {index: rows.split(size)[number] for index, rows in projections.items()}
                passes.append(_Pass(additions[number], conditions, own))
        return _Layout((run,), tuple(passes))

    def _new_slots(self, rows: int) -> BatchSlots:
        return BatchSlots(self.checkpoint.hooks, rows, padded=self.checkpoint.compiled)

    def _prompt_projections(self, parts: Sequence[RunPart], slots: Sequence[BatchSlots]) -> PromptProjections | None:
        """Those of all `parts`, whose LoRA sets are in `slots`.

        Each is projected once and by itself; afterwards it holds a view of its rows.
        """
        if self.checkpoint.compiled:
            return None  # a dictionary cannot be part of a compiled graph
        embeds = [part.conditions.prompt_embeds for part in parts]
        if not self.checkpoint.hooks.keeps_projections(sum(map(len, embeds)), embeds[0].shape[1], embeds[0].dtype):
            for part in parts:
                part.projections = None
            return None
        each = [self._projected(part, slots) for part in parts]
        together: PromptProjections = {}
        for index in each[0]:
            rows = together[index] = torch.cat([projections[index] for projections in each])
            for projections, own in zip(each, rows.split([*map(len, parts)]), strict=True):
                projections[index] = own
        return together

    def _projected(self, part: RunPart, slots: Sequence[BatchSlots]) -> PromptProjections:
        if part.projections is None:
            sets = {one.loras.number: one.loras for one in part.applied}
            found = {number: additions_in(slots, one) for number, one in sets.items()}
            each = [found[one.loras.number] for one in part.applied]
            alike = all(one is each[0] for one in each)
            part.projections = self.checkpoint.hooks.project_prompt(
                part.conditions.prompt_embeds, each[:1] if alike else each
            )
        return part.projections

    def _uncalled_loras(self, run: Run) -> LoraNotAtWork | None:
        """The error of a run some of whose layers added nothing in the pass: its LoRAs would apply in part only."""
        hooks = self.checkpoint.hooks
        expected = {index for one in run.applied for index in one.loras.denoiser}
        uncalled = hooks.uncalled(expected)
        if not uncalled:
            return None
        return LoraNotAtWork(
            checkpoint=self.checkpoint.spec.name,
            modules=[".".join(hooks.keys[index]) for index in uncalled[:3]],
            active=len(expected) - len(uncalled),
            expected=len(expected),
        )


def _order_of(runs: Sequence[Sequence[RunPart]]) -> torch.Tensor | None:
    """The rows of the first parts of all runs, then those of the second, …; None where there are only first ones.

    `runs` have as many parts each. Rows are counted from the first part of the first run to the last of the last.
    """
    many = len(runs[0])
    if many == 1:
        return None
    each = [len(part) for parts in runs for part in parts]
    places = torch.arange(sum(each), device=runs[0][0].conditions.prompt_embeds.device).split(each)
    return torch.cat([rows for number in range(many) for rows in places[number::many]])


def _keeping_order(before: Sequence[Run], runs: Sequence[Run]) -> list[Run]:
    """`runs`, the largest first, each in its position of `before` where possible: one that moves is written again."""
    found: list[Run] = []
    for size in sorted({run.batch_rows for run in runs}, reverse=True):
        here = [run for run in runs if run.batch_rows == size]
        stay = [run if run in here else None for run in before if run.batch_rows == size][: len(here)]
        move = iter([run for run in here if run not in stay])
        found += [next(move) if run is None else run for run in stay]
        found += move
    return found
