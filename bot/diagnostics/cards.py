"""Whether the graphics card can be painted on: the card, its driver, the container around us, and the build of torch.

A pure function of facts and settings. The first trouble in the chain is told, because what follows is its consequence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from bot.diagnostics.facts import MachineFacts
from bot.diagnostics.finding import Finding, FindingGrade
from bot.diagnostics.nvidia_smi import Card, DriverTrouble
from inference.hardware import TorchReport
from inference.memory import said

CARD = "graphics card"
AUTO, CPU = "auto", "cpu"
_SELECTOR = "choose your system and CUDA at pytorch.org/get-started and run the command that it shows in this .venv"
_CONTAINER = (
    "install the NVIDIA Container Toolkit on the host, restart Docker there, and start the container with `--gpus all` "
    "(in a compose file: deploy.resources.reservations.devices with driver nvidia and capabilities [gpu])"
)
_INSTALL_DRIVER = "install NVIDIA's driver for it and restart the computer, until `nvidia-smi` shows the card"

# What to do about what nvidia-smi complains of.
_TROUBLES = {
    DriverTrouble.NOT_LOADED: (
        "nvidia-smi cannot reach NVIDIA's driver, which is not loaded: restart the computer. If that does not help, "
        "install the driver anew; with Secure Boot its module has to be signed, or Secure Boot switched off"
    ),
    DriverTrouble.MISMATCH: (
        "NVIDIA's driver was updated while an older one is loaded: restart the computer (a container: restart it, or "
        "build it anew without a driver of its own)"
    ),
    DriverTrouble.NO_DEVICES: (
        "NVIDIA's driver is loaded and finds no card: see whether the card sits and has power, and whether it is given "
        "to a virtual machine"
    ),
    DriverTrouble.NO_PERMISSION: (
        "this account may not use the card: add it to the groups video and render, and log in again"
    ),
    DriverTrouble.NO_LIBRARY: f"a part of NVIDIA's driver is missing: {_INSTALL_DRIVER}",
    DriverTrouble.OTHER: f"NVIDIA's driver does not work: run `nvidia-smi` to see why; else {_INSTALL_DRIVER}",
}

# The first drivers of each CUDA, from NVIDIA's release notes of CUDA.
_FIRST_DRIVERS = {11: "450", 12: "525", 13: "580"}


def check_cards(facts: MachineFacts, devices: Sequence[str]) -> list[Finding]:
    """What is to be said of the graphics card, when `devices` are declared to paint."""
    asked = [device for device in devices if device.startswith("cuda")]
    if facts.torch is None:
        says = f"torch cannot be imported ({facts.torch_problem}); install Easel's packages anew, or use its own .venv"
        return [Finding("torch", FindingGrade.PROBLEM, says)]
    if facts.torch.hip or "mps" in devices or (facts.torch.mps and AUTO in devices):
        return [_other_kind(facts.torch)]
    trouble = _trouble(facts, facts.torch, wanted=bool(asked))
    if not asked and AUTO not in devices:
        return [_unused(facts, trouble)] if facts.found_cards else []
    if trouble is None and not facts.torch.cards:
        return [_none(asked)]
    if trouble is not None:
        way_out = f'; until then write devices = ["{AUTO}"], which paints on the CPU' if asked else ""
        return [Finding(CARD, FindingGrade.PROBLEM if asked else FindingGrade.WARNING, trouble + way_out)]
    return [*_missing(asked, facts.torch), *_usable(facts, facts.torch)]


def _other_kind(torch: TorchReport) -> Finding:
    if torch.hip:
        names = ", ".join(card.name for card in torch.cards) or "no card"
        return Finding(CARD, FindingGrade.OK, f"torch {torch.version} for AMD's ROCm {torch.hip} finds {names}")
    if torch.mps:
        return Finding(CARD, FindingGrade.OK, f"torch {torch.version} finds Apple's graphics processor")
    says = f'torch {torch.version} finds no graphics processor of Apple; write devices = ["{AUTO}"]'
    return Finding(CARD, FindingGrade.PROBLEM, says)


def _none(asked: Sequence[str]) -> Finding:
    if not asked:
        return Finding(CARD, FindingGrade.OK, "there is no NVIDIA card here, so the CPU paints")
    says = (
        f'there is no NVIDIA card here, and devices name {", ".join(asked)}; write devices = ["{AUTO}"], or plug one in'
    )
    return Finding(CARD, FindingGrade.PROBLEM, says)


def _unused(facts: MachineFacts, trouble: str | None) -> Finding:
    says = f'{_names(facts.found_cards)} is here, and [worker] devices do not name it; write devices = ["{AUTO}"]'
    return Finding(CARD, FindingGrade.WARNING, says if trouble is None else f"{says}. Then: {trouble}")


def _trouble(facts: MachineFacts, torch: TorchReport, *, wanted: bool) -> str | None:
    """What keeps torch from painting on a card that is there or `wanted`; None where there is no card at all."""
    return (
        _unseen_in_the_container(facts, wanted=wanted)
        or _driver_trouble(facts)
        or _build_trouble(facts, torch)
        or _driver_too_old(facts, torch)
        or _hidden(facts, torch)
        or _left_over(facts, torch)
    )


def _unseen_in_the_container(facts: MachineFacts, *, wanted: bool) -> str | None:
    if not facts.container or facts.device_files or facts.found_cards:
        return None
    if facts.kernel_driver or facts.pci_cards:
        return f"the host has an NVIDIA card, and this container does not see it: {_CONTAINER}"
    if wanted:
        return f"this container sees no NVIDIA card. If the host has one and `nvidia-smi` works there: {_CONTAINER}"
    return None


def _driver_trouble(facts: MachineFacts) -> str | None:
    trouble = facts.driver.trouble
    if trouble is not None:
        return _TROUBLES[trouble]
    if facts.device_files and not facts.may_open:
        return _TROUBLES[DriverTrouble.NO_PERMISSION]
    if facts.pci_cards and not facts.found_cards:
        return f"an NVIDIA card is plugged in, and there is no driver: {_INSTALL_DRIVER}"
    return None


def _build_trouble(facts: MachineFacts, torch: TorchReport) -> str | None:
    if not facts.found_cards or torch.cuda is not None:
        return None
    return f"{_names(facts.found_cards)} is here, and torch {torch.version} is the build for the CPU alone: {_SELECTOR}"


def _driver_too_old(facts: MachineFacts, torch: TorchReport) -> str | None:
    """Within one number before the dot newer builds run on older drivers."""
    can, built = facts.driver.cuda, _version(torch.cuda or "")
    if can is None or not built or built[0] <= can[0]:
        return None
    first = _FIRST_DRIVERS.get(built[0])
    update = f"update the driver to {first} or newer" if first else "update the driver"
    return (
        f"the driver {facts.driver.driver} runs CUDA up to {can[0]}.{can[1]}, and torch {torch.version} is built for "
        f"CUDA {torch.cuda}: {update}, or install a build of torch for CUDA {can[0]} ({_SELECTOR})"
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
    return (
        f"{_names(facts.found_cards)} is here, and torch {torch.version} does not find it{reason}: restart the "
        "computer; if that does not help, update the driver"
    )


def _missing(asked: Sequence[str], torch: TorchReport) -> Iterator[Finding]:
    for device in asked:
        number = int(device.partition(":")[2] or 0)
        if number >= len(torch.cards):
            there = ", ".join(f"cuda:{each}" for each in range(len(torch.cards)))
            says = f"devices name {device}, and torch sees {there} alone; correct [worker] devices"
            yield Finding(CARD, FindingGrade.PROBLEM, says)


def _usable(facts: MachineFacts, torch: TorchReport) -> Iterator[Finding]:
    for number, card in enumerate(torch.cards):
        if (unfit := _unfit(card.name, card.capability, torch)) is not None:
            yield Finding(CARD, FindingGrade.PROBLEM, unfit)
        elif card.problem is not None:
            says = (
                f"{card.name} cannot compute ({card.problem}): end other programs that use it, or restart the computer"
            )
            yield Finding(CARD, FindingGrade.PROBLEM, says)
        else:
            driver = f", driver {facts.driver.driver}" if facts.driver.driver else ""
            memory = f"{said(card.total)} of memory, {said(card.free)} free"
            says = f"cuda:{number} is {card.name} with {memory}{driver}, torch {torch.version} for CUDA {torch.cuda}"
            yield Finding(CARD, FindingGrade.OK, says)


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
        return f"{name} ({number}) is newer than {built} knows: install a newer build of torch ({_SELECTOR})"
    return (
        f"{name} ({number}) is older than {built} knows, which begins with {_dotted(min(own + general))}: install a "
        f'build of torch for an earlier CUDA that still has it ({_SELECTOR}), or write devices = ["{CPU}"]'
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
