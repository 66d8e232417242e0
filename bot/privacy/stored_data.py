"""Catalogue of the data that Easel stores about users: tables, columns, folders and files, and their retention.

An export contains the rows that `owner` finds, and a deletion treats them as `fate` says. Tests compare the catalogue
with the schema, with the rows after a deletion and with docs/privacy.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto

from bot.i18n import later

CONTEXT = "stored data"  # of these descriptions, in the catalogues

_JOBS = "(SELECT id FROM job WHERE person_id = :person)"
_PICTURES = "(SELECT picture.id FROM job JOIN picture ON job_id = job.id WHERE person_id = :person)"
_ERASURES = "(SELECT id FROM erasure WHERE person_id = :person)"
_REPORTS = "(SELECT id FROM report WHERE owner_id = :person)"
_DECISIONS = f"(SELECT id FROM decision WHERE decided_by = :person OR report_id IN {_REPORTS})"  # noqa: S608 - constants only
_PUBLISHED = (
    "(SELECT picture.id FROM picture "
    "WHERE picture.job_id = publication.job_id AND picture.position = publication.position)"
)
_PUBLISHED_BY_ID = f"(SELECT {_PUBLISHED} FROM publication WHERE publication.id = publication_id)"  # noqa: S608
_LIKED = """(
    SELECT json_array(server_id, art_channel_id, created_at, checkpoint, channel_id, message_id)
    FROM publication WHERE id = publication_id
)"""
# The message with a result. An address of a private reply opens nothing in Discord.
_MESSAGE = """(
    SELECT json_array(job.server_id, coalesce(posting_in, job.channel_id), message_id) FROM delivery
    WHERE job_id = job.id AND private = 0 AND message_id IS NOT NULL
)"""
# Easel notifies the author of the reasons together with the decision.
_REASONS = """(
    SELECT json_group_array(DISTINCT reason) FROM report_by JOIN decision AS told USING (report_id)
    WHERE report_id = report.id AND told.told_at IS NOT NULL HAVING count(*) > 0
)"""
_REASONS_OF_DECISION = f"(SELECT {_REASONS} FROM report WHERE id = report_id AND owner_id = :person)"  # noqa: S608
_APPEAL = f"""iif(report_id IN {_REPORTS} AND action <> 'dismiss', json_array(
    decision.id, (SELECT state FROM appeal WHERE decision_id = decision.id)
), NULL)"""  # noqa: S608 - constants only
# Where the reporting user saw the picture: as published in that server, or as a result that is not private.
_REPORTED = """(
    SELECT json_array(
        report.server_id, coalesce(seen.art_channel_id, iif(private = 0, painted_in, NULL)),
        coalesce(seen.created_at, painted_at), coalesce(seen.checkpoint, iif(private = 0, job.checkpoint, NULL)),
        coalesce(seen.channel_id, iif(private = 0, painted_in, NULL)),
        coalesce(seen.message_id, iif(private = 0 AND painted_in IS NOT NULL, delivery.message_id, NULL))
    ) FROM report LEFT JOIN job ON job.id = target_id LEFT JOIN delivery ON delivery.job_id = target_id
    LEFT JOIN publication AS seen ON seen.job_id = target_id AND seen.server_id = report.server_id
    WHERE report.id = report_id AND kind = 'pictures' LIMIT 1
)"""
_UNTIL_DELETED = "until you delete this data"
_SERVER_GONE = "`servers_days` (30 days) after the bot left the server"
_AUDIT_KEPT = (
    "`audit_days` (365 days). Entries about a stored report or an active block stay as long as that report or block "
    f"exists. Easel deletes all entries {_SERVER_GONE}"
)
_REPORTS_KEPT = (
    "`reports_days` (365 days) after the last decision. Open reports stay longer, and so do all reports with the "
    "reason 'sexual and looks like a minor'. Decisions stay as long as their block or content rating applies. "
    f"Easel deletes the reports of a server {_SERVER_GONE}. Only open reports with the reason 'sexual and looks like a "
    "minor' stay, and operators then decide on them"
)
_AS_REPORT = "as long as the report exists"
_PICTURES_KEPT = "until you delete the pictures; earlier if the operator sets `pictures_days` or `pictures_gigabytes`"


class Fate(StrEnum):
    """Effect of a deletion on rows or files. The values are texts of the document."""

    DELETED = "deleted"
    HASHED = (
        "stays, because limits and decisions must still apply. Easel replaces your Discord ID with a code "
        "that only this bot can create"
    )
    UNLINKED = "stays, but without your Discord ID"
    EXPIRES = "stays until the storage period ends"


class ValueKind(Enum):
    """How the page of an export shows a value."""

    TEXT = auto()
    NUMBER = auto()
    TIME = auto()  # unix ms
    DAY = auto()  # days since 1970
    SECONDS = auto()
    BYTES = auto()
    POSITION = auto()  # of a picture in its request, from 0
    YES_NO = auto()
    WORD = auto()  # a value of an enumeration
    REASONS = auto()  # a JSON list of reasons of a report
    RATING = auto()
    REQUEST = auto()  # the id of a job of the user
    PICTURE = auto()  # the id of a picture of the user
    START_PICTURE = auto()  # the SHA-256
    WHERE = auto()  # a published picture of any user: JSON of server, channel, time, model, message's channel, message
    MESSAGE = auto()  # JSON of server, channel, message
    REPORT = auto()
    DECISION = auto()
    APPEAL = auto()  # JSON of a decision about the user's picture, and the state of the appeal
    LORA = auto()  # the id
    LORA_FILE = auto()  # the SHA-256
    STACK = auto()
    ADDITION = auto()
    SERVER = auto()  # 0 and NULL are direct messages
    SCOPE = auto()  # a server; 0 is all of them
    CHANNEL = auto()
    PERSON = auto()  # NULL is another person
    SETTINGS = auto()  # JSON with the settings of a request, a draft, a user or limits
    CHANGES = auto()  # JSON of fields, each with the values before and after
    HIDDEN = auto()  # in the files for programs only


_TIMES = re.compile(r"(.*_)?(at|until)")
# Kinds of columns, by `table.column` or by the column alone. Other columns have times, or text.
_KINDS: Mapping[ValueKind, str] = {
    ValueKind.NUMBER: (
        "width height pictures pixel_steps attempt weight deaths likes ranked_likes recent_likes "
        "shown_likes uses trend stars ratings score jobs messages unreachable private_answers copies "
        "start_pictures"
    ),
    ValueKind.DAY: "day",
    ValueKind.SECONDS: "seconds",
    ValueKind.BYTES: "peak_memory",
    ValueKind.POSITION: "picture.position publication.position",
    ValueKind.YES_NO: (
        "private shows_prompt names_child unrated hidden recent ranks refused told messaged indexed "
        "placed shared hides message_due lasting by_operator unconditional"
    ),
    ValueKind.WORD: (
        "job.state delivery.state publication.visible feature.kind job_rating.source lora.category "
        "stack_lora.region addition.state block.kind base_model_proposal.state phrase_question.state "
        "audit.action report.state report.kind report_by.kind report_by.reason decision.action "
        "decision_step.step appeal.state erasure.state"
    ),
    ValueKind.REASONS: "reasons",
    ValueKind.RATING: "rating rating_before level said_level content_rating",
    ValueKind.REQUEST: "own_request job_id",
    ValueKind.PICTURE: "own_picture picture_id",
    ValueKind.START_PICTURE: "given_input.sha256",
    ValueKind.WHERE: "place",
    ValueKind.MESSAGE: "message",
    ValueKind.REPORT: "report_id report.id",
    ValueKind.DECISION: "decision_id decision.id",
    ValueKind.APPEAL: "may_appeal",
    ValueKind.LORA: "lora_id lora_name",
    ValueKind.LORA_FILE: "lora_file",
    ValueKind.STACK: "stack_id",
    ValueKind.ADDITION: "addition_id",
    ValueKind.SERVER: (
        "job.server_id daily_usage.server_id addition_request.server_id erased_addition_request.server_id"
    ),
    ValueKind.SCOPE: "server_id",
    ValueKind.CHANNEL: "channel_id art_channel_id posting_in painted_in direct_channel",
    ValueKind.PERSON: "actor_id created_by decided_by answered_by proposed_by added_by content_rating_by",
    ValueKind.SETTINGS: "settings request wish studio.state previous limits context trigger_words paths",
    ValueKind.CHANGES: "changes",
    ValueKind.TEXT: "job.id",
    ValueKind.HIDDEN: (
        "id position path message_id notice_id revision posting_at message_due "
        "person_id owner_id holder holder_id featured_by allowed_by name_key ticket pseudonym case_id "
        "newer_sha256 person.id job.begun_at job.started_at job.weight picture.job_id publication.job_id "
        "publication.state publication.hidden publication.shown_likes publication.shown_at "
        "publication_lora.publication_id publication_lora.sha256 publication_like.publication_id "
        "feature.target_id block.target_id deletion.input report.target_id report.kind report.shown "
        "report.channel_id phrase_question.channel_id"
    ),
}
_KIND_OF = {name: kind for kind, names in _KINDS.items() for name in names.split()}


@dataclass(frozen=True)
class StoredTable:
    """A table with data about users.

    `owner` is the SQL condition for the rows of one user (`:person`). `columns` describes each column. `shown` replaces
    columns in an export by SQL, for secrets and in rows that also name another user. A `derived` table is a search
    index of other rows; exports leave it out.

    The page of an export shows the columns in `page`, in this order, and folds the others. It folds a `technical`
    table as a whole. `more` are columns that Easel looks up for an export, each with a description and SQL. `brief`
    replaces `kept` on the page.

    `label` is the table's line in `/privacy show`. Rows of a table without a label are `derived`, or counted with the
    rows of another table or of the receipt.
    """

    name: str
    about: str
    owner: str
    kept: str
    fate: Fate
    columns: Mapping[str, str]
    shown: Mapping[str, str] = field(default_factory=dict[str, str])
    derived: bool = False
    page: str = ""
    technical: bool = False
    more: Mapping[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    brief: str = ""
    label: str = ""
    counted_with: str = ""

    @property
    def described(self) -> dict[str, str]:
        """The description of each column in an export."""
        return {**self.columns, **{name: about for name, (about, _sql) in self.more.items()}}

    @property
    def sources(self) -> dict[str, str]:
        """The SQL of each column in an export."""
        looked_up = {name: sql for name, (_about, sql) in self.more.items()}
        return {name: self.shown.get(name, f"{self.name}.{name}") for name in self.columns} | looked_up

    @property
    def rows(self) -> str:
        """The statement that finds the person's rows for an export."""
        return self.rows_with({})

    def rows_with(self, meanings: Mapping[ValueKind, str]) -> str:
        """Return the same statement, with the meaning of each column of these kinds as `<column>_meaning`."""
        columns = [f"{sql} AS {name}" for name, sql in self.sources.items()]
        for name, sql in self.sources.items():
            if (meaning := meanings.get(self.kind_of(name))) is not None:
                columns.append(f"{meaning.format(value=sql)} AS {name}_meaning")
        return f"SELECT {', '.join(columns)} FROM {self.name} WHERE {self.owner}"  # noqa: S608 - constants only

    def kind_of(self, column: str) -> ValueKind:
        """Return how the page shows a column."""
        found = _KIND_OF.get(f"{self.name}.{column}") or _KIND_OF.get(column)
        return found or (ValueKind.TIME if _TIMES.fullmatch(column) else ValueKind.TEXT)


