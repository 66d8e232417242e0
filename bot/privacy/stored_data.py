"""What the program keeps of people: every table and column, folder and file, and for how long.

An export holds the rows that `owner` finds, and a deletion does with them what `fate` says. Tests compare the table
with the schema, with what a deletion leaves and with docs/privacy.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

_JOBS = "(SELECT id FROM job WHERE person_id = :person)"
_PICTURES = "(SELECT picture.id FROM job JOIN picture ON job_id = job.id WHERE person_id = :person)"
_ERASURES = "(SELECT id FROM erasure WHERE person_id = :person)"
_REPORTS = "(SELECT id FROM report WHERE owner_id = :person)"
_DECISIONS = f"(SELECT id FROM decision WHERE decided_by = :person OR report_id IN {_REPORTS})"  # noqa: S608 - constants only
_UNTIL_DELETED = "until you delete them"
_SERVER_GONE = "until the server has been without the bot for `servers_days` (30)"
_PICTURES_KEPT = "until you delete them, or `pictures_days` and `pictures_gigabytes` if the operator sets them"


class Fate(StrEnum):
    """What a deletion does with rows or files. The values are read in the document."""

    DELETED = "deleted"
    HASHED = "stays, with a keyed hash in the place of the id"
    UNLINKED = "stays, without the person"
    EXPIRES = "stays until it expires"


@dataclass(frozen=True)
class StoredTable:
    """A table that holds something of a person.

    `owner` is the SQL condition on the rows that are the person's (`:person`). `columns` tells of every column what it
    holds. `shown` replaces columns in an export, by SQL: where a row names somebody else too, and for secrets. What is
    `derived` is a search index of other rows, and left out of exports.
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
    """SQL: a person's id, if it is this person's, for somebody else's is not theirs to have."""
    return f"iif({column} = :person, {column}, NULL)"


