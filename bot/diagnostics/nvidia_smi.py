"""Reads what `nvidia-smi` prints: its table, its complaints, and its answer to a query."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

# Asked with --format=csv,noheader,nounits. Drivers before 510 do not know the last field, and refuse the whole query.
QUERY = "--query-gpu=name,memory.total,memory.free,compute_cap"
QUERY_OF_OLD_DRIVERS = "--query-gpu=name,memory.total,memory.free"
FORMAT = "--format=csv,noheader,nounits"

# Drivers since 590 name the two versions after the part of the driver that has them.
_DRIVER = re.compile(r"(?:Driver|KMD) Version: *(\d[\d.]*)")
_CUDA = re.compile(r"CUDA (?:UMD )?Version: *(\d+)\.(\d+)")
_EMPTY_MIG = "No MIG devices found"
_MEBIBYTE = 2**20


class DriverTrouble(StrEnum):
    """What nvidia-smi complains of; the value is a part of its message. Of several the first counts."""

    NOT_LOADED = "couldn't communicate with the NVIDIA driver"
    MISMATCH = "Driver/library version mismatch"
    LOST = "GPU is lost"
    NO_HANDLE = "Unable to determine the device handle"
    NO_DEVICES = "No devices were found"
    NO_PERMISSION = "Insufficient Permissions"
    NO_LIBRARY = "couldn't find libnvidia-ml"
    BLOCKED = "GPU access blocked by the operating system"
    UNKNOWN = "NVML: Unknown Error"
    SILENT = "nvidia-smi failed"  # our own words, for one that does not answer
    OTHER = "NVML"


@dataclass(frozen=True)
class Card:
    """A graphics card: bytes of memory in all and free, and its compute capability, as far as they are told."""

    name: str
    total: int | None = None
    free: int | None = None
    capability: tuple[int, int] | None = None


@dataclass(frozen=True)
class DriverReport:
    """What nvidia-smi says. `cuda` is the newest CUDA that the driver can run.

    `empty_mig`: a card is to be used in slices, and there is no slice.
    """

    driver: str | None = None
    cuda: tuple[int, int] | None = None
    trouble: DriverTrouble | None = None
    empty_mig: bool = False


def read_table(text: str) -> DriverReport:
    """What the output of `nvidia-smi` without arguments says."""
    driver, cuda = _DRIVER.search(text), _CUDA.search(text)
    straight = text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").casefold()
    trouble = next((each for each in DriverTrouble if each.value.casefold() in straight), None)
    return DriverReport(
        driver=driver[1] if driver else None,
        cuda=(int(cuda[1]), int(cuda[2])) if cuda else None,
        trouble=None if driver else trouble,
        empty_mig=_EMPTY_MIG in text,
    )


def read_query(text: str) -> tuple[Card, ...]:
    """The cards in the answer to `QUERY`; a line that is no card is passed over."""
    return tuple(card for line in text.splitlines() if (card := _card(line)) is not None)


def _card(line: str) -> Card | None:
    name, *fields = (field.strip() for field in line.split(","))
    if len(fields) not in (2, 3):
        return None
    total, free = (_bytes(field) for field in fields[:2])
    capability = re.fullmatch(r"(\d+)\.(\d+)", fields[2]) if len(fields) > 2 else None
    return Card(name, total, free, (int(capability[1]), int(capability[2])) if capability else None)


def _bytes(field: str) -> int | None:
    """Mebibytes as bytes; None for `[N/A]`, as cards say that share the host's memory."""
    return int(field) * _MEBIBYTE if field.isdecimal() else None