@dataclass(frozen=True)
class StoredFiles:
    """A folder or a kind of file that holds something of people; `found` says how a person's are found."""

    name: str
    about: str
    found: str
    kept: str
    fate: Fate
    exported: bool


def _own(column: str) -> str:
    """Return SQL for an id in a column: NULL for another user's id, which an export must not show."""
    return f"iif({column} = :person, {column}, NULL)"


TABLES = (
    StoredTable(
        "person", "your account in the bot", "id = :person", _UNTIL_DELETED, Fate.DELETED,
        {
            "id": "your Discord ID", "created_at": "time when you first used the bot",
            "locale": "your language in Discord",
            "settings": "your choices in /settings",
        },
        page="created_at locale settings",
        label=later("Your settings and language"),
    ),
    StoredTable(
        "job", "your requests", "person_id = :person",
        "as long as the pictures of the request exist; for requests without pictures, `jobs_days` (90 days)",
        Fate.DELETED,
        {
            "id": "request number", "person_id": "your Discord ID", "server_id": "server",
            "channel_id": "channel",
            "request": "prompt, LoRAs and all settings", "checkpoint": "model", "state": "state",
            "failure_code": "type of failure", "failure_detail": "cause of failure",
            "attempt": "number of attempts", "created_at": "time of your request",
            "started_at": "time when Easel sent the request to the GPU", "finished_at": "time when the request ended",
            "seconds": "duration", "peak_memory": "memory that the request used",
            "notes": "notes from the program that generates pictures",
            "weight": "priority in the queue", "deaths": "how often Easel had to restart the request",
            "begun_at": "time when the GPU started the request",
            "delete_at": "time of the scheduled deletion; present only while you can still undo the deletion",
            "opened_at": "day when someone last used a button under the pictures",
        },
        page="own_request request checkpoint state created_at server_id message",
        more={"own_request": ("request", "job.id"), "message": ("message", _MESSAGE)},
        label=later("Requests, with prompts and settings"),
    ),
    StoredTable(
        "job_text", "the words of prompts, models and LoRAs, for the search in /history",
        f"rowid IN {_JOBS}", "as long as the picture exists", Fate.DELETED,
        {
            "prompt": "words of the prompt", "checkpoint": "words in the name of the model",
            "loras": "words in the names of the LoRAs",
        },
        derived=True,
    ),
    StoredTable(
        "picture", "the size and seed of each picture", f"job_id IN {_JOBS}", _PICTURES_KEPT, Fate.DELETED,
        {
            "id": "picture number", "job_id": "request", "position": "position of the picture in the request",
            "path": "file",
            "width": "width in pixels", "height": "height in pixels", "seed": "seed",
            "created_at": "time of generation",
        },
        page="own_picture position width height created_at",
        brief="until you delete the pictures; earlier if the operator limits the age or the disk space of "
            "pictures",
        technical=True,
        more={"own_picture": ("picture", "picture.id")},
        label=later("Pictures"),
    ),
    StoredTable(
        "picture_hash", "numbers that describe your pictures, so that Easel can find copies of them",
        f"picture_id IN {_PICTURES}", "as long as the picture exists", Fate.DELETED,
        {"picture_id": "picture", "hash": "a perceptual hash, which does not show the picture"},
        shown={"hash": "hex(hash)"},
        page="picture_id", technical=True,
        counted_with="picture",
    ),
    StoredTable(
        "picture_lora", "the LoRAs that you used for your pictures",
        f"picture_id IN {_PICTURES}", "as long as the picture exists", Fate.DELETED,
        {
            "picture_id": "picture", "position": "position of the LoRA", "sha256": "file", "name": "LoRA",
            "weight": "weight",
        },
        page="picture_id name weight", technical=True,
        counted_with="picture",
    ),
    StoredTable(
        "delivery", "the message with each result", f"job_id IN {_JOBS}", "as long as the request exists", Fate.DELETED,
        {
            "job_id": "request", "state": "whether the message was sent",
            "private": "whether only you can see the message",
            "message_id": "message", "created_at": "time of your request",
            "posting_in": "channel in which Easel posts the result as a new message",
            "posting_at": "time of the message with the result",
            "shows_prompt": "whether the message shows the prompt",
            "ticket": "encrypted Discord key for sending you the result, valid for fifteen minutes; "
                "deleted after the delivery",
        },
        shown={"ticket": "NULL"},
        page="job_id state private shows_prompt", technical=True,
        counted_with="job",
    ),
    StoredTable(
        "publication", "pictures that you published in a server", "person_id = :person",
        "until both the picture and its message are deleted", Fate.UNLINKED,
        {
            "id": "publication number", "server_id": "server", "job_id": "request",
            "position": "position of the picture in the request",
            "person_id": "your Discord ID", "art_channel_id": "art channel",
            "channel_id": "channel of the message", "message_id": "message",
            "state": "whether Easel has posted the message, or is removing it",
            "tried_at": "time when Easel sent the message", "hidden": "whether the picture is temporarily hidden",
            "shows_prompt": "whether the message shows the prompt",
            "names_child": "whether the prompt names a child or an age below 18",
            "checkpoint": "model",
            "base_model": "base model", "said_level": "content rating of the prompt and the start picture",
            "level": "content rating", "unrated": "whether a LoRA used for the picture has no content rating",
            "likes": "number of likes",
            "ranked_likes": "number of likes that count when lists are sorted by likes",
            "recent_likes": "number of likes in the last week",
            "shown_likes": "number of likes shown in the message",
            "shown_at": "time when Easel last updated the number of likes in the message",
            "created_at": "time when you published the picture",
        },
        page="own_picture visible server_id art_channel_id created_at likes level message",
        more={
            "own_picture": ("picture", _PUBLISHED),
            "visible": ("whether members can see the picture", "iif(hidden AND state <> 'removing', 'hidden', state)"),
            "message": ("message", "iif(message_id IS NULL, NULL, json_array(server_id, channel_id, message_id))"),
        },
        label=later("Pictures that you published"),
    ),
    StoredTable(
        "publication_lora", "the LoRAs that you used for your published pictures",
        "publication_id IN (SELECT id FROM publication WHERE person_id = :person)", "as long as the publication exists",
        Fate.UNLINKED, {"publication_id": "publication", "sha256": "file"},
        page="own_picture lora_file", technical=True,
        more={
            "own_picture": (
                "picture",
                _PUBLISHED_BY_ID,
            ),
            "lora_file": ("LoRA", "publication_lora.sha256"),
        },
        counted_with="publication",
    ),
    StoredTable(
        "publication_text", "the words of pictures that you published, for the search in /gallery",
        "rowid IN (SELECT id FROM publication WHERE person_id = :person)", "as long as the publication exists",
        Fate.DELETED,
        {
            "facets": "your Discord ID, the server, base model, LoRAs and categories",
            "words": "words in the names of the model and the LoRAs, and of the prompt if it is shown",
        },
        derived=True,
    ),
    StoredTable(
        "publication_like", "pictures that you like", "person_id = :person", _UNTIL_DELETED, Fate.DELETED,
        {
            "publication_id": "picture", "person_id": "your Discord ID", "liked_at": "time of your like",
            "recent": "whether your like is less than a week old",
            "ranks": "whether your like counts when lists are sorted by likes",
        },
        page="own_picture place liked_at",
        more={
            "own_picture": (
                "picture, if it is yours",
                _PUBLISHED_BY_ID,
            ),
            "place": (
                "where the picture was published",
                _LIKED,
            ),
        },
        label=later("Likes that you gave"),
    ),
    StoredTable(
        "feature", "LoRAs and pictures that you featured as staff", "featured_by = :person",
        "until staff stop featuring the LoRA or picture", Fate.HASHED,
        {
            "server_id": "server", "kind": "whether you featured a LoRA or a picture",
            "target_id": "number of the LoRA or picture",
            "featured_by": "your Discord ID", "featured_at": "time when you featured the LoRA or picture",
        },
        page="kind lora_name server_id featured_at",
        more={"lora_name": ("LoRA", "iif(kind = 'lora', target_id, NULL)")},
        label=later("LoRAs and pictures that you featured as staff"),
    ),
    StoredTable(
        "job_order", "how much of your daily limits each request used", f"job_id IN {_JOBS}",
        "as long as the request exists", Fate.DELETED,
        {
            "job_id": "request", "pictures": "number of pictures",
            "pixel_steps": "amount of work (pixels times steps)",
            "context": "your roles and permissions at the time of the request",
        },
        page="job_id pictures", technical=True,
        counted_with="job",
    ),
    StoredTable(
        "job_rating", "content ratings of your pictures", f"job_id IN {_JOBS}", "as long as the request exists",
        Fate.DELETED,
        {
            "job_id": "request", "server_id": "server where the content rating applies",
            "source": "who set the content rating",
            "verdict": "a hash that identifies the report about an earlier, similar picture",
            "rating": "content rating",
            "rated_at": "time when the content rating was set",
        },
        page="job_id rating source server_id rated_at",
        counted_with="job",
    ),
    StoredTable(
        "takedown", "your pictures that staff removed", "person_id = :person", "as long as the request exists",
        Fate.DELETED,
        {
            "job_id": "request", "server_id": "server", "report_id": "report about the picture",
            "person_id": "your Discord ID", "created_at": "time of the removal",
            "told_at": "time when Easel notified you",
            "notice_id": "direct message that notified you",
            "reason": "reason that staff gave",
        },
        page="job_id server_id reason created_at told_at",
        label=later("Your pictures that staff removed"),
    ),
    StoredTable(
        "takedown_notice", "messages to you about pictures that the operator removed at the request of a "
            "person shown in them",
        "person_id = :person", "`reports_days` (365 days)", Fate.DELETED,
        {
            "case_id": "takedown case", "person_id": "your Discord ID", "pictures": "number of pictures",
            "created_at": "time of the removal", "tried_at": "time when Easel sent the direct message",
            "refused": "whether Discord refuses direct messages to you", "told_at": "time when Easel notified you",
        },
        page="pictures created_at told_at",
        label=later("Messages about pictures that the operator removed at the request of a person shown in them"),
    ),
    StoredTable(
        "held_copy", "your pictures that resemble a reported picture", f"job_id IN {_JOBS}",
        "as long as the request and the report exist", Fate.DELETED,
        {"job_id": "request", "report_id": "report that hides the pictures until a decision"},
        page="job_id report_id",
        counted_with="job",
    ),
    StoredTable(
        "deletion", "files and messages of pictures that you deleted, until Easel has removed them",
        "person_id = :person",
        "a few seconds; longer if Discord is unreachable", Fate.DELETED,
        {
            "job_id": "request", "person_id": "your Discord ID", "paths": "files",
            "input": "start picture of the request", "channel_id": "channel", "message_id": "message",
            "created_at": "time when the deletion was requested",
        },
        page="created_at paths", technical=True,
        label=later("Deleted pictures whose files will be removed soon"),
    ),
    StoredTable(
        "draft", "requests that Easel could not fulfil, saved so that the buttons under the reply work",
        "person_id = :person",
        "`drafts_days` (7 days)", Fate.DELETED,
        {
            "id": "draft number", "person_id": "your Discord ID", "wish": "prompt, LoRAs and settings",
            "created_at": "time of your request",
        },
        page="wish created_at",
        label=later("Refused requests"),
    ),
    StoredTable(
        "studio", "the draft in your studio", "person_id = :person", _UNTIL_DELETED, Fate.DELETED,
        {
            "person_id": "your Discord ID", "state": "draft", "previous": "previous draft",
            "revision": "how often the draft changed", "updated_at": "time of the last change",
        },
        page="state previous updated_at",
        label=later("Drafts in your studio"),
    ),
    StoredTable(
        "given_input", "your start pictures", "person_id = :person", "as long as the picture exists",
        Fate.DELETED,
        {"person_id": "your Discord ID", "sha256": "picture", "given_at": "time when you chose the picture"},
        page="sha256 given_at", technical=True,
        label=later("Start pictures that you chose"),
    ),
    StoredTable(
        "start_picture_source", "copies of your pictures that other users took as start pictures",
        "person_id = :person",
        "as long as the start picture exists", Fate.DELETED,
        {"person_id": "your Discord ID", "sha256": "start picture"},
        page="sha256", technical=True,
        label=later("Copies of your pictures that other users took as start pictures"),
    ),
    StoredTable(
        "bookmark", "LoRAs that you bookmarked", "person_id = :person", _UNTIL_DELETED, Fate.DELETED,
        {
            "id": "bookmark number", "person_id": "your Discord ID", "lora_id": "LoRA",
            "note": "your note",
            "created_at": "time when you bookmarked the LoRA", "uses": "how often you used the LoRA",
        },
        page="lora_id note created_at uses",
        label=later("Bookmarks, with notes"),
    ),
    StoredTable(
        "bookmark_text", "the words of your notes, for the search",
        "rowid IN (SELECT id FROM bookmark WHERE person_id = :person)", "as long as the note exists", Fate.DELETED,
        {"owner": "your Discord ID", "note": "words of your note"}, derived=True,
    ),
    StoredTable(
        "removed_bookmark", "bookmarks that you removed, saved so that *Undo* works", "person_id = :person",
        "at least 7 days, and then until any user removes a bookmark", Fate.DELETED,
        {
            "id": "bookmark number", "person_id": "your Discord ID", "lora_id": "LoRA",
            "note": "your note",
            "created_at": "time when you bookmarked the LoRA", "uses": "how often you used the LoRA",
            "removed_at": "time when you removed the bookmark",
        },
        page="lora_id note removed_at",
        label=later("Removed bookmarks"),
    ),
    StoredTable(
        "rating", "your star ratings", "person_id = :person", _UNTIL_DELETED, Fate.DELETED,
        {
            "person_id": "your Discord ID", "lora_id": "LoRA", "stars": "number of stars",
            "rated_at": "time of your rating",
        },
        page="lora_id stars rated_at",
        label=later("Star ratings that you gave"),
    ),
    StoredTable(
        "stack", "your stacks", "person_id = :person", _UNTIL_DELETED, Fate.DELETED,
        {
            "id": "stack number", "person_id": "your Discord ID", "name": "name",
            "name_key": "name, simplified for comparison", "code": "code for sharing the stack",
            "created_at": "time when you saved the stack",
        },
        page="name code created_at",
        label=later("Stacks"),
    ),
    StoredTable(
        "stack_lora", "the LoRAs in your stacks", "stack_id IN (SELECT id FROM stack WHERE person_id = :person)",
        _UNTIL_DELETED, Fate.DELETED,
        {
            "stack_id": "stack", "position": "position of the LoRA", "sha256": "file", "name": "LoRA",
            "weight": "weight", "trigger_words": "trigger words that you chose",
            "region": "area of the picture where the LoRA applies",
        },
        page="stack_id name weight trigger_words region",
        counted_with="stack",
    ),
    StoredTable(
        "posted_message", "messages from the bot that mention you: stack codes, and messages about requests "
            "and reports that Easel no longer stores",
        "person_id = :person", _UNTIL_DELETED, Fate.DELETED,
        {
            "message_id": "message", "channel_id": "channel", "person_id": "your Discord ID",
            "created_at": "time of the message",
        },
        page="channel_id created_at", technical=True,
        label=later("Other bot messages that mention you"),
    ),
    StoredTable(
        "stack_miss", "your attempts with a wrong stack code, saved to prevent guessing", "person_id = :person",
        "until you next enter a wrong code, if that is at least an hour later", Fate.DELETED,
        {"id": "attempt number", "person_id": "your Discord ID", "missed_at": "time of the attempt"},
        page="missed_at", technical=True,
        label=later("Wrong stack codes that you tried"),
    ),
    StoredTable(
        "lora", "LoRAs that you added to the library, or whose content rating you set as an operator",
        "added_by = :person OR content_rating_by = :person", "until the LoRAs are removed from the library",
        Fate.UNLINKED,
        {
            "id": "LoRA number", "name": "name", "name_key": "name, simplified for comparison",
            "category": "category", "description": "description", "created_at": "time when Easel found the file",
            "uses": "how often all users together have used the LoRA",
            "trend": "how often users have used the LoRA recently",
            "stars": "sum of the stars from all users", "ratings": "number of star ratings",
            "score": "a score calculated from the stars and the number of ratings",
            "added_by": "who added the LoRA", "indexed": "whether the LoRA is in the search index",
            "content_rating": "content rating",
            "content_rating_by": "who set the content rating",
        },
        shown={"added_by": _own("added_by"), "content_rating_by": _own("content_rating_by")},
        page="name category content_rating description created_at uses",
        label=later("LoRAs that you added, or rated as an operator"),
    ),
    StoredTable(
        "addition", "files that you asked Easel to import",
        "id IN (SELECT addition_id FROM addition_request WHERE person_id = :person)",
        "as long as the database exists, to record the origin of files", Fate.UNLINKED,
        {
            "id": "file number", "key": "address or hash of the file",
            "source": "information from the web page of the file", "path": "path",
            "state": "state", "sha256": "file", "failure_code": "type of failure",
            "failure_detail": "cause of failure", "created_at": "time of the first request by any user",
            "ended_at": "time when the import ended", "placed": "whether Easel added the file to the library",
        },
        page="key state created_at ended_at",
        counted_with="addition_request",
    ),
    StoredTable(
        "addition_request", "your requests to import files", "person_id = :person", _UNTIL_DELETED, Fate.DELETED,
        {
            "addition_id": "file", "person_id": "your Discord ID", "server_id": "server",
            "created_at": "time of your request", "told": "whether Easel notified you of the outcome",
            "ticket": "encrypted Discord key for sending you the outcome, valid for fifteen minutes; "
                "deleted when you get the outcome",
            "ticket_at": "time of the reply", "message_id": "reply",
            "posting_at": "time of Easel's message to you",
            "refused": "whether Discord refuses direct messages to you",
            "draft_id": "request that needs the file",
        },
        shown={"ticket": "NULL"},
        page="addition_id server_id created_at told",
        label=later("LoRAs that you asked to import"),
    ),
    StoredTable(
        "erased_addition_request", "import requests that you made before you deleted all your data; these "
            "requests still count towards the limits",
        "pseudonym = pseudonym(:person)", "3 days; a keyed hash replaces your Discord ID", Fate.EXPIRES,
        {
            "addition_id": "file", "pseudonym": "keyed hash of your ID", "server_id": "server",
            "created_at": "time of your request",
        },
        page="addition_id server_id created_at",
        counted_with="addition_request",
    ),
    StoredTable(
        "update_notice", "notices about new versions of LoRAs that you bookmarked", "person_id = :person",
        _UNTIL_DELETED, Fate.DELETED,
        {
            "person_id": "your Discord ID", "lora_id": "LoRA", "newer_sha256": "file of the newer version",
            "created_at": "time when Easel found the file", "messaged": "whether Easel tried to send a direct message",
            "told": "whether Easel notified you of the new version",
        },
        page="lora_id created_at told",
        label=later("Notices about newer versions of LoRAs that you bookmarked"),
    ),
    StoredTable(
        "server_limit", "limits that staff set for you", "holder = 'person' AND holder_id = :person",
        "until staff remove the entry, or " + _SERVER_GONE, Fate.HASHED,
        {
            "server_id": "server", "holder": "type of limit, which is always 'person' in this table",
            "holder_id": "your Discord ID",
            "name": "name of a role", "limits": "limits",
        },
        page="server_id limits",
        label=later("Limits that staff set for you"),
    ),
    StoredTable(
        "block", "blocks that apply to you, and blocks that you set as staff",
        "(kind = 'person' AND target_id = :person) OR created_by = :person",
        "until staff remove the entry, or " + _SERVER_GONE, Fate.HASHED,
        {
            "id": "block number", "server_id": "server", "kind": "whether a member or a LoRA is blocked",
            "target_id": "blocked member or LoRA",
            "reason": "reason", "ends_at": "end of the block",
            "created_by": "who set the block",
            "created_at": "start of the block",
        },
        shown={
            "target_id": "iif(kind = 'person' AND target_id <> :person, NULL, target_id)",
            "created_by": _own("created_by"),
        },
        page="kind lora_name server_id reason created_at ends_at created_by",
        more={"lora_name": ("LoRA", "iif(kind = 'lora', target_id, NULL)")},
        label=later("Blocks that affect you, or that you set as staff"),
    ),
    StoredTable(
        "daily_usage", "your requests on each day, counted for the daily limits", "person_id = :person", "3 days",
        Fate.HASHED,
        {
            "day": "day", "person_id": "your Discord ID", "server_id": "server",
            "pictures": "number of pictures", "pixel_steps": "amount of work (pixels times steps)",
        },
        page="day pictures server_id",
        label=later("Records of your daily usage"),
    ),
    StoredTable(
        "pause", "queues that you paused as staff", "person_id = :person", "until staff resume the queue", Fate.HASHED,
        {"server_id": "server", "person_id": "your Discord ID", "created_at": "time when you paused the queue"},
        page="server_id created_at",
        label=later("Queues that you paused as staff"),
    ),
    StoredTable(
        "base_model_proposal", "base models that you proposed, and proposals that you decided on",
        "proposed_by = :person OR decided_by = :person", _SERVER_GONE, Fate.HASHED,
        {
            "id": "proposal number", "server_id": "server", "sha256": "file", "name": "LoRA",
            "base_model": "proposed base model", "prediction": "proposed prediction type",
            "reason": "reason", "state": "outcome", "proposed_by": "who proposed the base model",
            "created_at": "time of the proposal", "decided_by": "who decided",
            "decided_at": "time of the decision",
        },
        shown={"proposed_by": _own("proposed_by"), "decided_by": _own("decided_by")},
        page="name base_model reason state server_id created_at",
        label=later("Base models that you proposed or decided on"),
    ),
    StoredTable(
        "allowed_phrase", "phrases that you, as staff, allowed in prompts", "allowed_by = :person",
        "until staff remove the entry, or " + _SERVER_GONE, Fate.HASHED,
        {
            "id": "phrase number", "server_id": "server", "phrase": "phrase",
            "allowed_by": "your Discord ID",
            "allowed_at": "time when you allowed the phrase",
        },
        page="phrase server_id allowed_at",
        label=later("Phrases that you allowed as staff"),
    ),
    StoredTable(
        "phrase_question", "your questions to staff about refused words, and members' questions that you "
            "answered as staff",
        "person_id = :person OR decided_by = :person",
        "until the member or the answering staff member deletes this data, or " + _SERVER_GONE, Fate.DELETED,
        {
            "id": "question number", "server_id": "server", "person_id": "Discord ID of the member",
            "word": "refused word",
            "phrase": "phrase that you asked staff to allow", "state": "decision", "asked_at": "time of the question",
            "channel_id": "channel where Easel posted the message to staff", "message_id": "message to staff",
            "decided_by": "who decided", "told_at": "time when Easel notified you",
        },
        shown={
            "person_id": _own("person_id"), "decided_by": _own("decided_by"),
            "word": "iif(person_id = :person, word, NULL)", "phrase": "iif(person_id = :person, phrase, NULL)",
        },
        page="word phrase state server_id asked_at",
        label=later("Questions that you asked staff about refused words, or answered as staff"),
    ),
    StoredTable(
        "audit", "changes that you made as staff, and changes by staff that concern you",
        "actor_id = :person OR person_id = :person", _AUDIT_KEPT, Fate.HASHED,
        {
            "id": "entry number", "server_id": "server",
            "actor_id": "who made the change",
            "action": "action", "person_id": "Discord ID of the affected member", "target": "target of the change",
            "changes": "values before and after the change", "created_at": "time of the change",
        },
        shown={
            "actor_id": _own("actor_id"), "person_id": _own("person_id"),
            "target": "iif(person_id IS NULL OR person_id = :person, target, replace(target, person_id, '…'))",
        },
        page="action actor_id server_id created_at changes",
        label=later("Audit log entries about you or by you"),
    ),
    StoredTable(
        "report", "reports about your pictures", "owner_id = :person",
        _REPORTS_KEPT, Fate.HASHED,
        {
            "id": "report number", "server_id": "server", "kind": "whether the report is about pictures or a LoRA",
            "target_id": "reported request or LoRA",
            "owner_id": "your Discord ID", "shared": "whether operators can see the report", "state": "state",
            "created_at": "time of the report", "revision": "number of changes to the report",
            "shown": "number of the latest change that the message to staff shows",
            "channel_id": "channel where Easel posted the message to staff",
            "message_id": "message to staff", "posting_at": "time when Easel posted the message",
            "hides": "whether the pictures are hidden",
            "message_due": "whether Easel still has to update the message with the pictures",
            "painted_at": "time of generation",
            "painted_in": "channel where the pictures were generated",
            "lasting": "whether the pictures stay hidden without a time limit",
        },
        page="own_request reasons state hides server_id created_at",
        more={
            "own_request": ("request", "iif(kind = 'pictures', target_id, NULL)"),
            "reasons": ("reasons", _REASONS),
        },
        brief="`reports_days` (365 days) after the decision; some serious reports are kept longer",
        label=later("Reports about your pictures"),
    ),
    StoredTable(
        "report_by", "reports that you sent; Easel never shows who sent a report", "person_id = :person",
        f"{_UNTIL_DELETED}, or until Easel deletes the report", Fate.DELETED,
        {
            "report_id": "report", "person_id": "your Discord ID", "reason": "reason", "note": "your text",
            "created_at": "time of your report", "hides": "whether your report hides the pictures",
        },
        page="kind lora_name place reason note created_at",
        more={
            "kind": ("what you reported", "(SELECT kind FROM report WHERE id = report_id)"),
            "lora_name": ("LoRA", "(SELECT iif(kind = 'lora', target_id, NULL) FROM report WHERE id = report_id)"),
            "place": ("picture that you reported", _REPORTED),
        },
        label=later("Reports that you sent"),
    ),
    StoredTable(
        "decision", "decisions about your pictures, and your decisions as staff",
        f"decided_by = :person OR report_id IN {_REPORTS}", _AS_REPORT, Fate.HASHED,
        {
            "id": "decision number", "report_id": "report", "action": "decision",
            "rating": "new content rating",
            "rating_before": "earlier content rating", "ends_at": "time when the block ends",
            "note": "note to the author",
            "decided_by": "who decided", "decided_at": "time of the decision",
            "told_at": "time when Easel notified you", "notice_id": "direct message that notified you",
        },
        shown={"decided_by": _own("decided_by")},
        page="own_request action reasons note rating ends_at decided_at may_appeal",
        more={
            "own_request": (
                "request",
                "(SELECT target_id FROM report WHERE id = report_id AND owner_id = :person AND kind = 'pictures')",
            ),
            "reasons": (
                "reasons for the report",
                _REASONS_OF_DECISION,
            ),
            "may_appeal": (
                "your appeal",
                _APPEAL,
            ),
        },
        label=later("Decisions about your pictures, and decisions that you made as staff"),
    ),
    StoredTable(
        "decision_step", "the steps that carry out each decision",
        f"decision_id IN {_DECISIONS}", _AS_REPORT, Fate.HASHED,
        {
            "decision_id": "decision",
            "position": "number of the step, from 1, in the order in which Easel runs the steps", "step": "action",
            "begun_at": "time when the step began", "done_at": "time when the step ended",
        },
        page="decision_id step done_at", technical=True,
        counted_with="decision",
    ),
    StoredTable(
        "appeal", "your appeals", "person_id = :person", f"{_UNTIL_DELETED}, or until Easel deletes the report",
        Fate.DELETED,
        {
            "decision_id": "decision", "person_id": "your Discord ID", "text": "your text",
            "created_at": "time of your appeal", "state": "answer",
            "answered_by": "who answered",
            "answered_at": "time of the answer", "told_at": "time when Easel notified you",
            "notice_id": "direct message that notified you",
        },
        shown={"answered_by": _own("answered_by")},
        page="own_request text state created_at answered_at",
        more={
            "own_request": (
                "request",
                "(SELECT target_id FROM decision JOIN report ON report.id = report_id WHERE decision.id = decision_id)",
            ),
        },
        label=later("Appeals that you sent"),
    ),
    StoredTable(
        "erasure", "the deletion of all your data, with the receipt",
        "person_id = :person OR pseudonym = pseudonym(:person)",
        "`receipts_days` (30 days); a keyed hash replaces your Discord ID", Fate.EXPIRES,
        {
            "id": "deletion number", "person_id": "your Discord ID, until Easel has deleted your "
                                                             "data from the database",
            "pseudonym": "keyed hash of your ID", "state": "progress",
            "by_operator": "whether an operator requested the deletion",
            "jobs": "number of requests", "pictures": "number of pictures",
            "messages": "number of messages",
            "unreachable": "number of messages that the bot cannot delete",
            "private_answers": "number of private replies",
            "copies": "number of database copies that still contain your data",
            "copies_until": "time when the last database copy with your data expires",
            "created_at": "time when the deletion was requested",
            "finished_at": "time when the deletion ended",
            "direct_channel": "your direct message channel, kept until Easel has found the messages there "
                "that it must delete",
            "start_pictures": "number of other users' start pictures that were copies of your pictures",
        },
        page="created_at state finished_at jobs pictures messages copies copies_until",
        counted_with="receipt",
    ),
    StoredTable(
        "erasure_file", "files that Easel still has to delete", f"erasure_id IN {_ERASURES}",
        "until the deletion is complete", Fate.DELETED,
        {
            "erasure_id": "deletion", "folder": "folder", "path": "file",
            "report_id": "open report that delays the deletion of the file",
            "unconditional": "whether Easel deletes the file even if other users use it as a start picture",
        },
        page="folder path", technical=True,
        counted_with="receipt",
    ),
    StoredTable(
        "erasure_message", "messages that Easel still has to delete",
        f"erasure_id IN {_ERASURES}", "until the deletion is complete",
        Fate.DELETED,
        {"erasure_id": "deletion", "channel_id": "channel", "message_id": "message"},
        page="channel_id message_id", technical=True,
        counted_with="receipt",
    ),
    StoredTable(
        "erasure_report", "reports with a message to staff that names you, until Easel has rewritten that "
            "message",
        f"erasure_id IN {_ERASURES}", "until the deletion is complete",
        Fate.DELETED,
        {
            "erasure_id": "deletion", "report_id": "report",
            "state": "whether Easel has removed your name from the message",
        },
        page="report_id state", technical=True,
        counted_with="receipt",
    ),
)  # fmt: skip

