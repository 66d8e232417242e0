"""How an extra of Easel is installed: the packages that only some need."""

from __future__ import annotations

import re
import shlex
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path

DISTRIBUTION = "easel-bot"  # the name in pyproject.toml; on the package index, `easel` is another project
_ROOT = Path(__file__).parents[2]
_PACKAGE = re.compile(r"[\w.-]+")
_EXTRA = re.compile(r"""extra == ["']([\w-]+)["']""")


def installing(extra: str) -> str:
    """Return the command that installs an extra from a checkout, or from the wheel of this version.

    With a wheel, the command also names the installed extras, because `uv tool install` removes all others. It names
    a path, because a package index may offer a stranger's package under the same name.
    """
    pip = [sys.executable, "-m", "pip", "install"]
    if (_ROOT / "pyproject.toml").is_file():
        return shlex.join([*pip, "-c", str(_ROOT / "constraints.txt"), "-e", f"{_ROOT}[{extra}]"])
    extras = ",".join(sorted({extra, *installed_extras()}))
    wheel = f"dist/{DISTRIBUTION.replace('-', '_')}-{version(DISTRIBUTION)}-py3-none-any.whl[{extras}]"
    installer = pip if find_spec("pip") else ["uv", "tool", "install"]  # an environment of uv has no pip
    return f"{shlex.join([*installer, '-c', 'constraints.txt', wheel])} in the unpacked archive of the release"


def installed_extras() -> list[str]:
    """Return the extras for users whose packages are all installed."""
    packages: dict[str, list[str]] = {}
    for line in requires(DISTRIBUTION) or ():
        if (package := _PACKAGE.match(line)) and (extra := _EXTRA.search(line)):
            packages.setdefault(extra[1], []).append(package[0])
    return sorted(extra for extra, each in packages.items() if extra != "dev" and all(map(_is_installed, each)))


def _is_installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
