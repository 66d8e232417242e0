"""The data of the playground: people, servers, channels, messages. Without behaviour."""

from dataclasses import dataclass, field

from playground.wire import ChannelType, Json, MessageFlag


@dataclass
class User:
    """A person, or the bot itself."""

    id: str
    username: str
    global_name: str | None
    bot: bool = False
    installed_app: bool = False
    """The person added the app to their own account."""
    sees_age_restricted: bool = False
    is_adult: bool = True
    """The person opted in to age-restricted commands in DMs."""
    closed_dms: bool = False
    """The person does not accept DMs from the bot."""
    locale: str = "en-US"


@dataclass
class GuildRole:
    """A role of one server."""

    id: str
    name: str
    permissions: int
    position: int
    color: int = 0
    managed: bool = False
    mentionable: bool = False


@dataclass
class Member:
    """A person in a server."""

    user_id: str
    joined_at: float
    roles: list[str] = field(default_factory=list[str])
    nick: str | None = None
    timed_out_until: float | None = None
    """The end of a time-out, in seconds since 1970; a moment in the past is no time-out."""


class CommandPermissionType:
    """What an overwrite of a command is about."""

    ROLE = 1
    USER = 2
    CHANNEL = 3


@dataclass(frozen=True)
class CommandPermission:
    """Whether a role, person or channel may use a command.

    The role of everybody has the server's id, and all channels together have the server's id less one.
    """

    target_id: str
    type: int
    allowed: bool


class NsfwLevel:
    """A server's own age restriction."""

    DEFAULT = 0
    EXPLICIT = 1
    SAFE = 2
    AGE_RESTRICTED = 3


class AutoModTrigger:
    """What a rule of AutoMod looks for."""

    KEYWORD = 1
    SPAM = 3
    KEYWORD_PRESET = 4
    MEMBER_PROFILE = 6


@dataclass
class GuildAutoModRule:
    """A rule of a server's AutoMod. `allow_list` has phrases in which its keywords are allowed."""

    id: str
    name: str
    creator_id: str
    trigger_type: int = AutoModTrigger.KEYWORD
    enabled: bool = True
    keyword_filter: list[str] = field(default_factory=list[str])
    regex_patterns: list[str] = field(default_factory=list[str])
    allow_list: list[str] = field(default_factory=list[str])
    presets: list[int] = field(default_factory=list[int])


@dataclass
class Guild:
    """A server; the bot is a member where it is installed."""

    id: str
    name: str
    owner_id: str
    nsfw_level: int = NsfwLevel.DEFAULT
    roles: dict[str, GuildRole] = field(default_factory=dict[str, GuildRole])
    members: dict[str, Member] = field(default_factory=dict[str, Member])
    command_permissions: dict[str, list[CommandPermission]] = field(default_factory=dict[str, list[CommandPermission]])
    """By the id of the command; those for all commands by the id of the application."""
    automod_rules: dict[str, GuildAutoModRule] = field(default_factory=dict[str, GuildAutoModRule])

    @property
    def is_age_restricted(self) -> bool:
        """Whether the whole server is for adults."""
        return self.nsfw_level in (NsfwLevel.EXPLICIT, NsfwLevel.AGE_RESTRICTED)

    @property
    def all_channels_id(self) -> str:
        """The id that means all channels in an overwrite of a command."""
        return str(int(self.id) - 1)


@dataclass
class Overwrite:
    """A permission overwrite of a channel, for a role or member."""

    id: str
    is_member: bool
    allow: int = 0
    deny: int = 0


@dataclass
class ForumTag:
    """A tag of a forum, which posts carry."""

    id: str
    name: str
    moderated: bool = False
    """Only people who manage threads put it on a post or take it off."""
    emoji_name: str | None = None


