"""The page of an export: a person's pictures and rows, readable in a browser.

The page has no script and loads nothing from elsewhere. A policy in its head lets the browser refuse both. All texts
are escaped, because users and files write them. It takes the descriptions of tables and columns from `stored_data`.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import cast
from urllib.parse import quote

from bot.config.retention import RetentionSettings
from bot.i18n import _, language, ngettext, number, pgettext
from bot.i18n.texts import day_limit
from bot.privacy.stored_data import CONTEXT, StoredTable

Values = Mapping[str, object]  # of a row, by column

MAX_ALT = 150  # characters of a prompt that stand in for a picture
MAX_SUMMARY = 120  # characters of a prompt that name folded details
MAX_DEPTH = 12  # levels of details; deeper ones are shown as text
_LIMIT = re.compile(r"`(\w+_days)` \(\d+\)")  # a setting with its default
_TIME = re.compile(r"(.*_)?(at|until)")  # columns with unix ms
_CODE, _EMPHASIS = re.compile(r"`([^`]*)`"), re.compile(r"\*([^*]*)\*")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_POLICY = "default-src 'none'; img-src 'self' file:; style-src 'unsafe-inline'"
_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:76rem;padding:1rem;color:#222;background:#fff}
h1,h2{line-height:1.2}h2{margin-top:2.5rem}a{color:#0550ae}code,pre{font-size:.9em;overflow-wrap:anywhere}
.about{color:#555;margin:.2rem 0}.wide{overflow-x:auto;border:1px solid #ccc;border-radius:6px;margin:.6rem 0}
table{border-collapse:collapse;font-size:.9rem}th,td{border-bottom:1px solid #ddd;padding:.4rem .6rem;
text-align:start;vertical-align:top;min-width:8rem;max-width:24rem;overflow-wrap:anywhere}th{background:#f4f4f4}
th code{display:block;color:#666;font-weight:normal}td,dd,figcaption{unicode-bidi:plaintext;white-space:pre-line}
.pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(14rem,100%),1fr));gap:1rem}
figure{margin:0;border:1px solid #ccc;border-radius:6px;padding:.6rem;overflow-wrap:anywhere}
figcaption{font-size:.9rem;margin-top:.4rem}img{width:100%;height:14rem;object-fit:contain;background:#f4f4f4}
ul{columns:20rem}
@media(max-width:40rem){thead{display:none}table,tbody,tr,td{display:block}tr{border-bottom:3px solid #ccc}
th,td{max-width:none}td:empty{display:none}td::before{display:block;color:#666;font-size:.85em}}
dl{margin:0;padding-left:.6rem}dt{color:#666}dd{margin:0 0 .2rem .8rem}summary{cursor:pointer}
"""


@dataclass(frozen=True)
class PictureFacts:
    """Facts about a generated picture; the time is in unix ms."""

    prompt: str
    checkpoint: str
    seed: int
    created_at: int


@dataclass
class ExportPage:
    """The page of one part, while the part is filled."""

    pictures: list[str] = field(default_factory=list[str])
    inputs: list[str] = field(default_factory=list[str])
    tables: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])  # heading, section

    def written(self, remarks: Sequence[str], *, complete: bool) -> bytes:
        """Return the page; `complete` says that the export has no other part."""
        sections = [
            (_("Pictures that you generated"), _grid(self.pictures)),
            (_("Pictures that you started from"), _grid(self.inputs)),
            *self.tables,
        ]
        shown = [(heading, body) for heading, body in sections if body]
        links = "".join(
            f'<li><a href="#part-{place}">{_marked(heading)}</a></li>' for place, (heading, _body) in enumerate(shown)
        )
        body = "".join(
            f'<h2 id="part-{place}">{_marked(heading)}</h2>\n{body}\n' for place, (heading, body) in enumerate(shown)
        )
        about = [
            _("This page shows the data that Easel stores about you. It works without the internet."),
            _("Select a picture to open its file. The files in the folder *data* have the same content for programs."),
            _("All times are in UTC."),
            *(
                []
                if complete
                else [_("This is one part of your data. Each part is a separate ZIP file with a page like this one.")]
            ),
            *remarks,
        ]
        title = escaped(_("Your data in Easel"))
        return (
            f'<!DOCTYPE html>\n<html lang="{escaped(language())}">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
            '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
            f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
            f"{''.join(f'<p>{_marked(each)}</p>' for each in about)}\n"
            f"<details><summary>{escaped(_('Contents'))}</summary><ul>{links}</ul></details>\n{body}</body>\n</html>\n"
        ).encode()