# Tables without data about users, with their columns: settings of servers, contents of LoRA files, sums over all users,
# measurements, and the program's own state.
IMPERSONAL: Mapping[str, str] = {
    "server": "id created_at left_at",
    "server_settings": "server_id settings updated_at",
    "word_list": "id server_id name words patterns exceptions mode negative_prompts forms rule_id shadowed updated_at",
    "checkpoint": "name source stamp sha256 base_model short_hash",
    "lora_version": "id lora_id sha256 name path found base_model evidence contradictions recommended_weight few_steps "
    "prediction allowed_on problem missing created_at usable autov3 sampled sample_tries stem measured measure_tries",
    "trigger_word": "version_id position word name",
    "hub_look": "sha256 page hub looked_at state since added says newer newer_sha256 newer_at followed rating",
    "lora_dispute": "sha256 page base_model disputed_at",
    "lora_text": "name trigger_words whole description facets",
    "lora_name": "name",
    "lora_tag": "category tag lora_id",
    "tag": "category tag loras",
    "lora_pair": "lora_id other_id uses",
    "word": "id word",
    "word_key": "key word_id",
    "sample": "version_id position checkpoint path created_at",
    "sample_failure": "version_id code detail failed_at",
    "weight_range": "version_id checkpoint least most",
    "pace": "checkpoint width height pictures step_seconds rest_seconds",
    "load_time": "checkpoint seconds",
    "memo": "key value",
    # A takedown case contains hashes of the picture, and no name of the person who is shown. Its copies name files and
    # jobs by their numbers, which stay after the removal.
    "takedown_copy": "case_id number kind path job_id distance state",
    "takedown_case": "id state note hashes received_at created_at ended_at refused alerts",
    # Verdicts on pictures by their hashes. A row names neither person nor job; `source` is a keyed hash of the report.
    "picture_verdict": "id server_id reason rating source hash created_at",
    # Entries for the file `removals.jsonl`, until they are in it: people in it are keyed hashes.
    "record_entry": "id entry",
    # Reminders of open reports, to channels and to operators, who are keyed hashes.
    "report_reminder": "report_id days recipient begun_at sent_at",
    "rating_level": "rating level",
    "lora_in_server": "server_id sha256 publications likes trend",
    "board": "channel_id server_id message_channel_id message_id digest edited_at",
}

