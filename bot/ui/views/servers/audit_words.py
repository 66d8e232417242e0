"""Entries of the audit log in words."""

from __future__ import annotations

import re
from typing import cast

from bot.config.sections.moderation import WordListMode
from bot.database.privacy.takedown_notices import BY_OPERATORS, PERSON_SHOWN
from bot.database.reports.appeals import AppealState
from bot.database.servers.audit import AuditAction, AuditEntry
from bot.database.servers.limits import LimitHolder, LimitName
from bot.i18n import _, label, later, number, pgettext
from bot.i18n.texts import mention, plain, several
from bot.reports.words import ANSWERED, DECIDED
from bot.servers.limits import HOLDERS, LIMIT_LABELS
from bot.ui.interactions.replies import in_own_time
from inference.content_rating import ContentRating
from inference.lora.beside.categories import Category

MAX_VALUE, MAX_TARGET = 120, 100  # characters
_NOTHING = "—"
_REPORT = re.compile(r"report (\d+):")  # how the target of an entry about a report begins
_CHANNELS = {"channels", "reports_channel", "spoiler_channels", "art_channels"}
_ROLES = {"staff_roles", "paint_roles", "queue_roles", "lora_roles", "publish_roles"}
_FIELDS = {
    "channels": later("channels", context="audit log"),
    "spoiler_channels": later("spoiler channels", context="audit log"),
    "checkpoints": later("models", context="audit log"),
    "categories": later("LoRA categories", context="audit log"),
    "staff_roles": later("staff roles", context="audit log"),
    "paint_roles": later("roles that can generate pictures", context="audit log"),
    "queue_roles": later("roles that can see the server's whole queue", context="audit log"),
    "lora_roles": later("roles that can add LoRAs", context="audit log"),
    "publish_roles": later("roles that can publish", context="audit log"),
    "default_checkpoint": later("default model", context="audit log"),
    "language": later("language", context="audit log"),
    "shows_prompt": later("prompts shown by default", context="audit log"),
    "open_rating": later("highest rating in channels without an age restriction", context="audit log"),
    "unrated_as": later("rating applied to unrated content", context="audit log"),
    "reports_channel": later("reports channel", context="audit log"),
    "shares_reports": later("reports shared with operators", context="audit log"),
    "decision": later("decision", context="audit log"),
    "rating": later("rating", context="audit log"),
    "appeal": later("appeal", context="audit log"),
    "newcomer_hours": later("new member period, in hours", context="audit log"),
    "art_channels": later("art channels", context="audit log"),
    "reason": later("reason", context="audit log"),
    "end": later("end of the block", context="audit log"),
    "base_model": later("base model", context="audit log"),
    "state": later("state", context="audit log"),
    "paused": later("queue paused", context="audit log"),
    "entries": later("exported entries", context="audit log"),
    "name": later("name", context="audit log"),
    "words": later("words", context="audit log"),
    "patterns": later("patterns", context="audit log"),
    "exceptions": later("exceptions", context="audit log"),
    "phrase": later("allowed phrase", context="audit log"),
    "dismissed_phrase": later(
        "phrase that a member asked staff to allow, and that staff rejected", context="audit log"
    ),
    "mode": later("word list mode", context="audit log"),
    "negative_prompts": later("checks negative prompts", context="audit log"),
    "forms": later("matches plurals and typing mistakes", context="audit log"),
}

# The actions, as people read them.
_ACTIONS = {
    AuditAction.CHANGE_SETTINGS: later("change settings", context="AuditAction"),
    AuditAction.CHANGE_LIMITS: later("change limits", context="AuditAction"),
    AuditAction.BLOCK_PERSON: later("block member", context="AuditAction"),
    AuditAction.UNBLOCK_PERSON: later("unblock member", context="AuditAction"),
    AuditAction.BLOCK_LORA: later("block LoRA", context="AuditAction"),
    AuditAction.UNBLOCK_LORA: later("unblock LoRA", context="AuditAction"),
    AuditAction.PROPOSE_BASE_MODEL: later("propose base model", context="AuditAction"),
    AuditAction.RATE_LORA: later("set content rating of LoRA", context="AuditAction"),
    AuditAction.ADD_WORD_LIST: later("add word list", context="AuditAction"),
    AuditAction.CHANGE_WORD_LIST: later("change word list", context="AuditAction"),
    AuditAction.DELETE_WORD_LIST: later("delete word list", context="AuditAction"),
    AuditAction.IMPORT_WORD_LISTS: later("import word lists", context="AuditAction"),
    AuditAction.CHANGE_PHRASES: later("change phrases", context="AuditAction"),
    AuditAction.CONFIRM_BASE_MODEL: later("confirm base model", context="AuditAction"),
    AuditAction.REJECT_BASE_MODEL: later("reject base model", context="AuditAction"),
    AuditAction.PAUSE_QUEUE: later("pause queue", context="AuditAction"),
    AuditAction.RESUME_QUEUE: later("resume queue", context="AuditAction"),
    AuditAction.CANCEL_JOB: later("cancel job", context="AuditAction"),
    AuditAction.REMOVE_PICTURE: later("remove picture", context="AuditAction"),
    AuditAction.VIEW_REPORTED_PICTURE: later("view reported picture", context="AuditAction"),
    AuditAction.DECIDE_REPORT: later("decide on report", context="AuditAction"),
    AuditAction.ANSWER_APPEAL: later("answer appeal", context="AuditAction"),
    AuditAction.FEATURE: later("feature LoRA or picture", context="AuditAction"),
    AuditAction.UNFEATURE: later("stop featuring LoRA or picture", context="AuditAction"),
    AuditAction.EXPORT_AUDIT_LOG: later("export audit log", context="AuditAction"),
}

