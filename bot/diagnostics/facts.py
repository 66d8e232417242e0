"""The facts about a machine that painting depends on. Looking them up changes nothing and never fails."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from bot.diagnostics.nvidia_smi import (
    FORMAT,
    QUERY,
    QUERY_OF_OLD_DRIVERS,
    Card,
    DriverReport,
    read_query,
    read_table,
)
from bot.file_access import in_container
from inference.checkpoints.memory import free_bytes
from inference.hardware import COMMAND, TorchReport

SMI = "nvidia-smi"
SMI_SECONDS = 30.0  # a driver that sleeps wakes within ten
TORCH_SECONDS = 120.0  # importing torch from a cold disk can take a minute
# Vendors, and the beginning of the class of graphics cards, on the PCI bus.
_NVIDIA, _AMD, _DISPLAY = "0x10de", "0x1002", "0x03"
_OWN_MEMORY = 2_000_000_000  # bytes; what is built into a processor has less of its own, but it is not used


@dataclass(frozen=True)
class MachineFacts:
    """What was seen of a machine; None and empty are what was not there or could not be told.

    `smi` is what nvidia-smi printed, `cards` its answer to a query. `kernel_driver`: the kernel has NVIDIA's driver
    loaded, which a container sees of its host. `device_files`: those of the cards are there, and `may_open` them.
    `unified_memory`: the device file is there without which CUDA does not start. `wsl`: this is Linux inside Windows.
    `amd_cards` are those with memory of their own, and `kfd` is the device file of their driver. `apple`: a Mac.
    `visible` is CUDA_VISIBLE_DEVICES. `disks` are free bytes by folder.
    """

    smi: str | None = None
    cards: str = ""
    torch: TorchReport | None = None
    torch_problem: str = ""
    container: bool = False
    kernel_driver: bool = False
    device_files: bool = False
    may_open: bool = True
    pci_cards: int = 0
    unified_memory: bool = True
    wsl: bool = False
    amd_cards: int = 0
    kfd: bool = False
    apple: bool = False
    visible: str | None = None
    memory: int | None = None
    disks: Mapping[Path, int] = field(default_factory=dict[Path, int])

    @property
    def driver(self) -> DriverReport:
        """What nvidia-smi says of the driver."""
        return read_table(self.smi or "")

    @property
    def found_cards(self) -> tuple[Card, ...]:
        """The cards: as nvidia-smi tells them, else as torch does."""
        seen = self.torch.cards if self.torch else ()
        return read_query(self.cards) or tuple(Card(c.name, c.total, c.free, c.capability) for c in seen)


def look(folders: Iterable[Path] = (), threads: int | None = None) -> MachineFacts:
    """Look at this machine, and at the disks that hold `folders`. Torch is asked in a process of its own."""
    torch, problem = _torch(threads)
    nodes = sorted(Path("/dev").glob("nvidia[0-9]*"))
    wsl = Path("/dev/dxg").exists()  # in place of the files that the driver has elsewhere
    kfd = Path("/dev/kfd")
    return MachineFacts(
        smi=_smi(),
        cards=_smi(QUERY, FORMAT) or _smi(QUERY_OF_OLD_DRIVERS, FORMAT) or "",
        torch=torch,
        torch_problem=problem,
        container=in_container(),
        kernel_driver=Path("/proc/driver/nvidia/version").exists(),
        device_files=bool(nodes) or wsl,
        may_open=all(os.access(node, os.R_OK | os.W_OK) for node in (*nodes, kfd) if node.exists()),
        pci_cards=sum(1 for _ in _pci_cards(_NVIDIA)),
        unified_memory=not nodes or Path("/dev/nvidia-uvm").exists(),
        wsl=wsl,
        amd_cards=sum(_own_memory(card) >= _OWN_MEMORY for card in _pci_cards(_AMD)),
        kfd=kfd.exists(),
        apple=sys.platform == "darwin",
        visible=os.environ.get("CUDA_VISIBLE_DEVICES"),
        memory=free_bytes(),
        disks={folder: free for folder in folders if (free := free_on_disk(folder)) is not None},
    )


def cards_of_driver() -> tuple[Card, ...]:
    """NVIDIA's cards as their driver tells them; torch is not asked."""
    return read_query(_smi(QUERY, FORMAT) or _smi(QUERY_OF_OLD_DRIVERS, FORMAT) or "")


def free_on_disk(folder: Path) -> int | None:
    """Free bytes where `folder` is or would be."""
    for place in (folder, *folder.parents):
        try:
            return shutil.disk_usage(place).free
        except OSError:  # not there yet
            continue
    return None


def _smi(*arguments: str) -> str | None:
    """What it prints; a query that it refuses is None."""
    program = shutil.which(SMI)
    if program is None:
        return None
    try:
        done = subprocess.run([program, *arguments], capture_output=True, timeout=SMI_SECONDS, check=False)  # noqa: S603 (no shell)
    except (OSError, subprocess.TimeoutExpired) as problem:
        return None if arguments else f"{SMI} failed: {problem}"
    said = (done.stdout + done.stderr).decode("utf-8", "replace")
    return None if arguments and done.returncode else said


def _torch(threads: int | None) -> tuple[TorchReport | None, str]:
    environment = dict(os.environ)
    if threads:
        environment["OMP_NUM_THREADS"] = str(threads)
    try:
        done = subprocess.run(  # noqa: S603 (our own program)
            [sys.executable, *COMMAND], capture_output=True, timeout=TORCH_SECONDS, check=False, env=environment
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        return None, str(problem)
    try:
        return TorchReport.model_validate_json(done.stdout.splitlines()[-1]), ""
    except (IndexError, ValidationError):
        return None, (done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no output"])[-1][:300]


def _pci_cards(wanted: str) -> Iterator[Path]:
    """The folders of a vendor's graphics cards that are plugged in, whether or not there is a driver."""
    for device in Path("/sys/bus/pci/devices").glob("*"):
        try:
            vendor, kind = ((device / name).read_text().strip() for name in ("vendor", "class"))
        except OSError:
            continue
        if vendor == wanted and kind.startswith(_DISPLAY):
            yield device


def _own_memory(card: Path) -> int:
    """Bytes of an AMD card's own memory, as its driver tells; 0 without a driver."""
    try:
        return int((card / "mem_info_vram_total").read_text())
    except (OSError, ValueError):
        return 0
