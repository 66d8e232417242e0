"""Stacks of LoRAs: kept under a name, judged as a whole, shared by a code."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.database.bookmarks.stacks import (
    COUNT_MISSES,
    COUNT_STACKS,
    FIND_STACK_BY_CODE,
    MAX_NAME,
    MAX_STACKS,
    Stack,
    StackLora,
    find_stack_by_name,
    remember_miss,
    save_stack,
    share_stack,
    stack_name,
)
from bot.database.clock import HOUR_MS, now_ms
from bot.database.database import Database
from bot.database.loras.catalogue import LORAS_OF_FILES
from bot.database.loras.search import Shown
from bot.errors.bookmarks import StackNameTaken, TooManyMisses, TooManyStacks
from bot.errors.missing import NothingThere
from bot.i18n import _
from bot.moderation.enforcement import WordRules
from bot.moderation.word_rules import TextKind
from bot.requests.builder import Choice, LoraDraft, RequestBuilder
from bot.workspace.lora_names import names_withheld
from bot.workspace.studio_draft import Row, Studio
from inference.content_rating import ContentRating
from inference.messages.request import LoraUse

# Without characters that are mistaken for others: 0 O, 1 I L, 5 S, 8 B, U V.
CODE_ALPHABET = "234679ACDEFGHJKMNPQRTWXYZ"
CODE_LENGTH = 8  # 25^8 are 150 thousand million codes
MISSES = 10  # unknown codes that a person may type in an hour


@dataclass(frozen=True)
class StackFit:
    """How a stack fits a checkpoint: a choice for each of its LoRAs, and the `checkpoints` that all of them fit.

    LoRAs whose files are all gone are left out of `checkpoints`: they fit none.
    """

    stack: Stack
    choices: tuple[Choice, ...]
    checkpoints: tuple[str, ...]

    @property
    def refused(self) -> list[tuple[StackLora, Choice]]:
        """The LoRAs that cannot be used on the checkpoint, with their refusals."""
        pairs = zip(self.stack.loras, self.choices, strict=True)
        return [(lora, choice) for lora, choice in pairs if choice.refusal is not None]


def lora_drafts_of(stack: Stack) -> tuple[LoraDraft, ...]:
    """The stack as part of a draft."""
    return tuple(map(LoraDraft.model_validate, stack.loras))


async def judge(requests: RequestBuilder, stack: Stack, checkpoint: str | None, shown: Shown) -> StackFit:
    """How the stack fits a checkpoint; its refusals name LoRAs as `named_for` does. Raises CheckpointNotFound."""
    choices = tuple([(await requests.choose(draft, checkpoint)).named_for(shown) for draft in lora_drafts_of(stack)])
    usable = [choice.lora for choice in choices if choice.lora and choice.lora.usable]
    return StackFit(stack, choices, tuple(requests.checkpoints.names_for_all(usable) if usable else ()))


def uses_of_rows(rows: Sequence[Row], studio: Studio) -> list[StackLora]:
    """The LoRAs of a studio, as a stack stores them. A LoRA without a known file is left out."""
    kept: list[StackLora] = []
    for row in rows:
        usable = row.entry.usable if row.entry else ()
        files = [row.version.sha256 if row.version else None, row.lora.sha256, *(v.sha256 for v in usable)]
        sha256 = next(filter(None, files), None)
        if sha256 is not None:
            region = studio.region_of(row.lora)
            kept.append(StackLora(sha256, row.name, row.weight, row.lora.trigger_words, region))
    return kept


def uses_of_request(loras: Sequence[LoraUse]) -> list[StackLora]:
    """The LoRAs of a picture, as a stack stores them."""
    return [StackLora(use.sha256, use.name, use.weight, use.trigger_words, use.region) for use in loras]


async def keep_stack(db: Database, words: WordRules, person_id: int, name: str, loras: Sequence[StackLora]) -> Stack:
    """Save a new stack.

    Raises NothingThere without LoRAs or name, StackNameTaken, TooManyStacks, and what rules on words refuse.
    """
    if not loras:
        raise NothingThere(what=_("A stack needs at least one LoRA. Add one, then save the stack."))
    await check_name(db, words, name, loras)
    await _leave_room(db, person_id)
    stack = await save_stack(db, person_id, name, loras)
    if stack is None:
        raise StackNameTaken(name=stack_name(name))
    return stack


async def check_name(db: Database, words: WordRules, name: str, loras: Sequence[StackLora]) -> None:
    """Raise why a stack of these LoRAs cannot be called so: NothingThere for an empty name, and what words refuse."""
    if not stack_name(name):
        raise NothingThere(what=_("A stack needs a name with at least one letter."))
    await words.check(name, TextKind.STACK_NAME, await _rating_of(db, loras))


async def check_shown(db: Database, words: WordRules, stack: Stack) -> None:
    """Raise why a stack is not shown to others here: it may have got its name where other rules hold."""
    names = ", ".join([stack.name, *(lora.name for lora in stack.loras)])
    await words.check(names, TextKind.STACK_NAME, await _rating_of(db, stack.loras))


async def _rating_of(db: Database, loras: Sequence[StackLora]) -> ContentRating | None:
    """The highest rating of LoRAs of a stack; None where nobody has rated any."""
    known = await db.all(LORAS_OF_FILES, [each.sha256 for each in loras])
    return max((each.content_rating for each in known if each.content_rating is not None), default=None)


async def named_for(db: Database, stack: Stack, shown: Shown) -> Stack:
    """The stack as a place that shows LoRAs of these ratings names it: other LoRAs have no name there."""
    return replace(stack, loras=tuple(await uses_named_for(db, stack.loras, shown)))


async def uses_named_for(db: Database, loras: Sequence[StackLora], shown: Shown) -> list[StackLora]:
    """Return the LoRAs of a stack as `named_for` names them."""
    names = await names_withheld(db, {lora.sha256 for lora in loras}, shown)
    return [replace(lora, name=names.get(lora.sha256, lora.name)) for lora in loras]


async def require_stack(db: Database, person_id: int, name: str) -> Stack:
    """The person's stack of this name. Raises NothingThere."""
    stack = await find_stack_by_name(db, person_id, name)
    if stack is None:
        told = _("You have no stack called {name}. See /stack list, or save one with /stack save.")
        raise NothingThere(what=told.format(name=stack_name(name)))
    return stack


