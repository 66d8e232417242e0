"""Whether the graphics card can be painted on: the card, its driver, the container around us, and the build of torch.

A pure function of facts and settings. The first trouble in the chain is told, because what follows is its consequence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from bot.diagnostics.advice import (
    CONTAINER,
    IN_WINDOWS,
    INSTALL_DRIVER,
    NO_KFD,
    NO_KFD_INSIDE,
    SELECTOR,
    SELECTOR_OF_ROCM,
    TESTED_BUILD,
    TROUBLES,
)
from bot.diagnostics.facts import MachineFacts
from bot.diagnostics.finding import Finding, FindingGrade
from bot.diagnostics.nvidia_smi import Card, DriverTrouble
from inference.checkpoints.memory import said
from inference.hardware import CardReport, TorchReport
from inference.processes.tested_torch import TESTED_TORCH, is_tested

CARD = "graphics card"
AUTO, CPU = "auto", "cpu"
# The first drivers of each CUDA, from NVIDIA's release notes of CUDA.
_FIRST_DRIVERS = {11: "450", 12: "525", 13: "580"}


def check_cards(facts: MachineFacts, devices: Sequence[str]) -> list[Finding]:
    """What is to be said of the graphics card, when `devices` are declared to paint."""
    asked = [device for device in devices if device.startswith("cuda")]
    if facts.torch is None:
        says = f"torch cannot be imported ({facts.torch_problem}); reinstall Easel's packages, or use its .venv"
        return [Finding("torch", FindingGrade.PROBLEM, says)]
    if "mps" in devices or (facts.torch.mps and AUTO in devices):
        return [_of_apple(facts.torch)]
    trouble = (_rocm_trouble if facts.torch.hip else _trouble)(facts, facts.torch, wanted=bool(asked))
    if not asked and AUTO not in devices:
        return [_unused(facts, trouble)] if facts.found_cards else []
    if trouble is None and not facts.torch.cards:
        return [_none(facts, facts.torch, asked)]
    if trouble is not None:
        way_out = f'; until then write devices = ["{AUTO}"], to use the CPU' if asked else ""
        return [Finding(CARD, FindingGrade.PROBLEM if asked else FindingGrade.WARNING, trouble + way_out)]
    return [*_missing(asked, facts.torch), *_usable(facts, facts.torch, _numbers(asked or ("cuda",)))]


def check_torch(torch: TorchReport) -> Finding:
    """Whether this is the version of torch that Easel is tested with."""
    if is_tested(torch.version):
        return Finding("torch", FindingGrade.OK, f"{torch.version}, the tested version")
    says = (
        f"torch {torch.version} runs here, but Easel was tested with {TESTED_TORCH}. If pictures fail: {TESTED_BUILD}"
    )
    return Finding("torch", FindingGrade.WARNING, says)


def _numbers(devices: Sequence[str]) -> frozenset[int]:
    """Of cards that paint; without a number it is the first."""
    return frozenset(int(device.partition(":")[2] or 0) for device in devices)


def _of_apple(torch: TorchReport) -> Finding:
    if torch.mps:
        return Finding(CARD, FindingGrade.OK, f"torch {torch.version} finds Apple's graphics processor")
    says = f'torch {torch.version} finds no graphics processor of Apple; write devices = ["{AUTO}"]'
    return Finding(CARD, FindingGrade.PROBLEM, says)


def _none(facts: MachineFacts, torch: TorchReport, asked: Sequence[str]) -> Finding:
    if not asked and facts.apple:
        says = f"torch {torch.version} does not find this Mac's graphics processor, so the CPU generates: update macOS"
        return Finding(CARD, FindingGrade.WARNING, f"{says}; a virtual machine has none")
    if not asked:
        return Finding(CARD, FindingGrade.OK, "no NVIDIA card found, so the CPU generates")
    says = (
        f'there is no NVIDIA card here, and devices name {", ".join(asked)}; write devices = ["{AUTO}"], or install one'
    )
    return Finding(CARD, FindingGrade.PROBLEM, says)


def _unused(facts: MachineFacts, trouble: str | None) -> Finding:
    says = f'{_names(facts.found_cards)} was found, but [worker] devices do not include it; write devices = ["{AUTO}"]'
    return Finding(CARD, FindingGrade.WARNING, says if trouble is None else f"{says}. Then: {trouble}")


def _trouble(facts: MachineFacts, torch: TorchReport, *, wanted: bool) -> str | None:
    """What keeps torch from painting on a card that is there or `wanted`; None where there is no card at all."""
    return (
        _unseen_in_the_container(facts, wanted=wanted)
        or _driver_trouble(facts, wanted=wanted)
        or _build_trouble(facts, torch)
        or _driver_too_old(facts, torch)
        or _hidden(facts, torch)
        or _left_over(facts, torch)
        or _amd_trouble(facts, torch)
    )


def _amd_trouble(facts: MachineFacts, torch: TorchReport) -> str | None:
    if not facts.amd_cards or torch.cards:
        return None
    return f"an AMD card was found, but torch {torch.version} is not the build for ROCm: {SELECTOR_OF_ROCM}"


def _rocm_trouble(facts: MachineFacts, torch: TorchReport, *, wanted: bool) -> str | None:
    """The same for a build of torch for AMD's cards."""
    if torch.cards:
        return None
    if facts.found_cards:
        return (
            f"{_names(facts.found_cards)} was found, but torch {torch.version} is the build for AMD's ROCm: {SELECTOR}"
        )
    if not facts.kfd and (wanted or facts.amd_cards):
        return NO_KFD_INSIDE if facts.container else NO_KFD
    if facts.kfd and not facts.may_open:
        return TROUBLES[DriverTrouble.NO_PERMISSION]
    if facts.kfd:
        return (
            f"torch {torch.version} for ROCm {torch.hip} finds no card that it can use: check whether `rocminfo` shows "
            "it; ROCm does not support all AMD cards"
        )
    return None


