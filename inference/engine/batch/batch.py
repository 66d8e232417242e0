"""The running batch: requests that share forward passes of the denoiser, and join and leave between steps.

Each picture takes a slot of the batch, and one with regions several (`inference.engine.batch.regions`). A step is one
pass for all rows whose conditions have the same shapes (`inference.engine.batch.passes`): one in all, unless texts of
different length need passes of their own.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch

from inference.engine.batch.passes import Pass, PassSlots, RunPart
from inference.engine.batch.run import Run
from inference.engine.devices.transfers import LateCopy, upload
from inference.engine.layers.lora_set import LoraSet
from inference.engine.layers.slots import BatchSlots
from inference.engine.models.checkpoints import Checkpoint
from inference.errors import InferenceError, LoraNotAtWork, NotANumberPicture
from inference.messages.request import GenerationRequest
from inference.queue.request_cost import rows_each, slots


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
    """The passes of a step, and which of their rows belong to which run of `runs`.

    `order` has the rows of the passes by their places among the rows of all runs; None: it is the same. In a `whole`
    one no slots are in passes apart because of memory or regions, which caps do not count.
    """

    runs: tuple[Run, ...]
    passes: tuple[Pass, ...]
    order: torch.Tensor | None
    whole: bool


class Batch:
    """Runs of one checkpoint with the same `Run.key`. An error in one of them fails that run alone."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        self.pass_slots: dict[Hashable, PassSlots] = {}  # by the shapes of a pass's conditions
        self._layout: _Layout | None = None
        self._pass_limit: int | None = None  # units per pass of the only run, where memory is short
        self._unread: _Numbers | None = None  # of the last pass
        self.runs: list[Run] = []
        self.unchanged = False  # whether the last step had the same whole layout as the one before

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
        return max(sum(len(part.applied) for part in parts) for parts in self._by_shapes().values())

    def _by_shapes(self) -> dict[Hashable, list[RunPart]]:
        """The parts of all runs, those together that share a pass."""
        found: dict[Hashable, list[RunPart]] = {}
        for run in self.runs:
            for part in run.parts:
                found.setdefault(part.conditions.shapes, []).append(part)
        return found

    def is_of_size(self, request: GenerationRequest) -> bool:
        """Whether its pictures have the size of a request's."""
        own = self.runs[0].request if self.runs else None
        return own is not None and (own.width, own.height) == (request.width, request.height)

    def growth(self, sets: Sequence[LoraSet]) -> int:
        """Bytes that its slots take more when a request with these sets joins."""
        each = [*([one.loras for one in run.applied] for run in self.runs), sets]
        units = [BatchSlots(self.checkpoint.hooks, rows, padded=self.checkpoint.compiled) for rows in (2, 1)]
        copies = max((run.passes_of_a_slot for run in self.runs), default=1)
        return copies * max(own.bytes_for(each) for own in units) - sum(own.nbytes for own in self.pass_slots.values())

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
        """Forward passes of all rows, and one step of every run's sampler. Returns the failed runs with their errors.

        On a device that computes beside the host, numbers that are not finite are told of with the next step, so that
        the host never waits for the pass that it has just begun; those of a run's last pass are found by the decoder.
        """
        self.checkpoint.residence.onload(self.checkpoint.family.DENOISER)
        first = self._layout is None
        layout = self._layout or self._lay_out()
        self.unchanged = not first and layout.whole
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
        self, passes: Sequence[Pass], latents: torch.Tensor, times: torch.Tensor, *, first: bool
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
        self.pass_slots.clear()  # their stacks are as large as the batch was

    def decode(self, runs: Sequence[Run]) -> list[torch.Tensor]:
        """The pictures (count, 3, height, width) in 0..1 of each of `runs`, which may have left already."""
        return self.checkpoint.family.decode(runs[0].request, [run.latents for run in runs])

    def _lay_out(self) -> _Layout:
        together, limit = self._by_shapes(), self._slots_per_pass
        limited = limit < self._slots_in_all
        hooks, padded = self.checkpoint.hooks, self.checkpoint.compiled
        kept, self.pass_slots = self.pass_slots, {}
        for shapes in together:
            self.pass_slots[shapes] = kept.pop(shapes, None) or PassSlots(hooks, padded=padded)
        kept.clear()  # before others need their memory
        passes: list[Pass] = []
        for shapes, parts in together.items():
            if limited:
                passes += [each for part in parts for each in self.pass_slots[shapes].lay_out_limited(part, limit)]
            else:
                passes.append(self.pass_slots[shapes].lay_out(parts))
        owners = {part: run for run in self.runs for part in run.parts}
        self.runs = list(dict.fromkeys(owners[part] for each in passes for part in each.parts))
        apart = any(run.masks is not None and len(run.parts) > 1 for run in self.runs)
        return _Layout(tuple(self.runs), tuple(passes), self._order_of(passes, owners), not (limited or apart))

    def _order_of(self, passes: Sequence[Pass], owners: Mapping[RunPart, Run]) -> torch.Tensor | None:
        """See `_Layout.order`; the passes of a part follow each other."""
        starts = dict(zip(self.runs, accumulate((run.batch_rows for run in self.runs), initial=0), strict=False))
        parts = dict.fromkeys(part for each in passes for part in each.parts)
        rows = [starts[owners[part]] + place for part in parts for place in part.places]
        if rows == list(range(len(rows))):
            return None
        return upload(torch.tensor(rows), passes[0].conditions.prompt_embeds.device)

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
