"""Collects every sentence of the bot from its source: `python -m tools.i18n` updates the catalogues.

New sentences come in untranslated, gone ones leave, all others keep their translation. The tests compare.
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import cast

import discord
from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po
from discord import app_commands
from discord.ext import commands

from bot.config.sections.moderation import WordListMode
from bot.database.reports.reports import ReportReason
from bot.i18n import catalogue
from bot.i18n.commands import context_of, spoken
from bot.privacy.stored_data import CONTEXT, TABLES
from bot.ui.bot import load_features
from bot.ui.client import Client, Cog
from inference.content_rating import ContentRating
from inference.errors import InferenceError, LoraMisfit
from inference.lora.beside.categories import Category
from inference.lora.evidence import PLAINLY
from inference.notes import TEMPLATES
from inference.processes.extras import DISTRIBUTION
from inference.regions import RegionName

ROOT = Path(__file__).parents[1]
SPEAKING = {"_": 1, "later": 1, "ngettext": 2}  # functions, and how many of their arguments are sentences
NO_DESCRIPTION = "…"  # discord.py's, where none was given
# Enumerations whose values are said by `label`.
LABELS: tuple[type[StrEnum], ...] = (Category, ContentRating, ReportReason, RegionName, WordListMode)


@dataclass(frozen=True)
class Said:
    """A sentence, its plural if it has one, its file, and the context that tells one meaning from others."""

    one: str
    many: str | None
    where: str
    context: str | None = None

    @property
    def key(self) -> str | tuple[str, str]:
        """The id of the message in Babel's catalogue."""
        return self.one if self.many is None else (self.one, self.many)


def calls(path: Path) -> Iterator[ast.Call]:
    """The places of a file where something is said."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SPEAKING:
            yield node


def sources() -> list[Path]:
    """The files in which people are spoken to."""
    silent = {ROOT / "bot" / "i18n" / name for name in ("__init__.py", "catalogue.py", "commands.py")}
    return sorted(path for path in (ROOT / "bot").rglob("*.py") if path not in silent)


def in_source() -> Iterator[Said]:
    """What stands in the calls. Others than literal sentences are looked up elsewhere, see `later` and `label`."""
    for path in sources():
        for call in calls(path):
            assert isinstance(call.func, ast.Name)
            words = [arg.value for arg in call.args[: SPEAKING[call.func.id]] if isinstance(arg, ast.Constant)]
            if words:
                context = next((word.value for word in call.keywords if word.arg == "context"), None)
                assert context is None or isinstance(context, ast.Constant)
                yield Said(
                    words[0],
                    words[1] if len(words) > 1 else None,
                    path.relative_to(ROOT).as_posix(),
                    None if context is None else context.value,
                )


def in_errors() -> Iterator[Said]:
    """The sentences of errors and remarks; one that is a placeholder alone was put together where it is raised."""
    for kind in sorted(_kinds(InferenceError), key=lambda kind: kind.__module__):  # whoever imports them first
        if kind.template().strip("{}") not in kind.__dataclass_fields__:
            yield Said(kind.template(), None, kind.__module__.replace(".", "/") + ".py")
    misfit = (LoraMisfit.FITS, LoraMisfit.FITS_NONE, LoraMisfit.WANTED_IN, LoraMisfit.NAMED)
    yield from (Said(text, None, "inference/errors.py") for text in misfit)
    yield from (Said(text, None, "inference/notes.py") for text in TEMPLATES)


def in_reasons() -> Iterator[Said]:
    """The reasons that errors are given as they stand; those with data in them are told in English."""
    told = {kind.__name__ for kind in _kinds(InferenceError) if "reason" in kind.words}
    for path in sorted((ROOT / "inference").rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in told:
                for word in call.keywords:
                    if word.arg == "reason" and isinstance(word.value, ast.Constant):
                        yield Said(word.value.value, None, path.relative_to(ROOT).as_posix())


def _kinds(kind: type[InferenceError]) -> Iterator[type[InferenceError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _kinds(child)


def in_labels() -> Iterator[Said]:
    """The values of enumerations that people read, and where a LoRA's base model is known from."""
    for kind in LABELS:
        yield from (
            Said(member.value.replace("_", " "), None, kind.__module__.replace(".", "/") + ".py", kind.__name__)
            for member in kind
        )
    yield from (Said(words, None, "inference/lora/evidence.py") for words in PLAINLY.values())


def in_stored_data() -> Iterator[Said]:
    """The descriptions of stored data that the page of an export shows."""
    for table in TABLES:
        if not table.derived:
            texts = (table.about, table.kept, table.brief, table.fate.value, *table.described.values())
            for text in filter(None, texts):
                yield Said(text, None, "bot/privacy/stored_data.py", CONTEXT)


class _Listener(app_commands.Translator):
    """Writes down what discord.py wants translated."""

    def __init__(self) -> None:
        self.heard: list[Said] = []

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,
    ) -> None:
        """Nothing is known."""
        if spoken(string, context) and string.message != NO_DESCRIPTION:
            self.heard.append(Said(string.message, None, "commands", context_of(string)))


async def in_commands() -> list[Said]:
    """Descriptions, choices and the names of menu entries."""
    listener = _Listener()
    bot = commands.Bot("", intents=discord.Intents.none())
    load_features()
    for cog in Cog.registered:
        await bot.add_cog(cog(cast("Client", bot)))
    for command in bot.tree.get_commands():
        await command.get_translated_payload(bot.tree, listener)
    return listener.heard


def everything_said() -> list[Said]:
    """All sentences, each once, in a steady order."""
    load_features()  # errors are found among the classes that are defined
    found = [*in_source(), *in_errors(), *in_reasons(), *in_labels(), *in_stored_data(), *asyncio.run(in_commands())]
    return list({(said.context, said.key): said for said in reversed(found)}.values())[::-1]


def updated(old: Catalog, said: Iterable[Said]) -> Catalog:
    """A catalogue of exactly these sentences, with the translations that `old` has."""
    new = Catalog(
        locale=old.locale,
        header_comment=old.header_comment,
        project="Easel",
        version=version(DISTRIBUTION),
        creation_date=old.creation_date,
        revision_date=old.creation_date,
        charset="utf-8",
        fuzzy=False,
    )
    new.msgid_bugs_address, new.last_translator, new.language_team = "", "", ""
    for sentence in said:
        known = old.get(sentence.one, sentence.context)
        kept = known.string if known is not None and known.id == sentence.key else ""
        new.add(sentence.key, kept, locations=[(sentence.where, None)], auto_comments=[], context=sentence.context)
    return new


def write(language: str, catalog: Catalog) -> None:
    """Write it to where the bot reads it."""
    with catalogue.path_of(language).open("wb") as file:
        write_po(file, catalog, width=120, omit_header=False, include_lineno=False, sort_output=False)


def untranslated(catalog: Catalog) -> list[str]:
    """What still needs words."""
    return [str(message.id) for message in catalog if message.id and not catalogue.is_translated(message)]


def main() -> int:
    """Write all catalogues anew, and say what still needs words."""
    argparse.ArgumentParser(prog="python -m tools.i18n", description=__doc__).parse_args()
    said = everything_said()
    lacking = 0
    for language in sorted(catalogue.languages()):
        catalog = updated(catalogue.read(language), said)
        write(language, catalog)
        gaps = untranslated(catalog)
        lacking += len(gaps)
        print(f"{language}: {len(said) - len(gaps)} of {len(said)} sentences")
        for sentence in gaps:
            print(f"  {sentence}")
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main())
