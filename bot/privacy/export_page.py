"""The page of an export: a person's pictures and rows, readable in a browser.

The page has no script and loads nothing from elsewhere. A policy in its head lets the browser refuse both. All texts
are escaped, because users and files write them. `stored_data` describes tables and columns.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from urllib.parse import quote, unquote

from bot.config import Settings
from bot.config.sections.retention import RetentionSettings
from bot.i18n import _, language, ngettext, number, pgettext
from bot.i18n.texts import day_limit
from bot.privacy.page_values import Cell, ExportReader, escaped, request_link, shown, time_text
from bot.privacy.stored_data import CONTEXT, StoredTable, ValueKind
from bot.privacy.summary import LABELS, controller_facts, controller_links

Values = Mapping[str, object]  # of a row, by column

MAX_ALT = 150  # characters of a prompt that stand in for a picture
_ZERO = (None, "", 0, "[]", "{}")  # values that technical details leave out
_LIMIT = re.compile(r"`(\w+_days)` \(\d+[^()]*\)")  # a setting with its default, in any language
_CODE, _EMPHASIS = re.compile(r"`([^`]*)`"), re.compile(r"\*([^*]*)\*")
# Pictures and rows that the page refers to. Text of users has no quotes and no brackets of tags.
_SMALL = re.compile(r'<img class="small" src="([^"]+)">')
_ROW_LINK, _ROW = re.compile(r'<a( class="request")? href="#(r\d+)">'), re.compile(r'<tr id="(r\d+)">')
_POLICY = "default-src 'none'; img-src 'self' file:; style-src 'unsafe-inline'"
_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:76rem;padding:1rem;color:#222;background:#fff}
h1,h2{line-height:1.2}h2{margin:2.5rem 0 .4rem}a{color:#0550ae}code{font-size:.9em}
body,td,dd{overflow-wrap:anywhere}.about{color:#555;margin:.2rem 0;font-size:.9rem}
table{border-collapse:collapse;font-size:.9rem;width:100%;margin:.6rem 0;border:1px solid #ccc}
th,td{border-bottom:1px solid #ddd;padding:.4rem .6rem;text-align:start;vertical-align:top}th{background:#f4f4f4}
td,dd,figcaption{unicode-bidi:plaintext}td{white-space:pre-line;min-width:5.5rem}tr:target{background:#fff8c5}
.pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(14rem,100%),1fr));gap:1rem}
figure{margin:0;border:1px solid #ccc;border-radius:6px;padding:.6rem}figcaption{font-size:.9rem;margin-top:.4rem}
figure img{width:100%;height:14rem;object-fit:contain;background:#f4f4f4}
.small{width:3rem;height:3rem;object-fit:cover;border-radius:4px;flex:none}
td .request{display:flex;align-items:center;gap:.5rem}
.sum{columns:20rem;padding-left:1.2rem}
dl{display:grid;grid-template-columns:fit-content(50%) 1fr;gap:.1rem .8rem;margin:.2rem 0}
dt{color:#666}dd{margin:0}dd:has(dl){grid-column:1/-1;padding-left:.8rem}
summary{cursor:pointer}.table>summary{margin:.8rem 0}
@media(max-width:48rem){thead{display:none}table,tbody,tr,td{display:block}tr{border-bottom:3px solid #ccc}
th,td{border:0;padding:.15rem .6rem}td:empty{display:none}td::before{display:block;color:#666;font-size:.85em}}
"""


@dataclass(frozen=True)
class PictureFacts:
    """Facts about a picture that the user generated; the time is in unix ms."""

    job_id: int
    prompt: str
    checkpoint: str
    created_at: int
    private: bool
    published: bool
    removed: bool


@dataclass(frozen=True)
class StartFacts:
    """Facts about a start picture: the newest request from it, and when the user chose it (unix ms)."""

    job_id: int | None
    prompt: str
    chosen_at: int | None
    by_another_user: bool
    generated: bool