_RATINGS = {"rating", "open_rating", "unrated_as"}
# What stored values of a field mean.
_SAID: dict[str, dict[str, str]] = {
    "reason": {PERSON_SHOWN: later("request by a person shown in the picture")},
    "decision": {
        **{action.value: text for action, text in DECIDED.items()},
        AppealState.REVERSED.value: ANSWERED[AppealState.REVERSED],
    },
    "appeal": {
        AppealState.OPEN.value: later("not answered"),
        **{state.value: text for state, text in ANSWERED.items()},
    },
}


def action_label(action: AuditAction) -> str:
    """The action in words."""
    return pgettext("AuditAction", _ACTIONS[action])


def entry_text(entry: AuditEntry) -> str:
    """Who did what, to whom or what, when, and what it was before and is since."""
    actor = _("an operator of this bot") if entry.actor_id == BY_OPERATORS else mention(entry.actor_id)
    head = [f"<t:{entry.created_at // 1000}:f>", actor, f"**{action_label(entry.action)}**"]
    if entry.person_id is not None:
        head.append(mention(entry.person_id))
        if report := _REPORT.match(entry.target):
            head.append(_("Report {number}").format(number=report[1]))
    elif entry.target:
        head.append(_target(entry))
    lines = [" · ".join(head)]
    lines += [
        _("-# {field}: {before} → {after}").format(
            field=_field(field), before=_value(field, before), after=_value(field, after)
        )
        for field, (before, after) in entry.changes.items()
    ]
    return "\n".join(lines)


def _target(entry: AuditEntry) -> str:
    """The target of an action. Limits of a group of members name the group by a stored word."""
    kind, _space, rest = entry.target.partition(" ")
    if entry.action == AuditAction.CHANGE_LIMITS and kind in LimitHolder.__members__.values():
        return plain(f"{_(HOLDERS[LimitHolder(kind)])} {rest}".rstrip(), MAX_TARGET)
    return plain(entry.target, MAX_TARGET)


def _field(name: str) -> str:
    if name in _FIELDS:
        return pgettext("audit log", _FIELDS[name])
    if name in LimitName.__members__.values():
        return _(LIMIT_LABELS[LimitName(name)])
    return plain(name, MAX_TARGET)


def _word(value: object) -> str:
    """One value of a list: a category in words, a name as it is."""
    return label(Category(value)) if value in Category.__members__.values() else str(value)


def _id_of(value: object) -> object:
    """The id of an art channel, of which more is set; any other value as it is."""
    return cast("dict[str, object]", value).get("channel_id") if isinstance(value, dict) else value


def _value(field: str, value: object) -> str:
    if value is None or value in ("", []):
        return _NOTHING
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if field in _CHANNELS and isinstance(value, int):
        return f"<#{value}>"
    if isinstance(value, int | float):
        return number(value, 2)
    if isinstance(value, list):
        values = [_id_of(each) for each in cast("list[object]", value)]
        prefix = "#" if field in _CHANNELS else "@&" if field in _ROLES else None
        if prefix is None:
            return several(map(_word, values), MAX_VALUE)
        named = " ".join(f"<{prefix}{each}>" for each in values[:5])
        return named + (" …" if values[5:] else "")
    if field in _SAID and value in _SAID[field]:
        return _(_SAID[field][str(value)])
    if field == "mode" and value in WordListMode.__members__.values():
        return label(WordListMode(str(value)))
    if field in _RATINGS and value in ContentRating.__members__.values():
        return label(ContentRating(str(value)))
    return in_own_time(str(value)) if field == "end" else plain(str(value), MAX_VALUE)
