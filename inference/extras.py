"""How an extra of Easel is installed: the packages that only some need."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[1]


def installing(extra: str) -> str:
    """The command that installs an extra: into the environment of a checkout, else anew with uv.

    It names a folder, since a package of the name `easel` may be a stranger's.
    """
    if (_ROOT / "pyproject.toml").is_file():
        command = [sys.executable, "-m", "pip", "install", "-c", str(_ROOT / "constraints.txt"), "-e"]
        return shlex.join([*command, f"{_ROOT}[{extra}]"])
    return f"uv tool install --constraints easel/constraints.txt './easel[{extra}]' where the checkout of Easel lies"