@dataclass
class ExportPage:
    """The page of one part, while the part is filled. `counts` are rows of the user in all parts, by table."""

    reader: ExportReader
    settings: Settings
    counts: Mapping[str, int]
    pictures: list[str] = field(default_factory=list[str])
    inputs: list[str] = field(default_factory=list[str])
    tables: list[tuple[StoredTable, str]] = field(default_factory=list[tuple[StoredTable, str]])

    def written(self, remarks: Sequence[str], files: Iterable[str], *, complete: bool) -> bytes:
        """Return the page with the `files` of its part; `complete` says that the export has no other part."""
        technical = [each for each in self.tables if each[0].technical]
        sections = [
            _grid("pictures", _("Pictures that you generated"), self.pictures),
            _grid("inputs", _("Start pictures"), self.inputs),
            *(_section(*each) for each in _by_table(each for each in self.tables if not each[0].technical)),
        ]
        if technical:
            about = _(
                "These details belong to the pictures and requests above. Easel needs the details in order to work."
            )
            sections.append(f'<h2 id="technical">{escaped(_("Technical data"))}</h2>\n<p>{escaped(about)}</p>\n')
            sections += [_folded(*each) for each in _by_table(technical)]
            sections.append(_to_the_top())
        body = _with_references("".join(sections), files)
        title = escaped(_("Your data in Easel"))
        return (
            f'<!DOCTYPE html>\n<html lang="{escaped(language())}">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
            '<meta name="referrer" content="no-referrer">\n'
            '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
            f'<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1 id="top">{title}</h1>\n'
            f"{self._head(remarks, complete=complete)}{self._summary()}{_words()}{body}</body>\n</html>\n"
        ).encode()

    def _head(self, remarks: Sequence[str], *, complete: bool) -> str:
        now = time_text(round(datetime.now(UTC).timestamp() * 1000))
        about = [
            _("This page shows the data that Easel stores about you. Easel created it on {time}.").format(time=now),
            _("This page works offline. All times are in UTC."),
            _("Select a picture to open its file. Each file contains the prompt and settings of its picture."),
            *(
                []
                if complete
                else [_("This page shows one part of your data. Each part is a separate ZIP file with its own page.")]
            ),
            _("The files in the folder *data* are machine-readable. They contain every stored value."),
            _("Your Discord ID: {id}").format(id=self.reader.person_id),
            *remarks,
        ]
        said = self.settings.privacy
        facts = [f"<dt>{escaped(about)}</dt><dd>{escaped(text)}</dd>" for about, text in controller_facts(said)]
        links = [
            f'<dd><a href="{escaped(address)}">{escaped(about)}</a></dd>' for about, address in controller_links(said)
        ]
        responsible = escaped(_("Who is responsible for your data"))
        return (
            f"{''.join(f'<p>{_marked(each)}</p>' for each in about)}\n"
            f"<h2>{responsible}</h2>\n<dl>{''.join([*facts, *links])}</dl>\n"
        )

    def _summary(self) -> str:
        """List the amounts like `/privacy show`, with links to the sections of this page."""
        places = {table.name: "technical" if table.technical else table.name for table, _body in self.tables}
        places |= {"picture": "pictures"} if self.pictures else {}
        places |= {"given_input": "inputs"} if self.inputs else {}
        lines: list[str] = []
        for name, about in LABELS.items():
            if name in self.counts:
                text = escaped(f"{_(about)}: {number(self.counts[name])}")
                lines.append(f'<li><a href="#{places[name]}">{text}</a></li>' if name in places else f"<li>{text}</li>")
        if "technical" in places.values():
            lines.append(f'<li><a href="#technical">{escaped(_("Technical data"))}</a></li>')
        heading = escaped(_("What Easel stores about you"))
        return f'<h2>{heading}</h2>\n<ul class="sum">{"".join(lines)}</ul>\n'


def figure(name: str, facts: PictureFacts | StartFacts | None) -> str:
    """Return a picture of the archive, which links to its file, with what is known of it."""
    lines: list[str] = []
    alt = _("a start picture") if isinstance(facts, StartFacts) else _("a generated picture")
    if isinstance(facts, StartFacts):
        if facts.job_id is not None:
            used = _("used in: {request}")
            lines.append(escaped(used).format(request=request_link(facts.job_id, facts.prompt, None)))
        if facts.chosen_at is not None:
            lines.append(escaped(_("chosen on {time}").format(time=time_text(facts.chosen_at))))
        if facts.by_another_user:
            lines.append(escaped(_("from a picture that another user generated with Easel")))
        elif facts.generated:
            lines.append(escaped(_("from a picture that was generated with Easel")))
        if not lines:
            lines.append(escaped(_("used in your studio or in a refused request")))
    elif facts is not None:
        alt = facts.prompt[:MAX_ALT] or alt
        states = {_("private"): facts.private, _("published"): facts.published, _("removed by staff"): facts.removed}
        model = _("model {name}").format(name=facts.checkpoint)
        lines = [request_link(facts.job_id, facts.prompt, None), escaped(f"{model} · {time_text(facts.created_at)}")]
        lines += [f"<strong>{escaped(state)}</strong>" for state, holds in states.items() if holds]
    target = escaped(quote(name))
    return (
        f'<figure><a href="{target}"><img src="{target}" alt="{escaped(alt)}" loading="lazy"></a>'
        f"<figcaption>{'<br>'.join(lines)}</figcaption></figure>\n"
    )


