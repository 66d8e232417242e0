"""Reads the catalogues, gettext's `.po` files, without a compiled copy."""

from __future__ import annotations

import io
from functools import cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog, Message

FOLDER = Path(__file__).parent
ENGLISH = "en"  # what the sentences are written in


def path_of(language: str) -> Path:
    """The path of a language's catalogue."""
    return FOLDER / f"{language}.po"


@cache
def languages() -> frozenset[str]:
    """The languages that there is a catalogue for."""
    return frozenset(path.stem for path in FOLDER.glob("*.po"))


@cache
def language_for(locale: str | None) -> str:
    """The language with a catalogue for Discord's `locale`: `ja`, also for `ja-JP`; English if there is none."""
    wanted = (locale or ENGLISH).replace("-", "_")
    while wanted:
        if wanted in languages():
            return wanted
        wanted = wanted.rpartition("_")[0]
    return ENGLISH


def read(language: str) -> Catalog:
    """The catalogue in a language's file. Raises OSError, or PoFileError for a file that is no catalogue."""
    from babel.messages.pofile import read_po  # noqa: PLC0415 (English needs no catalogue)

    with path_of(language).open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def is_translated(message: Message) -> bool:
    """Whether all forms of the message are translated."""
    forms = [message.string] if isinstance(message.string, str) else message.string or ()
    return all(forms) and bool(forms)


@cache
def translations(language: str) -> NullTranslations:
    """The translations of a language; a sentence that it lacks stays as it is."""
    if language not in languages():
        return NullTranslations()
    from babel.messages.mofile import write_mo  # noqa: PLC0415 (see `read`)

    catalog = read(language)
    for message in list(catalog):
        if message.id and not is_translated(message):
            catalog.delete(message.id, message.context)  # Babel would take English's singular for every number
    compiled = io.BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return GNUTranslations(compiled)
