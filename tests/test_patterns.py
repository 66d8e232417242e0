"""Every pattern over a stranger's text takes time that grows with the text's length and no faster.

All patterns of the source are found by reading it, so that a new one cannot be forgotten. The texts that are tried on
a pattern are made from the pattern itself: what it may repeat, repeated, behind what leads there, with an end on which
it fails.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from functools import partial
from itertools import chain, product
from pathlib import Path
from re import _compiler as sre_compiler  # type: ignore[attr-defined]
from re import _parser as sre  # type: ignore[attr-defined]
from types import ModuleType
from typing import Any

import pytest

from bot.ui.bot import load_features
from bot.ui.views.persistent_items import PersistentItem
from tests.growth import LONGEST, NOTHING, STEEPEST, cpu_seconds, growth

ROOT = Path(__file__).parents[1]
USES = {"compile", "match", "search", "fullmatch", "sub", "subn", "split", "findall", "finditer"}
ANY_METHOD = frozenset({"search", "fullmatch", "finditer"})
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
REPEATS = {sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT}
CHARACTERS = "a1 _-.:,;<>\"'\\/()[]{}|*@=+#`~\n\u0300\u0915\u4e00\u202aXz\0"
MOST_PARTS, MOST_LETTERS = 16, 5  # of a pattern, that are repeated
TINY = 18  # characters, at which exponential time shows and ends
CUSTOM_ID = 100  # characters; Discord's limit
# What the names in patterns that functions make stand for. `tables` are all texts in the module's constants.
MADE: dict[str, Callable[[ModuleType], list[dict[str, Any]]]] = {
    "inference.messages.request": lambda _: [{"word": "a"}, {"word": "a a"}, {"word": "a" * 50}],
    "bot.moderation.minors": lambda _: [{"alternatives": "niña|niña", "signs": ("👶", "18+")}],
    "inference.lora.words.titles": lambda module: [{"pattern": text} for text in texts_in_tables(module)],
    "inference.lora.words.relatives": lambda module: [
        {"pattern": text, "each": each} for each in module.RELATIVES for text in (each.words, each.hints)
    ],
    "inference.lora.words.texts": lambda _: [{"version": "v1"}, {"version": "v1.0 (beta)"}],
    "inference.lora.tensors.spellings": lambda _: [{"targets": ("down_blocks.#.attentions.#.to_q",)}],
}
LIMITS = {  # characters that are looked at: of a name, or beside an age or a word
    "inference.lora.words.titles": 1000, "inference.lora.words.relatives": 320, "bot.moderation.ages": 31,
    "bot.moderation.negations": 40,
}  # fmt: skip


@dataclass(frozen=True)
class Found:
    """A pattern, where it stands, with what it is asked, and how long a text it is ever given."""

    where: str
    pattern: re.Pattern[Any]
    methods: Set[str]
    limit: int  # characters

    def __str__(self) -> str:
        return f"{self.where} {self.pattern.pattern!r:.60}"


def modules() -> Iterator[tuple[str, ast.Module]]:
    for top in ("bot", "inference"):
        for path in sorted((ROOT / top).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            if not name.startswith("playground"):  # it is no part of the bot and hears only this machine
                yield name, ast.parse(path.read_text("utf-8"))


def every_pattern() -> Iterator[Found]:
    for name, tree in modules():
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and is_of_re(node.func)]
        if not calls:
            continue
        module = importlib.import_module(name)
        limit = LIMITS.get(name, LONGEST)
        asked = methods_by_name(tree)
        kept = {key: list(patterns_in(value)) for key, value in vars(module).items()}
        texts = {pattern.pattern for patterns in kept.values() for pattern in patterns}
        for key, patterns in kept.items():
            for pattern in patterns:
                yield Found(name, pattern, asked.get(key) or ANY_METHOD, limit)
        deep = {node for function in ast.walk(tree) if isinstance(function, FUNCTIONS) for node in ast.walk(function)}
        for call in calls:
            method = ast.unparse(call.func).removeprefix("re.")
            for text in values(call.args[0], module, in_a_function=call in deep):
                if isinstance(text, str | bytes) and not (method == "compile" and text in texts):
                    yield Found(name, re.compile(text), ANY_METHOD if method == "compile" else {method}, limit)
    load_features()
    for kind in PersistentItem.registered:
        yield Found(kind.__module__, kind.__discord_ui_compiled_template__, {"fullmatch"}, CUSTOM_ID)


def is_of_re(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and ast.unparse(function.value) == "re" and function.attr in USES


def methods_by_name(tree: ast.Module) -> dict[str, Set[str]]:
    """What each name is asked, of what patterns can be asked."""
    asked: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr in USES:
            asked.setdefault(node.value.id, set()).add(node.attr)
    return dict(asked)


def patterns_in(value: object) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, Mapping):
        yield from chain.from_iterable(map(patterns_in, value.values()))
    elif isinstance(value, tuple | list | set | frozenset):
        yield from chain.from_iterable(map(patterns_in, value))


def texts_in_tables(module: ModuleType) -> list[str]:
    def inside(value: object) -> Iterator[str]:
        if isinstance(value, str):
            yield value
        elif isinstance(value, tuple):
            yield from chain.from_iterable(map(inside, value))

    return [text for value in vars(module).values() if isinstance(value, tuple) for text in inside(value)]


def values(expression: ast.expr, module: ModuleType, *, in_a_function: bool) -> list[Any]:
    """What an expression is in its module: once, or for each set of names that MADE gives."""
    name = module.__name__
    code = compile(ast.Expression(expression), name, "eval")
    try:
        return [eval(code, vars(module))]
    except NameError:
        if not in_a_function:
            return []  # what comes of it is among the module's own names
        assert name in MADE, f"{name} makes a pattern of {ast.unparse(expression)}: say in MADE what stands there"
        return [eval(code, vars(module) | names) for names in MADE[name](module)]


# --- texts that are hard for a pattern ---------------------------------------------------------------------------


def hard_texts(pattern: re.Pattern[Any]) -> Iterator[Callable[[int], str]]:
    """Texts by their length: a way into the pattern, something that is repeated, an end on which it may fail."""
    parsed = sre.parse(pattern.pattern, pattern.flags & re.VERBOSE)
    whole = sample(parsed)
    parts = list(dict.fromkeys(filter(None, pieces(parsed))))[:MOST_PARTS]
    letters = list(dict.fromkeys("".join(parts)))[:MOST_LETTERS]
    pumps = dict.fromkeys([*parts, *letters, *map("".join, product(letters, repeat=2)), whole or "a"])
    ways = dict.fromkeys(["", whole[:1], whole[: len(whole) // 2], whole])
    for pump, way, end in product(pumps, ways, ("", "\0")):
        yield partial(hard_text, pump, way, end)


def hard_text(pump: str, way: str, end: str, length: int) -> str:
    return (way + pump * (length // len(pump) + 1))[: length - len(end)] + end


def pieces(parsed: sre.SubPattern) -> Iterator[str]:
    """A text for each part of a pattern, and for every part inside of it."""
    for part in parsed:
        for inner in inside_of(part):
            yield from pieces(inner)
            yield sample(inner)
        yield sample(sre.SubPattern(parsed.state, [part]))


def inside_of(part: Any) -> list[sre.SubPattern]:
    kind, argument = part
    if kind is sre.BRANCH:
        return argument[1]
    return [each for each in argument if isinstance(each, sre.SubPattern)] if isinstance(argument, tuple) else []


def sample(parsed: sre.SubPattern) -> str:
    """A text that the parts of a pattern match, as far as one can tell part by part; the first of alternatives."""
    made: list[str] = []
    for part in parsed:
        inner = inside_of(part)
        if inner and part[0] not in {sre.ASSERT, sre.ASSERT_NOT}:
            least = part[1][0] if part[0] in REPEATS else 1
            made.append(sample(inner[0]) * max(1, least))
        elif not inner:
            alone = sre_compiler.compile(sre.SubPattern(parsed.state, [part]))
            made.append(next((c for c in letters_for(part) if matches(alone, c)), ""))
    return "".join(made)


def letters_for(part: Any) -> str:
    return chr(part[1]) if part[0] is sre.LITERAL else CHARACTERS


def matches(pattern: re.Pattern[Any], letter: str) -> bool:
    return pattern.fullmatch(letter.encode() if isinstance(pattern.pattern, bytes) else letter) is not None


# --- what is measured --------------------------------------------------------------------------------------------


def asks(found: Found, method: str) -> Callable[[str], object]:
    """What a method of the pattern does with a text."""
    binary = isinstance(found.pattern.pattern, bytes)
    of = getattr(found.pattern, method)

    def ask(text: str) -> object:
        given: Any = text.encode() if binary else text
        match method:
            case "sub" | "subn":
                return of(b"" if binary else "", given)
            case "finditer":
                return sum(1 for _ in of(given))
            case _:
                return of(given)

    return ask


def slowest(found: Found) -> tuple[float, str]:
    """The steepest growth of all texts and methods, or the first that is too steep, and at which it was measured."""
    worst = 0.0, ""
    for method in sorted(found.methods):
        ask = asks(found, method)
        for text in hard_texts(found.pattern):
            if (least := cpu_seconds(ask, text(TINY), times=5)) > NOTHING:  # exponential: nothing longer would ever end
                return float("inf"), f"{method}({text(TINY)!r}): {least:.3f} s"
            measured = growth(ask, text, found.limit)
            worst = max(worst, (measured.factor, f"{method}({text(40)!r}): {measured}"))
            if worst[0] > STEEPEST:
                return worst
    return worst


PATTERNS = list({(found.where, found.pattern, frozenset(found.methods)): found for found in every_pattern()}.values())


def test_patterns_are_found_wherever_they_stand() -> None:
    told = {(found.where, found.pattern.pattern) for found in PATTERNS}
    assert any(where == "bot.ui.views.guide" for where, _ in told), "of a component"
    assert ("inference.messages.request", r"(?<!\w)a(?!\w)") in told, "made in a function"
    assert any(where == "inference.lora.tensors.markers" for where, _ in told), "in a table"
    assert all("from re import" not in ast.unparse(tree) for _, tree in modules()), "patterns are asked by `re.`"


def test_what_is_quadratic_is_seen() -> None:
    for bad in (r"\s*<", r"(\w+)*!", r".*a.*b.*c", r'"(?:[^"\\]|\\.)*+":', r":\d+\.?\d*$"):
        factor, measured = slowest(Found("here", re.compile(bad), {"search"}, LONGEST))
        assert factor > STEEPEST, (bad, measured)


@pytest.mark.parametrize("found", PATTERNS, ids=str)
def test_a_pattern_reads_in_time_that_grows_with_the_text_and_no_faster(found: Found) -> None:
    factor, measured = slowest(found)
    assert factor < STEEPEST, measured
