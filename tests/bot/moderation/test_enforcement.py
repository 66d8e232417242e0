"""Rules on words in force: requests, notes and names, what people are told, and what logs hold."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bot.config import Settings
from bot.config.sections.moderation import ModerationSettings
from bot.database.bookmarks.transfer import Brought, NewBookmark
from bot.errors.words import WordsNotAllowed
from bot.i18n import explained, speaking
from bot.moderation.enforcement import WordRules
from bot.moderation.word_rules import TextKind
from bot.ui.views.bookmarks.bookmark_file import import_text, with_allowed_notes
from inference.errors import RequestError, SexualMinors
from inference.messages.request import LoraUse
from inference.regions import RegionName
from tests.house import House
from tests.inference.requests import request
from tests.log import lines_of

PATTERN = "(cursed|hexed) owl"
LISTS = [
    {"name": "house rules", "words": ["zorble"], "patterns": [PATTERN]},
    {"name": "trial", "words": ["quux", "cat"], "mode": "shadow"},
    {"name": "everywhere", "words": ["florp"], "negative_prompts": True},
    {"name": "resting", "words": ["tree"], "mode": "off"},
]


class Rules:
    """Rules that a test may reload."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.words = WordRules.of_operator(lambda: self.settings)

    def reload(self, **moderation: object) -> None:
        changed = ModerationSettings.model_validate(moderation)
        self.settings = self.settings.model_copy(update={"moderation": changed})


@pytest.fixture
def rules(tmp_path: Path) -> Rules:
    rules = Rules(House(tmp_path / "house").settings)
    rules.reload(lists=LISTS)
    return rules


def lora(name: str, *trigger_words: str) -> LoraUse:
    return LoraUse(sha256="a" * 64, name=name, trigger_words=trigger_words)


def refused(rules: Rules, prompt: str, negative: str = "", *loras: LoraUse) -> tuple[type[RequestError], str] | None:
    found = asyncio.run(rules.words.why_not_painted(request(prompt=prompt, negative_prompt=negative, loras=loras)))
    return None if found is None else (type(found), getattr(found, "what", ""))


def test_prompt_negative_prompt_and_loras_are_judged(rules: Rules) -> None:
    assert refused(rules, "a red tree with a cat, quux") is None
    assert refused(rules, "a z.o.r.b.l.e tree") == (WordsNotAllowed, "prompt")
    assert refused(rules, "an owl", "zorble") is None, "this list does not read negative prompts"
    assert refused(rules, "an owl", "florp") == (WordsNotAllowed, "negative prompt")
    assert refused(rules, "an owl", "", lora("Zorble style")) == (WordsNotAllowed, "LoRA selection")
    assert refused(rules, "an owl", "", lora("Style", "hexed owl")) == (WordsNotAllowed, "LoRA selection")


def test_nothing_about_minors_is_painted_however_it_is_put_together(rules: Rules) -> None:
    assert refused(rules, "a nude child") == (SexualMinors, "")
    assert refused(rules, "a child", "", lora("Nude bodies")) == (SexualMinors, ""), "each alone would be harmless"
    assert refused(rules, "nude", "", lora("Style", "toddler")) == (SexualMinors, "")
    assert refused(rules, "nsfw, 1woman", "child, loli") is None, "what the picture must not show"
    assert refused(rules, "a child", "nsfw") is None
    assert refused(rules, "a photo", "(nude child:-1.5)") == (SexualMinors, ""), "a negative weight there paints it"
    assert refused(rules, "nude", "blurry, (a (child:2):-1)") == (SexualMinors, "")
    assert refused(rules, "nude", "((child:-1):-1), (zorble:0.5)") is None
    assert refused(rules, "an owl", "(zorble:-1)") == (WordsNotAllowed, "prompt")
    rules.reload(minor_terms=["zorbling"], sexual_terms=["florpy"], ordinary_phrases=["florpy zorbling"])
    assert refused(rules, "florpy, a zorbling") == (SexualMinors, "")
    assert refused(rules, "a florpy zorbling") is None


