"""In which language we speak: sentences stand in English where they are said, and are looked up when they are.

`_("{count} in all")` is the sentence in the language of whoever is spoken to just now. Discord tells the language with
every interaction; `speak` says it for all that follows in a task and in the tasks it starts. Languages are the
catalogues `<language>.po` of this folder; `python -m tools.i18n` writes new sentences into them. What no catalogue
has is said in English.
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
from inference.remarks import taken_apart

if TYPE_CHECKING:
    from inference.errors import InferenceError

_language: ContextVar[str] = ContextVar("language", default=ENGLISH)
_BABEL = {ENGLISH: "en_GB"}  # Babel's plain English puts a comma before "and"
_UNSPACED = {"ja"}  # written without spaces between sentences


def _(sentence: str) -> str:
    """The sentence, with its placeholders, in the language of whoever is spoken to."""
    return translations(_language.get()).gettext(sentence)


def ngettext(one: str, many: str, count: int) -> str:
    """The one of two sentences that goes with `count`, in the language of whoever is spoken to."""
    return translations(_language.get()).ngettext(one, many, count)


def later(sentence: str) -> str:
    """Marks a sentence for the catalogues that is looked up (`_(NAME)`) when it is said: for tables and attributes."""
    return sentence


def label(member: StrEnum) -> str:
    """The words for one of a few values: a category, an order, a source of evidence."""
    words = member.value.replace("_", " ")
    return _(words)


def explained(error: InferenceError) -> str:
    """The sentences of `error` with its data filled in; the words among these are looked up too, names are not."""
    filled = {
        name: listed(value) if isinstance(value, list) else _(str(value)) if name in error.words else value
        for name, value in error.detail.items()
    }
    return sentences(*(_(template) for template in error.templates)).format_map(filled).strip()


def remarked(remark: str) -> str:
    """What a worker remarked on a picture, with the names in it; what no template is known of stays as it is."""
    template, names = taken_apart(remark)
    return _(template).format(**names) if names else remark


def sentences(*whole: str) -> str:
    """Whole sentences one after the other."""
    return ("" if _language.get() in _UNSPACED else " ").join(whole)


def listed(items: Iterable[str]) -> str:
    """`a, b and c`."""
    return format_list(list(items), locale=_locale())


def number(value: float, digits: int = 0) -> str:
    """A figure with at most `digits` decimals, and its thousands apart: `12,345.6`."""
    return format_decimal(round(value, digits), locale=_locale())


def duration(seconds: float | None) -> str:
    """`2 minutes`; of what nobody knows how long it takes, `a while`."""
    if seconds is None:
        return _("a while")
    unit = next((unit for unit in (3600, 60, 5) if seconds >= 2 * unit), 5)
    rounded = max(unit, round(seconds / unit) * unit)
    return format_timedelta(rounded, granularity="second", threshold=2, locale=_locale())


def language() -> str:
    """The language spoken just now, as its catalogue is called."""
    return _language.get()


def speak(locale: str | None) -> None:
    """Say all that follows in `locale` (Discord's name of it, such as `ja` or `en-GB`); None is English."""
    _language.set(language_for(locale))


@contextmanager
def speaking(locale: str | None) -> Generator[None]:
    """Say everything inside in `locale`."""
    token = _language.set(language_for(locale))
    try:
        yield
    finally:
        _language.reset(token)


def _locale() -> str:
    return _BABEL.get(_language.get(), _language.get())
