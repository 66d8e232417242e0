"""Names that were given up stay given up: the field's words, which a reader can search for, took their place."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOPS = ("bot", "inference", "playground", "tests", "tools", "benchmarks")

# Modules, classes, functions and attributes, one line for each subject; bare words of English are not among them.
FORMER = """
Wardrobe _wardrobe Shelf _shelf Dressed dressed _dressed Worn take_off Cupboard Curtain curtain_of Board _board
hear_words _overhear _of_words _Asking _asking Bench _benches _seat _seated _Seating _arranged Painted Sharing
begin_again each_alone clean_latents _is_hot hoped divisible as_they_are BEFALLEN _LeanAttention _LeanNetwork does_for
solo_name Solo SoloCheckpoint SoloLoras Lone take_turns in_turns _in_turns _roomier GREETING QUIET_SECONDS Painter
_scribe _keeper _await_keeping DISK_PATIENCE taken_up what_is_painted unwanted NICER Ladder _climb _memory_wish
_may_go Seat seats CALL CRY AHEAD QUANTUM UNMEASURED_LOAD _Line _level in_hand last_words LAST_WORDS _outlive Station
_stations Hand WorkerSeen Watch BENCHED is_benched _benched Asides _asides _Aside _mourn _sift _hopeless _give_back
_break_off _insist _forget_attempt _keep_looking MANY_ATTEMPTS STARVED_ATTEMPTS Wish LoraWish wish_of wishes_of
whole_wish shelved _lora_wish Desk DiscordPost Lasting PressButton PressSelect Standing Helpful Refused Spot
Unreadable Following Alarms _Pace whisper whisper_text _whisper in_time FORM_PATIENCE draw_panel details_of_job
shown_job recipe_in show_again too_old _farewell FAREWELLS FAREWELL_SECONDS _again_and_again _attend _goes_on
_with_ways_out _why_missing locked_out Acts Acting Operating Postings _postings Pulse Seen GOODBYE FOUNDED Closing
Finisher Apology judge_exchanges _checked_wish hear_locale Generation _Rehearsal
"""

# Those of the playground's page.
FORMER_IN_SCRIPTS = """
hear heard complain failureAt NOT_IN_TIME Refused answerOf listenAs comeBack onReturn choosePerson chooseChannel
remembered Log PATIENCE pinned toEnd nearEnd LEAST MOST enlarge DRAW SIGNS drawSidebar drawPeople guildHere nameOf
choicesOf emojiOf MOMENTS prose fileBox
"""

# Packages and modules by the paths that they had.
MOVED = """
bot/playground bot/words bot/cogs bot/views bot/guide bot/client.py bot/texts.py bot/post.py bot/stations.py
bot/asides.py bot/following.py bot/orders.py bot/seal.py bot/alarms.py bot/shown.py bot/dispatcher.py
bot/generation.py inference/engine/wardrobe.py inference/engine/shelf.py inference/engine/bench.py
inference/engine/board.py inference/engine/lean.py inference/engine/mishaps.py inference/engine/painted.py
inference/engine/painter.py inference/engine/solo.py inference/engine/solo_loras.py inference/engine/clean.py
benchmarks/queue.py bot/jobs/generation.py playground/page/log.js tools/interrupts.py inference/messages.py
bot/config/sections.py inference/cluster/kept_worker.py
"""


def names(path: Path) -> Iterator[str]:
    """The identifiers of a file; strings and comments are no identifiers."""
    readline = io.StringIO(path.read_text("utf-8")).readline
    return (token.string for token in tokenize.generate_tokens(readline) if token.type == tokenize.NAME)


def script_names(path: Path) -> Iterator[str]:
    """The words of a script outside of its strings and comments."""
    found = re.finditer(r"//.*|\"(?:[^\"\\\n]|\\.)*\"|`(?:[^`\\]|\\.)*`|([A-Za-z_$][\w$]*)", path.read_text("utf-8"))
    return (match[1] for match in found if match[1])


@pytest.mark.parametrize("top", TOPS)
def test_no_former_name_is_left(top: str) -> None:
    former = set(FORMER.split())
    found = {
        f"{path.relative_to(ROOT)}: {name}" for path in (ROOT / top).rglob("*.py") for name in former & set(names(path))
    }
    assert not found


def test_no_former_name_is_left_in_the_page() -> None:
    former = set(FORMER_IN_SCRIPTS.split())
    scripts = (ROOT / "playground" / "page").glob("*.js")
    assert not {f"{path.name}: {name}" for path in scripts for name in former & set(script_names(path))}


def test_no_former_module_is_left() -> None:
    left = [path for path in MOVED.split() if (ROOT / path).is_file() or any((ROOT / path).glob("**/*.py"))]
    assert not left