def _unseen_in_the_container(facts: MachineFacts, *, wanted: bool) -> str | None:
    if not facts.container or facts.device_files or facts.found_cards:
        return None
    if facts.kernel_driver or facts.pci_cards:
        return f"the host has an NVIDIA card, and this container does not see it: {CONTAINER}"
    if wanted:
        return f"this container sees no NVIDIA card. If the host has one and `nvidia-smi` works there: {CONTAINER}"
    return None


def _driver_trouble(facts: MachineFacts, *, wanted: bool) -> str | None:
    trouble = facts.driver.trouble
    if facts.wsl and (trouble is not None or (wanted and not facts.found_cards)):
        return IN_WINDOWS
    if trouble is not None:
        return TROUBLES[trouble]
    if facts.device_files and not facts.may_open:
        return TROUBLES[DriverTrouble.NO_PERMISSION]
    if facts.pci_cards and not facts.found_cards:
        return f"an NVIDIA card is plugged in, and there is no driver: {INSTALL_DRIVER}"
    return None


def _build_trouble(facts: MachineFacts, torch: TorchReport) -> str | None:
    if not facts.found_cards or torch.cuda is not None:
        return None
    return f"{_names(facts.found_cards)} was found, but torch {torch.version} is the CPU-only build: {SELECTOR}"


def _driver_too_old(facts: MachineFacts, torch: TorchReport) -> str | None:
    """Within one number before the dot newer builds run on older drivers."""
    can, built = facts.driver.cuda, _version(torch.cuda or "")
    if can is None or not built or built[0] <= can[0]:
        return None
    first = _FIRST_DRIVERS.get(built[0])
    update = f"update the driver to {first} or newer" if first else "update the driver"
    return (
        f"the driver {facts.driver.driver} runs CUDA up to {can[0]}.{can[1]}, and torch {torch.version} is built for "
        f"CUDA {torch.cuda}: {update}, or install a build of torch for CUDA {can[0]} ({SELECTOR})"
    )


def _hidden(facts: MachineFacts, torch: TorchReport) -> str | None:
    if torch.cards or not facts.found_cards or facts.visible is None:
        return None
    return (
        f'the environment variable CUDA_VISIBLE_DEVICES is "{facts.visible}", which hides {_names(facts.found_cards)} '
        "from torch: unset it, or set it to 0"
    )


def _left_over(facts: MachineFacts, torch: TorchReport) -> str | None:
    if torch.cards or not facts.found_cards:
        return None
    reason = f" ({torch.problem})" if torch.problem else ""
    says = f"{_names(facts.found_cards)} was found, but torch {torch.version} does not see it{reason}"
    return f"{says}: {_what_to_do(facts, torch.problem or '')}"


