"""`run`, apart from what it does on Discord."""

from __future__ import annotations

import subprocess
import sys

LOOKED_THROUGH = """
import gc
from bot.cli.run import spare_the_collector
spare_the_collector()
kept = gc.get_freeze_count()
class Knot: pass
knot = Knot()
knot.itself = knot
del knot
print(kept, len(gc.get_objects()), gc.collect())
"""


def test_what_is_there_at_the_start_is_never_looked_through_again_and_what_comes_later_is() -> None:
    said = subprocess.run([sys.executable, "-c", LOOKED_THROUGH], check=True, capture_output=True, text=True).stdout
    kept, left, collected = map(int, said.split())
    assert kept > 50 * left
    assert collected >= 1
