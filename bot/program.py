"""What the person who started this program calls it, for sentences that name a command to type."""

from __future__ import annotations

import sys
from pathlib import Path

COMMAND = "easel"


def program() -> str:
    """`python -m bot` for whoever started it so, where `easel` may not be on the path; else `easel`."""
    return "python -m bot" if Path(sys.argv[0]).parts[-2:] == ("bot", "__main__.py") else COMMAND
