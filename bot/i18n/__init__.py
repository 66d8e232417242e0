"""Translation: sentences stand in English in the source, and are looked up in a catalogue when they are used.

catalogue.py   the catalogues, `<language>.po` in this folder
commands.py    translates the descriptions of slash commands
texts.py       text of people made safe to show, and how LoRAs, requests and base models are written

`_("{count} in all")` is the sentence in the language of the current task. Discord sends the language with every
interaction; `speak` sets it for the task and the tasks it starts. `python -m tools.i18n` writes new sentences into
the catalogues. A sentence that a catalogue lacks stays English.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from typing import TYPE_CHECKING

from babel.dates import format_timedelta
from babel.lists import format_list
from babel.numbers import format_decimal

from bot.i18n.catalogue import ENGLISH, language_for, translations
from inference.content_rating import ContentRating
from inference.lora.beside.categories import Category
from inference.notes import template_and_names
from inference.regions import RegionName

if TYPE_CHECKING:
    from inference.errors import InferenceError

_language: ContextVar[str] = ContextVar("language", default=ENGLISH)
_BABEL = {ENGLISH: "en_GB"}  # Babel's plain English puts a comma before "and"
_CONTEXTS = {  # of errors' attributes that hold a value of an enumeration
    "category": Category.__name__,
    "most": ContentRating.__name__,
    "rating": ContentRating.__name__,
    "region": RegionName.__name__,
}
_UNSPACED = {"ja"}  # written without spaces between sentences


def _(sentence: str) -> str:
    """The sentence, with its placeholders, in the current language."""
    return translations(_language.get()).gettext(sentence)


def ngettext(one: str, many: str, count: int) -> str:
    """Singular or plural as `count` wants it, in the current language."""
    return translations(_language.get()).ngettext(one, many, count)


def pgettext(context: str, sentence: str) -> str:
    """Translate a sentence whose English words have other meanings elsewhere; `context` names the meaning."""
    return translations(_language.get()).pgettext(context, sentence)


def later(sentence: str, *, context: str | None = None) -> str:
    """Mark a sentence of a table for the catalogues. `_` translates it later, or `pgettext` if it has a `context`."""
    return sentence


def label(member: StrEnum) -> str:
    """Translate the value of an enumeration such as a category. Its context is the name of the enumeration."""
    return pgettext(type(member).__name__, member.value.replace("_", " "))


def explained(error: InferenceError) -> str:
    """The sentences of `error` with its data filled in. Data that are words are translated, names are not."""
    filled = {name: _filled(error, name, value) for name, value in error.detail.items()}
    return sentences(*(_(template) for template in error.templates)).format_map(filled).strip()


def _filled(error: InferenceError, name: str, value: str | float | list[str]) -> str | float:
    if isinstance(value, list):
        return listed(value)
    if name in _CONTEXTS:
        return pgettext(_CONTEXTS[name], str(value))
    return _(str(value)) if name in error.words else value


def translated_note(note: str) -> str:
    """A worker's note on a picture, translated, with its names filled in; one without a template stays as it is."""
    template, names = template_and_names(note)
    return _(template).format(**names) if names else note


def sentences(*whole: str) -> str:
    """Whole sentences joined as the current language joins them."""
    return ("" if _language.get() in _UNSPACED else " ").join(whole)


def listed(items: Iterable[str]) -> str:
    """`a, b and c`."""
    return format_list(list(items), locale=_locale())


def alternatives(items: Iterable[str]) -> str:
    """`a, b or c`."""
    return format_list(list(items), style="or", locale=_locale())


def number(value: float, digits: int = 0) -> str:
    """A number with at most `digits` decimals and separated thousands: `12,345.6`."""
    return format_decimal(round(value, digits), locale=_locale())


def duration(seconds: float | None) -> str:
    """`2 minutes`; `a while` for None, an unknown time."""
    if seconds is None:
        return _("a while")
    unit = next((unit for unit in (3600, 60, 5) if seconds >= 2 * unit), 5)
    rounded = max(unit, round(seconds / unit) * unit)
    return format_timedelta(rounded, granularity="second", threshold=2, locale=_locale())


def language() -> str:
    """The current language, by the name of its catalogue."""
    return _language.get()


def speak(locale: str | None) -> None:
    """Set the language of this task to `locale` (Discord's name, such as `ja` or `en-GB`); None is English."""
    _language.set(language_for(locale))


@contextmanager
def speaking(locale: str | None) -> Generator[None]:
    """Set the language to `locale` inside."""
    token = _language.set(language_for(locale))
    try:
        yield
    finally:
        _language.reset(token)


def _locale() -> str:
    return _BABEL.get(_language.get(), _language.get())
