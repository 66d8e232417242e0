"""What the slots of a batch hold, and what they take: exact ranks, one copy of a shared set, nothing to spare."""

from __future__ import annotations

import random

import pytest
import torch
from torch import nn

from inference.engine.batch.handle import State
from inference.engine.layers.additions import Segmented
from inference.engine.layers.host_buffers import host_buffers
from inference.engine.layers.layer_hooks import LayerHooks
from inference.engine.layers.lora_set import LoraSet
from inference.engine.layers.segments import arranged, segments
from inference.engine.layers.slots import BatchSlots, additions_in
from inference.engine.lora.folding import LayerChange, ModuleKey
from inference.engine.lora.low_rank import Delta, LowRank
from inference.engine.models.checkpoints import Checkpoint
from inference.messages.request import GenerationRequest
from inference.messages.samplers import Sampler
from tests.inference.engine.trials import LIMITS, error
from tests.inference.engine.worlds import World, world_of_every_format

META = torch.device("meta")
WIDTH, LAYERS = 512, 3
NUMBER = 4  # bytes


def hooks_of(device: torch.device | None = None, *, spare: int = 0) -> LayerHooks:
    made: dict[ModuleKey, nn.Linear | nn.Conv2d] = {
        ("unet", f"layer{number}"): nn.Linear(WIDTH, WIDTH) for number in range(LAYERS)
    }
    hooks = LayerHooks(made, device)
    hooks.spare, hooks.segment = spare, 1
    return hooks


def set_of(hooks: LayerHooks, rank: int, seed: int = 0) -> LoraSet:
    numbers = torch.Generator().manual_seed(seed)
    changes = {
        key: LayerChange(
            Delta(LowRank(torch.randn(rank, WIDTH, generator=numbers), torch.randn(WIDTH, rank, generator=numbers)))
        )
        for key in hooks.keys
    }
    return LoraSet.fold([(changes, 1.0)], hooks)


def bytes_of(rank: int) -> int:
    return LAYERS * 2 * WIDTH * rank * NUMBER


def test_slots_have_the_exact_rank_and_as_many_as_are_seated() -> None:
    hooks = hooks_of()
    slots = BatchSlots(hooks, 2)
    for many in (3, 5, 2):
        slots.assign([set_of(hooks, 12) for _ in range(many)])
        assert slots.nbytes == many * bytes_of(12)


def test_ranks_are_those_of_buckets_for_compiled_blocks_alone() -> None:
    hooks = hooks_of()
    slots = BatchSlots(hooks, 2, padded=True)
    slots.assign([set_of(hooks, 12) for _ in range(2)])
    assert slots.nbytes == 2 * bytes_of(16)


def test_a_set_that_several_pictures_share_has_one_slot() -> None:
    hooks = hooks_of()
    slots, shared = BatchSlots(hooks, 2), set_of(hooks, 12)
    slots.assign([shared] * 4 + [set_of(hooks, 12) for _ in range(4)])
    assert slots.nbytes == 5 * bytes_of(12)
    other = set_of(hooks, 12)
    slots.assign([shared, shared, other, other])
    assert slots.nbytes == 2 * bytes_of(12) and slots.capacities == [2]


def test_small_ranks_are_not_padded_to_a_large_one_beside_them() -> None:
    hooks = hooks_of()
    slots = BatchSlots(hooks, 2)
    slots.assign([set_of(hooks, 200), *(set_of(hooks, 4) for _ in range(3)), LoraSet.fold([], hooks)])
    assert slots.nbytes == bytes_of(200) + 3 * bytes_of(4)


def test_where_memory_is_little_all_are_one_segment() -> None:
    hooks = hooks_of(spare=2**26)
    sets = [set_of(hooks, rank) for rank in (1, 4, 4)]
    assert [len(each.sets) for each in segments(sets, 2, hooks.spare, hooks.segment)] == [3]
    assert arranged([[sets[1]], [sets[0]], [sets[1]]], hooks.spare) == [0, 1, 2]


def test_requests_with_the_same_set_stand_together() -> None:
    hooks = hooks_of()
    shared, large, small = (set_of(hooks, rank) for rank in (4, 8, 1))
    order = arranged([[small], [shared], [large], [shared]], 0)
    assert order == [1, 3, 2, 0]


