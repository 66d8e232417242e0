"""The content of `/guide`: chapters and answers about LoRAs, and pictures painted with Easel.

chapters.py   the chapters, in reading order
answers.py    the answers to the questions of two chapters

Texts only; `bot.ui.views.guide` renders them. All are marked by `later` and translated when they are shown.
"""

from __future__ import annotations

from pathlib import Path

PICTURES = Path(__file__).parent / "pictures"  # painted by `python -m tools.guide`
