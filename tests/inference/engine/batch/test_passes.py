"""Rows whose texts differ in length share a batch: one pass for each length, also for the rows of one request."""

from __future__ import annotations

import pytest
import torch

from inference.engine.batch.batch import Batch
from inference.engine.batch.caps import PictureSize
from inference.engine.batch.handle import Handle, State
from inference.engine.batch.passes import parts_of
from inference.engine.layers.layer_hooks import SMALL_LAYER_RANK
from inference.engine.layers.lora_set import AppliedLoras, LoraSet
from inference.engine.models.families.family import Conditions, RowGroup, grouped
from inference.messages.request import GenerationRequest
from tests.inference.engine.batch.test_out_of_memory import needing
from tests.inference.engine.flux_family import FluxWorld, RaggedFamily
from tests.inference.engine.lone import FLUX, drawn
from tests.inference.engine.models.test_families import checkpoint_of, error, until, uses, wish
from tests.inference.engine.worlds import arrived

LIMIT = 1e-12
FOUR, FIVE = "a star", "a red star"  # tokens more than the fixed ones: two and three


@pytest.fixture(scope="module")
def ragged() -> FluxWorld:
    torch.set_num_threads(1)
    made = FluxWorld(kind=RaggedFamily)
    made.add(drawn(FLUX, 1, endings=("",)))
    made.add(drawn(FLUX, 2, rank=2))
    return made


def wishes(world: FluxWorld) -> list[GenerationRequest]:
    """Guided ones whose two texts have another length, the same, and one without a second row."""
    return [
        wish(prompt=FOUR, negative_prompt="blurry", loras=uses(world, 0.8), steps=4, seed=1),
        wish(prompt=FIVE, negative_prompt="a b c", loras=uses(world, -0.4, 1.1), steps=5, seed=2, count=2),
        wish(prompt=FOUR, loras=uses(world, 0, 0.6), steps=3, seed=3),
    ]


@pytest.mark.parametrize("small", [0, SMALL_LAYER_RANK])
def test_each_length_of_a_text_has_a_pass_and_every_request_is_as_diffusers_paints_it(
    ragged: FluxWorld, small: int
) -> None:
    engine = ragged.engine(small=small)
    with needing(checkpoint_of(engine).denoiser, lambda rows: False) as ran:
        handles = [engine.submit(each) for each in wishes(ragged)]
        arrived(engine)
        engine.step()
        assert sorted(ran) == [1, 2, 4], "the negative prompt of one, two prompts alike, both texts of two pictures"
        assert len(engine._batches) == 1
        engine.finish()
    assert max(error(ragged, handle) for handle in handles) <= LIMIT


def test_a_request_that_joins_later_takes_part_in_the_passes_that_are_there(ragged: FluxWorld) -> None:
    engine = ragged.engine(small=0)
    first, second, third = wishes(ragged)
    handles: list[Handle] = []
    with needing(checkpoint_of(engine).denoiser, lambda rows: False) as ran:
        seen: list[list[int]] = []
        for each in (first, second, third):
            ran.clear()
            handles.append(engine.submit(each))
            arrived(engine)
            engine.step()
            seen.append(sorted(ran))
        assert seen == [[1, 1], [1, 1, 4], [1, 2, 4]]
        engine.finish()
    assert max(error(ragged, handle) for handle in handles) <= LIMIT


def test_passes_that_do_not_fit_are_split_by_rows(ragged: FluxWorld) -> None:
    engine = ragged.engine(small=0)
    with needing(checkpoint_of(engine).denoiser, lambda rows: len(rows) > 1) as ran:
        handle = engine.submit(wish(prompt=FOUR, negative_prompt="blurry", loras=uses(ragged, 0.8), count=2, steps=2))
        engine.finish()
        assert ran == [1] * 8, "two pictures, two lengths, two steps"
    assert error(ragged, handle) <= LIMIT


def test_slots_of_a_pass_are_kept_when_another_pass_comes_and_goes(ragged: FluxWorld) -> None:
    engine = ragged.engine(small=0)
    first, second, _ = wishes(ragged)
    engine.submit(first)
    arrived(engine)
    engine.step()
    (batch,) = engine._batches.values()
    assert isinstance(batch, Batch)
    before = dict(batch.pass_slots)
    handle = engine.submit(second.model_copy(update={"steps": 1}))
    arrived(engine)
    until(engine, handle, 1)
    assert len(batch.pass_slots) == 3
    engine.step()
    assert batch.pass_slots == before
    engine.close()


def test_loras_of_rows_in_two_passes_are_counted_twice(ragged: FluxWorld) -> None:
    engine = ragged.engine(small=0)
    hooks = checkpoint_of(engine).hooks
    hooks.spare, hooks.segment = 0, 1
    for weights in ((0.8,), (0, 0.6)):
        engine.submit(wish(prompt=FOUR, negative_prompt="blurry", loras=uses(ragged, *weights)))
    arrived(engine)
    engine.step()
    (batch,) = engine._batches.values()
    assert isinstance(batch, Batch) and len(batch.pass_slots) == 2
    sets = [[one.loras for one in run.applied] for run in batch.runs]
    each = [sum(own[0].slot_bytes) for own in sets]
    assert sum(slots.nbytes for slots in batch.pass_slots.values()) == 2 * sum(each)
    assert batch.growth(sets[0]) == 0, "it has its slots"
    engine.close()


def test_the_cap_is_found_where_each_picture_has_rows_of_two_lengths(ragged: FluxWorld) -> None:
    engine = ragged.engine(places=None)
    made = wish(prompt=FOUR, negative_prompt="blurry", steps=12)
    handles = [engine.submit(made.model_copy(update={"seed": seed})) for seed in range(16)]
    arrived(engine)
    engine.finish()
    assert all(handle.state is State.DONE for handle in handles), [handle.error for handle in handles]
    measured = engine.measured_cap(PictureSize("lone", 32, 32))
    assert measured is not None and len(measured.seconds) >= 2


def row(tokens: int) -> Conditions:
    return Conditions(torch.full((1, tokens, 2), float(tokens)), {"pooled": torch.zeros(1, 3)})


def test_rows_are_grouped_by_the_shapes_of_their_conditions() -> None:
    groups = grouped([row(4), row(5), row(4), row(4)])
    assert [group.places for group in groups] == [(0, 2, 3), (1,)]
    assert [tuple(group.conditions.prompt_embeds.shape) for group in groups] == [(3, 4, 2), (1, 5, 2)]
    assert len(groups[0].conditions) == 3


@pytest.mark.parametrize(
    ("places", "units"),
    [((0, 1, 2, 3), [0, 1]), ((0, 2), [0, 1]), ((2, 3), [1]), ((0, 1, 2), [0, 0, 1]), ((1, 2), [0, 1])],
)
def test_a_unit_is_a_slot_where_all_its_rows_are_in_the_part(places: tuple[int, ...], units: list[int]) -> None:
    world = FluxWorld()
    plain = [AppliedLoras(LoraSet.fold([], checkpoint_of(world.engine()).hooks)) for _ in range(2)]
    (part,) = parts_of([RowGroup(places, row(4))], plain, 2)
    assert [plain.index(one) for one in part.applied] == units
    assert part.unit_rows == len(places) // len(units)
