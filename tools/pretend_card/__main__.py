"""Paints the demo on the CPU and on the pretend card, and prints what differs: `python -m tools.pretend_card`."""

from __future__ import annotations

import sys

from tools.pretend_card.trial import main

if __name__ == "__main__":
    sys.exit(main())
