"""Entries of the audit log in words."""

from __future__ import annotations

import re
from typing import cast

from bot.database.appeals import AppealState
from bot.database.audit import AuditAction, AuditEntry
from bot.database.server_limits import LimitName
from bot.i18n import _, label, later, number
from bot.i18n.texts import mention, plain, several
from bot.servers.limits import LIMIT_LABELS
from bot.ui.views.report_text import ANSWERED, DECIDED
from inference.content_rating import ContentRating
from inference.lora.sidecar import Category

MAX_VALUE, MAX_TARGET = 120, 100  # characters
_NOTHING = "—"
_REPORT = re.compile(r"report (\d+):")  # how the target of an entry about a report begins
_CHANNELS = {"channels", "reports_channel", "spoiler_channels", "art_channels"}
_ROLES = {"staff_roles", "paint_roles", "queue_roles", "lora_roles", "publish_roles"}
_FIELDS = {
    "channels": later("channels"),
    "spoiler_channels": later("channels that hide pictures"),
    "checkpoints": later("checkpoints"),
    "categories": later("categories of LoRAs"),
    "staff_roles": later("roles of staff"),
    "paint_roles": later("roles that may paint"),
    "queue_roles": later("roles that see the queue"),
    "lora_roles": later("roles that may add LoRAs"),
    "publish_roles": later("roles that may publish"),
    "default_checkpoint": later("checkpoint by default"),
    "language": later("language"),
    "shows_prompt": later("prompts shown by default"),
    "open_rating": later("rating of open channels"),
    "unrated_as": later("rating of what is unrated"),
    "reports_channel": later("channel of reports"),
    "shares_reports": later("reports shared with operators"),
    "decision": later("decision"),
    "rating": later("rating"),
    "appeal": later("appeal"),
    "newcomer_hours": later("hours for which members are new"),
    "art_channels": later("art channels"),
    "reason": later("reason"),
    "end": later("end"),
    "base_model": later("base model"),
    "state": later("state"),
    "paused": later("paused"),
    "entries": later("entries"),
    "name": later("name"),
    "words": later("words"),
    "patterns": later("patterns"),
    "exceptions": later("allowed phrases"),
    "mode": later("mode"),
    "negative_prompts": later("reads negative prompts"),
}

_RATINGS = {"rating", "open_rating", "unrated_as"}
# What stored values of a field mean.
_SAID: dict[str, dict[str, str]] = {
    "decision": {
        **{action.value: text for action, text in DECIDED.items()},
        AppealState.REVERSED.value: ANSWERED[AppealState.REVERSED],
    },
    "appeal": {
        AppealState.OPEN.value: later("not answered"),
        **{state.value: text for state, text in ANSWERED.items()},
    },
}


def entry_text(entry: AuditEntry) -> str:
    """Who did what, to whom or what, when, and what it was before and is since."""
    actor = mention(entry.actor_id)
    head = [f"<t:{entry.created_at // 1000}:f>", actor, f"**{_action(entry)}**"]
    if entry.person_id is not None:
        head.append(mention(entry.person_id))
        if report := _REPORT.match(entry.target):
            head.append(_("Report {number}").format(number=report[1]))
    elif entry.target:
        head.append(plain(entry.target, MAX_TARGET))
    lines = [" · ".join(head)]
    lines += [
        _("-# {field}: {before} → {after}").format(
            field=_field(field), before=_value(field, before), after=_value(field, after)
        )
        for field, (before, after) in entry.changes.items()
    ]
    return "\n".join(lines)


def _action(entry: AuditEntry) -> str:
    """The action in words; one of another version of Easel as it is stored."""
    if entry.action in AuditAction.__members__.values():
        return label(AuditAction(entry.action))
    return plain(entry.action, MAX_TARGET)


def _field(name: str) -> str:
    if name in _FIELDS:
        return _(_FIELDS[name])
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
    if field in _RATINGS and value in ContentRating.__members__.values():
        return label(ContentRating(str(value)))
    return plain(str(value), MAX_VALUE)
