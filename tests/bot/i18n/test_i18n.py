"""One voice in every language: catalogues are complete, sentences whole, and the right language is spoken."""

from __future__ import annotations

import ast
import asyncio
import re
from gettext import NullTranslations
from string import Formatter

import pytest
from babel.messages.catalog import Catalog
from discord import Intents, app_commands
from discord.ext import commands

from bot.errors.blocks import EndUnclear, PersonBlocked
from bot.errors.limits import NumberUnclear, PicturesUsedUp, ServerPicturesUsedUp
from bot.errors.ratings import PromptRatedTooHigh
from bot.errors.rights import CategoryNotAllowed
from bot.i18n import (
    _,
    alternatives,
    catalogue,
    explained,
    label,
    language,
    listed,
    number,
    speak,
    speaking,
    translated_note,
)
from bot.i18n.commands import CommandWords
from bot.ui.views.jobs.progress import queue_position_text
from inference.content_rating import ContentRating
from inference.errors import BaseModelMismatch, PromptTooLong
from inference.lora.beside.categories import Category
from inference.lora.evidence import Source
from inference.notes import NO_NEGATIVE_PROMPT, OTHER_PREDICTION, TEMPLATES
from inference.queue.simulation import Forecast
from tools.i18n import Said, calls, everything_said, in_commands, sources

LANGUAGES = sorted(catalogue.languages())
MAX_DESCRIPTION = 100  # characters; Discord's limit


def placeholders(text: str) -> list[str]:
    return sorted(name for _text, name, _spec, _conversion in Formatter().parse(text) if name is not None)


def forms(string: str | list[str] | tuple[str, ...]) -> list[str]:
    return [string] if isinstance(string, str) else list(string)


Key = tuple[str | None, str | tuple[str, ...]]


def messages(catalog: Catalog) -> dict[Key, list[str]]:
    """Translations by context and sentence."""
    return {
        (message.context, tuple(message.id) if isinstance(message.id, list) else message.id): forms(message.string)
        for message in catalog
        if message.id
    }


@pytest.fixture(scope="module")
def said() -> set[Key]:
    return {(sentence.context, sentence.key) for sentence in everything_said()}


