"""How an extra of Easel is installed: the packages that only some need."""

from __future__ import annotations

import shlex
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

DISTRIBUTION = "easel-bot"  # the name in pyproject.toml; on the package index, `easel` is another project
_ROOT = Path(__file__).parents[1]


def installing(extra: str) -> str:
    """Return the command that installs an extra from a checkout, or from the wheel of this version.

    The command names a path, because a package index may offer a stranger's package under the same name.
    """
    pip = [sys.executable, "-m", "pip", "install"]
    if (_ROOT / "pyproject.toml").is_file():
        return shlex.join([*pip, "-c", str(_ROOT / "constraints.txt"), "-e", f"{_ROOT}[{extra}]"])
    wheel = f"dist/{DISTRIBUTION.replace('-', '_')}-{version(DISTRIBUTION)}-py3-none-any.whl[{extra}]"
    installer = pip if find_spec("pip") else ["uv", "tool", "install"]  # an environment of uv has no pip
    return f"{shlex.join([*installer, '-c', 'constraints.txt', wheel])} in the unpacked archive of the release"
