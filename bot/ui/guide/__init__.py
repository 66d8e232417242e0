"""What people should know about LoRAs, for `/guide`: its chapters, its answers, and pictures that Easel painted itself.

Words only; `bot.ui.views.guide` makes messages of them. All are marked by `later` and looked up when they are shown.
"""

from __future__ import annotations

from pathlib import Path

PICTURES = Path(__file__).parent / "pictures"  # painted by `python -m tools.guide`
