"""What staff change of their server's lists of words. Each change checks the right, and leaves an audit entry."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

import aiosqlite

from bot.config.word_patterns import Unusable, UnusableRule, checked_pattern, checked_word
from bot.database.audit import AuditAction, Changes, add_entry
from bot.database.connection import transaction
from bot.database.word_lists import (
    ServerWordList,
    add_word_list,
    change_word_list,
    delete_word_list,
    word_lists,
)
from bot.errors import (
    LineTooLong,
    LineUnusable,
    NothingThere,
    TooManyRules,
    TooManyWordLists,
    WordListEmpty,
    WordListNameTaken,
)
from bot.i18n import _, later
from bot.moderation.word_rules import MINORS
from bot.servers.access import Rights
from bot.servers.context import ActionContext
from bot.servers.rights import Action
from bot.servers.server_words import ServerWords

MAX_LISTS = 10  # of a server
MAX_WORDS = 5000  # words and exceptions of all of them together
MAX_PATTERNS = 20  # likewise
_MOST_LOGGED = 50  # words that an audit entry names
MAX_NAME, MAX_LINE = 40, 260  # characters of a list's name, and of a word or a pattern

_WHY: Final = {
    Unusable.LOOKS_AROUND: later("it looks ahead or behind, which cannot be read in linear time"),
    Unusable.UNKNOWN_ESCAPE: later("it uses a backreference or an escape that is not known here"),
    Unusable.REPEATS_TOO_OFTEN: later("it repeats something more than 1000 times"),
    Unusable.TOO_LARGE: later("it is too large; make several smaller ones of it"),
    Unusable.MALFORMED: later("it is malformed, for example by a bracket that is not closed"),
    Unusable.MATCHES_ALL: later("it matches every text, even an empty one"),
    Unusable.STAR_INSIDE: later("it has a * inside, which may stand at the ends alone"),
    Unusable.TOO_SHORT: later("it needs at least two letters or digits"),
}


class WordAdministration:
    """The services of the panel's section about words.

    Every method raises NotStaff or another refusal of `bot.servers.rights` when the person may not do that, and
    DatabaseError.
    """

    def __init__(self, connection: aiosqlite.Connection, words: ServerWords, rights: Rights) -> None:
        self._connection = connection
        self._words = words
        self._rights = rights

    async def lists(self, who: ActionContext, server_id: int) -> tuple[ServerWordList, ...]:
        """All lists of the server."""
        await self._rights.require(Action.CONFIGURE, who, server_id)
        return await word_lists(self._connection, server_id)

    async def add(self, who: ActionContext, new: ServerWordList) -> ServerWordList:
        """Add a list.

        Raises TooManyWordLists, TooManyRules, WordListNameTaken, WordListEmpty, LineTooLong, LineUnusable.
        """
        await self._rights.require(Action.CONFIGURE, who, new.server_id)
        checked = _checked(new)
        async with transaction(self._connection):
            check_together([*await word_lists(self._connection, new.server_id), checked])
            added = await add_word_list(self._connection, checked)
            await self._log(who, added, AuditAction.ADD_WORD_LIST, changes_of(None, added))
        self._words.forget(new.server_id)
        return added

    async def change(self, who: ActionContext, server_id: int, list_id: int, **changes: object) -> ServerWordList:
        """Change the named fields of a list; the others stay. Raises NothingThere, and what `add` raises."""
        await self._rights.require(Action.CONFIGURE, who, server_id)
        async with transaction(self._connection):
            lists = {each.id: each for each in await word_lists(self._connection, server_id)}
            before = _found(lists.get(list_id))
            after = _checked(replace(before, **changes))  # type: ignore[arg-type]
            if after != before:
                check_together(list((lists | {list_id: after}).values()))
                await change_word_list(self._connection, after)
                await self._log(who, after, AuditAction.CHANGE_WORD_LIST, changes_of(before, after))
        self._words.forget(server_id)
        return after

    async def delete(self, who: ActionContext, server_id: int, list_id: int) -> ServerWordList:
        """Delete a list and return it. Raises NothingThere."""
        await self._rights.require(Action.CONFIGURE, who, server_id)
        async with transaction(self._connection):
            lists = await word_lists(self._connection, server_id)
            gone = _found(next((each for each in lists if each.id == list_id), None))
            await delete_word_list(self._connection, server_id, list_id)
            await self._log(who, gone, AuditAction.DELETE_WORD_LIST, changes_of(gone, None))
        self._words.forget(server_id)
        return gone

    async def _log(self, who: ActionContext, of: ServerWordList, action: AuditAction, changes: Changes) -> None:
        await add_entry(self._connection, of.server_id, who.person_id, action, changes, target=of.name)


def lines_of(typed: str) -> tuple[str, ...]:
    """The lines of a text, the empty ones too: errors tell a line by its number."""
    return tuple(typed.splitlines())


def why_unusable(problem: UnusableRule) -> str:
    """Why a word or a pattern cannot be used, as people are told; marked by `later`."""
    return _WHY[problem.why]


def changes_of(before: ServerWordList | None, after: ServerWordList | None) -> Changes:
    """What differs of two forms of a list, for the audit log: sums, and what came and went."""

    def told(of: ServerWordList | None) -> dict[str, object]:
        if of is None:
            return {}
        counts = {"words": len(of.words), "patterns": len(of.patterns), "exceptions": len(of.exceptions)}
        return {"name": of.name, **counts, "mode": of.mode.value, "negative_prompts": of.negative_prompts}

    old, new = told(before), told(after)
    changes = {key: (old.get(key), new.get(key)) for key in {**old, **new} if old.get(key) != new.get(key)}
    if before is not None and after is not None:
        for field in ("words", "patterns", "exceptions"):
            was, now = set(getattr(before, field)), set(getattr(after, field))
            if was != now:
                changes[field] = (sorted(was - now)[:_MOST_LOGGED], sorted(now - was)[:_MOST_LOGGED])
    return changes


def check_together(lists: Sequence[ServerWordList]) -> None:
    """Raise TooManyWordLists, TooManyRules or WordListNameTaken for what is too much for one server."""
    if len(lists) > MAX_LISTS:
        raise TooManyWordLists(limit=MAX_LISTS)
    if sum(len(each.words) + len(each.exceptions) for each in lists) > MAX_WORDS:
        raise TooManyRules(what=later("words"), limit=MAX_WORDS)
    if sum(len(each.patterns) for each in lists) > MAX_PATTERNS:
        raise TooManyRules(what=later("patterns"), limit=MAX_PATTERNS)
    names = [each.name.casefold() for each in lists]
    for each in lists:
        if names.count(each.name.casefold()) > 1 or each.name.casefold() == MINORS:
            raise WordListNameTaken(name=each.name)


def _checked(typed: ServerWordList) -> ServerWordList:
    """The list with each word once. Raises WordListEmpty, LineTooLong or LineUnusable."""
    checked = replace(
        typed,
        name=" ".join(typed.name.split())[:MAX_NAME],
        words=_lines(typed.words),
        patterns=_lines(typed.patterns, patterns=True),
        exceptions=_lines(typed.exceptions),
    )
    if not checked.name or not (checked.words or checked.patterns):
        raise WordListEmpty
    return checked


def _lines(lines: Iterable[str], *, patterns: bool = False) -> tuple[str, ...]:
    kept = dict[str, None]()
    for number, line in enumerate(map(str.strip, lines), 1):
        if not line:
            continue
        if len(line) > MAX_LINE:
            raise LineTooLong(line=number, limit=MAX_LINE)
        try:
            kept[checked_pattern(line) if patterns else checked_word(line)] = None
        except UnusableRule as problem:
            raise LineUnusable(line=number, text=line, why=why_unusable(problem)) from None
    return tuple(kept)


def _found(one: ServerWordList | None) -> ServerWordList:
    if one is None:
        raise NothingThere(what=_("This list is not there any more."))
    return one
