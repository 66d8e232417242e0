"""Creates and edits messages: validates the draft, stores the files, resolves the mentions."""

from dataclasses import dataclass, field

from playground import errors, mentions
from playground.component_shapes import ComponentNormalizer, text_of
from playground.files import safe_name, sniff
from playground.models import Attachment, Channel, Message
from playground.rules import messages as rules
from playground.rules.form import Path
from playground.wire import UPLOAD_LIMIT, Json, MessageFlag, as_int, as_object, as_objects
from playground.world import World

KEPT_FLAGS = MessageFlag.SUPPRESS_EMBEDS | MessageFlag.SUPPRESS_NOTIFICATIONS | MessageFlag.COMPONENTS_V2
"""What a sender may set; EPHEMERAL is decided by whoever answers an interaction."""


@dataclass(frozen=True)
class Upload:
    """A file of a multipart request; `key` is the number in `files[n]`."""

    key: str
    filename: str
    data: bytes


@dataclass(frozen=True)
class Submission:
    """The requested content of a message; `prefix` is its path in the request's body."""

    body: Json
    uploads: list[Upload] = field(default_factory=list[Upload])
    prefix: Path = ()


@dataclass
class MessageWriter:
    """Creates and edits messages in a world; publishes no events."""

    world: World
    files_url: str
    """Where uploaded files are served from."""

    def create(self, message: Message, submission: Submission) -> Message:
        """Fill a new message and store it."""
        wanted = as_int(submission.body.get("flags")) & KEPT_FLAGS
        self._apply(message, submission, message.flags | wanted)
        self.world.keep(message)
        return message

    def edit(self, message: Message, submission: Submission) -> None:
        """Change a message; a "thinking" one becomes its answer and does not count as edited."""
        flags = self._edited_flags(message, submission.body)
        was_loading = message.has(MessageFlag.LOADING)
        self._apply(message, submission, flags)
        message.edited = None if was_loading else self.world.clock.now()

    def _edited_flags(self, message: Message, body: Json) -> int:
        if "flags" not in body:
            return message.flags & ~MessageFlag.LOADING
        changeable = MessageFlag.SUPPRESS_EMBEDS | MessageFlag.COMPONENTS_V2
        kept = message.flags & ~changeable & ~MessageFlag.LOADING
        return kept | as_int(body.get("flags")) & changeable

    def _apply(self, message: Message, submission: Submission, flags: int) -> None:
        """Validate the resulting message, then apply it."""
        body = submission.body
        kept = self._kept_files(message, body)
        for upload in submission.uploads:
            if len(upload.data) > UPLOAD_LIMIT:
                raise errors.too_large()
        draft = rules.MessageDraft(
            content=str(body["content"] or "") if "content" in body else message.content,
            embeds=as_objects(body["embeds"]) if "embeds" in body else message.embeds,
            components=as_objects(body["components"]) if "components" in body else message.components,
            files={file.filename for file in kept} | {_name(one, body) for one in submission.uploads},
            file_count=len(kept) + len(submission.uploads),
            v2=bool(flags & MessageFlag.COMPONENTS_V2),
            has_poll=bool(body.get("poll")),
        )
        rules.check(draft, body, prefix=submission.prefix, was_v2=message.is_v2)
        message.flags = flags
        self._become(message, draft, kept + self._keep_uploads(message, submission), body)

    def _become(self, message: Message, draft: rules.MessageDraft, files: list[Attachment], body: Json) -> None:
        for file in message.attachments:
            if file not in files:
                self.world.forget_file(file.id)
        normalizer = ComponentNormalizer(files, self.world.ids.new)
        message.content, message.attachments = draft.content, files
        message.embeds = [normalizer.embed(embed) for embed in draft.embeds]
        message.components = normalizer.normalize(draft.components)
        channel = self.world.channels[message.channel_id]
        self._note_mentions(message, channel, body)

    def _note_mentions(self, message: Message, channel: Channel, body: Json) -> None:
        """Edits ping nobody; a suppressed notification still counts as a ping."""
        text = f"{message.content}\n{text_of(message.components)}"
        message.mentions = mentions.mentioned(self.world, text)
        if message.id not in self.world.messages:
            allowed = as_object(body["allowed_mentions"]) if body.get("allowed_mentions") is not None else None
            message.pings = mentions.pings(self.world, channel, message.author_id, text, allowed)
            self._note_replied_person(message, allowed)

    def _note_replied_person(self, message: Message, allowed: Json | None) -> None:
        """A reply pings the author of the original message, unless `allowed_mentions` is given without it."""
        original = self.world.messages.get(message.reply_to or "")
        if original is None or message.interaction_id is not None or original.author_id == message.author_id:
            return
        message.mentions = list(dict.fromkeys([*message.mentions, original.author_id]))
        if (allowed is None or allowed.get("replied_user")) and original.author_id not in message.pings.users:
            message.pings.users.append(original.author_id)

    def _kept_files(self, message: Message, body: Json) -> list[Attachment]:
        """The `attachments` list names the files to keep; without it all are kept."""
        if not isinstance(body.get("attachments"), list):
            return [] if "attachments" in body else list(message.attachments)
        named = {str(entry.get("id")) for entry in as_objects(body["attachments"])}
        return [file for file in message.attachments if file.id in named]

    def _keep_uploads(self, message: Message, submission: Submission) -> list[Attachment]:
        ephemeral = message.visible_to is not None
        return [
            self.keep_file(
                _name(one, submission.body),
                one.data,
                description=_described(one, submission.body).get("description"),
                ephemeral=ephemeral,
            )
            for one in submission.uploads
        ]

    def keep_file(
        self, filename: str, data: bytes, *, description: str | None = None, ephemeral: bool = False
    ) -> Attachment:
        """Store a file and describe it as an attachment."""
        file_id = self.world.ids.new()
        seen = sniff(filename, data)
        self.world.files.put(file_id, filename, data)
        return Attachment(
            file_id,
            filename,
            seen.content_type,
            len(data),
            f"{self.files_url}/attachments/{file_id}/{filename}",
            seen.width,
            seen.height,
            description,
            ephemeral,
        )


def _described(upload: Upload, body: Json) -> Json:
    """The entry of the `attachments` list about an uploaded file."""
    entries = as_objects(body.get("attachments"))
    nothing: Json = {}
    return next((entry for entry in entries if str(entry.get("id")) == upload.key), nothing)


def _name(upload: Upload, body: Json) -> str:
    return safe_name(str(_described(upload, body).get("filename") or upload.filename))
