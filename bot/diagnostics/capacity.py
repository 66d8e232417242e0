"""Whether memory, time and disk are enough for the declared checkpoints, with the arithmetic: from recorded facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.diagnostics.cards import AUTO, CPU
from bot.diagnostics.facts import MachineFacts
from bot.diagnostics.finding import Finding, FindingGrade
from inference.base_models import BaseModelId
from inference.checkpoints.memory import MemoryNeed, memory_need, said
from inference.messages.checkpoints import NumberFormat
from inference.messages.options import Offload
from inference.picture_costs import COSTS

SMALL = 100_000_000  # bytes of weights, as the demo's checkpoints, that fit everywhere
SLOW_SECONDS = 60.0  # a picture that takes longer is worth a word
SPEED = "speed"
GUIDE = "docs/hardware.md"


@dataclass(frozen=True)
class CheckpointSize:
    """A declared checkpoint: numbers of weights of its networks, and what its usual picture is.

    `estimated`: the numbers are those of its base model, not of its files. `download`: it comes from a repository of
    the hub and is not here yet. `packed` has the bytes of networks with packed weights.
    """

    name: str
    base_model: BaseModelId
    networks: Mapping[str, int]
    width: int
    height: int
    steps: int
    devices: tuple[str, ...] = ()
    dtype: NumberFormat = NumberFormat.AUTO
    estimated: bool = False
    download: bool = False
    packed: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def pixels(self) -> int:
        """Of its usual picture."""
        return self.width * self.height


@dataclass(frozen=True)
class DeviceMemory:
    """A device by its name in the settings: what it is called, and bytes of memory in all and free, if known."""

    device: str
    called: str
    total: int | None
    free: int | None

    @property
    def accelerator(self) -> bool:
        """Whether it computes in half precision, with memory of its own."""
        return self.device != CPU


def check_capacity(
    facts: MachineFacts, checkpoints: Sequence[CheckpointSize], devices: Sequence[str], offload: Offload
) -> list[Finding]:
    """What is to be said of memory and time for each checkpoint on each device that it is for."""
    found = list[Finding]()
    for place in dict.fromkeys(_resolved(facts, device) for device in devices):
        for checkpoint in checkpoints:
            if checkpoint.networks and (not checkpoint.devices or _for(checkpoint, place, devices, facts)):
                found += _memory(facts, checkpoint, place, offload)
                if not place.accelerator:
                    found += _time(facts, checkpoint)
    return found


def check_downloads(facts: MachineFacts, hub: Path, checkpoints: Sequence[CheckpointSize]) -> list[Finding]:
    """Whether the disk of the hub's folder has room for checkpoints that are to be downloaded."""
    found = list[Finding]()
    wanted = [checkpoint for checkpoint in checkpoints if checkpoint.download and checkpoint.networks]
    least, most = (sum(sum(c.networks.values()) for c in wanted) * each for each in (2, 4))
    free = facts.disks.get(hub)
    if wanted and free is not None:
        names = " and ".join(checkpoint.name for checkpoint in wanted)
        says = f"{names} will be downloaded to {hub}: {said(least)} to {said(most)}, and {said(free)} are free"
        more = "; make room, or set HF_HOME to a folder on another disk"
        grade = _grade_of(free, least, most)
        found.append(Finding("disk", grade, says if grade is FindingGrade.OK else says + more))
    return found


def _grade_of(free: int, least: int, most: int) -> FindingGrade:
    if free < least:
        return FindingGrade.PROBLEM
    return FindingGrade.WARNING if free < most else FindingGrade.OK


def _resolved(facts: MachineFacts, device: str) -> DeviceMemory:
    """The device that a name in the settings stands for, as the worker picks it."""
    torch = facts.torch
    if device == AUTO:
        device = "cuda" if torch and torch.cards else "mps" if torch and torch.mps else CPU
    if device.startswith("cuda") and torch:
        number = int(device.partition(":")[2] or 0)
        if number < len(torch.cards):
            card = torch.cards[number]
            return DeviceMemory(f"cuda:{number}", card.name, card.total, card.free)
    if device.startswith("cuda"):
        return DeviceMemory(device, device, None, None)
    if device == "mps":
        return DeviceMemory(device, "Apple's graphics processor", None, facts.memory)
    return DeviceMemory(CPU, "the CPU", None, facts.memory)


def _for(checkpoint: CheckpointSize, place: DeviceMemory, devices: Sequence[str], facts: MachineFacts) -> bool:
    return any(_resolved(facts, device) == place for device in devices if device in checkpoint.devices)