@pytest.mark.parametrize("seed", range(3))
def test_what_is_added_is_the_same_in_any_segments(seed: int) -> None:
    chance = random.Random(seed)
    hooks = hooks_of()
    known = [set_of(hooks, rank, rank) for rank in (1, 3, 40)] + [LoraSet.fold([], hooks)]
    slots, rows = BatchSlots(hooks, 2), torch.randn(12, 5, WIDTH)
    for _ in range(6):
        sets = [chance.choice(known) for _ in range(6)]
        with torch.no_grad(), hooks.applying(slots.assign(sets)):
            found = hooks.layers[0](rows)
        for number, one in enumerate(sets):
            own = rows[2 * number : 2 * number + 2]
            with torch.no_grad(), hooks.applying(one.additions):
                assert (hooks.layers[0](own) - found[2 * number : 2 * number + 2]).abs().max() < 1e-3


def test_sets_are_on_the_host_and_slots_where_the_layers_compute() -> None:
    """Meta stands for a device here: numbers that are there are nowhere else."""
    hooks = hooks_of(META)
    one, other = set_of(hooks, 12), set_of(hooks, 4)
    assert {part.device.type for part in one.parts.values()} == {"cpu"}
    slots = BatchSlots(hooks, 2)
    seen = list[str]()
    for addition in slots.assign([one, other]):
        assert isinstance(addition, Segmented)
        seen += [part.device.type for each in addition.segments if each for part in each.parts.values()]
    seen += [part.device.type for each in additions_in([slots], other) if each for part in each.parts.values()]
    assert set(seen) == {"meta"}


def test_one_copy_brings_a_set_to_the_device() -> None:
    hooks = hooks_of(META)
    one = set_of(hooks, 12)
    (upload,) = one.uploads(META)
    assert sum(part.nbytes for part in upload.values()) == one.buffers[0].flat.nbytes == bytes_of(12)
    assert len({part.untyped_storage()._cdata for part in upload.values()}) == 1


def test_large_sets_are_copied_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inference.engine.layers.host_buffers.STAGING_BYTES", 100 * NUMBER)
    parts = {(number, "up"): torch.arange(40.0) + number for number in range(6)}
    (buffer,) = host_buffers(parts, META)
    uploads = [*buffer.uploads(torch.device("cpu"))]
    assert [len(each) for each in uploads] == [2, 2, 2]
    assert all(torch.equal(part, parts[name]) for each in uploads for name, part in each.items())


@pytest.mark.parametrize(("outputs", "inputs"), [(6, (10,)), (10, (6,)), (4, (6, 3, 3)), (40, (2, 3, 3))])
def test_a_rank_beyond_the_smaller_side_of_a_layer_becomes_that_side(outputs: int, inputs: tuple[int, ...]) -> None:
    numbers = torch.Generator().manual_seed(1)
    pair = LowRank(
        torch.randn(50, *inputs, generator=numbers, dtype=torch.float64) * 0.001,
        torch.randn(outputs, 50, generator=numbers, dtype=torch.float64),
    )
    bounded = pair.bounded()
    assert bounded.rank == min(outputs, torch.Size(inputs).numel())
    assert torch.equal(bounded.dense(), pair.dense())
    assert bounded.bounded() is bounded


def test_a_pair_of_zeros_stays_one() -> None:
    bounded = LowRank(torch.zeros(9, 4), torch.zeros(4, 9)).bounded()
    assert bounded.rank == 4 and not bounded.dense().any()


@pytest.fixture(scope="module", params=["sd1/base", "sdxl/base"])
def world(request: pytest.FixtureRequest) -> World:
    return world_of_every_format(request.param, torch.float64)


def crowd(world: World) -> list[GenerationRequest]:
    """Several with the same set, others with sets of other formats and ranks or none, with and without guidance."""
    chance, uses = random.Random(5), [lora.file.use for lora in world.loras]
    sets = [uses[:2], uses[:2], uses[2:3], uses[:2], [], uses[3:], uses[4:]]
    return [
        world.wish(
            chance, loras=tuple(own), guidance_scale=1.0 if number == 5 else 4.0, count=1 + (number == 3),
            steps=2 + number % 3, sampler=Sampler.EULER,
        )
        for number, own in enumerate(sets)
    ]  # fmt: skip


@pytest.mark.parametrize("small", [0, 128])
def test_pictures_are_those_of_diffusers_in_any_segments(world: World, small: int) -> None:
    engine = world.engine(small=small, places=16)
    checkpoint = engine._store.current
    assert isinstance(checkpoint, Checkpoint)
    checkpoint.hooks.spare, checkpoint.hooks.segment = 0, 1
    handles = [engine.submit(one) for one in crowd(world)]
    engine.finish()
    assert [handle.state for handle in handles] == [State.DONE] * len(handles)
    assert max(error(world, handle) for handle in handles) <= LIMITS[torch.float64]
