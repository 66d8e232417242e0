"""In which language we speak: sentences stand in English where they are said, and are looked up when they are.

`_("{count} in all")` is the sentence in the language of whoever is spoken to just now. Discord tells the language with
every interaction; `speaking` says it for everything that is said inside. What no catalogue has is said in English.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

DEFAULT = "en"

_language: ContextVar[str] = ContextVar("language", default=DEFAULT)


def _(sentence: str) -> str:
    """The sentence, with its placeholders, in the language of whoever is spoken to."""
    return sentence


def ngettext(one: str, many: str, count: int) -> str:
    """The one of two sentences that goes with `count`, in the language of whoever is spoken to."""
    return one if count == 1 else many


@contextmanager
def speaking(locale: str | None) -> Generator[None]:
    """Say everything inside in `locale` (Discord's name of it, such as `ja` or `en-GB`); None is English."""
    token = _language.set(locale or DEFAULT)
    try:
        yield
    finally:
        _language.reset(token)
