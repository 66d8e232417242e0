"""`constraints.txt`: the versions that were tested together, and how large they are to download.

    python -m tools.constraints          writes the sections and sizes anew; it asks the package index through uv
    python -m tools.constraints tell     says what the demo will download; with --dev what tests and development add,
                                         with --cluster what their tests on a cluster add to that

`tell` runs before anything is installed, so this file needs the standard library alone. A version is changed by hand:
those of torch and torchvision in inference/processes/tested_torch.py, all others in constraints.txt.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inference.processes.tested_torch import REQUIREMENTS

ROOT = Path(__file__).parents[1]
FILE = ROOT / "constraints.txt"
TORCH = "# torch, in whichever build fits the machine"
RUNTIME, DEV = "# What Easel needs", "# What tests and development add"
CLUSTER = "# What the extra `cluster` adds to both"
HEAD = """\
# Versions that were tested together. Behind each stands how many bytes its wheel for Linux on x86-64 has, by which
# `make` tells what it will download. `python -m tools.constraints` writes this file.
# What torch brings is left open: it differs by build.
"""
PLATFORMS = {"linux": "x86_64-unknown-linux-gnu", "darwin": "aarch64-apple-darwin", "win32": "x86_64-pc-windows-msvc"}
MACOS = {"MACOSX_DEPLOYMENT_TARGET": "14.0"}  # the oldest macOS for which there is a wheel of torch
# The files of the tested torch and torchvision for Linux and CPython 3.11 without CUDA, which lie on another index.
CPU_TORCH_BYTES = 160_289_091 + 1_788_891
_PIN = re.compile(r"^([\w.-]+)==(\S+)(?:  # (\d+))?$")
_TORCH_LINE = re.compile(r"^# torch for (\w+): (\d+)$", re.MULTILINE)
_DATE = re.compile(r"^# Sizes of (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Pin:
    """A version, and the size of its wheel in bytes."""

    name: str
    version: str
    size: int

    @property
    def key(self) -> str:
        """The name as indexes compare it."""
        return re.sub(r"[-_.]+", "-", self.name).lower()


def pins(text: str) -> dict[str, list[Pin]]:
    """The pins of each section."""
    found: dict[str, list[Pin]] = {}
    section = ""
    for line in text.splitlines():
        if line in (TORCH, RUNTIME, DEV, CLUSTER):
            section = line
        elif pin := _PIN.match(line):
            found.setdefault(section, []).append(Pin(pin[1], pin[2], int(pin[3] or 0)))
    return found


def measured(text: str) -> list[Pin]:
    """The pins with a size. The sizes of torch differ by platform."""
    return [pin for section, found in pins(text).items() for pin in found if section != TORCH]


def torch_bytes(text: str) -> dict[str, int]:
    """The bytes that torch and what it brings have, by `sys.platform`."""
    return {platform: int(size) for platform, size in _TORCH_LINE.findall(text)}


def sentence(text: str, platform: str, *, dev: bool) -> str:
    """What an installation downloads at most, for people."""
    wanted = pins(text)[DEV if dev else RUNTIME]
    total, day = _total(wanted), _DATE.findall(text)[0]
    if dev:
        return f"For tests and development {len(wanted)} more packages are downloaded, {total} (sizes of {day})."
    torch = torch_bytes(text).get(platform)
    lines = [
        f"Easel goes into .venv with {len(wanted)} packages, a download of {total} (sizes of {day}), and with torch"
    ]
    lines[0] += f", {_megabytes(torch)} more unless pip is set up to find another build." if torch else "."
    if torch and torch > CPU_TORCH_BYTES * 2:
        lines.append(
            f"Most of that is CUDA. Without a GPU take {_megabytes(CPU_TORCH_BYTES)} instead: make demo TORCH=cpu"
        )
    return "\n".join(lines)


def cluster_sentence(text: str) -> str:
    """What an installation of the extra `cluster` downloads at most, where tests and development are there."""
    wanted = pins(text)[CLUSTER]
    return f"For the cluster {len(wanted)} more packages are downloaded, {_total(wanted)}."


def _total(wanted: list[Pin]) -> str:
    return _megabytes(sum(pin.size for pin in wanted))


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


def written(
    old: str,
    runtime: dict[str, int],
    dev: dict[str, int],
    cluster: dict[str, int],
    torch: dict[str, int],
    day: str,
) -> str:
    """The file with the versions of `old`, in sections and with sizes. A package that nothing needs is left out.

    Each of `runtime`, `dev` and `cluster` has what those before it have, and more.
    """
    known = sorted(measured(old), key=lambda pin: pin.key)
    lines = [HEAD + f"# Sizes of {day}", *(f"# torch for {platform}: {size}" for platform, size in torch.items())]
    lines += ["", TORCH, *REQUIREMENTS]
    without = ((RUNTIME, runtime, {}), (DEV, dev, runtime), (CLUSTER, cluster, runtime | dev))
    for title, all_of_it, before in without:
        wanted = {key: size for key, size in all_of_it.items() if key not in before}
        lines += ["", title]
        lines += [f"{pin.name}=={pin.version}  # {wanted[pin.key]}" for pin in known if pin.key in wanted]
    return "\n".join(lines) + "\n"


def resolved(requirements: list[str], platform: str, constraints: Path | None = None) -> dict[str, int]:
    """Every package that the requirements need on a platform, with the bytes of its largest fitting wheel."""
    with tempfile.TemporaryDirectory() as folder:
        asked, lock = Path(folder, "requirements.in"), Path(folder, "pylock.toml")
        asked.write_text("\n".join(requirements), "utf-8")
        command = ["uv", "pip", "compile", asked, "--quiet", "--format=pylock.toml", f"--output-file={lock}",
                   "--python-version=3.11", f"--python-platform={platform}"]  # fmt: skip
        command += [f"--constraints={constraints}"] if constraints else []
        subprocess.run(command, check=True, env={**os.environ, **MACOS})  # noqa: S603 (the arguments are this file's own)
        found = tomllib.loads(lock.read_text("utf-8"))["packages"]
    return {package["name"]: max(map(_size, package.get("wheels") or [package.get("sdist", {})])) for package in found}


def _size(file: dict[str, Any]) -> int:
    return int(file.get("size", 0))


def main() -> None:
    """Write the file, or tell what it says."""
    parser = argparse.ArgumentParser(prog="python -m tools.constraints", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", nargs="?", choices=["write", "tell"], default="write")
    parser.add_argument("--dev", action="store_true", help="tell what tests and development add")
    parser.add_argument("--cluster", action="store_true", help="tell what the extra for a cluster adds")
    options = parser.parse_args()
    text = FILE.read_text("utf-8")
    if options.what == "tell":
        told = cluster_sentence(text) if options.cluster else sentence(text, sys.platform, dev=options.dev)
        print(told, flush=True)
        return
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    linux = PLATFORMS["linux"]
    torch = {name: resolved(list(REQUIREMENTS), platform) for name, platform in PLATFORMS.items()}
    runtime = resolved(project["dependencies"], linux, FILE)
    extras = project["optional-dependencies"]
    dev = resolved(project["dependencies"] + extras["dev"], linux, FILE)
    everything = resolved(project["dependencies"] + extras["dev"] + extras["cluster"], linux, FILE)
    pinned = {pin.key for pin in measured(text)}
    unpinned = set(everything) - pinned - set(torch["linux"])
    if unpinned:
        sys.exit(f"Not pinned: {', '.join(sorted(unpinned))}")
    day = datetime.now(UTC).date().isoformat()
    sums = {name: sum(size for key, size in sizes.items() if key not in pinned) for name, sizes in torch.items()}
    FILE.write_text(written(text, runtime, dev, everything, sums, day), "utf-8")


if __name__ == "__main__":
    main()