def test_a_request_whose_negative_prompt_excludes_adults_is_about_minors(rules: Rules) -> None:
    assert refused(rules, "a nude woman", "child, blurry") is None
    assert refused(rules, "a nude girl", "adult, blurry") == (SexualMinors, "")


def test_words_of_every_region_are_judged_as_those_of_the_prompt(rules: Rules) -> None:
    def judged(left: str, right: str, ground: str = "") -> type[RequestError] | None:
        regions = [{"name": "left", "prompt": left}, {"name": "right", "prompt": right}]
        made = request(prompt=ground, regions=regions)
        found = asyncio.run(rules.words.why_not_painted(made))
        with pytest.raises(RequestError) if found else contextlib.nullcontext():
            asyncio.run(rules.words.check_request(made))
        return None if found is None else type(found)

    assert judged("an owl", "a cat", "a meadow") is None
    for texts in (("a zorble", ""), ("an owl", "a zorble", "a meadow"), ("", "a hexed owl")):
        assert judged(*texts) is WordsNotAllowed
    assert judged("a nude child", "an owl") is judged("an owl", "a nude child") is SexualMinors
    assert judged("a child", "a nude woman") is judged("a child", "", "nude people") is SexualMinors


@pytest.mark.parametrize(
    ("left", "ground", "refusal"),
    [
        ("on the left: nude, little", "girl", SexualMinors),
        ("nude, little", "girl", SexualMinors),
        ("nude, under", "age girl", SexualMinors),
        ("zor", "ble", WordsNotAllowed),
        ("a cursed", "owl", WordsNotAllowed),
        ("an owl", "on the lawn", None),
    ],
)
@pytest.mark.parametrize("side", ["left", "right"])
def test_words_of_a_region_and_the_ground_are_judged_as_one_text(
    rules: Rules, left: str, ground: str, side: str, refusal: type[RequestError] | None
) -> None:
    texts = {"left": "an oak", "right": "a stone wall"} | {side: left}
    rules.reload(lists=[*LISTS, {"name": "phrases", "patterns": ["cursed, owl"]}])
    made = request(prompt=ground, regions=[{"name": name, "prompt": words} for name, words in texts.items()])
    found = asyncio.run(rules.words.why_not_painted(made))
    assert (None if found is None else type(found)) is refusal


def test_a_region_is_judged_with_its_place_as_it_is_painted(rules: Rules) -> None:
    rules.reload(lists=[{"name": "phrases", "patterns": ["owl on the left"]}])
    made = request(prompt="", regions=[{"name": "left", "prompt": "an owl"}, {"name": "right", "prompt": "an owl"}])
    assert isinstance(asyncio.run(rules.words.why_not_painted(made)), WordsNotAllowed)


def test_trigger_words_are_judged_before_the_prompt_as_they_are_painted(rules: Rules) -> None:
    assert refused(rules, "girl, nude", "", lora("Style", "little")) == (SexualMinors, "")
    assert refused(rules, "nude, oak", "(girl:-1)", lora("Style", "child")) == (SexualMinors, "")
    rules.reload(lists=[{"name": "phrases", "patterns": ["cursed, owl"], "words": ["florp"]}])
    assert refused(rules, "owl", "", lora("Style", "cursed")) == (WordsNotAllowed, "LoRA selection")
    assert refused(rules, "florp, an oak", "", lora("Style", "oak bark")) == (WordsNotAllowed, "prompt")
    regions = [{"name": "left", "prompt": "an oak"}, {"name": "right", "prompt": "owl"}]
    for side, refusal in (("left", None), ("right", WordsNotAllowed)):
        use = lora("Style", "cursed").model_copy(update={"region": RegionName(side)})
        made = request(prompt="", regions=regions, loras=[use.model_dump()])
        found = asyncio.run(rules.words.why_not_painted(made))
        assert (None if found is None else type(found)) is refusal


