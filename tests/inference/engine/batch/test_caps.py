"""How many pictures share a pass: measured on the passes that are needed anyway, kept, and respected."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from inference.engine.batch.caps import MOST, SAMPLES, Caps, Ladder, Measured, Records, Size
from inference.engine.batch.handle import State
from inference.messages import GenerationRequest
from tests.inference.engine.worlds import World, world_of_plain_loras
from tests.inference.requests import request

SIZE = Size("world", 32, 32)


def climbed(seconds: Callable[[int], float], most: int = 32) -> Ladder:
    """Passes of as many rows as may be, which take `seconds` for so many, until it is settled."""
    ladder = Ladder(most)
    for _ in range(100):
        if not ladder.settled:
            ladder.hear(ladder.rows, seconds(ladder.rows))
    return ladder


@pytest.mark.parametrize(
    ("seconds", "rows"),
    [
        (lambda _: 1.0, 32),  # bound by launching: all cost the same
        (lambda rows: rows, 2),  # bound by computing: nothing is gained
        (lambda rows: max(8, rows), 8),  # free until the device is full
        (lambda rows: rows**0.93, 2),  # 4.7 % at each doubling is not worth it
        (lambda rows: rows**0.92, 32),  # 5.4 % is
    ],
)
def test_as_many_share_a_pass_as_make_each_cheaper(seconds: Callable[[int], float], rows: int) -> None:
    ladder = climbed(seconds)
    assert ladder.settled
    assert ladder.rows == rows


def test_others_on_the_machine_only_make_a_pass_slower_so_the_fastest_counts() -> None:
    chance = random.Random(0)
    assert climbed(lambda rows: max(8, rows) * (1 if chance.random() < 0.5 else 3)).rows in (8, 16)
    ladder = Ladder(32)
    for rows, seconds in [(2, 9.0), (2, 1.0), (2, 9.0), (4, 9.0), (4, 9.0), (4, 1.1)]:
        ladder.hear(rows, seconds)
    assert ladder.rows == 8


def test_nothing_is_settled_before_there_was_company() -> None:
    ladder = Ladder(32)
    for _ in range(50):
        ladder.hear(2, 1.0)
    assert not ladder.settled
    assert ladder.rows == 4


def test_who_always_asks_for_four_pictures_is_measured_too() -> None:
    ladder = Ladder(32)
    for rows in [8] * SAMPLES + [16] * SAMPLES:
        ladder.hear(rows, float(rows))
    assert ladder.settled
    assert ladder.rows == 8


def test_what_was_settled_is_known_at_the_next_start_for_the_same_device(tmp_path: Path) -> None:
    path = tmp_path / "caps.json"
    first = Caps(None, Records(path, lambda size: f"{size} here"))
    for rows in [2] * SAMPLES + [4] * SAMPLES:
        first.hear(SIZE, rows, float(rows))
    assert first.settled(SIZE) == Measured(rows=2, seconds={2: 2.0, 4: 4.0})
    assert Caps(None, Records(path, lambda size: f"{size} here")).settled(SIZE) == first.settled(SIZE)
    assert Caps(None, Records(path, lambda size: f"{size} elsewhere")).settled(SIZE) is None


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"x": {"rows": -1, "seconds": {}}}', b"\xff\xfe"])
def test_a_damaged_file_is_passed_over_and_written_anew(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "caps.json"
    path.write_bytes(damage)
    records = Records(path, str)
    assert records.find(SIZE) is None
    records.put(SIZE, Measured(rows=4, seconds={4: 1.0}))
    assert Records(path, str).find(SIZE) == Measured(rows=4, seconds={4: 1.0})


def test_a_file_that_cannot_be_written_costs_nothing_but_the_memory(tmp_path: Path) -> None:
    records = Records(tmp_path / "nowhere" / "caps.json", str)
    records.put(SIZE, Measured(rows=4, seconds={}))
    assert records.find(SIZE) is not None


def test_two_workers_keep_each_others_measurements(tmp_path: Path) -> None:
    path, other = tmp_path / "caps.json", Size("other", 64, 64)
    one, two = Records(path, str), Records(path, str)
    one.put(SIZE, Measured(rows=4, seconds={}))
    two.put(other, Measured(rows=8, seconds={}))
    assert Records(path, str).find(SIZE) and Records(path, str).find(other)


def asks(**changes: object) -> GenerationRequest:
    return request(**({"checkpoint": "world", "width": 32, "height": 32, "guidance_scale": 5.0} | changes))


def test_sizes_take_their_shares_of_one_whole() -> None:
    caps = Caps()
    small, large = asks(), asks(width=64, height=64)
    for rows in [2] * SAMPLES + [4] * SAMPLES + [8] * SAMPLES:
        caps.hear(Size.of(large), rows, max(4.0, rows))
    assert caps.places([], small) == MOST
    assert caps.places([], large) == 2
    assert caps.places([large], small) == 1 + MOST // 2
    assert caps.places([large, large], small) == 2
    assert caps.places([large, large, small, small], small) == 2, "who has no place yet is not counted"
    assert caps.have_room([large, large])
    assert not caps.have_room([large, large, small])


def test_the_operators_word_is_final_until_memory_is_short() -> None:
    caps = Caps(4)
    assert caps.places([], None) == caps.places([], asks()) == caps.pictures(asks()) == 4
    caps.lower(SIZE, 4)
    assert caps.places([], asks()) == caps.pictures(asks()) == 2
    caps.forget_limits()
    assert caps.pictures(asks()) == 4


def test_a_job_of_several_pictures_makes_no_more_places_than_there_are() -> None:
    caps = Caps(1)
    assert caps.places([asks(count=4)], asks()) == 1
    assert caps.places([asks(), asks(), asks()], asks(count=4)) == 1
    assert Caps(2).places([asks(count=4)], asks()) == 2


# --- in the engine ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def world() -> World:
    return world_of_plain_loras(1)


def wishes(world: World, many: int, **changes: object) -> list[GenerationRequest]:
    chance = random.Random(3)
    same = {
        "count": 1,
        "steps": 12,
        "guidance_scale": 3.0,
        "prompt": "a red circle",
        "negative_prompt": "",
        "loras": (),
    }
    return [
        world.wish(chance, **(same | {"sampler": "euler", "exact": False, "clip_skip": None} | changes))
        for _ in range(many)
    ]


def test_a_size_that_is_new_is_measured_while_people_are_painted(world: World, tmp_path: Path) -> None:
    engine = world.engine(places=None, caps=tmp_path / "caps.json")
    assert engine.places == 1, "nobody knows yet what will come"
    handles = [engine.submit(wish) for wish in wishes(world, 24)]
    assert engine.places == MOST, "company is what it takes to find out"
    passes = 0
    while engine.step():
        passes += 1
    assert all(handle.state is State.DONE for handle in handles), [handle.error for handle in handles]
    settled = engine._caps.settled(SIZE)
    assert settled is not None, "24 requests are company enough"
    assert len(settled.seconds) >= 2
    assert passes < 24 * 12, "they shared passes while it was measured"
    again = world.engine(places=None, caps=tmp_path / "caps.json")
    assert again.submit(wishes(world, 1)[0])
    assert again._caps.settled(SIZE) == settled


def test_calibrating_measures_at_once_and_replaces_what_was_known(world: World, tmp_path: Path) -> None:
    engine = world.engine(places=None, caps=tmp_path / "caps.json")
    first = engine.calibrate(SIZE)
    assert first is not None
    assert min(first.seconds) == 2 and len(first.seconds) >= 2
    assert engine._caps.pictures(wishes(world, 1)[0]) == max(1, first.rows // 2)
    assert engine.calibrate(SIZE) is not None
    assert engine.calibrate(Size("stranger", 32, 32)) is None
    assert not engine.busy


def test_the_places_follow_a_cap_that_memory_lowered(world: World) -> None:
    engine = world.engine()
    engine._caps.lower(SIZE, 4)
    handles = [engine.submit(wish) for wish in wishes(world, 1)]
    assert engine.places == 2
    handles += [engine.submit(wish) for wish in wishes(world, 2)]
    assert engine.places == 2
    for handle in handles:
        handle.cancel()
    engine.finish()