TABLES = (
    StoredTable(
        "person", "that you use the bot", "id = :person", _UNTIL_DELETED, Fate.DELETED,
        {
            "id": "your Discord id", "created_at": "when you first used it", "locale": "your language in Discord",
            "settings": "what you chose in /settings",
        },
    ),
    StoredTable(
        "job", "what you had painted", "person_id = :person",
        "as long as its pictures; without any, `jobs_days` (90)", Fate.DELETED,
        {
            "id": "a number", "person_id": "your Discord id", "server_id": "the server", "channel_id": "the channel",
            "request": "prompts, LoRAs and all settings", "checkpoint": "the model", "state": "how far it is",
            "failure_code": "what failed", "failure_detail": "why", "attempt": "how often it was begun",
            "created_at": "when you ordered it", "started_at": "when it was begun", "finished_at": "when it ended",
            "seconds": "how long it took", "peak_memory": "memory that it took", "notes": "notes of the worker",
            "weight": "what it counts in the queue", "deaths": "workers that broke at it",
            "begun_at": "when the worker began it",
            "delete_at": "when it goes, if you deleted it and may still undo that",
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
            "id": "a number", "job_id": "the job", "position": "its place in the job", "path": "the file",
            "width": "pixels", "height": "pixels", "seed": "its seed", "created_at": "when it was painted",
        },
    ),
    StoredTable(
        "picture_hash", "how your pictures look, as numbers by which copies of them are found",
        f"picture_id IN {_PICTURES}", "as long as the picture", Fate.DELETED,
        {"picture_id": "the picture", "hash": "a perceptual hash, in which nobody sees the picture"},
        shown={"hash": "hex(hash)"},
    ),
    StoredTable(
        "picture_lora", "the LoRAs in your pictures",
        f"picture_id IN {_PICTURES}", "as long as the picture", Fate.DELETED,
        {
            "picture_id": "the picture", "position": "its place", "sha256": "the file", "name": "its name",
            "weight": "its weight",
        },
    ),
    StoredTable(
        "delivery", "to which message a picture went", f"job_id IN {_JOBS}", "as long as the job", Fate.DELETED,
        {
            "job_id": "the job", "state": "whether it was delivered", "private": "whether you alone see it",
            "message_id": "the message", "created_at": "when it was ordered",
            "posting_in": "the channel of a new message",
            "posting_at": "when that was posted", "shows_prompt": "whether the prompt stands under it",
            "ticket": "opens the answer for fifteen minutes, encrypted; gone once it is delivered",
        },
        shown={"ticket": "NULL"},
    ),
    StoredTable(
        "publication", "pictures that you published in a server", "person_id = :person",
        "as long as the picture, and then until its message is gone", Fate.UNLINKED,
        {
            "id": "a number", "server_id": "the server", "job_id": "the job", "position": "which of its pictures",
            "person_id": "your Discord id", "art_channel_id": "the art channel", "channel_id": "where the message is",
            "message_id": "the message", "state": "whether it is posted", "tried_at": "when it was sent",
            "hidden": "whether it is out of sight for now",
            "shows_prompt": "whether the prompt stands there", "checkpoint": "the model", "base_model": "its kind",
            "said_level": "for whom the prompt is", "level": "for whom it is", "unrated": "whether LoRAs are unrated",
            "likes": "how many", "ranked_likes": "those that count in lists", "recent_likes": "those of a week",
            "shown_likes": "the number in the message", "shown_at": "when that was written",
            "created_at": "when you published it",
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
            "publication_id": "the publication", "person_id": "your Discord id", "liked_at": "when",
            "recent": "whether it is younger than a week", "ranks": "whether lists are sorted by it",
        },
    ),
    StoredTable(
        "feature", "LoRAs and pictures that you featured as staff", "featured_by = :person",
        "until staff feature them no longer", Fate.HASHED,
        {
            "server_id": "the server", "kind": "LoRA or picture", "target_id": "which one",
            "featured_by": "your Discord id", "featured_at": "when",
        },
    ),
    StoredTable(
        "job_order", "what an order counts of the day's quotas", f"job_id IN {_JOBS}",
        "as long as the job", Fate.DELETED,
        {
            "job_id": "the job", "pictures": "how many", "pixel_steps": "how much work",
            "fingerprint": "a hash of the request", "context": "your roles and rights when you ordered it",
        },
    ),
    StoredTable(
        "job_rating", "for whom pictures of yours were said to be", f"job_id IN {_JOBS}", "as long as the job",
        Fate.DELETED,
        {
            "job_id": "the job", "server_id": "the server in which that counts",
            "source": "whether its staff, an operator or the classifier said so", "rating": "for whom",
            "rated_at": "when",
        },
    ),
    StoredTable(
        "takedown", "pictures of yours that staff took down", "person_id = :person", "as long as the job", Fate.DELETED,
        {
            "job_id": "the job", "server_id": "the server", "report_id": "the report that it was decided about",
            "person_id": "your Discord id", "created_at": "when",
            "told_at": "when you were told", "notice_id": "the direct message that told you",
        },
    ),
    StoredTable(
        "deletion", "files and messages of pictures that you deleted, until they are gone", "person_id = :person",
        "seconds; while Discord cannot be reached, longer", Fate.DELETED,
        {
            "job_id": "the job", "person_id": "your Discord id", "paths": "the files",
            "input": "the picture that it started from", "channel_id": "the channel", "message_id": "the message",
            "created_at": "when",
        },
    ),
    StoredTable(
        "draft", "requests that could not be painted, for the buttons under the answer", "person_id = :person",
        "`drafts_days` (7)", Fate.DELETED,
        {
            "id": "a number", "person_id": "your Discord id", "wish": "prompts, LoRAs and settings",
            "created_at": "when",
        },
    ),
    StoredTable(
        "studio", "the draft in your studio", "person_id = :person", _UNTIL_DELETED, Fate.DELETED,
        {
            "person_id": "your Discord id", "state": "the draft", "previous": "the draft before it",
            "revision": "a number", "updated_at": "when it was changed",
        },
    ),
    StoredTable(
        "given_input", "which pictures to start from you gave", "person_id = :person", "as long as the picture",
        Fate.DELETED,
        {"person_id": "your Discord id", "sha256": "the picture", "given_at": "when"},
    ),
    StoredTable(
        "bookmark", "LoRAs that you saved", "person_id = :person", _UNTIL_DELETED, Fate.DELETED,
        {
            "id": "a number", "person_id": "your Discord id", "lora_id": "the LoRA", "note": "your note",
            "created_at": "when", "uses": "how often you used it",
        },
    ),
    StoredTable(
        "bookmark_text", "the words of your notes, for the search",
        "rowid IN (SELECT id FROM bookmark WHERE person_id = :person)", "as long as the note", Fate.DELETED,
        {"owner": "your Discord id", "note": "words"}, derived=True,
    ),
    StoredTable(
        "removed_bookmark", "bookmarks that you removed, for *Undo*", "person_id = :person",
        "7 days, until somebody removes one after that", Fate.DELETED,
        {
            "id": "a number", "person_id": "your Discord id", "lora_id": "the LoRA", "note": "your note",
            "created_at": "when it was saved", "uses": "how often you used it", "removed_at": "when it was removed",
        },
    ),
    StoredTable(
        "rating", "stars that you gave", "person_id = :person", _UNTIL_DELETED, Fate.DELETED,
        {"person_id": "your Discord id", "lora_id": "the LoRA", "stars": "how many", "rated_at": "when"},
    ),
    StoredTable(
        "stack", "your sets of LoRAs", "person_id = :person", _UNTIL_DELETED, Fate.DELETED,
        {
            "id": "a number", "person_id": "your Discord id", "name": "its name", "name_key": "its name, folded",
            "code": "by which others get a copy", "created_at": "when",
        },
    ),
    StoredTable(
        "stack_lora", "the LoRAs in your sets", "stack_id IN (SELECT id FROM stack WHERE person_id = :person)",
        _UNTIL_DELETED, Fate.DELETED,
        {
            "stack_id": "the set", "position": "its place", "sha256": "the file", "name": "its name",
            "weight": "its weight", "trigger_words": "those that you chose",
            "region": "the part of the picture that it is for",
        },
    ),
    StoredTable(
        "posted_message", "messages of the bot that name you: codes of stacks, and results of orders that have expired",
        "person_id = :person", _UNTIL_DELETED, Fate.DELETED,
        {
            "message_id": "the message", "channel_id": "the channel", "person_id": "your Discord id",
            "created_at": "when",
        },
    ),
    StoredTable(
        "stack_miss", "codes that you typed and that are nobody's, so that nobody guesses them", "person_id = :person",
        "until you type the next one, an hour later", Fate.DELETED,
        {"id": "a number", "person_id": "your Discord id", "missed_at": "when"},
    ),
    StoredTable(
        "lora", "LoRAs that you added to the library or rated as an operator",
        "added_by = :person OR content_rating_by = :person", "until they are removed from the library",
        Fate.UNLINKED,
        {
            "id": "a number", "name": "its name", "name_key": "its name, folded", "category": "its category",
            "description": "its description", "created_at": "when", "uses": "everybody's uses", "trend": "lately",
            "stars": "everybody's stars", "ratings": "how many rated it", "score": "computed from both",
            "added_by": "your Discord id", "indexed": "whether the search knows it",
            "content_rating": "for whom it is", "content_rating_by": "the operator who said so",
        },
        shown={"added_by": _own("added_by"), "content_rating_by": _own("content_rating_by")},
    ),
    StoredTable(
        "addition", "files from outside that you asked for",
        "id IN (SELECT addition_id FROM addition_request WHERE person_id = :person)",
        "as long as the database: it tells where files come from", Fate.UNLINKED,
        {
            "id": "a number", "key": "the file", "source": "what its page says", "path": "where it goes",
            "state": "how far it is", "sha256": "the file", "failure_code": "what failed", "failure_detail": "why",
            "created_at": "when somebody first asked for it", "ended_at": "when it ended",
            "placed": "whether its file was put into the library",
        },
    ),
    StoredTable(
        "addition_request", "that you asked for them", "person_id = :person", _UNTIL_DELETED, Fate.DELETED,
        {
            "addition_id": "the file", "person_id": "your Discord id", "server_id": "the server",
            "created_at": "when you asked", "told": "whether you know how it ended",
            "ticket": "opens the answer for fifteen minutes, encrypted; gone once you know",
            "ticket_at": "when you were answered", "message_id": "the answer",
            "posting_at": "when you were written to", "refused": "whether Discord lets nobody write to you",
            "draft_id": "what you wanted to paint with it",
        },
        shown={"ticket": "NULL"},
    ),
    StoredTable(
        "erased_addition_request", "that you asked for files from outside before you had all deleted, for the quotas",
        "pseudonym = pseudonym(:person)", "3 days, by the keyed hash of your id", Fate.EXPIRES,
        {
            "addition_id": "the file", "pseudonym": "the keyed hash of your id", "server_id": "the server",
            "created_at": "when you asked",
        },
    ),
    StoredTable(
        "update_notice", "newer versions of your bookmarks that you are told of", "person_id = :person",
        _UNTIL_DELETED, Fate.DELETED,
        {
            "person_id": "your Discord id", "lora_id": "the LoRA", "newer_sha256": "the file of the newer version",
            "created_at": "when it was seen", "messaged": "whether a direct message was tried",
            "told": "whether you know of it",
        },
    ),
    StoredTable(
        "server_limit", "limits that staff set for you", "holder = 'person' AND holder_id = :person",
        "until staff remove them, or " + _SERVER_GONE, Fate.HASHED,
        {
            "server_id": "the server", "holder": "'person'", "holder_id": "your Discord id", "name": "of a role",
            "limits": "the limits",
        },
    ),
    StoredTable(
        "block", "that you are blocked, or have blocked somebody or something as staff",
        "(kind = 'person' AND target_id = :person) OR created_by = :person",
        "until staff lift it, or " + _SERVER_GONE, Fate.HASHED,
        {
            "id": "a number", "server_id": "the server", "kind": "person or LoRA", "target_id": "who or what",
            "reason": "the reason", "ends_at": "until when", "created_by": "who blocked", "created_at": "when",
        },
        shown={
            "target_id": "iif(kind = 'person' AND target_id <> :person, NULL, target_id)",
            "created_by": _own("created_by"),
        },
    ),
    StoredTable(
        "daily_usage", "what you ordered on a day, for the quotas", "person_id = :person", "3 days", Fate.HASHED,
        {
            "day": "the day", "person_id": "your Discord id", "server_id": "the server", "pictures": "how many",
            "pixel_steps": "how much work",
        },
    ),
    StoredTable(
        "pause", "that you stopped a queue, as staff", "person_id = :person", "until it goes on", Fate.HASHED,
        {"server_id": "the server", "person_id": "your Discord id", "created_at": "when"},
    ),
    StoredTable(
        "base_model_proposal", "corrections of base models that you proposed or decided",
        "proposed_by = :person OR decided_by = :person", _SERVER_GONE, Fate.HASHED,
        {
            "id": "a number", "server_id": "the server", "sha256": "the file", "name": "the LoRA",
            "base_model": "what was proposed", "prediction": "the prediction type that was proposed",
            "reason": "the reason", "state": "what became of it",
            "proposed_by": "who proposed it", "created_at": "when", "decided_by": "who decided it",
            "decided_at": "when it was decided",
        },
        shown={"proposed_by": _own("proposed_by"), "decided_by": _own("decided_by")},
    ),
    StoredTable(
        "audit", "what you changed as staff, and what staff changed about you",
        "actor_id = :person OR person_id = :person", _SERVER_GONE, Fate.HASHED,
        {
            "id": "a number", "server_id": "the server", "actor_id": "who did it", "action": "what was done",
            "person_id": "about whom", "target": "about what", "changes": "what was before and after",
            "created_at": "when",
        },
        shown={
            "actor_id": _own("actor_id"), "person_id": _own("person_id"),
            "target": "iif(person_id IS NULL OR person_id = :person, target, replace(target, person_id, '…'))",
        },
    ),
    StoredTable(
        "report", "that a picture of yours was reported", "owner_id = :person",
        f"{_SERVER_GONE}; one that looks like a minor goes to the operators then, if it is open", Fate.HASHED,
        {
            "id": "a number", "server_id": "the server", "kind": "pictures or LoRA", "target_id": "which",
            "owner_id": "your Discord id", "shared": "whether operators see it", "state": "whether it is decided",
            "created_at": "when", "revision": "counts its changes", "shown": "those that the message to staff shows",
            "channel_id": "the channel of that message", "message_id": "that message",
            "posting_at": "when it was being posted", "hides": "whether the pictures are out of sight",
            "message_due": "whether their message is to be written anew",
            "painted_at": "when you had them painted", "painted_in": "the channel",
            "reopened_at": "when a dismissal was taken back", "lasting": "whether it stays until it is decided",
        },
    ),
    StoredTable(
        "report_by", "what you reported; who reports is told to nobody", "person_id = :person", _UNTIL_DELETED,
        Fate.DELETED,
        {
            "report_id": "the report", "person_id": "your Discord id", "reason": "the reason", "note": "what you wrote",
            "created_at": "when", "hides": "whether it hides the pictures",
        },
    ),
    StoredTable(
        "decision", "what was decided about pictures of yours, or by you as staff",
        f"decided_by = :person OR report_id IN {_REPORTS}", _SERVER_GONE, Fate.HASHED,
        {
            "id": "a number", "report_id": "the report", "action": "what was decided", "rating": "what it is rated",
            "rating_before": "what it was rated", "ends_at": "when a block ends", "note": "what you were told",
            "decided_by": "who decided", "decided_at": "when", "told_at": "when you were told",
            "notice_id": "the direct message that told you",
        },
        shown={"decided_by": _own("decided_by")},
    ),
    StoredTable(
        "decision_step", "how far such a decision is carried out",
        f"decision_id IN {_DECISIONS}", _SERVER_GONE, Fate.HASHED,
        {
            "decision_id": "the decision", "position": "its place", "step": "what is done", "begun_at": "when it began",
            "done_at": "when it was done",
        },
    ),
    StoredTable(
        "appeal", "what you wrote against a decision", "person_id = :person", _UNTIL_DELETED, Fate.DELETED,
        {
            "decision_id": "the decision", "person_id": "your Discord id", "text": "what you wrote",
            "created_at": "when", "state": "the answer", "answered_by": "who answered", "answered_at": "when",
            "told_at": "when you were told", "notice_id": "the direct message that told you",
            "upheld_at": "when the decision was upheld, if it was reversed afterwards",
            "upheld_notice_id": "the direct message that told you so",
        },
        shown={"answered_by": _own("answered_by")},
    ),
    StoredTable(
        "erasure", "that you had all deleted, with the receipt",
        "person_id = :person OR pseudonym = pseudonym(:person)",
        "`receipts_days` (30), by the keyed hash of your id", Fate.EXPIRES,
        {
            "id": "a number", "person_id": "your Discord id, until the rows are gone", "pseudonym": "its keyed hash",
            "state": "how far it is", "by_operator": "whether an operator ordered it", "jobs": "how many",
            "pictures": "how many", "messages": "how many", "unreachable": "messages that the bot may not delete",
            "private_answers": "how many", "copies": "of the database that still hold you",
            "copies_until": "when the last of them expires", "created_at": "when", "finished_at": "when it was done",
            "direct_channel": "your direct messages, until it is known what is to be deleted there",
        },
    ),
    StoredTable(
        "erasure_file", "files that are still to be deleted", f"erasure_id IN {_ERASURES}",
        "until the deletion is complete", Fate.DELETED,
        {
            "erasure_id": "the deletion", "folder": "the folder", "path": "the file",
            "report_id": "the open report for which it is held",
        },
    ),
    StoredTable(
        "erasure_message", "messages that are still to be deleted",
        f"erasure_id IN {_ERASURES}", "until the deletion is complete",
        Fate.DELETED,
        {"erasure_id": "the deletion", "channel_id": "the channel", "message_id": "the message"},
    ),
    StoredTable(
        "erasure_report", "reports whose message to staff names you, and is written anew",
        f"erasure_id IN {_ERASURES}", "until the deletion is complete",
        Fate.DELETED,
        {"erasure_id": "the deletion", "report_id": "the report", "state": "whether it is written"},
    ),
)  # fmt: skip

