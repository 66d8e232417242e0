"""Rules for a message as a whole: text, flags, and what components V2 exclude."""

from collections.abc import Set
from dataclasses import dataclass

from playground import errors
from playground.rules import embeds
from playground.rules.components import Components
from playground.rules.form import FormErrors, Path
from playground.wire import Json, as_object

CONTENT_LIMIT = 2000  # characters
ATTACHMENT_LIMIT = 10  # files of one message


@dataclass(frozen=True)
class MessageDraft:
    """A message as it would be after a request, validated before anything changes."""

    content: str
    embeds: list[Json]
    components: list[Json]
    files: Set[str]
    """Names of the files the message would have."""
    file_count: int
    v2: bool
    has_poll: bool = False


def check(draft: MessageDraft, body: Json, *, prefix: Path = (), was_v2: bool = False) -> None:
    """Refuse a message that breaks a rule; paths start at `prefix`."""
    form = FormErrors()
    form.length((*prefix, "content"), body.get("content"), 0, CONTENT_LIMIT)
    if draft.file_count > ATTACHMENT_LIMIT:
        form.fault((*prefix, "attachments"), "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length.")
    _check_nonce(form, (*prefix, "nonce"), body.get("nonce"))
    _check_allowed_mentions(form, (*prefix, "allowed_mentions"), body)
    if draft.v2:
        _refuse_legacy(form, prefix, draft)
    if was_v2 and "flags" in body and not draft.v2:
        form.fault(
            (*prefix, "flags"),
            "MESSAGE_CANNOT_REMOVE_COMPONENTS_V2_FLAG",
            "The MessageFlags.IS_COMPONENTS_V2 flag cannot be removed",
        )
    embeds.check(form, (*prefix, "embeds"), draft.embeds, draft.files)
    Components(form, draft.files, draft.v2).check((*prefix, "components"), draft.components)
    form.refuse()
    if not (draft.content or draft.embeds or draft.components or draft.files):
        raise errors.empty_message()


def _refuse_legacy(form: FormErrors, prefix: Path, draft: MessageDraft) -> None:
    """Components V2 replace text and embeds; a message cannot have both."""
    for key, present in (("content", draft.content), ("embeds", draft.embeds), ("poll", draft.has_poll)):
        if present:
            form.fault(
                (*prefix, key),
                "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
                f"The '{key}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2",
            )


def _check_nonce(form: FormErrors, path: Path, nonce: object) -> None:
    if isinstance(nonce, str):
        form.length(path, nonce, 0, 25)


def _check_allowed_mentions(form: FormErrors, path: Path, body: Json) -> None:
    """`parse` and a list of ids exclude each other."""
    allowed = as_object(body.get("allowed_mentions"))
    for kind in ("users", "roles"):
        named = allowed.get(kind)
        if not named:
            continue
        if kind in (allowed.get("parse") or []):
            form.fault(
                path,
                "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
                f'parse:["{kind}"] and {kind}: [ids...] are mutually exclusive.',
            )
        if len(named) > 100:
            form.fault((*path, kind), "BASE_TYPE_MAX_LENGTH", "Must be 100 or fewer in length.")
