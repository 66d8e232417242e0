"""Each trouble with a graphics card is named, with what to do about it."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from bot.diagnostics.cards import check_cards, check_torch
from bot.diagnostics.facts import MachineFacts
from bot.diagnostics.finding import FindingGrade
from bot.diagnostics.nvidia_smi import Card, DriverTrouble, read_query, read_table
from inference.hardware import CardReport, TorchReport
from inference.processes.tested_torch import TESTED_TORCH, TESTED_TORCHVISION
from tests.bot.diagnostics import recorded
from tests.bot.diagnostics.recorded import CARD_3060, TORCH_FOR_CPU, table, torch_for_cuda

OK, WARNING, PROBLEM = FindingGrade.OK, FindingGrade.WARNING, FindingGrade.PROBLEM
AUTO, CUDA = ("auto",), ("cuda:0",)


def seen(**facts: object) -> MachineFacts:
    """A machine with a card, its driver and its files, and what differs from that."""
    usual = {"smi": table(), "cards": recorded.RTX_3060, "torch": torch_for_cuda(CARD_3060), "device_files": True}
    return MachineFacts(**{"kernel_driver": True, "pci_cards": 1, **usual, **facts})  # type: ignore[arg-type]


def bare(**facts: object) -> MachineFacts:
    """A machine without any card, and what differs from that."""
    return MachineFacts(**{"torch": TORCH_FOR_CPU, **facts})  # type: ignore[arg-type]


@dataclass(frozen=True)
class Situation:
    name: str
    facts: MachineFacts
    auto: FindingGrade | None  # of the finding where devices are left to "auto"
    words: tuple[str, ...]
    asked: FindingGrade = PROBLEM  # where cuda:0 is named
    asked_words: tuple[str, ...] = field(default=())


SITUATIONS = (
    Situation("all is well", seen(), OK, ("RTX 3060", "12.9 GB", "550.54.14", "CUDA 12.4"), OK),
    Situation(
        "no card at all", bare(), OK, ("no NVIDIA card", "the CPU generates"), PROBLEM, ("cuda:0", 'devices = ["auto"]')
    ),
    Situation(
        "a build of torch for the CPU beside a card",
        seen(torch=TORCH_FOR_CPU),
        WARNING,
        ("RTX 3060 was found", "CPU-only build", "pytorch.org/get-started"),
    ),
    Situation(
        "a driver that is older than the CUDA of the build",
        seen(
            smi=table("470.182.03", "11.4"),
            cards=recorded.GTX_1080_OF_AN_OLD_DRIVER,
            torch=torch_for_cuda(problem="The NVIDIA driver on your system is too old (found version 11040)."),
        ),
        WARNING,
        ("470.182.03", "up to 11.4", "CUDA 12.4", "update the driver to 525 or newer"),
    ),
    Situation(
        "a build for CUDA 13 on a driver for CUDA 12",
        seen(torch=torch_for_cuda(cuda="13.0", architectures=recorded.CUDA_130)),
        WARNING,
        ("CUDA 13.0", "update the driver to 580 or newer", "build of torch for CUDA 12"),
    ),
    Situation(
        "a build for a later CUDA 12 runs on an earlier driver for CUDA 12",
        seen(smi=table("535.129.03", "12.2")),
        OK,
        ("535.129.03",),
        OK,
    ),
    Situation(
        "a card that is newer than the build",
        seen(
            smi=recorded.TABLE_WITH_PARTS,
            cards=recorded.RTX_5090,
            torch=torch_for_cuda(recorded.card("NVIDIA GeForce RTX 5090", (12, 0), 32)),
        ),
        PROBLEM,
        ("RTX 5090 (compute capability 12.0)", "newer than torch 2.6.0+cu124", "install a newer build"),
    ),
    Situation(
        "a card that is older than the build",
        seen(
            smi=table("580.65.06", "13.0"),
            cards=recorded.GTX_1060,
            torch=torch_for_cuda(
                recorded.card("NVIDIA GeForce GTX 1060 6GB", (6, 1), 6),
                cuda="13.0",
                architectures=recorded.CUDA_130,
            ),
        ),
        PROBLEM,
        ("GTX 1060 6GB (compute capability 6.1)", "begins with 7.5", "an earlier CUDA"),
    ),
    Situation(
        "a container that its host gave no card to",
        bare(container=True, kernel_driver=True),
        WARNING,
        ("this container does not see it", "NVIDIA Container Toolkit", "--gpus all"),
    ),
    Situation(
        "a container that knows nothing of a card",
        bare(container=True),
        OK,
        ("the CPU generates",),
        PROBLEM,
        ("If the host has one", "NVIDIA Container Toolkit"),
    ),
    Situation(
        "a driver that is not loaded",
        bare(smi=recorded.NOT_LOADED, pci_cards=1),
        WARNING,
        ("not loaded", "restart the computer", "Secure Boot"),
    ),
    Situation(
        "a driver that was updated while it ran",
        seen(smi=recorded.MISMATCH, cards="", torch=torch_for_cuda()),
        WARNING,
        ("was updated", "restart the computer"),
    ),
    Situation(
        "a driver that finds no card",
        bare(smi=recorded.NO_DEVICES, kernel_driver=True),
        WARNING,
        ("finds no card", "power", "virtual machine"),
    ),
    Situation(
        "a card that this account may not use",
        seen(smi=recorded.NO_PERMISSION, cards="", torch=torch_for_cuda()),
        WARNING,
        ("this account has no permission", "groups video and render"),
    ),
    Situation(
        "files of a card that this account may not open",
        seen(smi=None, cards="", torch=torch_for_cuda(), may_open=False),
        WARNING,
        ("this account has no permission",),
    ),
    Situation(
        "a driver without its library",
        bare(smi=recorded.NO_LIBRARY),
        WARNING,
        ("a part of NVIDIA's driver is missing",),
    ),
    Situation(
        "a complaint of the driver that is not known",
        bare(smi=recorded.DRIVER_NOT_LOADED),
        WARNING,
        ("does not work", "run `nvidia-smi`"),
    ),
    Situation(
        "a container that has lost its card",
        bare(smi=recorded.UNKNOWN_ERROR, container=True, device_files=True, kernel_driver=True),
        WARNING,
        ("loses its card when systemd is reloaded", "restart the container"),
    ),
    Situation(
        "a card that has fallen off the bus",
        seen(smi=recorded.LOST, cards="", torch=torch_for_cuda()),
        WARNING,
        ("a card no longer responds", "switch the computer off and on", "power cables"),
    ),
    Situation(
        "a card without a handle",
        seen(smi=recorded.NO_HANDLE, cards="", torch=torch_for_cuda()),
        WARNING,
        ("a card no longer responds", "on a rented machine, choose another one"),
    ),
    Situation(
        "a driver that does not answer",
        seen(smi=recorded.SILENT, cards="", torch=torch_for_cuda()),
        WARNING,
        ("driver does not respond", "restart the computer"),
    ),
    Situation(
        "Linux inside Windows with an old driver there",
        bare(smi=recorded.BLOCKED, wsl=True, device_files=True),
        WARNING,
        ("WSL", "newest driver in Windows, not here", "wsl --shutdown"),
    ),
    Situation(
        "Linux inside Windows without a driver there",
        bare(wsl=True, device_files=True),
        OK,
        ("the CPU generates",),
        PROBLEM,
        ("WSL", "newest driver in Windows, not here", "wsl --update"),
    ),
    Situation("a card whose access Linux blocks", bare(smi=recorded.BLOCKED), WARNING, ("blocks access to the card",)),
    Situation(
        "a card that is to be used in slices, without one",
        seen(smi=recorded.EMPTY_MIG, cards=recorded.A100, torch=torch_for_cuda(problem="No CUDA GPUs are available")),
        WARNING,
        ("A100-SXM4-80GB was found", "MIG is enabled, but the card has no slice", "nvidia-smi mig -cgi 0 -C"),
    ),
    Situation(
        "a slice of a card",
        seen(
            smi=table("535.129.03", "12.2"),
            cards=recorded.A100,
            torch=torch_for_cuda(recorded.card("NVIDIA A100-SXM4-80GB MIG 1g.10gb", (8, 0), 9.75)),
        ),
        OK,
        ("MIG 1g.10gb with 10.5 GB of memory",),
        OK,
    ),
    Situation(
        "cards that are connected by a switch which does not run",
        seen(smi=table("535.129.03", "12.2"), cards=recorded.A100, torch=torch_for_cuda(problem=recorded.NO_FABRIC)),
        WARNING,
        ("nvidia-fabricmanager", "in the version of the driver"),
    ),
    Situation(
        "a container without the file for shared memory",
        seen(torch=torch_for_cuda(problem="CUDA unknown error"), unified_memory=False, container=True),
        WARNING,
        ("/dev/nvidia-uvm is missing", "nvidia-modprobe -u -c=0", "pass that device in too"),
    ),
    Situation(
        "a card of AMD beside a build for the CPU",
        bare(amd_cards=1, kfd=True),
        WARNING,
        ("an AMD card was found", "not the build for ROCm", "choose your system and ROCm at pytorch.org"),
    ),
    Situation(
        "a card of AMD without its driver",
        bare(amd_cards=1, torch=recorded.torch_for_rocm()),
        WARNING,
        ("no /dev/kfd", "install the driver of ROCm"),
    ),
    Situation(
        "a container that sees no card of AMD",
        bare(amd_cards=1, container=True, torch=recorded.torch_for_rocm()),
        WARNING,
        ("this container sees no AMD card", "--device /dev/kfd --device /dev/dri"),
    ),
    Situation(
        "a card of AMD that this account may not use",
        bare(amd_cards=1, kfd=True, may_open=False, torch=recorded.torch_for_rocm()),
        WARNING,
        ("this account has no permission", "groups video and render"),
    ),
    Situation(
        "a card of AMD that ROCm does not know",
        bare(amd_cards=1, kfd=True, torch=recorded.torch_for_rocm()),
        WARNING,
        ("finds no card that it can use", "rocminfo"),
    ),
    Situation(
        "a card of AMD that ROCm has no code for",
        bare(
            amd_cards=1,
            kfd=True,
            torch=recorded.torch_for_rocm(
                recorded.card("AMD Radeon RX 6700 XT", (10, 3), 12).model_copy(
                    update={"problem": "HIP error: invalid device function"}
                )
            ),
        ),
        PROBLEM,
        ("RX 6700 XT cannot compute (HIP error: invalid device function)", "HSA_OVERRIDE_GFX_VERSION=10.3.0"),
    ),
    Situation(
        "a build for AMD beside a card of NVIDIA",
        seen(torch=recorded.torch_for_rocm()),
        WARNING,
        ("RTX 3060 was found", "the build for AMD's ROCm", "choose your system and CUDA"),
    ),
    Situation(
        "a build for AMD without any card",
        bare(torch=recorded.torch_for_rocm()),
        OK,
        ("the CPU generates",),
        PROBLEM,
        ("no /dev/kfd",),
    ),
    Situation(
        "a Mac whose processor is not found",
        bare(apple=True),
        WARNING,
        ("this Mac's graphics processor", "update macOS"),
        PROBLEM,
        ('devices = ["auto"]',),
    ),
    Situation(
        "a card without a driver",
        bare(pci_cards=1),
        WARNING,
        ("plugged in, and there is no driver", "install NVIDIA's driver"),
    ),
    Situation(
        "a card that a variable hides",
        seen(torch=torch_for_cuda(), visible="-1"),
        WARNING,
        ('CUDA_VISIBLE_DEVICES is "-1"', "hides NVIDIA GeForce RTX 3060", "unset it"),
    ),
    Situation(
        "a card that torch does not find, without a word",
        seen(torch=torch_for_cuda(problem="CUDA unknown error")),
        WARNING,
        ("does not see it (CUDA unknown error)", "restart the computer"),
    ),
    Situation(
        "a card that cannot compute",
        seen(torch=torch_for_cuda(CARD_3060.model_copy(update={"problem": "CUDA error: out of memory"}))),
        PROBLEM,
        ("cannot compute (CUDA error: out of memory)", "end other programs"),
    ),
    Situation(
        "a card of AMD",
        bare(
            torch=TorchReport(
                version="2.6.0+rocm6.2", hip="6.2", cards=(CARD_3060.model_copy(update={"name": "RX 7900"}),)
            )
        ),
        OK,
        ("ROCm 6.2", "RX 7900"),
        OK,
    ),
    Situation(
        "Apple's processor", bare(torch=TorchReport(version="2.6.0", mps=True)), OK, ("Apple",), PROBLEM, ("no NVIDIA",)
    ),
    Situation(
        "packages that are broken",
        bare(torch=None, torch_problem="ModuleNotFoundError: No module named 'torch'"),
        PROBLEM,
        ("No module named 'torch'", "reinstall Easel's packages"),
    ),
)


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda each: each.name)
def test_each_situation_is_named_with_what_to_do(situation: Situation) -> None:
    (finding,) = check_cards(situation.facts, AUTO)
    assert finding.grade is situation.auto
    for word in situation.words:
        assert word in finding.says
    (finding,) = check_cards(situation.facts, CUDA)
    assert finding.grade is situation.asked
    for word in situation.asked_words or situation.words:
        assert word in finding.says


def test_who_asked_for_cuda_is_told_the_way_that_goes_at_once() -> None:
    (finding,) = check_cards(seen(torch=TORCH_FOR_CPU), CUDA)
    assert finding.says.endswith('until then write devices = ["auto"], to use the CPU')


def test_a_second_card_that_is_not_there_is_told_beside_the_first() -> None:
    problem, fine = check_cards(seen(), ("cuda:0", "cuda:1"))
    assert (problem.grade, fine.grade) == (PROBLEM, OK)
    assert "devices name cuda:1, but torch sees only cuda:0" in problem.says


TOO_OLD = recorded.card("NVIDIA GeForce GTX 1060 6GB", (6, 1), 6)


@pytest.mark.parametrize("devices", [AUTO, CUDA, ("cuda",)])
def test_a_second_card_that_is_too_old_is_no_problem_where_nothing_is_painted_on_it(devices: tuple[str, ...]) -> None:
    torch = torch_for_cuda(CARD_3060, TOO_OLD, cuda="13.0", architectures=recorded.CUDA_130)
    fine, other = check_cards(seen(smi=table("580.65.06", "13.0"), torch=torch), devices)
    assert (fine.grade, other.grade) == (OK, OK)
    assert other.says == "cuda:1 is NVIDIA GeForce GTX 1060 6GB, but it is not used"


def test_a_first_card_that_is_too_old_is_a_problem_that_the_other_one_solves() -> None:
    torch = torch_for_cuda(TOO_OLD, CARD_3060, cuda="13.0", architectures=recorded.CUDA_130)
    facts = seen(smi=table("580.65.06", "13.0"), torch=torch)
    problem, _ = check_cards(facts, AUTO)
    assert (problem.grade, problem.says.endswith('; or write devices = ["cuda:1"]')) == (PROBLEM, True)
    assert [finding.grade for finding in check_cards(facts, ("cuda:1",))] == [OK, OK]
    assert [finding.grade for finding in check_cards(facts, ("cuda:0", "cuda:1"))] == [PROBLEM, OK]


def test_a_second_card_that_could_paint_too_is_told() -> None:
    _, other = check_cards(seen(torch=torch_for_cuda(CARD_3060, CARD_3060)), AUTO)
    assert 'write devices = ["cuda:0", "cuda:1"] to use all' in other.says


def test_a_card_that_no_device_names_is_worth_a_word() -> None:
    (finding,) = check_cards(seen(), ("cpu",))
    assert (finding.grade, 'write devices = ["auto"]' in finding.says) == (WARNING, True)
    assert check_cards(bare(), ("cpu",)) == []


def test_apples_processor_that_is_not_there_is_a_problem() -> None:
    (finding,) = check_cards(bare(), ("mps",))
    assert (finding.grade, "no graphics processor of Apple" in finding.says) == (PROBLEM, True)


@pytest.mark.parametrize(
    ("capability", "architectures", "fits"),
    [
        ((8, 6), ("sm_80",), True),  # code for 8.0 runs on every 8.x that follows
        ((8, 0), ("sm_86",), False),
        ((8, 9), recorded.CUDA_124, True),
        ((9, 0), ("sm_80", "compute_80"), True),  # to be translated for what comes later
        ((7, 5), ("sm_80", "compute_80"), False),
        ((10, 3), ("sm_75", "sm_90", "sm_120"), False),
        ((12, 1), recorded.CUDA_130, True),
        ((6, 1), (), True),  # a build that does not tell
    ],
)
def test_a_build_has_code_for_a_card_of_its_generation_or_to_translate(
    capability: tuple[int, int], architectures: tuple[str, ...], fits: bool
) -> None:
    card = CardReport(name="Card", capability=capability, total=2**33, free=2**33)
    (finding,) = check_cards(seen(torch=torch_for_cuda(card, architectures=architectures)), AUTO)
    assert (finding.grade is OK) is fits


@pytest.mark.parametrize(
    ("text", "driver", "cuda", "trouble"),
    [
        (table(), "550.54.14", (12, 4), None),
        (recorded.TABLE_WITH_PARTS, "616.56", (13, 4), None),
        (table(cuda="N/A"), "550.54.14", None, None),
        (recorded.NOT_LOADED.replace("'", "\N{RIGHT SINGLE QUOTATION MARK}"), None, None, DriverTrouble.NOT_LOADED),
        (recorded.NO_LIBRARY, None, None, DriverTrouble.NO_LIBRARY),
        ("", None, None, None),
    ],
)
def test_tables_of_old_and_new_drivers_are_read(
    text: str, driver: str | None, cuda: tuple[int, int] | None, trouble: DriverTrouble | None
) -> None:
    read = read_table(text)
    assert (read.driver, read.cuda, read.trouble) == (driver, cuda, trouble)


def test_answers_to_the_query_are_read() -> None:
    answer = recorded.RTX_3060 + recorded.GTX_1080_OF_AN_OLD_DRIVER + recorded.GRACE + "rubbish\n"
    assert read_query(answer) == (
        Card("NVIDIA GeForce RTX 3060", 12288 * 2**20, 11700 * 2**20, (8, 6)),
        Card("NVIDIA GeForce GTX 1080", 8119 * 2**20, 7600 * 2**20, None),
        Card("NVIDIA GB10", None, None, (12, 1)),
    )


@pytest.mark.parametrize("build", ["", "+cpu", "+cu130", "+rocm7.2"])
def test_every_build_of_the_tested_torch_is_fine(build: str) -> None:
    finding = check_torch(TorchReport(version=f"{TESTED_TORCH}{build}"))
    assert finding.grade is OK and finding.says == f"{TESTED_TORCH}{build}, the tested version"


@pytest.mark.parametrize("version", ["2.6.0+cu124", f"{TESTED_TORCH}1", f"{TESTED_TORCH}.dev20261101+cpu", "2.99.0"])
def test_another_torch_than_the_tested_one_is_worth_a_word(version: str) -> None:
    finding = check_torch(TorchReport(version=version))
    assert finding.grade is WARNING
    for words in (f"torch {version} ", TESTED_TORCH, f"torch=={TESTED_TORCH} torchvision=={TESTED_TORCHVISION}"):
        assert words in finding.says
