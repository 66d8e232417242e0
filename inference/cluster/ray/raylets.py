"""The nodes of Ray that run on this machine, whoever started them: by the command lines of their processes, on Linux.

A file with a process id may be left by a process that is gone, and one account does not know of the nodes of another.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference.cluster.node_labels import KEY

_STARTED = 19  # the place of a process's start among the numbers behind its name in `stat`


@dataclass(frozen=True)
class Raylet:
    """Ray's own process of a node. `began` orders processes by their start, `key` is that of `NodeOptions`."""

    pid: int
    began: int
    address: str
    head: str
    paints: bool
    key: str


def with_the_cards(addresses: Collection[str], key: str, proc: Path = Path("/proc")) -> Raylet | None:
    """The node with one of these addresses that has the cards of this machine, other than ours.

    Once the node with our `key` runs, only one counts that was there before it: of two that start at a time one stays.
    """
    found = [each for each in _raylets(proc) if each.paints and each.address in addresses]
    ours = next((each for each in found if each.key == key), None)
    before = (each for each in found if ours is None or (each.began, each.pid) < (ours.began, ours.pid))
    return next(before, None)


def _raylets(proc: Path) -> Iterator[Raylet]:
    for folder in proc.glob("[0-9]*"):
        try:
            program, *arguments = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if program.endswith("raylet/raylet"):
                began = int((folder / "stat").read_text().rpartition(")")[2].split()[_STARTED])
                yield _raylet(int(folder.name), began, arguments)
        except (OSError, ValueError, IndexError):  # it has ended meanwhile
            continue


def _raylet(pid: int, began: int, arguments: list[str]) -> Raylet:
    told = {name: value for name, _, value in (each.partition("=") for each in arguments)}
    labels: Any = json.loads(told.get("--labels") or "{}")
    resources = told.get("--static_resource_list", "").split(",")
    return Raylet(
        pid,
        began,
        told.get("--node_ip_address", ""),
        told.get("--gcs-address", ""),
        "GPU" in resources,
        str(labels.get(KEY, "")) if isinstance(labels, dict) else "",
    )
