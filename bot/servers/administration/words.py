"""A server's own lists of words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.database.database import Database
from bot.database.servers.audit import AuditAction, Changes
from bot.database.servers.word_lists import (
    DELETE_WORD_LIST,
    WORD_LISTS,
    ServerWordList,
    add_word_list,
    change_word_list,
)
from bot.errors.missing import NothingThere
from bot.errors.words import ManageServerNeeded
from bot.i18n import _
from bot.servers.access import Rights
from bot.servers.administration.audit_log import AuditLog, differences
from bot.servers.automod import AutoModImport, AutoModLookup, imported
from bot.servers.context import ActionContext
from bot.servers.rights import Action
from bot.servers.server_words import ServerWords
from bot.servers.word_limits import check_together, checked_list

_MOST_LOGGED = 50  # words that an audit entry names


class WordAdministration:
    """Adds, changes, deletes and imports lists. `lookup` asks Discord for AutoMod's rules."""

    def __init__(
        self,
        db: Database,
        words: ServerWords,
        rights: Rights,
        audit: AuditLog,
        lookup: AutoModLookup,
    ) -> None:
        self.lookup = lookup
        self._db = db
        self._words = words
        self._rights = rights
        self._audit = audit

    async def lists(self, who: ActionContext, server_id: int) -> list[ServerWordList]:
        """All lists of the server."""
        await self._rights.require(Action.CONFIGURE, who, server_id)
        return await self._db.all(WORD_LISTS, server_id)

    async def add(self, who: ActionContext, new: ServerWordList) -> ServerWordList:
        """Add a list.

        Raises TooManyWordLists, TooManyRules, WordListNameTaken, WordListEmpty, LineTooLong, LineUnusable.
        """
        await self._rights.require(Action.CONFIGURE, who, new.server_id)
        checked = checked_list(new)
        async with self._db.transaction():
            check_together([*await self._db.all(WORD_LISTS, new.server_id), checked])
            added = await add_word_list(self._db, checked)
            await self._log(who, added, AuditAction.ADD_WORD_LIST, changes_of(None, added))
        self._words.forget(new.server_id)
        return added

    async def change(self, who: ActionContext, server_id: int, list_id: int, **changes: object) -> ServerWordList:
        """Change the named fields of a list; the others stay. Raises NothingThere, and what `add` raises."""
        await self._rights.require(Action.CONFIGURE, who, server_id)
        async with self._db.transaction():
            lists = {each.id: each for each in await self._db.all(WORD_LISTS, server_id)}
            before = _found(lists.get(list_id))
            after = checked_list(replace(before, **changes))  # type: ignore[arg-type]
            if after != before:
                check_together(list((lists | {list_id: after}).values()))
                await change_word_list(self._db, after)
                await self._log(who, after, AuditAction.CHANGE_WORD_LIST, changes_of(before, after))
        self._words.forget(server_id)
        return after

    async def delete(self, who: ActionContext, server_id: int, list_id: int) -> ServerWordList:
        """Delete a list and return it. Raises NothingThere."""
        await self._rights.require(Action.CONFIGURE, who, server_id)
        async with self._db.transaction():
            lists = await self._db.all(WORD_LISTS, server_id)
            gone = _found(next((each for each in lists if each.id == list_id), None))
            await self._db.run(DELETE_WORD_LIST, server=server_id, id=list_id)
            await self._log(who, gone, AuditAction.DELETE_WORD_LIST, changes_of(gone, None))
        self._words.forget(server_id)
        return gone

    async def automod(self, who: ActionContext, server_id: int) -> AutoModImport:
        """What an import of the server's AutoMod rules would keep, as they are now.

        Raises ManageServerNeeded for staff without that permission, AutoModClosed where the bot lacks it, and
        LookupFailed.
        """
        await self._rights.require(Action.CONFIGURE, who, server_id)
        if who.server_id != server_id or not who.manages_server:
            raise ManageServerNeeded
        rules = await self.lookup.automod_rules(server_id)
        return imported(server_id, rules, await self._db.all(WORD_LISTS, server_id))

    async def import_automod(self, who: ActionContext, server_id: int) -> AutoModImport:
        """Import the rules as they are now, in place of what was imported before. Raises what `automod` raises."""
        made = await self.automod(who, server_id)
        async with self._db.transaction():
            earlier = [each for each in await self._db.all(WORD_LISTS, server_id) if each.rule_id is not None]
            for gone in earlier:
                await self._db.run(DELETE_WORD_LIST, server=server_id, id=gone.id)
            for new in made.lists:
                await add_word_list(self._db, new)
            check_together(await self._db.all(WORD_LISTS, server_id))
            changes = differences_of(earlier, made.lists)
            await self._audit.record(who, server_id, AuditAction.IMPORT_WORD_LISTS, changes, target="AutoMod")
        self._words.forget(server_id)
        return made

    async def _log(self, who: ActionContext, of: ServerWordList, action: AuditAction, changes: Changes) -> None:
        await self._audit.record(who, of.server_id, action, changes, target=of.name)


def lines_of(typed: str) -> tuple[str, ...]:
    """The lines of a text, the empty ones too: errors tell a line by its number."""
    return tuple(typed.splitlines())


def changes_of(before: ServerWordList | None, after: ServerWordList | None) -> Changes:
    """What differs of two forms of a list, for the audit log: sums, and what came and went."""

    def told(of: ServerWordList | None) -> dict[str, object]:
        if of is None:
            return {}
        counts = {"words": len(of.words), "patterns": len(of.patterns), "exceptions": len(of.exceptions)}
        return {
            "name": of.name,
            **counts,
            "mode": of.mode.value,
            "negative_prompts": of.negative_prompts,
            "forms": of.forms,
        }

    changes = differences(told(before), told(after))
    if before is not None and after is not None:
        for field in ("words", "patterns", "exceptions"):
            was, now = set(getattr(before, field)), set(getattr(after, field))
            if was != now:
                changes[field] = (sorted(was - now)[:_MOST_LOGGED], sorted(now - was)[:_MOST_LOGGED])
    return changes


def differences_of(before: Sequence[ServerWordList], after: Sequence[ServerWordList]) -> Changes:
    """What an import replaced by what, for the audit log: names and sums."""

    def told(lists: Sequence[ServerWordList]) -> dict[str, object]:
        return {
            "name": [each.name for each in lists],
            "words": sum(len(each.words) for each in lists),
            "patterns": sum(len(each.patterns) for each in lists),
        }

    return differences(told(before), told(after))


def _found(one: ServerWordList | None) -> ServerWordList:
    if one is None:
        raise NothingThere(what=_("This list no longer exists."))
    return one
