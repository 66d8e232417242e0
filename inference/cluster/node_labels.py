"""Labels of nodes: what Easel tells by them, and whether a node has those that a checkpoint asks for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

VERSIONS = {"python": "easel-python", "easel": "easel-version", "torch": "easel-torch", "ray": "easel-ray"}
KEY = "easel-node"  # made anew at each start: tells the node from all others
MEMORY = "easel-memory-gb"  # of each device
MAX_MEMORY = 2**53  # bytes


def has_labels(labels: Mapping[str, str], wanted: Iterable[tuple[str, str]]) -> bool:
    """Whether a node has all the labels that are `wanted`."""
    return all(labels.get(name) == value for name, value in wanted)


def device_memory(labels: Mapping[str, str]) -> int | None:
    """Bytes that each device of a node has; None where its labels do not tell."""
    try:
        told = int(float(labels[MEMORY]) * 2**30)
    except (KeyError, ValueError, OverflowError):
        return None
    return told if 0 <= told < MAX_MEMORY else None