def _what_to_do(facts: MachineFacts, problem: str) -> str:
    """About a card that the driver sees and torch does not."""
    if facts.driver.empty_mig:
        return (
            "MIG is enabled, but the card has no slice. As root, `nvidia-smi mig -cgi 0 -C` creates one "
            "slice of the whole card, and `nvidia-smi -mig 0` disables MIG"
        )
    if "system not yet initialized" in problem:
        return (
            "the NVSwitch service of its cards is not running: `systemctl enable --now "
            "nvidia-fabricmanager`, in the version of the driver; on a rented machine, choose another one"
        )
    if not facts.unified_memory:
        return (
            "/dev/nvidia-uvm is missing: as root, run `nvidia-modprobe -u -c=0` on the host. In a "
            "container, pass that device in too"
        )
    return "restart the computer; if that does not help, update the driver"


def _missing(asked: Sequence[str], torch: TorchReport) -> Iterator[Finding]:
    for device in asked:
        number = int(device.partition(":")[2] or 0)
        if number >= len(torch.cards):
            there = ", ".join(f"cuda:{each}" for each in range(len(torch.cards)))
            says = f"devices name {device}, but torch sees only {there}; correct [worker] devices"
            yield Finding(CARD, FindingGrade.PROBLEM, says)


def _usable(facts: MachineFacts, torch: TorchReport, wanted: frozenset[int]) -> Iterator[Finding]:
    """What is to be said of each card. One that nothing is to be painted on cannot be a problem."""
    problems = [_problem(card, torch) for card in torch.cards]
    good = [f"cuda:{number}" for number, problem in enumerate(problems) if problem is None]
    for number, (card, problem) in enumerate(zip(torch.cards, problems, strict=True)):
        if number not in wanted:
            how = "" if problem else f"; write devices = {json.dumps(good)} to use all"
            says = f"cuda:{number} is {card.name}, but it is not used{how}"
            yield Finding(CARD, FindingGrade.OK, says)
        elif problem is not None:
            others = f"; or write devices = {json.dumps(good)}" if good else ""
            yield Finding(CARD, FindingGrade.PROBLEM, problem + others)
        else:
            driver = f", driver {facts.driver.driver}" if facts.driver.driver else ""
            memory = f"{said(card.total)} of memory, {said(card.free)} free"
            says = f"cuda:{number} is {card.name} with {memory}{driver}, torch {torch.version} {_built(torch)}"
            yield Finding(CARD, FindingGrade.OK, says)


def _built(torch: TorchReport) -> str:
    return f"for AMD's ROCm {torch.hip}" if torch.hip else f"for CUDA {torch.cuda}"


def _problem(card: CardReport, torch: TorchReport) -> str | None:
    """What keeps this build of torch from computing on a card, and what to do."""
    if (unfit := _unfit(card.name, card.capability, torch)) is not None:
        return unfit
    if card.problem is None:
        return None
    to_do = "end other programs that use it, or restart the computer"
    if torch.hip:
        to_do = (
            "ROCm may have no code for it. Set HSA_OVERRIDE_GFX_VERSION=10.3.0 (RX 6000) or 11.0.0 (RX "
            "7000) in the environment, to use a similar card's code"
        )
    return f"{card.name} cannot compute ({card.problem}): {to_do}"


def _unfit(name: str, capability: tuple[int, int], torch: TorchReport) -> str | None:
    """Whether the build has code for a card: of its own generation up to its number, or to be translated for newer."""
    own = [_capability(each) for each in torch.architectures if each.startswith("sm_")]
    general = [_capability(each) for each in torch.architectures if each.startswith("compute_")]
    if not own and not general:
        return None
    if any(each[0] == capability[0] and each[1] <= capability[1] for each in own):
        return None
    if any(each <= capability for each in general):
        return None
    number = f"compute capability {_dotted(capability)}"
    built = f"torch {torch.version} for CUDA {torch.cuda}"
    if capability > min(own + general):
        return f"{name} ({number}) is newer than {built} knows: install a newer build of torch ({SELECTOR})"
    return (
        f"{name} ({number}) is older than {built} knows, which begins with {_dotted(min(own + general))}: install a "
        f'build of torch for an earlier CUDA that still has it ({SELECTOR}), or write devices = ["{CPU}"]'
    )


def _capability(architecture: str) -> tuple[int, int]:
    """`sm_86` is 8.6, `sm_120` is 12.0; a letter behind it marks a variant."""
    digits = re.sub(r"\D", "", architecture.partition("_")[2])
    return int(digits[:-1] or 0), int(digits[-1:] or 0)


def _dotted(capability: tuple[int, int]) -> str:
    return f"{capability[0]}.{capability[1]}"


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:2])


def _names(cards: Sequence[Card]) -> str:
    return " and ".join(dict.fromkeys(card.name for card in cards))
