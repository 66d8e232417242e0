"""The rules on words of each place: the operator's with the server's lists and allowed phrases, compiled once."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.database.database import Database
from bot.database.servers.allowed_phrases import ALLOWED_PHRASES, AllowedPhrase
from bot.database.servers.word_lists import RAISE_SHADOWED, WORD_LISTS, ServerWordList
from bot.moderation.allowed_phrases import AllowedPhrases
from bot.moderation.enforcement import WordRules
from bot.moderation.word_rules import WordList

log = logging.getLogger(__name__)

MOST_SERVERS = 5000  # kept in memory
MOST_WORDS = 50_000  # of all these servers together; a word takes about 1 kB


@dataclass(frozen=True)
class _Kept:
    rules: WordRules
    words: int


class ServerWords:
    """The rules of places. Call `forget` after the commit of each change of a list or a phrase."""

    def __init__(self, db: Database, operator: WordRules) -> None:
        self._db = db
        self.operator = operator
        self._kept: OrderedDict[int, _Kept] = OrderedDict()
        self._words = 0  # of those that are kept
        self._changes = 0

    async def of(self, server_id: int) -> WordRules:
        """The rules in a server; EVERYWHERE (direct messages) has the operator's alone. Raises DatabaseError."""
        if (kept := self._kept.get(server_id)) is not None:
            self._kept.move_to_end(server_id)
            return kept.rules
        before = self._changes
        stored = await self._db.all(WORD_LISTS, server_id)
        phrases = await self._db.all(ALLOWED_PHRASES, server_id)
        # Thousands of words take a part of a second, in which the bot has others to answer.
        lists = await asyncio.to_thread(_compiled, stored) if stored else ()
        allowed = _allowed(phrases)
        rules = self.operator.with_lists(lists, self._count, allowed) if lists or allowed.phrases else self.operator
        if self._changes == before:  # else what was read may be older than what was written meanwhile
            words = len(allowed.phrases) + sum(len(each.words) + len(each.exceptions) for each in lists)
            self._keep(server_id, _Kept(rules, words))
        return rules

    def forget(self, server_id: int) -> None:
        """Read this server's lists again the next time."""
        self._changes += 1
        if (kept := self._kept.pop(server_id, None)) is not None:
            self._words -= kept.words

    def _keep(self, server_id: int, kept: _Kept) -> None:
        before = self._kept.pop(server_id, None)
        self._kept[server_id] = kept
        self._words += kept.words - (before.words if before else 0)
        while len(self._kept) > 1 and (len(self._kept) > MOST_SERVERS or self._words > MOST_WORDS):
            _, oldest = self._kept.popitem(last=False)
            self._words -= oldest.words

    async def _count(self, list_ids: Sequence[int]) -> None:
        await self._db.run(RAISE_SHADOWED, list(list_ids))


def _compiled(stored: Iterable[ServerWordList]) -> tuple[WordList, ...]:
    """The lists, compiled. One that this Easel or this Python cannot read is left out, with a warning."""
    lists = list[WordList]()
    for each in stored:
        try:
            judged = (each.words, each.patterns, each.mode, each.negative_prompts)
            lists.append(WordList(each.name, *judged, exceptions=each.exceptions, id=each.id, forms=each.forms))
        except ValueError as problem:
            log.warning("a word list of server %s is not used: %s", each.server_id, problem)
    return tuple(lists)


def _allowed(stored: Iterable[AllowedPhrase]) -> AllowedPhrases:
    """The phrases, compiled. One that this Easel cannot read is left out, with a warning."""
    usable = list[str]()
    for each in stored:
        try:
            usable += AllowedPhrases((each.phrase,)).phrases
        except ValueError as problem:
            log.warning("an allowed phrase of server %s is not used: %s", each.server_id, problem)
    return AllowedPhrases(tuple(usable))