@dataclass
class Channel:
    """A channel, thread, forum or DM."""

    id: str
    type: int
    name: str = ""
    guild_id: str | None = None
    parent_id: str | None = None
    position: int = 0
    topic: str | None = None
    nsfw: bool = False
    overwrites: dict[str, Overwrite] = field(default_factory=dict[str, Overwrite])
    recipients: list[str] = field(default_factory=list[str])
    owner_id: str | None = None
    created_at: float = 0.0
    archived: bool = False
    archived_at: float | None = None
    """When the thread was archived or opened again the last time, in seconds since 1970."""
    locked: bool = False
    auto_archive_duration: int = 1440
    """Minutes without a message after which a thread is archived."""
    active_at: float | None = None
    """When the last message was written in the thread, in seconds since 1970."""
    last_message_id: str | None = None
    applied_tags: list[str] = field(default_factory=list[str])
    available_tags: list[ForumTag] = field(default_factory=list[ForumTag])
    """The tags of a forum."""
    requires_tag: bool = False
    """Posts of this forum need a tag."""

    @property
    def is_thread(self) -> bool:
        """Threads live under another channel."""
        return self.type == ChannelType.PUBLIC_THREAD


@dataclass
class Attachment:
    """An uploaded file; its bytes are held in the file store."""

    id: str
    filename: str
    content_type: str | None
    size: int
    url: str
    width: int | None = None
    height: int | None = None
    description: str | None = None
    ephemeral: bool = False


@dataclass
class Pings:
    """Whom a message pings, after `allowed_mentions`."""

    users: list[str] = field(default_factory=list[str])
    roles: list[str] = field(default_factory=list[str])
    everyone: bool = False

    @property
    def nobody(self) -> bool:
        """Whether nobody was pinged."""
        return not (self.users or self.roles or self.everyone)


@dataclass
class Message:
    """The current state of a message."""

    id: str
    channel_id: str
    author_id: str
    timestamp: float
    type: int = 0
    content: str = ""
    embeds: list[Json] = field(default_factory=list[Json])
    components: list[Json] = field(default_factory=list[Json])
    attachments: list[Attachment] = field(default_factory=list[Attachment])
    flags: int = 0
    edited: float | None = None
    visible_to: str | None = None
    """The only person who sees it, when it is ephemeral."""
    dismissed: bool = False
    """That person dismissed it; for the bot it still exists."""
    interaction_id: str | None = None
    interaction_metadata: Json | None = None
    reply_to: str | None = None
    nonce: str | int | None = None
    mentions: list[str] = field(default_factory=list[str])
    pings: Pings = field(default_factory=Pings)
    reactions: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    pinned: bool = False
    revision: int = 0
    """The number of edits, so that the page can distinguish versions."""

    def has(self, flag: int) -> bool:
        """Whether a bit of `flags` is set."""
        return bool(self.flags & flag)

    @property
    def is_v2(self) -> bool:
        """Made of components only."""
        return self.has(MessageFlag.COMPONENTS_V2)


@dataclass
class Command:
    """A registered application command; `body` is what the bot sent, with defaults filled in."""

    id: str
    version: str
    name: str
    type: int
    body: Json
    guild_id: str | None = None


@dataclass
class Interaction:
    """An interaction of a person with the bot, and its state."""

    id: str
    token: str
    type: int
    created_at: float
    user_id: str
    channel_id: str
    guild_id: str | None
    context: int
    owners: dict[str, str]
    """Who installed the app, by integration type: server ("0") or person ("1")."""
    data: Json
    name: str = ""
    source_message_id: str | None = None
    """The message whose component was used."""
    source_revision: int = 0
    """That message's revision when the interaction was sent."""
    opened_by: str | None = None
    """For a submitted modal: the interaction that opened it."""
    ephemeral_only: bool = False
    answer_type: int | None = None
    original_id: str | None = None
    modal: Json | None = None
    choices: list[Json] | None = None
    followups: int = 0
    message_ids: list[str] = field(default_factory=list[str])
    failed: bool = False

    @property
    def user_install_only(self) -> bool:
        """Authorised by the person alone, so the bot has no access to the channel."""
        return "0" not in self.owners