def _memory(
    facts: MachineFacts, checkpoint: CheckpointSize, place: DeviceMemory, offload: Offload
) -> Iterator[Finding]:
    need = memory_need(
        checkpoint.networks, checkpoint.base_model, checkpoint.pixels, accelerator=place.accelerator,
        dtype=checkpoint.dtype, packed=checkpoint.packed,
    )  # fmt: skip
    if place.free is None or need.weights < SMALL:
        return
    what = f"memory for {checkpoint.name}"
    sum_of = f"{arithmetic(need, checkpoint, accelerator=place.accelerator)} on {_has(place)}"
    if need.total <= place.free and not (place.accelerator and offload is Offload.ALWAYS):
        yield Finding(what, FindingGrade.OK, sum_of)
        return
    if not place.accelerator or place.device == "mps":
        yield from _too_little(what, sum_of, certain=need.weights > place.free, what_to_do=_smaller(place))
        return
    if offload is Offload.NEVER:
        certain, to_do = need.weights > (place.total or place.free), 'write offload = "when_short" in [worker]'
        yield from _too_little(what, sum_of, certain=certain, what_to_do=to_do)
        return
    turns = f"text encoders, denoiser and VAE take turns, which needs {said(need.turns)} and is slower"
    if need.turns <= place.free:
        yield Finding(what, FindingGrade.WARNING, f"{sum_of}: {turns}; {GUIDE} has what fits better")
        yield from _host_memory(facts, what, need)
    elif place.total is not None and need.turns <= place.total:
        other = f"{said(place.total - place.free)} of it are in use by other programs: end them"
        yield Finding(what, FindingGrade.WARNING, f"{sum_of}: {turns}, but {other}")
    else:
        certain = need.largest > (place.total or place.free)
        more = f"{sum_of}, and even where {turns}"
        yield from _too_little(what, more, certain=certain, what_to_do=_smaller(place))


def _too_little(what: str, says: str, *, certain: bool, what_to_do: str) -> Iterator[Finding]:
    """A problem where the weights alone are too large; the rest is an estimate."""
    grade = FindingGrade.PROBLEM if certain else FindingGrade.WARNING
    yield Finding(what, grade, f"{says}: {'too little' if certain else 'likely too little'}; {what_to_do}")


def _smaller(place: DeviceMemory) -> str:
    if not place.accelerator:
        return f"declare a smaller checkpoint, or add memory ({GUIDE} has what fits)"
    return f"declare a smaller checkpoint, or give this one another of the [worker] devices ({GUIDE} has what fits)"


def _host_memory(facts: MachineFacts, what: str, need: MemoryNeed) -> Iterator[Finding]:
    """What takes turns waits in the host's memory."""
    if facts.memory is not None and facts.memory < need.weights:
        says = f"waiting networks take up to {said(need.weights)} of the host's memory"
        to_do = f"{said(facts.memory)} are free: end other programs, or add memory"
        yield Finding(what, FindingGrade.WARNING, f"{says}, and {to_do}")


def arithmetic(need: MemoryNeed, checkpoint: CheckpointSize, *, accelerator: bool) -> str:
    """`needs about 10.8 GB (weights 7.1 GB …)`."""
    least = "at least" if checkpoint.estimated or need.picture is None else "about"
    packed = ", the denoiser's packed" if checkpoint.packed else ""
    numbers = f"{need.numbers / 1e9:.2f} billion numbers of {need.each} bytes{packed}"
    parts = [f"weights {said(need.weights)}, which are {numbers}"]
    if need.picture is None:
        parts.append("without a running picture")
    else:
        parts.append(f"a picture of {checkpoint.width}x{checkpoint.height} on its way {said(need.picture)}")
    parts.append(f"{'CUDA and the program' if accelerator else 'the program'} {said(need.program)}")
    return f"needs {least} {said(need.total)} ({'; '.join(parts)})"


def _has(place: DeviceMemory) -> str:
    whole = f"{said(place.total)}, " if place.total is not None else ""
    return f"{place.called} ({whole}{said(place.free)} free)"


def seconds_on_cpu(facts: MachineFacts, checkpoint: CheckpointSize) -> float | None:
    """The least time of a picture on this CPU: operations of a whole picture over those of a product of matrices."""
    cost, speed = COSTS.get(checkpoint.base_model.architecture), facts.torch.product_flops if facts.torch else None
    if cost is None or not speed:
        return None
    return cost.picture_tflop(checkpoint.steps, checkpoint.pixels) * 1e12 / speed


def _time(facts: MachineFacts, checkpoint: CheckpointSize) -> Iterator[Finding]:
    seconds = seconds_on_cpu(facts, checkpoint)
    cost = COSTS.get(checkpoint.base_model.architecture)
    if seconds is None or cost is None or facts.torch is None or seconds < SLOW_SECONDS:
        return
    tflop, speed = cost.picture_tflop(checkpoint.steps, checkpoint.pixels), (facts.torch.product_flops or 0) / 1e12
    picture = f"a picture of {checkpoint.width}x{checkpoint.height} in {checkpoint.steps} steps"
    sum_of = f"{tflop:.0f} TFLOP at {speed:.2f} TFLOP/s, as measured just now"
    says = (
        f"{checkpoint.name} is painted on the CPU, where {picture} takes at least {spoken(seconds)} ({sum_of}); use a "
        f"graphics card, or a smaller checkpoint ({GUIDE})"
    )
    yield Finding(SPEED, FindingGrade.WARNING, says)


def spoken(seconds: float) -> str:
    """`68 minutes`."""
    if seconds < 120:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"
