"""Phrases that a server allows, and members' questions that ask for one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final
from weakref import WeakValueDictionary

from bot.config.word_patterns import Unusable, UnusableRule
from bot.database.clock import DAY_MS
from bot.database.database import Database
from bot.database.servers.allowed_phrases import (
    ALLOWED_PHRASES,
    COUNT_QUESTIONS,
    DECIDE_QUESTION,
    DELETE_PHRASE,
    FIND_QUESTION,
    POST_QUESTION,
    WITHDRAW_QUESTION,
    AllowedPhrase,
    PhraseQuestion,
    QuestionState,
    add_phrase,
    save_question,
)
from bot.database.servers.audit import AuditAction
from bot.errors.missing import NothingThere
from bot.errors.words import (
    AllowedAlready,
    AskedAlready,
    AskedTooOften,
    PhraseListed,
    PhraseTooShort,
    PhraseUnusable,
    PhraseWithoutWord,
    QuestionClosed,
    StaffUnreachable,
    TooManyPhrases,
)
from bot.i18n import _, later
from bot.moderation.allowed_phrases import AllowedPhrases, RefusedWords, contains
from bot.servers.access import Rights
from bot.servers.administration.audit_log import AuditLog
from bot.servers.context import ActionContext
from bot.servers.rights import Action
from bot.servers.server_words import ServerWords
from bot.servers.word_limits import why_unusable
from bot.visible_text import visible

MAX_PHRASES: Final = 50  # of a server
MOST_A_DAY: Final = 5  # questions of one member, in all servers


class PhraseAdministration:
    """Takes questions and decides them; lists and removes phrases. `clock` is in unix ms."""

    def __init__(
        self,
        db: Database,
        words: ServerWords,
        rights: Rights,
        audit: AuditLog,
        *,
        clock: Callable[[], int],
    ) -> None:
        self._db = db
        self._words = words
        self._rights = rights
        self._audit = audit
        self._clock = clock
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()  # by member

    async def ask(
        self,
        who: ActionContext,
        refused: RefusedWords,
        post: Callable[[PhraseQuestion], Awaitable[tuple[int, int]]],
        delete: Callable[[int, int], Awaitable[None]],
    ) -> None:
        """Ask the staff of the server where the words were refused. `post` returns the channel and the message.

        If the member's data is deleted in the meantime, `delete` the message.
        Raises AllowedAlready, AskedAlready, AskedTooOften or StaffUnreachable, and NotInServer in another server.
        """
        await self._rights.require(Action.USE, who, refused.server_id)
        async with self._locks.setdefault(who.person_id, asyncio.Lock()):  # a second press waits for the first
            question = await self._save(who, refused)
            try:
                channel_id, message_id = await post(question)
            except StaffUnreachable:
                await self._db.run(WITHDRAW_QUESTION, question.id)
                raise
            if not await self._db.run(POST_QUESTION, channel=channel_id, message=message_id, id=question.id):
                await delete(channel_id, message_id)
                raise NothingThere(what=_("This question no longer exists."))

    async def may_ask(self, who: ActionContext) -> bool:
        """Whether a member can ask one more question today. Raises DatabaseError."""
        return await self._db.get(COUNT_QUESTIONS, person=who.person_id, since=self._clock() - DAY_MS) < MOST_A_DAY

    async def _save(self, who: ActionContext, refused: RefusedWords) -> PhraseQuestion:
        if (await self._words.of(refused.server_id)).allowed.without(refused.phrase) != refused.phrase:
            raise AllowedAlready
        async with self._db.transaction():
            asked = await save_question(self._db, refused.server_id, who.person_id, refused.word, refused.phrase)
            if asked is None:
                raise AskedAlready
            if await self._db.get(COUNT_QUESTIONS, person=who.person_id, since=self._clock() - DAY_MS) > MOST_A_DAY:
                raise AskedTooOften(limit=MOST_A_DAY)
        return asked

    async def question(self, who: ActionContext, question_id: int) -> PhraseQuestion:
        """A question to the staff of a server. Raises NothingThere."""
        found = await self._db.one(FIND_QUESTION, question_id)
        if found is None:
            raise NothingThere(what=_("This question no longer exists."))
        await self._rights.require(Action.CONFIGURE, who, found.server_id)
        return found

    async def allow(self, who: ActionContext, question_id: int, typed: str) -> PhraseQuestion:
        """Allow a phrase in the server of a question, whose word it contains.

        Raises NothingThere, QuestionClosed, PhraseTooShort, PhraseUnusable, PhraseWithoutWord or TooManyPhrases.
        """
        question, phrase = await self.question(who, question_id), checked_phrase(typed)
        if not contains(phrase, question.word):
            raise PhraseWithoutWord(word=question.word)
        async with self._db.transaction():
            decided = await self._decide(who, question, QuestionState.ALLOWED, phrase)
            await self._store(who, question.server_id, phrase)  # staff may have allowed it for another member
            await self._audit.record(
                who, question.server_id, AuditAction.CHANGE_PHRASES, {"phrase": (None, phrase)},
                person_id=question.person_id,
            )  # fmt: skip
        self._words.forget(question.server_id)
        return decided

    async def dismiss(self, who: ActionContext, question_id: int) -> PhraseQuestion:
        """Close a question. Raises NothingThere or QuestionClosed."""
        question = await self.question(who, question_id)
        async with self._db.transaction():
            decided = await self._decide(who, question, QuestionState.DISMISSED, question.phrase)
            await self._audit.record(
                who, question.server_id, AuditAction.CHANGE_PHRASES, {"dismissed_phrase": (None, question.phrase)},
                person_id=question.person_id,
            )  # fmt: skip
        return decided

    async def add(self, who: ActionContext, server_id: int, typed: str) -> None:
        """Allow a phrase that no member asked for.

        Raises PhraseTooShort, PhraseUnusable, PhraseListed or TooManyPhrases.
        """
        await self._rights.require(Action.CONFIGURE, who, server_id)
        phrase = checked_phrase(typed)
        async with self._db.transaction():
            if not await self._store(who, server_id, phrase):
                raise PhraseListed(phrase=phrase)
            changes = {"phrase": (None, phrase)}
            await self._audit.record(who, server_id, AuditAction.CHANGE_PHRASES, changes)
        self._words.forget(server_id)

    async def phrases(self, who: ActionContext, server_id: int) -> list[AllowedPhrase]:
        """All phrases that a server allows, the oldest first."""
        await self._rights.require(Action.CONFIGURE, who, server_id)
        return await self._db.all(ALLOWED_PHRASES, server_id)

    async def remove(self, who: ActionContext, server_id: int, phrase_id: int) -> None:
        """Let a phrase count again. Raises NothingThere."""
        await self._rights.require(Action.CONFIGURE, who, server_id)
        async with self._db.transaction():
            gone = await self._db.one(DELETE_PHRASE, server=server_id, id=phrase_id)
            if gone is None:
                raise NothingThere(what=_("This phrase is no longer allowed."))
            changes = {"phrase": (gone.phrase, None)}
            await self._audit.record(who, server_id, AuditAction.CHANGE_PHRASES, changes)
        self._words.forget(server_id)

    async def _store(self, who: ActionContext, server_id: int, phrase: str) -> bool:
        """Store a phrase; False if the server already allows it. Raises TooManyPhrases."""
        phrases = [each.phrase.casefold() for each in await self._db.all(ALLOWED_PHRASES, server_id)]
        if phrase.casefold() in phrases:
            return False
        if len(phrases) >= MAX_PHRASES:
            raise TooManyPhrases(limit=MAX_PHRASES)
        await add_phrase(self._db, server_id, phrase, who.person_id)
        return True

    async def _decide(
        self, who: ActionContext, question: PhraseQuestion, state: QuestionState, phrase: str
    ) -> PhraseQuestion:
        decided = await self._db.one(
            DECIDE_QUESTION, state=state, phrase=phrase, decided_by=who.person_id, id=question.id
        )
        if decided is None:
            raise QuestionClosed
        return decided


def checked_phrase(typed: str) -> str:
    """The phrase as people see it, with single spaces. Raises PhraseTooShort or PhraseUnusable."""
    phrase = visible(typed)
    try:
        covers = AllowedPhrases((phrase,)).without(phrase) != phrase
    except UnusableRule as problem:
        if problem.why is Unusable.TOO_SHORT:
            raise PhraseTooShort from None
        raise PhraseUnusable(why=why_unusable(problem)) from None
    if not covers:
        raise PhraseUnusable(why=later("commas are not allowed in phrases")) if "," in phrase else PhraseTooShort
    return phrase
