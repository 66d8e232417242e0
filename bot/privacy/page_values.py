"""Values of stored data as people read them, in HTML: one function for each `ValueKind` of `stored_data`."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import PurePath
from typing import cast
from urllib.parse import quote

from bot.database.reports.appeals import AppealState
from bot.database.reports.reports import ReportReason
from bot.database.servers.audit import AuditAction
from bot.i18n import _, label, later, listed, number
from bot.i18n.texts import message_url
from bot.privacy.stored_data import ValueKind
from bot.reports.words import ANSWERED, DECIDED
from bot.servers.limits import LIMIT_LABELS
from inference.content_rating import ContentRating
from inference.lora.beside.categories import Category
from inference.regions import RegionName

MAX_WORDS = 120  # characters of a prompt that name a request
MAX_DEPTH = 12  # levels of settings
DAY_MS = 86_400_000
_JOINER = "\N{WORD JOINER}"  # a line does not break there
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
# SQL for what a value means, with its own SQL as `{value}`. Requests and pictures of other users have no meaning.
MEANINGS: Mapping[ValueKind, str] = {
    ValueKind.REQUEST: """(
        SELECT json_array(mine.id, coalesce(nullif(request ->> '$.prompt', ''), request ->> '$.regions[0].prompt'), (
            SELECT path FROM picture AS first WHERE first.job_id = mine.id ORDER BY first.position LIMIT 1
        )) FROM job AS mine WHERE mine.id = {value} AND mine.person_id = :person
    )""",
    ValueKind.PICTURE: """(
        SELECT json_array(
            mine.id, coalesce(nullif(request ->> '$.prompt', ''), request ->> '$.regions[0].prompt'), path
        )
        FROM picture AS one JOIN job AS mine ON mine.id = one.job_id
        WHERE one.id = {value} AND mine.person_id = :person
    )""",
    ValueKind.LORA: "(SELECT name FROM lora AS entry WHERE entry.id = {value})",
    ValueKind.LORA_FILE: """(
        SELECT entry.name FROM lora_version AS file JOIN lora AS entry ON entry.id = file.lora_id
        WHERE file.sha256 = {value} LIMIT 1
    )""",
    ValueKind.STACK: "(SELECT name FROM stack AS mine WHERE mine.id = {value} AND mine.person_id = :person)",
    ValueKind.ADDITION: "(SELECT key FROM addition AS file WHERE file.id = {value})",
}
_ENUMS: Mapping[str, type[StrEnum]] = {
    "audit.action": AuditAction,
    "report_by.reason": ReportReason,
    "lora.category": Category,
    "stack_lora.region": RegionName,
}
_WORDS: Mapping[str, Mapping[str, str]] = {
    "job.state": {
        "queued": later("queued"), "running": later("running"), "succeeded": later("finished"),
        "failed": later("failed"), "cancelled": later("cancelled"),
    },
    "delivery.state": {
        "pending": later("not sent yet"), "sent": later("sent"), "undeliverable": later("could not be sent"),
    },
    "publication.visible": {
        "pending": later("not posted yet"), "posted": later("published"), "removing": later("being removed"),
        "hidden": later("hidden by staff or because of a report"),
    },
    "feature.kind": {"lora": later("LoRA"), "publication": later("picture")},
    "block.kind": {"lora": later("LoRA"), "person": later("member")},
    "report_by.kind": {"lora": later("LoRA"), "pictures": later("picture")},
    "job_rating.source": {
        "staff": later("the server's staff"), "operator": later("an operator"),
        "classifier": later("an automatic check"),
    },
    "report.state": {
        "open": later("not decided yet"), "decided": later("decided"), "appealed": later("your appeal is under review"),
    },
    "decision.action": {action.value: text for action, text in DECIDED.items()},
    "appeal.state": {
        AppealState.OPEN.value: later("not answered"), **{state.value: text for state, text in ANSWERED.items()},
    },
    "decision_step.step": {
        "hide": later("hide the picture"), "block": later("block the author"), "delete": later("delete the picture"),
        "rate": later("raise the content rating"), "tell": later("notify the author"),
        "show": later("show the picture"),
        "show_again": later("show the picture again"), "unblock": later("lift the block"),
        "unrate": later("restore the content rating"), "tell_answer": later("tell the author about the answer"),
    },
    "addition.state": {
        "waiting": later("queued"), "added": later("added"), "failed": later("failed"), "cancelled": later("cancelled"),
    },
    "base_model_proposal.state": {
        "open": later("not decided yet"), "confirmed": later("confirmed"), "rejected": later("rejected"),
    },
    "phrase_question.state": {
        "open": later("not decided yet"), "allowed": later("allowed"), "dismissed": later("not allowed"),
    },
    "erasure.state": {
        "requested": later("requested"), "clearing": later("running"), "complete": later("finished"),
    },
}  # fmt: skip
# Settings that the page shows, by their names in JSON. Others are internal.
_SETTINGS: Mapping[str, tuple[str, ValueKind]] = {
    "wish": (later("request"), ValueKind.SETTINGS),
    "prompt": (later("prompt"), ValueKind.TEXT),
    "negative_prompt": (later("negative prompt"), ValueKind.TEXT),
    "name": (later("name"), ValueKind.TEXT),
    "prompt_prefix": (later("words added to the prompt for this model"), ValueKind.TEXT),
    "checkpoint": (later("model"), ValueKind.TEXT),
    "loras": (later("LoRAs"), ValueKind.SETTINGS),
    "weight": (later("weight"), ValueKind.NUMBER),
    "trigger_words": (later("trigger words"), ValueKind.SETTINGS),
    "region": (later("area"), ValueKind.TEXT),
    "regions": (later("areas"), ValueKind.SETTINGS),
    "stack": (later("stack"), ValueKind.TEXT),
    "image": (later("start picture"), ValueKind.SETTINGS),
    "sha256": (later("picture"), ValueKind.START_PICTURE),
    "strength": (later("strength"), ValueKind.NUMBER),
    "face": (later("shows a photographed face"), ValueKind.YES_NO),
    "width": (later("width"), ValueKind.NUMBER),
    "height": (later("height"), ValueKind.NUMBER),
    "size": (later("size"), ValueKind.TEXT),
    "count": (later("number of pictures"), ValueKind.NUMBER),
    "steps": (later("steps"), ValueKind.NUMBER),
    "guidance_scale": (later("guidance"), ValueKind.NUMBER),
    "sampler": (later("sampler"), ValueKind.TEXT),
    "spacing": (later("spacing"), ValueKind.TEXT),
    "flow_shift": (later("flow shift"), ValueKind.NUMBER),
    "clip_skip": (later("clip skip"), ValueKind.NUMBER),
    "seed": (later("seed"), ValueKind.TEXT),
    "fast": (later("fast"), ValueKind.YES_NO),
    "private": (later("private results"), ValueKind.YES_NO),
    "shows_prompt": (later("prompts under pictures"), ValueKind.YES_NO),
    "compact_lists": (later("compact lists"), ValueKind.YES_NO),
    "update_messages": (later("messages about new versions of bookmarked LoRAs"), ValueKind.YES_NO),
    "command": (later("command"), ValueKind.TEXT),
    "joined_at": (later("time when you joined the server"), ValueKind.TIME),
    **{name.value: (text, ValueKind.NUMBER) for name, text in LIMIT_LABELS.items() if name != "weight"},
}


@dataclass(frozen=True)
class ExportReader:
    """The user who reads the page.

    `place_name` returns the name of a server or channel, if it is known. It is called in other threads.
    """

    person_id: int
    place_name: Callable[[int], str | None]


@dataclass(frozen=True)
class Cell:
    """A value of a row. `name` is `table.column`; `meaning` is what `MEANINGS` found.

    Cells of `technical` tables have no small pictures, which would make large pages slow.
    """

    name: str
    value: object
    meaning: object
    reader: ExportReader
    technical: bool = False


def shown(kind: ValueKind, cell: Cell) -> str:
    """Return the value as HTML; nothing for NULL, unless the kind has words for it."""
    if cell.value is None and kind not in (ValueKind.PERSON, ValueKind.SERVER):
        return ""
    return _SHOWN.get(kind, _text)(cell)


def escaped(text: str) -> str:
    """Return text that is safe in an element and in a quoted attribute, without control characters."""
    return html.escape(_CONTROL.sub("\N{REPLACEMENT CHARACTER}", text.encode("utf-8", "replace").decode()), quote=True)


def time_text(unix_ms: int, form: str = "%Y-%m-%d %H:%M") -> str:
    """Return a time as people read it; a number that is no time stays a number."""
    try:
        return datetime.fromtimestamp(unix_ms / 1000, UTC).strftime(form)
    except (ValueError, OverflowError, OSError):
        return str(unix_ms)


def thumbnail(folder: str, file: str) -> str:
    """Return a small picture of the archive, which the page completes if the picture is in its part."""
    return f'<img class="small" src="{escaped(quote(f"{folder}/{PurePath(file).stem}"))}">'


def request_link(job_id: int | None, words: str | None, path: str | None) -> str:
    """Return a request of the user: its first picture and its prompt, as a link to the row of the job, if any."""
    named = escaped((words or _("a request without a prompt"))[:MAX_WORDS])
    small = thumbnail("pictures", path) if path else ""
    if job_id is None:
        return f'<div class="request">{small}<span>{named}</span></div>'
    if not small:
        return f'<a href="#r{job_id}">{named}</a>'
    return f'<a class="request" href="#r{job_id}">{small}<span>{named}</span></a>'


def _text(cell: Cell) -> str:
    """Return text, in which the user is named without the id."""
    person, you = str(cell.reader.person_id), _("@you")
    return escaped(str(cell.value).replace(f"<@{person}>", you).replace(person, you))


def _number(cell: Cell) -> str:
    if not isinstance(cell.value, int | float):
        return _text(cell)
    if 0 <= cell.value < 1000 and cell.value == int(cell.value):
        return str(int(cell.value))  # alike in all languages, and formatting takes longer than all else
    return escaped(number(cell.value, 2))


def _time(cell: Cell) -> str:
    return (escaped(time_text(cell.value)) if cell.value else "") if isinstance(cell.value, int) else _text(cell)


def _day(cell: Cell) -> str:
    return escaped(time_text(cell.value * DAY_MS, "%Y-%m-%d")) if isinstance(cell.value, int) else _text(cell)


def _seconds(cell: Cell) -> str:
    return escaped(_("{seconds} s").format(seconds=number(cast("float", cell.value), 1)))


def _bytes(cell: Cell) -> str:
    size = cast("float", cell.value)
    return escaped(f"{number(size / 1e9, 1)} GB" if size >= 1e9 else f"{number(size / 1e6)} MB")


def _position(cell: Cell) -> str:
    return escaped(_("picture {number}").format(number=cast("int", cell.value) + 1))


def _yes_no(cell: Cell) -> str:
    return escaped(_("yes") if cell.value else _("no"))


def _word(cell: Cell) -> str:
    value = str(cell.value)
    members = _ENUMS.get(cell.name)
    if members is not None and value in members.__members__.values():
        return escaped(label(members(value)))
    text = _WORDS.get(cell.name, {}).get(value)
    return escaped(_(text) if text else value.replace("_", " "))


def _reasons(cell: Cell) -> str:
    reasons = [reason for reason in ReportReason if reason.value in json.loads(str(cell.value))]
    return escaped(listed(map(label, reasons)))


def _rating(cell: Cell) -> str:
    levels = list(ContentRating)
    if isinstance(cell.value, int):
        return escaped(label(levels[cell.value])) if 0 <= cell.value < len(levels) else ""
    return escaped(label(ContentRating(cell.value))) if cell.value in levels else _text(cell)


def _request(cell: Cell) -> str:
    if cell.meaning is None:
        return escaped(_("deleted"))
    job_id, words, path = json.loads(str(cell.meaning))
    if cell.technical:
        return request_link(job_id, words, None)
    return request_link(None if cell.name == "job.own_request" else job_id, words, path)


def _picture(cell: Cell) -> str:
    return "" if cell.meaning is None else _request(cell)


def _start_picture(cell: Cell) -> str:
    return thumbnail("inputs", str(cell.value))


def _where(cell: Cell) -> str:
    server_id, channel_id, time, model, posted_in, message_id = json.loads(str(cell.value))
    parts = [
        _scope(Cell(cell.name, server_id, None, cell.reader)),
        _channel(Cell(cell.name, channel_id, None, cell.reader)) if channel_id else "",
        escaped(time_text(time)) if time else "",
        escaped(_("model {name}").format(name=model)) if model else "",
        _link(message_url(server_id, posted_in, message_id)) if posted_in and message_id else "",
    ]
    return " · ".join(filter(None, parts))


def _message(cell: Cell) -> str:
    return _link(message_url(*json.loads(str(cell.value))))


def _link(address: str) -> str:
    return f'<a href="{escaped(address)}">{escaped(_("Open in Discord"))}</a>'


def _report(cell: Cell) -> str:
    return escaped(_("report {number}").format(number=f"R{cell.value}"))


def _decision(cell: Cell) -> str:
    return escaped(_("decision {number}").format(number=f"D{cell.value}"))


def _appeal(cell: Cell) -> str:
    decision_id, state = json.loads(str(cell.value))
    if state is not None:
        return _word(Cell("appeal.state", state, None, cell.reader))
    text = _("You can appeal once. Press *Appeal* under the bot's message with the reference {reference}.")
    return escaped(text.replace("*", "").format(reference=f"D{decision_id}"))


def _lora(cell: Cell) -> str:
    return escaped(_("a LoRA that is no longer in the library") if cell.meaning is None else str(cell.meaning))


def _named(cell: Cell) -> str:
    return "" if cell.meaning is None else escaped(str(cell.meaning))


def _server(cell: Cell) -> str:
    return _scope(cell) if cell.value else escaped(_("outside of servers"))


def _scope(cell: Cell) -> str:
    if not cell.value:
        return escaped(_("all servers"))
    return _place(cast("int", cell.value), _("server …{end}"), cell.reader)


def _channel(cell: Cell) -> str:
    return _place(cast("int", cell.value), _("channel …{end}"), cell.reader)


def _place(place_id: int, unnamed: str, reader: ExportReader) -> str:
    """Return the name of a server or channel, or the end of its id."""
    return escaped(reader.place_name(place_id) or unnamed.format(end=f"{_JOINER}{str(place_id)[-4:]}"))


def _person(cell: Cell) -> str:
    return escaped(_("you") if cell.value == cell.reader.person_id else _("staff or an operator"))


def _settings(cell: Cell) -> str:
    """Return settings, folded under the prompt of a draft."""
    try:
        value = json.loads(str(cell.value))
    except (ValueError, RecursionError):
        return _text(cell)
    if not isinstance(value, dict):
        return _nested(value, cell.reader, 0)
    inside = _nested(cast("object", value), cell.reader, 0)
    if not inside:
        return ""
    settings = cast("dict[str, object]", value)
    request = settings.get("wish", settings) if cell.name != "job.request" else None
    prompt = cast("dict[str, object]", request).get("prompt") if isinstance(request, dict) else None
    summary = prompt[:MAX_WORDS] if isinstance(prompt, str) and prompt else _("Show the settings")
    return f"<details><summary>{escaped(summary)}</summary>{inside}</details>"


def _nested(value: object, reader: ExportReader, depth: int) -> str:
    if depth < MAX_DEPTH and isinstance(value, dict):
        rows: list[str] = []
        for name, each in cast("dict[str, object]", value).items():
            about, kind = _SETTINGS.get(name, ("", ValueKind.HIDDEN))
            if kind is ValueKind.HIDDEN or each is False or each in (None, "", [], {}):
                continue
            if kind is ValueKind.START_PICTURE and "strength" not in value:
                continue  # of a LoRA
            inside = (
                _nested(each, reader, depth + 1) if kind is ValueKind.SETTINGS else _setting(kind, name, each, reader)
            )
            rows.append(f"<dt>{escaped(_(about))}</dt><dd>{inside}</dd>")
        return f"<dl>{''.join(rows)}</dl>" if rows else ""
    if depth < MAX_DEPTH and isinstance(value, list):
        items = cast("list[object]", value)
        if all(isinstance(each, str) for each in items):
            return escaped(", ".join(map(str, items)))
        return "".join(f"<div>{_nested(each, reader, depth + 1)}</div>" for each in items)
    return "" if value is None else escaped(str(value))


def _setting(kind: ValueKind, name: str, value: object, reader: ExportReader) -> str:
    if isinstance(value, dict | list):
        return ""
    return shown(kind, Cell(f"setting.{name}", value, None, reader))


def _changes(cell: Cell) -> str:
    """Return the fields that staff changed, each with its value before and after."""
    fields, lines = json.loads(str(cell.value)), list[str]()
    changed = cast("dict[str, object]", fields) if isinstance(fields, dict) else {}
    for name, values in changed.items():
        if isinstance(values, list) and len(cast("list[object]", values)) == 2:
            before, after = (_changed(name, each, cell.reader) for each in cast("list[object]", values))
            lines.append(f"{escaped(name.replace('_', ' '))}: {before} → {after}")
    return "<br>".join(lines)


def _changed(name: str, value: object, reader: ExportReader) -> str:
    if value in (None, "", []):
        return "—"
    if isinstance(value, bool):
        return escaped(_("yes") if value else _("no"))
    if name in {"decision", "appeal"}:
        return _word(Cell({"decision": "decision.action"}.get(name, "appeal.state"), value, None, reader))
    if name == "rating":
        return _rating(Cell(name, value, None, reader))
    return _text(Cell(name, value, None, reader))


_SHOWN: Mapping[ValueKind, Callable[[Cell], str]] = {
    ValueKind.NUMBER: _number,
    ValueKind.TIME: _time,
    ValueKind.DAY: _day,
    ValueKind.SECONDS: _seconds,
    ValueKind.BYTES: _bytes,
    ValueKind.POSITION: _position,
    ValueKind.YES_NO: _yes_no,
    ValueKind.WORD: _word,
    ValueKind.REASONS: _reasons,
    ValueKind.RATING: _rating,
    ValueKind.REQUEST: _request,
    ValueKind.PICTURE: _picture,
    ValueKind.START_PICTURE: _start_picture,
    ValueKind.WHERE: _where,
    ValueKind.MESSAGE: _message,
    ValueKind.REPORT: _report,
    ValueKind.DECISION: _decision,
    ValueKind.APPEAL: _appeal,
    ValueKind.LORA: _lora,
    ValueKind.LORA_FILE: _lora,
    ValueKind.STACK: _named,
    ValueKind.ADDITION: _named,
    ValueKind.SERVER: _server,
    ValueKind.SCOPE: _scope,
    ValueKind.CHANNEL: _channel,
    ValueKind.PERSON: _person,
    ValueKind.SETTINGS: _settings,
    ValueKind.CHANGES: _changes,
}
