"""Work is what the network computes; waiting requests are ordered by the work left, and by age."""

from __future__ import annotations

from inference.messages.request import Region, SourceImage
from inference.messages.samplers import Sampler
from inference.queue.request_cost import AGEING, pass_work, passes, precedence, slots, work
from inference.regions import LAYOUTS
from tests.inference.requests import request

IMAGE = SourceImage(sha256="a" * 64, strength=0.35)


def test_passes_are_what_a_worker_counts_as_steps() -> None:
    assert passes(request(steps=20)) == 20
    assert passes(request(steps=20, image=IMAGE)) == 7
    assert passes(request(steps=1, image=IMAGE)) == 1
    assert passes(request(steps=20, sampler=Sampler.HEUN)) == 39
    assert passes(request(steps=10, image=IMAGE)) == 3
    assert passes(request(steps=10, image=IMAGE, flow=True)) == 4


def test_guidance_doubles_the_rows_and_so_the_work() -> None:
    plain = request(steps=20, width=64, height=128, count=3, guidance_scale=1.0)
    assert pass_work(plain) == 3 * 64 * 128
    assert work(plain) == 20 * pass_work(plain)
    assert work(plain.model_copy(update={"guidance_scale": 1.5})) == 2 * work(plain)


def test_rows_that_guidance_does_not_tell_are_the_requests_own() -> None:
    guided = request(steps=20, guidance_scale=3.5)
    assert work(guided) == 2 * work(guided.model_copy(update={"rows": 1}))
    assert work(guided) == work(guided.model_copy(update={"rows": 2, "guidance_scale": 0.5}))


def test_each_region_is_a_slot_with_rows_of_its_own() -> None:
    plain = request(steps=20, count=3)
    regions = [Region(name=name) for name in LAYOUTS[0]]
    assert (slots(plain), slots(request(steps=20, count=3, regions=regions))) == (3, 6)
    assert work(request(steps=20, count=3, regions=regions)) == 2 * work(plain)
    assert work(request(steps=20, count=3, regions=regions, base_share=0.1)) == 3 * work(plain)


def test_less_work_left_comes_first_until_the_other_has_waited_for_ten_times_the_difference() -> None:
    assert precedence(4.0, 100.0) < precedence(10.0, 100.0)
    came = 100.0 + AGEING * 6.0
    assert precedence(4.0, came - 1.0) < precedence(10.0, 100.0) < precedence(4.0, came + 1.0)
