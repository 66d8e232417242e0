"""How many pictures share a pass: measured on passes that run anyway, kept in a file, and respected."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from inference.engine.batch.caps import (
    MAX_PICTURES,
    SAMPLES,
    CapFile,
    Caps,
    CapSearch,
    MeasuredCap,
    PictureSize,
    Pressure,
)
from inference.engine.batch.handle import State
from inference.messages.request import GenerationRequest
from tests.inference.engine.worlds import World, world_of_plain_loras
from tests.inference.requests import request

SIZE = PictureSize("world", 32, 32)


def searched(seconds: Callable[[int], float], max_rows: int = 32) -> CapSearch:
    """Passes of as many rows as may be, which take `seconds(rows)`, until the search is finished."""
    search = CapSearch(max_rows)
    for _ in range(100):
        if not search.finished:
            search.record(search.rows, seconds(search.rows))
    return search


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
    search = searched(seconds)
    assert search.finished
    assert search.rows == rows


def test_the_fastest_pass_counts_since_other_processes_only_slow_it_down() -> None:
    chance = random.Random(0)
    assert searched(lambda rows: max(8, rows) * (1 if chance.random() < 0.5 else 3)).rows in (8, 16)
    search = CapSearch(32)
    for rows, seconds in [(2, 9.0), (2, 1.0), (2, 9.0), (4, 9.0), (4, 9.0), (4, 1.1)]:
        search.record(rows, seconds)
    assert search.rows == 8


def test_the_search_is_not_finished_before_several_pictures_shared_a_pass() -> None:
    search = CapSearch(32)
    for _ in range(50):
        search.record(2, 1.0)
    assert not search.finished
    assert search.rows == 4


def test_requests_of_four_pictures_are_measured_too() -> None:
    search = CapSearch(32)
    for rows in [8] * SAMPLES + [16] * SAMPLES:
        search.record(rows, float(rows))
    assert search.finished
    assert search.rows == 8


def test_a_measured_cap_is_known_at_the_next_start_for_the_same_device(tmp_path: Path) -> None:
    path = tmp_path / "caps.json"
    first = Caps(None, CapFile(path, lambda size: f"{size} here"))
    for rows in [2] * SAMPLES + [4] * SAMPLES:
        first.record(SIZE, rows, float(rows))
    assert first.measured_cap(SIZE) == MeasuredCap(rows=2, seconds={2: 2.0, 4: 4.0})
    assert Caps(None, CapFile(path, lambda size: f"{size} here")).measured_cap(SIZE) == first.measured_cap(SIZE)
    assert Caps(None, CapFile(path, lambda size: f"{size} elsewhere")).measured_cap(SIZE) is None


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"x": {"rows": -1, "seconds": {}}}', b"\xff\xfe"])
def test_a_damaged_file_is_ignored_and_written_again(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "caps.json"
    path.write_bytes(damage)
    records = CapFile(path, str)
    assert records.find(SIZE) is None
    records.put(SIZE, MeasuredCap(rows=4, seconds={4: 1.0}))
    assert CapFile(path, str).find(SIZE) == MeasuredCap(rows=4, seconds={4: 1.0})


def test_where_the_file_cannot_be_written_the_cap_is_kept_in_memory(tmp_path: Path) -> None:
    records = CapFile(tmp_path / "nowhere" / "caps.json", str)
    records.put(SIZE, MeasuredCap(rows=4, seconds={}))
    assert records.find(SIZE) is not None


def test_two_workers_keep_each_others_measurements(tmp_path: Path) -> None:
    path, other = tmp_path / "caps.json", PictureSize("other", 64, 64)
    one, two = CapFile(path, str), CapFile(path, str)
    one.put(SIZE, MeasuredCap(rows=4, seconds={}))
    two.put(other, MeasuredCap(rows=8, seconds={}))
    assert CapFile(path, str).find(SIZE) and CapFile(path, str).find(other)


def asks(**changes: object) -> GenerationRequest:
    return request(**({"checkpoint": "world", "width": 32, "height": 32, "guidance_scale": 5.0} | changes))


def test_different_sizes_share_the_capacity() -> None:
    caps = Caps()
    small, large = asks(), asks(width=64, height=64)
    for rows in [2] * SAMPLES + [4] * SAMPLES + [8] * SAMPLES:
        caps.record(PictureSize.of(large), rows, max(4.0, rows))
    assert caps.places([], small) == MAX_PICTURES
    assert caps.places([], large) == 2
    assert caps.places([large], small) == 1 + MAX_PICTURES // 2
    assert caps.places([large, large], small) == 2
    assert caps.places([large, large, small, small], small) == 2, "who has no place yet is not counted"
    assert caps.have_room([large, large])
    assert not caps.have_room([large, large, small])


def test_the_operators_number_holds_until_memory_is_short() -> None:
    caps = Caps(4)
    assert caps.places([], None) == caps.places([], asks()) == caps.pictures(asks()) == 4
    caps.lower(SIZE, 4)
    assert caps.places([], asks()) == caps.pictures(asks()) == 2
    caps.forget_limits()
    assert caps.pictures(asks()) == 4


def test_what_did_not_fit_beside_many_loras_is_tried_again_beside_few() -> None:
    caps = Caps()
    caps.record(SIZE, 2 * MAX_PICTURES, 1.0)
    caps.pressure = Pressure(loras=1000, memory=100)
    assert caps.lower(SIZE, 8) == 8 and caps.lower(SIZE, 12) == 8
    seen = list[int]()
    for loras, memory in ((500, 100), (499, 100), (0, 100), (1000, 100), (1000, 106)):
        caps.pressure = Pressure(loras, memory)
        seen.append(caps.pictures(asks(), optimistic=True))
    assert seen == [4, MAX_PICTURES, MAX_PICTURES, 4, MAX_PICTURES]
    caps.pressure = Pressure(100, 100)
    assert caps.lower(SIZE, 4) == 4
    caps.pressure = Pressure(1000, 100)
    assert caps.lower(SIZE, 2) == 2, "it is harder beside more"
    caps.pressure = Pressure(100, 100)
    assert caps.pictures(asks(), optimistic=True) == 2


def test_what_did_not_fit_without_loras_does_not_fit_with_them() -> None:
    caps = Caps()
    caps.lower(SIZE, 4)
    caps.pressure = Pressure(loras=10)
    assert caps.pictures(asks(), optimistic=True) == 2


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


def test_a_new_size_is_measured_while_requests_run(world: World, tmp_path: Path) -> None:
    engine = world.engine(places=None, caps=tmp_path / "caps.json")
    assert engine.places == 1, "nobody knows yet what will come"
    handles = [engine.submit(wish) for wish in wishes(world, 24)]
    assert engine.places == MAX_PICTURES, "company is what it takes to find out"
    passes = 0
    while engine.step():
        passes += 1
    assert all(handle.state is State.DONE for handle in handles), [handle.error for handle in handles]
    measured = engine._caps.measured_cap(SIZE)
    assert measured is not None, "24 requests are company enough"
    assert len(measured.seconds) >= 2
    assert passes < 24 * 12, "they shared passes while it was measured"
    again = world.engine(places=None, caps=tmp_path / "caps.json")
    assert again.submit(wishes(world, 1)[0])
    assert again._caps.measured_cap(SIZE) == measured


def test_calibrating_measures_at_once_and_replaces_what_was_known(world: World, tmp_path: Path) -> None:
    engine = world.engine(places=None, caps=tmp_path / "caps.json")
    first = engine.calibrate(SIZE)
    assert first is not None
    assert min(first.seconds) == 2 and len(first.seconds) >= 2
    assert engine._caps.pictures(wishes(world, 1)[0]) == max(1, first.rows // 2)
    assert engine.calibrate(SIZE) is not None
    assert engine.calibrate(PictureSize("stranger", 32, 32)) is None
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
