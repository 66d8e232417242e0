"""Whether memory, time and disk are enough is told with the arithmetic."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot.diagnostics.capacity import CheckpointSize, check_capacity, check_downloads, spoken
from bot.diagnostics.facts import MachineFacts
from bot.diagnostics.finding import Finding, FindingGrade
from inference.base_models import BaseModelId
from inference.messages.options import Offload
from tests.bot.diagnostics.recorded import TORCH_FOR_CPU, card, torch_for_cuda

OK, WARNING, PROBLEM = FindingGrade.OK, FindingGrade.WARNING, FindingGrade.PROBLEM
GB = 1_000_000_000
# Numbers of the published networks.
SDXL = {"unet": 2_567_463_684, "vae": 83_653_863, "text_encoder": 123_060_480, "text_encoder_2": 694_659_840}
SD1 = {"unet": 859_520_964, "vae": 83_653_863, "text_encoder": 123_060_480}
FLUX = {"transformer": 11_901_408_320, "vae": 83_819_683, "text_encoder": 123_060_480, "text_encoder_2": 4_762_310_656}

PONY = CheckpointSize("Pony", BaseModelId("sdxl/pony"), SDXL, 1024, 1024, 25)
SMALL = CheckpointSize("Small", BaseModelId("sd1/base"), SD1, 512, 512, 28)
DEV = CheckpointSize("Dev", BaseModelId("flux1/dev"), FLUX, 1024, 1024, 28)
CHROMA = replace(DEV, base_model=BaseModelId("flux1/chroma"))  # painted one at a time


def with_card(gib: float, used: float = 0.5, host: int = 64 * GB) -> MachineFacts:
    return MachineFacts(torch=torch_for_cuda(card("RTX", (8, 6), gib, used)), memory=host)


def on_cpu(memory: int) -> MachineFacts:
    return MachineFacts(torch=TORCH_FOR_CPU, memory=memory)


def checked(
    facts: MachineFacts, *loads: CheckpointSize, device: str = "auto", offload: Offload = Offload.WHEN_SHORT
) -> list[Finding]:
    return check_capacity(facts, loads, (device,), offload)


def test_what_fits_is_told_with_its_sum() -> None:
    (finding,) = checked(with_card(12), PONY)
    assert finding.grade is OK
    # 2 bytes a number, and the VAE in single precision; 768 numbers a pixel of 4 bytes; what CUDA is allowed
    assert finding.says == (
        "needs about 10.8 GB (weights 7.1 GB, which are 3.47 billion numbers of 2 bytes; a picture of 1024x1024 on its "
        "way 3.2 GB; CUDA and the program 0.5 GB) on RTX (12.9 GB, 12.3 GB free)"
    )


@pytest.mark.parametrize(
    ("gib", "used", "load", "grade", "words"),
    [
        (24, 0.5, PONY, OK, "needs about 10.8 GB"),
        (8, 0.5, PONY, WARNING, "take turns, which needs 6.0 GB and is slower"),
        (6, 0.2, PONY, WARNING, "take turns"),
        (6, 2.0, PONY, WARNING, "2.1 GB of it are in use by other programs: end them"),
        (4, 0.2, PONY, PROBLEM, "too little; declare a smaller checkpoint"),
        (5.5, 0.2, PONY, WARNING, "likely too little"),
        (4, 0.2, SMALL, OK, "needs about 3.0 GB"),
        (24, 0.5, DEV, WARNING, "needs about 35.9 GB"),
        (24, 0.5, DEV, WARNING, "a picture of 1024x1024 on its way 1.6 GB"),
        (24, 0.5, CHROMA, WARNING, "needs at least 34.2 GB"),
        (24, 0.5, CHROMA, WARNING, "without a running picture"),
        (80, 0.5, CHROMA, OK, "needs at least 34.2 GB"),
        (12, 0.5, DEV, PROBLEM, "too little"),
    ],
)
def test_what_a_card_has_room_for(
    gib: float, used: float, load: CheckpointSize, grade: FindingGrade, words: str
) -> None:
    (finding,) = checked(with_card(gib, used), load)
    assert (finding.what, finding.grade) == (f"memory for {load.name}", grade)
    assert words in finding.says


def test_without_offloading_there_has_to_be_room_for_all() -> None:
    (finding,) = checked(with_card(8), PONY, offload=Offload.NEVER)
    assert (finding.grade, 'offload = "when_short"' in finding.says) == (WARNING, True)
    (finding,) = checked(with_card(6), PONY, offload=Offload.NEVER)
    assert finding.grade is PROBLEM


def test_offloading_that_is_always_on_is_slow_also_where_there_is_room() -> None:
    (finding,) = checked(with_card(24), PONY, offload=Offload.ALWAYS)
    assert (finding.grade, "take turns" in finding.says) == (WARNING, True)


def test_what_waits_for_its_turn_needs_the_hosts_memory() -> None:
    turns, host = checked(with_card(8, host=4 * GB), PONY)
    assert "take turns" in turns.says
    assert (host.grade, "up to 7.1 GB of the host's memory, and 4.0 GB are free" in host.says) == (WARNING, True)


@pytest.mark.parametrize(
    ("memory", "grade", "words"),
    [
        (32 * GB, OK, "needs about 17.7 GB (weights 13.9 GB, which are 3.47 billion numbers of 4 bytes"),
        (16 * GB, WARNING, "likely too little; declare a smaller checkpoint"),
        (8 * GB, PROBLEM, "too little"),
    ],
)
def test_a_cpu_computes_in_single_precision(memory: int, grade: FindingGrade, words: str) -> None:
    finding, speed = checked(on_cpu(memory), PONY)
    assert (finding.grade, words in finding.says) == (grade, True), finding
    assert speed.what == "speed"


def test_sdxl_on_the_cpu_is_told_with_the_time_that_it_takes() -> None:
    _, speed = checked(on_cpu(64 * GB), PONY)
    assert speed.grade is WARNING
    # 25 steps of 13.52 TFLOP and one decoding of 10.47, at 0.1 TFLOP/s
    assert "takes at least 58 minutes (348 TFLOP at 0.10 TFLOP/s, as measured just now)" in speed.says


def test_of_what_is_not_counted_no_time_is_told() -> None:
    assert [finding.what for finding in checked(on_cpu(128 * GB), DEV)] == ["memory for Dev"]


def test_a_checkpoint_is_judged_on_the_devices_that_it_is_for() -> None:
    cards = (card("Large", (8, 6), 24), card("Tiny", (8, 6), 4))
    facts = MachineFacts(torch=torch_for_cuda(*cards), memory=64 * GB)
    first = CheckpointSize("Pony", PONY.base_model, SDXL, 1024, 1024, 25, devices=("cuda:0",))
    (finding,) = check_capacity(facts, [first], ("cuda:0", "cuda:1"), Offload.WHEN_SHORT)
    assert "on Large" in finding.says
    found = check_capacity(facts, [PONY], ("cuda:0", "cuda:1"), Offload.WHEN_SHORT)
    assert [(each.grade, "on Tiny" in each.says) for each in found] == [(OK, False), (PROBLEM, True)]


def test_of_an_absent_card_and_an_unknown_memory_nothing_is_told() -> None:
    assert checked(with_card(12), PONY, device="cuda:3") == []
    assert checked(MachineFacts(torch=torch_for_cuda()), SMALL, device="cpu")[0].what == "speed"


@pytest.mark.parametrize(("free", "grade"), [(20 * GB, OK), (10 * GB, WARNING), (5 * GB, PROBLEM)])
def test_a_download_needs_room(free: int, grade: FindingGrade) -> None:
    load = CheckpointSize("Pony", PONY.base_model, SDXL, 1024, 1024, 25, estimated=True, download=True)
    (finding,) = check_downloads(MachineFacts(disks={Path("/hub"): free}), Path("/hub"), [load])
    assert (finding.grade, "/hub: 6.9 GB to 13.9 GB" in finding.says) == (grade, True)
    assert ("set HF_HOME" in finding.says) is (grade is not OK)


def test_seconds_are_spoken_as_people_do() -> None:
    assert [spoken(seconds) for seconds in (90, 3480, 9000)] == ["90 seconds", "58 minutes", "2.5 hours"]