async def share(db: Database, stack: Stack) -> str:
    """The code by which others get a copy; the same at each call. Raises NothingThere when it was deleted meanwhile."""
    for _attempt in range(3):
        code = "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))
        if kept := await share_stack(db, stack.person_id, stack.id, code):
            return kept
    raise NothingThere(what=_("This stack no longer exists."))


def spelled(code: str) -> str:
    """A code as people read it: `K7WM-3QXA`."""
    return f"{code[: CODE_LENGTH // 2]}-{code[CODE_LENGTH // 2 :]}"


def read_code(typed: str) -> str | None:
    """The code in typed text, whatever its case and dividers; None when it cannot be a code."""
    code = "".join(typed.split()).replace("-", "").upper()
    return code if len(code) == CODE_LENGTH and set(code) <= set(CODE_ALPHABET) else None


async def import_stack(db: Database, words: WordRules, person_id: int, typed: str) -> Stack:
    """A copy of the stack behind a code.

    Raises NothingThere, TooManyMisses, TooManyStacks, and what rules on words refuse.
    """
    since = now_ms() - HOUR_MS
    if await db.get(COUNT_MISSES, person=person_id, since=since) >= MISSES:
        raise TooManyMisses
    code = read_code(typed)
    shared = await db.one(FIND_STACK_BY_CODE, code) if code else None
    if shared is None:
        await remember_miss(db, person_id, since_ms=since)
        text = _(
            "No stack has this code. A code consists of 8 letters and digits. When a user stops sharing a "
            "stack, its code stops working."
        )
        raise NothingThere(what=text)
    if shared.person_id == person_id:
        told = _("This is the code of your own stack {name}. Others can use it to get a copy.")
        raise NothingThere(what=told.format(name=shared.name))
    await words.check(shared.name, TextKind.STACK_NAME, await _rating_of(db, shared.loras))
    await _leave_room(db, person_id)
    return await _copy(db, person_id, shared)


async def _copy(db: Database, person_id: int, shared: Stack) -> Stack:
    """Save the copy under its own name, or under the first numbered name that is free."""
    for number in range(1, MAX_STACKS + 2):
        mark = "" if number == 1 else f" {number}"
        name = stack_name(shared.name)[: MAX_NAME - len(mark)] + mark
        if copied := await save_stack(db, person_id, name, shared.loras):
            return copied
    raise TooManyStacks(limit=MAX_STACKS)


async def _leave_room(db: Database, person_id: int) -> None:
    if await db.get(COUNT_STACKS, person_id) >= MAX_STACKS:
        raise TooManyStacks(limit=MAX_STACKS)