async def test_a_shadow_list_is_logged_once_for_all_texts_of_a_request(
    rules: Rules, caplog: pytest.LogCaptureFixture
) -> None:
    regions = [{"name": "left", "prompt": "quux"}, {"name": "right", "prompt": "quux"}]
    with caplog.at_level(logging.INFO, "bot.moderation"):
        await rules.words.check_request(request(prompt="quux", regions=regions))
    assert lines_of(WordRules.__module__, caplog) == ["shadow list 'trial' would refuse a prompt"]


async def test_the_refusal_names_the_list_and_not_its_rule(rules: Rules) -> None:
    with pytest.raises(WordsNotAllowed) as problem:
        await rules.words.check("a hexed owl", TextKind.NOTE)
    english = explained(problem.value)
    with speaking("ja"):
        japanese = explained(problem.value)
        about_minors = explained(SexualMinors())
    assert "This note" in english and "“house rules”" in english and PATTERN not in english
    assert "メモ" in japanese and "house rules" in japanese and "未成年" in about_minors


@pytest.mark.parametrize("kind", [TextKind.NOTE, TextKind.STACK_NAME])
async def test_notes_and_names_are_judged(rules: Rules, kind: TextKind) -> None:
    await rules.words.check("my favourite", kind)
    for text in ("zorble", "naked toddler"):
        with pytest.raises((WordsNotAllowed, SexualMinors)):
            await rules.words.check(text, kind)
        assert not rules.words.allows(text, kind)


@pytest.mark.parametrize(
    ("ask", "what"),
    [
        (lambda rules: rules.check_request(request(prompt="a secret quux and a cat")), "prompt"),
        (lambda rules: rules.check("a secret quux and a cat", TextKind.STACK_NAME), "stack name"),
    ],
    ids=["request", "stack name"],
)
async def test_a_shadow_list_logs_its_name_once_without_text_and_person(
    rules: Rules, ask: Callable[[WordRules], Awaitable[object]], what: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "bot.moderation"):
        assert await ask(rules.words) is None
    (line,) = lines_of(WordRules.__module__, caplog)
    assert line == f"shadow list 'trial' would refuse a {what}"


async def test_what_is_looked_at_again_is_not_logged_again(rules: Rules, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "bot.moderation"):
        assert await rules.words.why_not_painted(request(prompt="quux")) is None
    assert not lines_of(WordRules.__module__, caplog)


async def test_a_text_is_judged_beside_the_event_loop(rules: Rules) -> None:
    """A server's twenty patterns may take a tenth of a second, in which others are answered."""
    judging = set[int]()

    def settings() -> Settings:
        judging.add(threading.get_ident())
        return rules.settings

    words = WordRules.of_operator(settings)
    judging.clear()
    await words.check("an owl", TextKind.NOTE)
    await words.check_request(request(prompt="an owl"))
    assert await words.why_not_painted(request(prompt="an owl")) is None
    assert judging and threading.get_ident() not in judging


def test_lists_are_compiled_again_after_a_reload(rules: Rules) -> None:
    assert refused(rules, "zorble")
    rules.reload(lists=[{"name": "other", "words": ["owl"]}])
    assert refused(rules, "zorble") is None and refused(rules, "an owl") is not None


def test_a_text_that_is_looked_at_again_is_not_judged_again(rules: Rules) -> None:
    first = rules.words.verdict("a zorble", TextKind.PROMPT)
    assert first.refusals and rules.words.verdict("a zorble", TextKind.PROMPT) is first
    rules.reload(lists=[{"name": "other", "words": ["owl"]}])
    assert not rules.words.verdict("a zorble", TextKind.PROMPT).refusals


def test_an_import_leaves_out_the_notes_that_are_refused(rules: Rules) -> None:
    saved = [NewBookmark("Owl", "", note, 0, ("a" * 64,)) for note in ("mine", "a zorble", "")]
    assert [each.note for each in with_allowed_notes(rules.words, saved)] == ["mine", "", ""]
    assert "2 notes were left out" in import_text(Brought(3, 0, ()), 0, refused=2)