# Tables that hold nothing of a person, with their columns: what staff chose for a server, what was found in LoRA files,
# sums over everybody, what was measured, what the program remembers for itself.
IMPERSONAL: Mapping[str, str] = {
    "server": "id created_at left_at",
    "server_settings": "server_id settings updated_at",
    "word_list": "id server_id name words patterns exceptions mode negative_prompts rule_id shadowed updated_at",
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
    # Of somebody who is shown in a picture and asked for its removal there are hashes of the picture, and no name.
    # Its copies name files and jobs by their numbers, which outlive what is removed.
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
        "`pictures/`", "the pictures that you had painted, with prompts and settings inside", "the table `picture`",
        _PICTURES_KEPT, Fate.DELETED, exported=True,
    ),
    StoredFiles(
        "`thumbnails/`", "small and signed copies of pictures", "the SHA-256 of the picture",
        "as long as the picture, `thumbnails_days` (90) at most",
        Fate.DELETED, exported=False,
    ),
    StoredFiles(
        "`inputs/`", "pictures that you gave to start from, without any other data",
        "the SHA-256 in jobs, drafts, the studio and the table `given_input`",
        "as long as such a picture; what nothing names, `inputs_days` (7)",
        Fate.DELETED, exported=True,
    ),
    StoredFiles(
        "`spool/`", "unfinished pictures, previews, and states of jobs that are being painted",
        "the number of the job", "until the job ends; what a crash left, `states_days` (1)", Fate.DELETED,
        exported=False,
    ),
    StoredFiles(
        "`workers/` on each machine of a cluster", "the same of jobs that are painted there, and what they start from",
        "the number of the job, the SHA-256 of the picture",
        "until the job ends there; of a machine that was killed, until it paints again", Fate.DELETED, exported=False,
    ),
    StoredFiles(
        "`embeddings/`", "prompts as the numbers that text encoders made of them, if the operator keeps them",
        "nothing: nobody can tell whose they are", "`embeddings_days` (7)",
        Fate.DELETED, exported=False,
    ),
    StoredFiles(
        "`easel.sqlite3-wal`", "what was written to the database last", "—", "minutes; emptied by a deletion",
        Fate.DELETED, exported=False,
    ),
    StoredFiles(
        "`backups/`, `easel.schema-*`, `easel.before-*`", "copies of the database, with their dates", "—",
        "as many as `[backup] keep` says; copies made before an update or a restore, until the operator deletes them",
        Fate.EXPIRES, exported=False,
    ),
    StoredFiles(
        "the folder of `backup --pictures`", "copies of the database, of pictures, and of pictures to start from", "—",
        "until the next `backup --pictures` after the deletion", Fate.EXPIRES, exported=False,
    ),
    StoredFiles(
        "`pseudonyms.key`", "the key of the hashes; it is in no copy of the database", "—", "as long as the database",
        Fate.EXPIRES, exported=False,
    ),
    StoredFiles(
        "`removals.jsonl`", "what was erased and decided, for copies of the database that are put back: keyed "
        "hashes of people, perceptual hashes of pictures", "the keyed hash",
        "as long as the database; a verdict or a takedown case until it ends", Fate.EXPIRES, exported=False,
    ),
    StoredFiles(
        "the library's declarations",
        "which operator declared or allowed something of a LoRA, and who proposed it", "the id in the file",
        "until the operator changes them", Fate.EXPIRES, exported=False,
    ),
    StoredFiles(
        "logs", "numbers of jobs and errors; neither prompts nor ids of people", "—",
        "where the operator sends them; the files of `[logs] folder`, `logs_days` (30)",
        Fate.EXPIRES, exported=False,
    ),
)  # fmt: skip