def test_no_japanese_sentence_begins_with_a_particle() -> None:
    """A colon stands before the problem of a refusal."""
    begun = re.compile("は(?!い$|じめ)|には")
    texts = [text for found in messages(catalogue.read("ja")).values() for text in found]
    assert not [text for text in texts if begun.match(text)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholders_are_the_same_in_every_language(language: str) -> None:
    wrong = [
        key
        for (_context, key), translations in messages(catalogue.read(language)).items()
        for translation in translations
        if translation and placeholders(translation) != placeholders(key if isinstance(key, str) else key[1])
    ]
    assert not wrong


def _in_context(translations: NullTranslations, said: Said) -> str:
    if said.context is None:
        return translations.gettext(said.one)
    return translations.pgettext(said.context, said.one)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_descriptions_of_commands_have_room(language: str) -> None:
    translations = catalogue.translations(language)
    heard = await in_commands()
    assert heard
    assert not [said.one for said in heard if len(_in_context(translations, said)) > MAX_DESCRIPTION]


def test_sentences_are_whole_and_literal() -> None:
    """What is looked up is a literal, or a name or an attribute that `later` marked; never put together."""
    glued = [
        f"{path.name}:{call.lineno}"
        for path in sources()
        for call in calls(path)
        if not call.args or not isinstance(call.args[0], ast.Constant | ast.Name | ast.Attribute | ast.Subscript)
    ]
    assert not glued


@pytest.mark.parametrize(
    ("locale", "spoken"),
    [("ja", "ja"), ("ja-JP", "ja"), ("en-GB", "en"), ("en-US", "en"), ("de", "en"), ("xx-YY", "en"), (None, "en")],
)
def test_a_language_without_a_catalogue_is_answered_in_english(locale: str | None, spoken: str) -> None:
    with speaking(locale):
        assert language() == spoken
    assert language() == "en"


async def test_tasks_speak_the_language_of_whoever_started_them() -> None:
    async def heard() -> str:
        return _("Cancel")

    async def person(locale: str) -> str:
        speak(locale)
        return await asyncio.create_task(heard())

    english, japanese = await asyncio.gather(person("en-GB"), person("ja"))
    assert (english, japanese) == ("Cancel", "キャンセル")


def test_names_stay_and_words_of_ours_do_not() -> None:
    """A LoRA that is called like one of our words keeps its name."""
    error = BaseModelMismatch(
        lora="Cancel",
        checkpoint="style",
        checkpoint_base="Pony",
        fitting_checkpoints=["pose", "detail"],
        lora_base="Illustrious",
        evidence=Source.SIDECAR.plainly,
        region="left",
    )
    with speaking("ja"):
        told = explained(error)
        assert all(name in told for name in ("Cancel", "style", "pose、detail"))
        assert "左" in told and "left" not in told
    assert str(error) == f"{explained(error)} How Easel knows the LoRA's base model: {error.evidence}."


def test_figures_and_lists_follow_the_language() -> None:
    assert [queue_position_text(Forecast(n)) for n in range(3)] == [
        "next in the queue", "1 request ahead", "2 requests ahead"
    ]  # fmt: skip
    assert number(12345.678, 1) == "12,345.7"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert alternatives(["a", "b", "c"]) == "a, b or c"
    with speaking("ja"):
        assert listed(["a", "b", "c"]) == "a、b、c"
        assert alternatives(["a", "b", "c"]) == "a、b、またはc"
        assert queue_position_text(Forecast(2)) == "前に2件が待機中"
        assert "4000" in explained(PromptTooLong(what="prompt", length=5000, limit=4000))


async def test_the_catalogues_are_loaded_with_the_translator() -> None:
    catalogue.translations.cache_clear()
    async with commands.Bot("", intents=Intents.none()) as bot:
        await bot.tree.set_translator(CommandWords())
    loaded = catalogue.translations.cache_info().misses
    for spoken in LANGUAGES:
        with speaking(spoken):
            _("library")
    assert catalogue.translations.cache_info().misses == loaded == len(LANGUAGES)


async def test_commands_are_described_in_the_language_and_keep_their_names() -> None:
    @app_commands.command(name="bookmarks")
    @app_commands.describe(category="Category of the LoRA")
    async def command(interaction, category: Category) -> None:
        """See, search, use or remove your saved LoRAs."""

    bot = commands.Bot("", intents=Intents.none())
    payload = await command.get_translated_payload(bot.tree, CommandWords())
    assert "name_localizations" not in payload or payload["name_localizations"] == {}
    assert set(payload["description_localizations"]) == {"ja"}
    assert set(payload["options"][0]["description_localizations"]) == {"ja"}


def test_what_a_worker_notes_in_english_is_said_in_the_language_of_who_reads() -> None:
    names = {
        "lora": "{夜} does not use clip skip",
        "trained": "v-prediction",
        "spacing": "leading",
        "checkpoint": "a.b*",
        "predicted": "epsilon",
        "sampler": "tcd",
        "used": "euler",
        "least": "1",
    }
    notes = [template.format(**names) for template in TEMPLATES]
    assert [translated_note(note) for note in notes] == notes, "English stays as it is"
    with speaking("ja"):
        said = [translated_note(note) for note in notes]
        assert translated_note("Something of another version.") == "Something of another version."
    assert not set(said) & set(notes) and all("a.b*" in text for text in said)
    assert said[TEMPLATES.index(NO_NEGATIVE_PROMPT)].startswith("a.b* はネガティブ")
    assert names["lora"] in said[TEMPLATES.index(OTHER_PREDICTION)]


JARGON = (
    r"(?i)sha-?256|\bhash|command line|`library|\.safetensors|\.toml|"
    r"\bJSON\b|\blayers?\b|\btensor|sidecar|metadata|\bworker"
)
FOR_OPERATORS = {
    "bot/diagnostics/watch.py",
    "bot/ui/views/loras/base_model_declaration.py",
    "bot/ui/views/status.py",
    "bot/ui/delivery/operator_alerts.py",
    "bot/privacy/stored_data.py",  # for whoever exports all data; docs/privacy.md explains the words
}


def test_members_read_no_jargon() -> None:
    """What only operators see may have it, and so may names of a setting that the field uses."""
    allowed = {
        "clip skip {layer}",  # a placeholder
        "Export as JSON",  # staff choose the format of a file
        "The worker could not start: {reason}.",  # told on the command line alone
        "See the bot's status: workers, queue, library, database. For staff.",
    }
    read = [said for said in everything_said() if said.where not in FOR_OPERATORS and said.one not in allowed]
    assert len(read) > 500
    assert [said.one for said in read if re.search(JARGON, said.one)] == []


@pytest.mark.parametrize(("spoken", "reason"), [("en", "“spam”. "), ("ja", "「spam」。")])
def test_a_reason_ends_before_the_next_sentence(spoken: str, reason: str) -> None:
    with speaking(spoken):
        assert reason in explained(PersonBlocked(reason="spam", end="2031-05-30 06:00 UTC"))


@pytest.mark.parametrize("kind", [PicturesUsedUp, ServerPicturesUsedUp])
def test_a_limit_of_one_picture_is_not_called_pictures(kind: type[PicturesUsedUp | ServerPicturesUsedUp]) -> None:
    told = explained(kind(source="person", role="", asked="1", used="1", limit="1", wait="18 hours"))
    assert "1 pictures" not in told and "is 1." in told


def test_what_somebody_typed_is_told_from_the_sentence_around_it() -> None:
    number, end = NumberUnclear(what="weight", typed="many"), EndUnclear(typed="soon")
    assert "“many”" in explained(number) and "“soon”" in explained(end)
    with speaking("ja"):
        assert "「many」" in explained(number) and "「soon」" in explained(end)


def test_values_of_enumerations_in_errors_are_translated() -> None:
    with speaking("ja"):
        refused = explained(PromptRatedTooHigh(rating="explicit", most="teen"))
        assert label(ContentRating.EXPLICIT) in refused and label(ContentRating.TEEN) in refused
        assert label(Category.POSE) in explained(CategoryNotAllowed(lora="Bat", category="pose"))
        assert "explicit" not in refused
