"""The audit log: who did what to whom, when, and what it was before and after. Entries stay as they were written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydantic import Json

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.query import Query

FOREVER = 2**62  # later than any time

Changes = Mapping[str, tuple[object, object]]  # what changed, by field: before and after


class AuditAction(StrEnum):
    """What was done. The values are stored; people read the words of `action_label`."""

    CHANGE_SETTINGS = "change_settings"
    CHANGE_LIMITS = "change_limits"
    BLOCK_PERSON = "block_person"
    UNBLOCK_PERSON = "unblock_person"
    BLOCK_LORA = "block_lora"
    UNBLOCK_LORA = "unblock_lora"
    PROPOSE_BASE_MODEL = "propose_base_model"
    RATE_LORA = "rate_lora"
    ADD_WORD_LIST = "add_word_list"
    CHANGE_WORD_LIST = "change_word_list"
    DELETE_WORD_LIST = "delete_word_list"
    IMPORT_WORD_LISTS = "import_word_lists"
    CHANGE_PHRASES = "change_phrases"
    CONFIRM_BASE_MODEL = "confirm_base_model"
    REJECT_BASE_MODEL = "reject_base_model"
    PAUSE_QUEUE = "pause_queue"
    RESUME_QUEUE = "resume_queue"
    CANCEL_JOB = "cancel_job"
    REMOVE_PICTURE = "remove_picture"
    VIEW_REPORTED_PICTURE = "view_reported_picture"
    DECIDE_REPORT = "decide_report"
    ANSWER_APPEAL = "answer_appeal"
    FEATURE = "feature"
    UNFEATURE = "unfeature"
    EXPORT_AUDIT_LOG = "export_audit_log"


@dataclass(frozen=True)
class AuditEntry:
    """One entry; time in unix ms."""

    id: int
    server_id: int
    actor_id: int
    action: AuditAction
    person_id: int | None
    target: str
    changes: Json[dict[str, tuple[object, object]]]
    created_at: int


@dataclass(frozen=True)
class AuditFilter:
    """Which entries: of this person (who acted or was concerned), of this action, in this time (unix ms)."""

    person_id: int | None = None
    action: AuditAction | None = None
    since: int = 0
    until: int = FOREVER


@dataclass(frozen=True)
class AuditPage:
    """Entries, the newest first; `older` and `newer` say whether there are more."""

    entries: Sequence[AuditEntry]
    older: bool
    newer: bool = False


ADD_AUDIT_ENTRY = Query(
    AuditEntry,
    """
    INSERT INTO audit (server_id, actor_id, action, person_id, target, changes, created_at)
    VALUES (:server, :actor, :action, :person, :target, :changes, :now) RETURNING *
    """,
)


def _walk(newer: bool) -> tuple[Query[AuditEntry], Query[AuditEntry], Query[AuditEntry]]:
    """The entries beyond one, towards newer or older ones: all, those of an action, and those of a person."""
    order, beyond = ("", ">") if newer else ("DESC", "<")
    sort = f"ORDER BY created_at {order}, id {order} LIMIT :limit"
    span = f"created_at >= :since AND created_at < :until AND (created_at, id) {beyond} (:anchor, :anchor_id) {sort}"
    here = "SELECT * FROM audit {index} WHERE server_id = :server AND {which} AND " + span  # noqa: S608 - constants only
    of_person = [
        f"SELECT * FROM ({here.format(index=f'INDEXED BY {index}', which=f'{column} = :person AND {_OF_ACTION}')})"  # noqa: S608
        for index, column in (("audit_by_actor", "actor_id"), ("audit_by_person", "person_id"))
    ]
    return (
        Query(AuditEntry, here.format(index="", which="TRUE")),
        Query(AuditEntry, here.format(index="INDEXED BY audit_by_action", which="action = :action")),
        # Two walks, each in the wanted order: one walk over either of both people would sort all that it finds.
        Query(AuditEntry, f"SELECT * FROM ({' UNION '.join(of_person)}) AS listed {sort}"),  # noqa: S608 - constants only
    )


_OF_ACTION = "(:action IS NULL OR action = :action)"
OLDER_ENTRIES, NEWER_ENTRIES = _walk(newer=False), _walk(newer=True)
FIND_AUDIT_ENTRY = Query(AuditEntry, "SELECT * FROM audit WHERE id = :id AND server_id = :server")


async def add_entry(
    db: Database,
    server_id: int,
    actor_id: int,
    action: AuditAction,
    changes: Changes,
    *,
    target: str = "",
    person_id: int | None = None,
) -> AuditEntry:
    """Write an entry; within a transaction of the caller, together with the change itself."""
    stored = json.dumps(changes, ensure_ascii=False)
    return await db.get(
        ADD_AUDIT_ENTRY,
        server=server_id,
        actor=actor_id,
        action=action,
        person=person_id,
        target=target,
        changes=stored,
        now=now_ms(),
    )


async def audit_page(
    db: Database,
    server_id: int,
    wanted: AuditFilter,
    *,
    limit: int,
    before: AuditEntry | None = None,
    after: AuditEntry | None = None,
) -> AuditPage:
    """The entries of a server that come after `before` in the list, or the last ones that come before `after`.

    The first page without either.
    """
    anchor = after or before
    parameters = {
        "server": server_id, "person": wanted.person_id, "action": wanted.action,
        # where the walk begins
        "since": max(wanted.since, after.created_at) if after else wanted.since,
        "until": min(wanted.until, before.created_at + 1) if before else wanted.until,
        "anchor": anchor.created_at if anchor else FOREVER, "anchor_id": anchor.id if anchor else FOREVER,
        "limit": limit + 1,
    }  # fmt: skip
    all_of_them, of_action, of_person = NEWER_ENTRIES if after else OLDER_ENTRIES
    query = all_of_them if wanted.action is None else of_action
    if wanted.person_id is not None:
        query = of_person
    found = await db.all(query, **parameters)
    entries, more = found[:limit], len(found) > limit
    if after:
        return AuditPage(entries[::-1], older=True, newer=more)
    return AuditPage(entries, older=more, newer=before is not None)
