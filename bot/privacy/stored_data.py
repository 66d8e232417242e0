"""Catalogue of the data that Easel stores about users: tables, columns, folders and files, and their retention.

An export contains the rows that `owner` finds, and a deletion treats them as `fate` says. Tests compare the catalogue
with the schema, with the rows after a deletion and with docs/privacy.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

CONTEXT = "stored data"  # of these descriptions, in the catalogues

_JOBS = "(SELECT id FROM job WHERE person_id = :person)"
_PICTURES = "(SELECT picture.id FROM job JOIN picture ON job_id = job.id WHERE person_id = :person)"
_ERASURES = "(SELECT id FROM erasure WHERE person_id = :person)"
_REPORTS = "(SELECT id FROM report WHERE owner_id = :person)"
_DECISIONS = f"(SELECT id FROM decision WHERE decided_by = :person OR report_id IN {_REPORTS})"  # noqa: S608 - constants only
_UNTIL_DELETED = "until you delete this data"
_SERVER_GONE = "`servers_days` (30) after the bot left the server"
_AUDIT_KEPT = (
    "`audit_days` (365). Entries about a stored report or an active block stay as long as these. All entries go "
    f"{_SERVER_GONE}"
)
_REPORTS_KEPT = (
    "`reports_days` (365) after the last decision. Open reports stay longer. Reports that a picture looks like a minor "
    "stay longer too, and decisions whose block or content rating is in force. All reports go "
    f"{_SERVER_GONE}. Then operators decide about open reports that a picture looks like a minor"
)
_AS_REPORT = "as long as the report"
_PICTURES_KEPT = "until you delete them; earlier if the operator sets `pictures_days` or `pictures_gigabytes`"


class Fate(StrEnum):
    """Effect of a deletion on rows or files. The values are texts of the document."""

    DELETED = "deleted"
    HASHED = "stays; a keyed hash replaces your id"
    UNLINKED = "stays, without your id"
    EXPIRES = "stays until it expires"


@dataclass(frozen=True)
class StoredTable:
    """A table with data about users.

    `owner` is the SQL condition for the rows of one user (`:person`). `columns` describes each column. `shown` replaces
    columns in an export by SQL, for secrets and in rows that also name another user. A `derived` table is a search
    index of other rows; exports leave it out.
    """

    name: str
    about: str
    owner: str
    kept: str
    fate: Fate
    columns: Mapping[str, str]
    shown: Mapping[str, str] = field(default_factory=dict[str, str])
    derived: bool = False

    @property
    def rows(self) -> str:
        """The statement that finds the person's rows for an export."""
        columns = ", ".join(f"{self.shown[name]} AS {name}" if name in self.shown else name for name in self.columns)
        return f"SELECT {columns} FROM {self.name} WHERE {self.owner}"  # noqa: S608 - constants only


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
            "id": "your Discord id", "created_at": "the time of your first use", "locale": "your language in Discord",
            "settings": "your choices in /settings",
        },
    ),
    StoredTable(
        "job", "your requests", "person_id = :person",
        "as long as their pictures; without pictures, `jobs_days` (90)", Fate.DELETED,
        {
            "id": "a number", "person_id": "your Discord id", "server_id": "the server", "channel_id": "the channel",
            "request": "prompts, LoRAs and all settings", "checkpoint": "the model", "state": "its progress",
            "failure_code": "the type of a failure", "failure_detail": "the cause of a failure",
            "attempt": "the number of attempts", "created_at": "the time of your request",
            "started_at": "the time when it started", "finished_at": "the time when it ended",
            "seconds": "its duration", "peak_memory": "the memory that it used",
            "notes": "notes of the program that generates pictures",
            "weight": "its priority in the queue", "deaths": "the number of workers that crashed during the job",
            "begun_at": "the time when the worker began",
            "delete_at": "the time of its deletion, while you can undo it",
            "opened_at": "the day when someone last used a button under the pictures",
        },
    ),
    StoredTable(
        "job_text", "the words of prompts, models and LoRAs, for the search in /history",
        f"rowid IN {_JOBS}", "as long as the picture", Fate.DELETED,
        {"prompt": "words", "checkpoint": "words", "loras": "words"}, derived=True,
    ),
    StoredTable(
        "picture", "your pictures", f"job_id IN {_JOBS}", _PICTURES_KEPT, Fate.DELETED,
        {
            "id": "a number", "job_id": "the job", "position": "its position in the job", "path": "the file",
            "width": "pixels", "height": "pixels", "seed": "its seed", "created_at": "the time of generation",
        },
    ),
    StoredTable(
        "picture_hash", "numbers that describe your pictures, to find copies of them",
        f"picture_id IN {_PICTURES}", "as long as the picture", Fate.DELETED,
        {"picture_id": "the picture", "hash": "a perceptual hash; it does not show the picture"},
        shown={"hash": "hex(hash)"},
    ),
    StoredTable(
        "picture_lora", "the LoRAs in your pictures",
        f"picture_id IN {_PICTURES}", "as long as the picture", Fate.DELETED,
        {
            "picture_id": "the picture", "position": "its position", "sha256": "the file", "name": "its name",
            "weight": "its weight",
        },
    ),
    StoredTable(
        "delivery", "the message of each picture", f"job_id IN {_JOBS}", "as long as the job", Fate.DELETED,
        {
            "job_id": "the job", "state": "whether it was delivered", "private": "whether only you see it",
            "message_id": "the message", "created_at": "the time of your request",
            "posting_in": "the channel of a new message", "posting_at": "the time of that message",
            "shows_prompt": "whether the message shows the prompt",
            "ticket": "access to Discord's reply for fifteen minutes, encrypted; deleted after the delivery",
        },
        shown={"ticket": "NULL"},
    ),
    StoredTable(
        "publication", "pictures that you published in a server", "person_id = :person",
        "as long as the picture; after that, until its message is deleted", Fate.UNLINKED,
        {
            "id": "a number", "server_id": "the server", "job_id": "the job", "position": "which picture of the job",
            "person_id": "your Discord id", "art_channel_id": "the art channel",
            "channel_id": "the channel of the message", "message_id": "the message", "state": "whether it is posted",
            "tried_at": "the time when Easel sent it", "hidden": "whether it is hidden for now",
            "shows_prompt": "whether the message shows the prompt", "names_child": "whether the prompt names a child",
            "checkpoint": "the model",
            "base_model": "its base model", "said_level": "the content rating of the prompt",
            "level": "its content rating", "unrated": "whether its LoRAs are unrated", "likes": "the number of likes",
            "ranked_likes": "the number of likes that count in sorted lists",
            "recent_likes": "the number of likes in the last week",
            "shown_likes": "the number in the message", "shown_at": "the time when Easel wrote that number",
            "created_at": "the time when you published it",
        },
    ),
    StoredTable(
        "publication_lora", "the LoRAs in pictures that you published",
        "publication_id IN (SELECT id FROM publication WHERE person_id = :person)", "as long as the publication",
        Fate.UNLINKED, {"publication_id": "the publication", "sha256": "the file"},
    ),
    StoredTable(
        "publication_text", "the words of pictures that you published, for the search in /gallery",
        "rowid IN (SELECT id FROM publication WHERE person_id = :person)", "as long as the publication", Fate.DELETED,
        {"facets": "your Discord id, the server, base model, LoRAs and categories", "words": "words"}, derived=True,
    ),
    StoredTable(
        "publication_like", "pictures that you like", "person_id = :person", _UNTIL_DELETED, Fate.DELETED,
        {
            "publication_id": "the publication", "person_id": "your Discord id", "liked_at": "the time",
            "recent": "whether it is younger than a week", "ranks": "whether it counts in sorted lists",
        },
    ),
    StoredTable(
        "feature", "LoRAs and pictures that you featured as staff", "featured_by = :person",
        "until staff stop featuring them", Fate.HASHED,
        {
            "server_id": "the server", "kind": "LoRA or picture", "target_id": "the LoRA or picture",
            "featured_by": "your Discord id", "featured_at": "the time",
        },
    ),
    StoredTable(
        "job_order", "how much of your daily limits each request uses", f"job_id IN {_JOBS}",
        "as long as the job", Fate.DELETED,
        {
            "job_id": "the job", "pictures": "the number of pictures", "pixel_steps": "the amount of work",
            "context": "your roles and permissions at the time of the request",
        },
    ),
    StoredTable(
        "job_rating", "content ratings of your pictures", f"job_id IN {_JOBS}", "as long as the job",
        Fate.DELETED,
        {
            "job_id": "the job", "server_id": "the server where the content rating counts",
            "source": "who set it: the server's staff, an operator, or an automatic check (`classifier`)",
            "verdict": "a hash of the report about an earlier picture that yours resembles",
            "rating": "the content rating",
            "rated_at": "the time",
        },
    ),
    StoredTable(
        "takedown", "your pictures that staff took down", "person_id = :person", "as long as the job", Fate.DELETED,
        {
            "job_id": "the job", "server_id": "the server", "report_id": "the report about it",
            "person_id": "your Discord id", "created_at": "the time", "told_at": "the time when Easel notified you",
            "notice_id": "the direct message with that notice", "reason": "the reason that staff gave",
        },
    ),
    StoredTable(
        "takedown_notice", "messages to you about pictures that the operator removed for a person shown in them",
        "person_id = :person", "`reports_days` (365)", Fate.DELETED,
        {
            "case_id": "the takedown case", "person_id": "your Discord id", "pictures": "the number of pictures",
            "created_at": "the time", "tried_at": "the time when Easel sent the direct message",
            "refused": "whether Discord refuses messages to you", "told_at": "the time when Easel notified you",
        },
    ),
    StoredTable(
        "held_copy", "your pictures that resemble a reported picture", f"job_id IN {_JOBS}",
        "as long as the job and the report", Fate.DELETED,
        {"job_id": "the job", "report_id": "the report that hides the pictures until a decision"},
    ),
    StoredTable(
        "deletion", "files and messages of pictures that you deleted, until Easel has removed them",
        "person_id = :person",
        "a few seconds; longer if Discord is unreachable", Fate.DELETED,
        {
            "job_id": "the job", "person_id": "your Discord id", "paths": "the files",
            "input": "the picture that it started from", "channel_id": "the channel", "message_id": "the message",
            "created_at": "the time",
        },
    ),
    StoredTable(
        "draft", "requests that Easel could not fulfil, for the buttons under the reply", "person_id = :person",
        "`drafts_days` (7)", Fate.DELETED,
        {
            "id": "a number", "person_id": "your Discord id", "wish": "prompts, LoRAs and settings",
            "created_at": "the time",
        },
    ),
    StoredTable(
        "studio", "the draft in your studio", "person_id = :person", _UNTIL_DELETED, Fate.DELETED,
        {
            "person_id": "your Discord id", "state": "the draft", "previous": "the draft before it",
            "revision": "a number", "updated_at": "the time of the last change",
        },
    ),
    StoredTable(
        "given_input", "your start pictures", "person_id = :person", "as long as the picture",
        Fate.DELETED,
        {"person_id": "your Discord id", "sha256": "the picture", "given_at": "the time"},
    ),
    StoredTable(
        "start_picture_source", "start pictures that other users made from your pictures", "person_id = :person",
        "as long as the start picture", Fate.DELETED,
        {"person_id": "your Discord id", "sha256": "the start picture"},
    ),
    StoredTable(
        "bookmark", "LoRAs that you bookmarked", "person_id = :person", _UNTIL_DELETED, Fate.DELETED,
        {
            "id": "a number", "person_id": "your Discord id", "lora_id": "the LoRA", "note": "your note",
            "created_at": "the time", "uses": "how often you used it",
        },
    ),
    StoredTable(
        "bookmark_text", "the words of your notes, for the search",
        "rowid IN (SELECT id FROM bookmark WHERE person_id = :person)", "as long as the note", Fate.DELETED,
        {"owner": "your Discord id", "note": "words"}, derived=True,
    ),
    StoredTable(
        "removed_bookmark", "bookmarks that you removed, for *Undo*", "person_id = :person",
        "7 days; after that, until any user removes a bookmark", Fate.DELETED,
        {
            "id": "a number", "person_id": "your Discord id", "lora_id": "the LoRA", "note": "your note",
            "created_at": "the time when you bookmarked it", "uses": "how often you used it",
            "removed_at": "the time when you removed it",
        },
    ),
    StoredTable(
        "rating", "your star ratings", "person_id = :person", _UNTIL_DELETED, Fate.DELETED,
        {"person_id": "your Discord id", "lora_id": "the LoRA", "stars": "the number of stars", "rated_at": "the time"},
    ),
    StoredTable(
        "stack", "your stacks", "person_id = :person", _UNTIL_DELETED, Fate.DELETED,
        {
            "id": "a number", "person_id": "your Discord id", "name": "its name",
            "name_key": "its name, simplified for comparison", "code": "the code to share it", "created_at": "the time",
        },
    ),
    StoredTable(
        "stack_lora", "the LoRAs in your stacks", "stack_id IN (SELECT id FROM stack WHERE person_id = :person)",
        _UNTIL_DELETED, Fate.DELETED,
        {
            "stack_id": "the stack", "position": "its position", "sha256": "the file", "name": "its name",
            "weight": "its weight", "trigger_words": "the trigger words that you chose",
            "region": "its area of the picture",
        },
    ),
    StoredTable(
        "posted_message", "messages of the bot that name you: codes of stacks, results of expired requests, and "
        "messages to staff about expired reports",
        "person_id = :person", _UNTIL_DELETED, Fate.DELETED,
        {
            "message_id": "the message", "channel_id": "the channel", "person_id": "your Discord id",
            "created_at": "the time",
        },
    ),
    StoredTable(
        "stack_miss", "attempts with a wrong stack code, to prevent guessing", "person_id = :person",
        "until you enter another wrong code, at least an hour later", Fate.DELETED,
        {"id": "a number", "person_id": "your Discord id", "missed_at": "the time"},
    ),
    StoredTable(
        "lora", "LoRAs that you added to the library, or whose content rating you set as an operator",
        "added_by = :person OR content_rating_by = :person", "until they are removed from the library",
        Fate.UNLINKED,
        {
            "id": "a number", "name": "its name", "name_key": "its name, simplified for comparison",
            "category": "its category", "description": "its description", "created_at": "the time",
            "uses": "how often all users used it", "trend": "how often users used it recently",
            "stars": "the stars from all users", "ratings": "the number of star ratings",
            "score": "a score from the stars given and the number of ratings",
            "added_by": "your Discord id", "indexed": "whether the search contains it",
            "content_rating": "its content rating",
            "content_rating_by": "the operator who set it",
        },
        shown={"added_by": _own("added_by"), "content_rating_by": _own("content_rating_by")},
    ),
    StoredTable(
        "addition", "files that you asked Easel to import",
        "id IN (SELECT addition_id FROM addition_request WHERE person_id = :person)",
        "as long as the database, to record the origin of files", Fate.UNLINKED,
        {
            "id": "a number", "key": "the file", "source": "facts from its page", "path": "its path",
            "state": "its progress", "sha256": "the file", "failure_code": "the type of a failure",
            "failure_detail": "the cause of a failure", "created_at": "the time of the first request by any user",
            "ended_at": "the time when it ended", "placed": "whether Easel put the file into the library",
        },
    ),
    StoredTable(
        "addition_request", "your requests for these files", "person_id = :person", _UNTIL_DELETED, Fate.DELETED,
        {
            "addition_id": "the file", "person_id": "your Discord id", "server_id": "the server",
            "created_at": "the time of your request", "told": "whether Easel told you the outcome",
            "ticket": "access to Discord's reply for fifteen minutes, encrypted; deleted when you get the outcome",
            "ticket_at": "the time of the reply", "message_id": "the reply",
            "posting_at": "the time of Easel's message to you", "refused": "whether Discord refuses messages to you",
            "draft_id": "the request that needs the file",
        },
        shown={"ticket": "NULL"},
    ),
    StoredTable(
        "erased_addition_request", "requests for files before you deleted all your data; they count towards the limits",
        "pseudonym = pseudonym(:person)", "3 days, under the keyed hash of your id", Fate.EXPIRES,
        {
            "addition_id": "the file", "pseudonym": "the keyed hash of your id", "server_id": "the server",
            "created_at": "the time of your request",
        },
    ),
    StoredTable(
        "update_notice", "notices about new versions of LoRAs that you bookmarked", "person_id = :person",
        _UNTIL_DELETED, Fate.DELETED,
        {
            "person_id": "your Discord id", "lora_id": "the LoRA", "newer_sha256": "the file of the newer version",
            "created_at": "the time when Easel found it", "messaged": "whether Easel tried a direct message",
            "told": "whether Easel told you about it",
        },
    ),
    StoredTable(
        "server_limit", "limits that staff set for you", "holder = 'person' AND holder_id = :person",
        "until staff remove them, or " + _SERVER_GONE, Fate.HASHED,
        {
            "server_id": "the server", "holder": "'person'", "holder_id": "your Discord id",
            "name": "the name of a role", "limits": "the limits",
        },
    ),
    StoredTable(
        "block", "blocks of you, and blocks that you made as staff",
        "(kind = 'person' AND target_id = :person) OR created_by = :person",
        "until staff remove them, or " + _SERVER_GONE, Fate.HASHED,
        {
            "id": "a number", "server_id": "the server", "kind": "person or LoRA", "target_id": "the person or LoRA",
            "reason": "the reason", "ends_at": "the end",
            "created_by": "the Discord id of the staff member or operator",
            "created_at": "the time",
        },
        shown={
            "target_id": "iif(kind = 'person' AND target_id <> :person, NULL, target_id)",
            "created_by": _own("created_by"),
        },
    ),
    StoredTable(
        "daily_usage", "your requests on each day, for the daily limits", "person_id = :person", "3 days", Fate.HASHED,
        {
            "day": "the day", "person_id": "your Discord id", "server_id": "the server",
            "pictures": "the number of pictures", "pixel_steps": "the amount of work",
        },
    ),
    StoredTable(
        "pause", "queues that you paused as staff", "person_id = :person", "until staff resume the queue", Fate.HASHED,
        {"server_id": "the server", "person_id": "your Discord id", "created_at": "the time"},
    ),
    StoredTable(
        "base_model_proposal", "base models that you proposed, and proposals that you decided",
        "proposed_by = :person OR decided_by = :person", _SERVER_GONE, Fate.HASHED,
        {
            "id": "a number", "server_id": "the server", "sha256": "the file", "name": "the LoRA",
            "base_model": "the proposed base model", "prediction": "the proposed prediction type",
            "reason": "the reason", "state": "the outcome", "proposed_by": "the Discord id of the staff member",
            "created_at": "the time of the proposal", "decided_by": "the Discord id of the operator",
            "decided_at": "the time of the decision",
        },
        shown={"proposed_by": _own("proposed_by"), "decided_by": _own("decided_by")},
    ),
    StoredTable(
        "allowed_phrase", "phrases that you allowed in prompts as staff", "allowed_by = :person",
        "until staff remove them, or " + _SERVER_GONE, Fate.HASHED,
        {
            "id": "a number", "server_id": "the server", "phrase": "the phrase", "allowed_by": "your Discord id",
            "allowed_at": "the time",
        },
    ),
    StoredTable(
        "phrase_question", "your questions to staff about refused words, and such questions that you decided as staff",
        "person_id = :person OR decided_by = :person",
        "until either person deletes this data, or " + _SERVER_GONE, Fate.DELETED,
        {
            "id": "a number", "server_id": "the server", "person_id": "the Discord id of the member",
            "word": "the refused word",
            "phrase": "the phrase to allow", "state": "the decision", "asked_at": "the time",
            "channel_id": "the channel of the message to staff", "message_id": "that message",
            "decided_by": "the Discord id of the staff member", "told_at": "the time when Easel notified you",
        },
        shown={
            "person_id": _own("person_id"), "decided_by": _own("decided_by"),
            "word": "iif(person_id = :person, word, NULL)", "phrase": "iif(person_id = :person, phrase, NULL)",
        },
    ),
    StoredTable(
        "audit", "changes that you made as staff, and changes by staff that concern you",
        "actor_id = :person OR person_id = :person", _AUDIT_KEPT, Fate.HASHED,
        {
            "id": "a number", "server_id": "the server", "actor_id": "the Discord id of the staff member or operator",
            "action": "the action", "person_id": "the Discord id of the member concerned", "target": "the subject",
            "changes": "the values before and after", "created_at": "the time",
        },
        shown={
            "actor_id": _own("actor_id"), "person_id": _own("person_id"),
            "target": "iif(person_id IS NULL OR person_id = :person, target, replace(target, person_id, '…'))",
        },
    ),
    StoredTable(
        "report", "reports about your pictures", "owner_id = :person",
        _REPORTS_KEPT, Fate.HASHED,
        {
            "id": "a number", "server_id": "the server", "kind": "pictures or LoRA", "target_id": "the job or the LoRA",
            "owner_id": "your Discord id", "shared": "whether operators see it", "state": "whether it is decided",
            "created_at": "the time", "revision": "how often it was changed",
            "shown": "the latest change shown in the message to staff", "channel_id": "the channel of that message",
            "message_id": "that message", "posting_at": "the time when Easel posted it",
            "hides": "whether the pictures are hidden",
            "message_due": "whether Easel still has to update the message with the pictures",
            "painted_at": "the time of generation",
            "painted_in": "the channel of generation", "lasting": "whether it has no time limit",
        },
    ),
    StoredTable(
        "report_by", "your reports; Easel never shows who sent a report", "person_id = :person",
        f"{_UNTIL_DELETED}, at most as long as the report", Fate.DELETED,
        {
            "report_id": "the report", "person_id": "your Discord id", "reason": "the reason", "note": "your text",
            "created_at": "the time", "hides": "whether it hides the pictures",
        },
    ),
    StoredTable(
        "decision", "decisions about your pictures, and your decisions as staff",
        f"decided_by = :person OR report_id IN {_REPORTS}", _AS_REPORT, Fate.HASHED,
        {
            "id": "a number", "report_id": "the report", "action": "the decision", "rating": "the new content rating",
            "rating_before": "the earlier content rating", "ends_at": "the end of a block", "note": "the note to you",
            "decided_by": "the Discord id of the staff member or operator", "decided_at": "the time",
            "told_at": "the time when Easel notified you", "notice_id": "the direct message with that notice",
        },
        shown={"decided_by": _own("decided_by")},
    ),
    StoredTable(
        "decision_step", "the progress of such a decision",
        f"decision_id IN {_DECISIONS}", _AS_REPORT, Fate.HASHED,
        {
            "decision_id": "the decision", "position": "its position", "step": "the action",
            "begun_at": "the time when it began", "done_at": "the time when it ended",
        },
    ),
    StoredTable(
        "appeal", "your appeals", "person_id = :person", f"{_UNTIL_DELETED}, at most as long as the report",
        Fate.DELETED,
        {
            "decision_id": "the decision", "person_id": "your Discord id", "text": "your text",
            "created_at": "the time", "state": "the answer",
            "answered_by": "the Discord id of the staff member or operator",
            "answered_at": "the time of the answer", "told_at": "the time when Easel notified you",
            "notice_id": "the direct message with that notice",
            "upheld_notice_id": "the direct message with an earlier answer",
        },
        shown={"answered_by": _own("answered_by")},
    ),
    StoredTable(
        "erasure", "the deletion of all your data, with the receipt",
        "person_id = :person OR pseudonym = pseudonym(:person)",
        "`receipts_days` (30), under the keyed hash of your id", Fate.EXPIRES,
        {
            "id": "a number", "person_id": "your Discord id, until the rows are deleted",
            "pseudonym": "its keyed hash", "state": "its progress", "by_operator": "whether an operator requested it",
            "jobs": "the number of jobs", "pictures": "the number of pictures", "messages": "the number of messages",
            "unreachable": "the number of messages that the bot cannot delete",
            "private_answers": "the number of private replies",
            "copies": "the number of copies of the database that still contain your data",
            "copies_until": "the time when the last copy expires", "created_at": "the time",
            "finished_at": "the time when it ended",
            "direct_channel": "the channel of your direct messages, until Easel knows what to delete there",
            "start_pictures": "the number of start pictures that other users had made from your pictures",
        },
    ),
    StoredTable(
        "erasure_file", "files that Easel still has to delete", f"erasure_id IN {_ERASURES}",
        "until the deletion is complete", Fate.DELETED,
        {
            "erasure_id": "the deletion", "folder": "the folder", "path": "the file",
            "report_id": "the open report that delays the deletion of the file",
            "unconditional": "whether Easel deletes it even if other users start from it",
        },
    ),
    StoredTable(
        "erasure_message", "messages that Easel still has to delete",
        f"erasure_id IN {_ERASURES}", "until the deletion is complete",
        Fate.DELETED,
        {"erasure_id": "the deletion", "channel_id": "the channel", "message_id": "the message"},
    ),
    StoredTable(
        "erasure_report", "reports whose message to staff names you, until Easel has rewritten it",
        f"erasure_id IN {_ERASURES}", "until the deletion is complete",
        Fate.DELETED,
        {"erasure_id": "the deletion", "report_id": "the report", "state": "whether it is rewritten"},
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
        "as long as the picture, but at most `thumbnails_days` (90)", Fate.DELETED, exported=False,
    ),
    StoredFiles(
        "`inputs/`", "your start pictures, without any other data",
        "the SHA-256 in jobs, drafts, the studio and the table `given_input`",
        "as long as a picture or a request needs it; without one, `inputs_days` (7)", Fate.DELETED, exported=True,
    ),
    StoredFiles(
        "`spool/`", "unfinished pictures, previews and states of running jobs", "the number of the job",
        "until the job ends; after a crash, `states_days` (1)", Fate.DELETED, exported=False,
    ),
    StoredFiles(
        "`workers/` on each machine of a cluster", "unfinished pictures, previews, states and start "
        "pictures of jobs that run there",
        "the number of the job, the SHA-256 of the picture",
        "until the job ends there; if the machine's worker was killed, until it generates again", Fate.DELETED,
        exported=False,
    ),
    StoredFiles(
        "`embeddings/`", "prompts, converted to numbers by a text encoder, if the operator saves them",
        "not possible: the files do not show whose they are", "`embeddings_days` (7)", Fate.DELETED, exported=False,
    ),
    StoredFiles(
        "`easel.sqlite3-wal`", "the latest changes to the database", "—", "minutes; a deletion empties it",
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
        "`removals.jsonl`", "deletions and decisions, so that Easel can repeat them after a copy is restored. The file "
        "contains keyed hashes of users and perceptual hashes of pictures", "the keyed hash",
        "as long as the database; a verdict or a takedown case until it ends", Fate.EXPIRES, exported=False,
    ),
    StoredFiles(
        "the library's declarations", "which operator declared or allowed something for a LoRA, and who proposed it",
        "the id in the file", "until the operator changes them", Fate.EXPIRES, exported=False,
    ),
    StoredFiles(
        "logs", "job numbers and errors, but no prompts and no user ids", "—",
        "as the operator decides; for files in `[logs] folder`, `logs_days` (30)", Fate.EXPIRES, exported=False,
    ),
)  # fmt: skip


def is_deletable(counts: Mapping[str, int]) -> bool:
    """Return whether a deletion would delete or change any of these rows; others stay until they expire."""
    return any(table.name in counts for table in TABLES if table.fate is not Fate.EXPIRES)
