"""The versions that are installed: of Easel, of what it stands on, of Python and SQLite."""

from __future__ import annotations

import platform
import re
import sqlite3
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distribution

from inference.processes.extras import DISTRIBUTION

# Packages whose versions are shown; the worker's are not imported here.
PACKAGES = {"Easel": DISTRIBUTION, "discord.py": "discord.py", "torch": "torch", "diffusers": "diffusers"}

_VERSION = re.compile(r"^Version: (.+)$", re.MULTILINE)


def build_info() -> dict[str, str]:
    """The versions that `easel_build_info` shows; empty if one is unknown."""
    found = versions_here()
    return {"version": found.get("Easel", ""), "python": found["Python"], "torch": found.get("torch", "")}


def versions_here() -> dict[str, str]:
    """Each name with its version. A package that is not installed is left out."""
    found: dict[str, str] = {}
    for name, package in PACKAGES.items():
        with suppress(PackageNotFoundError):  # run from a folder that was never installed
            found[name] = _version(package)
    return found | {"Python": platform.python_version(), "SQLite": sqlite3.sqlite_version}


def _version(package: str) -> str:
    """Find the version in the metadata. `importlib.metadata.version` also parses the description, for 1 to 3 ms."""
    found = distribution(package)
    line = _VERSION.search(found.read_text("METADATA") or "")
    return line[1] if line else found.version