def figure(name: str, facts: PictureFacts | None) -> str:
    """Return a picture of the archive, which links to its file, with what is known of it."""
    alt = "" if facts is None else facts.prompt[:MAX_ALT]
    lines = [PurePosixPath(name).name]
    if facts is not None:
        seed = _("seed {seed}").format(seed=facts.seed)
        lines = [facts.prompt, " · ".join((facts.checkpoint, seed, time_text(facts.created_at)))]
    target = escaped(quote(name))
    return (
        f'<figure><a href="{target}"><img src="{target}" alt="{escaped(alt)}" loading="lazy"></a>'
        f"<figcaption>{'<br>'.join(escaped(line) for line in lines if line)}</figcaption></figure>\n"
    )


def table_section(
    table: StoredTable, rows: Sequence[Values], name: str, retention: RetentionSettings
) -> tuple[str, str]:
    """Return the heading and the section of rows that are in the file `name`. Columns without a value are left out."""
    explained = {column: _sentence(_described(about)) for column, about in table.columns.items()}
    kept = _LIMIT.sub(lambda limit: day_limit(getattr(retention, limit[1])), _described(table.kept))
    columns = [column for column in table.columns if any(row[column] not in (None, "") for row in rows)]
    head = "".join(f"<th>{escaped(explained[column])}<code>{escaped(column)}</code></th>" for column in columns)
    lines = "\n".join(
        f"<tr>{''.join(f'<td>{_cell(column, table.columns[column], row[column])}</td>' for column in columns)}</tr>"
        for row in rows
    )
    count = ngettext("{count} row", "{count} rows", len(rows)).format(count=number(len(rows)))
    about = [
        f'{escaped(count)} · <a href="{escaped(quote(name))}">{escaped(name)}</a>',
        f"{escaped(_('How long Easel keeps it:'))} {_marked(kept)}",
        f"{escaped(_('If you delete all your data:'))} {_marked(_described(table.fate.value))}",
    ]
    place = re.sub(r"\W", "-", name)  # a class for this table alone
    labels = "".join(
        f".{place} td:nth-child({place_in_row})::before{{content:{json.dumps(explained[column], ensure_ascii=False)}}}"
        for place_in_row, column in enumerate(columns, 1)
    )
    section = (
        "".join(f'<p class="about">{line}</p>\n' for line in about)
        + f"<style>@media(max-width:40rem){{{labels}}}</style>\n"
        + f'<div class="wide"><table class="{place}"><thead><tr>{head}</tr></thead>\n'
        + f"<tbody>\n{lines}\n</tbody></table></div>"
    )
    return _sentence(_described(table.about)), section


def escaped(text: str) -> str:
    """Return text that is safe in an element and in a quoted attribute, without control characters."""
    return html.escape(_CONTROL.sub("\N{REPLACEMENT CHARACTER}", text.encode("utf-8", "replace").decode()), quote=True)


def time_text(unix_ms: int) -> str:
    """Return a time as people read it; a number that is no time stays a number."""
    try:
        return f"{datetime.fromtimestamp(unix_ms / 1000, UTC):%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError, OSError):
        return str(unix_ms)


def _grid(figures: Iterable[str]) -> str:
    together = "".join(figures)
    return f'<div class="pictures">\n{together}</div>' if together else ""


def _described(text: str) -> str:
    return pgettext(CONTEXT, text)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _marked(text: str) -> str:
    """Return a description of ours as HTML."""
    return _EMPHASIS.sub(r"<em>\1</em>", _CODE.sub(r"<code>\1</code>", escaped(text)))


def _cell(column: str, about: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, int) and _TIME.fullmatch(column):
        return escaped(time_text(value)) if value else ""
    if value in (0, 1) and about.startswith("whether"):
        return escaped(_("yes") if value else _("no"))
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return _details(json.loads(value))
        except (ValueError, RecursionError):
            pass  # text of a person that only begins like JSON
    return escaped(str(value))


def _details(value: object) -> str:
    """Return a value of JSON, folded under the prompt, if it has one."""
    shown = _nested(value, 0)
    if not isinstance(value, dict | list) or not shown:
        return shown
    named = cast("dict[str, object]", value).get("prompt") if isinstance(value, dict) else None
    summary = named[:MAX_SUMMARY] if isinstance(named, str) and named else _("Show details")
    return f"<details><summary>{escaped(summary)}</summary>{shown}</details>"


def _nested(value: object, depth: int) -> str:
    if depth < MAX_DEPTH and isinstance(value, dict):
        pairs = cast("dict[str, object]", value).items()
        rows = [
            f"<dt>{escaped(name.replace('_', ' '))}</dt><dd>{_nested(each, depth + 1)}</dd>"
            for name, each in pairs
            if each not in (None, "", [], {})
        ]
        return f"<dl>{''.join(rows)}</dl>" if rows else ""
    if depth < MAX_DEPTH and isinstance(value, list):
        return "".join(f"<div>{_nested(each, depth + 1)}</div>" for each in cast("list[object]", value))
    if isinstance(value, bool):
        return escaped(_("yes") if value else _("no"))
    return "" if value is None else escaped(str(value))
