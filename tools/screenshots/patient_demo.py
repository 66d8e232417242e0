"""`python -m bot demo` without the deadlines that a busy machine misses: `python -m tools.screenshots.patient_demo …`.

Else a page would now and then show that the bot did not respond, or suggest nothing.
"""

from __future__ import annotations

import sys

from bot.cli.main import main
from bot.ui import acknowledge
from bot.ui.cogs import autocomplete
from playground import interactions

SECONDS = 300.0


def wait_longer() -> None:
    """Extend the time that Discord gives a bot, and that the bot gives itself for a form or suggestions."""
    interactions.ANSWER_SECONDS = SECONDS
    acknowledge.MODAL_DEFER_SECONDS = SECONDS
    autocomplete.LOOKUP_SECONDS = SECONDS


if __name__ == "__main__":
    wait_longer()
    sys.exit(main(["demo", *sys.argv[1:]]))
