"""Writes docs/privacy.md from the table of stored data: `python -m tools.privacy`."""

from __future__ import annotations

from pathlib import Path

from bot.privacy.document import privacy_document

PAGE = Path(__file__).parents[1] / "docs" / "privacy.md"

if __name__ == "__main__":
    PAGE.write_text(privacy_document(), "utf-8")