def table_section(
    table: StoredTable, rows: Sequence[Values], name: str, reader: ExportReader, retention: RetentionSettings
) -> str:
    """Return the rows that are in the file `name`, without the heading. Columns without a value are left out.

    A row has what `page_values.MEANINGS` found for a column under the column's name with `_meaning`.
    """
    explained = {column: _sentence(_described(about)) for column, about in table.described.items()}
    kinds = {column: table.kind_of(column) for column in explained}
    columns = table.page.split()
    folded = [
        column
        for column in explained
        if column not in table.page.split() and column not in table.more and kinds[column] is not ValueKind.HIDDEN
    ]

    summary = escaped(_("Technical details"))

    def value(row: Values, column: str) -> str:
        meaning = row.get(f"{column}_meaning")
        return shown(kinds[column], Cell(f"{table.name}.{column}", row[column], meaning, reader, table.technical))

    def details(row: Values) -> str:
        pairs = [(explained[column], value(row, column)) for column in folded if row[column] not in _ZERO]
        inside = "".join(f"<dt>{escaped(about)}</dt><dd>{text}</dd>" for about, text in pairs if text)
        return f"<details><summary>{summary}</summary><dl>{inside}</dl></details>" if inside else ""

    shown_cells = [[value(row, column) for column in columns] for row in rows]
    used = [place for place in range(len(columns)) if any(cells[place] for cells in shown_cells)]
    columns = [columns[place] for place in used]
    lines: list[str] = []
    for row, cells in zip(rows, shown_cells, strict=True):
        texts = [cells[place] for place in used] or [""]
        texts[-1] += details(row)
        anchor = f' id="r{row["id"]}"' if table.name == "job" else ""
        lines.append(f"<tr{anchor}>{''.join(f'<td>{text}</td>' for text in texts)}</tr>")
    head = "".join(f"<th>{escaped(explained[column])}</th>" for column in columns)
    place = re.sub(r"\W", "-", name)  # a class for this table alone
    labels = "".join(
        f".{place} td:nth-child({place_in_row})::before{{content:{json.dumps(explained[column], ensure_ascii=False)}}}"
        for place_in_row, column in enumerate(columns, 1)
    )
    kept = _LIMIT.sub(lambda limit: day_limit(getattr(retention, limit[1])), _described(table.brief or table.kept))
    count = ngettext("{count} entry", "{count} entries", len(rows)).format(count=number(len(rows)))
    about = [
        f'{escaped(count)} · <a href="{escaped(quote(name))}">{escaped(_("Machine-readable file"))}</a>',
        f"{escaped(_('How long Easel keeps this data:'))} {_marked(kept)}",
        f"{escaped(_('If you delete all your data:'))} {_marked(_described(table.fate.value))}",
    ]
    return (
        "".join(f'<p class="about">{line}</p>\n' for line in about)
        + f"<style>@media(max-width:48rem){{{labels}}}</style>\n"
        + f'<table class="{place}"><thead><tr>{head}</tr></thead>\n<tbody>\n'
        + "\n".join(lines)
        + "\n</tbody></table>\n"
    )


def _grid(place: str, heading: str, figures: Sequence[str]) -> str:
    if not figures:
        return ""
    together = f'<div class="pictures">\n{"".join(figures)}</div>\n'
    return f'<h2 id="{place}">{escaped(heading)}</h2>\n{together}{_to_the_top()}'


def _by_table(tables: Iterable[tuple[StoredTable, str]]) -> Iterable[tuple[StoredTable, str]]:
    for table, each in groupby(tables, key=lambda section: section[0]):
        yield table, "".join(body for _table, body in each)


def _section(table: StoredTable, body: str) -> str:
    return f'<h2 id="{table.name}">{_title(table)}</h2>\n{body}{_to_the_top()}'


def _folded(table: StoredTable, body: str) -> str:
    return f'<details class="table"><summary>{_title(table)}</summary>\n{body}</details>\n'


def _title(table: StoredTable) -> str:
    return _marked(_sentence(_described(table.about)))


def _to_the_top() -> str:
    return f'<p class="about"><a href="#top">{escaped(_("Back to the top"))}</a></p>\n'


def _with_references(body: str, files: Iterable[str]) -> str:
    """Return the sections with small pictures and links only for files and rows of this part."""
    names = {name.rpartition(".")[0]: name for name in files}
    rows = set(_ROW.findall(body))

    def picture(found: re.Match[str]) -> str:
        name = names.get(unquote(found[1]))
        if name is None:
            return ""  # the words beside a small picture describe it, so that it has no text of its own
        return f'<img class="small" src="{escaped(quote(name))}" alt="" loading="lazy">'

    linked = _ROW_LINK.sub(lambda found: found[0] if found[2] in rows else f"<a{found[1] or ''}>", body)
    return _SMALL.sub(picture, linked)


def _words() -> str:
    """Explain the words that a reader may not know."""
    words = {
        _("Model"): _("the AI that generates the picture; you choose which one to use"),
        _("LoRA"): _("a small add-on to a model, for example a character or a style"),
        _("Trigger word"): _("a word that a LoRA learned in training; Easel adds it to the prompt"),
        _("Stack"): _("a set of LoRAs that you saved under a name"),
        _("Seed"): _("the number that a picture starts from; the same request and seed give the same picture"),
        _("Start picture"): _("a picture that the model changes, instead of starting from noise alone"),
    }
    lines = "".join(f"<dt>{escaped(word)}</dt><dd>{escaped(about)}</dd>" for word, about in words.items())
    return f"<details open><summary>{escaped(_('Terms used on this page'))}</summary><dl>{lines}</dl></details>\n"


def _described(text: str) -> str:
    return pgettext(CONTEXT, text)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _marked(text: str) -> str:
    """Return a description of ours as HTML."""
    return _EMPHASIS.sub(r"<em>\1</em>", _CODE.sub(r"<code>\1</code>", escaped(text)))
