"""How long a prompt of 4,000 characters takes by the rules on words, while something else keeps every core busy.

Measures the median in milliseconds of the processor's time, which is judged, and of all time, in which the judging also
waits for a core. The texts are ordinary prompts in English and Japanese, ones that are made to have as many hits as
possible, and ones on which a backtracking engine would never end. They are judged by the rule
on minors, by an operator's list of 2,000 words and one of patterns that are made for catastrophic backtracking, and by
as many lists of a server as staff may have, full of words and of such patterns.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks._command import BenchmarkCommand, closing_line
from bot.moderation.word_rules import TextKind, WordList, judge
from bot.servers.word_limits import MAX_LISTS, MAX_PATTERNS, MAX_WORDS

LENGTH = 4000  # characters
MOST_MILLISECONDS = 5.0

TEXTS = {
    "prompt": "masterpiece, best quality, 1girl, solo, (long hair:1.2), school uniform, cherry blossoms, score_9_up, ",
    "prose": "An old lighthouse keeper walks home along the cliffs at dusk, his lantern held high against the fog. ",
    "japanese": "桜の木の下で本を読む女性、青い空、ガラスの塔、柔らかい光、ロリポップ、",
    "masked": "".join(f"{first}{second}*ldd ch*{second}{first} " for first in "abcdefgh" for second in "abcdefghijklm"),
    "hidden": "c h i l d l.o.l.i ",
    "repeated": "nude, ",
    "ordinary_phrases": "nude moby dick, ",
    "ages": "nude 20yo ",
    "signs": "l1!|a'b'c1 ",
    "single_letters": "x ",
    "one_letter": "a",
    "pairs": "ab",
    "unseen": "p\u200be\u0301",
    "ligatures": "ﷺ",
}
PATTERNS = (
    "(x+x+)+y",
    "(a+)+$",
    "(a|aa)+$",
    "(.*a){9}b",
    "(a|b)*a(a|b){20}c",
    r"(\w+\s?)*!$",
    r"^(([a-z])+.)+[A-Z]([a-z])+$",
)


def lists() -> list[WordList]:
    """The operator's: 2,000 words that nobody writes, and the patterns. Ten of a server with all that they can hold."""
    chance = random.Random(1)
    own = [WordList("words", invented(chance, 2000)), WordList("patterns", (), PATTERNS)]
    patterns = [f"{PATTERNS[number % len(PATTERNS)]}|fog{number}" for number in range(MAX_PATTERNS)]
    of_server = [
        WordList(
            f"list {number}",
            invented(chance, MAX_WORDS // MAX_LISTS),
            tuple(patterns[number::MAX_LISTS]),
            negative_prompts=True,
            id=number + 1,
        )
        for number in range(MAX_LISTS)
    ]
    return [*own, *of_server]


def invented(chance: random.Random, count: int) -> tuple[str, ...]:
    """So many words of four to ten letters."""
    words = set[str]()
    while len(words) < count:
        words.add("".join(chance.choices("abcdefghiklmnoprstuw", k=chance.randint(4, 10))))
    return tuple(sorted(words))


def spin() -> None:
    """Keep a core busy until the process is ended."""
    while True:
        sum(range(10_000))


@contextmanager
def load() -> Iterator[None]:
    """One busy process for each core."""
    processes = [multiprocessing.Process(target=spin, daemon=True) for _ in range(os.cpu_count() or 1)]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.join()


def milliseconds(text: str, rules: list[WordList], runs: int) -> tuple[float, float]:
    """The medians of the processor's and of all time that judging the text takes."""
    taken: list[tuple[float, float]] = []
    for _ in range(runs):
        began, began_work = time.perf_counter(), time.thread_time()
        judge(text, TextKind.PROMPT, rules)
        taken.append((time.thread_time() - began_work, time.perf_counter() - began))
    work, whole = (round(statistics.median(times) * 1000, 2) for times in zip(*taken, strict=True))
    return work, whole


def main() -> int:
    """Measure each text; the exit code."""
    parser = BenchmarkCommand(__doc__)
    parser.add_size("--runs", 101, 21, "times that each text is judged")
    options = parser.read()
    rules = lists()
    judge("", TextKind.PROMPT, rules)  # compiles them
    with load():
        found = {name: milliseconds((text * LENGTH)[:LENGTH], rules, options.runs) for name, text in TEXTS.items()}
    work = {name: took for name, (took, _) in found.items()}
    slow = {name: took for name, took in work.items() if took >= MOST_MILLISECONDS}
    failed = [f"{name} takes {took} ms, where {MOST_MILLISECONDS} are allowed" for name, took in slow.items()]
    figures = {
        "slowest_ms": max(work.values()),
        "prompt_ms": work["prompt"],
        "median_ms": work,
        "waiting_included_ms": {name: took for name, (_, took) in found.items()},
    }
    return closing_line("word_rules", figures, failed, quick=options.quick)


if __name__ == "__main__":
    sys.exit(main())