FILES = (
    StoredFiles(
        "`pictures/`", "your pictures; the files contain prompts and settings", "the table `picture`", _PICTURES_KEPT,
        Fate.DELETED, exported=True,
    ),
    StoredFiles(
        "`thumbnails/`", "small copies of pictures, and their signatures", "the SHA-256 of the picture",
        "as long as the picture, but at most `thumbnails_days` (90 days)", Fate.DELETED, exported=False,
    ),
    StoredFiles(
        "`inputs/`", "your start pictures, without any other data",
        "the SHA-256 in jobs, drafts, the studio and the table `given_input`",
        "as long as a picture or a request needs it; without one, `inputs_days` (7 days)", Fate.DELETED, exported=True,
    ),
    StoredFiles(
        "`spool/`", "unfinished pictures, previews and states of running jobs", "the number of the job",
        "until the job ends; after a crash, `states_days` (1 day)", Fate.DELETED, exported=False,
    ),
    StoredFiles(
        "`workers/` on each machine of a cluster", "unfinished pictures, previews, states and start "
        "pictures of jobs that run there",
        "the number of the job, the SHA-256 of the picture",
        "until the job ends there; if the worker was killed, until the machine generates again", Fate.DELETED,
        exported=False,
    ),
    StoredFiles(
        "`embeddings/`", "prompts, converted to numbers by a text encoder, if the operator saves them",
        "not possible: the files do not show whose they are", "`embeddings_days` (7 days)", Fate.DELETED,
        exported=False,
    ),
    StoredFiles(
        "`easel.sqlite3-wal`", "the latest changes to the database", "—",
        "a few minutes; a deletion of all data empties the file",
        Fate.DELETED, exported=False,
    ),
    StoredFiles(
        "`backups/`, `easel.schema-*`, `easel.before-*`", "copies of the database, with their dates", "—",
        "`[backup] keep` sets the number of copies. Copies from before an update or a restore stay until the operator "
        "deletes them", Fate.EXPIRES, exported=False,
    ),
    StoredFiles(
        "the folder of `backup --pictures`", "copies of the database, of pictures, and of start pictures", "—",
        "until the next `backup --pictures` after the deletion", Fate.EXPIRES, exported=False,
    ),
    StoredFiles(
        "`pseudonyms.key`", "the key for the keyed hashes; no copy of the database contains it", "—",
        "as long as the database", Fate.EXPIRES, exported=False,
    ),
    StoredFiles(
        "`removals.jsonl`", "deletions and decisions, which Easel repeats after the operator restores a copy of the "
        "database. The file contains keyed hashes of users and perceptual hashes of pictures", "the keyed hash",
        "as long as the database; a verdict or a takedown case until it ends", Fate.EXPIRES, exported=False,
    ),
    StoredFiles(
        "the library's declarations", "which operator declared a base model or prediction type for a LoRA, or allowed "
        "the LoRA on another base model, and who proposed the declaration",
        "the Discord ID in the file", "until the operator changes them", Fate.EXPIRES, exported=False,
    ),
    StoredFiles(
        "logs", "job numbers and errors, but no prompts and no user ids", "—",
        "as the operator decides; for files in `[logs] folder`, `logs_days` (30 days)", Fate.EXPIRES, exported=False,
    ),
)  # fmt: skip


def is_deletable(counts: Mapping[str, int]) -> bool:
    """Return whether a deletion would delete or change any of these rows; others stay until they expire."""
    return any(table.name in counts for table in TABLES if table.fate is not Fate.EXPIRES)
